"""A run from its first event to its last: wait, prepare, plan, execute, measure, verify, learn.

It yields events, and knows nothing of how they are stored and shown; None marks a pause, in which
consumers can catch up. The last event is always `RunFinished`.
"""

from crossrun import __version__
from crossrun.engine import finish
from crossrun.engine.agent import AgentStage
from crossrun.engine.context import Events, RunContext, RunDependencies, failure_of
from crossrun.engine.prepare import expected_markers, subfolder_of
from crossrun.events import PatternDecided, RunFinished, RunStarted, Warned
from crossrun.executors import TurnRequest
from crossrun.model.batches import BatchPlace
from crossrun.model.failures import FAILURES
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.projections.resume import Parent
from crossrun.system.cancellation import CancelToken

_FINISH = (finish.measure, finish.verify, finish.assess, finish.save_transcript)
_MEMORY = (finish.learn, finish.evaluate_pattern)
_NEW = Parent()


def run_events(
    run_id: str,
    request: RunRequest,
    dependencies: RunDependencies,
    stop: CancelToken,
    parent: Parent = _NEW,
    place: BatchPlace | None = None,
) -> Events:
    """Carries a run out.

    Args:
        run_id: the run's id.
        request: what the user asked for.
        dependencies: what the run works with.
        stop: set to end the run early.
        parent: the run that it repeats or continues, if any.
        place: the row of a batch that it carries out, if any.
    """
    run = RunContext(run_id, request, dependencies, stop, parent)
    with run.resources:
        yield _started(run, place)
        yield from (Warned(message=warning) for warning in dependencies.warnings)
        yield None  # the run is recorded before anything is created or started
        failure = yield from failure_of(AgentStage(run).work())
        yield from run.report_stop()
        for stage in _FINISH:
            later_failure = yield from failure_of(stage(run, failure))
            if failure is not None and later_failure is not None:
                yield Warned(message=later_failure.message)
            failure = failure or later_failure
        for stage in _MEMORY:
            memory_failure = yield from failure_of(stage(run, failure))
            if memory_failure is not None:
                yield Warned(message=f"pattern memory: {memory_failure.message}")
        status = Status.SUCCEEDED
        if failure is None:
            yield from finish.apply_change(run)
        else:
            status, failure = Status(FAILURES[failure.code][0]), failure.of_run(run_id)
        yield RunFinished(status=status, failure=failure, duration_s=run.seconds)


def first_turn(
    run_id: str, request: RunRequest, dependencies: RunDependencies, parent: Parent = _NEW
) -> tuple[TurnRequest, PatternDecided]:
    """The agent's first turn, and the decision on patterns; nothing is started."""
    run = RunContext(run_id, request, dependencies, CancelToken(), parent)
    run.subfolder = subfolder_of(run)
    stage = AgentStage(run)
    decision = stage.decide_on_pattern(expected_markers(run), dry_run=True)
    return stage.turn(parent.state.next_prompt() or request.task), decision


def _started(run: RunContext, place: BatchPlace | None) -> RunStarted:
    return RunStarted(
        request=run.request,
        workspace=str(run.path),
        crossrun_version=__version__,
        executor_version=run.dependencies.executor.version(),
        retry_of=run.parent.retry_of,
        resumed_from=run.parent.resumed_from,
        new_task=run.parent.new_task,
        batch=place,
    )
