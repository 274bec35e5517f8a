"""Ignored files that runs write: shown, applied on request, never thrown away."""

from pathlib import Path
from typing import Any

import pytest
from applications import files
from conftest import Crossrun
from trees import sh

RESULTS = "mkdir -p out; echo result > out/report.md; echo 1 > out/a.csv; echo x > __pycache__"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    sh("git init -qb main; printf 'out/\\n.env\\n__pycache__/\\n' > .gitignore", folder)
    sh("echo a > a; git add -A; git commit -qm first; echo K=1 > .env", folder)
    return folder


def run(crossrun: Crossrun, script: str, *words: str) -> dict[str, Any]:
    return crossrun.json("run", script, "--executor", "shell", *words)


def kept(crossrun: Crossrun) -> bool:
    """Whether cleanup leaves a workspace alone."""
    return "nothing to remove" in crossrun("cleanup", "--older-than", "0", "--dry-run").err


def test_ignored_results_are_shown_brought_and_taken_back(
    crossrun: Crossrun, repository: Path
) -> None:
    before = list(files(repository))
    one = run(crossrun, RESULTS.replace("__pycache__", "out/c.csv"), "--source", str(repository))

    assert (one["ignored_files"], one["changes"]) == (3, [])
    assert "3 files that git ignores" in crossrun("show").err + crossrun("show").out
    listed = crossrun.json("files")["files"]
    assert [x["path"] for x in listed if x["ignored"]] == [
        "out/a.csv",
        "out/c.csv",
        "out/report.md",
    ]
    nothing = crossrun("apply")
    assert "not applied: 3 files that git ignores" in nothing.err
    assert kept(crossrun)

    some = crossrun.json("apply", "last", "--ignored", "*.csv")
    assert [x["path"] for x in some["files"]] == ["out/a.csv", "out/c.csv"]
    assert some["ignored_left"] == 1
    assert kept(crossrun)

    rest = crossrun.json("apply", "--ignored")
    assert ([x["path"] for x in rest["files"]], rest["already"]) == (["out/report.md"], 2)
    assert (repository / "out" / "report.md").read_text() == "result\n"
    assert not kept(crossrun)

    assert crossrun("undo").code == 0
    assert crossrun("undo").code == 0
    assert list(files(repository)) == before
    assert kept(crossrun)


def test_another_file_of_the_user_in_the_place_of_an_ignored_result_is_a_conflict(
    crossrun: Crossrun, repository: Path
) -> None:
    run(crossrun, RESULTS, "--source", str(repository))
    sh("mkdir out; echo mine > out/report.md", repository)

    assert crossrun("apply", "last", "--ignored", "report.md").code == 1

    assert (repository / "out" / "report.md").read_text() == "mine\n"


def test_a_result_that_is_made_again_replaces_the_one_that_was_brought(
    crossrun: Crossrun, repository: Path
) -> None:
    one = run(crossrun, RESULTS, "--source", str(repository))
    assert crossrun("apply", one["id"], "--ignored").code == 0
    run(crossrun, "echo better > out/report.md", "--from-run-id", one["id"])

    assert crossrun("apply", "--ignored").code == 0

    assert (repository / "out" / "report.md").read_text() == "better\n"


def test_a_file_that_came_along_is_a_part_of_the_change_and_of_no_commit(
    crossrun: Crossrun, repository: Path
) -> None:
    one = run(
        crossrun, "echo K=2 > .env; echo b > b", "--source", str(repository), "--include", ".env"
    )
    assert [x["path"] for x in one["changes"]] == [".env", "b"]

    branch = crossrun.json("apply", "--branch", "agent")

    assert ([x["path"] for x in branch["files"]], branch["ignored_left"]) == (["b"], 1)
    assert sh("git ls-tree -r --name-only agent", repository).split() == [".gitignore", "a", "b"]
    assert kept(crossrun)
    assert crossrun("apply").code == 0
    assert (repository / ".env").read_text() == "K=2\n"
    assert not kept(crossrun)


def test_caches_are_no_work(crossrun: Crossrun, repository: Path) -> None:
    script = "mkdir -p __pycache__; echo 1 > __pycache__/a.pyc"
    one = run(crossrun, script, "--source", str(repository))

    assert one["ignored_files"] == 0
    assert not kept(crossrun)


def test_a_glob_that_matches_nothing_says_so(crossrun: Crossrun, repository: Path) -> None:
    run(crossrun, RESULTS, "--source", str(repository))

    result = crossrun("apply", "--ignored", "*.png")

    assert (result.code, "IGNORED_NOT_FOUND" in result.err) == (6, True)
    assert set(files(repository)) == {".env", ".gitignore", "a"}


def test_the_rules_of_a_later_run_delete_nothing_of_the_users(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    folder = tmp_path / "thesis"
    (folder / "data").mkdir(parents=True)
    sh("echo mine > data/table.csv; echo n > notes.local; echo 1 > ch1.md", folder)
    rules = "git init -q; printf 'data/\\n*.local\\n' > .gitignore"
    one = run(crossrun, rules, "--source", str(folder))
    two = run(crossrun, "echo more >> ch1.md", "--from-run-id", one["id"])

    assert crossrun("apply", two["id"]).code == 0

    assert set(files(folder)) == {".gitignore", "ch1.md", "data/table.csv", "notes.local"}


def test_a_fifo_in_an_ignored_place_holds_nothing_up(crossrun: Crossrun, repository: Path) -> None:
    one = run(
        crossrun,
        "mkdir out; mkfifo out/pipe; ln -s /etc/passwd out/link",
        "--source",
        str(repository),
    )
    assert one["ignored_files"] == 1

    assert crossrun("apply", "--ignored").code == 0

    assert (repository / "out" / "link").readlink() == Path("/etc/passwd")
    assert not (repository / "out" / "pipe").exists()


def test_undo_of_a_run_in_place_restores_ignored_files(
    crossrun: Crossrun, repository: Path
) -> None:
    sh(
        "mkdir -p out node_modules; echo 1 > out/a; echo 2 > out/b; echo 3 > node_modules/c",
        repository,
    )
    sh("echo node_modules/ >> .gitignore", repository)
    script = "rm .env; echo changed > out/a; rm out/b; rm -r node_modules; echo new > out/new"
    one = run(crossrun, script, "--workspace", str(repository))
    assert one["ignored_files"] == 4
    sh("echo mine > out/b", repository)  # since then

    conflict = crossrun("undo")
    assert (conflict.code, "out/b" in conflict.err) == (1, True)
    sh("rm out/b", repository)
    assert crossrun("undo").code == 0

    assert (repository / ".env").read_text() == "K=1\n"
    assert (repository / "out" / "a").read_text() == "1\n"
    assert (repository / "out" / "b").read_text() == "2\n"
    assert (repository / "out" / "new").read_text() == "new\n"


def test_a_run_in_place_names_ignored_files_that_undo_could_not_restore(
    crossrun: Crossrun, repository: Path
) -> None:
    sh("mkdir out; truncate -s 9M out/large.bin", repository)

    run(crossrun, "rm out/large.bin", "--workspace", str(repository))

    events = [x for x in crossrun.events() if x["type"] in ("warned", "workspace_prepared")]
    assert events[0]["type"] == "warned"
    assert events[0]["message"].endswith("cannot restore: out/large.bin")
