"""Reading the store without a trace: an ordinary reader makes files beside it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from crossrun.errors import ConfigurationError
from crossrun.store.access import ReadAccess
from crossrun.store.migrations import version
from crossrun.store.opening import log_of, shared_memory_of

Value = TypeVar("Value")
_TRIES = 50
_PAUSE = 0.05


def read_untraced(database: Path, read: Callable[[ReadAccess], Value]) -> Value:
    """What a function reads from the store, while no file is made, written or copied.

    Args:
        database: the store; it need not exist.
        read: reads; called again if the store was written to meanwhile.

    Raises:
        ConfigurationError: the store cannot be read; STORE_LOCKED if it changes all the time.
    """
    for _ in range(_TRIES):
        before = _state(database)
        try:
            options = _options(database)
            version(database, options=options)
            value = read(ReadAccess(database, options=options))
        except ConfigurationError:
            if _state(database) == before:
                raise
        else:
            if _state(database) == before:
                return value
        time.sleep(_PAUSE)
    raise ConfigurationError(
        "STORE_LOCKED",
        f"the store {database} changes all the time",
        hint="run it again when fewer runs are under way",
        retryable=True,
    )


def _options(database: Path) -> str:
    """How SQLite opens a store that nobody uses, or one with a log and its index.

    A log without its index, as a copied folder may have it, gets an index: it cannot be read
    otherwise.
    """
    if not _has_content(log_of(database)):
        return "immutable=1"
    return "readonly_shm=1" if shared_memory_of(database).exists() else ""


def _state(database: Path) -> tuple[int, int, str] | None:
    """Changes when the store's own file does, and when its log begins or ends."""
    try:
        status = database.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, _options(database)


def _has_content(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False
