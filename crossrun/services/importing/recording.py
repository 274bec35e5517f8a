"""Makes runs of sessions, one transaction for each run, and puts aside what they teach."""

import hashlib
from collections import Counter, deque
from collections.abc import Generator, Iterator
from functools import cache
from itertools import chain
from typing import IO

from msgspec import Struct
from msgspec.structs import replace

from crossrun import __version__
from crossrun.errors import CrossrunError
from crossrun.events import (
    CommandRan,
    Event,
    EventRecord,
    PatternLearned,
    RunFinished,
    RunStarted,
    SessionRead,
    StepFinished,
    StepPlanned,
    ThreadStarted,
    TurnStarted,
    UsageReported,
    Warned,
    type_of,
)
from crossrun.memory.learning import ENDS_READ, LOOKED_AT, Learner, NumberedEvent
from crossrun.model.failures import Failure
from crossrun.model.requests import MemoryOptions, RunRequest
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.projections.run import advance
from crossrun.services.app import App
from crossrun.services.importing.finding import (
    FoundSession,
    SessionHistory,
    SkippedFile,
    plain_path,
)
from crossrun.services.relearning import learner_for
from crossrun.services.reviewing import Inbox
from crossrun.sessions import (
    Asked,
    Happened,
    Passed,
    TaskBegan,
    TaskEnded,
    TaskPart,
    parts_of,
)
from crossrun.store.ids import ALPHABET
from crossrun.store.importing import EventsOfRun, SessionImport
from crossrun.system.clock import monotonic

_ID_LENGTH = 8
_OUTPUT_KEPT = 4_000
"""Characters at the end of an output that learning looks at."""
_HINT = "crossrun did not start this run; it only read its history"


class ImportOptions(Struct, frozen=True, kw_only=True):
    """How sessions become runs. `project_id`: None takes the name of each session's folder."""

    project_id: str | None = None
    task_type: str = "code"


class ImportProgress(Struct, frozen=True):
    """How far an import has got."""

    sessions: int
    of_sessions: int
    bytes: int
    of_bytes: int
    runs: int


class ImportResult(Struct, kw_only=True):
    """What an import did. `events` counts those that were stored, by type.

    `unchanged` are sessions that had been imported before; `copies` are tasks that stand in an
    earlier session as well, whose run the user has removed, or that an import stored which was
    stopped or is at work with the same files. `unknown` counts lines of kinds that
    this version does not know. `learned` are the runs whose lessons were put aside, `accepted`
    those that were learned at once because the settings say so.
    """

    program: str
    files: int = 0
    sessions: int = 0
    unchanged: int = 0
    runs: int = 0
    copies: int = 0
    events: Counter[str]
    status: Counter[str]
    learned: list[str]
    accepted: int = 0
    lines_damaged: int = 0
    unknown: Counter[str]
    skipped: list[SkippedFile]
    bytes: int = 0
    seconds: float = 0.0


def import_history(
    app: App, history: SessionHistory, options: ImportOptions
) -> Generator[ImportProgress, None, ImportResult]:
    """Makes runs of the sessions that are new or have changed.

    What is stored when the caller stops is complete, run by run, and the next import continues
    from there.
    """
    began = monotonic()
    result = ImportResult(
        program=history.program,
        files=history.files,
        unchanged=len(history.sessions) - len(history.new),
        events=Counter(),
        status=Counter(),
        learned=[],
        unknown=Counter(),
        skipped=list(history.skipped),
    )
    recorder = _Recorder(app, options, result)
    total = sum(session.file.size for session in history.new)
    for number, session in enumerate(history.new):
        for done in recorder.record(session):
            read = result.bytes + done
            yield ImportProgress(number, len(history.new), read, total, result.runs)
        result.bytes += session.file.size
    if app.settings.patterns.review == "never":
        inbox = Inbox(app)
        result.accepted = sum(1 for _ in inbox.accept(result.learned))
    result.seconds = round(monotonic() - began, 3)
    return result


class _Recorder:
    """Records sessions, and counts what it does."""

    def __init__(self, app: App, options: ImportOptions, result: ImportResult) -> None:
        self._app = app
        self._options = options
        self._result = result
        self._learner = cache(lambda task_type: learner_for(app, task_type))

    def record(self, session: FoundSession) -> Iterator[int]:
        """Makes runs of one session; yields the number of bytes read, from time to time."""
        try:
            with open(session.file.path, "rb") as stream:  # noqa: PTH123  its path is a text
                yield from self._record(session, stream)
        except OSError as error:
            reason = f"it cannot be read: {error.strerror}"
            self._result.skipped.append(SkippedFile(session.file.path, reason))

    def _record(self, session: FoundSession, stream: IO[bytes]) -> Iterator[int]:
        file, earlier = session.file, None
        parts = parts_of(file.program, stream)
        with self._app.store.importing(
            session.facts.session_id, file, self._app.redactor
        ) as writer:
            if writer.is_done():
                self._result.unchanged += 1
                return
            for part in parts:
                match part:
                    case TaskBegan():
                        run_id = run_id_of(file.program, part.key)
                        task = _ImportedTask(part, session, self._options, earlier)
                        yield from self._write(writer, run_id, task, parts, stream)
                        earlier = run_id
                    case Passed():
                        self._pass_over(part, file.path)
                    case _:
                        pass
            writer.finish()
            self._result.sessions += 1

    def _write(
        self,
        writer: SessionImport,
        run_id: str,
        task: "_ImportedTask",
        parts: Iterator[TaskPart],
        stream: IO[bytes],
    ) -> Iterator[int]:
        own = self._counting(parts, task.session.file.path)
        if not writer.wants(run_id):
            self._result.copies += 1
            for part in own:
                if isinstance(part, TaskEnded):
                    break
            return
        seen, events = _SeenRun(self._learner(self._options.task_type)), Counter[str]()
        for recorded in writer.gather(run_id, task.events(own, seen)):
            seen.see(recorded)
            events[type_of(recorded.event)] += 1
            if recorded.seq % 100 == 1:
                yield stream.tell()
        if not writer.store(run_id):
            self._result.copies += 1
            return
        self._result.runs += 1
        self._result.events += events
        if seen.run is not None:
            self._result.status[seen.run.status] += 1
        if seen.taught:
            self._result.learned.append(run_id)

    def _counting(self, parts: Iterator[TaskPart], path: str) -> Iterator[TaskPart]:
        for part in parts:
            if isinstance(part, Passed):
                self._pass_over(part, path)
            yield part

    def _pass_over(self, passed: Passed, path: str) -> None:
        if not passed.damaged:
            self._result.unknown[passed.kind] += 1
            return
        self._result.lines_damaged += 1
        self._result.skipped.append(SkippedFile(path, f"line {passed.line}: {passed.kind}"))


class _SeenRun:
    """The run as it is stored so far, with the events that show what it did."""

    def __init__(self, learner: Learner) -> None:
        self.run: Run | None = None
        self.taught = False
        self._learner = learner
        self._first: list[NumberedEvent] = []
        self._last: deque[NumberedEvent] = deque(maxlen=ENDS_READ)

    def see(self, recorded: EventRecord) -> None:
        """Takes a stored event into account."""
        self.run = advance(self.run, recorded)
        event = recorded.event
        if isinstance(event, PatternLearned):
            self.taught = True
        if type_of(event) not in LOOKED_AT:
            return
        if isinstance(event, CommandRan):
            event = replace(event, output=event.output[-_OUTPUT_KEPT:])
        events = self._first if len(self._first) < ENDS_READ else self._last
        events.append((recorded.seq, event))

    def lesson(self, why: str) -> Event | None:
        """What the run teaches, to be looked at; a warning if that cannot be found out."""
        if self.run is None:
            return None
        try:
            events = list(chain(self._first, self._last))
            material = self._learner.material(self.run, None, events=events)
            if material is None:
                return None
            return self._learner.waiting(self.run, material, why=why)
        except (CrossrunError, ValueError, LookupError, TypeError) as error:
            return Warned(message=f"nothing was learned: {type(error).__name__}: {error}")


class _ImportedTask:
    """One task of a session, as the events of a run."""

    def __init__(
        self, began: TaskBegan, session: FoundSession, options: ImportOptions, earlier: str | None
    ) -> None:
        self.session = session
        self._began = began
        self._options = options
        self._earlier = earlier

    def events(self, parts: Iterator[TaskPart], seen: _SeenRun) -> EventsOfRun:
        """The events up to the end of the task; `seen` has those that are stored already."""
        at = self._began.at
        yield at, self._started()
        yield at, StepPlanned(prompt=self._began.request)
        yield at, ThreadStarted(thread_id=self._began.facts.session_id)
        yield at, TurnStarted()
        for part in parts:
            match part:
                case Happened(event=event, at=moment):
                    yield moment or at, event
                case Asked(text=text, at=moment):
                    yield moment or at, StepPlanned(prompt=text)
                    yield moment or at, TurnStarted()
                case TaskEnded():
                    yield from self._end(part, seen)
                    return
                case _:
                    pass

    def _started(self) -> RunStarted:
        facts = self._began.facts
        request = RunRequest(
            task=self._began.request,
            task_type=self._options.task_type,
            project_id=self._options.project_id or self.session.folder,
            executor=self.session.file.program,
            model=facts.model or None,
            memory=MemoryOptions(off=True),
        )
        return RunStarted(
            request=request,
            workspace=plain_path(facts.cwd),
            crossrun_version=__version__,
            executor_version=facts.version or None,
            resumed_from=self._earlier,
            new_task=self._earlier is not None,
            imported_from=self.session.file.program,
        )

    def _end(self, ended: TaskEnded, seen: _SeenRun) -> EventsOfRun:
        at, verdict, facts = ended.at or self._began.at, ended.verdict, self._began.facts
        failure = _failure(verdict.status, verdict.reason)
        if ended.tokens is not None:
            yield at, UsageReported(source="agent", tokens=ended.tokens)
        yield at, StepFinished(failure=failure)
        yield (
            at,
            SessionRead(
                session_id=facts.session_id,
                file=self.session.file.path,
                task=self._began.number,
                reason=verdict.reason,
                teaches=verdict.teaches,
                branch=facts.branch or None,
                commit=facts.commit or None,
                version=facts.version or None,
            ),
        )
        if verdict.teaches:
            yield None  # so that all events so far are stored, and seen without secrets
            lesson = seen.lesson(verdict.reason)
            if lesson is not None:
                yield at, lesson
        yield at, RunFinished(status=verdict.status, failure=failure, duration_s=ended.seconds)


def _failure(status: Status, reason: str) -> Failure | None:
    match status:
        case Status.SUCCEEDED:
            return None
        case Status.INTERRUPTED:
            return Failure("INTERRUPTED", reason, _HINT)
        case _:
            return Failure("AGENT_FAILED", reason, _HINT)


def run_id_of(program: str, key: str) -> str:
    """The id of the run for a task, always the same."""
    digest = hashlib.sha256(f"session\0{program}\0{key}".encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:_ID_LENGTH])
