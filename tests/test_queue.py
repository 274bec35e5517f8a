"""Runs that wait for one another."""

import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import Crossrun, types
from processes import until_there, wait_for

from crossrun.store.queue import RunQueue

ONE = {"CROSSRUN_RUNS_MAX_PARALLEL": "1"}
Started = tuple["subprocess.Popen[bytes]", str]


class TestLine:
    @pytest.fixture
    def queue(self, tmp_path: Path) -> RunQueue:
        return RunQueue(tmp_path / "queue", 2)

    def test_as_many_go_on_as_there_are_places_and_the_others_wait_in_order(
        self, queue: RunQueue
    ) -> None:
        with ExitStack() as one, ExitStack() as two, ExitStack() as three, ExitStack() as four:
            lines = [stack.enter_context(queue.line()) for stack in (one, two, three, four)]
            assert [next(line) for line in lines] == [None, None, 0, 1]
            assert [next(line) for line in lines] == [None, None, 0, 1]
            two.close()
            assert next(lines[3]) == 1
            assert next(lines[2]) is None
            assert next(lines[3]) == 0
            one.close()
            assert next(lines[3]) is None

    def test_whoever_leaves_the_line_makes_room(self, queue: RunQueue) -> None:
        with queue.line() as one, queue.line() as two, ExitStack() as leaving, queue.line() as last:
            assert [next(one), next(two)] == [None, None]
            waiting = leaving.enter_context(queue.line())
            assert [next(last), next(waiting)] == [0, 1]
        with queue.line() as one, queue.line() as two, ExitStack() as leaving:
            assert [next(one), next(two)] == [None, None]
            waiting = leaving.enter_context(queue.line())
            with queue.line() as last:
                assert [next(waiting), next(last)] == [0, 1]
                leaving.close()
                assert next(last) == 0

    def test_a_ticket_of_a_process_that_is_gone_holds_nobody_up(
        self, queue: RunQueue, tmp_path: Path
    ) -> None:
        tickets = tmp_path / "queue" / "tickets"
        tickets.mkdir(parents=True)
        (tickets / "00000000000000000001-77").touch()
        with queue.line() as line:
            assert next(line) is None
        assert list(tickets.iterdir()) == []


def begun(crossrun: Crossrun, script: str, **environ: str) -> Started:
    process = crossrun.start("run", "--executor", "shell", script, **{**ONE, **environ})
    assert process.stdout is not None
    return process, process.stdout.readline().decode().strip()


def status(crossrun: Crossrun, run_id: str) -> str:
    found: str = crossrun.json("show", run_id)["status"]
    return found


def ended(process: "subprocess.Popen[bytes]") -> int:
    process.communicate(timeout=40)
    return process.returncode


def test_further_runs_wait_in_order_and_are_shown_as_queued(crossrun: Crossrun) -> None:
    order = crossrun.cwd / "order"
    first, first_id = begun(crossrun, until_there(crossrun.cwd / "go"))
    others: list[Started] = []
    for n in range(3):
        others.append(begun(crossrun, f"echo {n} >> {order}"))
        wait_for(lambda: status(crossrun, others[-1][1]) == "queued", 30)
    told = crossrun.json("show", others[0][1])
    assert (told["started_at"], told["exit_code"]) == (None, None)
    assert "queued" in crossrun("runs").out
    assert status(crossrun, first_id) == "running"
    (crossrun.cwd / "go").touch()
    assert [ended(process) for process, _ in [(first, ""), *others]] == [0, 0, 0, 0]
    assert order.read_text().split() == ["0", "1", "2"]
    queued = [e for e in crossrun.events(others[2][1]) if e["type"] == "run_queued"]
    assert [(e["limit"], e["ahead"]) for e in queued] == [(1, 2)]
    run = crossrun.json("show", others[2][1])
    assert run["created_at"] < run["started_at"]


def test_a_queued_run_can_be_cancelled(crossrun: Crossrun) -> None:
    first, first_id = begun(crossrun, "sleep 30")
    second, second_id = begun(crossrun, "true")
    wait_for(lambda: status(crossrun, second_id) == "queued", 30)
    assert crossrun("cancel", second_id).code == 0
    assert ended(second) == 10
    assert "agent_launched" not in types(crossrun.events(second_id))
    assert crossrun("cancel", first_id).code == 0
    assert ended(first) == 10


def test_a_killed_run_makes_room(crossrun: Crossrun) -> None:
    first, first_id = begun(crossrun, "sleep 30")
    second, second_id = begun(crossrun, "true")
    killed, killed_id = begun(crossrun, "true")
    wait_for(lambda: status(crossrun, killed_id) == "queued", 30)
    for process in (killed, first):
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert ended(second) == 0
    found = [status(crossrun, run_id) for run_id in (first_id, second_id, killed_id)]
    assert found == ["interrupted", "succeeded", "interrupted"]


def test_the_timeout_begins_with_the_run_and_not_with_the_queue(crossrun: Crossrun) -> None:
    first, _ = begun(crossrun, until_there(crossrun.cwd / "go"))
    second, second_id = begun(crossrun, "true", CROSSRUN_TIMEOUT="4s")
    time.sleep(4)
    (crossrun.cwd / "go").touch()
    assert (ended(first), ended(second)) == (0, 0)
    assert status(crossrun, second_id) == "succeeded"


def test_without_a_limit_nobody_waits(crossrun: Crossrun) -> None:
    first, first_id = begun(crossrun, "sleep 30")
    done = crossrun("run", "--executor", "shell", "true")
    assert done.code == 0
    assert "run_queued" not in types(crossrun.events())
    crossrun("cancel", first_id)
    ended(first)
