"""The ``s2r`` command. Each verb lives in a module of its own, imported only when it is asked for."""

from __future__ import annotations

import click

from s2r_rewards import __version__
from s2r_rewards.cli.kit.commands import LazyGroup

#: verb → (module, one line of help)
COMMANDS: dict[str, tuple[str, str]] = {
    "score": ("s2r_rewards.cli.score", "Parse, judge and reward stored rollouts."),
    "stats": ("s2r_rewards.cli.stats", "Behaviour metrics and alarms of stored rollouts."),
    "report": ("s2r_rewards.cli.report", "One self-contained HTML page out of stored rollouts."),
    "replay": ("s2r_rewards.cli.replay", "Score again with other rules; show what changed."),
    "audit": ("s2r_rewards.cli.audit", "Compare two golden-answer checkers; show where they disagree."),
    "data": ("s2r_rewards.cli.data", "From a base model to training data."),
    "eval": ("s2r_rewards.cli.eval", "From a trained model to the paper's tables."),
    "recipes": ("s2r_rewards.cli.recipes", "List, show, copy and run the shipped recipes."),
    "serve": ("s2r_rewards.cli.serve", "Serve rewards over HTTP (OpenRLHF's protocol)."),
    "doctor": ("s2r_rewards.cli.doctor", "Check that this environment fits before a GPU is taken."),
}


@click.command(
    cls=LazyGroup, verbs=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="s2r")
def main() -> None:
    """Rewards for self-verification and self-correction (S²R, arXiv:2502.12853).

    \b
    Examples:
      s2r recipes run tiny             the whole pipeline on a CPU, no download
      s2r score rollouts.jsonl -o scored.jsonl
      s2r report scored.jsonl -o report.html
    """
