"""Ignored files: no rule makes a file look deleted, and nothing written is overlooked."""

import os
import subprocess
from pathlib import Path

import pytest
from test_workspace import World, added, deleted, modified, sh, world

from crossrun.workspace.snapshots.ignored import (
    IgnoredChange,
    Manifest,
    Mark,
    compare,
    decode,
    encode,
    in_cache,
    manifest,
)
from crossrun.workspace.workspaces import Workspace, Workspaces

__all__ = ["world"]
ODD = {"out/a b\n.csv": Mark(33188, 3, 10**18), os.fsdecode(b"out/\xff"): Mark(41471, 1, 5)}


@pytest.fixture
def workspaces(tmp_path: Path) -> Workspaces:
    return Workspaces(tmp_path / "workspaces", tmp_path / "snapshots")


@pytest.fixture
def folder(workspaces: Workspaces) -> Path:
    """Where a workspace will be."""
    path = workspaces.path("default", "a1b2c3d4")
    path.mkdir(parents=True)
    return path


def copied(workspaces: Workspaces, folder: Path, script: str) -> Workspace:
    """A workspace that holds a copy of a source."""
    sh(script, folder)
    return workspaces.recorded(folder, whole=True)


@pytest.mark.parametrize("marks", [{}, ODD])
def test_a_manifest_is_read_as_it_was_written(marks: Manifest) -> None:
    assert decode(encode(marks)) == marks


def test_the_change_of_ignored_files_leaves_caches_aside() -> None:
    before = {"same": Mark(1), "less": Mark(1), "gone": Mark(1), "node_modules/a": Mark()}
    after = {"same": Mark(1), "less": Mark(2), "new": Mark(1), "a/__pycache__/b.pyc": Mark()}

    change = compare(before, after)

    assert change == IgnoredChange(("new",), ("less",), ("gone",))
    assert change.written == ("less", "new")


@pytest.mark.parametrize(
    ("path", "cached"),
    [("a/.venv/b", True), ("node_modules/x/y", True), ("venv", False), ("out/venv.txt", False)],
)
def test_a_cache_is_a_folder_of_a_certain_name(path: str, *, cached: bool) -> None:
    assert in_cache(path) == cached


def test_a_manifest_knows_links_and_passes_over_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/nowhere")

    assert list(manifest(tmp_path, ["link", "gone", ".venv/gone"])) == ["link", ".venv/gone"]


def test_a_rule_that_a_run_adds_deletes_nothing_in_its_clones(
    workspaces: Workspaces, folder: Path
) -> None:
    first = copied(workspaces, folder, "mkdir data; echo mine > data/t.csv; echo n > notes.local")
    sh("printf 'data/\\n*.local\\n' > .gitignore", folder)
    tree = first.state()
    clone = workspaces.path("default", "e5f6g7h8")
    subprocess.run(["cp", "-a", folder, clone], check=True)

    workspace = workspaces.recorded(clone, beside=folder)

    assert workspace.baseline == tree
    assert workspace.snapshots.difference(first.baseline, tree).changes == (added(".gitignore", 2),)


def test_files_that_the_copy_has_are_measured_although_rules_ignore_them(
    workspaces: Workspaces, folder: Path
) -> None:
    script = "echo dist/ > .gitignore; mkdir dist; echo 1 > dist/app.js; echo 1 > dist/gone.js"
    workspace = copied(workspaces, folder, script)
    sh("echo 2 > dist/app.js; rm dist/gone.js; echo 3 > dist/new.js", folder)

    changes = workspace.snapshots.difference(workspace.baseline, workspace.state()).changes

    assert changes == (modified("dist/app.js", 1, 1), deleted("dist/gone.js"))
    assert workspace.ignored_change() == IgnoredChange(added=("dist/new.js",))


def test_what_a_setup_makes_is_no_work_of_the_run(workspaces: Workspaces, folder: Path) -> None:
    copied(workspaces, folder, "echo build/ > .gitignore")
    sh("mkdir build; echo 1 > build/lib; echo 1 > build/other", folder)
    workspace = workspaces.recorded(folder)
    sh("echo 22 > build/lib; rm build/other; echo 3 > build/report", folder)

    workspace.state()

    assert workspace.ignored_change() == IgnoredChange(
        ("build/report",), ("build/lib",), ("build/other",)
    )
    assert workspace.manifest is not None
    content = workspace.snapshots.blob(workspace.manifest)
    assert content is not None
    assert decode(content) == workspace.ignored


def test_a_rule_that_a_run_takes_away_adds_nothing_of_the_users(
    workspaces: Workspaces, tmp_path: Path
) -> None:
    own = tmp_path / "thesis"
    own.mkdir()
    sh("echo data/ > .gitignore; mkdir data; echo mine > data/t.csv", own)
    workspace = workspaces.take_over(own)
    sh("rm .gitignore; echo new > data/new.csv", own)

    changes = workspace.snapshots.difference(workspace.baseline, workspace.state()).changes

    assert changes == (deleted(".gitignore"), added("data/new.csv"))
    assert workspace.ignored_change() == IgnoredChange()


def test_a_rule_that_the_user_adds_between_two_runs_deletes_nothing(
    workspaces: Workspaces, tmp_path: Path
) -> None:
    own = tmp_path / "thesis"
    own.mkdir()
    sh("mkdir data; echo mine > data/t.csv", own)
    first = workspaces.take_over(own)
    sh("echo data/ > .gitignore", own)

    second = workspaces.take_over(own)

    assert second.snapshots.difference(first.baseline, second.baseline).changes == (
        added(".gitignore"),
    )


@pytest.mark.parametrize("split", [False, True])
def test_what_the_repository_in_the_workspace_tracks_is_measured(
    world: World, *, split: bool
) -> None:
    world.sh("git init -q; echo dist/ > .gitignore; mkdir dist; echo 1 > dist/a; git add -fA")
    if split:  # an index that needs a second file beside it
        world.sh("git update-index --split-index")
    before = world.snapshots.take()

    after = world.take("echo 2 > dist/a; echo 1 > dist/b")

    assert world.changes(before, after) == (modified("dist/a", 1, 1),)


def test_an_index_that_leads_out_of_the_workspace_is_not_followed(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    world.sh("git init -q; echo dist/ > .gitignore; mkdir dist; echo 1 > dist/secret; git add -fA")
    world.sh("rm -r dist; ln -s ../outside dist")

    tree = world.snapshots.take()

    assert b"dist/secret" not in world.recorded(tree)


def test_a_pipe_in_the_place_of_the_index_holds_nothing_up(world: World) -> None:
    world.sh("git init -q; rm -f .git/index; mkfifo .git/index; echo 1 > a")

    assert list(world.recorded(world.snapshots.take())) == [b"a"]


def test_files_in_nested_repositories_are_found_when_they_are_ignored(
    workspaces: Workspaces, folder: Path
) -> None:
    workspace = copied(workspaces, folder, "echo deps/ > .gitignore")
    sh("mkdir -p deps/lib; cd deps/lib; git init -q; echo 1 > code", folder)

    workspace.state()

    assert workspace.ignored_change() == IgnoredChange(added=("deps/lib/code",))
