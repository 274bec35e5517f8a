"""Has the user write the task of a run in their editor, as `git commit` does with messages."""

import sys

from crossrun.cli.editing import edited
from crossrun.errors import UsageError
from crossrun.model.queries import RunFilter
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.redaction import MASK
from crossrun.services.app import App
from crossrun.services.options import RunOptions, require_text

_COMMENT_SIGNS = "#;@!$%^&|:"
_MOST_RUNS = 50
_FILE = "TASK.txt"


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
        UsageError: TASK_EMPTY, nothing is left of it, or the failed task was left as it was;
            EDITOR_FAILED.
    """
    failed = None if options.task else _last_failed(options.project_id, app)
    text = (options.task or (failed.task if failed is not None else "")).strip()
    sign = next((each for each in _COMMENT_SIGNS if f"\n{each}" not in f"\n{text}"), "#")
    comments = "".join(f"{sign} {hint}\n" for hint in _hints(sign, failed))
    with edited(f"{text}\n\n{comments}", _FILE, app.settings.environ) as file:
        saved = file.read_text(encoding="utf-8", errors="surrogateescape")
    lines = [line for line in saved.splitlines() if not line.startswith(sign)]
    task = "\n".join(lines).strip()
    if not task:
        raise UsageError(
            "TASK_EMPTY",
            "the task is empty, so nothing was started",
            hint='write one and save it, or give it as an argument: crossrun run "your task"',
        )
    if failed is not None and task == text:
        raise UsageError(
            "TASK_EMPTY",
            "the failed task was not changed, so nothing was started",
            hint=f"to repeat that run: crossrun retry {failed.id}",
        )
    return require_text(task, "the task")


def _hints(sign: str, failed: Run | None) -> list[str]:
    hints = [f"Write the task above. Lines that begin with {sign} are left out."]
    if failed is not None:
        hints.append(f"It is the task of run {failed.id}, which {_ended(failed)}.")
    return [*hints, "To start nothing, leave the text empty."]


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
