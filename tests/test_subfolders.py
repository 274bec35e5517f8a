"""Folders within a repository as sources: with the repository, or only its ignore rules."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun
from trees import sh, state, value_of

from crossrun.errors import ConfigurationError, UsageError
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.sources.copies import CopyOptions, SourceCopy, copy_source

REPOSITORY = """
git init -q -b main; mkdir -p packages/web/src lib
printf 'node_modules/\n.env\n' > .gitignore; echo '!keep.env' > packages/.gitignore
echo dist/ >> .git/info/exclude
echo a > packages/web/src/a.ts; echo l > lib/l; git add -A; git commit -qm first
mkdir -p packages/web/node_modules/x packages/web/dist; touch packages/web/node_modules/x/i.js
touch packages/web/.env packages/web/dist/o packages/web/keep.env; echo 2 >> lib/l
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of several packages, with ignored files."""
    folder = tmp_path / "repo"
    folder.mkdir()
    sh(REPOSITORY, folder)
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "copy"


def taken(source: Path, copy: Path, **options: Any) -> SourceCopy:  # noqa: ANN401  those of the copy
    return value_of(copy_source(source, copy, CancelToken(), CopyOptions(**options)))


def names(top: Path) -> set[str]:
    files = (str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir())
    return {file for file in files if not file.startswith(".git/")}


WEB = {"packages/web/src/a.ts", "packages/web/keep.env"}
RULES = {".gitignore", "packages/.gitignore"}


class TestCopies:
    def test_the_whole_repository_comes_along(self, repository: Path, copy: Path) -> None:
        before = state(repository)
        told = taken(repository / "packages" / "web", copy)
        assert state(repository) == before
        assert (told.kind, told.top, told.subfolder) == (
            "repository",
            str(repository),
            "packages/web",
        )
        assert names(copy) == {*WEB, *RULES, "lib/l"}
        assert sh("git status --porcelain", copy) == " M lib/l\n?? packages/web/keep.env\n"

    def test_a_link_to_the_folder_leads_to_its_repository(
        self, repository: Path, tmp_path: Path, copy: Path
    ) -> None:
        (tmp_path / "web").symlink_to(repository / "packages" / "web")
        assert taken(tmp_path / "web", copy).top == str(repository)

    def test_the_folder_alone_comes_with_the_rules_above_it(
        self, repository: Path, copy: Path
    ) -> None:
        before = state(repository)
        told = taken(repository / "packages" / "web", copy, folder_only=True)
        assert state(repository) == before
        assert names(copy) == {*WEB, *RULES}
        assert not (copy / ".git").exists()
        assert (told.kind, told.subfolder, told.ignored) == ("folder", "packages/web", 3)
        assert not list(copy.parent.glob(".copy.partial-*"))

    def test_ignored_files_of_the_folder_alone_can_be_included(
        self, repository: Path, copy: Path
    ) -> None:
        folder = repository / "packages" / "web"
        assert taken(folder, copy, folder_only=True, include=(".env",)).included == 1
        assert names(copy) == {*WEB, *RULES, "packages/web/.env"}

    @pytest.mark.parametrize("glob", ["dist/o", "/dist/o", "o", "dist/", "d*"])
    def test_what_is_included_is_named_as_in_a_gitignore_of_the_folder(
        self, repository: Path, copy: Path, glob: str
    ) -> None:
        sh("mkdir dist; touch dist/o; mv packages/web 'packages/w[e]b'", repository)
        taken(repository / "packages" / "w[e]b", copy, include=(glob,))
        assert (copy / "packages" / "w[e]b" / "dist" / "o").exists()
        assert not (copy / "dist").exists()

    def test_a_repository_can_be_copied_without_its_history(
        self, repository: Path, copy: Path
    ) -> None:
        assert taken(repository, copy, folder_only=True).kind == "folder"
        assert names(copy) == {*WEB, *RULES, "lib/l"}

    def test_files_that_git_tracks_come_along_though_a_rule_matches_them(
        self, repository: Path, copy: Path
    ) -> None:
        sh("git add -f packages/web/.env", repository)
        taken(repository / "packages" / "web", copy, folder_only=True)
        assert names(copy) == {*WEB, *RULES, "packages/web/.env"}

    def test_a_folder_that_is_ignored_as_a_whole_is_refused_and_can_be_copied_alone(
        self, repository: Path, copy: Path
    ) -> None:
        folder = repository / "packages" / "web" / "node_modules" / "x"
        with pytest.raises(UsageError, match="git ignores packages/web/node_modules/x") as error:
            taken(folder, copy)
        assert "--folder-only" in error.value.hint
        told = taken(folder, copy, folder_only=True)
        assert (told.top, told.subfolder, names(copy)) == (str(folder), "", {"i.js"})

    def test_a_clean_copy_needs_something_of_the_folder_in_the_commit(
        self, repository: Path, copy: Path
    ) -> None:
        sh("mkdir new; touch new/file", repository)
        with pytest.raises(UsageError, match="--clean leaves it out"):
            taken(repository / "new", copy, clean=True)
        assert not copy.exists()

    @pytest.mark.parametrize("home", [".", ".."])
    def test_a_repository_around_the_home_folder_is_left_behind(
        self, repository: Path, copy: Path, home: str
    ) -> None:
        environ = {"HOME": str(repository / "packages" / home)}
        sh("git init -q", repository.parent)
        repository.joinpath(".git").rename(repository.parent / "aside")
        told = taken(repository / "packages" / "web", copy, environ=environ)
        assert (told.kind, told.home) == ("folder", str(repository.parent))
        assert names(copy) >= {"src/a.ts", ".env", "node_modules/x/i.js"}

    def test_the_folders_of_crossrun_are_in_no_repository_of_the_user(
        self, repository: Path, copy: Path
    ) -> None:
        own = repository / ".crossrun" / "workspaces"
        (own / "run").mkdir(parents=True)
        assert taken(own / "run", copy, besides=(own,)).top == str(own / "run")

    def test_an_empty_git_folder_is_no_repository(self, repository: Path, copy: Path) -> None:
        (repository / "packages" / ".git").mkdir()
        assert taken(repository / "packages" / "web", copy).top == str(repository)

    def test_what_is_gits_own_is_a_plain_folder(self, repository: Path, copy: Path) -> None:
        assert taken(repository / ".git" / "hooks", copy).kind == "folder"

    def test_a_repository_that_cannot_be_copied_says_how_the_folder_can(
        self, repository: Path, copy: Path
    ) -> None:
        sh("git config extensions.refStorage reftable", repository)
        with pytest.raises(ConfigurationError, match="references as reftable") as error:
            taken(repository / "lib", copy)
        assert "--folder-only" in error.value.hint


class TestRuns:
    @pytest.mark.parametrize("more", [(), ("--folder-only",)])
    def test_the_agent_works_in_the_folder_and_its_change_goes_back_to_where_it_was(
        self, crossrun: Crossrun, repository: Path, more: tuple[str, ...]
    ) -> None:
        before = state(repository)
        script = "basename $PWD; echo b > src/b.ts; mkdir node_modules; touch node_modules/noise"
        words = ("--source", f"{repository}/packages/web", *more, "--verify", "test -f src/b.ts")
        done = crossrun("run", "--executor", "shell", *words, script)
        assert done.code == 0, done.err
        (ran,) = [e for e in crossrun.events() if e["type"] == "command_ran"]
        assert ran["output"] == "web\n"
        assert crossrun("apply").code == 0
        assert (repository / "packages" / "web" / "src" / "b.ts").read_text() == "b\n"
        assert not (repository / "packages" / "web" / "node_modules" / "noise").exists()
        assert crossrun("undo").code == 0
        assert {p: e for p, e in state(repository).items() if p != b"packages/web/src"} == {
            p: e for p, e in before.items() if p != b"packages/web/src"
        }

    def test_runs_that_come_from_it_work_in_the_same_folder(
        self, crossrun: Crossrun, repository: Path
    ) -> None:
        shell = ("run", "--executor", "shell")
        first = crossrun(*shell, "--source", f"{repository}/packages/web", "test -d src")
        assert first.code == 0, first.err
        second = crossrun(*shell, "--from-run-id", "last", "echo b > src/b.ts")
        assert second.code == 0, second.err
        assert crossrun("resume", "last", "echo c >> src/b.ts").code == 0
        assert crossrun("apply", "--branch", "agent/x").code == 0
        assert sh("git show agent/x:packages/web/src/b.ts", repository) == "b\nc\n"
        assert crossrun("retry", first.out.strip()).code == 0
        gone = crossrun("resume", "last", "cd ../..; rm -r packages/web")
        assert gone.code == 0, gone.err
        again = crossrun("resume", "last", "true")
        assert "no longer has the folder packages/web" in " ".join(again.err.split())

    def test_a_dry_run_shows_where_the_agent_would_work(
        self, crossrun: Crossrun, repository: Path
    ) -> None:
        words = ("--source", f"{repository}/packages/web", "--executor", "shell", "--dry-run")
        assert crossrun.json("run", "true", *words)["workspace"].endswith("RUN_ID/packages/web")

    def test_options_of_the_copy_that_contradict_each_other_are_refused(
        self, crossrun: Crossrun, repository: Path
    ) -> None:
        run = ("run", "--executor", "shell", "true")
        for words in (
            ("--source", str(repository), "--clean", "--folder-only"),
            ("--source", repository.as_uri(), "--folder-only"),
            ("--source", repository.as_uri(), "--follow-links", "copy"),
            ("--source", str(repository), "--follow-links", "some"),
            ("--folder-only",),
        ):
            assert crossrun(*run, *words).code == 2
