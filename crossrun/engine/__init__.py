"""A run from its first fact to its last: wait, prepare, plan, execute, measure, verify, learn.

Yields facts and does not care who stores or shows them; None marks a pause, in which whoever
listens can catch up. Whatever happens in between, the last fact is `RunFinished`.
"""

from crossrun import __version__
from crossrun.engine import finish
from crossrun.engine.agent import Work
from crossrun.engine.context import Facts, RunContext, RunDependencies, guarded
from crossrun.engine.prepare import subfolder_of
from crossrun.events import PatternDecided, RunFinished, RunStarted, Warned
from crossrun.executors import TurnRequest
from crossrun.model.failures import FAILURES
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.projections.resume import Parent
from crossrun.system.cancellation import CancelToken

_FINISH = (finish.measure, finish.verify, finish.keep_transcript)
_MEMORY = (finish.remember, finish.credit)
_NEW = Parent()


def run_events(
    run_id: str,
    request: RunRequest,
    dependencies: RunDependencies,
    stop: CancelToken,
    parent: Parent = _NEW,
) -> Facts:
    """Carries a run out.

    Args:
        run_id: the run's id.
        request: what the user asked for.
        dependencies: who does it.
        stop: set when somebody wants the run to end early.
        parent: the run that it repeats or goes on from, if it does.
    """
    run = RunContext(run_id, request, dependencies, stop, parent)
    with run.held:
        yield _started(run)
        yield from (Warned(message=warning) for warning in dependencies.warnings)
        yield None  # the run is in the ledger before anything is made or started
        failure = yield from guarded(Work(run).stage())
        yield from run.report_stop()
        for stage in _FINISH:
            trouble = yield from guarded(stage(run, failure))
            if failure is not None and trouble is not None:
                yield Warned(message=trouble.message)
            failure = failure or trouble
        for stage in _MEMORY:
            trouble = yield from guarded(stage(run, failure))
            if trouble is not None:
                yield Warned(message=f"pattern memory: {trouble.message}")
        status = Status.SUCCEEDED if failure is None else Status(FAILURES[failure.code][0])
        yield RunFinished(status=status, failure=failure, duration_s=run.seconds)


def first_turn(
    run_id: str, request: RunRequest, dependencies: RunDependencies, parent: Parent = _NEW
) -> tuple[TurnRequest, PatternDecided]:
    """What the agent would get first; nothing is started."""
    run = RunContext(run_id, request, dependencies, CancelToken(), parent)
    run.subfolder = subfolder_of(run)
    work = Work(run)
    decided = work.decide((), would_be=True)
    return work.turn(parent.state.next_prompt() or request.task), decided


def _started(run: RunContext) -> RunStarted:
    return RunStarted(
        request=run.request,
        workspace=str(run.path),
        crossrun_version=__version__,
        executor_version=run.dependencies.executor.version(),
        retry_of=run.parent.retry_of,
        resumed_from=run.parent.resumed_from,
        new_task=run.parent.new_task,
    )
