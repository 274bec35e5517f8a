"""The command line: thin edges that build a request, call one function and show what it returns."""

import importlib
import sys

import click
import typer
from typer.core import TyperGroup

from crossrun import __version__
from crossrun.cli.globals import CONTEXT, global_options

COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Work": {
        "quickstart": ("quickstart", "See the whole loop in a minute, offline and without a key."),
        "run": ("commands.run", "Have an agent carry out a task."),
        "resume": ("commands.resume", "Go on with a run that has ended."),
        "retry": ("commands.retry", "Repeat a run from the start."),
        "watch": ("watch", "Follow a run until it ends."),
        "wait": ("control", "Wait until runs have ended."),
        "cancel": ("control", "Stop runs from another terminal."),
    },
    "Look": {
        "runs": ("commands.runs", "List runs."),
        "show": ("commands.show", "Show one run."),
        "steps": ("commands.steps", "Show what the agent did, step by step."),
        "events": ("commands.events", "Show the raw events of a run."),
        "diff": ("commands.diff", "Show what a run changed, or how two runs differ."),
        "files": ("commands.files", "Show the files of a run's workspace."),
        "get": ("commands.get", "Copy one file out of a run's workspace."),
        "artifacts": ("commands.artifacts", "List, show and get the files that runs left."),
        "patterns": ("commands.patterns", "Show and manage what runs taught."),
        "projects": ("commands.projects", "List and set up projects."),
    },
    "Bring back": {
        "apply": ("commands.apply", "Bring what a run changed to your own files."),
        "undo": ("commands.undo", "Take an apply back."),
    },
    "Tidy up": {
        "cleanup": ("cleanup", "Remove workspaces that are no longer needed."),
        "stats": ("stats", "Show what takes up disk, and what runs did and used."),
    },
    "Set up": {
        "paths": ("setup", "Show where everything is."),
        "migrate": ("setup", "Bring the store up to date."),
    },
}
"""By section: each command with the module that has it and what it does. Modules are imported when
their command is called, so that no command pays for another."""

_PLACES = {name: place for section in COMMANDS.values() for name, place in section.items()}


class _Root(TyperGroup):
    """Finds commands by name and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _PLACES:
            return None
        module = importlib.import_module(f"crossrun.cli.{_PLACES[cmd_name][0]}")
        command: click.Command = typer.main.get_command(getattr(module, f"{cmd_name}_app"))
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name not in _PLACES and not name.startswith("-"):
            raise click.UsageError(_unknown_command(name), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for section, commands in COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl([(name, told) for name, (_, told) in commands.items()])


def _unknown_command(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, _PLACES, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"there is no command {name!r}{meant}"


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"crossrun {__version__}\n")
        raise typer.Exit


app = typer.Typer(
    cls=_Root,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=CONTEXT,
)


@app.callback()
def _root(
    _: bool = typer.Option(
        False, "--version", help="Show the version.", callback=_version, is_eager=True
    ),
) -> None:
    """Run coding agents with a ledger that tells the truth.

    Every run gets a workspace of its own; its events, artifacts and diffs are kept.

    \b
    Examples:
      crossrun quickstart
      crossrun run "Fix the failing test in calc.py" --verify "pytest -q"
      crossrun run "Summarise the notes" --task-type research --project-id thesis
      id=$(crossrun run -f task.md) && crossrun diff "$id"
    """


def root() -> click.Command:
    """The whole command line."""
    command: click.Command = typer.main.get_command(app)
    command.params.extend(global_options())
    return command
