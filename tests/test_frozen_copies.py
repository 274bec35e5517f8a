"""Runs of a batch that begin with one frozen copy of the user's files, or with a recorded state."""

import os
import shutil
from pathlib import Path

import pytest
from test_beginnings import git
from trees import sh, state, value_of

from crossrun.config.sources import load
from crossrun.errors import CrossrunError, UsageError
from crossrun.events import SourceCopied, WorkspacePrepared
from crossrun.model.batches import Batch, BatchRow
from crossrun.model.requests import BeginWith, RunRequest
from crossrun.model.retention import RetentionRules
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.services.apply import ApplyOptions, apply_run
from crossrun.services.applying import undo
from crossrun.services.batches.bases import freeze, freeze_state_before
from crossrun.services.changes import Changes
from crossrun.services.cleanup.inventory import measuring
from crossrun.services.cleanup.removal import CleanupRequest, find, read_runs, remove_found
from crossrun.services.cleanup.usage import disk_usage
from crossrun.services.lineage import prepare_retry, prepare_run
from crossrun.services.runs import RunHandle
from crossrun.system.cancellation import CancelToken
from crossrun.system.clock import now
from crossrun.workspace.snapshots.object_store import object_store

pytestmark = pytest.mark.process

BEGIN = (
    "git init -q -b main; mkdir lib; echo one > lib/a; echo '*.log' > .gitignore; echo t > tool;"
    "chmod +x tool; git add .; git commit -qm first; echo two >> lib/a; echo new > new;"
    "echo noise > x.log; ln -s $PWD/lib/a link"
)
EVERYTHING = RetentionRules(older_than=0.0)


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A user's crossrun with an empty store."""
    settings = load(cwd=tmp_path, home=tmp_path / "home", environ={"PATH": "/usr/bin:/bin"})
    made = App(settings)
    made.open_for_writing()
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository with uncommitted work, an ignored file, and a link to itself by its path."""
    folder = tmp_path / "source"
    folder.mkdir()
    sh(BEGIN, folder)
    return folder


def asked(script: str, begin: BeginWith) -> RunRequest:
    return RunRequest(task=script, executor="shell", begin_with=begin)


def frozen(app: App, begin: BeginWith, number: int = 1) -> BeginWith:
    request = value_of(freeze(app, asked("true", begin), "b7x", number, CancelToken()))
    return request.begin_with


def run(app: App, script: str, begin: BeginWith) -> Run:
    handle = RunHandle(App(app.settings), prepare_run(app.store, asked(script, begin)))
    handle.start()
    return handle.wait()


def contents(folder: Path) -> dict[bytes, tuple[int, bytes]]:
    return {path: (entry.mode, entry.content) for path, entry in state(folder).items()}


def patched(app: App, run: Run) -> str:
    return Changes(app).of_run(run).patch.decode()


def baseline(app: App, run: Run) -> str:
    event = app.store.read.first_event(run.id, WorkspacePrepared)
    assert event is not None
    return event.baseline


class TestCopiesOfSources:
    def test_runs_begin_in_the_same_state_although_the_user_goes_on(
        self, app: App, source: Path
    ) -> None:
        begin = frozen(app, BeginWith(path=str(source)))
        first = run(app, "cat lib/a new link > all; git status --short", begin)
        sh("echo three >> lib/a; rm new; git commit -qam later", source)
        second = run(app, "cat lib/a new link > all", begin)
        assert first.status == second.status == Status.SUCCEEDED
        assert baseline(app, first) == baseline(app, second)
        for each in (first, second):
            assert (Path(each.workspace) / "all").read_text() == "one\ntwo\nnew\none\ntwo\n"
            assert [change.path for change in each.changes or ()] == ["all"]

    def test_a_run_is_recorded_as_if_it_began_with_the_source_itself(
        self, app: App, source: Path
    ) -> None:
        begin = BeginWith(path=str(source / "lib"))
        plain = run(app, "echo x > x", begin)
        shared = run(app, "echo x > x", frozen(app, begin))
        assert shared.source == plain.source
        assert baseline(app, shared) == baseline(app, plain)
        assert patched(app, shared) == patched(app, plain)
        events = [app.store.read.first_event(each.id, SourceCopied) for each in (plain, shared)]
        assert events[0] == events[1]

    def test_its_change_is_applied_to_the_source_and_taken_back(
        self, app: App, source: Path
    ) -> None:
        begin = frozen(app, BeginWith(path=str(source)))
        done = run(app, "sed -i s/one/1/ lib/a; echo more > more; rm new", begin)
        sh("echo three >> lib/a", source)
        before = contents(source)
        applied = apply_run(ApplyOptions(), done, app)
        assert applied.application is not None
        assert (source / "lib" / "a").read_text() == "1\ntwo\nthree\n"
        assert (source / "more").exists()
        assert not (source / "new").exists()
        undo(app.store, done, app.workspaces)
        assert contents(source) == before

    def test_no_run_changes_the_copy_that_the_others_begin_with(
        self, app: App, source: Path
    ) -> None:
        sh("echo big > big; ln big hard", source)
        begin = frozen(app, BeginWith(path=str(source)))
        assert begin.frozen is not None
        before = state(Path(begin.frozen))
        run(app, "echo x >> big; echo y > link; git commit -qam x; chmod -R a-w lib; rm new", begin)
        assert state(Path(begin.frozen)) == before
        assert (source / "lib" / "a").read_text() == "one\ntwo\n"

    def test_options_of_the_copy_count_when_it_is_frozen(self, app: App, source: Path) -> None:
        begin = frozen(app, BeginWith(path=str(source), clean=True, include=("*.log",)))
        done = run(app, "ls > list", begin)
        assert (Path(done.workspace) / "list").read_text().split() == [
            "lib", "list", "tool", "x.log",
        ]  # fmt: skip

    def test_a_url_and_the_workspace_of_a_run_are_frozen_too(self, app: App, source: Path) -> None:
        cloned = run(app, "ls > list", frozen(app, BeginWith(url=source.as_uri())))
        assert cloned.source is not None
        assert (cloned.source.kind, cloned.source.path) == ("url", source.as_uri())
        first = run(app, "echo 1 > one", BeginWith(path=str(source)))
        begin = frozen(app, BeginWith(run_id=first.id), number=2)
        shutil.rmtree(first.workspace)
        second = run(app, "echo 2 > two", begin)
        assert (second.from_run_id, second.source) == (first.id, first.source)
        assert [change.path for change in second.changes or ()] == ["two"]
        apply_run(ApplyOptions(), second, app)
        assert (source / "one").exists()
        assert (source / "two").exists()

    def test_the_setup_of_a_project_runs_in_each_workspace(self, app: App, source: Path) -> None:
        begin = frozen(app, BeginWith(path=str(source), setup="echo made > made; echo o > o.log"))
        assert begin.frozen is not None
        assert not (Path(begin.frozen) / "made").exists()
        done = run(app, "echo x >> made", begin)
        assert [change.path for change in done.changes or ()] == ["made"]
        assert done.source is not None
        assert done.source.base == baseline(app, done)

    def test_a_copy_is_made_once_and_what_a_kill_left_of_it_is_not_used(
        self, app: App, source: Path
    ) -> None:
        begin = BeginWith(path=str(source))
        folder = Path(frozen(app, begin).frozen or "")
        (source / "later").touch()
        assert frozen(app, begin).frozen == str(folder)
        assert not (folder / "later").exists()
        folder.with_name(f"{folder.name}.json").unlink()
        frozen(app, begin)
        assert (folder / "later").exists()

    def test_a_run_whose_copy_is_gone_says_so_and_a_retry_takes_the_source_as_it_is(
        self, app: App, source: Path
    ) -> None:
        begin = frozen(app, BeginWith(path=str(source)))
        shutil.rmtree(begin.frozen or "")
        failed = run(app, "true", begin)
        assert failed.failure is not None
        assert (failed.failure.code, "frozen copy" in failed.failure.message) == (
            "WORKSPACE_FAILED",
            True,
        )
        with prepare_retry(app.store, failed, None, keep_workspace=False) as again:
            assert again.request.begin_with == BeginWith(path=str(source))

    def test_a_source_that_cannot_be_copied_leaves_nothing(self, app: App, tmp_path: Path) -> None:
        with pytest.raises(CrossrunError, match="no folder"):
            frozen(app, BeginWith(path=str(tmp_path / "nosuch")))
        assert not list((app.settings.paths.workspaces / ".frozen").iterdir())

    def test_an_empty_folder_needs_no_copy_and_the_users_own_is_refused(self, app: App) -> None:
        assert frozen(app, BeginWith()) == BeginWith()
        with pytest.raises(UsageError, match="--workspace"):
            frozen(app, BeginWith(in_place=str(app.settings.paths.data)))


class TestRecordedStates:
    def before(self, app: App, run: Run) -> BeginWith:
        return value_of(freeze_state_before(app, run, "b7x", 1))

    def test_a_run_begins_like_one_whose_workspace_is_gone(self, app: App, source: Path) -> None:
        first = run(app, "echo 1 > lib/a; rm new; ./tool", BeginWith(path=str(source)))
        shutil.rmtree(first.workspace)
        sh("echo later > lib/a", source)
        begin = self.before(app, first)
        again = run(app, "cat lib/a new link; test -x tool; git status --short; git log", begin)
        assert baseline(app, again) == baseline(app, first)
        assert again.source is not None
        assert first.source is not None
        assert (again.source.path, again.source.commit) == (str(source), first.source.commit)
        assert again.status == Status.SUCCEEDED
        assert git(Path(again.workspace), "log", "--format=%s") == (
            f"The state that the run {first.id} began with\n"
        )

    def test_its_change_goes_where_that_of_the_first_run_went(self, app: App, source: Path) -> None:
        first = run(app, "true", BeginWith(path=str(source)))
        again = run(app, "sed -i s/one/1/ lib/a", self.before(app, first))
        sh("echo three >> lib/a", source)
        apply_run(ApplyOptions(), again, app)
        assert (source / "lib" / "a").read_text() == "1\ntwo\nthree\n"

    def test_a_run_that_began_empty_is_repeated_in_an_empty_folder(self, app: App) -> None:
        assert self.before(app, run(app, "echo 1 > a", BeginWith())) == BeginWith()

    def test_a_run_in_place_is_repeated_in_a_copy(self, app: App, source: Path) -> None:
        first = run(app, "echo 1 > lib/a", BeginWith(in_place=str(source)))
        again = run(app, "cat lib/a", self.before(app, first))
        assert again.source is not None
        assert (again.source.kind, again.source.path) == ("folder", str(source))
        assert (Path(again.workspace) / "lib" / "a").read_text() == "one\ntwo\n"

    def test_states_that_are_gone_are_an_error(self, app: App, source: Path) -> None:
        first = run(app, "true", BeginWith(path=str(source)))
        shutil.rmtree(app.settings.paths.snapshots)
        with pytest.raises(CrossrunError, match="no longer recorded"):
            self.before(app, first)


class TestDisk:
    """Frozen copies stay as long as their batch may be continued, and not for ever."""

    def recorded(self, app: App, source: Path, *, ended: bool) -> tuple[str, Path]:
        """A batch with a frozen copy; its id, and the folder of its copies."""
        batch_id = app.store.batches.new_id()
        request = asked("true", BeginWith(path=str(source)))
        request = value_of(freeze(app, request, batch_id, 1, CancelToken()))
        made = Batch(
            id=batch_id,
            kind="attempts",
            project_id="default",
            created_at=now(),
            rows=(BatchRow(number=1, name="1", request=request),),
            ended_at=now() if ended else None,
        )
        app.store.batches.add(made, app.redactor)
        return batch_id, Path(request.begin_with.frozen or "").parent

    def removed(self, app: App, rules: RetentionRules = EVERYTHING) -> list[str]:
        request = CleanupRequest(rules)
        paths = app.settings.paths
        stored = read_runs(app.store.workspaces, paths, request)
        findings = find(stored, paths, request, measuring())
        result = remove_found(app.store, paths, request, findings)
        assert result.failures == []
        return [usage.batch_id for usage in findings.frozen]

    def test_those_of_an_ended_batch_go_with_their_states(self, app: App, source: Path) -> None:
        batch_id, folder = self.recorded(app, source, ended=True)
        assert self.removed(app, RetentionRules(older_than=3600.0)) == []
        assert self.removed(app, RetentionRules(project_id="default")) == []
        assert self.removed(app) == [batch_id]
        assert not folder.exists()
        states = object_store(app.settings.paths.snapshots).keys()
        assert not any(name.startswith(batch_id) for name in states)
        assert self.removed(app) == []

    def test_those_of_a_batch_that_may_be_continued_stay(self, app: App, source: Path) -> None:
        _, folder = self.recorded(app, source, ended=False)
        assert self.removed(app) == []
        assert folder.exists()

    def test_those_of_a_batch_that_is_carried_out_stay(self, app: App, source: Path) -> None:
        batch_id, folder = self.recorded(app, source, ended=True)
        with app.store.batches.carrying_out(batch_id):
            self.removed(app)
        assert folder.exists()

    def test_what_a_kill_left_before_the_batch_was_recorded_goes_after_a_day(
        self, app: App, source: Path
    ) -> None:
        begin = frozen(app, BeginWith(path=str(source)))
        folder = Path(begin.frozen or "").parent
        assert self.removed(app) == []
        os.utime(folder, (0, 0))
        assert self.removed(app) == ["b7x"]
        assert not folder.exists()

    def test_their_disk_space_is_counted_apart(self, app: App, source: Path) -> None:
        (source / "big").write_bytes(b"x" * 1_000_000)
        self.recorded(app, source, ended=False)
        usage = disk_usage(app.settings.paths, app.store.workspaces.locations())
        assert usage.frozen > 1_000_000
        assert usage.projects == []


class TestInstructions:
    def test_they_are_what_the_agent_gets_and_no_change(self, app: App, source: Path) -> None:
        sh("echo own > AGENTS.md; git add AGENTS.md; git commit -qm agents", source)
        begin = BeginWith(path=str(source), instructions="Be brief.\n")
        done = run(app, "cat AGENTS.md; git status --short; echo x > x; git add -A", begin)
        assert (Path(done.workspace) / "AGENTS.md").read_text() == "Be brief.\n"
        assert [change.path for change in done.changes or ()] == ["x"]
        apply_run(ApplyOptions(), done, app)
        assert (source / "AGENTS.md").read_text() == "own\n"
        assert (source / "x").exists()
        assert "AGENTS.md" not in git(Path(done.workspace), "diff", "--name-only", "HEAD")

    def test_they_lie_where_the_agent_works_and_nobody_commits_them(
        self, app: App, source: Path
    ) -> None:
        begin = BeginWith(path=str(source / "lib"), instructions="Be brief.\n")
        done = run(app, "cat AGENTS.md; git add -A ..; git commit -qm all", begin)
        assert (Path(done.workspace) / "lib" / "AGENTS.md").read_text() == "Be brief.\n"
        assert "AGENTS.md" not in git(Path(done.workspace), "ls-files")
        assert done.changes == ()

    def test_a_link_is_replaced_and_what_it_leads_to_stays(self, app: App, source: Path) -> None:
        sh("echo own > README; ln -s README AGENTS.md", source)
        done = run(app, "cat README", BeginWith(path=str(source), instructions="Be brief.\n"))
        assert (Path(done.workspace) / "README").read_text() == "own\n"
        assert (Path(done.workspace) / "AGENTS.md").read_text() == "Be brief.\n"
        assert done.changes == ()

    def test_they_are_no_change_of_a_run_that_begins_with_the_workspace_of_another(
        self, app: App, source: Path
    ) -> None:
        first = run(app, "echo 1 > one", BeginWith(path=str(source)))
        begin = frozen(app, BeginWith(run_id=first.id, instructions="Be brief.\n"))
        second = run(app, "echo 2 > two", begin)
        apply_run(ApplyOptions(), second, app)
        assert (source / "one").exists()
        assert (source / "two").exists()
        assert not (source / "AGENTS.md").exists()

    def test_an_empty_folder_gets_them_too(self, app: App) -> None:
        done = run(app, "cat AGENTS.md", BeginWith(instructions="Be brief.\n"))
        assert (done.status, done.changes) == (Status.SUCCEEDED, ())
