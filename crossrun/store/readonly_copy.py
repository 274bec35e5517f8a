"""Looking at the store without a trace: even reading makes files beside it otherwise."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crossrun.config.settings import Paths
from crossrun.errors import ConfigurationError
from crossrun.store.opening import translated

_TRIES = 50
_PAUSE = 0.05


@contextmanager
def copied(paths: Paths) -> Iterator[Paths]:
    """Paths with a copy of the store in a temporary folder, whose locks and backups are there, too.

    Raises:
        ConfigurationError: it cannot be copied; STORE_LOCKED where it never holds still.
    """
    with tempfile.TemporaryDirectory(prefix="crossrun-") as folder:
        copy = Path(folder) / "crossrun.db"
        with translated(paths.database):
            _copy(paths.database, copy)
        try:
            yield paths._replace(database=copy, state=Path(folder) / "state")
        except ConfigurationError as error:
            error.message = error.message.replace(str(copy), str(paths.database))
            raise


def _copy(database: Path, copy: Path) -> None:
    """The log may grow meanwhile, checksums tell its end; the store itself has to hold still."""
    if not database.exists():
        return
    for _ in range(_TRIES):
        before = _state(database)
        shutil.copyfile(database, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(_log(database), _log(copy))
        if _state(database) == before:
            return
        _log(copy).unlink(missing_ok=True)
        time.sleep(_PAUSE)
    raise ConfigurationError(
        "STORE_LOCKED",
        f"the store {database} changes all the time",
        hint="run it again when fewer runs go on",
        retryable=True,
    )


def _state(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size


def _log(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")
