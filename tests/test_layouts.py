"""Unusual layouts of repositories, and operations under way in them."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun
from trees import sh, state, value_of

from crossrun.errors import ConfigurationError
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.sources.copies import CopyOptions, SourceCopy, copy_source

COMMIT = "git init -q -b main; echo one > a; echo '*.log' > .gitignore; git add .; git commit -qm 1"
FORK = "git checkout -qb other; echo x > a; git commit -qam x; git checkout -q main; echo y > a;"
FORK += "git commit -qam y"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "source"
    folder.mkdir()
    sh(COMMIT, folder)
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "copy"


def taken(source: Path, copy: Path, **options: Any) -> SourceCopy:  # noqa: ANN401  those of the copy
    return value_of(copy_source(source, copy, CancelToken(), CopyOptions(**options)))


def status_of(repository: Path) -> list[str]:
    """What git says, but for the first line: where HEAD was detached is only in its log."""
    return sh("git status", repository, GIT_OPTIONAL_LOCKS="0").splitlines()[1:]


OPERATIONS = {
    # what is under way, how it began, and how it is finished
    "rebase": (f"{FORK}; git rebase -q other || true", "git rebase --continue"),
    "rebase by patches": (f"{FORK}; git rebase -q --apply other || true", "git rebase --continue"),
    "rebase with uncommitted work": (
        (
            f"echo 1 > b; git add b; git commit -qm b; {FORK}; echo 2 > b;"
            "git rebase -q --autostash other || true"
        ),
        "git rebase --continue; grep 2 b",
    ),
    "am": (
        f"{FORK}; git format-patch -q -1 other -o ..; git am -q ../0001* || true",
        "git am --continue",
    ),
    "merge": (f"{FORK}; git merge -q other || true", "git commit -qm merged"),
    "cherry-pick": (f"{FORK}; git cherry-pick other || true", "git cherry-pick --continue"),
    "cherry-pick of several": (
        (
            f"{FORK}; git checkout -q other; echo z > a; git commit -qam z; git checkout -q main;"
            "git cherry-pick other~ other || true; echo solved > a; git commit -qam picked"
        ),
        "git cherry-pick --continue || git cherry-pick --skip",
    ),
    "revert": (
        "for n in 1 2; do echo $n > a; git commit -qam $n; done; git revert HEAD~ || true",
        "git revert --continue",
    ),
    "bisect": (
        "for n in 1 2 3 4; do echo $n > a; git commit -qam $n; done; git bisect start HEAD HEAD~3",
        "git reset -q --hard; git bisect good; git bisect log; git bisect reset",
    ),
}


@pytest.mark.parametrize("linked", [False, True], ids=["repository", "linked work tree"])
@pytest.mark.parametrize("what", OPERATIONS)
def test_what_is_under_way_comes_along_and_can_be_finished(
    source: Path, tmp_path: Path, copy: Path, what: str, *, linked: bool
) -> None:
    begin, finish = OPERATIONS[what]
    if linked:
        sh("git checkout -q --detach; git worktree add -q ../linked main", source)
        source = tmp_path / "linked"
    sh(begin, source)
    before, status = state(source), status_of(source)
    told = taken(source, copy)
    assert state(source) == before
    assert told.operation in (what.split(maxsplit=1)[0], "cherry-pick or revert")
    assert status_of(copy) == status
    script = f"echo solved > a; git add a; {finish}; ! git status | grep 'progress\\|currently'"
    sh(script, copy, GIT_EDITOR="true")
    assert state(source) == before


def test_of_a_linked_work_tree_its_own_bisect_comes_along(source: Path, copy: Path) -> None:
    bisect = "git bisect start HEAD HEAD~2"
    sh("for n in 1 2 3; do echo $n > a; git commit -qam $n; done", source)
    sh(f"git worktree add -q ../linked; {bisect}; cd ../linked; {bisect}; git bisect bad", source)
    taken(source.parent / "linked", copy)
    listed = "git for-each-ref refs/bisect"
    assert sh(listed, copy) == sh(listed, source.parent / "linked") != sh(listed, source)


def test_what_an_operation_needs_of_another_repository_comes_along(
    source: Path, tmp_path: Path, copy: Path
) -> None:
    sh("git clone -q --shared source more", tmp_path)
    sh(f"{FORK}; git checkout -q --detach other; git branch -q -D other", source)
    more = tmp_path / "more"
    sh(
        "echo z > a; git commit -qam z; git merge -q $(git -C ../source rev-parse HEAD) || true",
        more,
    )
    told = taken(more, copy)
    assert (told.operation, told.borrowed) == ("merge", True)
    source.rename(tmp_path / "gone")
    sh("git fsck --strict; echo solved > a; git commit -qam merged; git log -p HEAD^2", copy)
    assert "under-way" not in sh("git for-each-ref", copy)


LAYOUTS = {
    "a git folder elsewhere": "cd ..; git init -q --separate-git-dir=elsewhere.git source",
    "a link to a git folder": "mv .git ../store; ln -s ../store .git",
    "a link to a folder named .git": "mkdir ../store; mv .git ../store; ln -s ../store/.git .git",
    "a link in info": "mv .git/info/exclude ../ex; ln -s ../../../ex .git/info/exclude",
    "info as a link": "mv .git/info ../info; ln -s ../../info .git/info",
    "files as the storage of references": "git config core.repositoryFormatVersion 1;"
    "git config extensions.refStorage files",
    "an owner that git does not trust": "chown -R 12345 .",
    "a work tree that was moved": "git worktree add -q ../w; mv ../w ../moved;"
    "cd ..; mv source main; mv moved source; sed -i s,/source/,/main/, source/.git",
}


@pytest.mark.parametrize("what", LAYOUTS)
def test_a_layout_is_copied_as_a_repository_that_stands_alone(
    source: Path, copy: Path, what: str
) -> None:
    sh("printf '*.tmp\n' >> .git/info/exclude; touch x.tmp new", source)
    sh(LAYOUTS[what], source)
    before = state(source.parent)
    told = taken(source, copy)
    assert {p: e for p, e in state(source.parent).items() if not p.startswith(b"copy")} == before
    assert (told.kind, told.commit is None) == ("repository", False)
    if what != "a work tree that was moved":
        assert not (copy / "x.tmp").exists()
    for other in source.parent.iterdir():
        if other != copy:
            other.rename(source.parent.parent / f"{source.parent.name}-{other.name}")
    assert (copy / ".git").is_dir()
    sh("git fsck --strict; git log; git add -A; git commit -q --allow-empty -m two", copy)


REFUSED = {
    "a bare repository beside its work trees": (
        "mv .git .bare; git --git-dir=.bare config core.bare true; echo gitdir: ./.bare > .git",
        "it is bare",
    ),
    "references in tables": ("git config extensions.refStorage reftable", "as reftable"),
    "a feature of a later git": ("git config extensions.future true", "extensions.future"),
    "the git folder of another work tree": (
        f"mkdir ../o; (cd ../o; {COMMIT}); rm -rf .git; echo gitdir: ../o/.git > .git",
        "belongs to another folder",
    ),
    "objects that are gone": ("rm -rf .git/objects/??", "failed"),
    "shared objects that are gone": (
        "rm -rf .git/objects/??; echo /gone/objects > .git/objects/info/alternates",
        "it shares objects with .*/gone/objects",
    ),
    "shared objects by a link": ("mv .git/objects ../o; ln -s ../../o .git/objects", "by a link"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_copied_is_refused_with_the_reason_and_another_way(
    source: Path, copy: Path, what: str
) -> None:
    script, reason = REFUSED[what]
    sh(script, source)
    with pytest.raises(ConfigurationError, match=reason) as error:
        taken(source, copy)
    assert error.value.code == "SOURCE_REPOSITORY"
    assert "--folder-only" in error.value.hint
    assert not copy.exists()


def test_submodules_with_relative_addresses_come_as_files_and_as_sources(
    source: Path, tmp_path: Path, copy: Path
) -> None:
    sh(f"mkdir lib; cd lib; {COMMIT}", tmp_path)
    sh(f"git remote add origin {tmp_path}/up.git; git clone -q --bare . ../up.git", source)
    add = "git -c protocol.file.allow=always submodule --quiet add ../lib lib"
    sh(f"{add}; git commit -qm sub", source)
    assert "url = ../lib" in (source / ".gitmodules").read_text()
    told = taken(source, copy)
    assert (told.submodules, (copy / "lib" / "a").read_text()) == (("lib",), "one\n")
    inner = taken(source / "lib", tmp_path / "inner")
    assert (inner.kind, inner.branch) == ("repository", "main")


def test_a_clone_of_a_run_in_a_linked_work_tree_commits_to_a_repository_apart(
    crossrun: Crossrun, source: Path
) -> None:
    sh("git worktree add -q ../linked", source)
    linked = source.parent / "linked"
    shell = ("run", "--executor", "shell")
    assert crossrun(*shell, "--workspace", str(linked), "echo 2 > a").code == 0
    before = state(source), state(linked)
    commit = "git commit -qam theirs; git log --format=%s"
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "a"}
    done = crossrun(*shell, "--from-run-id", "last", commit, **who, GIT_COMMITTER_EMAIL="a")
    assert done.code == 0, done.err
    assert (state(source), state(linked)) == before
    (ran,) = [e for e in crossrun.events() if e["type"] == "command_ran"]
    assert ran["output"] == "theirs\n1\n"


class TestExcludes:
    @pytest.mark.parametrize(
        "script",
        [
            "mkdir -p .config/git; echo '*.tmp' > .config/git/ignore",
            "echo '*.tmp' > mine; printf '[core]\nexcludesFile = ~/mine\n' > .gitconfig",
            (
                "echo '*.tmp' > mine; mkdir -p .config/git; echo '*.no' > .config/git/ignore;"
                "printf '[core]\nexcludesFile = ~/mine\n' > .config/git/config"
            ),
            (
                "echo '*.tmp' > mine; printf '[core]\nexcludesFile = ~/mine\n' > more;"
                "printf '[include]\npath = ~/more\n' > .gitconfig"
            ),
            "echo '*.tmp' > ../source/mine; cd ../source; git config core.excludesFile mine",
        ],
    )
    def test_what_git_ignores_everywhere_stays_behind(
        self, source: Path, tmp_path: Path, copy: Path, script: str
    ) -> None:
        home = tmp_path / "home"
        home.mkdir()
        sh(script, home, HOME=str(home))
        sh("touch x.tmp new", source)
        told = taken(source, copy, environ={"HOME": str(home)})
        assert ((copy / "x.tmp").exists(), (copy / "new").exists(), told.ignored) == (
            False, True, 1,
        )  # fmt: skip

    def test_other_places_of_the_configuration_count_as_for_git(
        self, source: Path, tmp_path: Path, copy: Path
    ) -> None:
        (tmp_path / "rules").write_text("*.tmp\n")
        config = tmp_path / "config"
        config.write_text(f"[core]\nexcludesFile = {tmp_path}/rules\n")
        sh("touch x.tmp", source)
        environ = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": str(config)}
        assert taken(source, copy, environ=environ).ignored == 1

    @pytest.mark.parametrize("value", ["", "/dev/zero", "/nowhere"])
    def test_a_list_that_is_no_file_counts_for_nothing(
        self, source: Path, copy: Path, value: str
    ) -> None:
        sh(f"git config core.excludesFile '{value}'; touch x.log", source)
        assert taken(source, copy).ignored == 1
