"""A run from its first fact to its last: wait, prepare, plan, execute, measure, verify, learn.

Yields facts and does not care who stores or shows them; None marks a pause, in which whoever
listens can catch up. Whatever happens in between, the last fact is `RunFinished`.
"""

from crossrun import __version__
from crossrun.engine import finish
from crossrun.engine.agent import Work
from crossrun.engine.context import Course, Crew, Facts, guarded
from crossrun.engine.prepare import subfolder_of
from crossrun.events import PatternDecided, RunFinished, RunStarted, Warned
from crossrun.executors import TurnRequest
from crossrun.model.failures import FAILURES
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.projections.resume import Origin
from crossrun.system.cancellation import CancelToken

_CLOSING = (finish.measure, finish.verify, finish.keep_transcript)
_MEMORY = (finish.remember, finish.credit)
_NEW = Origin()


def conduct(
    run_id: str, request: RunRequest, crew: Crew, stop: CancelToken, origin: Origin = _NEW
) -> Facts:
    """Carries a run out.

    Args:
        run_id: the run's id.
        request: what the user asked for.
        crew: who does it.
        stop: set when somebody wants the run to end early.
        origin: the run that it repeats or goes on from, if it does.
    """
    course = Course(run_id, request, crew, stop, origin)
    with course.held:
        yield _started(course)
        yield from (Warned(message=warning) for warning in crew.warnings)
        yield None  # the run is in the ledger before anything is made or started
        failure = yield from guarded(Work(course).stage())
        yield from course.tell_of_stop()
        for stage in _CLOSING:
            trouble = yield from guarded(stage(course, failure))
            if failure is not None and trouble is not None:
                yield Warned(message=trouble.message)
            failure = failure or trouble
        for stage in _MEMORY:
            trouble = yield from guarded(stage(course, failure))
            if trouble is not None:
                yield Warned(message=f"pattern memory: {trouble.message}")
        status = Status.SUCCEEDED if failure is None else Status(FAILURES[failure.code][0])
        yield RunFinished(status=status, failure=failure, duration_s=course.seconds)


def first_turn(
    run_id: str, request: RunRequest, crew: Crew, origin: Origin = _NEW
) -> tuple[TurnRequest, PatternDecided]:
    """What the agent would be told first; nothing is begun."""
    course = Course(run_id, request, crew, CancelToken(), origin)
    course.subfolder = subfolder_of(course)
    work = Work(course)
    decided = work.decide((), would_be=True)
    return work.turn(origin.state.next_prompt() or request.task), decided


def _started(course: Course) -> RunStarted:
    return RunStarted(
        request=course.request,
        workspace=str(course.path),
        crossrun_version=__version__,
        executor_version=course.crew.executor.version(),
        retry_of=course.origin.retry_of,
        resumed_from=course.origin.resumed_from,
        new_task=course.origin.new_task,
    )
