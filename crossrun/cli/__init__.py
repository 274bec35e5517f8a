"""The command line: each command makes a request, calls a service and shows its result."""

import importlib
import keyword
import sys

import click
import typer

from crossrun import __version__
from crossrun.cli.command_names import ALIASES, unknown_command
from crossrun.cli.globals import CONTEXT, CommandGroup, global_options
from crossrun.cli.overview import show_overview

COMMANDS: dict[str, dict[str, str]] = {
    "Start a run": {
        "quickstart": "See the whole loop in a minute, offline and without an API key.",
        "run": "Have an agent carry out a task.",
        "resume": "Continue a run that has ended.",
        "retry": "Repeat a run from the start.",
        "templates": "Show and manage task templates.",
    },
    "Follow and stop": {
        "watch": "Follow a run until it ends.",
        "wait": "Wait until runs have ended.",
        "cancel": "Stop runs.",
    },
    "Look at runs": {
        "runs": "List runs.",
        "search": "Search the tasks, answers, commands and outputs of runs.",
        "show": "Show one run.",
        "steps": "Show what the agent did, step by step.",
        "events": "Show the raw events of a run.",
        "compare": "Compare two runs side by side.",
        "insights": "Show what your run history tells you.",
        "why": "Explain which pattern and settings a run used, and why.",
    },
    "Use what a run made": {
        "diff": "Show what a run changed, or how two runs differ.",
        "apply": "Apply the change of a run to your own files.",
        "undo": "Undo an apply.",
        "files": "Show the files of a run's workspace.",
        "get": "Copy files out of a run's workspace.",
        "path": "Print the folder of a run's workspace.",
        "open": "Open a run's workspace in your editor, or in the agent.",
        "report": "Write a report of runs as a single file.",
        "artifacts": "List, show and get the artifacts of runs.",
    },
    "Make many runs": {
        "batch": "Run many tasks, some at the same time.",
        "attempts": "Try a task several times and keep the best attempt.",
        "experiment": "Find out which variant does better on the same tasks.",
        "schedule": "Run tasks at fixed times.",
    },
    "Memory": {
        "patterns": "Show and manage the patterns learned from runs.",
        "import": "Import the session history of Codex or Claude Code.",
    },
    "Keep order": {
        "tag": "Add tags to a run, or remove them.",
        "note": "Write a note about a run.",
        "rename": "Give a run another name.",
        "projects": "List and set up projects.",
        "stats": "Show disk usage, and what runs did and used.",
        "rm": "Remove runs.",
        "cleanup": "Remove workspaces that are no longer needed.",
    },
    "Set up": {
        "help": "Explain a command, an error code or a topic.",
        "config": "Show and change settings.",
        "completion": "Have your shell complete commands, options and run ids.",
        "doctor": "Check whether runs can work here, and what to do if not.",
        "paths": "Show where everything is.",
        "migrate": "Update the store, or restore a backup.",
    },
}
"""By section, each command and its purpose. Its module in `crossrun.cli.commands` has its name, and
is imported only when the command is called, so that no command pays for another."""

_HELP = {name: text for section in COMMANDS.values() for name, text in section.items()}


class _Root(CommandGroup):
    """Finds commands by name and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_HELP)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _HELP:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"crossrun.cli.commands.{name}")
        command: click.Command = typer.main.get_command(getattr(module, f"{cmd_name}_app"))
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0] if args else ""
        if word in ("status", "version"):
            _version(word == "version")
            show_overview(ctx)
            raise typer.Exit
        if word not in _HELP and word not in ALIASES and not word.startswith("-"):
            raise unknown_command(args, _HELP, ctx)
        return super().resolve_command(ctx, [ALIASES.get(word, word), *args[1:]])

    def sections(self, ctx: click.Context) -> dict[str, dict[str, str]]:  # noqa: ARG002
        return COMMANDS


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"crossrun {__version__}\n")
        raise typer.Exit


app = typer.Typer(
    cls=_Root,
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings=CONTEXT,
    add_completion=False,
)


@app.callback()
def _root(
    context: typer.Context,
    _: bool = typer.Option(
        False,
        "--version",
        "-V",
        help="Show the version.",
        callback=_version,
        is_eager=True,
        rich_help_panel="Global options",
    ),
) -> None:
    """Run coding agents and keep a record that you can check.

    Every run gets its own workspace; its events, artifacts and diffs are kept.

    \b
    Examples:
      crossrun quickstart
      crossrun run "Fix the failing test in calc.py" --verify "pytest -q"
      crossrun run "Summarise the notes" --task-type research --project-id thesis
      id=$(crossrun run -f task.md) && crossrun diff "$id"
    """
    if context.invoked_subcommand is None:
        show_overview(context)


def root() -> click.Command:
    """The whole command line."""
    command: click.Command = typer.main.get_command(app)
    command.params.extend(global_options())
    return command
