"""Undoing a run that worked in the user's own repository: branches, HEAD, index and stashes."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun
from trees import sh

WORK = (
    "echo agent >> a; git commit -qam agent; git branch made; git branch -D gone; git tag v1; "
    "git stash drop -q; git checkout -q --detach; echo new > new; git add new"
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    sh("git init -qb main; git config user.name me; git config user.email me@example.org", folder)
    sh("echo a > a; git add -A; git commit -qm first; git branch gone", folder)
    sh("echo stashed >> a; git stash -q; echo b > b; git add b; echo c > c", folder)
    return folder


def state(folder: Path) -> str:
    """What git says of a repository; refreshes its index first."""
    words = (
        "git status --porcelain -b; git for-each-ref; git stash list; git symbolic-ref HEAD || :"
    )
    return sh(f"{words}; git ls-files -s; git stash show -p || :; git fsck --no-dangling", folder)


def run(crossrun: Crossrun, script: str, folder: Path) -> dict[str, Any]:
    return crossrun.json("run", script, "--executor", "shell", "--workspace", str(folder))


def test_undo_restores_branches_head_index_and_stashes(
    crossrun: Crossrun, repository: Path
) -> None:
    before = state(repository)
    run(crossrun, WORK, repository)
    assert state(repository) != before

    result = crossrun("undo")

    assert result.code == 0
    assert state(repository) == before
    restored = ("branch main", "branch gone", "branch made", "tag v1", "stash", "HEAD", "index")
    assert [name for name in restored if name not in result.err] == []
    assert "nothing to do" in crossrun("undo").err


def test_a_branch_that_was_moved_since_keeps_all_as_it_is(
    crossrun: Crossrun, repository: Path
) -> None:
    run(crossrun, "echo agent >> a; git commit -qam agent", repository)
    sh("echo mine > mine; git add mine; git commit -qm mine", repository)
    before = state(repository)

    result = crossrun("undo")

    assert (result.code, "changed since" in result.err) == (1, True)
    assert state(repository) == before


def test_what_was_staged_since_is_a_conflict(crossrun: Crossrun, repository: Path) -> None:
    run(crossrun, "git add c", repository)
    sh("echo d > d; git add d", repository)

    assert crossrun("undo").code == 1

    assert "A  d" in state(repository)


def test_a_run_in_a_linked_work_tree_is_taken_back(crossrun: Crossrun, repository: Path) -> None:
    tree = repository.parent / "linked"
    sh(f"git worktree add -q {tree}", repository)
    before, main = state(tree), state(repository)
    run(crossrun, "echo x > x; git add x; git commit -qm x; git checkout -qb other", tree)

    assert crossrun("undo").code == 0

    assert (state(tree), state(repository)) == (before, main)


def test_references_that_cannot_be_restored_are_named_before_the_agent_works(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    sh("git init -q && mkdir .git/reftable", folder)

    run(crossrun, "true", folder)

    warned = [x["message"] for x in crossrun.events() if x["type"] == "warned"]
    assert warned[0].startswith("crossrun undo cannot restore the branches and the index")


def test_a_run_in_a_folder_of_a_repository_is_taken_back_with_its_commits(
    crossrun: Crossrun, repository: Path
) -> None:
    below = repository / "below"
    below.mkdir()
    sh("echo f > below/f; git add below; git commit -qm below", repository)
    before = state(repository)
    run(crossrun, "echo agent >> f; git commit -qam agent; git tag v2", below)

    assert crossrun("undo").code == 0

    assert state(repository) == before
