"""The ledger: one SQLite file for each user, that many processes read and write at once."""

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from crossrun.config.settings import Paths
from crossrun.errors import ConfigurationError, StillRunningError
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
    from crossrun.events import Event, EventRecord, PatternLearned, RunFinished
    from crossrun.model.batches import Batch, BatchRow
    from crossrun.model.runs import Application, Run
    from crossrun.model.workflows import Workflow
    from crossrun.redaction import Redactor
    from crossrun.store.backups import Backup, Restored
    from crossrun.store.batches import BatchReader
    from crossrun.store.history import HistoryReader
    from crossrun.store.importing import SessionFile, SessionImport
    from crossrun.store.overview import Overview
    from crossrun.store.reviews import ReviewReader
    from crossrun.store.search import SearchReader
    from crossrun.store.statistics import Totals
    from crossrun.store.user_changes import PatternSession
    from crossrun.store.weekly_backup import WeeklyBackup
    from crossrun.store.workspace_runs import WorkspaceReader
    from crossrun.store.writing import StoreWriter

Value = TypeVar("Value")
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""No signs that look alike, and no `l`, so that no id can be `last`."""
_ID_LENGTH = 8
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
        """Runs that go on or were left behind by a process that died: `taking_over` tells."""
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
    def reviews(self) -> "ReviewReader":
        """Reads what waits for the user to look at it."""
        from crossrun.store.reviews import ReviewReader

        return ReviewReader(self._access)

    def accept_lesson(
        self, run_id: str, learned: "PatternLearned", *, edited: "Workflow | None" = None
    ) -> None:
        """Stores what a waiting lesson teaches; see `reviews.accept`."""
        from crossrun.store.reviews import accept

        with self._writing() as writer, writer.transaction() as connection:
            accept(connection, run_id, learned, edited=edited, at=now())

    def drop_lessons(self, run_ids: Sequence[str]) -> None:
        """Decides that waiting lessons are not to be learned: all of them or none."""
        from crossrun.store.reviews import drop

        with self._writing() as writer, writer.transaction() as connection:
            drop(connection, run_ids, at=now())

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
        """The line of runs of which so many may go on at the same time."""
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
    def batches(self) -> "BatchReader":
        """Reads batches."""
        from crossrun.store.batches import BatchReader

        return BatchReader(self._access, self._batch_locks)

    @contextmanager
    def carrying_out(self, batch_id: str) -> "Iterator[Callable[[], bool]]":
        """Makes this process the one that carries a batch out, until the context ends.

        Yields:
            What tells whether another command asked this process to stop the batch.

        Raises:
            StillRunningError: another process carries it out.
        """
        with translated(self._paths.database):
            held = self._batch_locks.take(batch_id)
        if held is None:
            raise StillRunningError(
                "BATCH_RUNNING",
                f"another crossrun process is running the batch {batch_id}",
                hint="wait until it has ended, or cancel it",
            )
        try:
            # one open connection keeps SQLite from putting its log in order after each run
            with self._access.connection():
                yield lambda: os.fstat(held).st_size > 0
        finally:
            self._batch_locks.release(batch_id, held)

    def ask_batch_to_stop(self, batch_id: str) -> None:
        """Asks the process that carries a batch out to stop it; nothing happens if none does."""
        with translated(self._paths.database):
            self._batch_locks.ask(batch_id)

    @staticmethod
    def new_batch_id() -> str:
        """An id for a batch, where something is kept under it before it is stored."""
        return _random_id()

    def add_batch(self, batch: "Batch", redactor: "Redactor", *, alone: bool = False) -> "Batch":
        """Stores a new batch with its rows; returns it with an id.

        Args:
            batch: the batch.
            redactor: removes secrets from it.
            alone: whether it is refused while the newest batch of the same rows has not ended.

        Raises:
            UsageError: BATCH_UNFINISHED, another crossrun has just started these rows.
        """
        from msgspec.structs import replace

        from crossrun.store.batch_writing import BatchColumns, add_batch

        planned = batch if batch.id else replace(batch, id=_random_id())
        columns = BatchColumns.of(planned, redactor)  # nobody waits for the store meanwhile
        with self._writing() as writer:
            writer.write_batch(lambda connection: add_batch(connection, columns, alone=alone))
        return planned

    def add_rows(
        self, batch_id: str, rows: "Sequence[BatchRow]", design: Mapping[str, Any],
        redactor: "Redactor",
    ) -> None:  # fmt: skip
        """Adds rows to a batch, whose design changes with them."""
        from crossrun.store.batch_writing import add_rows

        with self._writing() as writer:
            writer.write_batch(
                lambda connection: add_rows(connection, batch_id, rows, design, redactor)
            )

    def update_batch(self, batch: "Batch", redactor: "Redactor") -> None:
        """Stores a batch as it is now; its rows stay as they are."""
        from crossrun.store.batch_writing import update_batch

        with self._writing() as writer:
            writer.write_batch(lambda connection: update_batch(connection, batch, redactor))

    def note_batch(self, batch: "Batch", redactor: "Redactor") -> None:
        """Stores a batch as it is now, unless the store is locked: another note will follow."""
        from crossrun.store.batch_writing import update_batch
        from crossrun.store.writing import StoreWriter

        try:
            with closing(StoreWriter(self._paths.database, busy_ms=_RECORDER_BUSY_MS)) as writer:
                writer.write_batch(lambda connection: update_batch(connection, batch, redactor))
        except ConfigurationError as error:
            if error.code != "STORE_LOCKED":
                raise

    def record_row_failure(self, batch_id: str, row: "BatchRow", redactor: "Redactor") -> None:
        """Stores why the next run of a row of a batch could not begin."""
        from crossrun.store.batch_writing import record_failure

        with self._writing() as writer:
            writer.write_batch(
                lambda connection: record_failure(connection, batch_id, row, redactor)
            )

    def cancel_rows(self, batch_id: str, numbers: Sequence[int]) -> None:
        """Keeps rows of a batch from being started."""
        from crossrun.store.batch_writing import cancel_rows

        with self._writing() as writer:
            writer.write_batch(lambda connection: cancel_rows(connection, batch_id, numbers))

    def revive_rows(self, batch_id: str, numbers: Sequence[int]) -> None:
        """Lets rows of a batch start again that were cancelled or could not begin."""
        from crossrun.store.batch_writing import revive_rows

        with self._writing() as writer:
            writer.write_batch(lambda connection: revive_rows(connection, batch_id, numbers))

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

    @staticmethod
    def new_application_id() -> str:
        """An id for what is going to be recorded, where something is kept under it before."""
        return _random_id()

    def record_application(self, application: "Application") -> "Application":
        """Records that an application begins; returns it with an id."""
        from msgspec.structs import replace

        recorded = application if application.id else replace(application, id=_random_id())
        with self._writing() as writer:
            writer.add_application(recorded)
        return recorded

    def record_finished(self, application: "Application") -> "Application":
        """Records that an application is complete."""
        return self._changed(application, finished_at=now())

    def record_undoing(
        self, application: "Application", *, before: str, after: str
    ) -> "Application":
        """Records that an undo begins, between these two states."""
        return self._changed(application, undo_before=before, undo_after=after)

    def record_not_undone(self, application: "Application") -> "Application":
        """Records that an undo was given up, and that files are as they were before it."""
        return self._changed(application, undo_before=None, undo_after=None)

    def record_undone(
        self, application: "Application", *, also: "Sequence[Application]" = ()
    ) -> "Application":
        """Records that an undo is complete, and what that changes for other applications."""
        return self._changed(application, *also, undone_at=now())

    def _changed(
        self, application: "Application", *others: "Application", **values: str | None
    ) -> "Application":
        from msgspec.structs import replace

        changed = replace(application, **values)
        with self._writing() as writer:
            writer.change_applications([changed, *others])
        return changed

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
            StillRunningError: runs go on; nothing was changed.
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
        while True:
            run_id = _random_id()
            with suppress(FileExistsError):
                return run_id, self._locks.create(run_id)


def _random_id() -> str:
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in os.urandom(_ID_LENGTH))
