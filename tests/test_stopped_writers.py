"""A process that is stopped while it writes to the store keeps nobody else waiting."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from processes import wait_for

from crossrun.store.stopped import begin

_STOPS_ITSELF = """
import os, signal, sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("BEGIN IMMEDIATE")
connection.execute("INSERT INTO t VALUES ('stopped')")
os.kill(os.getpid(), signal.SIGSTOP)
connection.execute("COMMIT")
time.sleep(60)
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="locks are looked up in /proc")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "crossrun.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
    return file


@pytest.fixture
def stopped(database: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-c", _STOPS_ITSELF, str(database)]) as process:
        wait_for(lambda: state(process) == "T")
        yield process
        process.kill()


def state(process: "subprocess.Popen[bytes]") -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_it_ends_its_transaction_and_is_stopped_again(
    database: Path, stopped: "subprocess.Popen[bytes]"
) -> None:
    with closing(sqlite3.connect(database, isolation_level=None, timeout=1)) as connection:
        begin(lambda: connection.execute("BEGIN IMMEDIATE"), database, sqlite3.OperationalError)
        rows = connection.execute("SELECT x FROM t").fetchall()
        connection.execute("COMMIT")

    assert rows == [("stopped",)]
    wait_for(lambda: state(stopped) == "T")


def test_one_that_works_is_waited_for_in_vain(database: Path) -> None:
    with (
        closing(sqlite3.connect(database, isolation_level=None)) as busy,
        closing(sqlite3.connect(database, isolation_level=None, timeout=0.1)) as connection,
    ):
        busy.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            begin(lambda: connection.execute("BEGIN IMMEDIATE"), database, sqlite3.OperationalError)
