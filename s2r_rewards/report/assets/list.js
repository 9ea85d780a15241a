// The list: only the rows in sight exist, so 100 or 10,000 rollouts scroll alike.
const ROW = 62;
const list = document.getElementById("list");
const spacer = document.getElementById("spacer");
let shown = [];

// No element may be taller than this: a longer list scrolls faster than it moves.
const TALLEST = 12e6;

function stretch() {
  spacer.style.height = Math.min(shown.length * ROW, TALLEST) + "px";
}

// How many pixels of the list a pixel of its scroll bar stands for.
function stride() {
  const room = Math.max(1, Math.min(shown.length * ROW, TALLEST) - list.clientHeight);
  return Math.max(1, (shown.length * ROW - list.clientHeight) / room);
}

function firstInSight() {
  return Math.max(0, Math.floor((list.scrollTop * stride()) / ROW) - 5);
}

// Of a page that is served, the rollout that is read and its place, which may lie outside of the rows that are here.
let chosen = { i: null, at: -1 };

// Where a rollout stands in the list; −1: nowhere that the page knows of.
function placeOf(index) {
  const at = shown.findIndex((rollout) => rollout && rollout.i === index);
  return at < 0 && index !== null && chosen.i === index ? chosen.at : at;
}

function fillList() {
  if (DATA.served) { shown = []; chosen = { i: null, at: -1 }; askRows(state.r === null ? { from: 0 } : { at: state.r }, scrollToSelected); return; }
  shown = DATA.rollouts.filter(matches);
  const order = SORTS[state.sort] && SORTS[state.sort][1];
  if (order) shown.sort((a, b) => order(a, b) || a.i - b.i);
  stretch();
  const of = DATA.rollouts.length < DATA.total
    ? ` in this page (a sample of ${DATA.total.toLocaleString("en")})` : "";
  document.getElementById("count").textContent =
    `${shown.length.toLocaleString("en")} of ${DATA.rollouts.length.toLocaleString("en")}${of}`;
  drawRows();
}

function drawRows() {
  const first = firstInSight();
  const last = Math.min(shown.length, first + Math.ceil((list.clientHeight || 800) / ROW) + 10);
  const ahead = list.scrollTop * (stride() - 1);
  const places = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
  if (DATA.served && places.some((place) => !shown[place])) askRows({ from: Math.max(0, first - 20) });
  spacer.replaceChildren(...places.filter((place) => shown[place]).map((place) => row(shown[place], place, place * ROW - ahead)));
  const active = document.getElementById("row-" + state.r);
  if (active) list.setAttribute("aria-activedescendant", active.id);
  else list.removeAttribute("aria-activedescendant");
}

function row(rollout, at, top) {
  const node = make("div", "row");
  node.id = "row-" + rollout.i;
  node.setAttribute("role", "option");
  node.setAttribute("aria-selected", rollout.i === state.r);
  node.setAttribute("aria-posinset", at + 1);
  node.setAttribute("aria-setsize", shown.length);
  node.style.top = top + "px";
  const right = lastRight(rollout);
  const mark = make("span", "mark " + (right ? "good" : "bad"), right ? "✓" : "✗");
  mark.setAttribute("aria-label", right ? "right" : "wrong");
  const place = [nameOf(rollout), rollout.l !== undefined ? "level " + rollout.l : "", rollout.s !== undefined ? "step " + rollout.s : ""];
  const line = make("div", "line", mark, make("b", "", String(rollout.i)), make("span", "id", [...place, rollout.id].filter(Boolean).join(" · ")), strip(rollout));
  node.append(line, make("div", "words", gist(rollout)));
  node.addEventListener("click", () => { select(rollout.i); });
  return node;
}

// The run that a rollout belongs to, where the page has several.
function nameOf(rollout) {
  return rollout.u === undefined ? "" : DATA.runs[rollout.u];
}

function gist(rollout) {
  const answers = (rollout.a || []).filter((action) => action.k === "solve").map((action) => (action.a === undefined ? "–" : action.a.slice(0, 40)));
  return `gold ${rollout.g === undefined ? "–" : rollout.g} · answered ${answers.slice(0, 12).join(", ") || "nothing"}`;
}

// One small block an action: tall for attempts, low for verifications, hollow where the reward is −1.
function strip(rollout) {
  const node = make("span", "strip");
  const scored = (rollout.a || []).filter((action) => action.k !== "end");
  for (const action of scored.slice(0, 14)) node.append(make("i", (action.k === "verify" ? "verify" : "") + (action.r < 0 ? " bad" : "")));
  if (scored.length > 14) node.append("+");
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", scored.length + " actions");
  return node;
}

function select(index) {
  go({ r: index }, state.r !== null);
}

function move(by) {
  if (!shown.length) return;
  const at = placeOf(state.r);
  const next = at < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, at + by));
  if (shown[next]) select(shown[next].i);
  else askRows({ from: Math.max(0, next - 20) }, () => { if (shown[next]) select(shown[next].i); });
}

function nextFlagged(flag) {
  if (DATA.served) { askNext(flag); return; }
  const at = placeOf(state.r);
  const found = shown.slice(at + 1).find((rollout) => (rollout.f || []).includes(flag));
  if (found) select(found.i);
}

function scrollToSelected() {
  const at = placeOf(state.r);
  if (at < 0) return;
  const top = at * ROW;
  const seen = list.scrollTop * stride();
  if (top < seen) list.scrollTop = top / stride();
  else if (top + ROW > seen + list.clientHeight) list.scrollTop = (top + ROW - list.clientHeight) / stride();
}
