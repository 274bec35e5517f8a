"""The main stage of a run: the queue, the workspace, the pattern, and the steps of the agent."""

from collections.abc import Generator, Sequence
from datetime import UTC, datetime

import msgspec

from crossrun.engine.context import RunContext, Stage, failure_of
from crossrun.engine.prepare import prepare
from crossrun.events import (
    AgentLaunched,
    Channel,
    Event,
    FileChanged,
    PatternDecided,
    PlannerReplied,
    RunDequeued,
    RunQueued,
    StepFinished,
    StepPlanned,
    UsageReported,
    WaitBegan,
    Warned,
    WorkspacePrepared,
)
from crossrun.executors import TurnRequest, TurnResult
from crossrun.model.failures import CANCELLED, TIMED_OUT, Failure, RunFailed
from crossrun.model.quotas import QuotaBackoff
from crossrun.planning import PlannerInput
from crossrun.planning.prompt import for_agent
from crossrun.system.clock import utc
from crossrun.workspace.workspaces import Workspace, top_files

_QUEUE_POLL = 0.2
"""Seconds."""


class AgentStage:
    """What the agent and its planner do in one run."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._state = msgspec.structs.replace(run.parent.state)
        self._backoff = QuotaBackoff(run.request.limits.wait_for_quota)
        self._pattern_text = ""

    def work(self) -> Stage:
        """Prepares the workspace, and has the agent carry out one step after the other."""
        try:
            yield from self._wait_for_turn()
            self._run.start_clock()
            workspace, source = yield from prepare(self._run)
        except RunFailed as error:
            raise RunFailed(_without_agent(error.failure)) from error
        self._run.workspace = workspace
        markers = top_files(self._run.folder)
        yield WorkspacePrepared(
            path=str(workspace.path),
            baseline=workspace.baseline,
            top_files=markers,
            source=source,
            refs=workspace.refs_blob,
        )
        failure = yield from self._choose_pattern(markers)
        if failure is not None:
            return failure
        return (yield from self._steps(workspace))

    def decide_on_pattern(self, markers: Sequence[str], *, dry_run: bool = False) -> PatternDecided:
        """Decides on a pattern, whose text is part of all instructions from now on."""
        run = self._run
        decision, self._pattern_text = run.dependencies.memory.decide(
            None if dry_run else run.run_id,
            run.request,
            channel=self._channel(),
            top_files=markers,
        )
        return decision

    def turn(self, prompt: str) -> TurnRequest:
        """The agent's part of one step."""
        run, state = self._run, self._state
        limits, channel = run.request.limits, self._channel()
        instructions = for_agent(run.dependencies.task_type, self._pattern_text)
        return TurnRequest(
            run_id=run.run_id,
            workspace=run.path,
            prompt=prompt,
            instructions="" if channel == "none" else instructions,
            channel=channel,
            stop=run.stop,
            keep=run.archive.keep_line,
            thread_id=state.thread_id,
            thread_tokens=state.thread_tokens,
            deadline=run.deadline,
            idle_timeout=limits.idle_timeout,
            limit=lambda: state.budget_reached(limits),
            tracking=run.tracking,
            subfolder=run.subfolder,
        )

    def _wait_for_turn(self) -> Generator[Event | None]:
        queue = self._run.dependencies.queue
        if queue is None:
            return
        line = self._run.resources.enter_context(queue.line())
        ahead = next(line)
        if ahead is None:
            return
        yield RunQueued(limit=queue.limit, ahead=ahead)
        while ahead is not None:
            yield from self._run.wait(_QUEUE_POLL)
            ahead = next(line)
        yield RunDequeued()

    def _choose_pattern(self, markers: Sequence[str]) -> Stage:
        """A failure of pattern memory fails the run only if the user named a pattern."""

        def stage() -> Stage:
            yield self.decide_on_pattern(markers)
            return None

        failure = yield from failure_of(stage())
        if failure is None or self._run.request.memory.pattern_id is not None:
            return failure
        yield Warned(message=f"pattern memory: {failure.message}")
        yield PatternDecided(
            decision="abstained", reason=failure.message, probability=1.0, channel="none"
        )
        return None

    def _steps(self, workspace: Workspace) -> Stage:
        while True:
            prompt = yield from self._next_prompt()
            if prompt is None:
                return None
            self._run.check_end()
            failure = yield from self._step(prompt, workspace)
            if failure is not None and not (yield from self._wait_for_quota(failure)):
                return failure

    def _next_prompt(self) -> Generator[Event | None, None, str | None]:
        """The prompt of the unfinished step, or else of the step that the planner wants next."""
        unfinished = self._state.next_prompt()
        if unfinished is not None:
            return unfinished
        while True:
            try:
                return (yield from self._ask_planner())
            except RunFailed as error:
                if not (yield from self._wait_for_quota(error.failure)):
                    raise

    def _ask_planner(self) -> Generator[Event | None, None, str | None]:
        run, state = self._run, self._state
        planner_input = PlannerInput(
            run.request.task,
            run.dependencies.task_type,
            self._pattern_text,
            state.messages,
            state.reports,
        )
        planner = run.dependencies.planner
        decision = yield from run.in_background(lambda: planner.next_step(planner_input))
        for reply in decision.replies:
            sent = tuple(map(dict, decision.sent))
            yield self._applied(PlannerReplied(sent=sent, reply=dict(reply)))
        if decision.tokens is not None:
            yield self._applied(UsageReported(source="planner", tokens=decision.tokens))
        if decision.failure is not None:
            raise RunFailed(decision.failure)
        return decision.prompt

    def _step(self, prompt: str, workspace: Workspace) -> Stage:
        turn = self.turn(prompt)
        planned = StepPlanned(prompt=prompt, instructions=turn.instructions, channel=turn.channel)
        yield self._applied(planned)
        limit = self._state.limit_reached(self._run.request.limits)
        if limit is not None:
            return limit
        yield None  # the step is recorded before the agent can act on it
        result = yield from self._execute(turn, workspace)
        finished = StepFinished(failure=result.failure, agent_exit_code=result.exit_code)
        yield self._applied(finished)
        return result.failure

    def _execute(
        self, turn: TurnRequest, workspace: Workspace
    ) -> Generator[Event | None, None, TurnResult]:
        events = self._run.dependencies.executor.execute(turn)
        try:
            while True:
                event = next(events)
                if isinstance(event, FileChanged):
                    event = _with_content(event, workspace)
                if event is None:
                    yield from self._run.report_stop()
                yield None if event is None else self._applied(event)
                if isinstance(event, AgentLaunched):
                    # while the agent starts, nobody waits for this
                    self._run.dependencies.memory.get_ready()
        except StopIteration as ended:
            result: TurnResult = ended.value
            return result
        finally:
            events.close()

    def _wait_for_quota(self, failure: Failure) -> Generator[Event | None, None, bool]:
        """Waits if the user allows it and it may help; the value says whether to try again."""
        now = datetime.now(UTC)
        until = self._backoff.until(failure, now)
        if until is None:
            return False
        yield WaitBegan(until=utc(until), reason=failure.message)
        yield from self._run.wait((until - now).total_seconds())
        return True

    def _applied(self, event: Event) -> Event:
        if isinstance(event, UsageReported):
            event = self._with_cost(event)
        self._state.apply(event)
        return event

    def _with_cost(self, usage: UsageReported) -> UsageReported:
        price = self._run.dependencies.prices.get(usage.source)
        if usage.tokens is None or price is None:
            return usage
        return msgspec.structs.replace(usage, cost=price.cost(usage.tokens))

    def _channel(self) -> Channel:
        resumed = self._state.thread_id is not None
        run = self._run
        return run.dependencies.executor.channel(run.folder, resumed=resumed)


def _without_agent(failure: Failure) -> Failure:
    """Why a run ended before its agent was started."""
    if failure not in (CANCELLED, TIMED_OUT):
        return failure
    return msgspec.structs.replace(failure, hint="the agent was not started")


def _with_content(changed: FileChanged, workspace: Workspace) -> FileChanged:
    if not changed.ok or changed.change == "deleted":
        return changed
    return msgspec.structs.replace(changed, content=workspace.snapshots.keep(changed.path))
