"""Which of several attempts at one task is the best, by what the ledger says of their runs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from crossrun.batches.progress import RowState, states
from crossrun.model.batches import Batch
from crossrun.model.proof import GRADES
from crossrun.model.runs import Run
from crossrun.model.status import Status

_UNKNOWN_GRADE = GRADES.index("unchecked")


class TaskAttempt(NamedTuple):
    """One attempt: a row of a batch, and its newest run if it has one."""

    name: str
    state: RowState
    run: Run | None

    @property
    def has_succeeded(self) -> bool:
        """Whether its run succeeded, and so passed the check if there is one."""
        return self.run is not None and self.run.status is Status.SUCCEEDED

    @property
    def has_ended(self) -> bool:
        """Whether its run came to an end that nobody brought about."""
        return self.run is not None and self.run.ended and self.run.status is not Status.CANCELLED


def ranking(batch: Batch, runs: Mapping[str, Run]) -> list[TaskAttempt]:
    """The attempts of a batch, the best first.

    Those that succeeded, and so passed the check, come before those that failed, and these before
    those that were cancelled or never began. Then the grade of the proof counts, then whether
    anything was changed, and then how few lines were.

    Args:
        batch: its rows are attempts at one task.
        runs: the newest runs of the rows by their ids, as far as they are still in the ledger.
    """
    row_states = states(batch)
    attempts = [
        TaskAttempt(row.name, row_states[row.number], runs.get(row.run_id or ""))
        for row in batch.rows
    ]
    return sorted(attempts, key=_worth)


def winner(attempts: Sequence[TaskAttempt]) -> Run | None:
    """The run to apply: the best one that succeeded, unless the ledger contradicts its agent."""
    best = attempts[0] if attempts else None
    if best is None or not best.has_succeeded or best.run is None:
        return None
    return None if best.run.proof and best.run.proof.grade == "contradicted" else best.run


def lines_changed(run: Run) -> int | None:
    """How many lines a run added and removed, binary files left aside; None: not measured."""
    if run.changes is None:
        return None
    return sum((change.insertions or 0) + (change.deletions or 0) for change in run.changes)


def _worth(attempt: TaskAttempt) -> tuple[int, int, bool, int, int]:
    """What attempts are sorted by, the best first."""
    run = attempt.run
    if run is None:
        return 3, 0, False, 0, 0
    outcome = 0 if attempt.has_succeeded else 1 if attempt.has_ended else 2
    grade = _UNKNOWN_GRADE if run.proof is None else _grade(run.proof.grade)
    return outcome, -grade, not run.changes, lines_changed(run) or 0, len(run.changes or ())


def _grade(name: str) -> int:
    return GRADES.index(name) if name in GRADES else _UNKNOWN_GRADE
