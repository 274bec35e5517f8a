"""The options that every command has, and what it gets from them."""

import operator
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import typer
from typer.core import TyperCommand, TyperOption

if TYPE_CHECKING:
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

    `paths` are known once the settings are read.
    """

    def __init__(self, *, json: bool = False, debug: bool = False) -> None:
        self.home: Path | None = None
        self.paths: Paths | None = None
        self.debug = debug
        self.quiet = False
        self.color = True
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

    def confirm(self, question: str, *, hint: str) -> None:
        """Asks for consent.

        Raises:
            ConsentNeeded: the answer is no, or there is no terminal to ask on.
        """
        import sys

        from crossrun.errors import ConsentNeeded

        if self.yes or (sys.stdin.isatty() and typer.confirm(question, err=True)):
            return
        raise ConsentNeeded("CONSENT_NEEDED", question, hint=hint)

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


class Command(TyperCommand):
    """A command with the global options."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401  passed on
        super().__init__(*args, **keywords)
        self.params.extend(global_options())


def global_options() -> list[click.Parameter]:
    """Fresh options for one command; their values go to `Globals` and not to the function."""
    return [
        _option("--home", "home", "Use this folder for everything.", Path, metavar="DIR"),
        _option("--debug", "debug", "Show a traceback on an internal error.", bool, is_flag=True),
        _option("--quiet", "quiet", "Print only data and errors.", bool, is_flag=True),
        _option("--no-color", "color", "Print without colours.", operator.not_, is_flag=True),
        _option("--yes", "yes", "Answer yes to every question.", bool, is_flag=True),
    ]


def _option(
    name: str,
    attribute: str,
    help_text: str,
    as_kept: Callable[[Any], object],
    **keywords: Any,  # noqa: ANN401  passed on
) -> TyperOption:
    def keep(context: click.Context, _parameter: click.Parameter, value: object) -> None:
        if value:
            options = context.find_root().ensure_object(Globals)
            setattr(options, attribute, as_kept(value))

    return TyperOption(
        param_decls=[f"global_{attribute}", name],
        expose_value=False,
        callback=keep,
        help=help_text,
        **keywords,
    )


def application(
    name: str, function: Callable[..., None], *, command: type[Command] = Command
) -> typer.Typer:
    """A typer application of one command."""
    app = typer.Typer(rich_markup_mode=None, context_settings=CONTEXT, add_completion=False)
    app.command(name, cls=command)(function)
    return app
