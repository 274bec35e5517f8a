"""A run from its first fact to its last: workspace, plan, execute, diff, verify.

Yields facts and does not care who stores or shows them; None marks a pause, in which whoever
listens can catch up. Whatever happens in between, the last fact is `RunFinished`.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from crossrun import __version__
from crossrun.artifacts import Archives
from crossrun.background import Background
from crossrun.errors import CrossrunError
from crossrun.events import (
    AgentLaunched,
    AgentSpoke,
    CancelRequested,
    CommandRan,
    Event,
    FileChanged,
    PatternDecided,
    PlannerReplied,
    RunFinished,
    RunStarted,
    StepFinished,
    StepPlanned,
    ThreadStarted,
    UsageReported,
    Verified,
    Warned,
    WorkspaceChanged,
    WorkspacePrepared,
)
from crossrun.executors import Assignment, Executor, Outcome
from crossrun.executors.commands import run_command, shell
from crossrun.executors.process import Bounds
from crossrun.failures import CANCELLED, FAILURES, TIMED_OUT, Failure, RunFailed
from crossrun.patterns import Memory
from crossrun.planning import Planner, Situation, StepReport, Thought
from crossrun.planning.prompt import for_agent
from crossrun.runs import NO_TOKENS, Change, RunRequest, Tokens
from crossrun.status import Status
from crossrun.stopping import Stop
from crossrun.tasktypes import TaskType
from crossrun.workspace import Workspace, Workspaces, branch, folder_name, top_files

Facts = Generator[Event | None]
Stage = Generator[Event | None, None, Failure | None]
"""A part of a run; its value says why the run cannot succeed, if so."""
Value = TypeVar("Value")
_TICK = 0.05
_OUTPUT_TOLD = 2000
"""Characters of a failed command's output that the planner gets to see."""


class Crew(Struct, frozen=True):
    """Who takes part in a run. Only `assembly` knows their concrete classes."""

    planner: Planner
    executor: Executor
    workspaces: Workspaces
    archives: Archives
    memory: Memory
    task_type: TaskType
    environ: Mapping[str, str]
    """For the user's own `--verify` command."""


def conduct(run_id: str, request: RunRequest, crew: Crew, stop: Stop) -> Facts:
    """Carries a run out.

    Args:
        run_id: the run's id.
        request: what the user asked for.
        crew: who does it.
        stop: set when somebody wants the run to end early.
    """
    run = _Conducting(run_id, request, crew, stop)
    yield run.started()
    failure = yield from _guarded(run.work())
    if stop:
        yield CancelRequested(by=stop.requested_by or "")
    for stage in (run.measure, run.verify, run.keep_transcript):
        trouble = yield from _guarded(stage(failure))
        if failure is not None and trouble is not None:
            yield Warned(message=trouble.message)
        failure = failure or trouble
    for stage in (run.remember, run.credit):
        trouble = yield from _guarded(stage(failure))
        if trouble is not None:
            yield Warned(message=f"pattern memory: {trouble.message}")
    status = Status.SUCCEEDED if failure is None else Status(FAILURES[failure.code][0])
    yield RunFinished(status=status, failure=failure)


def _guarded(stage: Stage) -> Stage:
    """Turns whatever stops a stage into a failure: no path ends without a last event."""
    try:
        return (yield from stage)
    except RunFailed as stopped:
        return stopped.failure
    except CrossrunError as error:
        return Failure("WORKSPACE_FAILED", error.message, error.hint, error.retryable)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return Failure(
            "WORKSPACE_FAILED",
            f"a file could not be read or written: {error.strerror or error}{where}",
            "check the disk's free space and the folder's permissions,  crossrun paths  tells them",
        )
    except Exception as error:  # noqa: BLE001  the run has to be told of, whatever it was
        return Failure(
            "INTERNAL",
            f"crossrun itself failed: {type(error).__name__}: {error}",
            "this is a bug; run it again with --debug and report what it prints",
        )


def first_assignment(
    run_id: str, request: RunRequest, crew: Crew
) -> tuple[Assignment, PatternDecided]:
    """What the agent would be told first, with the task as its prompt; nothing is begun."""
    run = _Conducting(run_id, request, crew, Stop())
    decided = run.decide((), would_be=True)
    path = crew.workspaces.path(request.project_id, run_id)
    return run.assignment(request.task, path), decided


class _Tally(Struct):
    """What was seen of the agent so far."""

    thread_id: str | None = None
    thread_tokens: Tokens = NO_TOKENS
    tokens: Tokens = NO_TOKENS
    answer: str | None = None
    changed: list[str] = field(default_factory=list)
    failed: list[tuple[str, int | None, str]] = field(default_factory=list)

    def see(self, event: Event) -> None:
        match event:
            case ThreadStarted(thread_id=thread_id):
                self.thread_id = thread_id
            case AgentSpoke(text=text):
                self.answer = text
            case UsageReported(tokens=tokens, thread_total=total):
                self.tokens += tokens or NO_TOKENS
                self.thread_tokens = total or self.thread_tokens
            case FileChanged(path=path, ok=True) if path not in self.changed:
                self.changed.append(path)
            case CommandRan(exit_code=code, command=command, output=output) if code != 0:
                self.failed.append((command, code, output[-_OUTPUT_TOLD:]))
            case _:
                pass

    def report(self) -> StepReport:
        """What the planner gets to know of the step; the next one is counted anew."""
        told = StepReport(self.answer, tuple(self.changed), tuple(self.failed))
        self.answer, self.changed, self.failed = None, [], []
        return told


class _Conducting:
    """One run under way."""

    def __init__(self, run_id: str, request: RunRequest, crew: Crew, stop: Stop) -> None:
        self._run_id = run_id
        self._request = request
        self._crew = crew
        self._stop = stop
        self._tally = _Tally()
        self._workspace: Workspace | None = None
        self._block = ""
        self._archive = crew.archives.of(folder_name(request.project_id), run_id)
        timeout = request.limits.timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def started(self) -> RunStarted:
        path = self._crew.workspaces.path(self._request.project_id, self._run_id)
        return RunStarted(
            request=self._request,
            workspace=str(path),
            crossrun_version=__version__,
            executor_version=self._crew.executor.version(),
        )

    def work(self) -> Stage:
        workspace = self._crew.workspaces.prepare(self._request.project_id, self._run_id)
        self._workspace = workspace
        markers = top_files(workspace.path)
        yield WorkspacePrepared(
            path=str(workspace.path), baseline=workspace.baseline, top_files=markers
        )
        trouble = yield from self._choose(markers)
        if trouble is not None:
            return trouble
        situation = Situation(self._request.task, self._crew.task_type, self._block)
        while True:
            thought = yield from self._think(situation)
            if thought.prompt is None:
                return None
            limit = self._limit_reached(turns=len(situation.reports))
            if limit is not None:
                return limit
            outcome = yield from self._step(thought.prompt, workspace)
            yield StepFinished(failure=outcome.failure, agent_exit_code=outcome.exit_code)
            if outcome.failure is not None:
                return outcome.failure
            situation = situation.after(thought, self._tally.report())

    def decide(self, markers: Sequence[str], *, would_be: bool = False) -> PatternDecided:
        """Has a pattern chosen, or none; its block goes with all instructions from now on."""
        decided, self._block = self._crew.memory.decide(
            None if would_be else self._run_id,
            self._request,
            channel=self._crew.executor.channel(resumed=False),
            top_files=markers,
        )
        return decided

    def _choose(self, markers: Sequence[str]) -> Stage:
        """A memory that is out of order is no reason not to work, unless the user named one."""

        def stage() -> Stage:
            yield self.decide(markers)
            return None

        trouble = yield from _guarded(stage())
        if trouble is None or self._request.memory.pattern_id is not None:
            return trouble
        yield Warned(message=f"pattern memory: {trouble.message}")
        yield PatternDecided(
            decision="abstained", reason=trouble.message, probability=1.0, channel="none"
        )
        return None

    def remember(self, failure: Failure | None) -> Stage:
        """Learns from the run."""
        if self._workspace is not None:
            memory = self._crew.memory
            yield from memory.remember(self._run_id, self._request, failure, self._stop)
        return None

    def credit(self, failure: Failure | None) -> Stage:
        """Credits the pattern that the run had, or went without."""
        if self._workspace is not None:
            yield from self._crew.memory.credit(self._run_id, failure)
        return None

    def measure(self, _failure: Failure | None) -> Stage:
        """Measures the agent's change from outside, before anything else touches the files."""
        workspace = self._workspace
        if workspace is None:
            return None
        tree = workspace.snapshots.take()
        if workspace.snapshots.left_out:
            yield Warned(message=f"not all files are recorded: {workspace.snapshots.left_out}")
        found = workspace.snapshots.difference(workspace.baseline, tree)
        changed = WorkspaceChanged(
            tree=tree,
            changes=found.changes,
            shortstat=found.shortstat,
            stat=found.stat,
            branch=branch(workspace.path),
        )
        yield changed
        if found.changes:
            summary = msgspec.json.format(msgspec.json.encode(changed))
            yield self._archive.save("diff-summary", "diff-summary.json", summary)
            yield self._archive.save("patch", "changes.patch", found.patch)
            yield from self._found_artifacts(workspace.path, found.changes)
        return None

    def verify(self, failure: Failure | None) -> Stage:
        """Runs the user's own check, if the agent did its part."""
        command, workspace = self._request.verify, self._workspace
        if failure is not None or command is None or workspace is None:
            return None
        result = yield from run_command(
            shell(command),
            workspace=workspace.path,
            environ=self._crew.environ,
            run_id=self._run_id,
            bounds=Bounds(self._stop, self._deadline),
        )
        cut_short = result.end.cut_short()
        code = result.end.code if cut_short is None else None
        yield Verified(command=command, exit_code=code, output=result.output)
        if cut_short is not None or code == 0:
            return cut_short
        return Failure(
            "VERIFY_FAILED",
            f"the agent finished, but `{command}` ended with exit code {code}",
            "its output is in  crossrun steps ; the workspace is kept",
        )

    def keep_transcript(self, _failure: Failure | None) -> Stage:
        """Compresses the agent's raw lines."""
        transcript = self._archive.close_transcript()
        if transcript is not None:
            yield transcript
        return None

    def _think(self, situation: Situation) -> Generator[Event | None, None, Thought]:
        thought = yield from self._in_background(lambda: self._crew.planner.next_step(situation))
        for reply in thought.replies:
            yield PlannerReplied(sent=tuple(map(dict, thought.sent)), reply=dict(reply))
        if thought.tokens is not None:
            yield self._seen(UsageReported(source="planner", tokens=thought.tokens))
        return thought

    def _step(self, prompt: str, workspace: Workspace) -> Generator[Event | None, None, Outcome]:
        assignment = self.assignment(prompt, workspace.path)
        yield StepPlanned(
            prompt=prompt, instructions=assignment.instructions, channel=assignment.channel
        )
        events = self._crew.executor.execute(assignment)
        try:
            while True:
                event = next(events)
                if isinstance(event, FileChanged):
                    event = _with_content(event, workspace)
                yield None if event is None else self._seen(event)
                if isinstance(event, AgentLaunched):
                    self._crew.memory.get_ready()  # the agent is busy with itself just now
        except StopIteration as ended:
            outcome: Outcome = ended.value
            return outcome
        finally:
            events.close()

    def assignment(self, prompt: str, workspace: Path) -> Assignment:
        channel = self._crew.executor.channel(resumed=self._tally.thread_id is not None)
        return Assignment(
            run_id=self._run_id,
            workspace=workspace,
            prompt=prompt,
            instructions="" if channel == "none" else for_agent(self._crew.task_type, self._block),
            channel=channel,
            stop=self._stop,
            keep=self._archive.keep_line,
            thread_id=self._tally.thread_id,
            thread_tokens=self._tally.thread_tokens,
            deadline=self._deadline,
            idle_timeout=self._request.limits.idle_timeout,
        )

    def _limit_reached(self, *, turns: int) -> Failure | None:
        limits = self._request.limits
        if turns >= limits.max_turns:
            return Failure(
                "TURN_LIMIT",
                f"the run has had its {limits.max_turns} turns and is not done",
                "raise --max-turns, or split the task",
            )
        if limits.max_tokens is not None and self._tally.tokens.total >= limits.max_tokens:
            return Failure(
                "TOKEN_LIMIT",
                f"the run has used {self._tally.tokens.total} tokens and is not done",
                "raise --max-tokens, or split the task",
            )
        return None

    def _found_artifacts(self, workspace: Path, changes: Sequence[Change]) -> Facts:
        """Files that people who do this kind of task want to find again stay where they are."""
        changed = {change.path for change in changes if change.status != "deleted"}
        for kind in self._crew.task_type.artifacts:
            for file in sorted(workspace.glob(kind.glob)):
                name = str(file.relative_to(workspace))
                if name in changed and file.is_file() and not file.is_symlink():
                    changed.remove(name)
                    yield self._archive.register(kind.kind, name, file)

    def _in_background(self, call: Callable[[], Value]) -> Generator[None, None, Value]:
        """Waits for a call that may take long, and looks after time and stop meanwhile."""
        background = Background(call)
        while not background.done(_TICK):
            yield None
            if self._stop:
                raise RunFailed(CANCELLED)
            if self._deadline is not None and time.monotonic() >= self._deadline:
                raise RunFailed(TIMED_OUT)
        return background.value()

    def _seen(self, event: Event) -> Event:
        self._tally.see(event)
        return event


def _with_content(changed: FileChanged, workspace: Workspace) -> FileChanged:
    if not changed.ok or changed.change == "deleted":
        return changed
    return msgspec.structs.replace(changed, content=workspace.snapshots.keep(changed.path))
