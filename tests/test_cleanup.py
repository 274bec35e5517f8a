"""Workspaces off the disk: those that may go, all of each, and nothing else whatever happens."""

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from conftest import Crossrun, fill
from homes import Home, started
from processes import until_there, wait_for
from test_store import sql
from trees import state

from crossrun.model.requests import BeginWith
from crossrun.model.status import Status

ALL = ("--older-than", "0", "--yes")


@pytest.fixture
def home(crossrun: Crossrun) -> Home:
    return Home(crossrun.home)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that nothing may touch."""
    folder = tmp_path / "outside"
    (folder / "deep" / "er").mkdir(parents=True)
    for number in range(8):
        (folder / "deep" / str(number)).write_text("precious")
    return folder


def removed(crossrun: Crossrun, *words: str) -> list[str]:
    told = crossrun.json("cleanup", *(words or ALL), "--yes")
    ids: list[str] = told["removed"]
    return sorted(ids)


def kept(crossrun: Crossrun, *words: str) -> dict[str, str]:
    told = crossrun.json("cleanup", *(words or ALL), "--dry-run")["kept"]
    return {one["run_id"]: one["why"] for one in told}


class TestWhatGoes:
    def test_without_a_word_only_what_is_older_than_thirty_days(
        self, crossrun: Crossrun, home: Home
    ) -> None:
        old, new = home.run(days=31), home.run(days=29)
        assert removed(crossrun, "--keep-record") == [old]
        assert (home.has(old), home.has(new)) == (False, True)

    def test_a_workspace_goes_with_its_snapshots_and_log_and_the_rest_stays(
        self, crossrun: Crossrun, home: Home
    ) -> None:
        run = home.run()
        crossrun("cleanup", *ALL)
        assert home.traces(run) == [str(home.paths.artifacts / "default" / run)]
        assert "(removed)" in crossrun("show", run).out
        assert crossrun.json("show", run)["status"] == "succeeded"
        assert "error[WORKSPACE_GONE]" in crossrun("resume", run, "true").err

    def test_artifacts_go_when_that_is_asked_for(self, crossrun: Crossrun, home: Home) -> None:
        run = home.run()
        removed(crossrun, *ALL)
        assert removed(crossrun, *ALL) == []
        assert removed(crossrun, *ALL, "--drop-artifacts") == [run]
        assert home.traces(run) == []
        assert crossrun.json("show", run)["id"] == run

    def test_records_go_when_that_is_asked_for_and_patterns_stay(self, crossrun: Crossrun) -> None:
        crossrun("quickstart")
        patterns = crossrun.json("patterns")["patterns"]
        assert len(removed(crossrun, *ALL, "--drop-record")) == 2
        assert crossrun.json("runs")["runs"] == []
        assert crossrun.json("patterns")["patterns"] == patterns
        assert [one["runs"] for one in crossrun.json("projects")["projects"]] == [0]
        assert Home(crossrun.home).traces(patterns[0]["source_run_ids"][0]) == []
        with sql(crossrun.home / "crossrun.db") as connection:
            for table in ("runs", "events", "artifacts"):
                rows = connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608  ours
                assert rows.fetchone() == (0,)

    def test_the_record_of_a_workspace_that_is_gone_already_goes_too(
        self, crossrun: Crossrun, home: Home
    ) -> None:
        run = home.run()
        removed(crossrun, *ALL, "--drop-artifacts")
        assert removed(crossrun, *ALL, "--drop-record") == [run]
        assert crossrun("show", run).code == 6

    def test_the_patch_is_still_there_for_diff(self, crossrun: Crossrun) -> None:
        crossrun("run", "--executor", "shell", "echo x > a.txt")
        patch = crossrun("diff").out
        crossrun("cleanup", *ALL)
        assert "+x" in patch
        assert crossrun("diff").out == patch

    def test_a_chain_of_runs_is_as_old_as_its_newest(self, crossrun: Crossrun, home: Home) -> None:
        first = home.run(days=90)
        second = home.run(days=1, workspace=home.workspace(first))
        assert removed(crossrun, "--older-than", "2d") == []
        assert removed(crossrun, "--older-than", "1d") == [second]
        assert len(home.traces(first)) == len(home.traces(second)) == 1

    def test_filters_and_rules_of_the_command(self, crossrun: Crossrun, home: Home) -> None:
        a, b = home.run(days=9, project="a"), home.run(days=8, project="a", status=Status.FAILED)
        c = home.run(days=7, project="b")
        for words, told in (
            (("--project-id", "b", "--older-than", "7d"), [c]),
            (("--status", "failed", "--older-than", "0"), [b]),
            (("--keep-last", "1"), [a]),
            (("--max-size", "350KB"), [a]),
            (("--max-size", "100KB", "--keep-last", "1"), [a]),
            (("--project-id", "b"), []),
        ):
            going = crossrun.json("cleanup", *words, "--dry-run")["going"]
            assert [one["run_id"] for one in going] == told, words

    @pytest.mark.parametrize(
        "words",
        [("--older-than", "soon"), ("--max-size", "5XB"), ("--status", "gone")],
    )
    def test_what_makes_no_sense_is_refused(
        self, crossrun: Crossrun, words: tuple[str, ...]
    ) -> None:
        refused = crossrun("cleanup", *words)
        assert (refused.code, "error[OPTION_INVALID]" in refused.err) == (2, True)
        assert not crossrun.home.exists()

    def test_nobody_is_asked_without_a_terminal(self, crossrun: Crossrun, home: Home) -> None:
        run = home.run()
        refused = crossrun("cleanup", "--older-than", "0")
        assert (refused.code, "error[CONSENT_NEEDED]" in refused.err) == (2, True)
        assert home.has(run)

    def test_workspaces_that_are_gone_do_not_count(self, crossrun: Crossrun, home: Home) -> None:
        gone, log_left, whole = home.run(), home.run(), home.run()
        for run in (gone, log_left):
            shutil.rmtree(home.workspace(run))
            shutil.rmtree(home.paths.snapshots / f"{run}.git")
        (home.paths.logs / f"{gone}.log").unlink()
        assert removed(crossrun) == sorted([log_left, whole])
        assert removed(crossrun, *ALL, "--drop-record") == sorted([gone, log_left, whole])

    def test_an_empty_home_is_fine(self, crossrun: Crossrun) -> None:
        assert removed(crossrun, *ALL) == []
        assert crossrun("cleanup", "--dry-run").code == 0


class TestWhatStays:
    def test_work_that_was_not_applied(self, crossrun: Crossrun, home: Home) -> None:
        work, none = home.run(source="repository"), home.run(source="folder", changes=0)
        undone, applied = home.run(source="url"), home.run(source="folder")
        home.apply(applied)
        home.apply(undone, undone=True)
        why = "its work was not applied"
        assert kept(crossrun) == {work: why, undone: why}
        assert removed(crossrun) == sorted([none, applied])
        assert removed(crossrun, *ALL, "--force") == sorted([work, undone])

    def test_a_folder_of_the_user_whatever_is_asked(
        self, crossrun: Crossrun, home: Home, outside: Path
    ) -> None:
        home.run(workspace=outside, source="in_place", begin_with=BeginWith(in_place=str(outside)))
        before = state(outside)
        for words in (
            (),
            ("--drop-record",),
            ("--drop-artifacts", "--orphans"),
            ("--max-size", "0"),
        ):
            removed(crossrun, *ALL, "--force", *words)
            assert state(outside) == before

    def test_a_workspace_in_which_a_run_worked_in_place(
        self, crossrun: Crossrun, home: Home, tmp_path: Path
    ) -> None:
        below, itself, by_link = home.run(), home.run(), home.run()
        (tmp_path / "link").symlink_to(home.workspace(by_link))
        for folder in (home.workspace(below) / "deep", home.workspace(itself), tmp_path / "link"):
            died_early = BeginWith(in_place=str(folder))
            home.run(workspace=folder, begin_with=died_early)
        assert removed(crossrun, *ALL, "--force", "--drop-record") == []
        assert home.has(below)
        assert home.has(itself)
        assert home.has(by_link)

    def test_a_run_that_goes_on(self, crossrun: Crossrun) -> None:
        process, run = started(crossrun, "echo x > x; sleep 3; cat x")
        assert kept(crossrun) == {run: f"{run} is running"}
        assert removed(crossrun, *ALL, "--force", "--drop-record") == []
        process.communicate(timeout=30)
        assert process.returncode == 0
        assert removed(crossrun) == [run]

    def test_what_lies_elsewhere_than_a_workspace_of_its_run(
        self, crossrun: Crossrun, home: Home, outside: Path
    ) -> None:
        a, b = home.run(workspace=outside), home.run()
        home.run(workspace=home.paths.workspaces / "default" / "mine")
        home.run(workspace=home.workspace(b) / "deep")
        home.run(workspace=home.paths.workspaces)
        home.run(workspace=home.paths.workspaces / "default" / ".." / "default")
        assert removed(crossrun, *ALL, "--force", "--drop-record") == [b]
        assert kept(crossrun)[a] == "outside the workspaces"
        assert (outside / "deep" / "1").read_text().startswith("x")
        assert (home.paths.workspaces / "default" / "mine" / "deep").is_dir()

    def test_folders_of_runs_that_the_ledger_does_not_know(
        self, crossrun: Crossrun, home: Home
    ) -> None:
        home.fill("k7f3abcd", "p", home.paths.workspaces / "p" / "k7f3abcd")
        mine = home.paths.workspaces / "p" / "my own folder"
        mine.mkdir()
        assert crossrun.json("cleanup", "--dry-run")["orphans"] == []
        for folder in home.traces("k7f3abcd"):
            os.utime(folder, (1, 1))
        assert [o["run_id"] for o in crossrun.json("cleanup", "--dry-run")["orphans"]] == [
            "k7f3abcd"
        ]
        removed(crossrun)
        assert len(home.traces("k7f3abcd")) == 4
        removed(crossrun, *ALL, "--orphans")
        assert home.traces("k7f3abcd") == [str(home.paths.logs / "k7f3abcd.log")]
        assert mine.is_dir()


class TestLinks:
    def test_links_in_a_workspace_lead_nowhere(
        self, crossrun: Crossrun, home: Home, outside: Path
    ) -> None:
        run, before = home.run(), state(outside)
        place = home.workspace(run)
        (place / "root").symlink_to("/")
        (place / "deep" / "out").symlink_to(outside)
        (place / "deep" / "file").symlink_to(outside / "deep" / "1")
        (home.paths.snapshots / f"{run}.git" / "out").symlink_to(outside)
        (place / "deep" / "named twice").hardlink_to(outside / "deep" / "2")
        assert removed(crossrun) == [run]
        assert state(outside) == before
        assert Path("/etc/passwd").exists()

    @pytest.mark.parametrize("what", ["workspace", "project"])
    def test_a_link_in_the_place_of_a_workspace_or_its_project_stays(
        self, crossrun: Crossrun, home: Home, outside: Path, what: str
    ) -> None:
        run = home.run(project="p")
        place = home.workspace(run)
        replaced = place if what == "workspace" else place.parent
        shutil.rmtree(replaced)
        shutil.copytree(outside, outside / run)
        replaced.symlink_to(outside)
        before = state(outside)
        assert kept(crossrun) == {run: "a link has taken its place"}
        assert removed(crossrun, *ALL, "--force", "--orphans", "--drop-record") == []
        assert state(outside) == before
        assert replaced.is_symlink()

    def test_links_in_the_places_of_snapshots_artifacts_and_logs_are_not_followed(
        self, crossrun: Crossrun, home: Home, outside: Path
    ) -> None:
        run, before = home.run(project="p"), state(outside)
        shutil.rmtree(home.paths.snapshots / f"{run}.git")
        shutil.rmtree(home.paths.artifacts / "p")
        shutil.copytree(outside, home.paths.data / "elsewhere" / run)
        (home.paths.logs / f"{run}.log").unlink()
        (home.paths.snapshots / f"{run}.git").symlink_to(outside)
        (home.paths.artifacts / "p").symlink_to(home.paths.data / "elsewhere")
        (home.paths.logs / f"{run}.log").symlink_to(outside / "deep" / "1")
        assert removed(crossrun, *ALL, "--drop-record") == [run]
        assert state(outside) == before
        assert state(home.paths.data / "elsewhere" / run) == before

    def test_the_root_may_be_reached_through_a_link(
        self, crossrun: Crossrun, home: Home, tmp_path: Path
    ) -> None:
        run = home.run()
        home.paths.workspaces.rename(tmp_path / "big disk")
        home.paths.workspaces.symlink_to(tmp_path / "big disk")
        assert removed(crossrun) == [run]
        assert not any((tmp_path / "big disk" / "default").iterdir())

    def test_folders_and_links_that_are_swapped_meanwhile(
        self, crossrun: Crossrun, home: Home, outside: Path
    ) -> None:
        runs, before, over = [home.run() for _ in range(6)], state(outside), threading.Event()
        for run in runs:
            for number in range(200):
                (home.workspace(run) / "deep" / f"d{number}").mkdir()
                (home.workspace(run) / "deep" / f"d{number}" / "1").touch()

        def swap() -> None:
            places = [home.paths.workspaces / "default" / run for run in runs]
            while not over.is_set():
                for place in [*places, *home.paths.workspaces.glob("default/.*.partial-*")]:
                    for folder in (place, *place.glob("deep/d*")):
                        aside = folder.with_name("aside")
                        try:
                            folder.rename(aside)
                            folder.symlink_to(outside)
                            folder.unlink()
                            aside.rename(folder)
                        except OSError:
                            continue

        swapping = threading.Thread(target=swap)
        swapping.start()
        for _ in range(3):
            crossrun("cleanup", *ALL)
        over.set()
        swapping.join()
        assert state(outside) == before


class TestDryRun:
    def test_nothing_is_touched_not_even_the_log_of_the_store(
        self, crossrun: Crossrun, home: Home
    ) -> None:
        home.run()
        crossrun("runs")
        assert (crossrun.home / "crossrun.db-wal").exists()
        before = state(crossrun.home)
        assert "in all" in crossrun("cleanup", *ALL, "--dry-run").err
        assert state(crossrun.home) == before

    def test_what_another_process_just_wrote_is_seen(self, crossrun: Crossrun) -> None:
        process, run = started(crossrun, until_there(crossrun.cwd / "go"))
        assert (crossrun.home / "crossrun.db-wal").stat().st_size > 0
        assert list(kept(crossrun)) == [run]
        (crossrun.cwd / "go").touch()
        process.communicate(timeout=30)

    def test_a_store_that_was_killed_stays_as_it_was(self, crossrun: Crossrun) -> None:
        process, run = started(crossrun, "touch begun; sleep 1")
        wait_for(lambda: list(crossrun.home.glob("workspaces/*/*/begun")))
        process.kill()
        process.communicate()
        time.sleep(1.5)
        before = state(crossrun.home)
        assert kept(crossrun) == {run: f"{run} is running"}
        assert state(crossrun.home) == before
        assert removed(crossrun) == [run]

    def test_a_full_disk_does_not_keep_it_from_looking(
        self, crossrun: Crossrun, small_disk: Path
    ) -> None:
        place = ("--home", str(small_disk / "home"))
        run = crossrun.json("run", "--executor", "shell", "true", *place)["id"]
        fill(small_disk, leave=0)
        result = crossrun("cleanup", *ALL, "--dry-run", "--json", *place, TMPDIR=str(small_disk))
        assert [one["run_id"] for one in result.json["going"]] == [run]

    def test_a_log_whose_index_was_lost_is_read(self, crossrun: Crossrun) -> None:
        process, run = started(crossrun, until_there(crossrun.cwd / "go"))
        copy = shutil.copytree(crossrun.home, crossrun.cwd / "copy", dirs_exist_ok=True)
        (crossrun.cwd / "go").touch()
        process.communicate(timeout=30)
        (copy / "crossrun.db-shm").unlink()
        assert (copy / "crossrun.db-wal").stat().st_size > 0
        result = crossrun("cleanup", *ALL, "--dry-run", "--json", "--home", str(copy))
        assert run in [one["run_id"] for one in result.json["kept"]]

    def test_a_database_of_another_program_is_refused(self, crossrun: Crossrun) -> None:
        crossrun.home.mkdir(parents=True)
        with sql(crossrun.home / "crossrun.db") as connection:
            connection.execute("CREATE TABLE notes (text)")
        before = state(crossrun.home)
        refused = crossrun("cleanup", "--dry-run")
        assert (refused.code, "is not a crossrun store" in refused.err) == (3, True)
        assert state(crossrun.home) == before

    def test_a_damaged_store_is_told_by_its_own_name(self, crossrun: Crossrun, home: Home) -> None:
        home.paths.database.write_bytes(b"no database at all" * 1000)
        refused = crossrun("cleanup", "--dry-run")
        assert refused.code == 3
        assert str(home.paths.database) in refused.err

    def test_no_home_is_made(self, crossrun: Crossrun) -> None:
        assert crossrun.json("cleanup", "--dry-run")["size"] == 0
        assert not crossrun.home.exists()


class TestAllKindsOfTrees:
    def test_folders_without_permissions_go(self, crossrun: Crossrun, home: Home) -> None:
        run = home.run()
        place = home.workspace(run)
        for folder in (place / "deep" / "er", place / "deep", place):
            folder.chmod(0o000 if folder.name == "er" else 0o500)
        assert removed(crossrun) == [run]
        assert not place.exists()

    def test_what_cannot_be_removed_is_told_and_the_rest_goes(
        self, crossrun: Crossrun, home: Home
    ) -> None:
        stays, goes = home.run(days=2), home.run(days=1)
        mounted = home.workspace(stays) / "deep" / "er"
        options = ["mount", "-t", "tmpfs", "tmpfs", str(mounted)]
        if (
            os.geteuid() != 0
            or subprocess.run(options, check=False, capture_output=True).returncode
        ):
            pytest.skip("mounting takes root")
        try:
            failed = crossrun("cleanup", *ALL)
            assert (failed.code, "error[WORKSPACE_UNREMOVABLE]" in failed.err) == (3, True)
            assert not home.has(goes)
        finally:
            for line in Path("/proc/mounts").read_text().splitlines():
                if line.split()[1].startswith(str(home.paths.workspaces)):
                    subprocess.run(["umount", line.split()[1]], check=True)
        assert crossrun("cleanup", *ALL).code == 0
        assert not any((home.paths.workspaces / "default").iterdir())
