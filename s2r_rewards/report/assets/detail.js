// One rollout: its actions in order, each with the verdict, the truth and its numbers.
const detail = document.getElementById("detail");
const NAMES = { solve: "Attempt", verify: "Verification", end: "End" };

function showDetail() {
  // Where none is chosen, one that tells something is shown; on a phone the list has the page to itself.
  const telling = state.r === null && shown.length ? shown.find((one) => one && one.i === DATA.telling) || shown[0] : null;
  let rollout = telling || DATA.rollouts.find((one) => one.i === state.r);
  if (DATA.served) {
    const number = rollout ? rollout.i : state.r;
    const found = number === null ? null : detailsOf(number);
    rollout = found ? found.rollout : rollout || shown[placeOf(number)];
    if (found && !rollout) {
      detail.replaceChildren(make("p", "empty", `Rollout ${number} is not there any more: its file was replaced or left out.`));
      return;
    }
  }
  if (!rollout) {
    const missing = state.r === null ? "Choose a rollout on the left." : DATA.served ? "" : `Rollout ${state.r} is not in this page (it holds a sample).`;
    detail.replaceChildren(make("p", "empty", shown.length ? missing : "No rollout matches these filters."));
    return;
  }
  renewBudget();
  detail.replaceChildren(heading(rollout), chips(rollout), prompt(rollout), ...siblings(rollout), ...actions(rollout));
  reachable(detail);
  detail.scrollTop = 0;
}

function heading(rollout) {
  const back = button("← List", () => go({ r: null }));
  back.className = "back";
  const at = placeOf(rollout.i);
  const previous = button("Previous", () => move(-1));
  const next = button("Next", () => move(1));
  previous.disabled = at <= 0;
  next.disabled = at === shown.length - 1;
  const link = make("a", "", "Link");
  link.href = "#r=" + rollout.i;
  link.title = "Address of this rollout alone";
  return make("div", "bar-top", back, make("h2", "", `Rollout ${rollout.i}`), link, texButton(), previous, next);
}

function button(label, act) {
  const node = make("button", "", label);
  node.type = "button";
  node.addEventListener("click", act);
  return node;
}

function chips(rollout) {
  const right = lastRight(rollout);
  const node = make("ul", "chips", make("li", "chip " + (right ? "good" : "bad"), right ? "✓ last attempt right" : "✗ last attempt wrong"));
  if (rollout.o !== undefined) node.append(make("li", "chip " + (rollout.o > 0 ? "good" : "bad"), "outcome " + signed(rollout.o)));
  if (rollout.u !== undefined) node.append(make("li", "chip", make("span", "key line" + rollout.u), "run " + nameOf(rollout)));
  node.append(make("li", "chip", "problem " + rollout.id));
  if (rollout.l !== undefined) node.append(make("li", "chip", "level " + rollout.l));
  if (rollout.s !== undefined) node.append(make("li", "chip", "step " + rollout.s));
  for (const flag of rollout.f || []) if (flag !== "deviation" && flag !== "no_end") node.append(make("li", "chip" + (flag === "wrong_to_right" ? " good" : " bad"), DATA.flags[flag] || flag));
  for (const [code, times] of tally(rollout.d || [])) {
    const chip = make("li", "chip bad", code.replaceAll("_", " ") + (times > 1 ? ` × ${times}` : ""));
    chip.title = DATA.deviations[code] || "";
    node.append(chip);
  }
  return node;
}

function prompt(rollout) {
  const gold = make("p", "", "Golden answer: ", answerOf(rollout.g === undefined ? "–" : rollout.g));
  return make("div", "prompt", make("h3", "", "Prompt"), text(rollout.p || "–"), gold);
}

// The samples that a baseline over the prompt compares: those of the same problem and step, action by action.
function siblings(rollout) {
  const sent = DATA.served ? details.get(rollout.i) || { samples: [] } : null;
  const samples = sent ? sent.samples : DATA.rollouts.filter((one) => one.id === rollout.id && one.s === rollout.s && one.u === rollout.u);
  if (samples.length < 2) return [];
  const most = Math.max(...samples.map((one) => (one.a || []).filter((action) => action.k !== "end").length));
  const head = make("tr", "", make("th", "", "sample"), make("th", "", "outcome"));
  for (let t = 0; t < most; t += 1) head.append(make("th", "", `${t % 2 ? "verify" : "solve"} ${Math.floor(t / 2) + 1}`));
  const from = Math.max(0, Math.min(samples.indexOf(rollout) - 32, samples.length - 64)); // this one is among them
  const near = samples.slice(from, from + 64);
  const rows = near.map((one) => {
    const name = make(one.i === rollout.i ? "b" : "a", "", `rollout ${one.i}`);
    if (one !== rollout) name.href = "#" + hashOf({ ...state, r: one.i }).slice(1);
    const line = make("tr", one.i === rollout.i ? "this" : "", make("td", "", name), make("td", "n", signed(one.o) || "–"));
    for (const action of (one.a || []).filter((each) => each.k !== "end")) line.append(sample(action));
    return line;
  });
  const whole = make("table", "", make("thead", "", head), make("tbody", "", ...rows));
  const scroll = region(whole, "Samples of this problem");
  const all = sent ? sent.of : samples.length;
  const count = all > near.length ? `${near.length} of ${all}` : `${all}`;
  const more = all > near.length ? ` Those next to this one in the file: ${count}.` : "";
  const about = "Reward, then baseline → advantage: what was compared for this problem" + (rollout.s === undefined ? "." : " at this step.") + more;
  const title = `${count} samples of this problem`;
  const box = make("details", "siblings", make("summary", "", title), make("p", "note", about), scroll);
  return [box];
}

// A table that scrolls sideways on a phone instead of stretching the page.
function region(whole, label) {
  const node = make("div", "scroll", whole);
  node.tabIndex = 0;
  node.setAttribute("role", "region");
  node.setAttribute("aria-label", label);
  return node;
}

function sample(action) {
  const cell = make("td", "", make("b", action.r > 0 ? "good" : "bad", signed(action.r) || "–"), " ");
  if (action.b !== undefined) cell.append(make("small", "", `${signed(action.b)} → ${signed(action.A)}`));
  return cell;
}

function actions(rollout) {
  const scored = rollout.a || [];
  if (!scored.length) return [make("article", "action", make("h3", "", "Response"), text(rollout.r || "(empty)"))];
  let attempt = 0;
  let check = null;
  return scored.map((action, at) => {
    if (action.k === "solve") { attempt += 1; check = action.c; }
    return card(action, at, attempt, check);
  });
}

function card(action, at, attempt, check) {
  const node = make("article", "action " + action.k);
  node.tabIndex = 0;
  const name = NAMES[action.k] + (action.k === "end" ? "" : " " + attempt);
  const head = make("header", "", make("h3", "", name));
  if (action.k === "solve") {
    head.append(make("span", "chip", action.a === undefined ? "no answer" : "answer ", action.a === undefined ? null : answerOf(action.a)), " ");
    if (check) {
      const truth = make("span", "chip " + (check[0] === "correct" ? "good" : "bad"), check[0] === "correct" ? "✓ right" : check[0] === "incorrect" ? "✗ wrong" : "✗ " + check[0]);
      head.append(truth, " ", make("small", "", [check[1], check[2]].filter(Boolean).join(": ")));
    }
  } else if (action.k === "verify") {
    const agrees = action.r > 0;
    const truth = check && check[0] === "correct" ? "right" : "wrong";
    head.append(make("span", "chip", action.v ? "says " + action.v : "no verdict"), " ");
    head.append(make("span", "chip " + (agrees ? "good" : "bad"), (agrees ? "✓ true: " : "✗ untrue: ") + "the attempt is " + truth));
  }
  node.setAttribute("aria-label", head.textContent);
  node.append(head, text((action.t || "").replace(/^\s*\n|\s+$/g, "")));
  if (action.k !== "end") node.append(sums(action));
  return node;
}

function sums(action) {
  const node = make("dl", "sums");
  const pairs = [["reward", signed(action.r)], ["baseline", signed(action.b)], ["advantage", signed(action.A)]];
  if (action.x) pairs.push(["context", action.x.map((reward) => (reward > 0 ? "+" : "−")).join("")]);
  for (const [name, value] of pairs) if (value !== null) node.append(make("div", "", make("dt", "", name), make("dd", "", value)));
  if (action.n) node.append(make("div", "tokens", make("dt", "", "tokens"), make("dd", "", `${action.n[0]}–${action.n[1]} (${action.n[1] - action.n[0]})`)));
  return node;
}

function signed(value) {
  if (value === undefined) return null;
  const short = Math.abs(value).toFixed(3).replace(/\.?0+$/, "");
  return (value < 0 && short !== "0" ? "−" : value > 0 ? "+" : "") + short;
}

// The text, with its formulas typeset and what was searched for marked; a formula that has it is shown as it was written.
function text(words) {
  const wanted = state.q.toLowerCase();
  const has = (part) => wanted && part.toLowerCase().includes(wanted);
  let pieces = state.tex === "source" ? [{ text: words }] : piecesOf(words);
  if (has(words) && !pieces.some((piece) => has(piece.text))) pieces = [{ text: words }]; // it is found across pieces
  const node = make("p", "text");
  let above = false; // a formula on lines of its own needs no line break behind
  for (const piece of pieces) {
    const math = piece.tex !== undefined && !has(piece.text) && typeset(piece.tex, piece.display);
    node.append(...(math ? [math] : marked(above ? piece.text.replace(/^[ \t]*\n?/, "") : piece.text, wanted)));
    above = Boolean(math) && piece.display;
  }
  return node;
}

function marked(words, wanted) {
  const lower = words.toLowerCase();
  if (!wanted || lower.length !== words.length) return [words];
  const parts = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    parts.push(words.slice(from, at), make("mark", "", words.slice(at, at + wanted.length)));
    from = at + wanted.length;
  }
  return [...parts, words.slice(from)];
}

// Between formulas and what the model wrote.
function texButton() {
  const source = state.tex === "source";
  const node = button("LaTeX", () => { go({ tex: source ? "" : "source" }, true); document.getElementById("latex")?.focus(); });
  node.id = "latex";
  node.setAttribute("aria-pressed", String(!source));
  node.title = source ? "Typeset the formulas" : "Show formulas as they were written";
  return node;
}
