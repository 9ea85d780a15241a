"""What is made through an open twin is what the class itself makes."""

import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import pytest

from s2r_rewards.fresh import changer, maker
from s2r_rewards.scored import ScoredAction
from s2r_rewards.trajectory import Action, Deviation, Trajectory, Verdict

ACTION = ("verify", 3, 9, None, Verdict.CORRECT)
GIVEN = [
    (Action, ACTION),
    (Action, ACTION[:3]),
    (Deviation, ("no_end", None, 2, 2)),
    (Trajectory, ("text", (Action(*ACTION),), (Deviation("no_end", None, 2, 2),), False, "paper", ())),
    (Trajectory, ("", ())),
    (ScoredAction, ("solve", 0, 4, "5", None, None, 1.0, 0.5, 0.5, (0, 2))),
]


@pytest.mark.parametrize(("kind", "values"), GIVEN)
def test_the_same_as_the_class_makes(kind, values):
    made, expected = maker(kind)(*values), kind(*values)
    assert type(made) is kind
    assert made == expected
    assert (hash(made), repr(made)) == (hash(expected), repr(expected))
    assert pickle.loads(pickle.dumps(made)) == expected
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(kind)[0].name, 1)


@pytest.mark.parametrize("changes", [{}, {"end": 12}, {"answer": "5", "kind": "solve", "verdict": None}])
def test_the_same_as_replace(changes):
    one = Action(*ACTION)
    changed = changer(Action)(one, **changes)
    assert (type(changed), changed) == (Action, replace(one, **changes))
    assert one == Action(*ACTION)
    assert changed is not one
    with pytest.raises(AttributeError, match="reward"):
        changer(Action)(one, reward=1.0)


@pytest.mark.parametrize("values", [(), ACTION[:2], (*ACTION, 1)])
def test_as_many_values_as_fields(values):
    with pytest.raises(TypeError, match="argument"):
        maker(Action)(*values)


def test_a_default_that_is_made_anew_is_refused():
    @dataclass(frozen=True, slots=True)
    class Holds:
        things: list = field(default_factory=list)

    with pytest.raises(TypeError, match=r"Holds\.things has a default_factory"):
        maker(Holds)
