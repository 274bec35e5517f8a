"""Branches that are pushed, and pull requests, with a bare repository and a gh that is a script."""

from pathlib import Path

import pytest
from applications import Desk
from conftest import Crossrun
from trees import sh

GH = """#!/bin/sh
printf '%s\\n' "$PWD" "$@" > "$GH_LOG"
[ -z "$GH_FAILS" ] || { echo 'no access' >&2; exit 1; }
echo 'Creating pull request' >&2
echo 'https://example.org/pull/7'
"""


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "source", crossrun)
    desk.sh("echo old > file")
    desk.commits()
    sh("git init -q --bare remote.git", tmp_path)
    desk.sh(f"git remote add origin {tmp_path}/remote.git")
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(GH)
    program.chmod(0o755)
    crossrun.environ |= {
        "PATH": f"{program.parent}:{crossrun.environ['PATH']}",
        "GH_LOG": str(tmp_path / "gh.log"),
    }
    return desk


def test_a_branch_is_pushed_and_a_pull_request_opened(
    desk: Desk, crossrun: Crossrun, tmp_path: Path
) -> None:
    run = desk.run("echo new > file")

    applied = crossrun.json("apply", run.id, "--branch", "agent/x", "--pr")

    commit = desk.sh("git rev-parse agent/x").strip()
    assert (applied["pushed_to"], applied["pull_request"]) == (
        "origin",
        "https://example.org/pull/7",
    )
    assert sh("git rev-parse agent/x", tmp_path / "remote.git").strip() == commit
    assert (tmp_path / "gh.log").read_text().splitlines() == [
        str(desk.folder),
        *("pr", "create", "--head", "agent/x"),
        *("--title", "Fix the parser and test it"),
        *("--body", f"Made by crossrun run {run.id}."),
    ]
    assert desk.sh("git status --porcelain") == ""


def test_words_for_the_commit_and_the_request(
    desk: Desk, crossrun: Crossrun, tmp_path: Path
) -> None:
    run = desk.run("echo new > file")
    words = ("--message", "Repair\n\nAll of it.", "--author", "Ada L <ada@example.org>")

    result = crossrun(
        "apply", run.id, "--branch", "b", "--pr", "--title", "T", "--body", "B", *words
    )

    assert "pushed" in result.err
    assert "https://example.org/pull/7" in result.err
    shown = desk.sh("git log -1 --format='%an <%ae>%n%B' b").splitlines()
    assert shown[:4] == ["Ada L <ada@example.org>", "Repair", "", "All of it."]
    assert (tmp_path / "gh.log").read_text().splitlines()[5:] == ["--title", "T", "--body", "B"]


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("--push", "--remote", "nowhere"), 3, "REMOTE_MISSING"),
        (("--push", "--remote", "--all"), 3, "REMOTE_MISSING"),
        (("--author", "nobody"), 2, "OPTION_INVALID"),
        (("--title", "x"), 2, "OPTIONS_CONFLICT"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_done(
    desk: Desk, crossrun: Crossrun, words: tuple[str, ...], code: int, error: str
) -> None:
    run = desk.run("echo new > file")
    refused = crossrun("apply", run.id, "--branch", "b", *words, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (code, error)
    assert desk.sh("git branch --list b") == ""


def test_without_gh_nothing_is_done(desk: Desk, crossrun: Crossrun, tmp_path: Path) -> None:
    run = desk.run("echo new > file")
    (tmp_path / "bin" / "gh").unlink()
    refused = crossrun("apply", run.id, "--branch", "b", "--pr", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (3, "GH_MISSING")
    assert desk.sh("git branch --list b") == ""
    assert crossrun("apply", run.id, "--push").code == 2


def test_a_failed_push_leaves_the_branch_and_says_how_to_go_on(
    desk: Desk, crossrun: Crossrun, tmp_path: Path
) -> None:
    run = desk.run("echo new > file")
    hook = tmp_path / "remote.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)

    failed = crossrun("apply", run.id, "--branch", "b", "--pr")

    assert failed.code == 3
    assert "error[PUSH_FAILED]: the branch b was made, but not pushed to origin" in failed.err
    assert "hint: push it yourself: git push -u origin b" in failed.err
    assert desk.sh("git branch --list b").strip() == "b"
    assert not (tmp_path / "gh.log").exists()
    assert crossrun("undo", run.id).code == 0
    hook.unlink()

    failed = crossrun("apply", run.id, "--branch", "b", "--pr", GH_FAILS="1")

    assert (failed.code, "gh opened no pull request: no access" in failed.err) == (3, True)
    assert "gh pr create --head b" in failed.err
