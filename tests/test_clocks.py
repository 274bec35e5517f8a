"""A clock that is set back, or was wrong: no length is negative, and `last` is the newest run."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clocks import NoCompilerError, WallClock
from conftest import Crossrun
from homes import DAY, Home
from processes import until_there
from test_store import SUCCEEDED, opened, record, sql, started

from crossrun.events import AgentSpoke
from crossrun.model.queries import RunFilter
from crossrun.model.retention import RetentionRules, planned
from crossrun.redaction import Redactor
from crossrun.services.cleanup.inventory import WITH_WORKSPACE, stored_runs, survey
from crossrun.store.backups import backups
from crossrun.store.event_writer import EventWriter
from crossrun.store.queue import RunQueue
from crossrun.store.writing import StoreWriter
from crossrun.system.clock import seconds_between

HOURS = 3600


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    try:
        return WallClock(tmp_path)
    except NoCompilerError:
        pytest.skip("needs a C compiler that makes shared libraries")


def test_a_clock_that_is_set_back_in_a_run_changes_no_length_and_no_order(
    crossrun: Crossrun, clock: WallClock
) -> None:
    crossrun.environ |= clock.environ
    script = f"echo {-2 * HOURS} > {clock.file}; sleep .3"
    first = crossrun.json("run", "--executor", "shell", script, "--name", "first")
    assert 0.3 <= first["duration_s"] < 30
    assert first["created_at"] <= first["started_at"] <= first["ended_at"]
    times = [event["at"] for event in crossrun.events()]
    assert times == sorted(times)
    assert "after -" not in crossrun("show").out

    second = crossrun.json("run", "--executor", "shell", "true")
    assert second["ended_at"] < first["ended_at"]
    assert crossrun.json("show", "last")["id"] == second["id"]
    assert [run["id"] for run in crossrun.json("runs")["runs"]] == [second["id"], first["id"]]
    table = crossrun("runs").out.splitlines()[1:]
    assert [line.split()[0] for line in table] == [second["id"], first["id"]]
    assert "-" not in "".join(table)


def test_no_event_is_older_than_the_one_before(home: Path) -> None:
    store = opened(home)
    times = iter(["2026-01-02T10:00:00Z", "2026-01-02T08:00:00Z", "2026-01-02T11:00:00Z"])
    facts = (fact for fact in (started(), AgentSpoke(text="hello"), SUCCEEDED))
    writer = StoreWriter(home / "crossrun.db")
    recording = EventWriter("k7f3abcd", Redactor(), writer, clock=lambda: next(times))
    list(recording.record(facts))
    writer.close()
    assert [event.at for event in store.read.events("k7f3abcd")] == [
        "2026-01-02T10:00:00Z",
        "2026-01-02T10:00:00Z",
        "2026-01-02T11:00:00Z",
    ]


def test_a_length_that_was_not_measured_is_never_negative(home: Path) -> None:
    assert seconds_between("2026-01-02T10:00:00Z", "2026-01-02T08:00:00Z") == 0
    store = opened(home)
    record(store, "k7f3abcd", started(), SUCCEEDED)
    with sql(home / "crossrun.db") as connection:
        connection.execute("UPDATE runs SET ended_at = '2020-01-01T00:00:00Z'")
    assert store.read.run("k7f3abcd").seconds == 0
    assert store.read.lines(RunFilter())[0].seconds == 0


def test_runs_and_projects_are_told_in_the_order_in_which_they_were_recorded(home: Path) -> None:
    store = opened(home)
    for run_id, project_id in (("k7f3abcd", "later"), ("m2q9abcd", "sooner")):
        record(store, run_id, started(project_id=project_id), SUCCEEDED)
    with sql(home / "crossrun.db") as connection:
        connection.execute(
            "UPDATE runs SET created_at = '2020-01-01' || substr(created_at, 11)"
            " WHERE id = 'm2q9abcd'"
        )
    assert store.read.run("last").id == "m2q9abcd"
    assert [run.id for run in store.read.runs(RunFilter())] == ["m2q9abcd", "k7f3abcd"]
    assert [project.id for project in store.read.projects()] == ["sooner", "later"]


def test_a_workspace_is_no_older_than_a_run_that_was_recorded_before_its_own(home: Path) -> None:
    """A computer without a battery for its clock wakes up in 1970."""
    world = Home(home)
    old, _from_the_future, _recent = world.run(days=40), world.run(days=-400), world.run(days=1)
    without_clock = world.run(days=20_000)
    usages = survey(
        stored_runs(world.store.workspaces, world.paths, WITH_WORKSPACE).runs,
        world.paths,
        WITH_WORKSPACE,
    )
    plan = planned(usages, RetentionRules(older_than=30 * DAY), datetime.now(UTC))
    assert [usage.newest.id for usage, _ in plan.going] == [old]
    assert without_clock in {usage.newest.id for usage in usages}


def test_a_workspace_from_the_future_has_no_age(home: Path) -> None:
    world = Home(home)
    world.run(days=-400)
    (usage,) = survey(
        stored_runs(world.store.workspaces, world.paths, WITH_WORKSPACE).runs,
        world.paths,
        WITH_WORKSPACE,
    )
    assert usage.age(datetime.now(UTC)) == 0


def test_backups_from_the_future_are_the_oldest(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    moments = [now + timedelta(days=days) for days in (-8, -1, 30, 60)]
    for moment in moments:
        (tmp_path / f"crossrun-weekly-{moment:%Y%m%dT%H%M%SZ}.db").touch()
    days = [(backup.made_at - now).days for backup in backups(tmp_path)]
    assert [round(day) for day in days] == [-2, -9, 59, 29]


def test_who_comes_later_waits_longer_though_the_clock_was_set_back(tmp_path: Path) -> None:
    queue = RunQueue(tmp_path, 1)
    with queue.line() as first:
        assert next(first) is None
        (tmp_path / "tickets").mkdir(exist_ok=True)
        with queue.line() as second:
            assert next(second) == 0
            (ticket,) = (tmp_path / "tickets").iterdir()
            ahead = time.time_ns() + 2 * HOURS * 10**9
            ticket.rename(ticket.with_name(f"{ahead:020}-{os.getpid()}"))
            with queue.line() as third:
                assert next(third) == 1


def test_a_run_that_waits_for_its_turn_gets_it_though_the_clock_is_set_back(
    crossrun: Crossrun, clock: WallClock
) -> None:
    crossrun.environ |= {**clock.environ, "CROSSRUN_RUNS_MAX_PARALLEL": "1"}
    script = until_there(crossrun.cwd / "go")
    first = crossrun.start("run", "--executor", "shell", script)
    assert first.stdout is not None
    first.stdout.readline()
    second = crossrun.start("run", "--executor", "shell", "true")
    assert second.stdout is not None
    second.stdout.readline()
    clock.jump(-2 * HOURS)
    (crossrun.cwd / "go").touch()
    try:
        assert (first.wait(30), second.wait(30)) == (0, 0)
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()
