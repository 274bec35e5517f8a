"""Has the user write the task of a run in their editor, as `git commit` does with messages."""

import sys

import click

from crossrun.errors import ConfigurationError, UsageError
from crossrun.model.queries import RunFilter
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.redaction import MASK
from crossrun.services.app import App
from crossrun.services.options import RunOptions
from crossrun.views.words import first_line

_COMMENT_SIGNS = "#;@!$%^&|:"
_MOST_RUNS = 50


def is_editor_needed(options: RunOptions, *, asked_for: bool) -> bool:
    """Whether to open the editor: on request, or on a terminal if nothing says what to do."""
    if asked_for:
        return True
    return options.task is None and not options.replays and sys.stdin.isatty()


def edited_task(options: RunOptions, app: App) -> str:
    """The task as the user leaves it in the editor.

    It begins with the task that was given, or else with the last one of the project that failed.

    Args:
        options: of the new run.
        app: has the earlier runs.

    Raises:
        UsageError: TASK_EMPTY, nothing was saved, or nothing is left of it.
        ConfigurationError: EDITOR_FAILED.
    """
    failed = None if options.task else _last_failed(options.project_id, app)
    text = options.task or (failed.task if failed is not None else "")
    sign = next((each for each in _COMMENT_SIGNS if f"\n{each}" not in f"\n{text}"), "#")
    hints = [f"Write the task above. Lines that begin with {sign} are left out."]
    if failed is not None:
        hints.append(f"This is the task of run {failed.id}, which {_ended(failed)}.")
    hints.append("To start nothing, leave it empty, or quit without saving.")
    comments = "".join(f"{sign} {hint}\n" for hint in hints)
    saved = _edited(f"{text.rstrip()}\n\n{comments}", app)
    lines = [line for line in (saved or "").splitlines() if not line.startswith(sign)]
    task = "\n".join(lines).strip()
    if not task:
        why = "nothing was saved" if saved is None else "the task is empty"
        raise UsageError(
            "TASK_EMPTY",
            f"{why}, so nothing was started",
            hint='write a task and save it, or give it as an argument: crossrun run "your task"',
        )
    return task


def _edited(text: str, app: App) -> str | None:
    """The text as it was saved; None if it was not."""
    environ = app.settings.environ
    editor = environ.get("VISUAL") or environ.get("EDITOR") or "vi"
    try:
        return click.edit(text, editor=editor, extension=".txt")
    except click.ClickException as error:
        raise ConfigurationError(
            "EDITOR_FAILED",
            f"the editor {first_line(editor)} did not work: {first_line(error.format_message())}",
            hint='set EDITOR to yours, or give the task as an argument: crossrun run "your task"',
        ) from error


def _last_failed(project_id: str | None, app: App) -> Run | None:
    """The newest run of the project that did not succeed and whose task is stored in full."""
    project = project_id or app.settings.project_id
    runs = app.store.read.runs(RunFilter(project_id=project, limit=_MOST_RUNS))
    return next(
        (
            run
            for run in runs
            if run.ended and run.status is not Status.SUCCEEDED and MASK not in run.task
        ),
        None,
    )


def _ended(run: Run) -> str:
    words = {
        Status.TIMED_OUT: "timed out",
        Status.LIMIT_REACHED: "reached a limit",
        Status.CANCELLED: "was cancelled",
        Status.INTERRUPTED: "was interrupted",
    }
    return words.get(run.status, "failed")
