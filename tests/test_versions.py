"""Two versions of crossrun on one store: reading never migrates, and runs stay under control."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Crossrun, Result
from homes import started
from test_store import INTERRUPTED, made_by, sql

import crossrun as package
from crossrun.config.sources import load
from crossrun.model.queries import PatternFilter, RunFilter
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.store.steps import LATEST

ADDITIVE = "ALTER TABLE runs ADD COLUMN mood VARCHAR; CREATE TABLE moods (id VARCHAR NOT NULL);"
BREAKING = "UPDATE runs SET task = upper(task);"
NEWER = LATEST + 1


def newer(crossrun: Crossrun, folder: Path, migration: str, *, breaking: bool = False) -> Crossrun:
    """The program of this checkout with one more migration, for the same user."""
    more = [f"MIGRATIONS += (({f'{NEWER:04}_more'!r}, {migration!r}),)", "LATEST += 1"]
    more += ["OLDEST = LATEST"] if breaking else []
    return changed(crossrun, folder, more)


def changed(crossrun: Crossrun, folder: Path, more: list[str]) -> Crossrun:
    """The program of this checkout with more lines about its migrations, for the same user."""
    copy = folder / "changed"
    shutil.copytree(Path(package.__file__).parent, copy / "crossrun")
    steps = copy / "crossrun" / "store" / "steps.py"
    steps.write_text("\n".join([steps.read_text(), *more, ""]))
    return Crossrun(crossrun.home, crossrun.cwd, {**crossrun.environ, "PYTHONPATH": str(copy)})


def without_later_columns(folder: Path) -> None:
    """Makes a changed program record runs as before batches and notes."""
    statements = folder / "changed" / "crossrun" / "store" / "statements.py"
    later = {
        "RUNS": (
            "proof", "batch_id", "batch_row", "batch_attempt", "template", "imported_from", "note",
            "applied",
        ),
        "APPLICATIONS": ("part",),
        "PROJECTS": ("notify",),
    }  # fmt: skip
    with statements.open("a") as file:
        for table, names in later.items():
            columns = f"tuple(name for name in {table}.columns if name not in {names})"
            file.write(f"{table} = {table}._replace(columns={columns})\n")
    reading = statements.with_name("reading.py")
    reading.write_text(reading.read_text().replace("p.notify", "NULL AS notify"))


def version(crossrun: Crossrun) -> int:
    with sql(crossrun.home / "crossrun.db") as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def store_of(home: Path) -> Store:
    return Store(load(flags={}, environ={}, cwd=home.parent, home=home).paths)


@contextmanager
def under_way(crossrun: Crossrun) -> Iterator[str]:
    """A run that ends when it is cancelled, or at the end of the test."""
    process, run_id = started(crossrun, "sleep 60")
    try:
        yield run_id
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("of", range(1, LATEST))
def test_a_store_of_any_age_is_read_as_it_is(of: int, tmp_path: Path) -> None:
    home = tmp_path / "home"
    database = made_by(of, home)
    before = database.read_bytes()
    store = store_of(home)
    store.open_for_reading()
    (run,) = store.read.runs(RunFilter())
    assert (run.id, run.turns, run.duration_s, run.cost) == ("k7f3abcd", 0, None, None)
    assert store.read.run("last") == run
    assert [line.id for line in store.read.lines(RunFilter())] == ["k7f3abcd"]
    assert store.read.applications("k7f3abcd") == []
    assert store.read.projects() == []
    assert store.read.decided(of=None, limit=9) == []
    (location,) = store.workspaces.locations()
    assert location.id == "k7f3abcd"
    assert store.workspaces.ids_beside("k7f3abcd") == ["k7f3abcd"]
    assert [run.id for run in store.workspaces.runs([location.workspace])] == ["k7f3abcd"]
    assert store.totals().with_pattern == 0
    assert store.patterns.lines(PatternFilter()) == []
    found = store.patterns.candidates("convert the table", task_type=None, project_id=None)
    assert (found.entries, found.candidates) == (0, ())
    assert database.read_bytes() == before


def test_an_interrupted_run_of_an_older_crossrun_gets_its_end_once_the_store_is_up_to_date(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    database = made_by(1, home)
    with sql(database) as connection:
        connection.execute("UPDATE runs SET status = 'running'")
    store = store_of(home)
    assert store.record_end("k7f3abcd", INTERRUPTED, Redactor()) is None
    with sql(database) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    store.open_for_writing()
    run = store.record_end("k7f3abcd", INTERRUPTED, Redactor())
    assert run is not None
    assert (run.status, run.failure) == (Status.INTERRUPTED, INTERRUPTED.failure)


def test_a_program_from_before_the_shared_object_store_refuses_the_store(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    older = changed(crossrun, tmp_path, ["MIGRATIONS = MIGRATIONS[:9]", "LATEST, OLDEST = 9, 1"])
    without_later_columns(tmp_path)
    assert older("run", "true", "--executor", "shell").code == 0
    assert crossrun("run", "true", "--executor", "shell").code == 0
    for words in (["runs"], ["run", "true", "--executor", "shell"], ["cleanup", "--yes"]):
        assert older(*words, "--json").json["error"]["code"] == "STORE_NEWER"
    assert len(crossrun.json("runs")["runs"]) == 2


def test_reading_with_a_newer_crossrun_leaves_the_store_to_the_older_one(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    updated = newer(crossrun, tmp_path, ADDITIVE)
    with under_way(crossrun) as run_id:
        assert updated.json("show")["id"] == run_id
        assert updated("runs").out.count(run_id) == 1
        assert version(crossrun) == LATEST
        assert updated("cancel", run_id).code == 0
    assert crossrun.json("show")["status"] == "cancelled"
    assert version(crossrun) == LATEST


def test_a_run_stays_under_control_when_a_newer_crossrun_brings_the_store_up_to_date(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    updated = newer(crossrun, tmp_path, ADDITIVE)
    with under_way(crossrun) as run_id:
        assert updated.json("run", "true", "--executor", "shell")["status"] == "succeeded"
        assert version(crossrun) == NEWER
        assert crossrun.json("show", run_id)["status"] == "running"
        assert crossrun("wait", run_id, "--timeout", "1").code == 8
        assert crossrun("cancel", run_id).code == 0
        assert crossrun("watch", run_id).code == 10
    after = crossrun("run", "true", "--executor", "shell", "--json")
    assert (after.code, after.json["status"], "warning" in after.err) == (0, "succeeded", False)
    assert len(updated.json("runs")["runs"]) == 3


def test_a_store_that_older_ones_cannot_use_is_changed_when_nothing_is_under_way(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    updated = newer(crossrun, tmp_path, BREAKING, breaking=True)

    def refused(result: Result) -> str:
        return str(result.json["error"]["code"])

    with under_way(crossrun) as run_id:
        assert updated.json("show", run_id)["task"] == "SLEEP 60"
        refusal = updated("run", "true", "--executor", "shell", "--json")
        assert (refusal.code, refused(refusal)) == (8, "STILL_RUNNING")
        assert f"crossrun cancel {run_id}" in refusal.err
        assert crossrun.json("show", run_id)["task"] == "sleep 60"
        assert updated("cancel", run_id).code == 0
    assert updated.json("migrate")["version"] == NEWER
    assert refused(crossrun("runs", "--json")) == "STORE_NEWER"
