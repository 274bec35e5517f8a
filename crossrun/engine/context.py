"""What the parts of a run share: who takes part, what was asked for, where it works, its end."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from crossrun.config.tasktypes import TaskType
from crossrun.errors import CrossrunError, NotFoundError
from crossrun.events import CancelRequested, Event, SnapshotProgressed
from crossrun.executors import Executor
from crossrun.executors.descent import Tracking
from crossrun.model.failures import CANCELLED, TIMED_OUT, Failure, RunFailed
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Source
from crossrun.model.tokens import Price
from crossrun.patterns import Memory
from crossrun.planning import Planner
from crossrun.projections.resume import Parent
from crossrun.store.artifacts import Archives
from crossrun.system import clock
from crossrun.system.background import Background, awaited
from crossrun.system.cancellation import CancelToken
from crossrun.workspace import Workspace, Workspaces, folder_name
from crossrun.workspace.files.dirfd import reason

Facts = Generator[Event | None]
Stage = Generator[Event | None, None, Failure | None]
"""A part of a run; its value says why the run cannot succeed, if so."""
Value = TypeVar("Value")
Seen = TypeVar("Seen")
_TICK = 0.05
_TELL_AGAIN = 2.0
"""Seconds between words of progress; what is shorter has none."""


class Queue(Protocol):
    """Where runs wait for one another."""

    limit: int
    """How many go on at the same time."""

    def line(self) -> AbstractContextManager[Iterator[int | None]]:
        """Joins the line, and leaves it or the place that was reached in the end.

        Yields:
            Each time that it is asked: how many wait before this one, None when it is its turn.
        """


class RunDependencies(Struct, frozen=True):
    """Who takes part in a run. Only `assembly` knows their concrete classes.

    `prices` are those of the models in use, as far as they are known. `environ` is for the user's
    own `--verify` command. `processes` is the folder in which runs write down their processes.
    `warnings` are told before the agent works.
    """

    planner: Planner
    executor: Executor
    workspaces: Workspaces
    archives: Archives
    memory: Memory
    task_type: TaskType
    environ: Mapping[str, str]
    prices: Mapping[Literal["agent", "planner"], Price] = {}
    queue: Queue | None = None
    processes: Path | None = None
    warnings: tuple[str, ...] = ()


class RunContext:
    """One run under way.

    Attributes:
        workspace: the run's folder, once it is prepared.
        subfolder: where in it the agent works; empty: at its top.
        deadline: the time of the monotonic clock at which it has to end.
        held: what the run holds until it is over.
    """

    def __init__(
        self,
        run_id: str,
        request: RunRequest,
        dependencies: RunDependencies,
        stop: CancelToken,
        parent: Parent,
    ) -> None:
        self.run_id = run_id
        self.request = request
        self.dependencies = dependencies
        self.stop = stop
        self.parent = parent
        in_place = request.begin_with.in_place
        self.path = (
            parent.workspace
            or (Path(in_place) if in_place else None)
            or dependencies.workspaces.path(request.project_id, run_id)
        )
        self.subfolder = ""
        self.archive = dependencies.archives.of(folder_name(request.project_id), run_id)
        self.workspace: Workspace | None = None
        self.deadline: float | None = None
        self._began: float | None = None
        self.held = ExitStack()
        self._stop_reported = False

    @property
    def tracking(self) -> Tracking:
        """How the run's processes are found again."""
        folder = self.dependencies.processes
        return Tracking(
            file=None if folder is None else folder / self.run_id,
            folder=self.path if self.dependencies.workspaces.is_own(self.path) else None,
        )

    @property
    def folder(self) -> Path:
        """Where the agent works, and the commands that check and prepare its work."""
        return self.path / self.subfolder

    def work_in(self, source: Source | None) -> None:
        """Has the agent work in the folder of the workspace that the user named.

        Raises:
            NotFoundError: an earlier run in the workspace has removed it, or put a link there.
        """
        if source is None or not source.subfolder:
            return
        self.subfolder = source.subfolder
        place = self.path.resolve() / self.subfolder
        if not place.is_dir() or place.resolve() != place:
            raise NotFoundError(
                "WORKSPACE_GONE",
                f"there is no folder {source.subfolder} in the workspace {self.path} any more",
                hint="make it again there, or begin anew: crossrun retry RUN",
            )

    def start_the_clock(self) -> None:
        """From now on `--timeout` counts."""
        timeout = self.request.limits.timeout
        self._began = clock.monotonic()
        self.deadline = None if timeout is None else self._began + timeout

    @property
    def seconds(self) -> float | None:
        """How long the run has taken since it was its turn; None before that."""
        return None if self._began is None else round(clock.monotonic() - self._began, 3)

    def report_stop(self) -> Generator[Event]:
        """That somebody asked the run to stop: as soon as it is noticed, and once."""
        if self.stop and not self._stop_reported:
            self._stop_reported = True
            yield CancelRequested(by=self.stop.requested_by or "")

    def wait(self, seconds: float) -> Generator[None, None, None]:
        """Lets time pass; also by the wall clock, which does not stop while a computer sleeps.

        Raises:
            RunFailed: the run has to end before.
        """
        until, wall_until = time.monotonic() + seconds, time.time() + seconds
        while time.monotonic() < until and time.time() < wall_until:
            yield None
            self.check_end()
            time.sleep(_TICK)

    def in_background(self, call: Callable[[], Value]) -> Generator[None, None, Value]:
        """Waits for a call that may take long.

        Raises:
            RunFailed: the run has to end before.
        """
        background = Background(call)
        while not background.done(_TICK):
            yield None
            self.check_end()
        return background.value()

    def watched(
        self,
        work: Generator[Seen, None, Value],
        told: Callable[[Seen], Event],
        check_end: Callable[[], None] | None = None,
    ) -> Generator[Event | None, None, Value]:
        """Carries out work that may take long, and tells now and then how far it has come.

        Args:
            work: yields its progress; closed when the run has to end before.
            told: makes an event of the progress.
            check_end: raises RunFailed when the run has to end; by default `RunContext.check_end`.
        """
        check_end = check_end or self.check_end
        told_at = time.monotonic()
        with closing(work):
            while True:
                check_end()
                try:
                    progress = next(work)
                except StopIteration as ended:
                    value: Value = ended.value
                    return value
                if time.monotonic() >= told_at + _TELL_AGAIN:
                    told_at = time.monotonic()
                    yield told(progress)
                yield from self.report_stop()
                yield None

    def measured(
        self, measure: Callable[[], Value], check_end: Callable[[], None] | None = None
    ) -> Generator[Event | None, None, Value]:
        """Takes or compares snapshots in the background; otherwise as `watched`."""
        work = awaited(measure, int)
        return self.watched(work, lambda files: SnapshotProgressed(files=files), check_end)

    def check_end(self) -> None:
        """Looks whether the run has to end. Raises RunFailed."""
        if self.stop:
            raise RunFailed(CANCELLED)
        if self.deadline is not None and clock.monotonic() >= self.deadline:
            raise RunFailed(TIMED_OUT)


def guarded(stage: Stage) -> Stage:
    """Turns whatever stops a stage into a failure: no path ends without a last event."""
    try:
        return (yield from stage)
    except RunFailed as stopped:
        return stopped.failure
    except CrossrunError as error:
        return Failure("WORKSPACE_FAILED", error.message, error.hint, error.retryable)
    except OSError as error:
        return Failure(
            "WORKSPACE_FAILED",
            f"a file could not be read or written: {reason(error)}",
            "check the disk's free space and the folder's permissions,  crossrun paths  tells them",
        )
    except Exception as error:  # noqa: BLE001  the run has to be told of, whatever it was
        return Failure(
            "INTERNAL",
            f"crossrun itself failed: {type(error).__name__}: {error}",
            "this is a bug; run it again with --debug and report what it prints",
        )
