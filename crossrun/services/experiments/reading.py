"""The results of experiments, from the runs that carried out their rows."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from crossrun.batches.documents import state_of
from crossrun.experiments.design import Design
from crossrun.experiments.order import PlannedRun
from crossrun.experiments.outcomes import Outcome, outcome_of
from crossrun.experiments.report.markdown import markdown
from crossrun.experiments.report.objects import results_object
from crossrun.experiments.report.runs_csv import runs_csv
from crossrun.experiments.report.svg import svg
from crossrun.experiments.results import Results, results_of
from crossrun.model.batches import Batch, BatchRow
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.projections.documents import document, plain_object
from crossrun.services.app import App
from crossrun.services.batches.engine import StoppingRule

_ACTIVE = (Status.QUEUED, Status.RUNNING)


class Experiment(NamedTuple):
    """A batch of the kind, and what it has shown."""

    batch: Batch
    results: Results


def read_experiment(app: App, batch: Batch) -> Experiment:
    """What an experiment has shown so far."""
    return Experiment(batch, _results(batch, _runs(app, batch)))


def experiment_object(app: App, experiment: Experiment) -> dict[str, Any]:
    """An experiment for scripts."""
    batch = experiment.batch
    state = state_of(batch, is_active=app.store.batches.is_active(batch.id))
    return {**_batch_object(batch), "state": state, **results_object(experiment.results)}


def plan_object(batch: Batch) -> dict[str, Any]:
    """An experiment that has not been stored, for scripts."""
    rows = [{"name": row.name, "request": plain_object(row.request)} for row in batch.rows]
    results = results_object(_results(batch, {}))
    return {**_batch_object(batch), "id": None, "state": "planned", **results, "rows": rows}


def render_report(
    app: App, experiment: Experiment, form: Literal["md", "svg", "csv", "json"]
) -> str:
    """The results in one of the forms of reports."""
    batch, results = experiment
    title = f"Experiment {batch.id}: {batch.name or ''}"
    match form:
        case "md":
            return markdown(results, title)
        case "svg":
            return svg(results, title)
        case "csv":
            return runs_csv(results)
        case "json":
            return document(experiment_object(app, experiment))


def _batch_object(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "name": batch.name,
        "project_id": batch.project_id,
        "reason": batch.reason,
        "created_at": batch.created_at,
        "ended_at": batch.ended_at,
        "seconds": batch.seconds,
        "options": plain_object(batch.options),
    }


def stopping_rule(app: App) -> StoppingRule:
    """What ends an experiment as soon as all of its comparisons are decided; see `carry_out`."""
    ended: dict[str, Run] = {}

    def reason_to_stop(batch: Batch) -> str | None:
        if Design.of(batch.design).runs_all:
            return None
        for row in batch.rows:
            if row.run_id is not None and row.status not in _ACTIVE and row.run_id not in ended:
                run = app.store.read.find(row.run_id)
                if run is not None and run.ended:
                    ended[run.id] = run
        results = _results(batch, ended)
        pairs = results.pairs
        return f"decided after {pairs} pairs" if results.is_decided else None

    return reason_to_stop


def _runs(app: App, batch: Batch) -> dict[str, Run]:
    runs = (app.store.read.find(row.run_id) for row in batch.rows if row.run_id is not None)
    return {run.id: run for run in runs if run is not None}


def _results(batch: Batch, runs: Mapping[str, Run]) -> Results:
    design = Design.of(batch.design)
    outcomes = [_outcome(row, batch, runs.get(row.run_id or "")) for row in batch.rows]
    return results_of(design, outcomes, jobs=batch.options.jobs)


def _outcome(row: BatchRow, batch: Batch, run: Run | None) -> Outcome:
    planned = PlannedRun(row.labels["task"], row.labels["variant"], int(row.labels["repetition"]))
    may_begin = batch.ended_at is None and not row.is_cancelled and row.failure is None
    return outcome_of(planned, run, may_begin=may_begin)
