"""Cleaning up while it is killed, and beside others that want the same workspaces."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Crossrun
from homes import Home, started
from processes import until_there
from test_store import sql
from trees import state

from crossrun.model.retention import RetentionRules
from crossrun.services.app import App
from crossrun.services.cleanup.inventory import measuring
from crossrun.services.cleanup.removal import CleanupRequest, find, read_runs, remove_found
from crossrun.services.recovery import settle
from crossrun.store import Store

ALL = ("--older-than", "0", "--yes")
KEEPING = CleanupRequest(RetentionRules(older_than=0))
DROPPING = CleanupRequest(RetentionRules(older_than=0), dropping_records=True)
FILES = [str(number) for number in range(8)]


@pytest.fixture
def home(crossrun: Crossrun) -> Home:
    return Home(crossrun.home)


def clean_up(
    home: Home, wanted: CleanupRequest, began: Callable[[], object] = lambda: None
) -> None:
    """Tells when it begins to remove."""
    store = Store(home.paths)
    found = find(read_runs(store.workspaces, home.paths, wanted), home.paths, wanted, measuring())
    began()
    done = remove_found(store, home.paths, wanted, found)
    assert done.failures == []


def cleaned_by_a_killed_process(home: Home, wanted: CleanupRequest, seconds: float) -> None:
    """The same in a process that is killed a while after it began to remove."""
    readable, writable = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            clean_up(home, wanted, lambda: os.write(writable, b"x"))
        finally:
            os._exit(0)
    assert os.read(readable, 1) == b"x"
    os.close(readable)
    os.close(writable)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def halves(home: Home) -> list[Path]:
    """What has a name of its own until it is gone."""
    return list(home.paths.data.rglob(".*.partial-*"))


def whole(workspace: Path) -> bool:
    return sorted(path.name for path in (workspace / "deep").iterdir()) == [*FILES, "er"]


@pytest.mark.parametrize("wanted", [KEEPING, DROPPING], ids=["records stay", "records go"])
def test_fifty_killed_cleanups_leave_what_the_next_one_finishes(
    home: Home, tmp_path: Path, wanted: CleanupRequest
) -> None:
    outside, chance = tmp_path / "outside", random.Random(7)  # noqa: S311  moments to kill at
    outside.mkdir()
    (outside / "precious").write_text("x")
    spared = home.run(source="folder")
    before, runs, hit, length = state(outside), list[str](), 0, 0.02
    for _ in range(50):
        if wanted.dropping_records or not runs:
            runs = [home.run() for _ in range(3)]
        for run in runs:
            home.fill(run, "default", home.paths.workspaces / "default" / run)
            link = home.paths.workspaces / "default" / run / "deep" / "er" / "out"
            link.symlink_to(outside)
        cleaned_by_a_killed_process(home, wanted, chance.uniform(0, length))
        workspaces = [home.paths.workspaces / "default" / run for run in runs]
        there = [workspace for workspace in workspaces if workspace.exists()]
        assert all(map(whole, there))
        hit += bool(halves(home)) or 0 < len(there) < len(runs)
        length *= 1.1 if there or halves(home) else 0.8  # whatever the machine does meanwhile
        app = App(home.settings)
        assert list(settle(app.store, app.settings.paths, app.redactor)) == []
        clean_up(home, wanted)
        left = [trace for run in runs for trace in home.traces(run)]
        artifacts = [str(home.paths.artifacts / "default" / run) for run in sorted(runs)]
        assert sorted(left) == ([] if wanted.dropping_records else artifacts)
        assert halves(home) == []
        known = {run.id for run in home.store.workspaces.locations()}
        assert known == ({spared} if wanted.dropping_records else {spared, *runs})
    assert whole(home.workspace(spared))
    assert state(outside) == before
    assert hit >= 10


def test_the_command_finishes_what_a_killed_one_began(crossrun: Crossrun, home: Home) -> None:
    runs = [home.run() for _ in range(4)]
    for pause in (0.3, 0.4, 0.5, 0.6, 0.7):
        process = crossrun.start("cleanup", *ALL)
        time.sleep(pause)
        process.kill()
        process.communicate()
    done = crossrun("cleanup", *ALL)
    assert done.code == 0
    assert halves(home) == []
    assert not any(map(home.has, runs))
    assert crossrun("runs").err == ""


def test_leftovers_are_told_and_removed(crossrun: Crossrun, home: Home) -> None:
    left = home.paths.workspaces / "default" / ".k7f3abcd.partial-0123456789abcdef"
    (left / "deep").mkdir(parents=True)
    (left / "deep" / "file").write_text("x" * 5000)
    told = crossrun.json("cleanup", "--dry-run")["leftovers"]
    assert told["count"] == 1
    assert told["size"] >= 5000
    assert crossrun.json("stats")["disk"]["leftovers"] == told["size"]
    crossrun("cleanup", "--yes")
    assert not left.exists()


def test_many_at_once_remove_everything_once(crossrun: Crossrun, home: Home) -> None:
    runs = [home.run() for _ in range(10)]
    kept = home.run(source="folder")
    many = [crossrun.start("cleanup", *ALL) for _ in range(6)]
    ends = [(*process.communicate(timeout=60), process.returncode) for process in many]
    assert [(code, err) for _, err, code in ends if code or b"warning" in err] == []
    assert not any(map(home.has, runs))
    assert home.has(kept)
    assert halves(home) == []
    assert list(home.paths.locks.iterdir()) == []


def test_beside_a_resume_of_the_same_run_one_of_both_has_it(crossrun: Crossrun) -> None:
    outcomes = set()
    for number in range(8):
        run = crossrun("run", "--executor", "shell", "echo x > x", "--json").json["id"]
        first = crossrun.start("resume", run, "cat x; sleep 0.3; cat x")
        time.sleep(number * 0.04)
        second = crossrun.start("cleanup", *ALL)
        _, said = first.communicate(timeout=60)
        second.communicate(timeout=60)
        assert second.returncode == 0
        assert first.returncode in (0, 6, 8), said
        outcomes.add(first.returncode)
        workspace = Path(crossrun.json("show", run)["workspace"])
        assert workspace.exists() == (first.returncode == 0)
        crossrun("cleanup", *ALL)
    assert outcomes


def test_what_a_run_took_up_after_it_was_looked_at_stays(home: Home) -> None:
    first = home.run(days=9)
    wanted = KEEPING
    found = find(read_runs(home.store.workspaces, home.paths, wanted), home.paths, wanted, None)
    second = home.run(workspace=home.workspace(first))
    done = remove_found(home.store, home.paths, wanted, found)
    assert [usage.newest.id for usage in done.in_use] == [first]
    assert home.has(second)


def test_what_a_command_has_just_claimed_stays(home: Home) -> None:
    run = home.run()
    with home.store.taking_over(run) as free:
        assert free
        found = find(
            read_runs(home.store.workspaces, home.paths, KEEPING), home.paths, KEEPING, None
        )
        done = remove_found(home.store, home.paths, KEEPING, found)
    assert (done.removed, len(done.in_use)) == ([], 1)
    assert home.has(run)


def test_of_many_that_claim_one_run_never_two_have_it(home: Home, tmp_path: Path) -> None:
    pids = [claiming(home, tmp_path / "mine") for _ in range(6)]
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 6


def claiming(home: Home, mine: Path) -> int:
    """A process that claims a run again and again; it exits with 1 when it is not alone."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for _ in range(2000):
            with home.store.taking_over("k7f3abcd") as free:
                if free:
                    mine.mkdir()
                    mine.rmdir()
        code = 0
    finally:
        os._exit(code)


class TestTheStore:
    def fill(self, home: Home) -> str:
        run = home.run()
        with sql(home.paths.database) as connection:
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, '2026-01-02T03:04:05Z', 'warned', ?)",
                [
                    (run, seq, '{"type":"warned","message":"' + "x" * 4000 + '"}')
                    for seq in range(5, 1500)
                ],
            )
        return run

    def test_it_is_rewritten_when_much_of_it_is_free(self, crossrun: Crossrun, home: Home) -> None:
        self.fill(home)
        before = home.paths.database.stat().st_size
        crossrun("cleanup", *ALL, "--drop-record")
        assert home.paths.database.stat().st_size < before / 10
        log = home.paths.database.with_name("crossrun.db-wal")
        assert not log.exists() or log.stat().st_size == 0
        with sql(home.paths.database) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def test_it_stays_while_runs_go_on(self, crossrun: Crossrun, home: Home) -> None:
        self.fill(home)
        process, _ = started(crossrun, until_there(crossrun.cwd / "go"))
        done = crossrun("cleanup", *ALL, "--drop-record")
        assert (done.code, "note: the store keeps unused space" in done.err) == (0, True)
        assert "runs go on" in done.err
        (crossrun.cwd / "go").touch()
        process.communicate(timeout=30)
        assert process.returncode == 0

    def test_another_writer_is_not_waited_for(self, crossrun: Crossrun, home: Home) -> None:
        self.fill(home)
        crossrun("cleanup", *ALL)
        with sql(home.paths.database) as connection:
            connection.execute("DELETE FROM events")
            connection.commit()
            connection.execute("BEGIN IMMEDIATE")
            done = crossrun("cleanup", "--yes")
            assert (done.code, "another process writes to it" in done.err) == (0, True)


class TestRetention:
    def test_nothing_goes_by_itself_where_nothing_is_set(
        self, crossrun: Crossrun, home: Home
    ) -> None:
        old = home.run(days=999)
        assert crossrun("run", "--executor", "shell", "true").code == 0
        assert home.has(old)

    @pytest.mark.parametrize(
        ("variable", "value"),
        [("OLDER_THAN", "7d"), ("KEEP_LAST", "2"), ("MAX_SIZE", "450KB")],
    )
    def test_old_workspaces_go_after_a_run(
        self, crossrun: Crossrun, home: Home, variable: str, value: str
    ) -> None:
        old, kept, new = home.run(days=9), home.run(days=8, source="url"), home.run(days=1)
        setting = {f"CROSSRUN_CLEANUP_{variable}": value}
        done = crossrun("run", "--executor", "shell", "true", "--json", **setting)
        assert done.code == 0
        assert "removed 1 old workspace, as set in the settings" in done.err
        assert [home.has(run) for run in (old, kept, new)] == [False, True, True]
        assert home.has(done.json["id"])

    def test_that_of_the_run_that_just_ended_stays(self, crossrun: Crossrun) -> None:
        crossrun("run", "--executor", "shell", "echo x > x", CROSSRUN_CLEANUP_MAX_SIZE="1")
        assert crossrun("resume", "last", "cat x").code == 0

    def test_trouble_with_it_is_no_trouble_of_the_run(self, crossrun: Crossrun, home: Home) -> None:
        home.run(days=9)
        with sql(home.paths.database) as connection:
            connection.execute("UPDATE runs SET ended_at = 'never'")
        done = crossrun("run", "--executor", "shell", "true", CROSSRUN_CLEANUP_KEEP_LAST="1")
        assert (done.code, "warning: old workspaces were not removed" in done.err) == (0, True)

    def test_the_settings_are_what_the_command_goes_by(
        self, crossrun: Crossrun, home: Home
    ) -> None:
        crossrun.environ["CROSSRUN_CLEANUP_KEEP_LAST"] = "1"
        first, second = home.run(days=90), home.run(days=50)
        told = crossrun.json("cleanup", "--dry-run")["going"]
        assert [one["run_id"] for one in told] == [first]
        told = crossrun.json("cleanup", "--older-than", "40d", "--dry-run")["going"]
        assert sorted(one["run_id"] for one in told) == sorted([first, second])

    def test_a_project_file_may_not_set_it(self, crossrun: Crossrun, home: Home) -> None:
        old = home.run(days=99)
        (crossrun.cwd / ".crossrun.yaml").write_text("cleanup:\n  keep_last: 1\n")
        done = crossrun("run", "--executor", "shell", "true")
        assert "cleanup.keep_last is ignored" in done.err
        assert home.has(old)
