"""Sources of workspaces with real git: complete, independent, running nothing."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from trees import Entry, sh, state, value_of

from crossrun.errors import ConfigurationError, CrossrunError, NotFoundError, UsageError
from crossrun.model.failures import CANCELLED, RunFailed
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.sources.cloning import clone, is_url, without_login
from crossrun.workspace.sources.copies import CopyOptions, SourceCopy, Uncommitted, copy_source
from crossrun.workspace.sources.survey import Selection

BEGIN = "git init -q -b main; echo one > a; mkdir d; echo two > d/b; echo '*.log' > .gitignore"
COMMIT = f"{BEGIN}; git add .; git commit -qm first"


def taken(source: Path, target: Path, **options: Any) -> SourceCopy:  # noqa: ANN401  those of the copy
    return value_of(copy_source(source, target, CancelToken(), CopyOptions(**options)))


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


def files(top: Path) -> dict[bytes, Entry]:
    """The state of a tree without what is git's."""
    return {path: entry for path, entry in state(top).items() if b".git" not in path.split(b"/")}


def read(repository: Path, *words: str) -> str:
    """What git says of a repository, without writing there."""
    return sh(f"git {' '.join(words)}", repository, GIT_OPTIONAL_LOCKS="0")


def refused(source: Path, target: Path) -> CrossrunError:
    with pytest.raises(CrossrunError) as caught:
        taken(source, target)
    assert not target.exists()
    assert not list(target.parent.glob(".copy.partial-*"))
    return caught.value


DIRTY = {
    "nothing": "",
    "staged": "echo 2 >> a; git add a",
    "unstaged": "echo 2 >> a",
    "staged and changed again": "echo 2 >> a; git add a; echo 3 >> a",
    "untracked": "mkdir n; echo 1 > n/new; echo 2 > 'odd\nname'",
    "deleted": "rm a",
    "deleted and staged": "git rm -q a",
    "renamed": "git mv a c",
    "moved, not staged": "mv a c",
    "mode changed": "chmod +x a",
    "a link in the place of a file": "rm a; ln -s d/b a",
    "a folder in the place of a file": "rm a; mkdir a; echo 1 > a/x",
    "ignored": "echo 1 > x.log; echo build/ > .git/info/exclude; mkdir build; touch build/o",
    "intent to add": "echo 1 > new; git add -N new",
    "assumed unchanged": "git update-index --assume-unchanged a; echo 2 > a",
    "touched": "touch -d 2020-01-01 a",
    "in conflict": "git checkout -qb other; echo x > a; git commit -qam x; git checkout -q main;"
    "echo y > a; git commit -qam y; git merge other || true",
    "line ends": "git config core.autocrlf true; rm a; git checkout -q a; echo 1 > new",
    "sparse": "git sparse-checkout set --cone d",
    "split index": "git update-index --split-index; echo 2 > c; git add c",
    "index of version 4": "git update-index --index-version 4; echo 2 >> a",
    "an untracked cache": "git update-index --untracked-cache; git status; touch new",
    "detached": "git checkout -q --detach; echo 2 > a",
    "stashed": "echo 2 > a; git stash -q; echo 3 > a",
    "tags and branches": "git tag -a t -m t; git branch other; git pack-refs --all; git branch x",
    "packed": "git gc -q; echo 2 > c; git add c",
    "a graft": "git commit -q --allow-empty -m two; git replace --graft HEAD",
    "no commit yet": "rm -rf .git; git init -q -b trunk; git add a",
    "nothing at all": "rm -rf .git a d .gitignore; git init -q -b trunk",
    "SHA-256": "rm -rf .git; git init -q --object-format=sha256; git add a; git commit -qm x",
}


class TestRepositories:
    @pytest.mark.parametrize("what", DIRTY)
    def test_git_says_the_same_of_the_copy_and_the_source_is_untouched(
        self, source: Path, copy: Path, what: str
    ) -> None:
        sh(DIRTY[what], source)
        before = state(source)
        told = taken(source, copy)
        assert state(source) == before
        ignored = {b"x.log", b"build", b"build/o"}
        assert files(copy) == {p: e for p, e in files(source).items() if p not in ignored}
        status = "status --porcelain=v2 --branch --untracked-files=all"
        for words in (status, "for-each-ref", "ls-files -s -v", "diff HEAD || true"):
            assert read(copy, words) == read(source, words)
        sh("git fsck --strict --full", copy)
        assert told.kind == "repository"

    def test_what_a_run_records_is_told(self, source: Path, copy: Path) -> None:
        sh("echo 2 >> a; git add a; echo 2 >> d/b; echo 1 > new; echo 1 > x.log", source)
        told = taken(source, copy)
        assert told == SourceCopy(
            kind="repository",
            top=str(source),
            copied=told.copied,
            branch="main",
            commit=read(source, "rev-parse", "HEAD").strip(),
            uncommitted=Uncommitted(staged=1, unstaged=1, untracked=1),
            ignored=1,
        )
        assert (told.copied.files, told.copied.folders) == (4, 1)

    def test_paths_may_be_relative(
        self, source: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(source / "d")
        assert taken(Path(".."), Path("../../copy")).branch == "main"
        assert files(copy) == files(source)

    def test_a_clean_copy_has_what_was_committed(self, source: Path, copy: Path) -> None:
        sh("echo 2 >> a; git add a; rm d/b; echo 1 > new; chmod +x .gitignore", source)
        before = state(source)
        told = taken(source, copy, clean=True)
        assert state(source) == before
        assert (told.clean, told.uncommitted) == (True, Uncommitted(1, 2, 1))
        assert read(copy, "status", "--porcelain") == ""
        assert {path.name for path in copy.rglob("*") if ".git" not in path.parts} == {
            ".gitignore", "a", "d", "b",
        }  # fmt: skip
        assert (copy / "a").read_text() == "one\n"

    def test_a_clean_copy_without_a_commit_is_empty(self, tmp_path: Path, copy: Path) -> None:
        (tmp_path / "source").mkdir()
        sh(f"{BEGIN}; git add a", tmp_path / "source")
        told = taken(tmp_path / "source", copy, clean=True)
        assert (told.commit, told.branch) == (None, "main")
        assert [path.name for path in copy.iterdir()] == [".git"]
        assert read(copy, "ls-files") == ""

    def test_commits_in_the_copy_are_not_in_the_source(self, source: Path, copy: Path) -> None:
        taken(source, copy)
        before = state(source)
        sh("echo 2 > a; git commit -qam two; git branch -m new; git gc -q --prune=now", copy)
        sh("git tag x; git reset -q --hard HEAD~; rm -rf .git/objects/*", copy)
        assert state(source) == before
        assert not (source / ".git").samefile(copy / ".git")

    def test_the_copy_knows_no_remote_and_no_password(self, source: Path, copy: Path) -> None:
        sh("git remote add origin https://me:secret@example.org/x.git", source)
        sh("git config user.name 'A \"B\" \\C'; git config http.extraHeader secret", source)
        taken(source, copy)
        assert "secret" not in (copy / ".git" / "config").read_text()
        assert read(copy, "remote") == ""
        assert read(copy, "config", "user.name") == 'A "B" \\C\n'

    def test_git_need_not_read_the_files_again(self, source: Path, copy: Path) -> None:
        taken(source, copy)
        assert read(copy, "diff-files", "--name-only") == ""

    def test_a_repository_that_git_packs_meanwhile_is_copied_again(
        self, source: Path, copy: Path
    ) -> None:
        copying = copy_source(source, copy, CancelToken())
        next(copying)
        sh("git branch other; git pack-refs --all; git repack -adq; git prune-packed", source)
        value_of(copying)
        assert read(copy, "for-each-ref") == read(source, "for-each-ref")
        assert read(copy, "fsck", "--full") == ""

    def test_a_repository_that_git_never_leaves_alone_is_refused(
        self, source: Path, copy: Path
    ) -> None:
        packed = source / ".git" / "packed-refs"

        def busy() -> None:
            for number, _ in enumerate(copy_source(source, copy, CancelToken())):
                packed.write_text("# pack-refs with: peeled fully-peeled sorted\n" + "\n" * number)

        with pytest.raises(ConfigurationError) as refused:
            busy()
        assert refused.value.code == "SOURCE_CHANGED"
        assert not copy.exists()

    def test_a_linked_work_tree_becomes_a_repository(
        self, source: Path, tmp_path: Path, copy: Path
    ) -> None:
        sh("git worktree add -q -b side ../linked; cd ../linked; echo 2 > a; git add a", source)
        before = state(source)
        told = taken(tmp_path / "linked", copy)
        assert (told.branch, told.uncommitted.staged) == ("side", 1)
        sh("rm -rf source linked", tmp_path)
        assert before
        assert (copy / ".git").is_dir()
        sh("git fsck --strict; git commit -qm two; git log main", copy)

    def test_objects_of_other_repositories_become_its_own(
        self, source: Path, tmp_path: Path, copy: Path
    ) -> None:
        sh(f"git clone -q --shared {source} middle; git clone -q --shared middle last", tmp_path)
        sh("echo 3 > c; git add c; git commit -qm c; echo 4 > e; git add e", tmp_path / "last")
        before = state(tmp_path / "last")
        assert taken(tmp_path / "last", copy).borrowed
        assert state(tmp_path / "last") == before
        sh("rm -rf source middle last", tmp_path)
        sh("git fsck --strict; git log; git commit -qm e; git show HEAD:e HEAD:c HEAD:a", copy)
        assert not (copy / ".git" / "objects" / "info" / "alternates").exists()

    def test_a_shallow_clone_stays_one(self, source: Path, tmp_path: Path, copy: Path) -> None:
        sh("git commit -q --allow-empty -m two", source)
        sh(f"git clone -q --depth 1 file://{source} short", tmp_path)
        assert taken(tmp_path / "short", copy).shallow
        assert read(copy, "rev-list", "--count", "HEAD") == "1\n"
        sh("git fsck", copy)

    def test_a_partial_clone_is_told(self, source: Path, tmp_path: Path, copy: Path) -> None:
        sh("git config uploadpack.allowFilter true; echo 2 > a; git commit -qam two", source)
        sh(f"git clone -q --filter=blob:none file://{source} part", tmp_path)
        assert taken(tmp_path / "part", copy).partial
        assert read(copy, "status", "--porcelain") == ""
        sh("git fsck; git log", copy)

    def test_submodules_are_named_and_their_files_come_along(
        self, source: Path, tmp_path: Path, copy: Path
    ) -> None:
        sh(f"mkdir lib; cd lib; {COMMIT}", tmp_path)
        add = "git -c protocol.file.allow=always submodule --quiet add ../lib sub/lib"
        sh(f"{add}; git commit -qm sub; echo 2 > sub/lib/a", source)
        before = state(source)
        told = taken(source, copy)
        assert state(source) == before
        assert (told.submodules, told.detached) == (("sub/lib",), ("sub/lib",))
        assert (copy / "sub" / "lib" / "a").read_text() == "2\n"
        assert not (copy / "sub" / "lib" / ".git").exists()
        assert read(copy, "status", "--porcelain") == ""

    def test_a_submodule_by_itself_can_be_a_source(
        self, source: Path, tmp_path: Path, copy: Path
    ) -> None:
        sh(f"mkdir lib; cd lib; {COMMIT}", tmp_path)
        sh("git -c protocol.file.allow=always submodule --quiet add ../lib lib", source)
        assert taken(source / "lib", copy).branch == "main"
        sh("git fsck --strict; git status", copy)

    def test_repositories_further_down_are_copied_as_well(
        self, source: Path, tmp_path: Path, copy: Path
    ) -> None:
        sh(
            f"mkdir -p n/nested; cd n/nested; {COMMIT}; git config core.fsmonitor 'touch ../x'",
            source,
        )
        sh("git worktree add -q ../source/linked", source)
        told = taken(source, copy)
        assert (told.repositories, told.detached) == (("n/nested",), ("linked",))
        assert not (copy / "linked" / ".git").exists()
        sh('git fsck --strict; test -z "$(git status --porcelain)"; git log', copy / "n" / "nested")
        assert tmp_path.exists()

    def test_lfs_pointers_are_named(self, source: Path, copy: Path) -> None:
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
        (source / "one.bin").write_text(pointer)
        (source / "two.bin").write_text("what it is about")
        (source / "three.txt").write_text(pointer)
        sh("echo '*.bin filter=lfs' > .gitattributes; git add .; git commit -qm bin", source)
        assert taken(source, copy).lfs_pointers == ("one.bin",)

    def test_line_ends_follow_the_users_own_configuration(
        self, source: Path, copy: Path, tmp_path: Path
    ) -> None:
        home = tmp_path / "home"
        home.mkdir()
        (home / ".gitconfig").write_text("[core]\n\tautocrlf = true\n")
        git = f"HOME={home}; unset GIT_CONFIG_GLOBAL"
        sh(rf"{git}; printf 'a\r\n' > a; printf 'b\r\n' > b; git add .; git commit -qm x", source)
        (source / "a").write_bytes(b"changed\r\n")
        (source / "b").touch()

        environ = {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
        clean = taken(source, copy, clean=True, environ=environ)

        assert clean.uncommitted == Uncommitted(unstaged=1)
        assert ((copy / "a").read_bytes(), (copy / "b").read_bytes()) == (b"a\r\n", b"b\r\n")
        assert sh(f"{git}; git status --porcelain", copy) == ""

    def test_files_that_only_a_filter_could_make_are_named(self, source: Path, copy: Path) -> None:
        (source / "locked.key").write_bytes(b"\0GITCRYPT\0" + b"x" * 40)
        sh("echo cipher > open.key; echo a > plain", source)
        sh("echo '*.key filter=git-crypt' > .gitattributes; git add .; git commit -qm x", source)
        sh("echo smudged > open.key; echo b > plain", source)

        assert taken(source, copy).filtered == ("locked.key",)
        assert (copy / "open.key").read_text() == "smudged\n"
        clean = taken(source, copy.with_name("clean"), clean=True)
        assert clean.filtered == ("locked.key", "open.key")
        assert (copy.with_name("clean") / "open.key").read_text() == "cipher\n"

    def test_ignored_files_come_along_where_they_are_included(
        self, source: Path, copy: Path
    ) -> None:
        sh(
            "echo out/ >> .gitignore; mkdir -p out/x out/y; touch out/x/1 out/x/2.csv out/y/3",
            source,
        )
        sh(
            "touch a.log b.log c.log; printf '# x\nb.log\nout/x/*\n!*.csv\n' > .crossruninclude",
            source,
        )
        told = taken(source, copy, include=["c.*"])
        assert (told.included, told.ignored) == (3, 4)
        assert {str(path.relative_to(copy)) for path in (copy / "out").rglob("*")} == {
            "out/x",
            "out/x/1",
        }
        assert sorted(path.name for path in copy.glob("*.log")) == ["b.log", "c.log"]

    def test_an_include_file_that_is_a_link_does_not_count(
        self, source: Path, tmp_path: Path, copy: Path
    ) -> None:
        (tmp_path / "globs").write_text("*.log\n")
        sh("ln -s ../globs .crossruninclude; touch a.log", source)
        assert taken(source, copy).included == 0

    def test_folders_that_are_never_part_of_it_stay_out(self, source: Path) -> None:
        own = source / "own" / "workspaces"
        (own / "thesis").mkdir(parents=True)
        told = taken(source, own / "thesis" / "run1", besides=[own])
        assert told.copied.files == 3
        assert not (own / "thesis" / "run1" / "own" / "workspaces").exists()


HOSTILE = """
[core]
    fsmonitor = {run}
    hooksPath = {hooks}
    sshCommand = {run}
    editor = {run}
    pager = {run}
    askPass = {run}
    gitProxy = {run}
    alternateRefsCommand = {run}
    attributesFile = {hooks}/attributes
    excludesFile = {hooks}/attributes
    worktree = {hooks}
[filter "evil"]
    clean = {run}
    smudge = {run}
    process = {run}
    required = true
[filter "lfs"]
    clean = {run}
    smudge = {run}
    process = {run}
    required = true
[diff]
    external = {run}
[diff "evil"]
    command = {run}
    textconv = {run}
[merge "evil"]
    driver = {run}
[uploadpack]
    packObjectsHook = {run}
[remote "origin"]
    url = ext::{run}
    uploadpack = {run}
    receivepack = {run}
    vcs = evil
    promisor = true
[extensions]
    partialClone = origin
    worktreeConfig = true
[credential]
    helper = !{run}
[gpg]
    program = {run}
[commit]
    gpgSign = true
[sequence]
    editor = {run}
[interactive]
    diffFilter = {run}
[alias]
    status = !{run}
    ls-files = !{run}
    repack = !{run}
    reset = !{run}
[submodule "sub"]
    update = !{run}
[trailer "x"]
    command = {run}
[browser "x"]
    cmd = {run}
[protocol]
    allow = always
[protocol "ext"]
    allow = always
[pager]
    status = {run}
[index]
    recordEndOfIndexEntries = true
[include]
    path = {hooks}/more
[includeIf "gitdir:/"]
    path = {hooks}/more
"""
HOOKS = (
    "post-checkout", "post-index-change", "fsmonitor-watchman", "pre-auto-gc",
    "reference-transaction", "post-commit", "post-merge", "pre-commit", "post-rewrite",
)  # fmt: skip


def make_hostile(source: Path, folder: Path) -> Path:
    """Lets a repository name a program everywhere; returns what the program would make."""
    canary, hooks = folder / "canary", folder / "hooks"
    program = folder / "evil"
    program.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    program.chmod(0o755)
    hooks.mkdir()
    (hooks / "attributes").write_text("* filter=evil diff=evil merge=evil\n")
    (hooks / "more").write_text(
        f'[core]\n\tfsmonitor = {program}\n[filter "evil"]\nclean={program}\n'
    )
    for name in HOOKS:
        for place in (hooks, source / ".git" / "hooks"):
            place.mkdir(exist_ok=True)
            (place / name).write_text(program.read_text())
            (place / name).chmod(0o755)
    hostile = HOSTILE.format(run=program, hooks=hooks)
    for name in ("config", "config.worktree"):
        with (source / ".git" / name).open("a") as config:
            config.write(hostile)
    attributes = "* filter=evil diff=evil merge=evil\n*.bin filter=lfs\n"
    (source / ".gitattributes").write_text(attributes)
    (source / ".git" / "info" / "attributes").write_text(attributes)
    (source / "x.bin").touch()
    (source / "a").write_text("changed\n")
    return canary


class TestHostile:
    @pytest.mark.parametrize("clean", [False, True])
    def test_nothing_that_a_repository_names_is_run(
        self, source: Path, tmp_path: Path, copy: Path, *, clean: bool
    ) -> None:
        sh(f"mkdir nested; cd nested; {COMMIT}", source)
        sh(f"mkdir sub; cd sub; {COMMIT}; cd ..; git add sub 2>&1; git commit -qm sub", source)
        (source / "sub" / ".git" / "config").write_text("[core]\n\tfsmonitor = touch canary\n")
        (tmp_path / "nested").mkdir()
        make_hostile(source / "nested", tmp_path / "nested")
        canary = make_hostile(source, tmp_path)
        before = state(source)
        taken(source, copy, clean=clean, include=["*.log"])
        assert state(source) == before
        assert not canary.exists()
        assert not (tmp_path / "nested" / "canary").exists()
        assert list(copy.rglob("canary")) == []
        assert not list(copy.rglob("hooks"))

        sh("git status; git diff; git add -A; git commit -q --allow-empty -m x", copy)
        sh("git gc -q; git log -p; git checkout -q -f HEAD~", copy)
        assert not canary.exists()
        sh("git status", source)
        assert canary.exists(), "the source is not as hostile as it should be"

    def test_a_hostile_repository_that_is_cloned_runs_nothing(
        self, source: Path, tmp_path: Path, copy: Path
    ) -> None:
        sh("git add .", source)
        canary = make_hostile(source, tmp_path)
        sh("sed -i '/partialClone/d; /promisor/d; /worktree = /d' .git/config", source)
        value_of(
            clone(source.as_uri(), copy, CancelToken(), {"PATH": os.defpath, "HOME": str(tmp_path)})
        )
        assert (copy / "a").read_text() == "one\n"
        assert not canary.exists()

    @pytest.mark.parametrize(
        "script",
        [
            "mv .git/objects ../objects; ln -s ../../objects .git/objects",
            "mv .git/refs ../refs; ln -s ../../refs .git/refs",
            "mv .git/objects/pack ../pack; ln -s ../../../pack .git/objects/pack",
            "mv .git/HEAD ../HEAD; ln -s ../../HEAD .git/HEAD",
            "mv .git/index ../index; ln -s ../../index .git/index",
            "mv .git ../other; mkfifo .git",
            "mkdir ../other; mv .git ../other; echo gitdir: ../other/.git > .git",
            "git worktree add -q ../w; cp ../w/.git ../w.git; rm -rf .git; mv ../w.git .git",
            "mv .git ../other; echo gitdir: /nowhere > .git",
            "mv .git ../other; echo nonsense > .git",
            "mv .git ../other; mkdir .git",
            "rm .git/HEAD",
            "git config extensions.refStorage reftable",
            "git config extensions.future true",
        ],
    )
    def test_a_repository_that_would_not_stand_alone_is_refused(
        self, source: Path, copy: Path, script: str
    ) -> None:
        sh(script, source)
        assert refused(source, copy).code == "SOURCE_REPOSITORY"

    @pytest.mark.parametrize(
        ("file", "content"),
        [
            ("index", b"nonsense"),
            ("HEAD", b"ref: refs/heads/../../../../etc/passwd\n"),
            ("HEAD", b""),
            ("config", b"[core\n"),
            ("packed-refs", b"\0\xff\n"),
            ("objects/info/alternates", b"/nowhere\n\xff\n"),
        ],
    )
    def test_a_damaged_repository_is_an_error_or_copied_as_it_is(
        self, source: Path, copy: Path, file: str, content: bytes
    ) -> None:
        (source / ".git" / file).write_bytes(content)
        try:
            taken(source, copy)
        except ConfigurationError as error:
            assert error.code in ("GIT_FAILED", "SOURCE_REPOSITORY")  # noqa: PT017  either is right

    @pytest.mark.parametrize("file", ["config", "index", "objects/info/alternates", "packed-refs"])
    def test_a_pipe_in_a_repository_keeps_nobody_waiting(
        self, source: Path, copy: Path, file: str
    ) -> None:
        place = source / ".git" / file
        place.unlink(missing_ok=True)
        os.mkfifo(place)
        began = time.monotonic()
        taken(source, copy)
        assert time.monotonic() - began < 60


class TestFolders:
    def test_a_plain_folder_is_its_files(self, tmp_path: Path, copy: Path) -> None:
        source = tmp_path / "source"
        (source / "d" / "empty").mkdir(parents=True)
        (source / "a.log").touch()
        (source / ".gitignore").write_text("*.log\n")
        before = state(source)
        told = taken(source, copy)
        assert told == SourceCopy(kind="folder", top=str(source), copied=told.copied)
        assert state(copy) == before == state(source)

    def test_a_folder_of_repositories_is_copied_with_them(
        self, source: Path, tmp_path: Path, copy: Path
    ) -> None:
        (tmp_path / "all").mkdir()
        source.rename(tmp_path / "all" / "one")
        told = taken(tmp_path / "all", copy)
        assert (told.kind, told.repositories) == ("folder", ("one",))
        assert read(copy / "one", "log", "--format=%s") == "first\n"

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path, copy: Path) -> None:
        error = refused(tmp_path / "nowhere", copy)
        assert (type(error), error.code) == (NotFoundError, "SOURCE_NOT_FOUND")

    def test_a_file_is_no_source(self, source: Path, copy: Path) -> None:
        assert refused(source / "a", copy).code == "SOURCE_INVALID"

    def test_a_bare_repository_is_no_source(self, source: Path, tmp_path: Path, copy: Path) -> None:
        sh("git clone -q --bare source bare.git", tmp_path)
        error = refused(tmp_path / "bare.git", copy)
        assert (error.code, "file://" in error.hint) == ("SOURCE_INVALID", True)
        assert source.exists()

    def test_a_stop_leaves_nothing(self, source: Path, tmp_path: Path, copy: Path) -> None:
        stop = CancelToken()
        stop.request("SIGINT")
        with pytest.raises(RunFailed) as stopped:
            value_of(copy_source(source, copy, stop))
        assert stopped.value.failure == CANCELLED
        assert [path.name for path in tmp_path.iterdir()] == ["source"]


class TestUrls:
    @pytest.fixture
    def environ(self, tmp_path: Path) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    def test_a_repository_is_cloned_and_its_remote_forgotten(
        self, source: Path, tmp_path: Path, copy: Path, environ: dict[str, str]
    ) -> None:
        before = state(source)
        told = value_of(clone(source.as_uri(), copy, CancelToken(), environ))
        assert state(source) == before
        assert (told.kind, told.branch) == ("repository", "main")
        assert (told.uncommitted, told.ignored) == (Uncommitted(), 0)
        assert read(copy, "remote") == ""
        assert read(copy, "status", "--porcelain") == ""
        assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "source"]

    @pytest.mark.parametrize(
        "url",
        [
            "-uevil://x", "--upload-pack=touch canary", "ext::sh -c touch% canary", "http://example.org",
            "ftp://example.org", "fd::3", "evil::https://x", "-oProxyCommand=x:y", "transport://x",
        ],
    )  # fmt: skip
    def test_other_urls_are_refused(
        self, tmp_path: Path, copy: Path, environ: dict[str, str], url: str
    ) -> None:
        with pytest.raises(UsageError) as refused:
            value_of(clone(url, copy, CancelToken(), environ))
        assert refused.value.code == "SOURCE_INVALID"
        assert list(tmp_path.iterdir()) == []

    def test_the_users_own_protocol_settings_open_nothing(
        self, tmp_path: Path, copy: Path, environ: dict[str, str]
    ) -> None:
        evil = f'[url "ext::touch {tmp_path}/canary "]\n\tinsteadOf = ssh://\n[protocol]\n\tallow=always\n'
        (tmp_path / ".gitconfig").write_text(evil)
        with pytest.raises(ConfigurationError) as failed:
            value_of(clone("ssh://example.invalid/x", copy, CancelToken(), environ))
        assert failed.value.code == "CLONE_FAILED"
        assert not (tmp_path / "canary").exists()

    def test_a_clone_that_fails_tells_why_without_the_password(
        self, tmp_path: Path, copy: Path, environ: dict[str, str]
    ) -> None:
        with pytest.raises(ConfigurationError) as failed:
            value_of(clone("https://me:secret@localhost:9/x.git", copy, CancelToken(), environ))
        assert failed.value.code == "CLONE_FAILED"
        assert "secret" not in failed.value.message
        assert list(tmp_path.iterdir()) == []

    def test_the_users_own_settings_are_used(
        self, source: Path, tmp_path: Path, copy: Path, environ: dict[str, str]
    ) -> None:
        rewritten = f'[url "{source.as_uri()}"]\n\tinsteadOf = https://example.invalid/x\n'
        (tmp_path / ".gitconfig").write_text(rewritten)
        told = value_of(clone("https://example.invalid/x", copy, CancelToken(), environ))
        assert told.branch == "main"

    def test_a_stop_ends_git(self, tmp_path: Path, copy: Path, environ: dict[str, str]) -> None:
        slow = tmp_path / "bin" / "ssh"
        slow.parent.mkdir()
        slow.write_text("#!/bin/sh\nexec sleep 60\n")
        slow.chmod(0o755)
        environ["PATH"] = f"{slow.parent}:{environ['PATH']}"
        stop = CancelToken()
        cloning = clone("ssh://example.invalid/x", copy, stop, environ)
        next(cloning)
        stop.request("SIGINT")
        began = time.monotonic()
        with pytest.raises(RunFailed):
            value_of(cloning)
        assert time.monotonic() - began < 40
        assert not copy.exists()

    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ("https://example.org/x", True), ("git@example.org:x/y.git", True), ("host:x", True),
            ("ext::sh", True), (".", False), ("../x", False), ("/a/b", False), ("a/b:c", False),
            ("x9k2", False), ("file:///x", True),
        ],
    )  # fmt: skip
    def test_a_url_is_known_by_its_form(self, text: str, *, url: bool) -> None:
        assert is_url(text) is url

    def test_a_url_is_shown_without_its_login(self) -> None:
        assert without_login("https://me:secret@example.org/x@y") == "https://example.org/x@y"
        assert without_login("git@example.org:x") == "git@example.org:x"


class TestSelection:
    @pytest.mark.parametrize(
        ("path", "out"),
        [
            ("a", False), ("x", True), ("d", False), ("d/in", False), ("d/other", True),
            ("d/deep", False), ("d/deep/in", False), ("d/deep/other", True), ("e", True),
            ("f/g", False), ("f/g/in", False), ("f/g/x", False),
        ],
    )  # fmt: skip
    def test_what_is_included_of_ignored_folders_comes_alone(self, path: str, *, out: bool) -> None:
        select = Selection(["x", "d", "e"], ["d/in", "d/deep/in", "f/g/in"])
        assert select(path) is out
