"""What the stages of a run share: its dependencies, its request, its workspace, its limits."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from crossrun.config.tasktypes import TaskType
from crossrun.errors import CrossrunError, NotFoundError
from crossrun.events import CancelRequested, Event, SnapshotProgressed
from crossrun.executors import Executor
from crossrun.executors.descent import Tracking
from crossrun.insights.forecast import Outlook
from crossrun.model.failures import CANCELLED, TIMED_OUT, Failure, RunFailed
from crossrun.model.requests import RunRequest
from crossrun.model.runs import ApplyOutcome, Source
from crossrun.model.tokens import Price
from crossrun.patterns import Memory
from crossrun.planning import Planner
from crossrun.projections.resume import Parent
from crossrun.store.artifacts import Archives
from crossrun.system import clock
from crossrun.system.background import Background, awaited
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.files.dirfd import reason
from crossrun.workspace.folder_names import folder_name
from crossrun.workspace.workspaces import Workspace, Workspaces

Events = Generator[Event | None]
Stage = Generator[Event | None, None, Failure | None]
"""A part of a run; its value is the failure that keeps the run from succeeding, if any."""
Value = TypeVar("Value")
Progress = TypeVar("Progress")
_TICK = 0.05
_PROGRESS_INTERVAL = 2.0
"""Seconds between two events of progress; shorter work has none."""


class Queue(Protocol):
    """The line in which runs wait when only so many may run at once."""

    limit: int
    """How many runs may run at once."""

    def line(self) -> AbstractContextManager[Iterator[int | None]]:
        """Joins the line; at the end of the context, leaves it or frees the place in use.

        Yields:
            For each `next`, how many runs are ahead of this one; None once it may run.
        """


Recorded = Callable[[str, Sequence[str]], Iterator[tuple[int, Event]]]
"""Reads the events of a run that have certain types, with their numbers."""
Foresight = Callable[[RunRequest, str | None], Outlook | None]
"""What may be expected of a request, with the pattern that was decided on."""


class RunDependencies(Struct, frozen=True):
    """What a run works with. Only `services.assembly` knows the concrete classes.

    `prices` are those of the models in use, if known. `environ` is for the user's `--verify`
    command. `processes` is the folder with the lists of the processes of runs. `warnings` are
    recorded before the agent starts. `script_executor` makes what runs compiled patterns.
    `recorded` reads the events of a run that are stored so far; without it, runs are not graded.
    `foresight` makes forecasts; without it, there are none.
    `apply` applies the change of the run with an id; None: the user does not want that at once.
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
    script_executor: Callable[[], Executor] | None = None
    recorded: Recorded | None = None
    foresight: Foresight | None = None
    apply: Callable[[str], ApplyOutcome] | None = None


class RunContext:
    """One run in progress.

    Attributes:
        workspace: the run's folder, once it is prepared.
        patch: the change, in git's format, once it is measured.
        subfolder: where the agent works in it; empty: at its top.
        deadline: when the run has to end, by the monotonic clock.
        resources: what is released when the run is over.
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
        self.patch = b""
        self.deadline: float | None = None
        self._began: float | None = None
        self.resources = ExitStack()
        self._stop_reported = False

    @property
    def tracking(self) -> Tracking:
        """How the processes of the run are found again."""
        folder = self.dependencies.processes
        return Tracking(
            file=None if folder is None else folder / self.run_id,
            folder=self.path if self.dependencies.workspaces.is_own(self.path) else None,
        )

    @property
    def folder(self) -> Path:
        """Where the agent works, and the commands that prepare and check its work."""
        return self.path / self.subfolder

    def work_in(self, source: Source | None) -> None:
        """Sets the subfolder to the one of the source that the user named.

        Raises:
            NotFoundError: an earlier run in the workspace removed it, or replaced it by a link.
        """
        if source is None or not source.subfolder:
            return
        self.subfolder = source.subfolder
        place = self.path.resolve() / self.subfolder
        if not place.is_dir() or place.resolve() != place:
            raise NotFoundError(
                "WORKSPACE_GONE",
                f"the workspace {self.path} no longer has the folder {source.subfolder}",
                hint="create it there again, or start over: crossrun retry RUN",
            )

    def start_clock(self) -> None:
        """Starts the time of `--timeout`."""
        timeout = self.request.limits.timeout
        self._began = clock.monotonic()
        self.deadline = None if timeout is None else self._began + timeout

    @property
    def seconds(self) -> float | None:
        """The duration of the run without its time in the queue; None while it is queued."""
        return None if self._began is None else round(clock.monotonic() - self._began, 3)

    def report_stop(self) -> Generator[Event]:
        """Yields an event for a request to stop, once."""
        if self.stop and not self._stop_reported:
            self._stop_reported = True
            yield CancelRequested(by=self.stop.requested_by or "")

    def wait(self, seconds: float) -> Generator[None, None, None]:
        """Waits; wall-clock time counts too, which passes while the computer is suspended.

        Raises:
            RunFailed: the run has to end earlier.
        """
        until, wall_until = time.monotonic() + seconds, time.time() + seconds
        while time.monotonic() < until and time.time() < wall_until:
            yield None
            self.check_end()
            time.sleep(_TICK)

    def in_background(self, call: Callable[[], Value]) -> Generator[None, None, Value]:
        """Waits for a call that may take long.

        Raises:
            RunFailed: the run has to end earlier.
        """
        background = Background(call)
        while not background.done(_TICK):
            yield None
            self.check_end()
        return background.value()

    def with_progress(
        self,
        work: Generator[Progress, None, Value],
        to_event: Callable[[Progress], Event],
        check_end: Callable[[], None] | None = None,
    ) -> Generator[Event | None, None, Value]:
        """Does work that may take long, with an event of its progress now and then.

        Args:
            work: yields its progress; closed if the run has to end earlier.
            to_event: makes an event from the progress.
            check_end: raises RunFailed when the run has to end; by default `RunContext.check_end`.
        """
        check_end = check_end or self.check_end
        reported_at = time.monotonic()
        with closing(work):
            while True:
                check_end()
                try:
                    progress = next(work)
                except StopIteration as ended:
                    value: Value = ended.value
                    return value
                if time.monotonic() >= reported_at + _PROGRESS_INTERVAL:
                    reported_at = time.monotonic()
                    yield to_event(progress)
                yield from self.report_stop()
                yield None

    def with_snapshot_progress(
        self, measure: Callable[[], Value], check_end: Callable[[], None] | None = None
    ) -> Generator[Event | None, None, Value]:
        """Records or compares snapshots in the background; see `with_progress`."""
        work = awaited(measure, lambda files, total: SnapshotProgressed(files=files, total=total))
        return self.with_progress(work, lambda progress: progress, check_end)

    def check_end(self) -> None:
        """Raises RunFailed if the run has to end."""
        if self.stop:
            raise RunFailed(CANCELLED)
        if self.deadline is not None and clock.monotonic() >= self.deadline:
            raise RunFailed(TIMED_OUT)


def failure_of(stage: Stage) -> Stage:
    """Turns any exception of a stage into its failure, so that a run always has a last event."""
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
            "check the disk's free space and the permissions of the folders: crossrun paths",
        )
    except Exception as error:  # noqa: BLE001  the run must end with an event
        return Failure(
            "INTERNAL",
            f"crossrun itself failed: {type(error).__name__}: {error}",
            "this is a bug; run it again with --debug and report what it prints",
        )
