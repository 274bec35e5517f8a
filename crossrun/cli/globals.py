"""The options that every command has, and what it gets from them."""

import operator
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

if TYPE_CHECKING:
    from crossrun.cli.help_layout import HelpFormatter
    from crossrun.config.settings import Paths, Settings
    from crossrun.services.app import App
    from crossrun.services.notices import Notice
    from crossrun.views.terminal import Terminal

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""What every command has in common."""


class Globals:
    """The values of the global options, and what follows from them.

    Args:
        json: whether errors are also printed as JSON.
        debug: whether an internal error shows a traceback.
        color: whether colours are allowed.

    `paths` are known once the settings are read.
    """

    def __init__(self, *, json: bool = False, debug: bool = False, color: bool = True) -> None:
        self.home: Path | None = None
        self.paths: Paths | None = None
        self.debug = debug
        self.quiet = False
        self.color = color
        self.yes = False
        self.json = json

    def settings(self, **flags: object) -> "Settings":
        """Reads the settings; warns if something is wrong with their files."""
        from crossrun.config import sources
        from crossrun.views.unseen import clean

        loaded = sources.load(flags=flags, home=self.home)
        self.paths = loaded.paths
        for warning in loaded.warnings:
            self.say(f"warning: {clean(warning)}")
        return loaded

    def app(self, **flags: object) -> "App":
        """An `App` with the settings; the command opens it."""
        from crossrun.services.app import App

        return App(self.settings(**flags), self.notify)

    def open_app(self) -> "App":
        """An `App` to read from; runs that turn out to be dead are reported."""
        app = self.app()
        app.open_for_reading()
        return app

    def say(self, *lines: str) -> None:
        """Writes lines for people, unless --quiet is given."""
        if not self.quiet:
            self.err.write(lines)

    def notify(self, notice: "Notice") -> None:
        """Presents what a service has to say."""
        self.say(str(notice))

    def confirm(self, question: str, *, hint: str, declined: str = "nothing was changed") -> None:
        """Asks for consent.

        Args:
            question: what to agree to.
            hint: what to do if there is no terminal to ask on.
            declined: what is said if the answer is no.

        Raises:
            typer.Exit: the answer is no; it is not an error.
            ConsentNeeded: there is no terminal to ask on.
        """
        import sys

        from crossrun.errors import ConsentNeeded, Exit

        if self.yes:
            return
        if not sys.stdin.isatty():
            raise ConsentNeeded("CONSENT_NEEDED", question, hint=hint)
        if not typer.confirm(question, err=True):
            self.say(declined)
            raise typer.Exit(Exit.CANCELLED)

    def ask(self, question: str) -> str | None:
        """The answer to a question; None if there is no terminal to ask on."""
        import sys

        if self.yes or not sys.stdin.isatty():
            return None
        answer: str = typer.prompt(question, err=True)
        return answer

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment for pagers and the like."""
        return os.environ

    @property
    def out(self) -> "Terminal":
        """For data: standard output."""
        from crossrun.views.terminal import stdout

        return stdout(os.environ, color=self.color)

    @property
    def err(self) -> "Terminal":
        """For people: standard error."""
        from crossrun.views.terminal import stderr

        return stderr(os.environ, color=self.color)


def current() -> Globals:
    """The global options of the command that runs."""
    context = click.get_current_context().find_root()
    options: Globals = context.ensure_object(Globals)
    return options


class HelpContext(click.Context):
    """The context of a command, with the layout of its help."""

    def make_formatter(self) -> "HelpFormatter":
        """The formatter for the terminal that the help is printed on."""
        from crossrun.cli.help_layout import HelpFormatter

        terminal = self.find_root().ensure_object(Globals).out
        self.color = terminal.color
        return HelpFormatter(width=terminal.width, style=terminal.style)


class Command(TyperCommand):
    """A command with the global options, and its options in groups."""

    context_class = HelpContext

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401  passed on
        super().__init__(*args, **keywords)
        self.params.extend(global_options())

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes what the command does, and its examples."""
        from crossrun.cli import help_layout

        help_layout.write_text(self, cast("HelpFormatter", formatter))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options in groups, all of them with --help-all."""
        from crossrun.cli import help_layout

        help_layout.write_options(
            self,
            ctx,
            cast("HelpFormatter", formatter),
            everything=HELP_ALL in ctx.meta,
        )


class CommandGroup(TyperGroup):
    """Commands with sub-commands: the help lists these first, by section."""

    context_class = HelpContext

    def sections(self, ctx: click.Context) -> dict[str, dict[str, str]]:
        """The sub-commands by section, each with its purpose."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        return {
            "Commands": {
                name: command.get_short_help_str(limit=100)
                for name, command in commands
                if command is not None and not command.hidden
            }
        }

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes what the commands are for, and examples."""
        from crossrun.cli import help_layout

        help_layout.write_text(self, cast("HelpFormatter", formatter))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the sub-commands, then the options."""
        from crossrun.cli import help_layout

        help_layout.write_options(
            self,
            ctx,
            cast("HelpFormatter", formatter),
            everything=True,
            commands=self.sections(ctx),
        )


HELP_ALL = "crossrun.help-all"
"""The key in the `meta` of a context that says that the whole help is wanted."""
_GLOBAL = "Global options"


def _help_all_option() -> click.Option:
    """`--help-all`, which a command with few options understands, too, but does not mention."""

    def show(context: click.Context, _parameter: click.Parameter, value: object) -> None:
        if value:
            context.meta[HELP_ALL] = True
            click.echo(context.get_help(), color=context.color)
            context.exit()

    return TyperOption(
        param_decls=["global_help_all", "--help-all"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        hidden=True,
        callback=show,
        help="Show every option, and exit.",
        rich_help_panel=_GLOBAL,
    )


def global_options() -> list[click.Parameter]:
    """Fresh options for one command; their values go to `Globals` and not to the function."""
    return [
        _help_all_option(),
        _option(
            "home", "Keep all of crossrun's files in this folder.", Path, "--home", metavar="DIR"
        ),
        _option("debug", "Show a traceback on an internal error.", bool, "--debug", is_flag=True),
        _option("quiet", "Print only data and errors.", bool, "-q", "--quiet", is_flag=True),
        _option("color", "Print without colours.", operator.not_, "--no-color", is_flag=True),
        _option("yes", "Answer yes to every question.", bool, "-y", "--yes", is_flag=True),
    ]


def _option(
    attribute: str,
    help_text: str,
    as_kept: Callable[[Any], object],
    *names: str,
    **keywords: Any,  # noqa: ANN401  passed on
) -> TyperOption:
    def keep(context: click.Context, _parameter: click.Parameter, value: object) -> None:
        if value:
            options = context.find_root().ensure_object(Globals)
            setattr(options, attribute, as_kept(value))

    return TyperOption(
        param_decls=[f"global_{attribute}", *names],
        expose_value=False,
        callback=keep,
        help=help_text,
        rich_help_panel=_GLOBAL,
        **keywords,
    )


def application(
    name: str, function: Callable[..., None], *, command: type[Command] = Command
) -> typer.Typer:
    """A typer application of one command."""
    app = typer.Typer(rich_markup_mode=None, context_settings=CONTEXT, add_completion=False)
    app.command(name, cls=command)(function)
    return app
