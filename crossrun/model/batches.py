"""Batches: many planned runs as one thing, with their order, limits and states."""

from typing import Any

from msgspec import Struct

from crossrun.model.failures import Failure
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status

BATCH_KINDS = ("batch", "attempts", "experiment")


class Budget(Struct, frozen=True):
    """Limits of a whole batch: once one of them is reached, no further run starts. None: no limit.

    `seconds` counts the time during which the batch was carried out, `cost` is in the currency of
    the price settings.
    """

    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None


class BatchOptions(Struct, frozen=True, kw_only=True):
    """How a batch is carried out, as its user asked for it.

    `keep_going`: rows start although others failed; only those that depend on a failed row do not.
    """

    jobs: int = 1
    keep_going: bool = False
    budget: Budget = Budget()


class BatchRow(Struct, frozen=True, kw_only=True):
    """One planned run of a batch.

    `after` names the rows that have to succeed before it starts, `from_row` the one whose workspace
    it begins with a copy of. `labels` say what it is for: the task, the variant and the repetition
    of an experiment. `run_id` and `status` are those of its newest run, None before it has one;
    `attempt` is the number of its runs so far. `is_cancelled`: it must not start. `failure` is why
    its newest run could not even be recorded; then it has failed without a run.
    """

    number: int
    name: str
    request: RunRequest
    after: tuple[str, ...] = ()
    from_row: str | None = None
    labels: dict[str, str] = {}
    run_id: str | None = None
    status: Status | None = None
    attempt: int = 0
    is_cancelled: bool = False
    failure: Failure | None = None


class Batch(Struct, frozen=True, kw_only=True):
    """A batch with its rows.

    `design` is what the program behind the batch needs to know about it: the variants, the seed and
    the question of an experiment. `seconds` is how long it was carried out, summed over all times.
    `state` is None while the batch has not been ended: it is carried out, or was interrupted.
    """

    id: str
    kind: str
    project_id: str
    created_at: str
    name: str | None = None
    options: BatchOptions = BatchOptions()
    design: dict[str, Any] = {}
    rows: tuple[BatchRow, ...] = ()
    state: Status | None = None
    reason: str | None = None
    seconds: float = 0.0
    ended_at: str | None = None


class BatchPlace(Struct, frozen=True):
    """The row of a batch that a run carries out; `attempt` counts the runs of the row from 1."""

    batch_id: str
    row: int
    attempt: int = 1
