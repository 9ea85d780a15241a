"""The ``s2r`` command. Each verb lives in a module of its own, imported only when it is asked for."""

from __future__ import annotations

import importlib

import click

from s2r_rewards import __version__

#: verb → (module, one line of help): help is listed without importing anything heavy.
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


class LazyGroup(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(COMMANDS[cmd_name][0]).command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.command(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
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
