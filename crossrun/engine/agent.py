"""The main stage of a run: the queue, the workspace, the pattern, and the steps of the agent."""

from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from crossrun.engine.context import RunContext, Stage, failure_of
from crossrun.engine.prepare import prepare
from crossrun.events import (
    AgentLaunched,
    AgentSpoke,
    Channel,
    CommandRan,
    Event,
    FileChanged,
    ForecastMade,
    PatternDecided,
    PlannerReplied,
    RunDequeued,
    RunQueued,
    ScriptFinished,
    StepFinished,
    StepPlanned,
    UsageReported,
    WaitBegan,
    Warned,
    WorkspacePrepared,
)
from crossrun.executors import Executor, TurnRequest, TurnResult
from crossrun.executors.registry import spec_of
from crossrun.model.failures import CANCELLED, TIMED_OUT, Failure, RunFailed
from crossrun.model.quotas import QuotaBackoff
from crossrun.model.tokens import NO_TOKENS
from crossrun.planning import PlannerInput
from crossrun.planning.prompt import after_script, for_agent
from crossrun.proof import assessment
from crossrun.system.clock import utc
from crossrun.workspace.workspaces import Workspace, file_names, top_files

if TYPE_CHECKING:
    from crossrun.patterns.compiling.values import BoundScript

_QUEUE_POLL = 0.2
"""Seconds."""
_DEVIATED = "SCRIPT_FAILED"
_LONGEST_OUTPUT = 4_000
"""Characters of a failed command of a script that the agent gets."""


class AgentStage:
    """What the agent and its planner do in one run."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._state = msgspec.structs.replace(run.parent.state)
        self._backoff = QuotaBackoff(run.request.limits.wait_for_quota)
        self._pattern_text = ""
        self._script: BoundScript | None = None
        self._script_report = ""

    def work(self) -> Stage:
        """Prepares the workspace, and has the agent carry out one step after the other."""
        try:
            yield from self._wait_for_turn()
            self._run.start_clock()
            workspace, source = yield from prepare(self._run)
        except RunFailed as error:
            raise RunFailed(_without_agent(error.failure)) from error
        self._run.workspace = workspace
        markers, names = top_files(self._run.folder), file_names(self._run.folder)
        yield WorkspacePrepared(
            path=str(workspace.path),
            baseline=workspace.baseline,
            top_files=markers,
            source=source,
            refs=workspace.refs_blob,
            names=names,
        )
        failure = yield from self._choose_pattern(markers, names)
        if failure is not None:
            return failure
        if self._script is None and not self._runs_patterns:
            return (yield from self._steps(workspace))
        result = yield from self._by_script(workspace)
        return (yield from self._steps(workspace)) if self._script_report else result

    def decide_on_pattern(
        self, markers: Sequence[str], names: Sequence[str] = (), *, dry_run: bool = False
    ) -> PatternDecided:
        """Decides on a pattern, whose text is part of all instructions from now on."""
        run = self._run
        decision, self._pattern_text, self._script = run.dependencies.memory.decide(
            None if dry_run else run.run_id,
            run.request,
            channel=self._channel(),
            top_files=markers,
            names=names,
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

    def _choose_pattern(self, markers: Sequence[str], names: Sequence[str]) -> Stage:
        """A failure of pattern memory fails the run only if the user named a pattern."""

        def stage() -> Stage:
            decided = self.decide_on_pattern(markers, names)
            yield decided
            yield from self._forecast(decided)
            return None

        failure = yield from failure_of(stage())
        if failure is None or self._run.request.memory.pattern_id is not None:
            return failure
        yield Warned(message=f"pattern memory: {failure.message}")
        yield PatternDecided(
            decision="abstained", reason=failure.message, probability=1.0, channel="none"
        )
        return None

    def _forecast(self, decided: PatternDecided) -> Iterator[ForecastMade]:
        """What to expect; of a run that continues another one, nothing is known."""
        run = self._run
        foresight = run.dependencies.foresight
        if foresight is None or run.parent.resumed_from is not None:
            return
        expected = foresight(run.request, decided.pattern_id)
        if expected is not None:
            yield ForecastMade(forecast=expected.forecast, shortfalls=expected.shortfalls)

    @property
    def _runs_patterns(self) -> bool:
        """Whether there is no agent that could take over."""
        return spec_of(self._run.request.executor).runs_patterns

    def _by_script(self, workspace: Workspace) -> Stage:
        """Runs the pattern's script; where it does not do as expected, the agent takes over."""
        run, script = self._run, self._script
        make_executor = run.dependencies.script_executor
        executor = run.dependencies.executor if make_executor is None else make_executor()
        turn = msgspec.structs.replace(self.turn(run.request.task), script=script, instructions="")
        run.check_end()
        yield None  # the decision is recorded before anything runs
        ran: list[CommandRan | FileChanged] = []
        result = yield from self._execute(turn, workspace, executor, ran)
        failure = result.failure
        steps = 0 if script is None else script.length
        takes_over = failure is not None and failure.code == _DEVIATED and not self._runs_patterns
        self._script_report = _report(ran) if takes_over else ""
        yield ScriptFinished(
            steps=steps,
            ran=steps if failure is None else min(len(ran), steps),
            handed_over=takes_over,
            reason="" if failure is None else failure.message,
        )
        if failure is None and script is not None:
            yield self._applied(UsageReported(source="agent", tokens=NO_TOKENS))
            yield AgentSpoke(text=_answer(script))
        return failure

    def _steps(self, workspace: Workspace) -> Stage:
        while True:
            prompt = yield from self._next_prompt()
            if prompt is None:
                return None
            if self._script_report:
                prompt = after_script(prompt, self._script_report)
                self._script_report = ""
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
        planned = StepPlanned(
            prompt=prompt,
            instructions=turn.instructions,
            channel=turn.channel,
            number=0 if self._run.request.planner == "direct" else len(self._state.reports) + 1,
        )
        yield self._applied(planned)
        limit = self._state.limit_reached(self._run.request.limits)
        if limit is not None:
            return limit
        yield None  # the step is recorded before the agent can act on it
        executor = self._run.dependencies.executor
        result = yield from self._execute(turn, workspace, executor)
        failure = None if result.failure is None else result.failure.of_run(self._run.run_id)
        yield self._applied(StepFinished(failure=failure, agent_exit_code=result.exit_code))
        return failure

    def _execute(
        self,
        turn: TurnRequest,
        workspace: Workspace,
        executor: Executor,
        ran: list[CommandRan | FileChanged] | None = None,
    ) -> Generator[Event | None, None, TurnResult]:
        """Carries out a turn; what was done is added to a list."""
        events = executor.execute(turn)
        try:
            while True:
                event = next(events)
                if isinstance(event, FileChanged):
                    event = _with_content(event, workspace)
                if ran is not None and isinstance(event, CommandRan | FileChanged):
                    ran.append(event)
                if event is None:
                    yield from self._run.report_stop()
                yield None if event is None else self._applied(event)
                if isinstance(event, AgentLaunched) and self._channel() != "none":
                    # while an agent starts, nobody waits for this; a plain command may have ended
                    self._run.dependencies.memory.get_ready()
                    assessment.preload_rules()
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


def _report(ran: Sequence[CommandRan | FileChanged]) -> str:
    """What a script did, as the agent reads it: its steps, and the output of the last one."""
    lines = [
        f"wrote {step.path}"
        if isinstance(step, FileChanged)
        else f"$ {step.command}\n(exit code {step.exit_code})"
        for step in ran
    ]
    last = ran[-1] if ran else None
    output = last.output.strip()[-_LONGEST_OUTPUT:] if isinstance(last, CommandRan) else ""
    return "\n".join([*lines, *([f"Its output:\n{output}"] if output else [])])


def _answer(script: "BoundScript") -> str:
    compiled = script.compiled
    steps = f"{len(compiled.steps)} step{'s' * (len(compiled.steps) != 1)}"
    return (
        f"Done by the script of the pattern {compiled.pattern_id} v{compiled.version}, without an "
        f"agent: {steps}, and the check passed."
    )


def _without_agent(failure: Failure) -> Failure:
    """Why a run ended before its agent was started."""
    if failure not in (CANCELLED, TIMED_OUT):
        return failure
    return msgspec.structs.replace(failure, hint="the agent was not started")


def _with_content(changed: FileChanged, workspace: Workspace) -> FileChanged:
    if not changed.ok or changed.change == "deleted":
        return changed
    return msgspec.structs.replace(changed, content=workspace.snapshots.keep(changed.path))
