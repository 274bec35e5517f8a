"""What takes up disk, and what runs did and used: measured, never guessed, and nothing changed."""

import os
import time
from pathlib import Path

import pytest
from conftest import Crossrun
from homes import Home
from test_store import sql
from trees import state

from crossrun.model.status import Status
from crossrun.workspace.files.atomic import remove_tree
from crossrun.workspace.files.measuring import Meter


@pytest.fixture
def home(crossrun: Crossrun) -> Home:
    return Home(crossrun.home)


def blocks(*folders: Path) -> int:
    """What trees take, by another way."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return sum(path.lstat().st_blocks * 512 for path in paths)


class TestMeasuring:
    def test_blocks_count_and_not_lengths(self, tmp_path: Path) -> None:
        with (tmp_path / "sparse").open("wb") as file:
            file.truncate(10**9)
        (tmp_path / "small").write_text("x")
        assert Meter().below(tmp_path) == blocks(tmp_path) < 10**6

    def test_a_file_with_several_names_counts_once(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        (tmp_path / "a" / "file").write_bytes(b"x" * 100_000)
        for number in range(5):
            (tmp_path / "b" / str(number)).hardlink_to(tmp_path / "a" / "file")
        meter = Meter()
        assert meter.below(tmp_path, ("a",)) >= 100_000
        assert meter.below(tmp_path, ("b",)) == (tmp_path / "b").stat().st_blocks * 512

    def test_no_link_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "tree").mkdir()
        (tmp_path / "tree" / "root").symlink_to("/")
        (tmp_path / "link").symlink_to("/")
        assert Meter().below(tmp_path, ("tree",)) == blocks(tmp_path / "tree")
        assert Meter().below(tmp_path, ("link", "usr")) == 0

    def test_what_is_not_there_takes_nothing(self, tmp_path: Path) -> None:
        assert Meter().below(tmp_path / "none") == Meter().below(tmp_path, ("none", "at all")) == 0

    def test_deep_trees_and_odd_names_are_measured(self, tmp_path: Path) -> None:
        (tmp_path / "tree").mkdir()
        folder = os.open(tmp_path / "tree", os.O_RDONLY)
        for _ in range(1200):
            os.mkdir(b"odd\xff\n", dir_fd=folder)
            below = os.open(b"odd\xff\n", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = below
        os.close(os.open("file", os.O_CREAT, dir_fd=folder))
        os.close(folder)
        meter = Meter()
        meter.below(tmp_path)
        assert meter.files == 1
        remove_tree(tmp_path / "tree")

    def test_many_files_are_measured_quickly(self, tmp_path: Path) -> None:
        for number in range(100):
            (tmp_path / str(number)).mkdir()
            for file in range(100):
                (tmp_path / str(number) / str(file)).touch()
        began, meter = time.process_time(), Meter()
        meter.below(tmp_path)
        assert meter.files == 10_000
        assert time.process_time() - began < 2


def test_disk_is_told_by_project_and_kind(crossrun: Crossrun, home: Home) -> None:
    runs = [home.run(project="p one", days=1), home.run(project="p one", days=40)]
    home.run(project="q")
    (home.paths.snapshots / "shared.git").mkdir()
    (home.paths.snapshots / "shared.git" / "roots").write_text("a root\n" * 1000)
    disk = crossrun.json("stats")["disk"]
    by_name = {one["project_id"]: one for one in disk["projects"]}
    paths = home.paths
    assert by_name["p one"]["workspaces"] == blocks(*map(home.workspace, runs))
    snapshots = blocks(*(paths.snapshots / f"{run}.git" for run in runs))
    assert by_name["p one"]["snapshots"] == snapshots
    artifacts = blocks(*(paths.artifacts / "p one" / run for run in runs))
    assert by_name["p one"]["artifacts"] == artifacts
    assert by_name["p one"]["total"] > by_name["q"]["total"]
    shared = ("store", "states", "backups", "logs")
    assert disk["total"] == sum(
        [*(one["total"] for one in disk["projects"]), *(disk[kind] for kind in shared)]
    )
    assert disk["states"] == blocks(paths.snapshots / "shared.git")
    assert [one["project_id"] for one in disk["projects"]] == ["p one", "q"]
    (only,) = crossrun.json("stats", "--project-id", "q")["disk"]["projects"]
    assert only == by_name["q"]


def test_what_cleanup_would_free_is_what_cleanup_says(crossrun: Crossrun, home: Home) -> None:
    home.run(days=40)
    home.run(days=90, source="folder")
    home.run(days=2)
    told, would = crossrun.json("stats")["cleanup"], crossrun.json("cleanup", "--dry-run")
    assert told == {"workspaces": 1, "size": would["size"], "kept": 1}


def test_runs_are_counted_by_status_and_day(crossrun: Crossrun, home: Home) -> None:
    for days, status in ((0, Status.SUCCEEDED), (0, Status.FAILED), (3, Status.FAILED)):
        home.run(days=days, status=status)
    home.run(days=40)
    runs = crossrun.json("stats")["runs"]
    assert runs["total"] == 3
    assert runs["by_status"] == {"succeeded": 1, "failed": 2}
    first, second = runs["by_day"]
    assert {**first, "day": ""} == {"day": "", "failed": 1}
    assert {**second, "day": ""} == {"day": "", "failed": 1, "succeeded": 1}
    assert crossrun.json("stats", "--days", "90")["runs"]["total"] == 4
    assert crossrun.json("stats", "--days", "2")["runs"]["total"] == 2
    assert crossrun.json("stats", "--project-id", "none")["runs"]["total"] == 0


def test_tokens_and_what_is_known_of_their_cost(crossrun: Crossrun, home: Home) -> None:
    for cost in (1.5, None):
        run = home.run()
        with sql(home.paths.database) as connection:
            connection.execute(
                "UPDATE runs SET cost = ?,"
                ' tokens = \'{"input": 100, "cached_input": 60, "output": 7, "reasoning": 1}\''
                " WHERE id = ?",
                (cost, run),
            )
    home.run()
    told = crossrun.json("stats")
    assert told["tokens"] == {"input": 200, "cached_input": 120, "output": 14}
    assert (told["cost"], told["runs_without_cost"]) == (1.5, 1)
    assert "1.5, without 1 run" in crossrun("stats").out


def test_cost_is_unknown_and_not_zero_where_nobody_told(crossrun: Crossrun, home: Home) -> None:
    home.run()
    assert crossrun.json("stats")["cost"] is None


def test_patterns_in_use_are_counted(crossrun: Crossrun) -> None:
    crossrun("quickstart")
    assert crossrun.json("stats")["patterns"] == {
        "stored": {"candidate": 1},
        "used": 1,
        "runs_with_pattern": 1,
    }


def test_the_home_of_codex_is_measured_and_left_alone(crossrun: Crossrun, tmp_path: Path) -> None:
    codex = tmp_path / "codex"
    (codex / "sessions" / "2026").mkdir(parents=True)
    (codex / "sessions" / "2026" / "rollout.jsonl").write_bytes(b"x" * 50_000)
    (codex / "auth.json").write_text("{}")
    before = state(codex)
    told = crossrun.json("stats", CODEX_HOME=str(codex))["codex"]
    assert told == {
        "home": str(codex),
        "sessions": blocks(codex / "sessions"),
        "session_files": 1,
        "total": blocks(codex),
    }
    assert state(codex) == before
    assert crossrun.json("stats", CODEX_HOME=str(tmp_path / "none"))["codex"] is None


def test_an_empty_home_is_told_and_none_is_made(crossrun: Crossrun) -> None:
    told = crossrun("stats")
    assert (told.code, told.err) == (0, "")
    assert "runs      none in 30 days" in told.out
    assert not crossrun.home.exists()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_screen_fits(crossrun: Crossrun, home: Home, width: int) -> None:
    for number in range(20):
        home.run(days=number, project="a project with a very long name " * (number % 3) + "p")
    for words in (("stats",), ("cleanup", "--dry-run", "--older-than", "0")):
        shown = crossrun(*words, COLUMNS=str(width)).out.splitlines()
        assert len(shown) > 10
        assert [line for line in shown if len(line) > width] == [], words
