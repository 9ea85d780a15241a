"""Every choice that a trainer, a command or a server offers, and what it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, TypeVar

from s2r_rewards import answers
from s2r_rewards.answers.policy import AnswerKind
from s2r_rewards.baselines import Baseline, get_baseline
from s2r_rewards.grammar import get_grammar
from s2r_rewards.judging import BatchChecker
from s2r_rewards.llm.settings import get_judge_settings
from s2r_rewards.methods import Method, get_method
from s2r_rewards.methods.base import GROUPS
from s2r_rewards.resolve import load_object
from s2r_rewards.turns import get_conversation

T = TypeVar("T", bound="Options")
#: Options that only a trainer with the library's loss can use.
LOSS_OPTIONS = ("ratio", "objective", "average", "divisor", "count_end")
#: Options that only a trainer which hands its whole batch over can use.
TRAINING_OPTIONS = (
    "baseline", "groups", "running", "leave_one_out", "min_count", *LOSS_OPTIONS, "beta", "alarms",
    "rollouts", "conversation",
)  # fmt: skip

#: What becomes of a response with a check that timed out: its answer counts as wrong, or it takes no part in the loss.
TIMEOUTS = ("wrong", "left_out")

#: Keys of former releases → what says the same today.
FORMER = {
    "level": "the method has it: method=s2r-prl (process) or method=s2r-orl (outcome)",
    "preset": "method=s2r-prl or s2r-orl (paper), released-prl or released-orl (released)",
}


class ConfigError(ValueError):
    """A configuration that cannot work, with the key, what was found, what was expected and the way out."""


def option(default: Any, told: str) -> Any:
    """A field of options, with the sentence that a command line's help shows."""
    return field(default=default, metadata={"help": told})


@dataclass(frozen=True)
class Options:
    """Every choice that a trainer, a command or a server offers, under the same name everywhere.

    ``None`` leaves a choice to the method. Names may be ``package.module:object``.
    """

    method: str = option("s2r-prl", "Rewards, baseline, ratio and clip, by name.")
    rewards: str | None = option(None, "JudgedTrajectory → one number per attempt and verification.")
    baseline: str | None = option(None, "(rewards, groups) → baselines of the same shape.")
    groups: str | None = option(
        None, "What the baseline tells apart: ``batch`` (nothing), ``prompt``, ``accuracy`` or ``accuracy_of_others``."
    )
    running: bool | None = option(None, "Whether baselines are means over earlier batches.")
    leave_one_out: bool | None = option(None, "Leave an action out of its own baseline.")
    min_count: int | None = option(None, "Baselines over fewer rewards are 0.")
    grammar: str | None = option(None, "How responses are parsed.")
    checker: str | None = option(None, "(gold, answer) → CheckResult; default: the library's.")
    policy: str | None = option(None, "What counts as equal: a CheckPolicy, or ``order=strict,units=ignore``.")
    judge: str | None = option(None, "What rules leave open: ``url=http://…/v1,model=NAME,when=ungradable+timeout``.")
    timeouts: str = option(
        "wrong", "A response with an answer whose check ran out of time: ``wrong``, or ``left_out``."
    )
    workers: int = option(2, "Processes for the answers that need computer algebra.")
    ratio: str | None = option(None, "Ratio of the clipped objective.")
    objective: str | None = option(None, "``clip``, or ``cispo``: the clipped ratio is a weight.")
    average: str | None = option(None, "Of the loss: over ``actions``, ``responses`` or ``tokens``.")
    divisor: float | None = option(None, "A constant in the place of a response's number of actions or tokens.")
    count_end: bool | None = option(None, "Whether ``end`` is one of the actions that Eq. 6 averages over.")
    beta: float = option(0.0, "β of Eq. 2 and 5: the KL term inside the advantage. Needs a reference model.")
    alarms: bool = option(True, "Look for signs of reward hacking in every training step (``s2r/alarm/*``).")
    max_chars: int = option(10_000_000, "Longer responses are not read: they earn the failing reward and are counted.")
    rollouts: str | None = option(None, "Append every rollout of training to this JSONL file.")
    conversation: str | None = option(None, "Ask for verifications and new attempts in turns: s2r, pag, score, rise.")

    def __post_init__(self) -> None:
        for name, low in (("workers", 1), ("max_chars", 1), ("beta", 0), ("min_count", 0)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or value < low):
                raise ConfigError(f"{name} is {value!r}; expected a number >= {low}")
        if self.timeouts not in TIMEOUTS:
            raise ConfigError(f"timeouts is {self.timeouts!r}; expected one of {', '.join(TIMEOUTS)}")
        if self.groups is not None and self.groups not in GROUPS:
            raise ConfigError(f"groups is {self.groups!r}; expected one of {', '.join(GROUPS)}")

    @classmethod
    def from_mapping(cls: type[T], given: Mapping[str, Any], where: str = "s2r") -> T:
        """Options out of a configuration block; every name in it is looked up.

        Args:
            where: the block's name, for messages, e.g. ``algorithm.s2r``.

        Raises:
            ConfigError: an unknown key, or a value that cannot be used; names key, what was found and expected.
        """
        if not hasattr(given, "items"):
            raise ConfigError(f"{where} is {given!r}; expected a mapping")
        given = dict(given.items())
        for key, way_out in FORMER.items():
            if key in given:
                raise ConfigError(f"{where}.{key}={given[key]!r} is a key of former releases; use {way_out}")
        if given.get("baseline") == "running":
            raise ConfigError(f"{where}.baseline=running is a value of former releases; use running=true")
        known = [one.name for one in fields(cls)]
        if unknown := sorted(set(given) - set(known)):
            raise ConfigError(f"{where} has unknown keys {unknown}; expected some of {known}")
        try:
            options = cls(**given)
            options.check()
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{where}: {error}") from None
        return options

    def given(self) -> dict[str, Any]:
        """What differs from the defaults."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}

    def refuse(self, names: Iterable[str], why: str) -> None:
        """ConfigError for the first of these options that is given where it could only be ignored."""
        for name in names:
            if name in self.given():
                raise ConfigError(f"{name} is {getattr(self, name)!r}; {why}")

    def check(self) -> None:
        """Looks every name up. ConfigError (or ValueError) naming the first that cannot be used."""
        resolve_method(self)
        resolve_checker(self)
        if self.conversation is not None:
            get_conversation(self.conversation)


@lru_cache(maxsize=64)
def resolve_method(options: Options) -> Method:
    """The method with everything that the options change in it.

    Raises:
        ValueError: an unknown name, or a setting that the baseline does not have.
    """
    method = get_method(options.method)
    given = options.given()
    if method.estimator is not None:
        options.refuse(
            ("baseline", "groups", "running", "leave_one_out", "min_count"),
            f"method {method.name!r} has an estimator of its own, which takes no baseline: drop it",
        )
    baseline = get_baseline(options.baseline) if options.baseline else method.baseline
    settings = {name: given[name] for name in ("leave_one_out", "min_count") if name in given}
    if isinstance(baseline, Baseline):
        baseline = baseline.with_settings(**settings)
    elif settings:
        raise ConfigError(f"{', '.join(settings)}: the baseline {baseline!r} has no such setting")
    changes: dict[str, Any] = {name: given[name] for name in ("groups", "running", *LOSS_OPTIONS) if name in given}
    if options.rewards:
        changes["rewards"] = load_object(options.rewards, "rewards")
        if not callable(changes["rewards"]):
            found = type(changes["rewards"]).__name__
            raise ConfigError(f"rewards {options.rewards!r} is {found}; expected a function")
    if options.grammar:
        changes["grammar"] = get_grammar(options.grammar)
    if baseline is not method.baseline:
        changes["baseline"] = baseline
    if options.rewards and method.level == "outcome":
        raise ConfigError(
            f"rewards is {options.rewards!r}, but method {method.name!r} rewards the response as a whole: choose a method "
            "of the level process, or one of your own"
        )
    if not changes:
        return method
    told = {name: value for name, value in given.items() if name in (*changes, *settings)}
    name = f"{method.name}[{','.join(f'{k}={v}' for k, v in told.items())}]"
    return replace(method, name=name, **changes)  # refuses what a running baseline cannot be


@lru_cache(maxsize=64)
def resolve_checker(options: Options) -> BatchChecker:
    """The batch checker that the options name, with the judge that they name behind it.

    Raises:
        ValueError: an unknown name, policy or judge.
        ImportError: the judge needs a library that is missing.
    """
    checker = answers.batch_checker(options.checker, options.policy, options.workers)
    if not options.judge:
        return checker
    from s2r_rewards.llm.answers import with_judge

    return with_judge(checker, options.judge)  # type: ignore[arg-type]


def kind_of(options: Options) -> AnswerKind:
    """What golden answers are that name no kind of their own. ValueError: an unknown policy."""
    return "math" if options.checker else answers.get_policy(options.policy).kind


def checker_version(options: Options) -> str:
    """What records name as their checker."""
    judge = f"+judge:{get_judge_settings(options.judge).model}" if options.judge else ""
    return (options.checker or answers.CHECKER_VERSION) + judge
