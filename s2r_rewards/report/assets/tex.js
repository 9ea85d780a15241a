// LaTeX in texts, typeset by KaTeX as MathML. What cannot be typeset, or takes too long, stays as it was written.
const KATEX = { output: "mathml", throwOnError: true, trust: false, strict: "ignore", maxSize: 20, maxExpand: 200, colorIsTextColor: true };
const LONGEST = 2000; // characters of a formula
const DEEPEST = 60; // elements around each other, which a browser lays out slowly
const BUDGET = 700; // milliseconds for what is shown at once
// Definitions can double a text again and again; \show and \message write to the console; markup is no LaTeX.
const REFUSED = /<\/?[A-Za-z][A-Za-z0-9]*(?:\s+[A-Za-z-]+=|\s*\/?>)|\\(?:[gex]?def|let|futurelet|(?:re|provide)?newcommand|global|long|show|message|errmessage)(?![A-Za-z])|\\@|\\char(?![A-Za-z])/;
const PAIRS = [["$$", "$$", true], ["\\[", "\\]", true], ["\\(", "\\)", false], ["$", "$", false]];
const ENVIRONMENT = /^\\begin\{((?:align|alignat|aligned|gather|gathered|equation|split|cases|rcases|[pbvBV]?matrix|smallmatrix|array)\*?)\}/;
let budget = BUDGET;

function renewBudget() { budget = BUDGET; }

// The text in pieces: { text } or { text, tex, display }; their texts together are the whole.
function piecesOf(words) {
  const pieces = [];
  const none = {}; // closing marks that do not come any more
  let plain = 0;
  for (let at = words.search(/[\\$]/); at >= 0 && at < words.length;) {
    const found = formulaAt(words, at, none);
    if (found) {
      if (at > plain) pieces.push({ text: words.slice(plain, at) });
      pieces.push({ ...found, text: words.slice(at, found.end) });
      plain = found.end;
    }
    const from = found ? found.end : at + (words[at] === "\\" ? 2 : 1);
    const next = words.slice(from, from + 4000).search(/[\\$]/);
    at = next >= 0 ? from + next : from + 4000;
  }
  if (plain < words.length) pieces.push({ text: words.slice(plain) });
  return pieces;
}

function formulaAt(words, at, none) {
  for (const [open, close, display] of PAIRS) {
    if (!words.startsWith(open, at)) continue;
    const from = at + open.length;
    const end = none[close] <= from ? -1 : closing(words, close, from);
    if (end < 0 && words.indexOf(close, from) < 0) none[close] = Math.min(none[close] ?? Infinity, from);
    const tex = end < 0 ? "" : words.slice(from, end);
    if (tex.trim() && tex.length <= LONGEST && (open !== "$" || !isMoney(words, tex, end))) return { tex, display, end: end + close.length };
    if (open !== "$$") return null;
  }
  if (words.startsWith("\\boxed", at) || words.startsWith("\\fbox", at)) {
    const end = braces(words, words.indexOf("{", at));
    return end < 0 || words.indexOf("{", at) > at + 7 ? null : { tex: words.slice(at, end), display: false, end };
  }
  const environment = words.startsWith("\\begin{", at) && ENVIRONMENT.exec(words.slice(at, at + 40));
  if (!environment) return null;
  const last = `\\end{${environment[1]}}`;
  const end = words.slice(at, at + LONGEST).indexOf(last);
  return end < 0 ? null : { tex: words.slice(at, at + end + last.length), display: true, end: at + end + last.length };
}

function closing(words, close, from) {
  const end = words.slice(from, from + LONGEST + close.length).indexOf(close);
  if (end < 0) return -1;
  // A dollar sign with a backslash is one of the text.
  if (close[0] === "$" && words[from + end - 1] === "\\" && words[from + end - 2] !== "\\") return closing(words, close, from + end + 1);
  return from + end;
}

// "$5 and $6" are amounts, "$x$ and $y$" are formulas: no space inside of the signs, no digit behind, no prose within.
function isMoney(words, tex, end) {
  const bare = tex.replace(/\\(?:text|mathrm|operatorname|textbf|mbox)\s*\{[^{}]*\}/g, "").replace(/\\[A-Za-z]+/g, "");
  return /^\s|\s$|\n\s*\n/.test(tex) || /[0-9]/.test(words[end + 1] || "") || /^[\d.,]+ +[A-Za-z]{2,}|[A-Za-z]{2,} +[A-Za-z]{2,}/.test(bare);
}

function braces(words, from) {
  if (from < 0) return -1;
  let depth = 0;
  for (let at = from; at < Math.min(words.length, from + LONGEST); at += 1) {
    if (words[at] === "\\") at += 1;
    else if (words[at] === "{") depth += 1;
    else if (words[at] === "}" && (depth -= 1) === 0) return at + 1;
  }
  return -1;
}

// An element with the formula, or null where it has to stay as it was written.
function typeset(tex, display) {
  if (state.tex === "source" || budget <= 0 || tex.length > LONGEST || REFUSED.test(tex)) return null;
  const node = make("span", "formula" + (display ? " display" : ""));
  const start = performance.now();
  try {
    katex.render(tex, node, { ...KATEX, displayMode: display });
  } catch (error) {
    return null; // not LaTeX that it knows, or nested too deeply for it
  } finally {
    budget -= performance.now() - start;
  }
  if (depthOf(node) > DEEPEST || node.getElementsByTagName("*").length > 4000) return null;
  letters(node);
  node.title = tex;
  return node;
}

// Browsers know MathML Core, which has no alphabets: 𝔸, 𝒜 and 𝔄 have to be characters of their own. Bold is a style.
const ALPHABETS = {
  "double-struck": [0x1d538, 0x1d552, "CℂHℍNℕPℙQℚRℝZℤ"],
  script: [0x1d49c, 0x1d4b6, "BℬEℰFℱHℋIℐLℒMℳRℛeℯgℊoℴ"],
  fraktur: [0x1d504, 0x1d51e, "CℭHℌIℑRℜZℨ"],
};

function letters(node) {
  for (const one of node.querySelectorAll("[mathvariant]")) {
    const [upper, lower, early] = ALPHABETS[one.getAttribute("mathvariant")] || [];
    if (!upper || one.childElementCount) continue;
    one.textContent = [...one.textContent].map((letter) => {
      if (!/^[A-Za-z]$/.test(letter)) return letter;
      const known = early.indexOf(letter);
      if (known >= 0) return early[known + 1];
      return letter < "a" ? String.fromCodePoint(upper + letter.charCodeAt(0) - 65) : String.fromCodePoint(lower + letter.charCodeAt(0) - 97);
    }).join("");
  }
}

// A short text of one line, with its formulas.
function oneLine(words) {
  const pieces = state.tex === "source" ? [{ text: words }] : piecesOf(words);
  return pieces.map((piece) => (piece.tex !== undefined && typeset(piece.tex, false)) || piece.text);
}

function depthOf(node) {
  let deepest = 0;
  for (let level = [node]; level.length && deepest <= DEEPEST; deepest += 1) level = level.flatMap((one) => [...one.children]);
  return deepest;
}

// An answer on its own: typeset where it looks like LaTeX.
function answerOf(answer) {
  const node = make("code", "", answer);
  const math = /[\\^_]/.test(answer) && typeset(answer.replace(/^\$+|\$+$/g, ""), false);
  if (math) node.replaceChildren(math);
  return node;
}

// Formulas that are larger than their place can be scrolled there, by keyboard too.
function reachable(node) {
  for (const formula of node.querySelectorAll(".formula")) {
    const large = formula.scrollWidth > formula.clientWidth + 1 || formula.scrollHeight > formula.clientHeight + 20;
    if (!large) continue;
    formula.classList.add("large");
    formula.tabIndex = 0;
    formula.setAttribute("role", "group");
    formula.setAttribute("aria-label", "formula");
  }
}
