"""How attempts are planned from options, carried out, and the best of them applied."""

from collections.abc import Generator, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

import typer
from msgspec.structs import replace

from crossrun.batches.documents import row_object
from crossrun.batches.ranking import TaskAttempt, lines_changed, winner
from crossrun.cli.apply_results import result_object
from crossrun.cli.batching import BatchCommand, BatchDocuments, carry_out_batch, view_for_people
from crossrun.cli.globals import Globals
from crossrun.cli.run_options import OutputOptions
from crossrun.errors import CrossrunError, Exit, UsageError
from crossrun.model.batches import Batch, BatchOptions
from crossrun.model.runs import Run
from crossrun.services.app import App
from crossrun.services.batches.attempts import (
    attempts_of,
    freeze_attempts,
    has_check,
    plan_attempts,
    stopping_rule,
)
from crossrun.services.batches.checking import check_base, require_fit
from crossrun.services.batches.results import document_of
from crossrun.services.batches.starting import require_resumable
from crossrun.services.options import RunOptions
from crossrun.system.cancellation import CancelToken
from crossrun.views.attempts import attempts_closing
from crossrun.views.disk import Ticker
from crossrun.views.terminal import Terminal

if TYPE_CHECKING:
    from crossrun.services.applying import ApplyResult

Value = TypeVar("Value")
_UNCHECKED = (
    "without --verify, crossrun cannot tell which attempt is right, so all of them run to the "
    "end and are ranked by their proof"
)


class AttemptsPlan(NamedTuple):
    """What the options say about the attempts, besides what they say about each run."""

    number: int
    options: BatchOptions
    carry_out_all: bool
    check_first: bool


class _ApplyOutcome(NamedTuple):
    """The best run, and what came of applying its change."""

    run: Run
    result: "ApplyResult | None"
    error: CrossrunError | None = None

    @property
    def has_failed(self) -> bool:
        return self.result is None or self.result.has_conflicts


def make_batch(run_options: RunOptions, plan: AttemptsPlan, app: App) -> Batch:
    """The attempts; nothing is recorded or copied. Raises CrossrunError."""
    batch = plan_attempts(
        run_options, plan.options, app, count=plan.number, carry_out_all=plan.carry_out_all
    )
    if plan.check_first and not has_check(batch):
        raise UsageError(
            "OPTION_INVALID", "--check-first needs a check", hint="give one: --verify CMD"
        )
    return batch


def store_batch(batch: Batch, plan: AttemptsPlan, app: App, options: Globals) -> Batch:
    """The attempts, in the store, with the state that they begin with frozen and checked."""
    if not has_check(batch):
        options.say(f"note: {_UNCHECKED}")
    stop = CancelToken()
    frozen = _run_with_progress(freeze_attempts(batch, app, stop), "copying the source", options)
    if plan.check_first:
        checking = check_base(app, frozen.rows[0].request, stop)
        require_fit(_run_with_progress(checking, "running the check", options))
    return app.store.batches.add(frozen, app.redactor)


def reopen_batch(
    batch: Batch, app: App, options: BatchOptions, *, carry_out_all: bool, retry_failed: bool
) -> Batch:
    """The attempts with what is different from now on. Raises CrossrunError."""
    design = {**batch.design, "all": carry_out_all or batch.design.get("all", False)}
    changed = replace(batch, design=design, options=options)
    reason = stopping_rule(changed)(changed)
    if reason is not None:
        raise UsageError(
            "BATCH_FINISHED",
            f"{reason}; there is nothing left to do",
            hint=f"run the others too: crossrun attempts resume {batch.id} --all",
        )
    require_resumable(changed, app, retry_failed=retry_failed)
    app.store.batches.update(changed, app.redactor)
    return changed


def carry_out(
    batch: Batch,
    output: OutputOptions,
    app: App,
    options: Globals,
    *,
    retry_failed: bool = False,
    applying: bool = False,
) -> NoReturn:
    """Carries stored attempts out, applies the best if that is asked for, and ends the command."""
    applied: list[_ApplyOutcome] = []

    def apply_best(ended: Batch) -> None:
        best = winner(attempts_of(app, ended)) if applying else None
        if best is not None:
            applied.append(_apply(best, app))

    def closing(ended: Batch) -> Iterable[str]:
        lines = _applied_lines(applied, options.err)
        return attempts_closing(ended, attempts_of(app, ended), lines, options.err)

    try:
        carry_out_batch(
            BatchCommand(
                batch.id, batch.options.jobs, retry_failed, stopping_rule(batch), apply_best
            ),
            partial(view_for_people, batch, output, app, options, closing),
            BatchDocuments(
                batch=lambda ended: {**object_of(app, ended), **_applied_object(applied)},
                change=lambda change: row_object(change.row, change.state),
            ),
            output,
            app,
            options,
        )
    except typer.Exit as end:
        if end.exit_code == 0 and any(each.has_failed for each in applied):
            raise typer.Exit(Exit.RUN_FAILED) from None
        raise


def object_of(app: App, batch: Batch) -> dict[str, Any]:
    """Attempts for programs: the batch, and its ranking."""
    attempts = attempts_of(app, batch)
    best = winner(attempts)
    return {
        **document_of(app, batch),
        "ranking": [_attempt_object(attempt) for attempt in attempts],
        "winner": None if best is None else best.id,
    }


def _attempt_object(attempt: TaskAttempt) -> dict[str, Any]:
    run = attempt.run
    return {
        "name": attempt.name,
        "status": attempt.state.name,
        "why": attempt.state.why or None,
        "run_id": None if run is None else run.id,
        "verify_exit_code": None if run is None or run.verify is None else run.verify.exit_code,
        "proof": None if run is None or run.proof is None else run.proof.grade,
        "files": None if run is None or run.changes is None else len(run.changes),
        "lines": None if run is None else lines_changed(run),
        "tokens": None if run is None or run.tokens is None else run.tokens.total,
        "cost": None if run is None else run.cost,
        "seconds": None if run is None else run.seconds,
    }


def _apply(run: Run, app: App) -> _ApplyOutcome:
    from crossrun.services.apply import ApplyOptions, apply_run

    try:
        return _ApplyOutcome(run, apply_run(ApplyOptions(), run, app))
    except CrossrunError as error:
        return _ApplyOutcome(run, None, error)


def _applied_lines(applied: Sequence[_ApplyOutcome], terminal: Terminal) -> list[str]:
    from crossrun.views.applying import applied as lines_of

    lines: list[str] = []
    for run, result, error in applied:
        if result is not None:
            lines += lines_of(result, run, terminal, dry_run=False)
        elif error is not None:
            lines += [
                terminal.style(f"{run.id} was not applied: {error.message}", "bad"),
                terminal.style(f"  {error.hint}", "dim"),
            ]
    return lines


def _applied_object(applied: Sequence[_ApplyOutcome]) -> dict[str, Any]:
    for run, result, error in applied:
        if result is not None:
            is_applied = result.application is not None
            return {"applied": {"applied": is_applied, **result_object(result, run)}}
        if error is not None:
            return {"applied": {"applied": False, "run_id": run.id, "error": error.code}}
    return {"applied": None}


def _run_with_progress(work: Generator[Any, None, Value], what: str, options: Globals) -> Value:
    """The value of work that may take long, which is shown on a terminal."""
    ticker = Ticker(options.err, quiet=options.quiet)
    try:
        while True:
            next(work)
            ticker.show(f"{what} …")
    except StopIteration as end:
        value: Value = end.value
        return value
    finally:
        work.close()
        ticker.clear()
