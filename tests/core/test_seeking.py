"""The fast searches give what the plain ones give, on texts made of everything that could tell them apart."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.answers.extract import _BARE_BOX, _BOX_TOKEN, _next_box, extract_answer
from s2r_rewards.grammar import GRAMMARS
from s2r_rewards.natural.near import nearly
from s2r_rewards.parsing import parse
from s2r_rewards.seeking import find, find_all
from s2r_rewards.seeking.verdicts import spoken

PIECES = (
    *("Wait, let me recheck my solution.", "Let me try again.", "<|im_end|>", "</s>", "<verdict> correct </verdict>"),
    *("Therefore, the answer is correct", "therefore the answer is not correct", "So, my solution is wrong", "."),
    *("so this answer cannot be verified", "Also the answer is correct", "thus  my\nsolution is  incorrectly", "\n"),
    *("is incorrect", "cannot verify", "verified", "is indeed", "is correct", "Therefore, the answer is 5 and ", " "),
    *("answer", "solution", "Hence,", "hence the answer", "<verdict>wrong</verdict>", "x", "xxxxxxxxxxxx", "boxed"),
    *("\\boxed{5}", "\\boxed{", "}", "{", "\\\\boxed{7}", "\\\\\\boxed{8}", "\\fbox{9}", "\\\\fbox{2}", "unboxed{3}"),
    *("\\boxed 4", "\\boxed", "\\{", "\\}", "\\\\", "\\", "\\boxed{\\boxed{3}}", "\\boxed{a\\}b}", "\\boxed{ }", "é"),
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).flatmap(
    lambda parts: st.sampled_from(["", " "]).map(lambda gap: gap.join(parts))
)


@given(TEXTS, st.sampled_from(["<|im_end|>", "boxed", "answer", "x", "xx", "\\fbox", "Wait,", "}"]), st.data())
def test_find_is_str_find(text, needle, data):
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    assert find(text, needle, start, stop) == text.find(needle, start, stop)


@given(TEXTS, st.integers(1, 60))
def test_find_all_is_each_literal_by_itself(text, times):
    needles = ("<|im_end|>", "</s>", "Wait,", "Wait, let me", "x", "xx", "answer", "is correct", "<", "x")
    text *= times
    found = find_all(text, needles)
    assert found == sorted(
        (match.start(), -len(needle), number)
        for number, needle in enumerate(needles)
        for match in re.finditer(re.escape(needle), text)
    )


@pytest.mark.parametrize("needle", ["x!", "!x", "ax", "x"])
def test_find_where_the_rare_character_is_frequent(needle):
    text = "x" * 5000 + "!x" + "a" * 5000 + "ax!"
    assert find(text, needle, 3, len(text)) == text.find(needle, 3)
    assert find(text, "x?", 0, len(text)) == -1


TIERS = [(name, tier) for name, grammar in GRAMMARS.items() for tier in grammar.verdict_tiers]


@pytest.mark.parametrize(("name", "tier"), TIERS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(TIERS)])
def test_verdicts_by_anchors_are_those_of_the_pattern(name, tier):
    assert tier.anchors
    rng = random.Random(0)
    found = 0
    for _ in range(2000):
        text = rng.choice(("", " ")).join(rng.choices(PIECES, k=rng.choice((1, 3, 9, 30))))
        start = rng.randint(0, len(text))
        stop = rng.randint(start, len(text))
        plain = [(m.span(), m.lastgroup) for m in re.compile(tier.pattern).finditer(text, start, stop)]
        assert [(m.span(), m.lastgroup) for m in spoken(tier, text, start, stop)] == plain
        found += len(plain)
    assert found > 50


def every_token(text, start, stop):
    """(last closed outermost box, boxes): every brace behind the first box is looked at."""
    first = min((at for name in ("boxed", "\\fbox") if (at := text.find(name, start, stop)) >= 0), default=-1)
    stack, found, boxes = [], [], 0
    for token in _BOX_TOKEN.finditer(text, max(start, first - 1), stop) if first >= 0 else ():
        mark = token.group()
        if mark == "{":
            stack.append(-1)
        elif mark == "}":
            opened = stack.pop() if stack else -1
            if opened >= 0:
                found = [span for span in found if span[0] < opened] + [(opened, token.start())]
        elif mark.startswith(("\\boxed", "\\fbox")):
            boxes += 1
            if token.group(1):
                stack.append(token.end())
            elif bare := _BARE_BOX.match(text, token.end(), stop):
                found.append(bare.span())
    filled = [text[a:b].strip() for a, b in found if text[a:b].strip()]
    return (filled[-1] if filled else None), boxes


@given(TEXTS, st.data())
def test_boxes_are_those_that_a_look_at_every_brace_finds(text, data):
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    expected, boxes = every_token(text, start, stop)
    found = extract_answer(text, start, stop)
    if found.boxes or found.how in ("boxed", "unclosed"):
        assert found.boxes == boxes
    if "box" in (expected or "") or "box" in (found.answer or ""):
        return  # a box in a box, or several that belong together
    if expected is not None:
        assert (found.answer, found.how) == (expected, "boxed")
    else:
        assert found.how != "boxed"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("\\boxed{1}", 0),
        ("a\\\\boxed{1}", -1),
        ("a\\\\\\boxed{1}", 3),
        ("unboxed{1} \\fbox{2}", 11),
        ("\\\\fbox{2}", -1),
    ],
)
def test_the_next_box_by_hand(text, at):
    assert _next_box(text, 0, len(text)) == at


MARKERS = st.lists(
    st.sampled_from(
        (
            *("Wait, let me recheck my solution.", "Let me try again.", "wait, let me recheck my solution", "Wait,"),
            *(
                "Let me TRY again!",
                "let me try",
                "again",
                "Let me",
                "recheck",
                "solution",
                "retry",
                " ",
                ".",
                "*",
                "\n",
            ),
            *("WAIT: Let me *recheck* my solution", "Wait, let me recheck my solutions.", "Let me Let me try again."),
            *("<verify>", "<|im_end|>", "\\boxed{1}", "Therefore, the answer is correct.", "x" * 90),
        )
    ),
    max_size=10,
).map("".join)


@given(MARKERS, st.sampled_from(("paper", "released-offline", "released", "tags")))
def test_near_misses_do_not_depend_on_what_is_known_of_the_markers(text, name):
    """A parse knows how often each marker stands there, and so whether any other is worth a look."""
    grammar, found = GRAMMARS[name], parse(text, name)
    stop = found.actions[-1].start if found.ended else len(text)
    actions = [action for action in found.actions if action.kind != "end"]
    markers = (*grammar.verify_markers, *grammar.retry_markers)
    for known in ({}, dict.fromkeys(markers, -1)):  # counted in the text; looked at one by one
        assert found.uncertainties == tuple(nearly(text, actions, stop, grammar, known))
