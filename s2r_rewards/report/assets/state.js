"use strict";
// What is shown, kept in the address so that a view can be bookmarked and sent: #rollouts&flag=timeout&r=12
const DATA = JSON.parse(document.getElementById("data").textContent);
const KEYS = ["q", "flag", "dev", "level", "step", "since", "until", "ctx", "check", "problem", "run", "sort", "tex"];
const PAIR_KEYS = ["from", "to", "order", "find", "pair", "tex"];
const state = { view: "overview", r: null, ...Object.fromEntries([...KEYS, ...PAIR_KEYS].map((key) => [key, ""])) };

function readHash() {
  const raw = location.hash.slice(1);
  const params = new URLSearchParams(raw);
  const view = params.has("rollouts") || params.has("r") || KEYS.some((key) => params.has(key));
  state.view = params.has("changes") && DATA.problems.length ? "changes" : view ? "rollouts" : "overview";
  const wanted = Number(params.get("r"));
  state.r = params.has("r") && Number.isInteger(wanted) ? wanted : null;
  for (const key of [...KEYS, ...PAIR_KEYS]) state[key] = params.get(key) || "";
  if (!DATA.runs[state.from || 0] || !DATA.runs[state.to || 1]) state.from = state.to = "";
}

function hashOf(next) {
  const params = new URLSearchParams();
  const changes = next.view === "changes";
  for (const key of changes ? PAIR_KEYS : KEYS) if (next[key]) params.set(key, next[key]);
  if (next.r !== null && !changes) params.set("r", next.r);
  const rest = params.toString();
  return (changes ? "#changes" : "#rollouts") + (rest ? "&" + rest : "");
}

function go(change, replace) {
  const hash = hashOf({ ...state, ...change });
  if (hash === location.hash) return;
  if (replace) { history.replaceState(null, "", hash); update(); } else location.hash = hash;
}

function textOf(rollout) {
  if (rollout.lower === undefined) {
    const parts = [rollout.id, rollout.p, rollout.g, rollout.r, ...(rollout.a || []).map((action) => action.t)];
    rollout.lower = parts.filter(Boolean).join("\n").toLowerCase();
  }
  return rollout.lower;
}

// What the checker says of the last attempt; the outcome reward can differ (−1 for a missing end token).
function lastRight(rollout) {
  const attempts = (rollout.a || []).filter((action) => action.k === "solve");
  return attempts.length > 0 && attempts[attempts.length - 1].c?.[0] === "correct";
}

function matches(rollout) {
  if (state.flag && !(state.flag === "right" ? lastRight(rollout) : state.flag === "wrong" ? !lastRight(rollout) : (rollout.f || []).includes(state.flag))) return false;
  if (state.dev && !(rollout.d || []).includes(state.dev)) return false;
  if (state.level && rollout.l !== state.level) return false;
  if (state.step && String(rollout.s) !== state.step) return false;
  if (state.since && !(rollout.s >= Number(state.since))) return false;
  if (state.until && !(rollout.s <= Number(state.until))) return false;
  if (state.run && String(rollout.u) !== state.run) return false;
  if (state.problem && rollout.id !== state.problem) return false;
  if (state.check && !(rollout.a || []).some((action) => action.c && `${action.c[0]}:${action.c[1]}` === state.check)) return false;
  if (state.ctx && !signsOf(rollout).startsWith(state.ctx)) return false;
  return !state.q || textOf(rollout).includes(state.q.toLowerCase());
}

// The rewards of a rollout's actions as the overview writes contexts: + for a reward above 0, − for any other.
function signsOf(rollout) {
  return (rollout.a || []).filter((action) => action.k !== "end").map((action) => (action.r > 0 ? "+" : "−")).join("");
}

const lengthOf = (rollout) => (rollout.a || []).reduce((sum, action) => sum + (action.t || "").length, (rollout.r || "").length);
const trialsOf = (rollout) => (rollout.a || []).filter((action) => action.k === "solve").length;
const SORTS = {
  "": ["order of the file", null],
  longest: ["longest first", (a, b) => lengthOf(b) - lengthOf(a)],
  shortest: ["shortest first", (a, b) => lengthOf(a) - lengthOf(b)],
  attempts: ["most attempts first", (a, b) => trialsOf(b) - trialsOf(a)],
  problem: ["by problem", (a, b) => (a.id || "").localeCompare(b.id || "", "en", { numeric: true })],
};

function tally(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  return counts;
}

// Elements are only ever made with textContent: model output cannot become markup.
function make(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}
