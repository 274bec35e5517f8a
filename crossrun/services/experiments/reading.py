"""The results of experiments, from the runs that carried out their rows."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from crossrun.experiments.design import Design
from crossrun.experiments.order import Place
from crossrun.experiments.outcomes import Outcome
from crossrun.experiments.results import Results, results_of
from crossrun.model.batches import Batch, BatchRow
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.services.app import App

_ACTIVE = (Status.QUEUED, Status.RUNNING)


class Experiment(NamedTuple):
    """A batch of the kind, and what it has shown."""

    batch: Batch
    results: Results


def read_experiment(app: App, batch: Batch) -> Experiment:
    """What an experiment has shown so far."""
    return Experiment(batch, _results(batch, _runs(app, batch)))


def decider(app: App) -> Callable[[Batch], str | None]:
    """What ends an experiment as soon as all of its comparisons are decided; see `carry_out`."""
    ended: dict[str, Run] = {}

    def decided(batch: Batch) -> str | None:
        for row in batch.rows:
            if row.run_id is not None and row.status not in _ACTIVE and row.run_id not in ended:
                run = app.store.read.find(row.run_id)
                if run is not None and run.ended:
                    ended[run.id] = run
        results = _results(batch, ended)
        pairs = results.pairs
        return f"decided after {pairs} pairs" if results.is_decided else None

    return decided


def _runs(app: App, batch: Batch) -> dict[str, Run]:
    runs = (app.store.read.find(row.run_id) for row in batch.rows if row.run_id is not None)
    return {run.id: run for run in runs if run is not None}


def _results(batch: Batch, runs: Mapping[str, Run]) -> Results:
    design = Design.of(batch.design)
    outcomes = [_outcome(row, batch, runs.get(row.run_id or "")) for row in batch.rows]
    return results_of(design, outcomes, jobs=batch.options.jobs)


def _outcome(row: BatchRow, batch: Batch, run: Run | None) -> Outcome:
    place = Place(row.labels["task"], row.labels["variant"], int(row.labels["repetition"]))
    if run is None or not run.ended:
        may_follow = batch.ended_at is None and not row.is_cancelled and row.failure is None
        is_active = row.status in _ACTIVE
        return Outcome(
            place=place,
            is_open=is_active or (may_follow and row.status is None),
            run_id=row.run_id,
            status=None if row.status is None else str(row.status),
        )
    is_cut_short = run.status is Status.INTERRUPTED and batch.ended_at is None
    return Outcome(
        place=place,
        is_open=is_cut_short,
        run_id=run.id,
        status=str(run.status),
        succeeded=run.failure is None if run.is_conclusive else None,
        tokens=None if run.tokens is None else run.tokens.total,
        cost=run.cost,
        seconds=run.seconds,
        failed_commands=run.failed_commands,
    )
