"""A store with a byte that is wrong, or with its end cut off."""

import atexit
import shutil
import sqlite3
import tempfile
import threading
from contextlib import closing
from functools import cache
from pathlib import Path

from conftest import Crossrun, Result, clean_environ

from faults.in_process import InProcess
from faults.lists import FaultList, Trial

READS = (
    ("runs",),
    ("runs", "--json"),
    ("show",),
    ("show", "--instructions", "--command", "--json"),
    ("steps",),
    ("events", "--json"),
    ("watch",),
    ("artifacts",),
    ("diff", "--stat"),
    ("projects",),
    ("patterns", "list"),
    ("patterns", "list", "--json"),
    ("patterns", "show"),
    ("patterns", "search", "convert the notes to a table"),
    ("patterns", "why"),
)
WRITE = ("run", "--executor", "shell", "true")
_CUT_OFF_EVERY = 6
"""Of so many trials one cuts off the end of the store; the others change one byte."""
_PAGE = 4096
_UNTOLD = {"STORE_NEWER", "HOME_UNWRITABLE"}
"""What a wrong byte in the header can look like; SQLite sees no damage then."""
_EXPECTED_EXIT_CODES = (0, 1, 3, 6, 8)

_of_this_thread = threading.local()
_making = threading.Lock()


def carry_out(trial: Trial) -> None:
    """Damages a copy of a store, looks at everything and writes; then has the backup put back."""
    home = trial.folder / "home"
    with _making:
        sound = _sound_store()
    shutil.copytree(sound, home)
    database = home / "crossrun.db"
    has_backup = trial.number % 2 == 0
    if not has_backup:
        shutil.rmtree(home / "state" / "backups")
    what = _damage(database, trial)
    seen = _is_seen_by_sqlite(database)
    crossrun = _crossrun()
    for words in (*READS, WRITE, *READS[:3]):
        result = crossrun(*words, "--home", str(home))
        _check(result, f"{what}: crossrun {' '.join(words)}", seen=seen, has_backup=has_backup)
    if has_backup:
        restored = crossrun("migrate", "--restore", "--yes", "--home", str(home))
        listed = crossrun("runs", "--home", str(home))
        assert (restored.code, listed.code) == (0, 0), f"{what}: {restored} {listed}"


def _check(result: Result, where: str, *, seen: bool, has_backup: bool) -> None:
    said = f"{where}: {result.code} {result.err[-600:]}"
    assert "Traceback" not in result.err, said
    assert result.code in _EXPECTED_EXIT_CODES, said
    assert "error[INTERNAL]" not in result.err, said
    assert "internal error" not in result.err, said
    codes = [word.partition("]")[0] for word in result.err.split("error[")[1:]]
    if result.code == 3:
        known = {"STORE_DAMAGED", "STORE_INVALID"} | (set() if seen else _UNTOLD)
        assert codes, said
        assert codes[0] in known, said
        if has_backup and codes[0] not in _UNTOLD:
            assert "restore the backup from" in result.err, said


def _damage(database: Path, trial: Trial) -> str:
    content = bytearray(database.read_bytes())
    if trial.number % _CUT_OFF_EVERY == _CUT_OFF_EVERY - 1:
        size = trial.chance.randrange(1, len(content))
        database.write_bytes(content[:size])
        return f"cut off at {size} of {len(content)}"
    place = trial.chance.randrange(len(content))
    if trial.number % 3 == 0:  # the head of a page, where one byte matters most
        page = trial.chance.randrange(len(content) // _PAGE)
        place = page * _PAGE + trial.chance.randrange(120 if page == 0 else 40)
    content[place] ^= trial.chance.randrange(1, 256)
    database.write_bytes(content)
    return f"byte {place} is {content[place]}"


def _is_seen_by_sqlite(database: Path) -> bool:
    try:
        address = f"{database.as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()
    except (sqlite3.Error, UnicodeDecodeError):  # what SQLite says may quote a damaged text
        return True
    return bool(said != ("ok",))


def _crossrun() -> InProcess:
    """One process for each thread of the harness, and a new one when it died."""
    known: InProcess | None = getattr(_of_this_thread, "crossrun", None)
    if known is None or not known.lives:
        known = _of_this_thread.crossrun = InProcess(_folder())
    return known


@cache
def _sound_store() -> Path:
    """A store with runs of several kinds, patterns and a backup, in one file."""
    folder = _folder()
    crossrun = Crossrun(folder / "home", folder, clean_environ(folder / "user"))
    place = ("--home", str(crossrun.home))
    convert = ("run", "Convert the notes to a table", "--offline")
    for words in (
        ("run", "--executor", "shell", "seq 1 300; exit 3"),
        (*convert, "--task-type", "data_analysis"),
        (*convert, "--task-type", "data_analysis", "--tag", "again"),
        ("run", "Write it up", "--offline", "--task-type", "writing", "--project-id", "thesis"),
    ):
        result = crossrun(*words, *place)
        assert result.code in (0, 1), result.err
    with closing(sqlite3.connect(crossrun.home / "crossrun.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for large in ("workspaces", "snapshots", "artifacts"):
        shutil.rmtree(crossrun.home / large)
    return crossrun.home


def _folder() -> Path:
    """One that stays until the harness ends."""
    folder = tempfile.mkdtemp(prefix="crossrun-damage-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


DAMAGE = FaultList(
    name="damage",
    about="one byte of the store is wrong, or its end is missing: a clear error, the way back",
    short=300,
    long=6_000,
    carry_out=carry_out,
)
