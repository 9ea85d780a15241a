// Two runs on the problems that both have met: a list, and for one problem the samples of both.
const ORDERS = {
  worst: ["worst change first", (a, b) => changeOf(a) - changeOf(b)],
  best: ["best change first", (a, b) => changeOf(b) - changeOf(a)],
  answer: ["another confirmed answer first", (a, b) => otherAnswer(b) - otherAnswer(a)],
  name: ["by problem", (a, b) => a.id.localeCompare(b.id, "en", { numeric: true })],
};
const AT_ONCE = 100;
let pairs = [];
let drawn = AT_ONCE;

const visits = (problem) => [problem.v[Number(state.from || 0)], problem.v[Number(state.to || 1)]];
const runName = (at) => DATA.runs[Number(at)];
const confirmedOf = (visit) => (visit.c ? visit.c[0] : null);

function changeOf(problem) {
  const [before, after] = visits(problem);
  return after.acc - before.acc;
}

function otherAnswer(problem) {
  const [before, after] = visits(problem);
  return Number(confirmedOf(before) !== confirmedOf(after));
}

// A changed address → the list, or one problem of it.
function showChanges() {
  const wanted = state.find.toLowerCase();
  const found = (problem) => !wanted || [problem.id, problem.p, problem.g, ...visits(problem).map(confirmedOf)].join("\n").toLowerCase().includes(wanted);
  const order = (ORDERS[state.order] || ORDERS.worst)[1];
  pairs = DATA.problems.filter((problem) => visits(problem).every(Boolean) && found(problem));
  pairs.sort((a, b) => order(a, b) || a.at - b.at);
  const one = state.pair === "" ? undefined : DATA.problems[Number(state.pair)];
  const both = one && visits(one).every(Boolean);
  const fromList = document.activeElement.closest("#problems") !== null;
  document.getElementById("pairs").hidden = Boolean(one);
  document.getElementById("problems").hidden = Boolean(one);
  const node = document.getElementById("pair");
  node.hidden = !one;
  if (one) {
    renewBudget();
    node.replaceChildren(...(both ? pairOf(one) : [make("p", "empty", "These two runs have not both met this problem.")]));
    reachable(node);
    if (fromList) node.focus(); // what had the focus is hidden now
    return;
  }
  const better = pairs.filter((problem) => changeOf(problem) > 0).length;
  const worse = pairs.filter((problem) => changeOf(problem) < 0).length;
  document.getElementById("problem-count").textContent = `${pairs.length.toLocaleString("en")} problems: ${better} better, ${worse} worse`;
  drawProblems();
}

function drawProblems() {
  renewBudget();
  const names = [runName(state.from || 0), runName(state.to || 1)];
  const head = make("tr", "", ...["problem", ...names, "change"].map((name) => { const cell = make("th", "", name); cell.scope = "col"; return cell; }));
  const whole = make("table", "", make("thead", "", head), make("tbody", "", ...pairs.slice(0, drawn).map(problemRow)));
  const more = button(`Show ${Math.min(AT_ONCE, pairs.length - drawn)} more`, () => { drawn += AT_ONCE; drawProblems(); });
  more.hidden = drawn >= pairs.length;
  const scroll = region(whole, "What changed on which problems");
  document.getElementById("problems").replaceChildren(pairs.length ? scroll : make("p", "empty", "No problem matches."), more);
  reachable(scroll);
}

function problemRow(problem) {
  const link = make("a", "", problem.id);
  link.href = hashOf({ ...state, view: "changes", pair: String(problem.at) });
  const name = make("th", "", link, make("div", "words", ...oneLine(problem.p)));
  name.scope = "row";
  const line = make("tr", "", name, ...visits(problem).map(visitCell), make("td", "n", changed(problem)));
  line.addEventListener("click", (event) => { if (event.target.tagName !== "A") location.hash = link.hash; });
  return line;
}

function visitCell(visit) {
  return make("td", "", make("span", "n", make("b", "", visit.acc.toFixed(2)), make("small", "", ` of ${visit.n}`)), make("div", "answer", ...confirmed(visit)));
}

// The answer that was confirmed most often; colour is never the only sign.
function confirmed(visit) {
  if (!visit.c) return [make("small", "", "none confirmed")];
  const [answer, times, right] = visit.c;
  return [make("span", "mark " + (right ? "good" : "bad"), right ? "✓ " : "✗ "), answerOf(answer), make("small", "", times < visit.n ? ` in ${times}` : "")];
}

function changed(problem) {
  const change = changeOf(problem);
  const kind = change > 0 ? "better" : change < 0 ? "worse" : "same";
  return make("span", "delta " + kind, (change < 0 ? "−" : change > 0 ? "+" : "") + Math.abs(change).toFixed(2), change === 0 ? null : make("small", "", " " + kind));
}

function pairOf(problem) {
  const at = pairs.indexOf(problem);
  const to = (by) => () => movePair(by);
  const back = button("← Problems", () => go({ pair: "" }));
  const previous = button("Previous", to(-1));
  const next = button("Next", to(1));
  previous.disabled = at <= 0;
  next.disabled = at < 0 || at === pairs.length - 1;
  const head = make("div", "bar-top", back, make("h2", "", `Problem ${problem.id}`), changed(problem), texButton(), previous, next);
  const rollouts = visits(problem).map((visit) => visit.r.map((place) => DATA.rollouts.find((one) => one.i === place)).filter(Boolean));
  const shownOne = rollouts.flat()[0];
  const box = shownOne ? prompt(shownOne) : prompt({ p: problem.p, g: problem.g });
  const change = changeOf(problem);
  const sides = visits(problem).map((visit, side) => {
    const run = Number(side ? state.to || 1 : state.from || 0);
    // Of each run first a sample that shows the change: where it got worse, a right one before and a wrong one after.
    const telling = change === 0 ? null : rollouts[side].find((one) => lastRight(one) === (change > 0 ? side === 1 : side === 0));
    return sideOf(visit, run, rollouts[side], telling || rollouts[side][0]);
  });
  return [head, box, make("div", "sides", ...sides)];
}

function sideOf(visit, run, rollouts, open) {
  const title = make("h3", "", make("span", "key line" + run), runName(run));
  const step = visit.s === null ? "" : ` at step ${visit.s}`;
  const about = make("p", "note", `accuracy ${visit.acc.toFixed(2)} over ${visit.n} samples${step}; confirmed: `, ...confirmed(visit));
  const left = visit.n > rollouts.length ? make("p", "note", `${rollouts.length} of them are in this page.`) : null;
  const side = make("section", "side", title, about, left, ...rollouts.map((one) => sampleOf(one, one === open)));
  side.setAttribute("aria-label", `Samples of ${runName(run)}`);
  return side;
}

function sampleOf(rollout, open) {
  const right = lastRight(rollout);
  const mark = make("span", "mark " + (right ? "good" : "bad"), right ? "✓ right" : "✗ wrong");
  const link = make("a", "", "Open it alone");
  link.href = "#r=" + rollout.i;
  link.setAttribute("aria-label", `open rollout ${rollout.i}`);
  const node = make("details", "sample", make("summary", "", `rollout ${rollout.i} `, mark, " ", strip(rollout)));
  node.addEventListener("toggle", () => { if (!node.open || node.childElementCount > 1) return;
    renewBudget();
    node.append(link, ...actions(rollout));
    reachable(node);
  });
  node.open = open;
  return node;
}

function movePair(by) {
  const at = pairs.indexOf(DATA.problems[Number(state.pair)]);
  const next = pairs[at + by];
  if (at >= 0 && next) go({ pair: String(next.at) }, true);
}

function setUpChanges() {
  document.getElementById("nav-changes").hidden = !DATA.problems.length;
  if (!DATA.problems.length) return;
  DATA.problems.forEach((problem, at) => { problem.at = at; });
  const names = DATA.runs.map((name, at) => [String(at), name]);
  for (const id of ["from", "to"]) options(id, names);
  options("order", Object.entries(ORDERS).map(([value, [label]]) => [value, label]));
  const form = document.getElementById("pairs");
  form.addEventListener("submit", (event) => event.preventDefault());
  bind("changes", ["from", "to", "order", "find"], "find", () => { drawn = AT_ONCE; });
}
