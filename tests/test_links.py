"""Absolute links into a source: in a copy, they lead to the copy."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun
from trees import sh, state, value_of

from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.links import Links
from crossrun.workspace.sources.copies import CopyOptions, SourceCopy, copy_source, copy_workspace


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A plain folder with a file in it, and another folder beside it."""
    folder = tmp_path / "source"
    sh(
        "mkdir -p source/d/e beside/f; echo one > source/a; echo out > beside/b; touch beside/f/x",
        tmp_path,
    )
    return folder


def taken(source: Path, copy: Path, **options: Any) -> SourceCopy:  # noqa: ANN401  those of the copy
    return value_of(copy_source(source, copy, CancelToken(), CopyOptions(**options)))


LINKS = {
    # what a link at d/link says, and what it says in the copy
    "{source}/a": "../a",
    "{source}": "..",
    "{source}/": "..",
    "{source}/d/../a": "../a",
    "{source}/d/e/not-there": "e/not-there",
    "{source}/d/link2": "link2",
    "../../source/a": "../a",
    "{parent}/way/a": "../a",
    "{parent}/way": "..",
    "{parent}/beside/back": "../a",
    "../a": "../a",
    "e": "e",
    "../../beside/b": None,
    "/etc/passwd": None,
    "{source}-other": None,
}


@pytest.mark.parametrize("says", LINKS)
def test_a_link_leads_to_the_same_place_in_the_copy(
    source: Path, tmp_path: Path, says: str
) -> None:
    (tmp_path / "way").symlink_to("source")
    (tmp_path / "beside" / "back").symlink_to("../source/a")
    (source / "d" / "link2").symlink_to("/etc/passwd")
    text = says.format(source=source, parent=tmp_path)
    (source / "d" / "link").symlink_to(text)
    before = state(source)
    told = taken(source, tmp_path / "copy")
    assert state(source) == before
    link = tmp_path / "copy" / "d" / "link"
    assert str(link.readlink()) == (text if LINKS[says] is None else LINKS[says])
    assert ("d/link" in told.copied.outward) == (LINKS[says] is None)


def test_links_in_a_circle_stay_in_the_copy(source: Path, tmp_path: Path) -> None:
    sh(f"ln -s {source}/y x; ln -s {source}/x y", source)
    assert Links(source).redirected("x", f"{source}/y") == ("x", f"{source}/y", "y")
    assert len(taken(source, tmp_path / "copy").copied.redirected) == 2


def test_a_clone_of_a_workspace_has_no_link_into_it(source: Path, tmp_path: Path) -> None:
    (source / "link").symlink_to(source / "a")
    value_of(copy_workspace(source, tmp_path / "copy", CancelToken(), is_own=True))
    assert str((tmp_path / "copy" / "link").readlink()) == "a"


class TestRepositories:
    def test_git_says_that_a_tracked_link_is_as_it_was(self, source: Path, tmp_path: Path) -> None:
        sh("git init -q -b main; ln -s $PWD/a abs; git add .; git commit -qm first", source)
        taken(source, tmp_path / "copy")
        assert sh("git status --porcelain", tmp_path / "copy") == ""
        assert str((tmp_path / "copy" / "abs").readlink()) == "a"

    def test_what_a_clean_copy_gets_back_from_the_commit_leads_into_the_copy(
        self, source: Path, tmp_path: Path
    ) -> None:
        sh("git init -q -b main; ln -s $PWD/a abs; git add .; git commit -qm first; rm abs", source)
        told = taken(source, tmp_path / "copy", clean=True)
        assert str((tmp_path / "copy" / "abs").readlink()) == "a"
        assert [link.path for link in told.copied.redirected] == ["abs"]
        assert sh("git status --porcelain", tmp_path / "copy") == ""


class TestFollowing:
    def test_what_outward_links_lead_to_is_copied_on_demand(
        self, source: Path, tmp_path: Path
    ) -> None:
        sh(
            "ln -s ../beside/b b; ln -s ../../beside d/all; ln -s .. up; ln -s nowhere/x gone",
            source,
        )
        sh("ln -s /etc/passwd etc; ln -s f inner; git init -q", tmp_path / "beside")
        before = state(source)
        told = taken(source, tmp_path / "copy", follow_links="copy")
        assert state(source) == before
        copy = tmp_path / "copy"
        assert ((copy / "b").is_symlink(), (copy / "b").read_text()) == (False, "out\n")
        assert (copy / "d" / "all" / "f" / "x").is_file()
        assert (copy / "d" / "all" / "inner").is_symlink()
        assert not (copy / "d" / "all" / ".git").exists()
        assert told.copied.outward == ("d/all/etc", "up")

    def test_a_run_on_the_copies_changes_nothing_outside(
        self, crossrun: Crossrun, source: Path, tmp_path: Path
    ) -> None:
        sh("ln -s ../beside/b b", source)
        before = state(tmp_path / "beside")
        words = ("--source", str(source), "--follow-links", "copy")
        assert crossrun("run", "--executor", "shell", *words, "echo x > b").code == 0
        refused = crossrun("apply")
        assert (refused.code, "b  also changed here" in refused.err) == (1, True)
        assert state(tmp_path / "beside") == before


class TestRuns:
    def test_what_is_written_through_a_link_reaches_the_user_by_apply_alone(
        self, crossrun: Crossrun, source: Path
    ) -> None:
        sh("ln -s $PWD/a abs; ln -s $PWD/d dir; ln -s $PWD/a gone; ln -s $PWD/a other", source)
        before = state(source)
        script = "echo two > abs; echo new > dir/new; rm gone; rm other; ln -s d other"
        done = crossrun("run", "--executor", "shell", "--source", str(source), script)
        assert done.code == 0, done.err
        assert state(source) == before
        applied = crossrun.json("apply")
        assert sorted(change["path"] for change in applied["files"]) == [
            "a", "d/new", "gone", "other",
        ]  # fmt: skip
        assert str((source / "abs").readlink()) == f"{source}/a"
        assert ((source / "a").read_text(), (source / "d" / "new").read_text()) == (
            "two\n",
            "new\n",
        )
        assert (not (source / "gone").exists(), str((source / "other").readlink())) == (True, "d")
        assert crossrun("undo").code == 0
        assert str((source / "gone").readlink()) == str((source / "other").readlink())
        assert str((source / "gone").readlink()) == f"{source}/a"

    def test_no_link_into_the_workspace_reaches_the_user(
        self, crossrun: Crossrun, source: Path
    ) -> None:
        script = "ln -s $PWD/a d/abs; ln -s $PWD/d/new dir; echo 1 > d/new; ln -s /etc/passwd etc"
        assert crossrun("run", "--executor", "shell", "--source", str(source), script).code == 0
        assert crossrun("apply").code == 0
        read = {name: str((source / name).readlink()) for name in ("d/abs", "dir", "etc")}
        assert read == {"d/abs": "../a", "dir": "d/new", "etc": "/etc/passwd"}
        assert "nothing to do" in crossrun("apply").err
        assert crossrun("undo").code == 0
        assert not (source / "dir").is_symlink()

    def test_a_clone_of_a_run_in_the_folder_itself_brings_back_no_link(
        self, crossrun: Crossrun, source: Path
    ) -> None:
        shell = ("run", "--executor", "shell")
        in_place = crossrun(*shell, "--workspace", str(source), "ln -s $PWD/a abs")
        assert in_place.code == 0, in_place.err
        assert crossrun(*shell, "--from-run-id", "last", "echo two > abs").code == 0
        assert (source / "a").read_text() == "one\n"
        applied = crossrun.json("apply")
        assert [change["path"] for change in applied["files"]] == ["a"]
        assert str((source / "abs").readlink()) == f"{source}/a"

    def test_runs_that_go_on_bring_back_no_link_either(
        self, crossrun: Crossrun, source: Path
    ) -> None:
        sh("ln -s $PWD/a abs", source)
        shell = ("run", "--executor", "shell")
        assert crossrun(*shell, "--source", str(source), "echo two > abs").code == 0
        assert crossrun("apply").code == 0
        assert crossrun(*shell, "--from-run-id", "last", "echo three > abs").code == 0
        assert crossrun("resume", "last", "echo four >> abs").code == 0
        applied = crossrun.json("apply")
        assert [change["path"] for change in applied["files"]] == ["a"]
        assert (source / "a").read_text() == "three\nfour\n"
        assert str((source / "abs").readlink()) == f"{source}/a"
