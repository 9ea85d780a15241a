// Wiring: address → state → view, filters and keys → address.
function options(id, entries) {
  const node = document.getElementById(id);
  node.replaceChildren(...entries.map(([value, label]) => { const option = make("option", "", label); option.value = value; return option; }));
  node.parentElement.hidden = entries.length < 2;
}

// Fields → address. They are read together: what was typed is not lost when another filter follows at once.
let typing = null; // the field whose text is not in the address yet
function bind(view, fields, typed, first = () => {}) {
  let waiting = 0;
  const stop = () => { clearTimeout(waiting); typing = null; };
  const read = () => { stop(); if (state.view !== view) return; first(); go(Object.fromEntries(fields.map((key) => [key, document.getElementById(key).value])), true); };
  for (const key of fields) {
    document.getElementById(key).addEventListener(key === typed ? "input" : "change", () => {
      stop();
      if (key !== typed) { read(); return; }
      typing = document.getElementById(key);
      waiting = setTimeout(read, 150);
    });
  }
  return stop;
}

// How many rollouts have each of the values of a field.
function seen(field) {
  if (DATA.served) return new Map(Object.entries(DATA.seen[field]));
  return tally(DATA.rollouts.flatMap((rollout) => [...new Set(rollout[field] || [])]));
}

// The choices of the filters; what is chosen stays so.
function fillOptions() {
  const flags = seen("f");
  const known = Object.entries(DATA.flags).filter(([flag]) => flags.has(flag)).map(([flag, label]) => [flag, `${label} (${flags.get(flag)})`]);
  options("flag", [["", "all"], ["right", "last attempt right"], ["wrong", "last attempt wrong"], ...known]);
  const codes = [...seen("d")].sort((a, b) => b[1] - a[1]).map(([code, n]) => [code, `${code.replaceAll("_", " ")} (${n})`]);
  options("dev", [["", "any or none"], ...codes].slice(0, codes.length ? undefined : 1));
  options("level", [["", "all"], ...DATA.levels.map((level) => [level, level])]);
  options("step", [["", "all"], ...DATA.steps.map((step) => [step, step])]);

  options("run", [["", "all"], ...DATA.runs.map((name, at) => [String(at), name])].slice(0, DATA.runs.length ? undefined : 1));
  options("sort", Object.entries(SORTS).map(([value, [label]]) => [value, label]));
  for (const id of ["since", "until"]) document.getElementById(id).parentElement.hidden = DATA.steps.length < 3;
  for (const node of document.querySelectorAll("#rollouts select")) node.value = state[node.id];
}

function setUp() {
  fillOptions();
  const stop = bind("rollouts", KEYS.filter((key) => document.getElementById(key)), "q");
  setUpChanges();
  const form = document.querySelector("#rollouts .filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); stop(); go(Object.fromEntries(KEYS.map((key) => [key, ""])), true); });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address says what is shown, so it must not become #main
    document.getElementById("main").focus();
  });
  list.addEventListener("scroll", drawRows, { passive: true });
  addEventListener("resize", () => { drawRows(); reachable(document.body); });
  addEventListener("hashchange", update);
  addEventListener("keydown", onKey);
  update();
  if (DATA.served) setTimeout(look, 1500);
}

let before = "";
function update() {
  readHash();
  const rollouts = state.view === "rollouts";
  document.getElementById("overview").hidden = state.view !== "overview";
  document.getElementById("changes").hidden = state.view !== "changes";
  document.getElementById("rollouts").hidden = !rollouts;
  document.body.classList.toggle("reading", rollouts && state.r !== null);
  for (const view of ["overview", "changes", "rollouts"]) {
    const link = document.getElementById("nav-" + view);
    if (view === state.view) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  const defaults = { from: "0", to: "1", order: "worst" };
  for (const key of [...KEYS, ...PAIR_KEYS]) {
    const node = document.getElementById(key);
    const value = state[key] || defaults[key] || "";
    if (node && node !== typing && node.tagName !== "SECTION" && node.value !== value) node.value = value;
  }
  if (state.view === "changes") showChanges();
  if (DATA.served && state.view === "overview" && stale) refresh();
  if (!rollouts) return;
  const more = [["ctx", "rewards begin with "], ["check", "checked as "], ["problem", "problem "]].filter(([key]) => state[key]);
  document.getElementById("more").textContent = more.map(([key, words]) => words + state[key].replace(":", " by ")).join(" · ");
  const filters = JSON.stringify(KEYS.filter((key) => key !== "tex").map((key) => state[key]));
  if (filters !== before) { before = filters; list.scrollTop = 0; fillList(); }
  else if (DATA.served && state.r !== null && placeOf(state.r) < 0) askRows({ at: state.r }, scrollToSelected);
  scrollToSelected();
  drawRows();
  showDetail();
}

function onPairKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "SELECT"].includes(event.target.tagName)) return false;
  const keys = state.pair === "" ? { "/": () => document.getElementById("find").focus() } : { j: () => movePair(1), k: () => movePair(-1), Escape: () => go({ pair: "" }) };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  return true;
}

function onKey(event) {
  if (state.view === "changes" && onPairKey(event)) return;
  if (state.view !== "rollouts" || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
  const inList = event.target === list;
  const keys = {
    j: () => move(1), k: () => move(-1), n: () => nextFlagged("wrong_verdict"),
    "/": () => document.getElementById("q").focus(),
    Escape: () => go({ r: null }),
  };
  const listKeys = { ArrowDown: () => move(1), ArrowUp: () => move(-1), PageDown: () => move(page), PageUp: () => move(-page), Home: () => move(-Infinity), End: () => move(Infinity), Enter: () => detail.focus() };
  if (typing) { if (event.key === "Escape") { event.target.blur(); list.focus(); } return; }
  const act = keys[event.key] || (inList && listKeys[event.key]);
  if (act) { event.preventDefault(); act(); }
}

setUp();
