// A run that is followed: the page holds no rollouts, and asks its server for the ones in sight.
const details = new Map(); // number → { rollout, samples, of }, those looked at last
const WINDOW = 80;
let asked = 0;
let looked = null; // the number of the rollout that is read
let stale = false;

async function ask(path, params) {
  const reply = await fetch(path + "?" + new URLSearchParams(params), { cache: "no-store" });
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return path === "overview" ? reply.text() : reply.json();
}

const filtersOf = () => Object.fromEntries(KEYS.filter((key) => state[key]).map((key) => [key, state[key]]));

// The rows around a place of the list, or around a rollout; what is there of the list before stays until they come.
async function askRows(where, then) {
  const turn = ++asked;
  const filters = filtersOf();
  const read = state.r;
  let reply;
  try { reply = await ask("rows", { ...filters, ...(read === null ? {} : { r: read }), ...where, size: WINDOW }); } catch { return lost(); }
  if (turn !== asked) return;
  const placed = placeOf(state.r) >= 0;
  chosen = { i: read, at: reply.place === null ? -1 : reply.place };
  const rows = new Array(reply.count);
  reply.rows.forEach((rollout, at) => { rows[reply.from + at] = rollout; });
  shown = rows;
  const more = reply.complete ? "" : ", searching …";
  document.getElementById("count").textContent = `${reply.count.toLocaleString("en")} of ${DATA.total.toLocaleString("en")}${more}`;
  stretch();
  drawRows();
  if (then) then();
  // What is read stays as it is, scrolled as it is, while the list around it grows.
  const other = state.r === null ? !reply.count || (rows[0] && rows[0].i !== looked) : !placed && placeOf(state.r) >= 0;
  if (other) showDetail();
  if (!reply.complete) setTimeout(() => { if (turn === asked) askRows({ from: firstInSight() }); }, 200);
}

// A rollout with its samples, once they are here; null until then.
function detailsOf(number) {
  looked = number;
  if (!details.has(number)) {
    details.set(number, null);
    ask("rollout", { n: number }).then((found) => {
      details.set(number, found || { rollout: null, samples: [] }); // what is not there any more
      while (details.size > 200) details.delete(details.keys().next().value);
      if (state.view === "rollouts" && looked === number) showDetail();
    }, () => { details.delete(number); lost(); });
  }
  return details.get(number);
}

async function askNext(flag) {
  try {
    const found = await ask("rows", { ...filtersOf(), next: flag, after: placeOf(state.r) });
    if (found.place !== null) {
      shown[found.place] = found.row;
      chosen = { i: found.row.i, at: found.place };
      select(found.row.i);
    }
  } catch { lost(); }
}

function lost() {
  document.getElementById("about").textContent = "The server does not answer: it was ended. What is shown is what it sent last.";
}

// The figures, with what was unfolded and where the keyboard was.
async function refresh() {
  stale = false;
  const sections = document.getElementById("sections");
  const unfolded = [...sections.querySelectorAll("details")].map((node) => node.open);
  const stops = () => [...sections.querySelectorAll("a, summary, [tabindex]")];
  const at = stops().indexOf(document.activeElement);
  try { sections.innerHTML = await ask("overview", {}); } catch { return lost(); } // markup of the server's own making
  sections.querySelectorAll("details").forEach((node, i) => { node.open = Boolean(unfolded[i]); });
  if (at >= 0 && stops()[at]) stops()[at].focus({ preventScroll: true });
}

async function look() {
  try {
    const now = await ask("state", {});
    const changed = now.version !== DATA.version;
    Object.assign(DATA, now);
    for (const [id, words] of [["about", now.note], ["meta", now.meta]]) {
      const node = document.getElementById(id);
      if (node.textContent !== words) node.textContent = words;
    }
    if (changed) {
      stale = true;
      fillOptions();
      for (const number of details.keys()) if (number !== looked) details.delete(number);
      if (state.view === "rollouts") askRows({ from: firstInSight() });
    }
    if (stale && state.view === "overview") await refresh();
  } catch { lost(); }
  setTimeout(look, 1500);
}
