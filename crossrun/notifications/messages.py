"""What notifications say about runs and batches."""

from typing import Any

from crossrun.errors import CrossrunError
from crossrun.model.batches import Batch
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.notifications import Notification
from crossrun.system.clock import now
from crossrun.views.unseen import clean
from crossrun.views.words import clock, first_line

_LONGEST = 160
"""Characters of a body; desktops show about so many."""


def of_run(run: Run) -> Notification:
    """A run that has ended."""
    task = _line(run.task)
    took = "" if run.duration_s is None else f" after {clock(run.duration_s)}"
    title = f"Run {run.id} {_words(run.status)}{took}"
    reason = "" if run.failure is None else _line(run.failure.message)
    return Notification(
        id=f"msg_run_{run.id}",
        title=title,
        body=f"{reason} · {task}"[:_LONGEST] if reason else task[:_LONGEST],
        variables={
            "CROSSRUN_RUN_ID": run.id,
            "CROSSRUN_RUN_STATUS": str(run.status),
            "CROSSRUN_RUN_EXIT_CODE": "" if run.exit_code is None else str(run.exit_code),
            "CROSSRUN_RUN_PROJECT_ID": run.project_id,
            "CROSSRUN_RUN_NAME": run.name or "",
            "CROSSRUN_RUN_TASK": task,
            "CROSSRUN_RUN_FAILURE": "" if run.failure is None else run.failure.code,
            "CROSSRUN_RUN_DURATION": "" if run.duration_s is None else f"{run.duration_s:.1f}",
        },
        event=_event("run.ended", run.ended_at, _run_data(run, task)),
    )


def of_batch(batch: Batch, runs: int, succeeded: int) -> Notification:
    """A batch, attempts or an experiment that has ended."""
    state = "ended" if batch.state is None else _words(batch.state)
    data = {
        "id": batch.id,
        "kind": batch.kind,
        "name": batch.name,
        "project_id": batch.project_id,
        "state": batch.state,
        "runs": runs,
        "succeeded": succeeded,
    }
    return Notification(
        id=f"msg_batch_{batch.id}",
        title=f"{batch.kind.capitalize()} {batch.id} {state}",
        body=f"{succeeded} of {runs} runs succeeded",
        variables={
            "CROSSRUN_BATCH_ID": batch.id,
            "CROSSRUN_BATCH_STATE": str(batch.state or ""),
            "CROSSRUN_BATCH_RUNS": str(runs),
            "CROSSRUN_BATCH_SUCCEEDED": str(succeeded),
        },
        event=_event("batch.ended", now(), data),
    )


def of_unattended_error(schedule: str, error: CrossrunError) -> Notification:
    """A scheduled run that could not begin."""
    message = _line(error.message)
    data = {"schedule": schedule, "error": {"code": error.code, "message": message}}
    at = now()
    return Notification(
        id=f"msg_schedule_{schedule}_{at}",
        title=f"Schedule {schedule} could not start its run",
        body=f"{error.code}: {message}"[:_LONGEST],
        variables={"CROSSRUN_SCHEDULE": schedule, "CROSSRUN_ERROR": error.code},
        event=_event("schedule.failed", at, data),
    )


def _run_data(run: Run, task: str) -> dict[str, Any]:
    failure = run.failure
    return {
        "id": run.id,
        "project_id": run.project_id,
        "name": run.name,
        "task": task,
        "task_type": run.task_type,
        "template": run.template,
        "tags": list(run.tags),
        "status": run.status,
        "exit_code": run.exit_code,
        "failure": failure and {"code": failure.code, "message": _line(failure.message)},
        "created_at": run.created_at,
        "ended_at": run.ended_at,
        "duration_s": run.duration_s,
        "changed_files": None if run.changes is None else len(run.changes),
    }


def _event(kind: str, at: str | None, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "timestamp": at, "data": data}


def _line(text: str) -> str:
    return " ".join(clean(first_line(text)).split())


def _words(status: Status) -> str:
    return str(status).replace("_", " ")
