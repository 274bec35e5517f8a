"""A run without a source begins with a copy of the repository in which the user is."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun, clean_environ
from trees import sh, state

from crossrun.config import sources
from crossrun.errors import UsageError
from crossrun.model.requests import BeginWith
from crossrun.services.app import App
from crossrun.services.default_source import StartingPoint, starting_point
from crossrun.services.notices import Notice
from crossrun.services.options import RunOptions
from crossrun.services.requests import run_request

REPOSITORY = """
git init -q -b main; mkdir -p packages/web; echo a > a; echo w > packages/web/w
printf '*.log\n' > .gitignore; git add -A; git commit -qm first; echo b > b; echo l > x.log
"""


class User:
    """A user's crossrun, called in this process in a folder of the user's choice."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.root, self.home = tmp_path, tmp_path / "home"
        self.environ = clean_environ(self.home, {"CROSSRUN_EXECUTOR": "shell"})
        self.notices: list[str] = []
        self.repository = tmp_path / "repo"
        self.repository.mkdir()
        sh(REPOSITORY, self.repository)
        self.stand_in(self.repository)

    def stand_in(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._monkeypatch.chdir(folder)

    def app(self) -> App:
        def keep(notice: Notice) -> None:
            self.notices.append(notice.message)

        app = App(sources.load(environ=self.environ), keep)
        app.open_for_writing()
        return app

    def begin_with(self, **options: Any) -> BeginWith:  # noqa: ANN401  those of a run
        return run_request(RunOptions(task="true", **options), self.app()).begin_with

    def starting_point(self) -> StartingPoint:
        app = self.app()
        return starting_point(app.settings, app.workspaces.own_folders)

    def why_empty(self) -> str:
        """Why the run begins empty here, as the user reads it."""
        assert self.begin_with() == BeginWith()
        (notice,) = self.notices
        return notice


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    return User(tmp_path, monkeypatch)


class TestRequest:
    def test_the_repository_is_the_source(self, user: User) -> None:
        assert user.begin_with() == BeginWith(path=str(user.repository), by_default=True)
        assert user.notices == []

    def test_in_a_subfolder_the_agent_works_there(self, user: User) -> None:
        user.stand_in(user.repository / "packages" / "web")
        assert user.begin_with().path == str(user.repository / "packages" / "web")

    def test_details_of_the_copy_can_be_given(self, user: User) -> None:
        begin = user.begin_with(clean=True, include=("*.log",), follow_links="copy")
        assert (begin.clean, begin.include, begin.follow_links) == (True, ("*.log",), "copy")

    def test_empty_and_the_setting_say_no(self, user: User) -> None:
        assert user.begin_with(empty=True) == BeginWith()
        (user.repository / ".crossrun.yaml").write_text("run: {source: none}\n")
        assert user.begin_with() == BeginWith()
        assert user.notices == []

    def test_a_named_source_takes_precedence(self, user: User) -> None:
        other = user.root / "other"
        other.mkdir()
        assert user.begin_with(source=str(other)) == BeginWith(path=str(other))
        assert user.begin_with(workspace=other) == BeginWith(in_place=str(other))

    def test_recordings_begin_empty(self, user: User) -> None:
        assert user.begin_with(offline=True) == BeginWith()
        assert user.notices == []

    def test_outside_of_a_repository_nothing_is_said(self, user: User) -> None:
        user.stand_in(user.root / "plain")
        assert user.begin_with() == BeginWith()
        assert user.notices == []

    def test_details_need_a_source(self, user: User) -> None:
        user.stand_in(user.root / "plain")
        with pytest.raises(UsageError, match="--clean needs a source"):
            user.begin_with(clean=True)

    def test_a_file_as_source_is_refused_before_anything_is_recorded(self, user: User) -> None:
        with pytest.raises(UsageError, match="is not a folder"):
            user.begin_with(source="a")

    def test_variables_of_git_have_no_effect(self, user: User) -> None:
        user.environ |= {"GIT_DIR": str(user.root / "nowhere"), "GIT_WORK_TREE": "/"}
        assert user.begin_with().path == str(user.repository)


class TestUnfitRepositories:
    def test_the_home_folder_is_not_copied(self, user: User) -> None:
        sh("git init -q", user.home)
        user.stand_in(user.home / "project")
        assert "contains your home folder; to copy this folder: --source ." in user.why_empty()

    def test_nor_is_it_when_the_user_stands_at_its_top(self, user: User) -> None:
        sh("git init -q", user.home)
        user.stand_in(user.home)
        assert "contains your home folder" in user.why_empty()

    def test_nor_is_a_folder_above_it(self, user: User) -> None:
        sh("git init -q", user.root)
        user.stand_in(user.root / "project")
        assert "contains your home folder" in user.why_empty()

    def test_inside_of_git_there_is_nothing_to_copy(self, user: User) -> None:
        user.stand_in(user.repository / ".git" / "refs")
        assert "you are inside a .git folder" in user.why_empty()

    def test_a_bare_repository_has_no_files(self, user: User) -> None:
        bare = user.root / "bare"
        sh(f"git clone -q --bare {user.repository} {bare}", user.root)
        user.stand_in(bare / "refs")
        assert f"without files; to clone it: --source file://{bare}" in user.why_empty()

    def test_a_workspace_is_not_copied(self, user: User) -> None:
        workspace = user.app().settings.paths.workspaces / "default" / "abc"
        user.stand_in(workspace)
        sh("git init -q", workspace)
        why = "a crossrun workspace; to copy a run's workspace: --from-run-id RUN"
        assert why in user.why_empty()

    def test_a_repository_that_cannot_be_copied_does_not_stop_the_run(self, user: User) -> None:
        sh("git config extensions.future 1", user.repository)
        assert "extensions.future" in user.why_empty()

    def test_a_broken_repository_does_not_stop_the_run(self, user: User) -> None:
        shutil.rmtree(user.repository / ".git")
        (user.repository / ".git").write_text("nothing\n")
        assert "does not say where its repository is" in user.why_empty()

    def test_a_folder_that_is_gone_has_no_repository(self, user: User) -> None:
        user.stand_in(user.root / "gone")
        app = user.app()
        (user.root / "gone").rmdir()
        point = starting_point(app.settings, app.workspaces.own_folders)
        assert point == StartingPoint(why_empty="the current folder no longer exists")

    @pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
    def test_the_repository_of_another_user_is_copied_only_if_git_trusts_it(
        self, user: User
    ) -> None:
        os.chown(user.repository / ".git", 12345, 12345)
        assert "belongs to another user; to copy this folder: --source ." in user.why_empty()

        (user.home / ".gitconfig").write_text(f"[safe]\n\tdirectory = {user.repository}\n")
        assert user.begin_with().path == str(user.repository)
        (user.home / ".gitconfig").write_text(f"[safe]\n\tdirectory = {user.root}/*\n")
        assert user.begin_with().path == str(user.repository)
        (user.home / ".gitconfig").write_text("[safe]\n\tdirectory = /elsewhere\n")
        assert user.begin_with().path is None


class TestUnusualRepositories:
    def test_a_linked_worktree_is_copied(self, user: User) -> None:
        sh("git worktree add -q ../linked -b other", user.repository)
        user.stand_in(user.root / "linked" / "packages")
        assert user.starting_point().folder == user.root / "linked" / "packages"

    def test_a_submodule_is_copied_as_a_repository(self, user: User) -> None:
        other = user.root / "other"
        other.mkdir()
        sh("git init -q; echo o > o; git add -A; git commit -qm o", other)
        sh(
            f"git -c protocol.file.allow=always submodule --quiet add {other} sub",
            user.repository,
        )
        user.stand_in(user.repository / "sub")
        assert user.starting_point().folder == user.repository / "sub"


@pytest.fixture
def at_home(crossrun: Crossrun) -> Crossrun:
    """Crossrun in a repository."""
    sh(REPOSITORY, crossrun.cwd)
    return crossrun


def files(run: dict[str, Any]) -> list[str]:
    top = Path(run["workspace"])
    return sorted(path.name for path in top.rglob("*") if ".git" not in path.parts)


class TestRuns:
    def test_a_run_begins_with_the_repository_and_leaves_it_alone(self, at_home: Crossrun) -> None:
        before = state(at_home.cwd)

        run = at_home.json("run", "--executor", "shell", "cat a b; rm a; echo c > c")

        assert files(run) == [".gitignore", "b", "c", "packages", "w", "web"]
        assert [(each["path"], each["status"]) for each in run["changes"]] == [
            ("a", "deleted"),
            ("c", "added"),
        ]
        source = {name: run["source"][name] for name in ("kind", "path", "branch", "uncommitted")}
        assert source == {
            "kind": "repository",
            "path": str(at_home.cwd),
            "branch": "main",
            "uncommitted": 1,
        }
        assert state(at_home.cwd) == before
        assert at_home("apply").code == 0
        assert (at_home.cwd / "c").exists()

    def test_in_a_subfolder_the_agent_begins_there(self, at_home: Crossrun) -> None:
        at_home.cwd = at_home.cwd / "packages" / "web"
        run = at_home.json("run", "--executor", "shell", "test -f w && echo 2 > w")
        assert [each["path"] for each in run["changes"]] == ["packages/web/w"]
        assert run["source"]["subfolder"] == "packages/web"

    def test_a_folder_that_git_ignores_is_not_copied(self, at_home: Crossrun) -> None:
        at_home.cwd = at_home.cwd / "cache.log"
        at_home.cwd.mkdir()
        run = at_home.json("run", "--executor", "shell", "true")
        (warning,) = [each["message"] for each in at_home.events() if each["type"] == "warned"]
        assert warning.startswith("the run starts in an empty folder: git ignores cache.log in ")
        assert warning.endswith("to copy this folder: --source . --folder-only")
        assert (run["source"], files(run)) == (None, [])

    def test_a_dry_run_says_in_which_folder_the_agent_would_begin(self, at_home: Crossrun) -> None:
        at_home.cwd = at_home.cwd / "packages" / "web"
        plan = at_home.json("run", "--executor", "shell", "true", "--dry-run")
        assert plan["workspace"].endswith("/packages/web")

    def test_a_retry_begins_as_the_run_did_wherever_the_user_is(self, at_home: Crossrun) -> None:
        at_home.json("run", "--executor", "shell", "true")
        at_home.cwd = at_home.home
        assert "b" in files(at_home.json("retry"))

    def test_attempts_begin_with_it(self, at_home: Crossrun) -> None:
        words = ("attempts", "start", "test -f b", "-n", "1", "--executor", "shell")
        attempts = at_home.json(*words, "--verify", "test -f packages/web/w")
        assert attempts["winner"] is not None

    def test_a_batch_begins_with_it_and_says_once_why_not(
        self, at_home: Crossrun, tmp_path: Path
    ) -> None:
        rows = tmp_path / "rows.csv"
        rows.write_text("name,task\n" + "".join(f"r{n},test -f b\n" for n in range(3)))
        words = ("batch", "start", str(rows), "--executor", "shell")
        assert at_home.json(*words)["state"] == "succeeded"

        at_home.cwd = at_home.cwd / ".git"
        planned = at_home("batch", "plan", str(rows), "--executor", "shell")
        assert planned.err.count("starts in an empty folder") == 1

    def test_a_copy_that_fails_says_how_to_begin_without_it(self, at_home: Crossrun) -> None:
        (at_home.cwd / ".git" / "index").write_bytes(b"broken")
        run = at_home("run", "--executor", "shell", "true", "--json").json
        assert run["failure"]["code"] == "WORKSPACE_FAILED"
        assert run["failure"]["hint"].endswith("or start in an empty folder: --empty")

    def test_the_python_api_begins_with_it(self, at_home: Crossrun) -> None:
        script = (
            "from crossrun import Crossrun, RunOptions\n"
            "with Crossrun.open() as c:\n"
            "    print(c.run(RunOptions(task='test -f b', executor='shell')).wait().status)\n"
        )
        python = at_home.command()[0]
        done = subprocess.run(
            [python, "-c", script],
            cwd=at_home.cwd, env=at_home.environ, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == "succeeded\n"
