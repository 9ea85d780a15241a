"use strict";
// What is shown, kept in the address so that a view can be bookmarked and sent: #rollouts&flag=timeout&r=12
const DATA = JSON.parse(document.getElementById("data").textContent);
const KEYS = ["q", "flag", "dev", "level", "step"];
const state = { view: "overview", r: null, q: "", flag: "", dev: "", level: "", step: "" };

function readHash() {
  const raw = location.hash.slice(1);
  const params = new URLSearchParams(raw);
  const view = params.has("rollouts") || params.has("r") || KEYS.some((key) => params.has(key));
  state.view = view ? "rollouts" : "overview";
  const wanted = Number(params.get("r"));
  state.r = params.has("r") && Number.isInteger(wanted) ? wanted : null;
  for (const key of KEYS) state[key] = params.get(key) || "";
}

function hashOf(next) {
  const params = new URLSearchParams();
  for (const key of KEYS) if (next[key]) params.set(key, next[key]);
  if (next.r !== null) params.set("r", next.r);
  const rest = params.toString();
  return "#rollouts" + (rest ? "&" + rest : "");
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
  return !state.q || textOf(rollout).includes(state.q.toLowerCase());
}

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
