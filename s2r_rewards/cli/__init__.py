"""The ``s2r`` command. Each verb is a module, imported only when it is asked for."""

import click

from s2r_rewards import __version__
from s2r_rewards.cli.kit.commands import LazyGroup

#: Each verb is a module; its line of help.
COMMANDS = {
    "score": "Parse, judge and reward stored rollouts.",
    "stats": "Behaviour metrics and alarms of stored rollouts.",
    "report": "One self-contained HTML page out of stored rollouts.",
    "replay": "Score again with other rules; show what changed.",
    "audit": "Compare two golden-answer checkers; show where they disagree.",
    "data": "From a base model to training data.",
    "eval": "From a trained model to the paper's tables.",
    "recipes": "List, show, copy and run the shipped recipes.",
    "init": "A project folder that is ready to train, with a test of its rewards.",
    "serve": "Serve rewards over HTTP (OpenRLHF's protocol).",
    "doctor": "Check that this environment fits before a GPU is taken.",
    "completion": "Completion for bash, zsh and fish.",
}
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.command(cls=LazyGroup, package=__name__, verbs=COMMANDS, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="s2r")
def main() -> None:
    """Rewards for self-verification and self-correction (S²R, arXiv:2502.12853).

    \b
    Examples:
      s2r recipes run tiny             the whole pipeline on a CPU, no download
      s2r score rollouts.jsonl -o scored.jsonl
      s2r report scored.jsonl -o report.html
    """
