"""What the lists have in common: a crossrun of a trial's own, its store, and its processes."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import psutil
from conftest import CodexWorld, Crossrun, WithCodex, clean_environ
from scripted_model import Script


def crossrun_in(folder: Path) -> Crossrun:
    """Crossrun for a user who has nothing yet, all of whose files are in this folder."""
    home, cwd = folder / "home", folder / "cwd"
    cwd.mkdir()
    return Crossrun(home / "crossrun", cwd, clean_environ(home))


@contextmanager
def scripted_codex(folder: Path, script: Script) -> Iterator[WithCodex]:
    """The real Codex with a scripted model."""
    world = CodexWorld(crossrun_in(folder), real_codex(), folder)
    try:
        yield world(script)
    finally:
        world.close()


def real_codex() -> str:
    found = os.environ.get("CODEX_PATH") or shutil.which("codex")
    assert found, "no codex: set CODEX_PATH or put it on PATH"
    return found


class Row(NamedTuple):
    """An event as the store has it."""

    run_id: str
    seq: int
    at: str
    type: str
    body: str


class Ledger:
    """A store as anybody can read it who knows SQLite, crossrun aside."""

    def __init__(self, crossrun: Crossrun) -> None:
        self._file = crossrun.home / "crossrun.db"

    def events(self) -> list[Row]:
        """All events in order."""
        sql = "SELECT run_id, seq, at, type, body FROM events ORDER BY run_id, seq"
        return [Row(*row) for row in self.rows(sql)]

    def statuses(self) -> dict[str, tuple[str, int | None]]:
        """Each run's status and exit code."""
        found = self.rows("SELECT id, status, exit_code FROM runs")
        return {run: (status, code) for run, status, code in found}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds; nothing where there is no store yet."""
        if not self._file.exists():
            return []
        address = f"{self._file.as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            made = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            return connection.execute(sql).fetchall() if made else []


def left_of(folder: Path) -> list[psutil.Process]:
    """Processes that live and whose environment names a trial's folder, as those of its runs do."""
    return [process for process in psutil.process_iter() if _names(process, folder)]


def _names(process: psutil.Process, folder: Path) -> bool:
    try:
        return any(str(folder) in value for value in process.environ().values())
    except psutil.Error:
        return False


def named(process: psutil.Process) -> str:
    """The name of a process; nothing where it is gone."""
    try:
        return process.name()
    except psutil.Error:
        return ""


def told(processes: Sequence[psutil.Process]) -> str:
    """Processes in words."""
    return ", ".join(f"{process.pid} {named(process)}" for process in processes)


@contextmanager
def started(
    crossrun: Crossrun, *words: str, stdout: int | IO[bytes] = subprocess.DEVNULL
) -> Iterator["subprocess.Popen[bytes]"]:
    """A command of crossrun's; when the context ends, nothing of a trial goes on in any case."""
    process = subprocess.Popen(
        crossrun.command(*words),
        cwd=crossrun.cwd,
        env=crossrun.environ,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        for left in left_of(crossrun.cwd.parent):
            with suppress(psutil.NoSuchProcess):
                left.kill()
