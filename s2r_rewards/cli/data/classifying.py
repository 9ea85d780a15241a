"""``--classify`` of ``s2r data verify``: how many verifications are confirmative, by the rule and by a judge."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.kit.commands import bundle, fail
from s2r_rewards.cli.kit.options import option, options_of
from s2r_rewards.cli.kit.reading import Reading
from s2r_rewards.cli.kit.show import Progress, say, show_table
from s2r_rewards.datasets.verification import FREE, STYLES
from s2r_rewards.evaluation.published import TABLES
from s2r_rewards.evaluation.styles import Classifier, StyleTally, by_judge, by_rule, of_rows, read_labelled, tally
from s2r_rewards.llm.judge import judge_for
from s2r_rewards.llm.settings import JudgeSettings, get_judge_settings

RULE, JUDGE = "rule", "judge"
_ASKED = {FREE: "no style asked for", **{style: f"asked for {style}" for style in STYLES}}


@dataclass(frozen=True)
class Classified:
    """What the rule and the judge say of the verifications, and of the labelled ones."""

    counts: Mapping[str, StyleTally]
    labelled: Mapping[str, StyleTally]

    @property
    def asked(self) -> list[str]:
        """The styles that verifications were asked for in."""
        return [style for style in _ASKED if any(style in one.found for one in self.counts.values())]

    def record(self) -> dict[str, Any]:
        """For --json."""
        return {
            "confirmative": {
                name: {
                    style: dict(zip(("confirmative", "of"), one.confirmative(style), strict=True))
                    for style in self.asked
                }
                for name, one in self.counts.items()
            },
            "no_verdict": {name: one.silent for name, one in self.counts.items()},
            "agreement": {
                name: {
                    **dict(zip(("agree", "of"), one.agreement, strict=True)),
                    "interval": list(one.agreement_interval),
                    "no_verdict": one.silent,
                }
                for name, one in self.labelled.items()
                if one.total
            },
        }


@dataclass(frozen=True)
class Classifying:
    """Who says what is confirmative, and what it is compared with."""

    classify: bool = option(
        "Count confirmative verifications, with a rule that works offline. Without --model: those that -o holds.",
        False,
        is_flag=True,
    )
    judge: str | None = option(
        "With --classify: ask a language model too: url=http://…/v1,model=NAME,budget=1000,cache=FILE … Replies are "
        "kept in a file beside -o.",
        metavar="SETTINGS",
    )
    labels: Path | None = option(  # noqa: RUF009
        "With --classify: labelled verifications (objects with text, style and, if known, prompt); says how often "
        "rule and judge agree with them.",
        type=click.Path(dir_okay=False, path_type=Path),
    )
    paper: bool = option("With --classify: table 6 of the paper beside it.", False, is_flag=True)

    def __post_init__(self) -> None:
        for name in ("judge", "labels", "paper"):
            if getattr(self, name) and not self.classify:
                raise click.UsageError(f"--{name} is about what --classify counts; give --classify too")
        if self.labels is not None and not self.labels.is_file():
            raise click.UsageError(f"--labels {self.labels}: no such file")
        if self._settings is not None:
            judge_for(self._settings)  # fails here, before anything is asked, where httpx is missing

    @cached_property
    def _settings(self) -> JudgeSettings | None:
        return None if self.judge is None else get_judge_settings(self.judge)

    def run(self, output: Path, rows: Iterable[Mapping[str, Any]], reading: Reading) -> Classified:
        """Classify the verifications among the rows of ``output``, and the labelled ones."""
        with reading:
            labelled = read_labelled(self.labels, reading) if self.labels else []
        verifications = list(of_rows(rows))
        counts, agreement = {}, {}
        for name, classifier in self._classifiers(output).items():
            with Progress(f"classifying, {name}", len(verifications) + len(labelled)) as bar:
                counts[name] = tally(verifications, classifier, bar.advance)
                agreement[name] = tally(labelled, classifier, bar.advance)
        return Classified(counts, agreement)

    def _judge(self, output: Path) -> JudgeSettings | None:
        """The judge, with its replies kept beside the output where no other place is named."""
        judge = self._settings
        return judge and replace(judge, cache=judge.cache or f"{output}.judge.sqlite")

    def _classifiers(self, output: Path) -> dict[str, Classifier]:
        judge = self._judge(output)
        return {RULE: by_rule} if judge is None else {RULE: by_rule, JUDGE: by_judge(judge)}

    def show(self, found: Classified) -> None:
        """Tables: confirmative ones by style asked for, and how often the labels say the same."""
        rows = [
            (name, *(_of(*one.confirmative(style)) for style in found.asked), str(one.silent))
            for name, one in found.counts.items()
        ]
        if self.paper:
            for row in TABLES["6"].rows:
                cells = [row.cells.get(style) for style in found.asked]
                rows.append((f"paper: {row.label}", *("–" if n is None else f"{n:g} of 100" for n in cells), ""))
        show_table("confirmative verifications", ("by", *(_ASKED[style] for style in found.asked), "no verdict"), rows)
        agreeing = [(name, *_agreement(one)) for name, one in found.labelled.items() if one.total]
        if agreeing:
            columns = ("by", "the same", "95 % interval", "no verdict")
            show_table(f"agreement with the labels of {self.labels}", columns, agreeing)

    def check(self, found: Classified, output: Path) -> None:
        """Says what the judge was not heard on; ends the command with exit code 1 where it gave no verdict at all."""
        judge = self._judge(output)
        if judge is None:
            return
        counts = judge_for(judge).counts
        missed = {name.replace("_", " "): counts[name] for name in ("failed", "resting", "over_budget") if counts[name]}
        if missed:
            shown = ", ".join(f"{count} {name}" for name, count in missed.items())
            say(
                f"the judge has not answered {sum(missed.values())} questions ({shown}); the same command asks them again"
            )
        asked = [found.counts[JUDGE], found.labelled[JUDGE]]
        total = sum(one.total for one in asked)
        if total and total == sum(one.silent for one in asked):
            fail(
                f"the judge gave no verdict on any of {total} verifications: is its server up, its model's name right?"
            )


def _of(count: int, total: int) -> str:
    return f"{count} of {total} ({100 * count / total:.1f} %)" if total else "–"


def _agreement(one: StyleTally) -> tuple[str, str, str]:
    low, high = one.agreement_interval
    return _of(*one.agreement), f"{100 * low:.1f} to {100 * high:.1f} %", str(one.silent)


classifying_options = bundle("classifying", Classifying, *options_of(Classifying))
