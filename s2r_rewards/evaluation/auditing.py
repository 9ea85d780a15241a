"""Compare checkers over the same pairs: what each says, where they disagree, worst first, and who is right if known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from s2r_rewards.answers import VERDICTS, CheckResult, batch_checker, check_many, extract_answer, get_policy
from s2r_rewards.answers.gold import Gold, gold_label
from s2r_rewards.answers.workers.backends import Backend
from s2r_rewards.llm.answers import opinions
from s2r_rewards.llm.judge import Judge, judge_for
from s2r_rewards.llm.settings import get_judge_settings
from s2r_rewards.parsing import parse
from s2r_rewards.rollouts import gold_of_record
from s2r_rewards.scored import ScoredRollout

JUDGE = "judge"
_SHOWN = 1_500
BACKENDS: tuple[Backend, ...] = ("math_verify", "latex2sympy2")


@dataclass(frozen=True, slots=True)
class AuditPair:
    """One question to both checkers: a golden answer, an answer, and what the file already says of them."""

    name: str
    gold: Gold
    answer: str | None
    stored: CheckResult | None = None
    expected: bool | None = None
    where: str = ""
    """``file:line`` of the record that it comes from."""
    text: str = ""
    """The end of the attempt that states the answer, where the record is a rollout."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The checkers' results on every pair, in order."""

    pairs: tuple[AuditPair, ...]
    first: tuple[CheckResult, ...]
    second: tuple[CheckResult, ...]
    others: Mapping[str, Mapping[int, CheckResult]] = field(default_factory=dict)
    """Further opinions by the checker's name, on those pairs that it was asked about."""

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """How often the first checker said this and the second that."""
        return Counter((a.verdict, b.verdict) for a, b in zip(self.first, self.second, strict=True))

    @property
    def disagreements(self) -> list[int]:
        """Where one checker says correct and the other does not: what changes a reward."""
        return [i for i, (a, b) in enumerate(zip(self.first, self.second, strict=True)) if bool(a) != bool(b)]

    @property
    def worst_first(self) -> list[int]:
        """The disagreements in the order in which they are worth a look.

        First where the first checker is wrong by the label; then by how many of the others are against it, those that
        it believes before those that it refuses (what is believed falsely is what training exploits); of equal ones
        those that occur most often.
        """
        often = Counter((pair.gold, pair.answer) for pair in self.pairs)

        def weight(i: int) -> tuple[bool, int, bool, int]:
            said, pair = bool(self.first[i]), self.pairs[i]
            wrong = pair.expected is not None and said != pair.expected
            opinions = [self.second[i], *(given[i] for given in self.others.values() if i in given)]
            against = sum(bool(one) != said for one in opinions if one.verdict in ("correct", "incorrect"))
            return wrong, against, said, often[pair.gold, pair.answer]

        return sorted(self.disagreements, key=weight, reverse=True)

    def errors(self, results: Sequence[CheckResult]) -> tuple[int, int] | None:
        """(false positives, false negatives) against the labels; None when the file has none."""
        labelled = [(bool(r), p.expected) for r, p in zip(results, self.pairs, strict=True) if p.expected is not None]
        if not labelled:
            return None
        return sum(r and not e for r, e in labelled), sum(e and not r for r, e in labelled if e is not None)

    def record(self, index: int) -> dict[str, Any]:
        """One disagreement as plain data."""
        pair = self.pairs[index]
        record: dict[str, Any] = {"id": pair.name, **gold_label(pair.gold), "answer": pair.answer}
        for side, result in (("a", self.first[index]), ("b", self.second[index])):
            record[side] = {"verdict": result.verdict, "tier": result.tier, "reason": result.reason}
        for name, given in self.others.items():
            if index in given:
                one = given[index]
                record.setdefault("others", {})[name] = {"verdict": one.verdict, "tier": one.tier, "reason": one.reason}
        if pair.where:
            record["where"] = pair.where
        if pair.expected is not None:
            record["expected"] = pair.expected
        return record


CheckMany = Callable[[Sequence[AuditPair]], list[CheckResult]]


def checker_named(name: str, workers: int = 2) -> CheckMany:
    """The checker that a name means: ``ours``, ``ours:order=strict``, a backend, ``stored``, ``judge:…``, or your own.

    ``judge:url=http://…/v1,model=NAME`` is a language model (see :mod:`s2r_rewards.llm.settings`).

    Raises:
        ValueError: the name, a policy parameter or its value is not known.
    """
    kind, _, options = name.partition(":")
    if name == "stored":
        return _stored
    if kind == "ours":
        return _asking(batch_checker(policy=options, workers=workers))
    if kind == JUDGE:
        return _asking(partial(_ask_judge, judge_for(get_judge_settings(options))))
    backend = next((known for known in BACKENDS if known == kind), None)
    if backend is not None:
        return _asking(partial(check_many, workers=workers, policy=get_policy(options), backend=backend))
    if options and kind != "stored":
        return _asking(batch_checker(name))
    raise ValueError(
        f"unknown checker {name!r}; expected ours[:parameter=value,…], {', '.join(BACKENDS)}, stored, judge:url=…,model=… "
        "or package.module:object"
    )


def _asking(check_pairs: Callable[..., list[CheckResult]]) -> CheckMany:
    return lambda pairs: check_pairs([(p.gold, p.answer) for p in pairs])


def _ask_judge(judge: Judge, pairs: Sequence[tuple[Gold, str | None]]) -> list[CheckResult]:
    silent = CheckResult("ungradable", JUDGE, "no verdict")
    return [silent if opinion is None else opinion for opinion in opinions(judge, pairs)]


def _stored(pairs: Sequence[AuditPair]) -> list[CheckResult]:
    missing = next((p.name for p in pairs if p.stored is None), None)
    if missing is not None:
        raise ValueError(
            f"record {missing}: no stored verdict; expected scored rollouts (s2r score) or a field 'verdict'"
        )
    return [p.stored for p in pairs if p.stored is not None]


def pairs_of(record: Mapping[str, Any], name: str) -> Iterator[AuditPair]:
    """The pairs of one record: each attempt of a rollout, or the one answer of a case.

    A scored rollout's attempts are those that were scored; others are parsed. A case has ``gold`` and ``pred``
    (``mode`` "response": the answer is extracted first).

    Raises:
        ValueError: the record is neither.
    """
    try:
        gold = gold_of_record(record)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if isinstance(record.get("pred"), str):
        answer = record["pred"]
        if record.get("mode") == "response":
            answer = extract_answer(answer, fallback="math").answer
        yield AuditPair(name, gold, answer, _result(record.get("verdict"), record.get("tier")), record.get("expected"))
    elif record.get("s2r") is not None:
        scored = ScoredRollout.from_record(record["s2r"])
        attempts = [action for action in scored.actions if action.kind == "solve"]
        response = str(record.get("response") or "")
        for number, action in enumerate(attempts, 1):
            text = response[action.start : action.end][-_SHOWN:]
            yield AuditPair(f"{name} attempt {number}", gold, action.answer, action.check, text=text)
    elif isinstance(record.get("response"), str):
        trajectory = parse(record["response"])
        for number, attempt in enumerate(trajectory.attempts, 1):
            text = trajectory.text_of(attempt)[-_SHOWN:]
            yield AuditPair(f"{name} attempt {number}", gold, attempt.answer, text=text)
    else:
        raise ValueError(f"{name}: expected a case (field 'pred') or a rollout (field 'response')")


def _result(verdict: Any, tier: Any) -> CheckResult | None:
    return CheckResult(verdict, str(tier or "stored")) if verdict in VERDICTS else None


def audit(
    pairs: Iterable[AuditPair], first: CheckMany, second: CheckMany, others: Mapping[str, CheckMany] | None = None
) -> Audit:
    """Both checkers' results on the same pairs, and the opinions of others where the two disagree."""
    listed = tuple(pairs)
    found = Audit(listed, tuple(first(listed)), tuple(second(listed)))
    asked = found.disagreements
    given = {
        name: dict(zip(asked, check([listed[i] for i in asked]), strict=True)) for name, check in (others or {}).items()
    }
    return replace(found, others=given)
