"""s2r stats: behaviour metrics and alarms of stored rollouts."""

import json
import math
import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from s2r_rewards.alarms import ALARM_NAMES, Tally, alarm_metrics, alarms_of, count_signs
from s2r_rewards.alarms.windows import merged
from s2r_rewards.cli.kit.commands import fail
from s2r_rewards.cli.kit.options import json_option
from s2r_rewards.cli.kit.paths import FOLDER, verb
from s2r_rewards.cli.kit.reading import Paths, Reading, paths_argument, reading_options
from s2r_rewards.cli.kit.scoring import Scoring, scoring_options
from s2r_rewards.cli.kit.show import finite, print_table, say
from s2r_rewards.metrics import METRIC_NAMES, behaviour_counts, level_name
from s2r_rewards.report.figures import Sums, in_order
from s2r_rewards.report.summary import natural
from s2r_rewards.rollouts import Rollout

Level = str | int | None
MANY = 8
SHORT = {
    "final": "s2r/outcome/accuracy",
    "first": "s2r/attempt/first_accuracy",
    "verify": "s2r/verify/accuracy",
    "recall": "s2r/verify/error_recall",
    "precision": "s2r/verify/correct_precision",
    "i→c": "s2r/correct/i2c",
    "c→i": "s2r/correct/c2i",
    "trials": "s2r/trials/mean",
}
HOLDS = {">=": operator.ge, "<=": operator.le}
CONDITION = re.compile(r"(?P<name>[\w/.-]+?)(?P<sign><=|>=)(?P<bound>-?\d+(?:\.\d+)?)")


@dataclass
class Statistics:
    """Sums over rollouts; no rollout is kept."""

    overall: Sums = field(default_factory=Sums)
    groups: dict[tuple[int | None, Level], Sums] = field(default_factory=dict)
    """By step and level."""
    tallies: dict[int | None, Tally] = field(default_factory=dict)
    """What each step adds to the alarms."""

    def add(self, place: int, rollout: Rollout) -> None:
        """One scored rollout, which stands at ``place`` among all."""
        judged, step = rollout.judged, rollout.step
        length = len(judged.trajectory.text)
        counts = in_order(behaviour_counts(judged))
        for sums in (self.overall, self.groups.setdefault((step, rollout.level), Sums())):
            sums.add(counts, len(judged.checks), length)
        tally = self.tallies.setdefault(step, Tally())
        tally.add(place, length, judged.last_correct, count_signs(judged, rollout.prompt))

    def by(self, field: str) -> dict[Level, Sums]:
        """The sums by ``level`` or ``step``, without those that have none."""
        which = ("step", "level").index(field)
        return merged_sums((key[which], sums) for key, sums in self.groups.items() if key[which] is not None)


def merged_sums(parts: Iterable[tuple[Level, Sums]]) -> dict[Level, Sums]:
    """The sums of each key."""
    found: dict[Level, Sums] = {}
    for key, sums in parts:
        found.setdefault(key, Sums()).merge(sums)
    return found


@verb()
@paths_argument
@click.option("--by", type=click.Choice(["level", "step"]), help="One column for each.")
@json_option
@click.option(
    "--require",
    multiple=True,
    metavar="METRIC>=X",
    help="End with exit code 1 unless it holds; can be repeated. A metric without cases fails.",
)
@click.option("--tensorboard", type=FOLDER, help="Also log the metrics of every step to this TensorBoard directory.")
@click.option("--fail-on-alarm", is_flag=True, help="End with exit code 1 if an alarm fired.")
@scoring_options()
@reading_options
def command(
    paths: Paths,
    by: str | None,
    as_json: bool,
    require: tuple[str, ...],
    tensorboard: Path | None,
    fail_on_alarm: bool,
    scoring: Scoring,
    reading: Reading,
) -> None:
    """Print the behaviour metrics of rollouts and the alarms they raise.

    Rollouts that are not scored yet are scored first; scored ones are taken as they
    are unless a method, grammar, checker … is given. Exit codes: 0 fine, 1 a condition failed, 2 bad input.

    \b
    Examples:
      s2r stats scored.jsonl
      s2r stats scored.jsonl --by level --json
      s2r stats verl_dumps/ --tensorboard runs/verl
      s2r stats rollouts.jsonl --require "s2r/check/timeout<=0.01" --fail-on-alarm
    """
    conditions = [_parse(condition) for condition in require]
    found = Statistics()
    for place, rollout in enumerate(scoring.stream(reading.each_rollout(paths))):
        found.add(place, rollout)
    alarms = alarms_of(found.tallies)
    fired = [alarm for alarm in alarms if alarm.fired]
    columns: dict[str, dict[str, float]] = {"all": found.overall.metrics}
    if by:
        groups = found.by(by)
        columns |= {f"{by} {key}": groups[key].metrics for key in sorted(groups, key=natural)}
    everything = {**columns["all"], **alarm_metrics(alarms)}
    if as_json:
        names = [alarm.name for alarm in fired]
        body: dict[str, Any] = {"rollouts": found.overall.size, "metrics": finite(everything), "fired": names}
        body["first_step"] = {alarm.name: alarm.step for alarm in fired if alarm.step is not None}
        if by:
            body["by"] = {name: finite(values) for name, values in columns.items() if name != "all"}
        click.echo(json.dumps(body, indent=2))
    else:
        _show(found.overall.size, columns)
        click.echo(f"\n{len(fired)} of {len(alarms)} alarms fired")
        for alarm in fired:
            rows = ", ".join(str(i + 1) for i in alarm.evidence)
            when = "" if alarm.step is None else f" first at step {alarm.step}, now {alarm.now:.3f}"
            click.echo(
                f"  {alarm.name}: {alarm.value:.3f}{when} (threshold {alarm.threshold:g}, {alarm.count:,} cases): "
                f"{alarm.formula}; see rollouts {rows}"
            )
    if tensorboard:
        _log(tensorboard, found)
    # nan compares false with everything, so a metric without cases fails either way.
    failed = [
        f"{name} is {everything[name]:.4g}, required {sign} {bound:g}"
        for name, sign, bound in conditions
        if not HOLDS[sign](everything[name], bound)
    ]
    if fail_on_alarm and fired:
        failed.append(f"{', '.join(alarm.name for alarm in fired)} fired")
    if failed:
        fail("failed: " + "; ".join(failed))


def _parse(condition: str) -> tuple[str, str, float]:
    match = CONDITION.fullmatch(condition.replace(" ", ""))
    if not match:
        raise click.BadParameter(f"{condition!r}: expected METRIC>=X or METRIC<=X", param_hint="--require")
    known = {*METRIC_NAMES, *(f"s2r/alarm/{name}" for name in ALARM_NAMES), "s2r/alarm/fired"}
    if match["name"] not in known:
        raise click.BadParameter(
            f"unknown metric {match['name']!r}; expected one of {', '.join(sorted(known))}", param_hint="--require"
        )
    return match["name"], match["sign"], float(match["bound"])


def _log(directory: Path, found: Statistics) -> None:
    """Behaviour metrics, by level as well, and alarms of every step; what belongs to no step is step 0."""
    from s2r_rewards.loggers import TensorBoardTracker

    tracker = TensorBoardTracker(str(directory))
    steps = sorted({step or 0 for step in found.tallies})
    for step in steps:
        of_it = [key for key in found.tallies if (key or 0) == step]
        levels = merged_sums((level, sums) for (key, level), sums in found.groups.items() if key in of_it)
        whole = merged_sums((None, sums) for sums in levels.values())[None]
        named = {level: sums.metrics for level, sums in levels.items() if level is not None}
        metrics = whole.metrics | {
            level_name(name, level): value for level, values in named.items() for name, value in values.items()
        }
        at_once = alarms_of({None: merged([found.tallies[key] for key in of_it])})
        tracker.log({**metrics, **alarm_metrics(at_once)}, step)
    tracker.close()
    say(f"{len(steps):,} steps → {directory}")


def _show(count: int, columns: Mapping[str, Mapping[str, float]]) -> None:
    from rich.table import Column

    if len(columns) <= MANY:
        headers = [Column("metric", no_wrap=True, min_width=max(map(len, columns["all"]))), *columns]
        table = {metric: [values[metric] for values in columns.values()] for metric in columns["all"]}
    else:  # a long run: one line a step
        headers = [Column(justify="right"), *SHORT]
        table = {name: [values[metric] for metric in SHORT.values()] for name, values in columns.items()}
    rows = ([name, *(f"{x:.4f}" if math.isfinite(x) else "–" for x in values)] for name, values in table.items())
    print_table(headers, rows, title=f"{count:,} rollouts", box=None)
