"""crossrun as a library: runs in threads of a program that has children and signals to itself."""

import ctypes
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import is_gone, wait_for

from crossrun.config.settings import Settings
from crossrun.config.sources import load
from crossrun.errors import UsageError
from crossrun.events import RunFinished
from crossrun.executors.survivors import adopting_orphans
from crossrun.model.requests import Limits, RunRequest
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.services.lineage import prepare_run
from crossrun.services.notices import Notice, Notify, ignore
from crossrun.services.runs import RunHandle, cancel, follow
from crossrun.services.runs import wait_for as wait_for_runs

pytestmark = pytest.mark.process

_PR_GET_CHILD_SUBREAPER = 37
_ORPHAN = """\
(env -i PATH="$PATH" setsid sh -c 'echo $$ > pid; exec sleep 60' >/dev/null 2>&1 &) &
while [ ! -s pid ]; do sleep 0.01; done
"""
"""Leaves a process that has no marker, no parent and a session of its own."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(cwd=tmp_path, home=tmp_path / "home")


def begun(settings: Settings, script: str, notify: Notify = ignore) -> RunHandle:
    """A run of a script in a thread."""
    app = App(settings, notify)
    app.store.open_for_writing()
    request = RunRequest(task=script, executor="shell", limits=Limits(timeout=120))
    handle = RunHandle(app, prepare_run(app.store, request))
    handle.start()
    return handle


def is_subreaper() -> bool:
    answer = ctypes.c_int()
    ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return bool(answer.value)


class Children:
    """Children of the host program, in sessions of their own."""

    def __init__(self) -> None:
        self.staying: list[subprocess.Popen[bytes]] = []
        self.ending: list[subprocess.Popen[bytes]] = []

    def start(self, folder: Path) -> None:
        for argv, started in (
            (["sleep", "60"], self.staying),
            (["sh", "-c", "sleep 0.2; exit 7"], self.ending),
        ):
            started.append(subprocess.Popen(argv, cwd=folder, start_new_session=True))


@pytest.fixture
def children() -> Iterator[Children]:
    started = Children()
    yield started
    for child in started.staying:
        child.kill()
        child.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are looked for in /proc")
def test_eight_runs_in_threads_leave_the_host_alone(
    settings: Settings, children: Children, tmp_path: Path
) -> None:
    children.start(tmp_path)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTSTP)
    runs = []
    for number in range(8):
        script = f"{_ORPHAN}sleep 0.{number}; kill -0 $(cat pid)"
        runs.append(begun(settings, script))
        children.start(tmp_path)
        children.start(settings.paths.workspaces)
    ended = [run.wait() for run in runs]
    assert [run.status for run in ended] == [Status.SUCCEEDED] * 8
    orphans = [int((Path(run.workspace) / "pid").read_text()) for run in ended]
    assert all(map(is_gone, orphans))
    assert [child.poll() for child in children.staying] == [None] * 17
    assert [child.wait() for child in children.ending] == [7] * 17
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTSTP)) == before
    assert not is_subreaper()


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are looked for in /proc")
def test_runs_of_one_process_that_adopts_orphans_end_their_own(settings: Settings) -> None:
    with adopting_orphans():
        runs = [
            begun(settings, f"{_ORPHAN}sleep 0.{number}; kill -0 $(cat pid)") for number in range(4)
        ]
        for run in runs:
            ended = run.wait()
            assert ended.status is Status.SUCCEEDED
            assert is_gone(int((Path(ended.workspace) / "pid").read_text()))
    assert not is_subreaper()


def test_old_workspaces_are_removed_and_the_notice_is_a_value(tmp_path: Path) -> None:
    settings = load(flags={"cleanup.keep_last": 3}, cwd=tmp_path, home=tmp_path / "home")
    notices: list[Notice] = []
    for _ in range(4):
        begun(settings, "true", notices.append).wait()
    assert notices == [Notice("removed 1 old workspace, as set in the settings")]


def test_events_of_a_run_come_while_it_runs_and_end_with_it(settings: Settings) -> None:
    run = begun(settings, "echo hello; while [ ! -e go ]; do sleep 0.05; done")
    types = []
    for recorded in run.events():
        types.append(type(recorded.event).__name__)
        if types[-1] == "WorkspacePrepared":
            (Path(recorded.event.path) / "go").touch()  # type: ignore[union-attr]
    assert types[0] == "RunStarted"
    assert types[-1] == "RunFinished"
    assert run.wait().status is Status.SUCCEEDED


def test_a_run_is_cancelled_by_its_handle(settings: Settings) -> None:
    run = begun(settings, "sleep 60")
    assert not run.wait(timeout=0.01).ended
    run.cancel()
    assert run.wait().status is Status.CANCELLED


class AppDuringTheEnd(App):
    """Looks at a run just while it ends."""

    handle: RunHandle

    def run(self, reference: str | None = None, project_id: str | None = None) -> Run:
        self.handle.wait()
        return super().run(reference, project_id)


def test_events_stored_while_the_end_is_looked_for_are_not_missed(settings: Settings) -> None:
    app = AppDuringTheEnd(settings)
    app.handle = begun(settings, "sleep 0.2")
    events = [item.event for item in follow(app, app.handle.id) if item is not None]
    assert isinstance(events[-1], RunFinished)


def test_a_run_is_followed_and_cancelled_by_another_thread(settings: Settings) -> None:
    run = begun(settings, "touch ready; sleep 60")
    app = App(settings)
    wait_for((Path(app.run(run.id).workspace) / "ready").exists)
    assert [each.status for each in wait_for_runs(app, [run.id], 0.2)] == [Status.RUNNING]
    seen: list[object] = []
    follower = threading.Thread(target=lambda: seen.extend(follow(App(settings), run.id)))
    follower.start()
    assert [each.status for each in cancel(app, [run.id])] == [Status.CANCELLED]
    follower.join()
    assert sum(each is not None for each in seen) == app.store.read.last_seq(run.id)


def test_what_is_missing_is_raised_where_the_run_is_started(settings: Settings) -> None:
    app = App(settings)
    app.store.open_for_writing()
    request = RunRequest(task="x", executor="shell", task_type="none")
    handle = RunHandle(app, prepare_run(app.store, request))
    with pytest.raises(UsageError):
        handle.start()
    assert app.store.read.unfinished() == []
