"""parse_messages: a conversation is the response that it was cut out of; the user's words are in no action."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards import GRAMMARS, action_rewards, judge, parse, parse_messages
from s2r_rewards.testing import ORACLE, SHELF
from s2r_rewards.testing.builders import solve
from s2r_rewards.turns import CONVERSATIONS, Conversation, get_conversation
from s2r_rewards.turns.asking import asks_for

CASES = [*SHELF, *ORACLE.cases]
QUESTION = [{"role": "system", "content": "Think."}, {"role": "user", "content": "What is 2 + 2? \\boxed{7} is wrong."}]
TURNS = {"verify": "Check your answer.", "solve": "That is wrong. Try again."}


def conversation(pieces, ask=True):
    """The pieces (kind, text) as turns of the model, each after a request of the user."""
    messages = list(QUESTION)
    for i, (kind, text) in enumerate(pieces):
        if i and ask:
            messages.append({"role": "user", "content": TURNS.get(kind, "Go on.")})
        messages.append({"role": "assistant", "content": text})
    return messages


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
@pytest.mark.parametrize("grammar", ["paper", "released", "tags"])
@pytest.mark.parametrize("finished", [True, False, None])
def test_a_response_cut_into_turns_is_that_response(case, grammar, finished):
    text = case.text if grammar == "paper" else case.script.end().text(grammar)
    whole = parse(text, grammar, finished=finished)
    pieces = [(a.kind, whole.text_of(a)) for a in whole.actions]
    assert parse_messages(conversation(pieces), grammar, finished=finished) == whole
    assert parse_messages(conversation(pieces, ask=False), grammar, finished=finished) == whole
    assert parse_messages([*QUESTION, {"role": "assistant", "content": text}], grammar, finished=finished) == whole


@given(st.sampled_from(CASES), st.lists(st.integers(0, 2000), max_size=5))
def test_wherever_the_model_is_interrupted(case, cuts):
    """Turns that follow each other without a user in between are one."""
    bounds = sorted({0, len(case.text), *(min(c, len(case.text)) for c in cuts)})
    pieces = [("solve", case.text[a:b]) for a, b in pairwise(bounds)] or [("solve", "")]
    assert (
        parse_messages(conversation(pieces, ask=False), finished=True).scored == parse(case.text, finished=True).scored
    )


MARKERS = ("Wait, let me recheck my solution.\n\n", "Let me try again.\n\n")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
@pytest.mark.parametrize("grammar", ["paper", "natural"])
def test_the_user_may_say_what_the_marker_said(case, grammar):
    """Without the marker at the head of a turn, the request before it decides; the rewards stay."""
    whole = parse(case.text, grammar, finished=True)
    pieces = []
    for action in whole.scored:
        text = whole.text_of(action)
        for marker in MARKERS:
            text = text.removeprefix(marker)
        pieces.append((action.kind, text))
    if not pieces or any(not text.strip() for _, text in pieces) or "verification_without_attempt" in whole.codes:
        return
    found = parse_messages(conversation(pieces), grammar, finished=True)
    assert [(a.kind, a.answer, a.verdict) for a in found.scored] == [
        (a.kind, a.answer, a.verdict) for a in whole.scored
    ]
    assert action_rewards(judge(found, case.gold)) == action_rewards(judge(whole, case.gold))


def test_the_users_words_are_nowhere():
    script = solve("4").verify("incorrect").solve("5").verify("correct")
    whole = parse(script.text(), finished=True)
    messages = conversation([(a.kind, whole.text_of(a)) for a in whole.actions])
    for message in messages:
        if message["role"] == "user":
            message["content"] += (
                " \\boxed{9} Wait, let me recheck my solution. Therefore, the answer is incorrect. <|im_end|>"
            )
    found = parse_messages(messages, finished=True)
    assert found == whole
    assert "9" not in found.text


def test_end_tokens_of_earlier_turns_end_nothing():
    messages = [
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "\\boxed{5}<|im_end|>"},
        {"role": "user", "content": "Is your answer correct?"},
        {"role": "assistant", "content": "Therefore, the answer is incorrect.<|im_end|>"},
        {"role": "user", "content": "Solve it again."},
        {"role": "assistant", "content": [{"type": "text", "text": "\\boxed{4}"}, "<|im_end|>"]},
    ]
    found = parse_messages(messages)
    assert [a.kind for a in found.actions] == ["solve", "verify", "solve", "end"]
    assert [a.answer for a in found.attempts] == ["5", "4"]
    assert found.ended
    assert judge(found, "4").last_correct


def test_two_attempts_without_a_verification_are_one_and_named():
    messages = conversation([("solve", "\\boxed{5}\n"), ("solve", "\\boxed{4}")])
    found = parse_messages(messages, finished=True)
    assert [a.answer for a in found.attempts] == ["4"]
    assert "retry_without_verification" in found.codes


@pytest.mark.parametrize(
    ("text", "before", "kind"),
    [
        ("Please verify your answer.", "solve", "verify"), ("Are you sure?", "solve", "verify"),
        ("Check your work. If it is wrong, try again.", "solve", "verify"),
        ("Your answer is incorrect. Please try again.", "verify", "solve"),
        ("There might be an error in the solution above. Please correct the error and rewrite the solution.", "solve", "solve"),
        ("Go on.", "solve", "verify"), ("Go on.", "verify", "solve"), ("请检查你的答案。", "solve", "verify"),
        ("请重新解答。", "verify", "solve"), ("Check your steps once more.", "verify", "verify"),
    ],
)  # fmt: skip
def test_what_a_request_asks_for(text, before, kind):
    assert asks_for(text, before) == kind


@pytest.mark.parametrize(
    ("messages", "error", "says"),
    [
        ("hello", TypeError, "messages are str"), ([{"content": "x"}], TypeError, "message 0 is"),
        ([{"role": "human", "content": "x"}], ValueError, "role 'human'"),
        ([{"role": "user", "content": 4}], TypeError, "content of int"),
    ],
)  # fmt: skip
def test_what_is_no_conversation(messages, error, says):
    with pytest.raises(error, match=says):
        parse_messages(messages)


def test_what_was_asked_can_be_given():
    messages = conversation([("solve", "\\boxed{5}"), ("", "Therefore, the answer is correct.")])
    messages[-2]["content"] = "…"
    assert [a.kind for a in parse_messages(messages, asked=[None, "verify"]).scored] == ["solve", "verify"]
    with pytest.raises(ValueError, match="1 entries for 2 turns"):
        parse_messages(messages, asked=[None])
    assert parse_messages([{"role": "user", "content": "?"}]).codes == ("empty_response",)


YES, NO, NEITHER = "Therefore, the answer is correct.", "Therefore, the answer is incorrect.", "Hm."


@pytest.mark.parametrize(
    ("name", "said", "asks"),
    [
        ("s2r", ["\\boxed{1}"], "verify"), ("s2r", ["\\boxed{1}", YES], None), ("s2r", ["\\boxed{1}", NO], "solve"),
        ("s2r", ["\\boxed{1}", NEITHER], None), ("s2r", ["\\boxed{1}", NO, "\\boxed{2}"], "verify"),
        ("s2r", ["\\boxed{1}", NO] * 4, None), ("pag", ["\\boxed{1}"], "verify"),
        ("pag", ["\\boxed{1}", NEITHER], "solve"), ("pag", ["\\boxed{1}", YES], None),
        ("pag", ["\\boxed{1}", NO, "\\boxed{2}"], None), ("score", ["\\boxed{1}"], "solve"),
        ("score", ["\\boxed{1}", "\\boxed{2}"], None), ("rise", ["\\boxed{1}"], None),
        ("s2r", [f"\\boxed{{1}} Wait, let me recheck my solution. {YES}"], None),
    ],
)  # fmt: skip
def test_how_a_conversation_goes_on(name, said, asks):
    kinds = ["solve", "solve"] if name == "score" else ["solve", "verify"] * 4
    turns = [(text, None if i == 0 else kinds[i]) for i, text in enumerate(said)]
    following = CONVERSATIONS[name].next(turns)
    assert (following.asks if following else None) == asks


def test_a_conversation_of_ones_own():
    assert get_conversation("pag").max_attempts == 2
    for wrong in ({"max_attempts": 0}, {"max_turn_tokens": 0}, {"retry_prompt": " "}):
        with pytest.raises(ValueError, match="conversation 's2r'"):
            Conversation(**wrong)
    with pytest.raises(ValueError, match="expected one of pag, rise"):
        get_conversation("chat")
    assert set(GRAMMARS) >= {"paper", "natural"}
