"""The ledger: many processes, one file, nothing lost and nothing made up."""

import json
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import Crossrun, fill, types
from msgspec.structs import replace
from sqlmodel import SQLModel, create_engine

from crossrun.config.sources import load
from crossrun.errors import ConfigurationError, NotFoundError
from crossrun.events import (
    AgentSpoke,
    ArtifactSaved,
    CommandRan,
    Event,
    EventRecord,
    RunFinished,
    RunStarted,
    UsageReported,
    Verified,
    WorkspacePrepared,
    encode,
)
from crossrun.model.failures import Failure
from crossrun.model.queries import RunFilter, RunLine, StoredEvent
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Application, Artifact, Project, Run
from crossrun.model.status import Status
from crossrun.model.tokens import Tokens
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.store import tables as _tables  # noqa: F401  SQLModel knows them from now on
from crossrun.store.event_writer import EventWriter
from crossrun.store.migrations import migrate, version
from crossrun.store.statements import TABLES
from crossrun.store.steps import LATEST, MIGRATIONS
from crossrun.store.writing import StoreWriter
from crossrun.views.live import NullView, follow

INTERRUPTED = RunFinished(
    status=Status.INTERRUPTED, failure=Failure("INTERRUPTED", "it is gone", "run it again")
)
SUCCEEDED = RunFinished(status=Status.SUCCEEDED)
FAILED = RunFinished(status=Status.FAILED, failure=Failure("SCRIPT_FAILED", "m", "h"))


def opened(home: Path) -> Store:
    """The store of a home, up to date."""
    store = Store(load(flags={}, environ={}, cwd=home.parent, home=home).paths)
    store.open_for_writing()
    return store


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Store:
    return opened(home)


def started(task: str = "x", **asked: Any) -> RunStarted:  # noqa: ANN401  each has its own type
    request = RunRequest(task=task, executor="shell", **asked)
    return RunStarted(request=request, workspace="/w", crossrun_version="0.1.0")


def record(store: Store, run_id: str, *events: Event | None) -> list[EventRecord]:
    """Records a run; None is a pause, in which what came before is committed."""
    facts = (event for event in events)
    return [item for item in store.recording(run_id, facts, Redactor()) if item is not None]


@contextmanager
def sql(database: Path) -> Iterator[sqlite3.Connection]:
    """The store without crossrun."""
    with closing(sqlite3.connect(database)) as connection:
        yield connection
        connection.commit()


def another(home: Path, *lines: str) -> "subprocess.Popen[str]":
    """Another process with the store of a home: runs lines of Python, with `store` to use."""
    script = [
        "import sys, time",
        "from pathlib import Path",
        "from crossrun.events import AgentSpoke, RunFinished, RunStarted",
        "from crossrun.redaction import Redactor",
        "from crossrun.model.requests import RunRequest",
        "from crossrun.config.sources import load",
        "from crossrun.store import Store",
        "from crossrun.store.writing import StoreWriter",
        "home = Path(sys.argv[1])",
        "store = Store(load(flags={}, environ={}, cwd=home.parent, home=home).paths)",
        "print('ready', flush=True)",
        "sys.stdin.readline()",
        *lines,
    ]
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", "\n".join(script), str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def let_go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def at_once(home: Path, count: int, *lines: str) -> list[str]:
    """The output of many processes that do the same at the same moment."""
    processes = [another(home, *lines) for _ in range(count)]
    assert [said(process) for process in processes] == ["ready"] * count
    for process in processes:
        let_go(process)
    ends = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    assert [(code, err) for _, err, code in ends] == [(0, "")] * count
    return [out.rstrip("\n") for out, _, _ in ends]


# --- migrations


def test_a_fresh_store_is_made_by_all_migrations(home: Path) -> None:
    paths = load(flags={}, environ={}, cwd=home.parent, home=home).paths
    store = Store(paths)
    assert store.version == 0
    assert store.open_for_writing() == [name for name, _ in MIGRATIONS]
    assert (store.version, store.open_for_writing()) == (LATEST, [])
    with sql(paths.database) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (LATEST,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not paths.backups.exists()


def test_reading_makes_no_store(home: Path) -> None:
    store = Store(load(flags={}, environ={}, cwd=home.parent, home=home).paths)
    store.open_for_reading()
    assert store.read.runs(RunFilter()) == []
    assert store.read.lines(RunFilter()) == []
    assert store.read.projects() == []
    assert store.read.unfinished() == []
    assert store.read.artifacts("k7f3") == []
    assert list(store.read.events("k7f3")) == []
    assert store.read.last_seq("k7f3") == 0
    assert store.perhaps_left_behind() == []
    assert not home.exists()


def test_migrations_are_numbered_and_named_once() -> None:
    names = [name for name, _ in MIGRATIONS]
    assert [int(name[:4]) for name in names] == list(range(1, LATEST + 1))
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+", name) for name in names)


@pytest.mark.process
def test_eight_processes_at_once_apply_each_migration_once(home: Path) -> None:
    told = at_once(home, 8, "print(','.join(store.open_for_writing()), store.version)")
    all_of_them = ",".join(name for name, _ in MIGRATIONS)
    assert sorted(told) == sorted([f" {LATEST}"] * 7 + [f"{all_of_them} {LATEST}"])


def test_a_store_that_is_being_made_is_not_taken_for_another_programs(tmp_path: Path) -> None:
    for number in range(20):
        database = tmp_path / f"{number}.db"
        making = threading.Thread(
            target=migrate,
            args=[database],
            kwargs={"backups": tmp_path / "backups", "lock": tmp_path / "lock"},
        )
        making.start()
        while making.is_alive():
            assert version(database) <= LATEST
        making.join()


def test_the_command_migrates_and_tells_what_it_did(crossrun: Crossrun) -> None:
    database = str(crossrun.home / "crossrun.db")
    names = [name for name, _ in MIGRATIONS]
    told = {"schema_version": 1, "database": database, "version": LATEST}
    assert crossrun.json("migrate") == {**told, "applied": names}
    assert crossrun.json("migrate") == {**told, "applied": []}


def made_by(version: int, home: Path) -> Path:
    """A store as the crossrun of that many migrations left it, with a run in it."""
    database = home / "crossrun.db"
    home.mkdir()
    with sql(database) as connection:
        for _, steps in MIGRATIONS[:version]:
            connection.executescript(steps)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {int.from_bytes(b'xrun')}")
        connection.execute(
            "INSERT INTO runs (id, project_id, task, task_type, tags, status, created_at,"
            " workspace, executor, planner, crossrun_version, redactions) VALUES"
            " ('k7f3abcd', 'default', 'x', 'code', '[]', 'succeeded',"
            " '2026-01-02T03:04:05.000000Z', '/w', 'shell', 'direct', '0.1.0', 0)"
        )
    return database


@pytest.mark.parametrize("version", range(1, LATEST))
def test_an_older_store_is_backed_up_and_brought_up_to_date(version: int, home: Path) -> None:
    database = made_by(version, home)
    store = Store(load(flags={}, environ={}, cwd=home.parent, home=home).paths)
    assert store.open_for_writing() == [name for name, _ in MIGRATIONS[version:]]
    assert store.version == LATEST
    assert [run.id for run in store.read.runs(RunFilter())] == ["k7f3abcd"]
    (backup,) = (home / "state" / "backups").iterdir()
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with sql(backup) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (version,)
        assert copy.execute("SELECT id FROM runs").fetchall() == [("k7f3abcd",)]
    assert schema(database) == schema(fresh(home.parent / "fresh"))


@pytest.mark.parametrize("room", [30_000, 90_000], ids=["of the copy", "of the new tables"])
def test_an_older_store_stays_as_it_was_on_a_disk_without_room(
    crossrun: Crossrun, small_disk: Path, room: int
) -> None:
    database = made_by(1, small_disk / "home")
    home = ("--home", str(small_disk / "home"))
    filling = fill(small_disk, leave=room)
    for _ in range(2):
        result = crossrun("migrate", "--json", *home)
        assert (result.code, result.json["error"]["code"]) == (3, "DISK_FULL")
        assert [run["id"] for run in crossrun.json("runs", *home)["runs"]] == ["k7f3abcd"]
    assert list((small_disk / "home" / "state" / "backups").iterdir()) == []
    with sql(database) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT id FROM runs").fetchall() == [("k7f3abcd",)]

    filling.unlink()
    assert crossrun.json("migrate", *home)["version"] == LATEST
    (backup,) = (small_disk / "home" / "state" / "backups").iterdir()
    with sql(backup) as copy:
        assert copy.execute("SELECT id FROM runs").fetchall() == [("k7f3abcd",)]


def schema(database: Path) -> dict[str, Any]:
    """Columns with type, nullability and place in the primary key, and indexes, by table."""
    found: dict[str, Any] = {}
    with sql(database) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in names.fetchall():
            columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
            indexes = connection.execute(f"PRAGMA index_list({table})").fetchall()
            found[table] = (
                [column[1:] for column in columns],
                sorted(
                    (index, unique, origin, partial, columns_of(connection, index))
                    for _, index, unique, origin, partial in indexes
                ),
            )
    return found


def fresh(home: Path) -> Path:
    opened(home)
    return home / "crossrun.db"


def columns_of(connection: sqlite3.Connection, index: str) -> list[str]:
    return [row[2] for row in connection.execute(f"PRAGMA index_info({index})")]


def test_the_table_classes_agree_with_the_migrations(home: Path, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'classes.db'}")
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    classes, migrations = schema(tmp_path / "classes.db"), schema(fresh(home))
    plain = {
        name: table
        for name, table in migrations.items()
        if not name.startswith(("shelf", "search_words"))
    }
    assert set(plain) == {
        "runs", "events", "artifacts", "projects", "applications", "patterns", "pattern_versions",
        "pattern_runs", "pattern_contents", "pattern_vectors", "pattern_texts",
        "pattern_placements", "pattern_heirs", "compatibility", "batches", "batch_rows",
        "search_runs", "pattern_reviews", "imported_files", "imported_runs",
    }  # fmt: skip
    assert with_defaults(plain) == {("runs", name) for name in COUNTED}
    assert without_defaults(plain) == without_defaults(classes)


def test_the_plain_statements_agree_with_the_table_classes() -> None:
    classes = {
        name: (list(table.primary_key.columns.keys()), set(table.columns.keys()))
        for name, table in SQLModel.metadata.tables.items()
    }
    del classes["compatibility"]  # migrations write it
    plain = {table.name: (list(table.key), set(table.columns)) for table in TABLES}
    assert plain == classes


COUNTED = ("turns", "commands", "failed_commands")
"""Columns that came later and may not be empty: rows of before have none of it."""


def with_defaults(tables: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (table, name)
        for table, (columns, _) in tables.items()
        for name, _, _, default, _ in columns
        if default is not None
    }


def without_defaults(tables: dict[str, Any]) -> dict[str, Any]:
    return {
        table: ([(name, kind, required, key) for name, kind, required, _, key in columns], indexes)
        for table, (columns, indexes) in tables.items()
    }


# --- what is no store of ours


def test_a_newer_store_is_refused_and_stays_as_it_is(crossrun: Crossrun) -> None:
    crossrun.json("migrate")
    database = crossrun.home / "crossrun.db"
    with sql(database) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST + 1}")
        connection.execute("UPDATE compatibility SET oldest = ?", [LATEST + 1])
    before = database.read_bytes()
    for words in (["runs"], ["migrate"], ["run", "true", "--executor", "shell"], ["show"]):
        result = crossrun(*words, "--json")
        assert (result.code, result.json["error"]["code"]) == (3, "STORE_NEWER")
        assert "update crossrun" in result.err
    assert database.read_bytes() == before


COMMANDS = (("runs",), ("show",), ("migrate",), ("run", "true", "--executor", "shell"))


@pytest.mark.parametrize("content", [b"this is no database\n" * 100, b"\x00" * 4096, b"SQLite f"])
def test_what_is_no_database_is_refused_and_stays_as_it_is(
    crossrun: Crossrun, content: bytes
) -> None:
    crossrun.home.mkdir(parents=True)
    database = crossrun.home / "crossrun.db"
    database.write_bytes(content)
    for words in COMMANDS:
        result = crossrun(*words, "--json")
        assert (result.code, result.json["error"]["code"]) == (3, "STORE_INVALID")
        assert result.json["error"]["message"].startswith(f"{database} is not a crossrun store")
    assert database.read_bytes() == content


def of_another_program(crossrun: Crossrun, version: int) -> Path:
    crossrun.home.mkdir(parents=True)
    database = crossrun.home / "crossrun.db"
    with sql(database) as connection:
        connection.execute("CREATE TABLE bookmarks (address TEXT)")
        connection.execute("INSERT INTO bookmarks VALUES ('https://example.org')")
        connection.execute(f"PRAGMA user_version = {version}")
    return database


@pytest.mark.parametrize(
    ("version", "words"),
    [(version, words) for version in (0, LATEST) for words in COMMANDS],
)
def test_a_database_of_another_program_is_refused_and_stays_as_it_is(
    crossrun: Crossrun, version: int, words: tuple[str, ...]
) -> None:
    database = of_another_program(crossrun, version)
    before = database.read_bytes()
    result = crossrun(*words, "--json")
    assert database.read_bytes() == before
    assert (result.code, result.json.get("error", {}).get("code")) == (3, "STORE_INVALID")


def test_an_empty_file_is_an_empty_store(crossrun: Crossrun) -> None:
    """As it is for a moment while another process makes the store."""
    crossrun.home.mkdir(parents=True)
    (crossrun.home / "crossrun.db").touch()
    assert crossrun.json("runs") == {"schema_version": 1, "runs": [], "total": 0}


# --- who may look


def modes(folder: Path) -> dict[str, int]:
    found = {".": folder, **{str(p.relative_to(folder)): p for p in folder.rglob("*")}}
    return {name: stat.S_IMODE(path.stat().st_mode) for name, path in found.items()}


def run_without_umask(crossrun: Crossrun) -> dict[str, int]:
    command = crossrun.command("run", "--executor", "shell", "echo x > x.txt")
    subprocess.run(
        command, cwd=crossrun.cwd, env=crossrun.environ, umask=0, check=True, capture_output=True
    )
    return modes(crossrun.home if "CROSSRUN_HOME" in crossrun.environ else crossrun.home.parent)


def test_files_are_for_their_owner_alone(crossrun: Crossrun) -> None:
    found = run_without_umask(crossrun)
    kept = [name for name in found if name.startswith("artifacts/") and Path(name).suffix]
    assert len(kept) == 2
    assert {name: oct(found[name]) for name in ("crossrun.db", *kept)} == dict.fromkeys(
        ("crossrun.db", *kept), oct(0o600)
    )


FOLDERS = (
    ".", "snapshots", "state", "state/locks", "workspaces", "workspaces/default", "artifacts",
    "artifacts/default",
)  # fmt: skip


def test_folders_are_for_their_owner_alone(crossrun: Crossrun) -> None:
    found = run_without_umask(crossrun)
    assert {name: oct(found[name]) for name in FOLDERS} == dict.fromkeys(FOLDERS, oct(0o700))


def test_the_store_is_private_in_the_places_of_the_system_too(crossrun: Crossrun) -> None:
    del crossrun.environ["CROSSRUN_HOME"]
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        crossrun.environ.pop(name, None)
    run_without_umask(crossrun)
    paths = {name: Path(path) for name, path in crossrun.json("paths").items() if name in PLACES}
    assert {name: oct(stat.S_IMODE(path.stat().st_mode)) for name, path in paths.items()} == {
        "database": oct(0o600),
        "state": oct(0o700),
        "snapshots": oct(0o700),
    }
    assert stat.S_IMODE(paths["database"].parent.stat().st_mode) == 0o700


PLACES = ("database", "state", "snapshots")


# --- recording


def test_events_are_numbered_and_stamped_and_stored_before_they_are_passed_on(
    store: Store,
) -> None:
    facts = (fact for fact in (started(), None, AgentSpoke(text="a"), AgentSpoke(text="b"), None))
    seen: list[EventRecord | None] = []
    for item in store.recording("k7f3abcd", facts, Redactor()):
        assert item is None or store.read.last_seq("k7f3abcd") >= item.seq
        seen.append(item)
    passed = [item for item in seen if item is not None]
    assert [(item.run_id, item.seq, item.event) for item in passed] == [
        ("k7f3abcd", 1, started()),
        ("k7f3abcd", 2, AgentSpoke(text="a")),
        ("k7f3abcd", 3, AgentSpoke(text="b")),
    ]
    assert seen == [passed[0], None, passed[1], passed[2], None]
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    assert all(re.fullmatch(stamp, item.at) for item in passed)
    assert list(store.read.events("k7f3abcd")) == [
        StoredEvent(item.run_id, item.seq, item.at, kind, encode(item.event))
        for item, kind in zip(passed, ("run_started", "agent_spoke", "agent_spoke"), strict=True)
    ]


def test_of_events_that_come_slowly_one_waits_at_most(store: Store) -> None:
    waiting = []

    def facts() -> Generator[Event]:
        yield started()
        for told in range(2, 6):
            time.sleep(0.06)
            yield AgentSpoke(text=str(told))
            waiting.append(told - store.read.last_seq("k7f3abcd"))

    for _ in store.recording("k7f3abcd", facts(), Redactor()):
        pass
    assert set(waiting) <= {0, 1}


def test_secrets_are_removed_before_an_event_is_stored_or_passed_on(store: Store) -> None:
    facts = (fact for fact in (started(), AgentSpoke(text="it is hunter-two!"), SUCCEEDED))
    passed = list(store.recording("k7f3abcd", facts, Redactor(["hunter-two"])))
    events = [item.event for item in passed if item is not None]
    assert events == [
        started(),
        AgentSpoke(text="it is [redacted]!"),
        RunFinished(status=Status.SUCCEEDED, redactions=1),
    ]
    assert [event.body for event in store.read.events("k7f3abcd")] == list(map(encode, events))
    run = store.read.run("k7f3abcd")
    assert (run.answer, run.redactions) == ("it is [redacted]!", 1)


def test_facts_are_closed_when_nobody_listens_any_more(store: Store) -> None:
    closed = []

    def facts() -> Generator[Event | None]:
        try:
            yield started()
            yield None
            yield AgentSpoke(text="never asked for")
        finally:
            closed.append(True)

    passed = store.recording("k7f3abcd", facts(), Redactor())
    assert isinstance(passed, Generator)
    next(passed)
    passed.close()
    assert closed == [True]
    run = store.read.run("k7f3abcd")
    assert (run.status, run.failure and run.failure.code) == (Status.FAILED, "INTERNAL")
    assert store.read.last_seq("k7f3abcd") == 2


class Broken(NullView):
    """Cannot show what an agent says."""

    def show(self, recorded: EventRecord | None) -> None:
        if recorded is not None and isinstance(recorded.event, AgentSpoke):
            raise ValueError("it cannot be shown")


def test_a_run_whose_view_breaks_has_an_end(store: Store) -> None:
    facts = (fact for fact in (started(), AgentSpoke(text="a"), None, AgentSpoke(text="b"), None))
    with (
        closing(store.recording("k7f3abcd", facts, Redactor())) as recorded,
        pytest.raises(ValueError, match="it cannot be shown"),
    ):
        follow(recorded, Broken())
    run = store.read.run("k7f3abcd")
    assert (run.status, run.answer, run.exit_code) == (Status.FAILED, "a", 1)
    assert run.failure is not None
    assert run.failure.code == "INTERNAL"


def test_an_end_stays_when_nobody_listens_any_more(store: Store) -> None:
    passed = store.recording(
        "k7f3abcd", (fact for fact in (started(), SUCCEEDED, None)), Redactor()
    )
    next(passed)
    passed.close()
    assert store.read.run("k7f3abcd").status is Status.SUCCEEDED
    assert store.read.last_seq("k7f3abcd") == 2


def test_when_the_store_fails_the_facts_are_closed_and_nothing_is_half_stored(
    store: Store, home: Path
) -> None:
    closed = []

    def facts() -> Generator[Event | None]:
        try:
            yield started()
            yield None
            with sql(home / "crossrun.db") as connection:
                connection.execute("DROP TABLE artifacts")
            yield AgentSpoke(text="x")
            yield ArtifactSaved(id="1", kind="k", name="n", path="/p", size=1, sha256="0")
            yield None
            yield AgentSpoke(text="never asked for")
        finally:
            closed.append(True)

    with pytest.raises(ConfigurationError) as failed:
        list(store.recording("k7f3abcd", facts(), Redactor()))
    assert failed.value.code == "STORE_DAMAGED"
    assert closed == [True]
    run = store.read.run("k7f3abcd")
    assert (run.answer, run.status) == (None, Status.FAILED)
    assert run.failure is not None
    assert run.failure.code == "STORE_FAILED"
    assert [event.type for event in store.read.events("k7f3abcd")] == [
        "run_started",
        "run_finished",
    ]


@contextmanager
def kept_locked(database: Path) -> Iterator[sqlite3.Connection]:
    """The store as another program keeps it while it writes."""
    with closing(sqlite3.connect(database, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def with_little_patience(home: Path, patience: float) -> tuple[EventWriter, StoreWriter]:
    writer = StoreWriter(home / "crossrun.db", busy_ms=50)
    return EventWriter("k7f3abcd", Redactor(), writer, patience=patience), writer


def test_a_run_waits_for_another_program_that_keeps_the_store_locked(
    store: Store, home: Path
) -> None:
    recording, writer = with_little_patience(home, 20)
    with kept_locked(home / "crossrun.db") as other:
        began = time.monotonic()
        threading.Timer(1, other.rollback).start()
        list(recording.record(fact for fact in (started(), None, SUCCEEDED)))
    assert time.monotonic() - began > 0.9
    assert store.read.run("k7f3abcd").status is Status.SUCCEEDED
    writer.close()


def test_a_run_is_ended_when_the_store_stays_locked_and_says_so_if_it_can(
    store: Store, home: Path
) -> None:
    recording, writer = with_little_patience(home, 0.2)
    with kept_locked(home / "crossrun.db") as other:
        other.rollback()

        def facts() -> Generator[Event | None]:
            try:
                yield started()
                yield None
                other.execute("BEGIN IMMEDIATE")
                yield AgentSpoke(text="said while it was locked")
                yield None
            finally:
                other.rollback()

        with pytest.raises(ConfigurationError, match="another program keeps the store"):
            list(recording.record(facts()))
    run = store.read.run("k7f3abcd")
    assert (run.status, run.answer) == (Status.FAILED, "said while it was locked")
    assert run.failure is not None
    assert (run.failure.code, run.failure.retryable) == ("STORE_FAILED", True)
    assert store.read.last_seq("k7f3abcd") == 3
    writer.close()


def test_who_is_in_a_hurry_waits_for_no_other_program(store: Store, home: Path) -> None:
    writer = StoreWriter(home / "crossrun.db", busy_ms=50)
    recording = EventWriter("k7f3abcd", Redactor(), writer, hurry=lambda: True)
    began = time.monotonic()
    with kept_locked(home / "crossrun.db"), pytest.raises(ConfigurationError):
        list(recording.record(fact for fact in (started(), None)))
    assert time.monotonic() - began < 60
    assert store.read.unfinished() == []
    writer.close()


def test_a_run_that_could_not_be_ended_is_marked_by_the_next_command(crossrun: Crossrun) -> None:
    store = opened(crossrun.home)
    recording, writer = with_little_patience(crossrun.home, 0.2)
    with kept_locked(crossrun.home / "crossrun.db") as other:
        other.rollback()

        def facts() -> Generator[Event | None]:
            yield started()
            yield None
            other.execute("BEGIN IMMEDIATE")
            yield AgentSpoke(text="never stored")

        with pytest.raises(ConfigurationError):
            list(recording.record(facts()))
        assert store.read.run("k7f3abcd").status is Status.RUNNING
        other.rollback()
    writer.close()
    assert crossrun.json("show")["status"] == "interrupted"


def test_a_run_that_the_disk_cannot_take_has_an_end(crossrun: Crossrun, small_disk: Path) -> None:
    home = ("--home", str(small_disk / "home"))
    result = crossrun("run", "seq 1 200000", "--executor", "shell", "--json", *home)
    assert (result.code, result.json["error"]["code"]) == (3, "DISK_FULL")
    run = crossrun.json("show", *home)
    assert (run["status"], run["failure"]["code"]) == ("failed", "STORE_FAILED")
    events = crossrun.json("events", *home)["events"]
    assert types(events)[-2:] == ["command_started", "run_finished"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


@pytest.mark.process
def test_eight_processes_record_two_hundred_events_each_at_once(home: Path) -> None:
    store = opened(home)
    ids = at_once(
        home,
        8,
        "def facts(run_id):",
        "    request = RunRequest(task='many', project_id='crowd', executor='shell')",
        "    yield RunStarted(request=request, workspace='/w', crossrun_version='0')",
        "    for n in range(198):",
        "        yield AgentSpoke(text=f'{run_id} {n}')",
        "        if n % 5 == 0:",
        "            yield None",
        "    yield RunFinished(status='succeeded')",
        "with store.owning() as run_id:",
        "    passed = [e.seq for e in store.recording(run_id, facts(run_id), Redactor()) if e]",
        "assert passed == list(range(1, 201)), passed",
        "print(run_id)",
    )
    assert len(set(ids)) == 8
    for run_id in ids:
        events = list(store.read.events(run_id))
        assert [event.seq for event in events] == list(range(1, 201))
        texts = [json.loads(event.body)["text"] for event in events[1:-1]]
        assert texts == [f"{run_id} {n}" for n in range(198)]
        assert (store.read.run(run_id).status, store.read.run(run_id).answer) == (
            Status.SUCCEEDED,
            f"{run_id} 197",
        )
    assert [(p.id, p.runs) for p in store.read.projects()] == [("crowd", 8)]
    with sql(home / "crossrun.db") as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1600,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_reader_is_not_held_up_by_a_writer(store: Store, home: Path) -> None:
    record(store, "k7f3abcd", started(), SUCCEEDED)
    with sql(home / "crossrun.db") as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM runs")
        assert store.read.run("last").id == "k7f3abcd"
        connection.rollback()


# --- reading


def test_an_event_of_a_type_is_found_from_either_end(store: Store) -> None:
    spoken = [AgentSpoke(text=text) for text in "abc"]
    record(store, "k7f3abcd", started(), *spoken, CommandRan(command="true"), None)
    assert store.read.first_event("k7f3abcd", AgentSpoke) == spoken[0]
    assert store.read.last_event("k7f3abcd", AgentSpoke) == spoken[-1]
    assert list(store.read.events_of("k7f3abcd", AgentSpoke)) == spoken
    for find in (store.read.first_event, store.read.last_event):
        assert find("k7f3abcd", Verified) is None
        assert find("m2x9abcd", AgentSpoke) is None


def test_an_id_is_found_by_its_beginning(store: Store) -> None:
    for run_id in ("abcd2222", "abcd3333", "bcde2222"):
        record(store, run_id, started(task=run_id), SUCCEEDED)
    found = [store.read.run(text).id for text in ("b", "bcde", "abcd2", "abcd2222", "bcde2222")]
    assert found == ["bcde2222", "bcde2222", "abcd2222", "abcd2222", "bcde2222"]


def test_a_whole_id_is_no_beginning_of_another(store: Store) -> None:
    for run_id in ("abcd", "abcd2222"):
        record(store, run_id, started(), SUCCEEDED)
    assert store.read.run("abcd").id == "abcd"


def refusal(store: Store, reference: str, project_id: str | None = None) -> tuple[str, str, str]:
    with pytest.raises(NotFoundError) as refused:
        store.read.run(reference, project_id=project_id)
    error = refused.value
    assert int(error.exit_code) == 6
    return error.code, error.message, error.hint


def test_a_beginning_that_fits_more_than_one_run_names_them(store: Store) -> None:
    for run_id in ("abcd2222", "abcd3333", "bcde2222"):
        record(store, run_id, started(), SUCCEEDED)
    assert refusal(store, "abcd") == (
        "RUN_AMBIGUOUS",
        "'abcd' matches more than one run: abcd3333, abcd2222",
        "give more characters of the id",
    )


def test_an_unknown_id_names_the_nearest(store: Store) -> None:
    for run_id in ("abcd2222", "wxyz9999"):
        record(store, run_id, started(), SUCCEEDED)
    assert refusal(store, "abdc2222") == (
        "RUN_NOT_FOUND",
        "there is no run 'abdc2222'",
        "similar ids: abcd2222 · list them: crossrun runs",
    )


@pytest.mark.parametrize("reference", ["%", "_", "abcd222_", "ABCD2222", "' OR 1 --", "*", "é"])
def test_signs_in_an_id_have_no_meaning(store: Store, reference: str) -> None:
    record(store, "abcd2222", started(), SUCCEEDED)
    assert refusal(store, reference)[0] == "RUN_NOT_FOUND"


def test_without_runs_the_hint_says_how_to_start_one(store: Store) -> None:
    hint = 'start one: crossrun run "your task"'
    assert refusal(store, "last") == ("NO_RUNS", "there are no runs yet", hint)
    assert refusal(store, "k7f3") == (
        "RUN_NOT_FOUND",
        "there is no run 'k7f3'",
        f"there are no runs yet; {hint}",
    )


def test_last_is_the_newest_run_of_all_or_of_a_project(store: Store) -> None:
    record(store, "aaaa2222", started(project_id="thesis"), SUCCEEDED)
    record(store, "bbbb2222", started(), SUCCEEDED)
    assert store.read.run("last").id == "bbbb2222"
    assert store.read.run("last", project_id="thesis").id == "aaaa2222"
    assert refusal(store, "last", project_id="none")[0] == "NO_RUNS"


def test_commands_find_runs_by_beginning_and_newest(crossrun: Crossrun) -> None:
    store = opened(crossrun.home)
    record(store, "abcd2222", started(project_id="thesis"), SUCCEEDED)
    record(store, "abcd3333", started(), FAILED)
    assert crossrun.json("show")["id"] == "abcd3333"
    assert crossrun.json("show", "last", "--project-id", "thesis")["id"] == "abcd2222"
    assert crossrun.json("show", "abcd2")["id"] == "abcd2222"
    for reference, code in (("abcd", "RUN_AMBIGUOUS"), ("zzz", "RUN_NOT_FOUND")):
        result = crossrun("show", reference, "--json")
        assert (result.code, result.json["error"]["code"]) == (6, code)
        assert "abcd2222" in result.err
        assert "abcd3333" in result.err


@pytest.fixture
def three_runs(store: Store) -> Store:
    """`a` succeeded, `b` failed, `c` goes on; in this order."""
    tokens = UsageReported(source="agent", tokens=Tokens(100, 50, 10, 5))
    record(
        store,
        "aaaa2222",
        started(task="Fix 100% of calc.py", project_id="thesis", tags=("x", "y")),
        tokens,
        SUCCEEDED,
    )
    record(
        store,
        "bbbb2222",
        started(task="Read papers", task_type="research", name="soil_carbon", tags=("x",)),
        FAILED,
    )
    record(store, "cccc2222", started(task="Fix 1000 of them", project_id="thesis"), None)
    return store


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RunFilter(), "cba"),
        (RunFilter(limit=2), "cb"),
        (RunFilter(project_id="thesis"), "ca"),
        (RunFilter(project_id="default"), "b"),
        (RunFilter(project_id="thes"), ""),
        (RunFilter(status="succeeded"), "a"),
        (RunFilter(status="running"), "c"),
        (RunFilter(status="interrupted"), ""),
        (RunFilter(task_type="research"), "b"),
        (RunFilter(task_type="code"), "ca"),
        (RunFilter(tag="x"), "ba"),
        (RunFilter(tag="y"), "a"),
        (RunFilter(tag='x", "y'), ""),
        (RunFilter(search="fix"), "ca"),
        (RunFilter(search="100%"), "a"),
        (RunFilter(search="l_c"), "b"),
        (RunFilter(search="l c"), ""),
        (RunFilter(search="!"), ""),
        (RunFilter(search="bbbb"), "b"),
        (RunFilter(search=""), "cba"),
        (RunFilter(since="2000-01-01T00:00:00.000000Z"), "cba"),
        (RunFilter(since="2100-01-01T00:00:00.000000Z"), ""),
        (RunFilter(project_id="thesis", tag="x", status="succeeded", search="calc"), "a"),
        (RunFilter(project_id="thesis", tag="x", status="failed"), ""),
    ],
)
def test_a_filter_chooses_runs_newest_first(
    three_runs: Store, wanted: RunFilter, found: str
) -> None:
    assert [run.id[0] for run in three_runs.read.runs(wanted)] == list(found)
    assert [line.id[0] for line in three_runs.read.lines(wanted)] == list(found)


def test_since_counts_the_moment_itself(three_runs: Store) -> None:
    moment = three_runs.read.run("bbbb2222").created_at
    found = three_runs.read.runs(RunFilter(since=moment))
    assert [run.id for run in found] == ["cccc2222", "bbbb2222"]


def test_a_line_of_the_list_says_the_same_as_the_run(three_runs: Store) -> None:
    def line(run: Run) -> RunLine:
        return RunLine(
            id=run.id,
            project_id=run.project_id,
            name=run.name,
            task=run.task,
            status=run.status,
            exit_code=run.exit_code,
            created_at=run.created_at,
            started_at=run.started_at,
            ended_at=run.ended_at,
            tokens=run.tokens.total if run.tokens else None,
            failure_code=run.failure.code if run.failure else None,
        )

    runs = three_runs.read.runs(RunFilter())
    assert three_runs.read.lines(RunFilter()) == list(map(line, runs))
    assert [run.tokens for run in runs] == [None, None, Tokens(100, 50, 10, 5)]


def test_the_options_of_the_list_are_its_filter(crossrun: Crossrun) -> None:
    store = opened(crossrun.home)
    record(store, "aaaa2222", started(project_id="thesis", tags=("x",)), SUCCEEDED)
    record(store, "bbbb2222", started(task="Read", task_type="research"), FAILED)

    def ids(*words: str) -> list[str]:
        return [run["id"] for run in crossrun.json("runs", *words)["runs"]]

    assert ids("--project-id", "thesis", "--tag", "x", "--since", "2h") == ["aaaa2222"]
    assert ids("--status", "failed", "--task-type", "research") == ["bbbb2222"]
    assert ids("--search", "read", "--since", "2000-01-01") == ["bbbb2222"]
    assert ids("--limit", "1") == ["bbbb2222"]
    assert ids("--since", "2100-01-01T00:00:00+02:00") == []
    for words in (["--status", "fine"], ["--since", "soon"], ["--limit", "-1"]):
        assert crossrun("runs", *words).code == 2


def test_long_logs_are_read_in_order_and_in_parts(store: Store) -> None:
    said_by_agent = [AgentSpoke(text=str(n)) for n in range(1200)]
    record(store, "k7f3abcd", started(), *said_by_agent, SUCCEEDED)
    assert [event.seq for event in store.read.events("k7f3abcd")] == list(range(1, 1203))
    assert [event.seq for event in store.read.events("k7f3abcd", after=1200)] == [1201, 1202]
    ends = store.read.events("k7f3abcd", types=["run_started", "run_finished"])
    assert [(event.seq, event.type) for event in ends] == [
        (1, "run_started"),
        (1202, "run_finished"),
    ]
    spoken = store.read.events("k7f3abcd", after=3, types=["agent_spoke"])
    assert [event.seq for event in spoken] == list(range(4, 1202))
    assert list(store.read.events("other")) == []


def test_artifacts_are_listed_as_they_were_saved(store: Store) -> None:
    saved = [
        ArtifactSaved(id=f"k-{n}", kind="patch", name="n", path="/p", size=n, sha256="0")
        for n in (2, 1, 10)
    ]
    at = {item.event: item.at for item in record(store, "k7f3abcd", started(), *saved)}
    kept = [Artifact(a.id, "k7f3abcd", "patch", "n", "/p", a.size, "0", at[a]) for a in saved]
    assert store.read.artifacts("k7f3abcd") == kept
    assert store.read.artifact("k-10") == kept[2]
    with pytest.raises(NotFoundError, match="there is no artifact 'k-3'"):
        store.read.artifact("k-3")


def test_applications_are_kept_until_they_are_undone_and_after_that(store: Store) -> None:
    told = Application(
        id="", run_id="k7f3abcd", at="2026-01-02T03:04:05.678901+00:00", path="/p", branch="b"
    )
    first, second = store.applications.begin(told), store.applications.begin(told)
    assert len({first.id, second.id, ""}) == 3
    assert store.read.applications("k7f3abcd") == [first, second]
    assert store.read.applications("other") == []

    store.applications.finish_undo(first)

    undone, live = store.read.applications("k7f3abcd")
    assert undone.undone_at is not None
    assert replace(undone, undone_at=None) == first
    assert live == second


def test_a_folder_is_changed_by_one_process_at_a_time(store: Store, tmp_path: Path) -> None:
    link = tmp_path / "link"
    (tmp_path / "folder").mkdir()
    link.symlink_to("folder")
    with store.changing(tmp_path / "folder") as first, store.changing(link) as second:
        assert (first, second) == (True, False)
        with store.changing(tmp_path) as other:
            assert other
    with store.changing(link) as third:
        assert third


def test_a_project_begins_with_its_first_run_and_keeps_what_was_set(store: Store) -> None:
    first = record(store, "aaaa2222", started(project_id="b"), SUCCEEDED)[0].at
    second = record(store, "bbbb2222", started(project_id="a"), SUCCEEDED)[0].at
    store.set_project("b", "task_type", "research")
    third = record(store, "cccc2222", started(project_id="b"), SUCCEEDED)[0].at
    assert store.read.projects() == [
        Project("b", "research", None, first, 2, third),
        Project("a", None, None, second, 1, second),
    ]
    store.set_project("b", "task_type", None)
    assert store.read.project("b") == Project("b", None, None, first, 2, third)
    assert store.read.project("c") is None
    store.set_project("c", "setup", "make")
    begun = store.read.project("c")
    assert begun is not None
    assert begun == Project("c", None, "make", begun.created_at, 0, None)


# --- whose run it is


def test_ids_are_short_and_unlike_each_other(store: Store) -> None:
    ids = []
    for _ in range(50):
        with store.owning() as run_id:
            ids.append(run_id)
    assert len(set(ids)) == 50
    assert all(re.fullmatch("[2-9a-km-np-z]{8}", run_id) for run_id in ids)


def test_a_run_of_a_live_process_is_not_taken_over(home: Path) -> None:
    store = opened(home)
    owner = another(home, "with store.owning() as run_id:", "    print(run_id, flush=True)", *WAIT)
    assert said(owner) == "ready"
    let_go(owner)
    run_id = said(owner)
    try:
        assert store.perhaps_left_behind() == [run_id]
        for _ in range(3):
            with store.taking_over(run_id) as taken:
                assert taken is False
    finally:
        let_go(owner)
        assert owner.communicate(timeout=20) == ("", "")
    assert store.perhaps_left_behind() == []


WAIT = ("    sys.stdin.readline()",)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_of_a_killed_process_can_be_taken_over_once(
    home: Path, signum: signal.Signals
) -> None:
    store = opened(home)
    owner = another(home, "with store.owning() as run_id:", "    print(run_id, flush=True)", *WAIT)
    assert said(owner) == "ready"
    let_go(owner)
    run_id = said(owner)
    owner.send_signal(signum)
    owner.communicate(timeout=20)
    assert owner.returncode == -signum
    assert store.perhaps_left_behind() == [run_id]
    with store.taking_over(run_id) as taken:
        assert taken is True
        with store.taking_over(run_id) as again:
            assert again is False
    assert store.perhaps_left_behind() == []


def fail_as_owner(store: Store) -> None:
    with store.owning() as run_id:
        assert store.perhaps_left_behind() == [run_id]
        raise RuntimeError


def test_a_run_is_let_go_when_its_owner_fails(store: Store) -> None:
    with pytest.raises(RuntimeError):
        fail_as_owner(store)
    assert store.perhaps_left_behind() == []


def test_an_end_is_recorded_once(store: Store) -> None:
    record(store, "k7f3abcd", started(), AgentSpoke(text="so far"), None)
    assert store.perhaps_left_behind() == ["k7f3abcd"]
    run = store.record_end("k7f3abcd", INTERRUPTED, Redactor())
    assert run is not None
    assert (run.status, run.exit_code, run.failure, run.answer) == (
        Status.INTERRUPTED,
        1,
        INTERRUPTED.failure,
        "so far",
    )
    assert store.read.run("k7f3abcd") == run
    assert store.read.last_seq("k7f3abcd") == 3
    assert store.record_end("k7f3abcd", INTERRUPTED, Redactor()) is None
    assert store.record_end("unknown2", INTERRUPTED, Redactor()) is None
    assert store.read.last_seq("k7f3abcd") == 3
    assert store.perhaps_left_behind() == []


def test_a_run_that_ended_keeps_its_end(store: Store) -> None:
    record(store, "k7f3abcd", started(), WorkspacePrepared(path="/w", baseline="0"), SUCCEEDED)
    assert store.record_end("k7f3abcd", INTERRUPTED, Redactor()) is None
    assert store.read.run("k7f3abcd").status is Status.SUCCEEDED


def test_secrets_of_an_interrupted_run_are_counted(store: Store) -> None:
    facts = (fact for fact in (started(), AgentSpoke(text="hunter-two"), None))
    list(store.recording("k7f3abcd", facts, Redactor(["hunter-two"])))
    run = store.record_end("k7f3abcd", INTERRUPTED, Redactor(["hunter-two"]))
    assert run is not None
    assert run.redactions == 1


def begun(crossrun: Crossrun) -> "tuple[subprocess.Popen[bytes], str, psutil.Process]":
    """A run whose script sleeps, the run's id, and the process that sleeps."""
    process = crossrun.start("run", "--executor", "shell", "echo begun > begun.txt; sleep 300")
    assert process.stdout is not None
    run_id = process.stdout.readline().decode().strip()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for child in psutil.Process(process.pid).children(recursive=True):
            if child.name() == "sleep":
                return process, run_id, child
        time.sleep(0.02)
    raise AssertionError(process.communicate())


def is_over(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_a_run_is_in_the_ledger_before_its_first_command_begins(crossrun: Crossrun) -> None:
    """Else a run that is killed at once has left its traces and was never there."""
    look = f"{sys.executable} -m crossrun runs --json > seen.json"
    run = crossrun("run", "--executor", "shell", look, "--json").json
    seen = json.loads(Path(run["workspace"], "seen.json").read_text())["runs"]
    assert [(one["id"], one["status"]) for one in seen] == [(run["id"], "running")]


def test_a_run_whose_process_was_killed_is_marked_by_the_next_command(crossrun: Crossrun) -> None:
    process, run_id, sleeper = begun(crossrun)
    process.kill()
    process.communicate(timeout=20)
    assert not is_over(sleeper)

    result = crossrun("runs", "--json")
    (run,) = result.json["runs"]
    assert (run["id"], run["status"], run["exit_code"]) == (run_id, "interrupted", 1)
    assert (run["failure"]["code"], run["failure"]["retryable"]) == ("INTERRUPTED", True)
    assert run["ended_at"] > run["started_at"]
    assert result.err == f"run {run_id} was interrupted: its crossrun process is gone\n"
    assert is_over(sleeper)

    events = crossrun.events(run_id)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert types(events) == [
        "run_started", "workspace_prepared", "pattern_decided", "step_planned", "command_started",
        "run_finished",
    ]  # fmt: skip
    assert crossrun("runs", "--json").err == ""
    assert crossrun("show", run_id, "--json").json["status"] == "interrupted"
    assert Path(run["workspace"], "begun.txt").read_text() == "begun\n"


def test_a_run_that_goes_on_is_left_alone(crossrun: Crossrun) -> None:
    process, run_id, sleeper = begun(crossrun)
    run = crossrun.json("show", run_id)
    assert (run["status"], run["exit_code"], run["ended_at"]) == ("running", None, None)
    assert not is_over(sleeper)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 143
    run = crossrun.json("show", run_id)
    assert (run["status"], run["exit_code"]) == ("cancelled", 10)
    assert is_over(sleeper)


def test_many_commands_at_once_mark_an_interrupted_run_once(crossrun: Crossrun) -> None:
    process, run_id, _ = begun(crossrun)
    process.kill()
    process.communicate(timeout=20)
    looking = [crossrun.start("runs", "--json") for _ in range(6)]
    ends = [(*one.communicate(timeout=30), one.returncode) for one in looking]
    assert [code for *_, code in ends] == [0] * 6
    assert b"".join(err for _, err, _ in ends).count(b"was interrupted") == 1
    assert types(crossrun.events(run_id)).count("run_finished") == 1
    assert crossrun.json("show", run_id)["status"] == "interrupted"


def test_a_killed_run_is_marked_even_when_the_folder_of_locks_is_gone(crossrun: Crossrun) -> None:
    """As when the store is put back from a backup, or the state was cleaned away."""
    store = opened(crossrun.home)
    record(store, "k7f3abcd", started(), None)
    assert not (crossrun.home / "state" / "locks").exists()
    assert crossrun.json("show")["status"] == "interrupted"
