"""Branches made in the user's repository, whose configuration and hooks have no effect."""

import os
import shutil
from pathlib import Path

import pytest
from applications import Desk, brought
from conftest import Crossrun
from trees import state

from crossrun.errors import CrossrunError
from crossrun.model.runs import Run
from crossrun.services.applying import ApplyResult, apply_as_branch, target_of

LINES = "printf 'one\\ntwo\\nthree\\nfour\\nfive\\nsix\\nseven\\n'"


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "source", crossrun)


HOSTILE = """\
[core]
	hooksPath = {hooks}
	fsmonitor = {program}
	editor = {program}
	pager = {program}
	sshCommand = {program}
	gitProxy = {program}
	alternateRefsCommand = {program}
	attributesFile = {attributes}
[commit]
	gpgSign = true
[gpg]
	program = {program}
[user]
	name = Mallory
	email = mallory@example.org
[filter "evil"]
	clean = {program}
	smudge = {program}
	process = {program}
	required = true
[diff]
	external = {program}
[diff "evil"]
	textconv = {program}
	command = {program}
[merge "evil"]
	driver = {program}
[alias]
	commit-tree = !{program}
	update-ref = !{program}
	diff-tree = !{program}
[include]
	path = {included}
"""
HOOKS = [
    "pre-commit",
    "post-commit",
    "reference-transaction",
    "post-checkout",
    "post-merge",
    "pre-auto-gc",
    "post-rewrite",
    "post-index-change",
    "commit-msg",
    "prepare-commit-msg",
]


NO_NAMES = [
    *("-x", "a..b", "a b", "../x", "x/", "/x", ".x", "a/.x", "x.lock", "@{-1}", "a~1", "", "HEAD"),
    *("a\nb", "a//b", "refs/../x"),
]
AWAY = "mkdir ../away; rm -r .git/refs/heads; ln -s ../../../away .git/refs/heads"


def make_hostile(desk: Desk, canary: Path) -> None:
    """A repository whose every word names a program that leaves a canary."""
    outside = canary.parent / "hostile"
    outside.mkdir()
    program = outside / "program"
    program.write_text(f"#!/bin/sh\necho ran >> {canary}\ncat\n")
    program.chmod(0o755)
    hooks = desk.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in HOOKS:
        shutil.copy(program, hooks / name)
    attributes = desk.folder / ".gitattributes"
    attributes.write_text("* filter=evil diff=evil merge=evil text eol=crlf ident\n")
    (outside / "included").write_text(f"[core]\n\tfsmonitor = {program}\n")
    config = HOSTILE.format(
        hooks=hooks, program=program, attributes=attributes, included=outside / "included"
    )
    with (desk.folder / ".git" / "config").open("a") as file:
        file.write(config)


class TestRepositories:
    @pytest.fixture
    def repository(self, desk: Desk) -> Desk:
        desk.sh(f"{LINES} > a; echo b > b; mkdir d; echo c > d/c; git init -q -b main .")
        desk.sh("git config user.name Ada; git config user.email ada@example.org")
        desk.commits()
        return desk

    def branch(self, desk: Desk, run: Run, name: str = "agent") -> ApplyResult:
        folder = target_of(run, None)
        environ = desk.settings.environ
        return apply_as_branch(desk.store, desk.change(run), folder, name, environ)

    def test_a_branch_has_the_change_in_one_commit_and_nothing_else_changes(
        self, repository: Desk
    ) -> None:
        desk = repository
        desk.sh("echo work > b; echo new > untracked")
        run = desk.run("sed -i s/one/ONE/ a; rm -r d; echo n > new; ln -s a l; chmod +x a")
        before = state(desk.folder)

        result = self.branch(desk, run, "fix/a b".replace(" ", "-"))

        after = state(desk.folder)
        changed = {os.fsdecode(path) for path in after if after[path] != before.get(path)}
        assert {path for path in changed if not path.startswith(".git/objects")} == {
            ".git/refs/heads",
            ".git/refs/heads/fix",
            ".git/refs/heads/fix/a-b",
        }
        assert before.keys() <= after.keys()
        assert result.application is not None
        assert desk.sh("git rev-parse fix/a-b").strip() == result.application.after
        assert desk.sh("git log --format='%an %ae %cn %P %s' -1 fix/a-b").strip() == (
            f"Ada ada@example.org Ada {desk.commit} Fix the parser and test it"
        )
        listed = "git show --format= --name-status --no-renames fix/a-b"
        assert desk.sh(listed).splitlines() == ["M\ta", "D\td/c", "A\tl", "A\tnew"]
        assert "error" not in desk.sh("git fsck --full --strict 2>&1")

    def test_undo_removes_the_branch_and_leaves_the_rest(self, repository: Desk) -> None:
        desk = repository
        run = desk.run("echo B > b")
        before = desk.sh("git for-each-ref; git status --porcelain; cat .git/HEAD")
        self.branch(desk, run)

        desk.undo(run)

        assert desk.sh("git for-each-ref; git status --porcelain; cat .git/HEAD") == before

    def test_a_packed_branch_is_removed_too(self, repository: Desk) -> None:
        desk = repository
        run = desk.run("echo B > b")
        before = desk.sh("git for-each-ref")
        self.branch(desk, run)
        desk.sh("git tag -a -m t t && git pack-refs --all && git tag -d t >&2")

        desk.undo(run)

        assert desk.sh("git for-each-ref") == before
        desk.sh("git fsck && git gc -q")

    @pytest.mark.parametrize(
        "since", ["git checkout -q agent", "git commit -q --allow-empty -m x; git branch -f agent"]
    )
    def test_a_branch_that_is_in_use_stays(self, repository: Desk, since: str) -> None:
        desk = repository
        run = desk.run("echo B > b")
        self.branch(desk, run)
        desk.sh(since)
        before = desk.sh("git for-each-ref")

        result = desk.undo(run)

        assert [conflict.path for conflict in result.plan.conflicts] == ["agent"]
        assert desk.sh("git for-each-ref") == before
        assert desk.store.read.applications(run.id)[0].undone_at is None

    def test_a_branch_that_the_user_removed_is_taken_back_already(self, repository: Desk) -> None:
        desk = repository
        run = desk.run("echo B > b")
        self.branch(desk, run)
        desk.sh("git branch -D agent")

        assert desk.undo(run).plan.conflicts == ()
        assert desk.store.read.applications(run.id)[0].undone_at is not None

    @pytest.mark.parametrize(
        ("made", "name", "code"),
        [
            ("", "main", "BRANCH_TAKEN"),
            ("git branch x/y", "x", "BRANCH_TAKEN"),
            ("git branch x", "x/y", "BRANCH_TAKEN"),
            ("git branch x/y; git pack-refs --all", "x", "BRANCH_TAKEN"),
            ("git branch x; git pack-refs --all", "x/y/z", "BRANCH_TAKEN"),
            ("git pack-refs --all", "main", "BRANCH_TAKEN"),
            ("touch .git/refs/heads/x.lock", "x", "BRANCH_IMPOSSIBLE"),
            (AWAY, "x", "BRANCH_IMPOSSIBLE"),
            *(("", name, "BRANCH_INVALID") for name in NO_NAMES),
        ],
    )
    def test_a_branch_is_refused_and_nothing_changes(
        self, repository: Desk, made: str, name: str, code: str
    ) -> None:
        desk = repository
        run = desk.run("echo B > b")
        desk.sh(made)
        before = desk.sh("find .git/refs ../away 2>/dev/null || exit 0; cat .git/HEAD")

        with pytest.raises(CrossrunError) as raised:
            self.branch(desk, run, name)

        assert raised.value.code == code
        assert desk.sh("find .git/refs ../away 2>/dev/null || exit 0; cat .git/HEAD") == before
        live = [one for one in desk.store.read.applications(run.id) if one.undone_at is None]
        assert live == []

    def test_a_change_that_rests_on_uncommitted_work_is_no_branch(self, repository: Desk) -> None:
        desk = repository
        desk.sh("echo work > b; echo new > untracked")
        run = desk.run("echo more >> b; echo more >> untracked", uncommitted=2)
        before = state(desk.folder)

        result = self.branch(desk, run)

        assert [conflict.path for conflict in result.plan.conflicts] == ["b", "untracked"]
        assert state(desk.folder) == before

    def test_a_branch_can_be_made_in_another_work_tree_and_with_packed_objects(
        self, repository: Desk, tmp_path: Path
    ) -> None:
        desk = repository
        desk.sh(f"git gc -q; git worktree add -q -b other {tmp_path}/'work \"tree\"'")
        other = Desk(tmp_path / 'work "tree"', desk.crossrun, desk.commit)
        run = other.run("sed -i s/one/ONE/ a")

        self.branch(other, run)

        assert desk.sh("git log --format=%s -1 agent").strip() == "Fix the parser and test it"

    def test_who_commits_is_told_by_the_user_or_nobody(self, repository: Desk) -> None:
        desk = repository
        desk.sh("git config --unset user.name")
        run = desk.run("echo B > b")
        self.branch(desk, run, "nobody")
        home = Path(desk.crossrun.environ["HOME"])
        (home / "who").write_text("[user]\n\tname = Grace\n")
        (home / ".gitconfig").write_text(
            "[include]\n\tpath = who\n[user]\n\temail = g@example.org\n"
        )
        self.branch(desk, run, "grace")

        shown = desk.sh("git log -1 --format='%an %ae' nobody; git log -1 --format='%an %ae' grace")
        assert shown.splitlines() == ["crossrun crossrun@localhost", "Grace ada@example.org"]

    def test_nothing_that_a_repository_names_is_run(self, repository: Desk, tmp_path: Path) -> None:
        desk, canary = repository, tmp_path / "canary"
        make_hostile(desk, canary)
        run = desk.run("sed -i s/one/ONE/ a; echo B > b; rm -r d; echo n > new; printf '\\0' > bin")
        desk.sh("printf 'one\\ntwo\\nthree\\nfour\\nfive\\nsix\\nSEVEN\\n' > a")
        canary.unlink(missing_ok=True)
        git = state(desk.folder / ".git")

        assert brought(desk, run).plan.conflicts == ()
        desk.undo(run)
        assert state(desk.folder / ".git") == git
        with pytest.raises(CrossrunError, match="filter"):
            self.branch(desk, run)

        desk.sh("sed -i s/filter=evil// .gitattributes")
        run = desk.run("echo n > new")
        self.branch(desk, run)
        desk.undo(run)

        assert not canary.exists()

    def test_the_files_of_git_stay_byte_for_byte(self, repository: Desk) -> None:
        desk = repository
        desk.sh("git add -A; echo staged > staged; git add staged; git stash list")
        run = desk.run("sed -i s/one/ONE/ a; rm staged; echo n > new")
        git = state(desk.folder / ".git")

        brought(desk, run)
        assert state(desk.folder / ".git") == git
        desk.undo(run)
        assert state(desk.folder / ".git") == git
