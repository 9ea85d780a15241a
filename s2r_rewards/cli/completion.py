"""``s2r completion``: what a shell needs to complete verbs, options and names of recipes."""

import click
from click.shell_completion import get_completion_class

from s2r_rewards.cli.kit.paths import verb

SHELLS = ("bash", "zsh", "fish")


@verb()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL; put the line of yours into its start-up file.

    \b
    Examples:
      s2r completion bash            eval "$(s2r completion bash)" in ~/.bashrc
      s2r completion zsh             eval "$(s2r completion zsh)" in ~/.zshrc
      s2r completion fish            s2r completion fish | source  in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click has all of SHELLS
    completer = kind(ctx.find_root().command, {}, "s2r", "_S2R_COMPLETE")
    click.echo(completer.source_template % completer.source_vars())
