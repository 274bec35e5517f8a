"""The ledger: one SQLite file for each user, that many processes read and write at once."""

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from crossrun.config.settings import Paths
from crossrun.errors import StillRunningError
from crossrun.store.access import ReadAccess
from crossrun.store.locks import RunLocks
from crossrun.store.migrations import migrate, version
from crossrun.store.opening import BACKUP_FAILURE, require_writable, translated
from crossrun.store.patterns import PatternReader
from crossrun.store.queue import RunQueue
from crossrun.store.reading import Reader
from crossrun.store.steps import LATEST, OLDEST
from crossrun.system.clock import now
from crossrun.system.filelocks import trying_lock

if TYPE_CHECKING:
    from crossrun.events import Event, EventRecord, RunFinished
    from crossrun.model.runs import Run
    from crossrun.redaction import Redactor
    from crossrun.store.applications import ApplicationLedger
    from crossrun.store.backups import Backup, Restored
    from crossrun.store.batch_ledger import BatchLedger
    from crossrun.store.history import HistoryReader
    from crossrun.store.importing import SessionFile, SessionImport
    from crossrun.store.overview import Overview
    from crossrun.store.reviews import ReviewLedger
    from crossrun.store.search import SearchReader
    from crossrun.store.statistics import Totals
    from crossrun.store.user_changes import PatternSession
    from crossrun.store.weekly_backup import WeeklyBackup
    from crossrun.store.workspace_runs import WorkspaceReader
    from crossrun.store.writing import StoreWriter

Value = TypeVar("Value")
_RECORDER_BUSY_MS = 2_000


class Store:
    """Everything that crossrun remembers.

    Args:
        paths: where the store, its locks and its backups are.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._locks = RunLocks(paths.locks)
        self._batch_locks = RunLocks(paths.state / "batches")
        self._held: dict[str, int] = {}
        self._access = ReadAccess(paths.database)
        self.read = Reader(self._access)
        self.patterns = PatternReader(self._access)

    @property
    def cache(self) -> Path:
        """The folder for what can be made again: weights of an encoder, matrices of vectors."""
        return self._paths.cache

    def open_for_writing(self) -> list[str]:
        """Makes the store or brings it up to date; the names of the migrations applied.

        Raises:
            ConfigurationError: it cannot be used; the message says why and what to do.
            StillRunningError: runs of an older crossrun are active and
                could no longer be recorded.
        """
        seen = version(self._paths.database)
        if 0 < seen < OLDEST:
            self._require_nothing_under_way()
        if seen >= LATEST:
            with translated(self._paths.database):
                require_writable(self._paths.database)
            return []
        lock = self._paths.state / "migrate.lock"
        return migrate(self._paths.database, backups=self._paths.backups, lock=lock)

    def open_for_reading(self) -> None:
        """Makes sure that this program can use the store, whose file stays as it is.

        Raises:
            ConfigurationError: it cannot be used; the message says why and what to do.
        """
        version(self._paths.database)

    @property
    def version(self) -> int:
        """How many migrations the store has seen."""
        return version(self._paths.database)

    @contextmanager
    def owning(self) -> Iterator[str]:
        """Begins a run that belongs to this process until the context ends.

        Yields:
            The run's new id.
        """
        with translated(self._paths.database):
            run_id, held = self._new_id()
        self._held[run_id] = held
        try:
            yield run_id
        finally:
            del self._held[run_id]
            self._locks.release(run_id, held)

    def ask_to_stop(self, run_id: str) -> None:
        """Asks the process that owns a run to stop it; nothing happens where it has ended."""
        with translated(self._paths.database):
            self._locks.ask(run_id)

    def is_asked_to_stop(self, run_id: str) -> "Callable[[], bool]":
        """What tells whether another command asked this process to stop a run that it owns."""
        held = self._held[run_id]
        return lambda: os.fstat(held).st_size > 0

    def recording(
        self,
        run_id: str,
        facts: "Generator[Event | None]",
        redactor: "Redactor",
        *,
        hurry: "Callable[[], bool]" = lambda: False,
    ) -> "Generator[EventRecord | None]":
        """Stores a new run's facts; see `EventWriter.record`. `hurry`: do not wait for a lock."""
        from crossrun.store.event_writer import EventWriter
        from crossrun.store.writing import StoreWriter

        # waits only briefly for a lock: the recorder looks up and tries again
        with closing(StoreWriter(self._paths.database, busy_ms=_RECORDER_BUSY_MS)) as writer:
            yield from EventWriter(run_id, redactor, writer, hurry=hurry).record(facts)

    def perhaps_left_behind(self) -> list[str]:
        """Runs that are active, or were left behind by a process that died; see `taking_over`."""
        return sorted({*self.read.unfinished(), *self._locks.names()})

    @contextmanager
    def taking_over(self, run_id: str) -> Iterator[bool]:
        """Owns a run whose process is gone.

        Yields:
            False when its process lives, or another command takes it over just now.
        """
        with self._locks.claim(run_id) as free:
            yield free

    @contextmanager
    def sharing(self, run_id: str) -> Iterator[bool]:
        """Keeps a run that has ended, and its workspace, as they are.

        Yields:
            False when somebody is at work with it.
        """
        with self._locks.share(run_id) as free:
            yield free

    def record_end(self, run_id: str, ending: "RunFinished", redactor: "Redactor") -> "Run | None":
        """Records the end of a run that was taken over.

        Returns:
            The run, or None when it had an end already, was never recorded, or is in a store that
            has to be migrated first.
        """
        from crossrun.store.ending import add_end

        if run_id not in self.read.unfinished() or self.version < OLDEST:
            return None
        run, events = self.read.run(run_id), self.read.events(run_id)
        with translated(self._paths.database):
            add_end(self._paths.database, run, events, ending, redactor)
        return self.read.run(run_id)

    @property
    def reviews(self) -> "ReviewLedger":
        """Lessons that wait for the user to look at them."""
        from crossrun.store.reviews import ReviewLedger

        return ReviewLedger(self._access, self._writing)

    @contextmanager
    def importing(
        self, session_id: str, file: "SessionFile", redactor: "Redactor"
    ) -> "Iterator[SessionImport]":
        """Writes the runs of one session; see `importing`."""
        from crossrun.store.importing import SessionImport

        database = self._paths.database
        with closing(SessionImport(database, session_id, file, redactor)) as session:
            yield session

    def imported_files(self, program: str) -> dict[str, tuple[int, int]]:
        """Size and time of a program's files as they were when they were imported, by path."""
        rows = self._access.rows(
            "SELECT path, size, modified_ns FROM imported_files WHERE program = ?", [program]
        )
        return {row["path"]: (row["size"], row["modified_ns"]) for row in rows}

    def is_own_thread(self, thread_id: str) -> bool:
        """Whether a thread of an agent was recorded by crossrun itself."""
        sql = "SELECT 1 FROM runs WHERE thread_id = ? AND imported_from IS NULL LIMIT 1"
        return bool(self._access.rows(sql, [thread_id]))

    @property
    def workspaces(self) -> "WorkspaceReader":
        """Reads what the removal of workspaces depends on."""
        from crossrun.store.workspace_runs import WorkspaceReader

        return WorkspaceReader(self._access)

    def read_workspaces_untraced(self, read: "Callable[[WorkspaceReader], Value]") -> "Value":
        """What a function reads by `workspaces`, but no file is changed; see `read_untraced`."""
        from crossrun.store.untraced import read_untraced
        from crossrun.store.workspace_runs import WorkspaceReader

        return read_untraced(self._paths.database, lambda access: read(WorkspaceReader(access)))

    def overview(self, *, newest: int, since: str | None) -> "Overview":
        """What matters about the newest runs; see `overview.read_overview`."""
        from crossrun.store.overview import read_overview

        return read_overview(self._access, newest=newest, since=since)

    @property
    def search(self) -> "SearchReader":
        """Searches the events of runs."""
        from crossrun.store.search import SearchReader

        return SearchReader(self._access)

    def index(self) -> Iterator[int]:
        """Adds events to the index that `search` reads, those of the newest runs first.

        Yields:
            After each piece, how many events are left. If reading stops, the next call adds
            them.

        Raises:
            ConfigurationError: the store cannot be written, or is locked for seconds.
        """
        pending = self.search.pending()
        left = sum(pending.values())
        if not left:
            return
        from crossrun.store.writing import StoreWriter

        self.open_for_writing()
        with closing(StoreWriter(self._paths.database, busy_ms=_RECORDER_BUSY_MS)) as writer:
            writer.number_runs()
            for run_id in pending:
                more = True
                while more:
                    piece = writer.index_piece(run_id)
                    more = piece.more
                    left -= piece.events
                    yield max(left, 0)

    def totals(self, *, project_id: str | None = None, since: str | None = None) -> "Totals":
        """What runs did and used; see `statistics.read_totals`."""
        from crossrun.store.statistics import read_totals

        return read_totals(self._access, project_id=project_id, since=since)

    @property
    def history(self) -> "HistoryReader":
        """What earlier runs did and took."""
        from crossrun.store.history import HistoryReader

        return HistoryReader(self._access)

    def change_run(self, run_id: str, column: Literal["name", "note"], value: str | None) -> None:
        """Stores what the user calls a run, or notes about it."""
        with self._writing() as writer:
            writer.change_run(run_id, column, value)

    def change_tags(self, run_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Adds tags to a run and removes others."""
        with self._writing() as writer:
            writer.change_tags(run_id, add, remove)

    def forget(self, run_ids: Sequence[str]) -> None:
        """Removes runs with their events and artifacts from the ledger: all of them or none.

        What they taught stays.
        """
        with self._writing() as writer:
            writer.forget(run_ids)

    def compact(self) -> str | None:
        """Gives back what the store's file does not need; see `compacting.compact`."""
        from crossrun.store.compacting import compact

        if not self._paths.database.exists():
            return None
        with translated(self._paths.database):
            busy = bool(self._locks.held() or self._batch_locks.held())
            return compact(self._paths.database, busy=busy)

    def queue(self, limit: int) -> RunQueue:
        """The queue of runs, of which so many may be active at the same time."""
        return RunQueue(self._paths.state / "queue", limit)

    @contextmanager
    def learning(self) -> Iterator[Iterator[bool]]:
        """The turn to learn, which one process at a time has: what it builds on stays the same.

        It keeps runs that end together from making two patterns of one kind. Nothing breaks
        without it: versions are numbered when they are stored.

        Yields:
            One answer for each try: whether it is this process's turn.
        """
        with (
            translated(self._paths.database),
            trying_lock(self._paths.state / "learn.lock") as tries,
        ):
            yield tries

    def change_patterns(self, change: "Callable[[PatternSession], Value]") -> "Value":
        """Carries out a change of the user's in one transaction; see `user_changes`."""
        from crossrun.store.user_changes import change_patterns

        self.open_for_writing()
        return change_patterns(self._paths.database, change)

    def add_vectors(self, encoder: str, vectors: Mapping[str, bytes], *, limit: int) -> None:
        """Stores vectors of texts of patterns that lack them, by text; see `pattern_encoding`."""
        with self._writing() as writer:
            writer.add_vectors(encoder, vectors, limit=limit)

    @property
    def batches(self) -> "BatchLedger":
        """Reads and writes batches."""
        from crossrun.store.batch_ledger import BatchLedger

        return BatchLedger(self._paths.database, self._access, self._batch_locks, self._writing)

    @property
    def applications(self) -> "ApplicationLedger":
        """Records what is applied to the user's files, and undone."""
        from crossrun.store.applications import ApplicationLedger

        return ApplicationLedger(self._writing)

    def set_project(
        self, project_id: str, what: Literal["task_type", "setup", "notify"], value: str | None
    ) -> None:
        """Sets what a project's runs have by default; see `Project`."""
        from crossrun.store.user_changes import set_project

        self.open_for_writing()
        set_project(self._paths.database, project_id, what, value, now())

    @contextmanager
    def changing(self, folder: Path) -> Iterator[bool]:
        """The turn to change the files of a folder of the user's, which one process at a time has.

        Yields:
            False when another process has it.
        """
        status = folder.stat()
        lock = self._paths.state / "targets" / f"{status.st_dev}-{status.st_ino}.lock"
        with ExitStack() as held:
            with translated(self._paths.database):
                tries = held.enter_context(trying_lock(lock))
            yield next(tries)

    @property
    def weekly_backup(self) -> "WeeklyBackup":
        """The weekly copy of the store."""
        from crossrun.store.weekly_backup import WeeklyBackup

        paths = self._paths
        return WeeklyBackup(paths.database, folder=paths.backups, state=paths.state)

    def take_backup_failure(self) -> str | None:
        """Why the last copy in the background failed, once; None if it did not fail."""
        if not (self._paths.state / BACKUP_FAILURE).exists():
            return None
        return self.weekly_backup.take_failure()

    @property
    def backup(self) -> "Backup | None":
        """The newest copy of the store that is sound."""
        from crossrun.store.backups import newest_sound

        return newest_sound(self._paths.backups)

    def restore(self, backup: "Backup") -> "Restored":
        """Puts a copy in the store's place and brings it up to date; the old files move aside.

        Raises:
            StillRunningError: runs are active; nothing was changed.
            ConfigurationError: the files cannot be moved or written.
        """
        from crossrun.store.backups import Restored, put_in_place

        self._require_nothing_under_way()
        with translated(self._paths.database):
            aside = put_in_place(backup, self._paths.database)
        return Restored(backup, aside, self.open_for_writing())

    def _require_nothing_under_way(self) -> None:
        batches = self._batch_locks.held()
        if batches:
            raise StillRunningError(
                "BATCH_RUNNING",
                f"batches are running: {', '.join(batches)}",
                hint="wait until they have ended, or cancel them",
            )
        under_way = self._locks.held()
        if under_way:
            raise StillRunningError(
                "STILL_RUNNING",
                f"runs are under way: {', '.join(under_way)}",
                hint="wait until they have ended, or stop them:"
                f" crossrun cancel {' '.join(under_way)}",
            )

    @contextmanager
    def _writing(self) -> "Iterator[StoreWriter]":
        from crossrun.store.writing import StoreWriter

        self.open_for_writing()
        with closing(StoreWriter(self._paths.database)) as writer:
            yield writer

    def _new_id(self) -> tuple[str, int]:
        from crossrun.store.ids import random_id

        while True:
            run_id = random_id()
            with suppress(FileExistsError):
                return run_id, self._locks.create(run_id)
