import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.adapter import Options
from s2r_rewards.answers.labels import LabelError, gold_of, level_of
from s2r_rewards.server.protocol import response_of, reward_batch
from s2r_rewards.server.settings import Settings


@pytest.mark.parametrize(
    ("label", "gold"),
    [
        ("4", "4"),
        ("\\frac{1}{2}", "\\frac{1}{2}"),
        (4, "4"),
        (0.5, "0.5"),
        ({"gold": "4", "level": 3}, "4"),
        ({"gold": 4}, "4"),
        (["4", 5], ("4", "5")),
        ({"gold": ["4", "8/2"]}, ("4", "8/2")),
        ('{"gold": "4"}', "4"),
        ("{1, 2}", "{1, 2}"),
        ('{"a": 1}', '{"a": 1}'),
    ],
)
def test_gold_of(label, gold):
    assert gold_of(label) == gold


@pytest.mark.parametrize("label", [None, "", "  ", True, [], {}, {"gold": None}, '{"gold": ""}', {"gold": []}])
def test_gold_of_names_what_it_found(label):
    with pytest.raises(LabelError, match=r"label: found .*; expected the golden answer"):
        gold_of(label)


@pytest.mark.parametrize(
    ("label", "level"),
    [
        ({"gold": "4", "level": 3}, "3"),
        ('{"gold": "4", "level": "Level 5"}', "Level 5"),
        ({"gold": "4", "level": ""}, None),
        ({"gold": "4"}, None),
        ("4", None),
        (None, None),
    ],
)
def test_level_of(label, level):
    assert level_of(label) == level


@given(prompt=st.text(), response=st.text())
def test_response_of_a_whole_prompt(prompt, response):
    assert response_of(prompt + response, prompt) == response


@given(prompt=st.text(min_size=20, alphabet="ab\n "), response=st.text(alphabet="xyz"), cut=st.integers(1, 4))
def test_response_of_a_prompt_that_was_cut_at_its_left(prompt, response, cut):
    assert response_of(prompt[cut:] + response, prompt) == response


def test_response_of_a_prompt_whose_beginning_was_normalised():
    prompt = "<s> [INST] What is 2 + 2? [/INST]\n" + "assistant turn:\n"
    assert response_of("<s>[INST] What is 2 + 2? [/INST]\nassistant turn:\nfour", prompt) == "four"


def test_response_of_something_else_is_not_guessed():
    assert response_of("a different query altogether", "What is 2 + 2? Answer at once.") is None


def test_response_of_takes_the_longest_end_of_the_prompt():
    """A chat template repeats itself: a shorter end of the prompt opens the query as well."""
    turn = "<|im_end|>\n<|im_start|>assistant\n"
    assert response_of(turn + turn + "four", "What is 2 + 2?" + turn + turn) == "four"


def test_rewards_by_the_options_of_every_trainer():
    query = "What is 2 + 2?\nIt is \\boxed{5}."
    batch = ([query] * 2, ["What is 2 + 2?\n"] * 2, ["5", "4"])
    assert reward_batch(*batch)["rewards"] == [1.0, -1.0]
    tagged = query.replace("\nIt", "\n<attempt>It") + "</attempt>"
    assert reward_batch([tagged], ["What is 2 + 2?\n"], ["5"], Options(grammar="tags"))["rewards"] == [1.0]
    assert reward_batch([], [], [])["extra_logs"] == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"options": Options(baseline="rloo")}, "baseline is 'rloo'; the trainer decides that"),
        ({"options": Options(grammar="xml")}, "unknown grammar 'xml'"),
        ({"max_batch": 0}, "max_batch is 0; expected at least 1"),
        ({"drain": -1.0}, "drain is -1.0; expected seconds"),
    ],
)
def test_settings_of_the_server_that_cannot_work(given, message):
    with pytest.raises(ValueError, match=message):
        Settings(**given)
