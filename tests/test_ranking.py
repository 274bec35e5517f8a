"""Attempts are ranked by their check, then by proof, then by the size of their change."""

from typing import Any

from msgspec.structs import replace

from crossrun.batches.ranking import TaskAttempt, lines_changed, ranking, winner
from crossrun.model.batches import Batch, BatchRow
from crossrun.model.proof import Proof
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Change, Run
from crossrun.model.status import Status

SUCCEEDED = Run(
    id="", project_id="p", name=None, task="t", task_type="code", tags=(), status=Status.SUCCEEDED,
    exit_code=0, created_at="", started_at=None, ended_at="2026-01-01T00:00:00Z", workspace="",
    executor="shell", planner="direct", model=None, planner_model=None, executor_version=None,
    crossrun_version="0",
)  # fmt: skip


def changed(*lines: int) -> tuple[Change, ...]:
    return tuple(
        Change(f"f{i}", "modified", insertions=n, deletions=0) for i, n in enumerate(lines)
    )


def ranked(**runs: dict[str, Any] | None) -> list[TaskAttempt]:
    """The attempts of a batch; each run succeeded and changed two lines, unless it says more."""
    rows, made = [], {}
    for number, (name, fields) in enumerate(runs.items(), start=1):
        if fields is not None:
            made[name] = replace(SUCCEEDED, **{"id": name, "changes": changed(2), **fields})
        rows.append(
            BatchRow(
                number=number,
                name=name,
                request=RunRequest(task="t"),
                run_id=None if fields is None else name,
                status=None if fields is None else made[name].status,
            )
        )
    batch = Batch(id="b", kind="attempts", project_id="p", created_at="", rows=tuple(rows))
    return ranking(replace(batch, state=Status.SUCCEEDED), made)


def names(attempts: list[TaskAttempt]) -> list[str]:
    return [attempt.name for attempt in attempts]


def test_what_passed_comes_before_what_failed_and_what_was_stopped() -> None:
    attempts = ranked(
        unbegun=None,
        stopped={"status": Status.CANCELLED, "changes": changed(1)},
        failed={"status": Status.FAILED, "changes": changed(1)},
        passed={"changes": changed(90)},
    )
    assert names(attempts) == ["passed", "failed", "stopped", "unbegun"]
    assert [attempt.state.name for attempt in attempts] == [
        "succeeded", "failed", "cancelled", "skipped",
    ]  # fmt: skip


def test_among_equals_the_proof_counts_and_then_the_size_of_the_change() -> None:
    grades = {
        grade: {"proof": Proof(grade), "changes": changed(1)}
        for grade in ("contradicted", "unchecked", "checked")
    }
    attempts = ranked(
        **grades,
        large={"proof": Proof("proven"), "changes": changed(9)},
        small={"proof": Proof("proven"), "changes": changed(3, 4)},
        ungraded={"changes": changed(2)},
        idle={"changes": ()},
    )
    assert names(attempts) == [
        "small", "large", "checked", "unchecked", "ungraded", "idle", "contradicted",
    ]  # fmt: skip


def test_the_winner_has_succeeded_and_is_not_contradicted() -> None:
    best = winner(ranked(a={"status": Status.FAILED}, b={}))
    assert best is not None
    assert best.id == "b"
    assert winner(ranked(a={"status": Status.FAILED}, b=None)) is None
    assert winner(ranked(a={"proof": Proof("contradicted")})) is None
    assert winner([]) is None


def test_lines_of_binary_files_and_of_runs_that_were_not_measured() -> None:
    binary = (Change("a.png", "modified"), Change("b", "added", insertions=3, deletions=1))
    assert lines_changed(replace(SUCCEEDED, changes=binary)) == 4
    assert lines_changed(SUCCEEDED) is None
