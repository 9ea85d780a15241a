"""Groups of commands, and errors as exit codes: 0 fine, 1 a condition failed, 2 bad usage or bad input."""

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import click

#: A group called without a command shows its help; click below 8.2 does not call that an error.
NO_ARGUMENTS: type[Exception] = getattr(click.exceptions, "NoArgsIsHelpError", BrokenPipeError)
Function = TypeVar("Function", bound=Callable[..., Any])


class BadInput(click.ClickException):
    """What the user gave cannot be used."""

    exit_code = 2


class LazyGroup(click.Group):
    """A group whose commands are imported on use. Errors of the input end them with a message, not a traceback.

    Args:
        verbs: name → one line of help, listed without importing anything. The module of that name in ``package`` has
            the ``command``.
    """

    def __init__(
        self, *args: Any, package: str, verbs: Mapping[str, str], heading: str = "Commands", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.package, self.verbs, self.heading = package, verbs, heading

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.verbs:
            return None
        command: click.Command = importlib.import_module(f"{self.package}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(self.heading):
            formatter.write_dl(list(self.verbs.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, NO_ARGUMENTS):
            raise
        except click.UsageError as error:  # one line, where click has four
            hint = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
            raise BadInput(error.format_message().rstrip() + hint) from error
        except (ValueError, OSError, ImportError) as error:
            raise BadInput(str(error)) from error


def fail(message: str) -> NoReturn:
    """End the command because a condition does not hold."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(1)


def needed(count: int, what: str, way_out: str) -> None:
    """Refuses to write an output of nothing. Raises ValueError: what there is none of, and what to do."""
    if not count:
        raise ValueError(f"{what}; nothing was written. {way_out}")


def bundle(name: str, make: Callable[..., Any], *options: click.Option) -> Callable[[Function], Function]:
    """Options that reach the command as one argument ``name``: what ``make`` makes of their values."""
    names = {str(option.name) for option in options}

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def command(**values: Any) -> Any:
            own = {option: values.pop(option) for option in names}
            return function(**values, **{name: make(**own)})

        return attached(*options)(command)  # type: ignore[return-value]

    return decorate


def attached(*options: click.Option) -> Callable[[Function], Function]:
    """Options that reach the command as arguments of their own."""

    def decorate(function: Function) -> Function:
        earlier = getattr(function, "__click_params__", [])
        function.__click_params__ = [*earlier, *reversed(options)]  # type: ignore[attr-defined]
        return function

    return decorate
