"""`crossrun open`: the workspace of a run in an editor, or in the agent itself."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Pick, ProjectId, RunReference
from crossrun.cli.commands.path import workspace_of
from crossrun.cli.globals import application, current
from crossrun.cli.picking import chosen_run
from crossrun.errors import StillRunningError, UsageError
from crossrun.executors.registry import packaged_program
from crossrun.model.executors import EXECUTORS
from crossrun.model.runs import Run

if TYPE_CHECKING:
    from crossrun.config.settings import Settings

_DESKTOP = "open" if sys.platform == "darwin" else "xdg-open"


def open_workspace(
    run: RunReference = None,
    project_id: ProjectId = None,
    command: Annotated[
        str | None,
        typer.Option("--with", metavar="COMMAND", help="Open it with this command instead."),
    ] = None,
    agent: Annotated[
        bool, typer.Option("--agent", help="Continue by hand, in the agent's own program.")
    ] = False,
    pick: Pick = False,
) -> None:
    """Open the workspace of a run in your editor: VISUAL, EDITOR, or what the desktop uses.

    With --agent, the agent's program continues the thread of the run in that folder, without
    crossrun. What you do there is not recorded.

    \b
    Examples:
      crossrun open
      crossrun open k7f3 --with "code --wait"
      crossrun open k7f3 --agent
    """
    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    folder = workspace_of(chosen)
    if agent:
        words = _agent_command(chosen, app.settings)
    else:
        words = [*_editor(command, app.settings.environ), folder]
    raise typer.Exit(_carry_out(words, folder, app.settings.environ))


def _editor(command: str | None, environ: Mapping[str, str]) -> list[str]:
    editor = command or environ.get("VISUAL") or environ.get("EDITOR")
    if not editor and shutil.which(_DESKTOP, path=environ.get("PATH")):
        editor = _DESKTOP
    try:
        words = shlex.split(editor or "")
    except ValueError:
        words = []
    if not words:
        raise UsageError(
            "EDITOR_FAILED",
            "no editor was found to open the workspace with",
            hint="set EDITOR, or name a command: crossrun open RUN --with COMMAND",
        )
    return words


def _agent_command(run: Run, settings: "Settings") -> list[str]:
    """The command that continues the run's thread in the agent's own program."""
    spec = EXECUTORS.get(run.executor)
    if spec is None or not spec.by_hand or run.thread_id is None:
        raise UsageError(
            "THREAD_MISSING",
            f"run {run.id} has no agent thread that can be continued by hand",
            hint=f"open its files instead: crossrun open {run.id}",
        )
    if not run.ended:
        raise StillRunningError(
            "STILL_RUNNING",
            f"run {run.id} is {run.status}; its agent is working in this folder",
            hint=f"follow it: crossrun watch {run.id}; or stop it: crossrun cancel {run.id}",
        )
    program, *others = spec.by_hand
    configured: str | None = getattr(getattr(settings, run.executor, None), "path", None)
    if configured is None and shutil.which(program, path=settings.environ.get("PATH")) is None:
        configured = packaged_program(run.executor)
    return [configured or program, *others, run.thread_id]


def _carry_out(words: list[str], folder: str, environ: Mapping[str, str]) -> int:
    """The exit code of a program that has the terminal."""
    try:
        return subprocess.run(words, cwd=folder, env=dict(environ), check=False).returncode
    except OSError as error:
        raise UsageError(
            "EDITOR_FAILED",
            f"{words[0]!r} cannot be started: {os.strerror(error.errno or 0)}",
            hint="set EDITOR, or name another command with --with",
        ) from error


open_app = application("open", open_workspace)
