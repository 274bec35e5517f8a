"""Batches in the store: which process carries one out, and what is written of it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossrun.errors import ConfigurationError, StillRunningError
from crossrun.store.access import ReadAccess
from crossrun.store.batches import BatchReader
from crossrun.store.ids import random_id
from crossrun.store.locks import RunLocks
from crossrun.store.opening import translated

if TYPE_CHECKING:
    from crossrun.model.batches import Batch, BatchRow
    from crossrun.redaction import Redactor
    from crossrun.store.writing import StoreWriter

_SHORTLY_BUSY_MS = 2_000


class BatchLedger(BatchReader):
    """Reads and writes the batches of a store.

    Args:
        database: the file of the store.
        access: reads it.
        locks: those of batches.
        writing: opens the store for writing.
    """

    def __init__(
        self,
        database: Path,
        access: ReadAccess,
        locks: RunLocks,
        writing: "Callable[[], AbstractContextManager[StoreWriter]]",
    ) -> None:
        super().__init__(access, locks)
        self._database = database
        self._writing = writing

    @staticmethod
    def new_id() -> str:
        """An id for a batch, if something is kept under it before it is stored."""
        return random_id()

    @contextmanager
    def carrying_out(self, batch_id: str) -> Iterator[Callable[[], bool]]:
        """Makes this process the one that carries a batch out, until the context ends.

        Yields:
            A function that says whether another command asked this process to stop the batch.

        Raises:
            StillRunningError: another process carries it out.
        """
        with translated(self._database):
            held = self._locks.take(batch_id)
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
            self._locks.release(batch_id, held)

    def ask_to_stop(self, batch_id: str) -> None:
        """Asks the process that carries a batch out to stop it; nothing happens if none does."""
        with translated(self._database):
            self._locks.ask(batch_id)

    def add(self, batch: "Batch", redactor: "Redactor", *, alone: bool = False) -> "Batch":
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

        planned = batch if batch.id else replace(batch, id=random_id())
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

    def update(self, batch: "Batch", redactor: "Redactor") -> None:
        """Stores a batch as it is now; its rows stay as they are."""
        from crossrun.store.batch_writing import update_batch

        with self._writing() as writer:
            writer.write_batch(lambda connection: update_batch(connection, batch, redactor))

    def update_if_free(self, batch: "Batch", redactor: "Redactor") -> None:
        """Stores a batch as it is now, unless the store is locked."""
        from crossrun.store.batch_writing import update_batch
        from crossrun.store.writing import StoreWriter

        try:
            with closing(StoreWriter(self._database, busy_ms=_SHORTLY_BUSY_MS)) as writer:
                writer.write_batch(lambda connection: update_batch(connection, batch, redactor))
        except ConfigurationError as error:
            if error.code != "STORE_LOCKED":
                raise

    def record_failure(self, batch_id: str, row: "BatchRow", redactor: "Redactor") -> None:
        """Stores why the next run of a row could not begin."""
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
