"""Requests to stop and deadlines while crossrun itself works: they are obeyed at once."""

import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Crossrun
from trees import value_of

from crossrun.system.background import Background, Cancelled, awaited, checkpoint
from crossrun.workspace.snapshots.recorder import Snapshots

AT_ONCE = 40.0
"""Seconds within which a run ends on any machine; a snapshot of the folders here takes longer."""
HUGE = 400 * 1024**3
"""Bytes of a file without blocks: it takes no room, and ten minutes or more to read."""


@pytest.fixture
def slow(crossrun: Crossrun) -> Path:
    """A folder of the user's that takes a long time to record."""
    folder = crossrun.cwd / "slow"
    folder.mkdir()
    (folder / "notes").write_text("mine\n")
    make_huge(folder / "huge")
    return folder


def make_huge(file: Path) -> None:
    with file.open("wb") as content:
        content.truncate(HUGE)


def until_recording(run: "subprocess.Popen[bytes]", crossrun: Crossrun) -> None:
    """Waits until a command records a state, the huge file included."""
    while not partial_packs(crossrun):
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)


def partial_packs(crossrun: Crossrun) -> list[Path]:
    """Packs of recorded contents that are not complete."""
    return list(crossrun.home.rglob("tmp_pack_*"))


def ended(run: "subprocess.Popen[bytes]") -> tuple[int, str]:
    began = time.monotonic()
    _, err = run.communicate(timeout=60)
    assert time.monotonic() - began < AT_ONCE
    return run.returncode, err.decode()


class TestBeforeTheAgent:
    @pytest.mark.parametrize("beginning", ["--workspace", "--source"])
    def test_after_ctrl_c_the_agent_is_not_started_and_nothing_half_written_stays(
        self, crossrun: Crossrun, slow: Path, beginning: str
    ) -> None:
        words = ("run", "touch ../begun", "--executor", "shell", beginning, str(slow))
        run = crossrun.start(*words)
        until_recording(run, crossrun)
        run.send_signal(signal.SIGINT)
        code, err = ended(run)
        assert code == 130
        assert "the agent was not started" in err
        assert partial_packs(crossrun) == []
        assert not (crossrun.cwd / "begun").exists()
        shown = crossrun.json("show")
        assert (shown["status"], shown["failure"]["code"]) == ("cancelled", "CANCELLED")
        assert "step_planned" not in [event["type"] for event in crossrun.events()]

    def test_the_time_runs_out(self, crossrun: Crossrun, slow: Path) -> None:
        words = ("--executor", "shell", "--workspace", str(slow), "--timeout", "1s")
        began = time.monotonic()
        result = crossrun("run", "touch ../begun", *words)
        assert time.monotonic() - began < AT_ONCE
        assert result.code == 124
        assert not (crossrun.cwd / "begun").exists()

    def test_the_next_run_finds_nothing_in_its_way(self, crossrun: Crossrun, slow: Path) -> None:
        words = ("--executor", "shell", "--workspace", str(slow), "--timeout", "1s")
        assert crossrun("run", "true", *words).code == 124
        (slow / "huge").unlink()
        assert crossrun("run", "echo more >> notes", *words[:-2]).code == 0
        assert [change["path"] for change in crossrun.json("diff")["changes"]] == ["notes"]


class TestAfterTheAgent:
    def test_a_cancelled_run_is_measured(self, crossrun: Crossrun, tmp_path: Path) -> None:
        run = crossrun.start("run", f"touch made {tmp_path}/begun; sleep 60", "--executor", "shell")
        while not (tmp_path / "begun").exists():
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        assert ended(run)[0] == 130
        assert [change["path"] for change in crossrun.json("diff")["changes"]] == ["made"]

    def test_a_second_ctrl_c_ends_the_measuring_and_cleanup_keeps_the_files(
        self, crossrun: Crossrun
    ) -> None:
        source = crossrun.cwd / "source"
        source.mkdir()
        script = f"truncate -s {HUGE} huge"
        words = ("run", script, "--executor", "shell", "--source", str(source), "--verify", "true")
        run = crossrun.start(*words)
        until_recording(run, crossrun)
        run.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert run.poll() is None, "the first one lets it measure what the run did"
        run.send_signal(signal.SIGINT)
        code, err = ended(run)
        assert code == 130
        assert "the change was not measured" in err
        assert partial_packs(crossrun) == []
        assert "verified" not in [event["type"] for event in crossrun.events()]
        kept = crossrun.json("cleanup", "--older-than", "0s", "--yes")["kept"]
        assert [holding["why"] for holding in kept] == ["its work was not applied"]


class TestOtherCommands:
    def test_one_that_looks_at_a_run_ends_at_ctrl_c_and_leaves_nothing(
        self, crossrun: Crossrun, slow: Path
    ) -> None:
        huge = slow / "huge"
        huge.rename(crossrun.cwd / "huge")
        script = f"mv ../huge {huge}; touch ../begun; sleep 60"
        words = ("run", script, "--executor", "shell", "--workspace", str(slow))
        run = crossrun.start(*words)
        while not (crossrun.cwd / "begun").exists():
            time.sleep(0.02)
        before = set(crossrun.home.rglob("*"))
        diff = crossrun.start("diff")
        until_recording(diff, crossrun)
        diff.send_signal(signal.SIGINT)
        assert ended(diff) == (130, "")
        assert set(crossrun.home.rglob("*")) == before
        killed = crossrun.start("diff")
        until_recording(killed, crossrun)
        killed.kill()
        killed.communicate()
        assert crossrun.json("stats")["disk"]["leftovers"] > 0, "what is left is found"
        for number in (signal.SIGINT, signal.SIGTERM):
            run.send_signal(number)
        ended(run)


class TestBackground:
    def test_a_cancelled_call_ends_at_its_checkpoint(self) -> None:
        def endless() -> None:
            while True:
                checkpoint(3)
                time.sleep(0.01)

        call = Background(endless)
        while call.progress != 3:
            assert not call.done(0.01)
        call.cancel()
        assert call.done(0)
        with pytest.raises(Cancelled):
            call.value()

    def test_a_call_that_ends_is_not_disturbed(self) -> None:
        def call() -> str:
            checkpoint(1)
            return "value"

        assert value_of(awaited(call, lambda done, _total: done)) == "value"

    def test_its_error_is_raised_where_it_is_awaited(self) -> None:
        def wrong() -> None:
            raise ValueError("wrong")

        with pytest.raises(ValueError, match="wrong"):
            list(awaited(wrong, lambda done, _total: done))

    def test_outside_of_one_a_checkpoint_is_nothing(self) -> None:
        checkpoint(1)


def test_a_snapshot_tells_how_many_files_are_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number:03}{'x' * 150}").write_text(str(number))
    make_huge(folder / "~last")
    snapshots = Snapshots(tmp_path / "states.git", folder)
    call = Background(snapshots.take)
    while call.progress < 200:
        assert not call.done(0.05)
    call.cancel()
    assert call.progress <= 300
