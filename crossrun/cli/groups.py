"""Commands with sub-commands, one of which is the default."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import typer

from crossrun.cli.globals import CONTEXT, Command, CommandGroup, global_options


class GroupWithDefault(CommandGroup):
    """`crossrun artifacts k7f3` is `crossrun artifacts list k7f3`."""

    default = "list"
    """The command that words belong to which name none."""
    likeness = 0.6
    """How like a command a word has to be to be taken for it misspelt."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401  passed on
        super().__init__(*args, **keywords)
        self.params.extend(global_options())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the default command before words that name none."""
        named = bool(args) and args[0] in (*self.commands, "-h", "--help", "--help-all")
        if args and not named and not args[0].startswith("-") and not self._takes_arguments():
            ctx.fail(f"there is no command '{ctx.command_path} {args[0]}'{self._near(args[0])}")
        return super().parse_args(ctx, args if named else [self.default_for(args), *args])

    def default_for(self, args: list[str]) -> str:
        """The command that is meant where none is named; without any words it is the list."""
        return self.default if args else "list"

    def _takes_arguments(self) -> bool:
        return any(
            isinstance(param, click.Argument) for param in self.commands[self.default].params
        )

    def _near(self, name: str) -> str:
        from crossrun.suggestions import did_you_mean

        return did_you_mean(name, self.commands, likeness=self.likeness)


class _StartingByDefault(GroupWithDefault):
    """`crossrun batch rows.csv` is `crossrun batch start rows.csv`."""

    default = "start"
    likeness = 0.75

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuses a word that is nearly a command: it would start agents."""
        word = args[0] if args else ""
        near = "" if word in self.commands or Path(word).exists() else self._near(word)
        if near and len(word.split()) == 1:
            path = ctx.command_path
            ctx.fail(f"there is no command '{path} {word}'{near} Else: {path} start {word}")
        return super().parse_args(ctx, args)


class _ShowingByDefault(GroupWithDefault):
    """`crossrun config timeout` is `crossrun config show timeout`."""

    default = "show"

    def default_for(self, args: list[str]) -> str:  # noqa: ARG002  what it overrides
        """Without any words, too."""
        return self.default


_BY_DEFAULT = {"start": _StartingByDefault, "list": GroupWithDefault, "show": _ShowingByDefault}


def group(name: str, help_text: str, **functions: Callable[..., None]) -> typer.Typer:
    """A command group; `list`, `start` or `show` is the default, whichever it has."""
    app = typer.Typer(
        name=name,
        help=help_text,
        cls=next((cls for name, cls in _BY_DEFAULT.items() if name in functions), GroupWithDefault),
        rich_markup_mode=None,
        context_settings=CONTEXT,
        add_completion=False,
    )
    for command, function in functions.items():
        app.command(command.rstrip("_"), cls=Command)(function)
    return app
