"""Carrying batches out: order, workers, budgets, failures, cancelling, kills."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from batches import carried_out, opened, planned, row, statuses, unstored, with_options
from msgspec.structs import replace
from processes import LINGERING, lingering, told_pid, until_there, wait_for

from crossrun.batches.progress import exit_code, states
from crossrun.errors import StillRunningError, UsageError
from crossrun.model.batches import Batch, BatchOptions, Budget
from crossrun.model.queries import RunFilter
from crossrun.model.requests import BeginWith, RunRequest
from crossrun.model.retention import RetentionRules
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.services.batches.cancelling import cancel_batch, cancel_rows
from crossrun.services.batches.engine import RowChange, carry_out
from crossrun.services.batches.workers import NotStarted, Workers
from crossrun.services.cleanup.removal import CleanupRequest, find, read_runs, remove_found
from crossrun.system.cancellation import CancelToken

pytestmark = pytest.mark.process
PROGRAM = Path(__file__).with_name("batches.py")


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A new store."""
    return opened(tmp_path / "home")


def runs_of(app: App, batch: Batch) -> list[tuple[int, int, str]]:
    """Row, attempt and status of each run of a batch."""
    runs = app.store.read.runs(RunFilter(limit=1000))
    places = [
        (run.batch_row, run.batch_attempt, str(run.status))
        for run in runs
        if run.batch_id == batch.id
    ]
    return sorted((number or 0, attempt or 0, status) for number, attempt, status in places)


def started(app: App, batch: Batch, *words: str, jobs: int = 4) -> "subprocess.Popen[bytes]":
    """A process of its own that carries a batch out."""
    home = app.settings.paths.database.parent
    return subprocess.Popen(
        [
            sys.executable,
            PROGRAM,
            app.settings.environ["HOME"] + "/home",
            batch.id,
            str(jobs),
            *words,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
    )


class TestOrder:
    def test_rows_start_after_those_that_they_need_and_take_over_their_files(
        self, app: App, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        batch = planned(
            app,
            row(1, f"cat two.txt >> {log}; echo 1 >> {log}", after=["r3"], from_row="r2"),
            row(2, f"echo 2 >> {log}; echo from two > two.txt"),
            row(3, f"echo 3 >> {log}", after=["r2"]),
        )
        ended = carried_out(app, batch)
        assert log.read_text().split("\n")[:-1] == ["2", "3", "from two", "1"]
        assert (ended.state, ended.reason) == (Status.SUCCEEDED, None)
        assert [each.attempt for each in ended.rows] == [1, 1, 1]
        assert exit_code(ended) == 0

    def test_no_more_runs_than_jobs_are_active(self, app: App) -> None:
        batch = planned(app, *(row(number) for number in range(1, 7)))
        active: list[int] = []

        def count(change: RowChange | None) -> None:
            if change is not None:
                active.append(sum(each.status is Status.RUNNING for each in change.batch.rows))

        carried_out(app, batch, jobs=2, seen=count)
        assert max(active) == 2

    def test_each_change_of_a_row_is_told_once(self, app: App) -> None:
        batch = planned(app, row(1), row(2, "exit 3", after=["r1"]), row(3, after=["r2"]))
        told: list[tuple[str, str]] = []
        carried_out(
            app,
            batch,
            jobs=1,
            seen=lambda change: (
                told.append((change.row.name, change.state.name)) if change else None
            ),
        )
        assert told == [
            ("r1", "running"),
            ("r1", "succeeded"),
            ("r2", "running"),
            ("r2", "failed"),
            ("r3", "skipped"),
        ]


class TestFailures:
    def test_after_a_failure_nothing_more_starts(self, app: App) -> None:
        batch = planned(app, row(1, "exit 3"), row(2), row(3))
        ended = carried_out(app, batch, jobs=1)
        assert statuses(ended) == {"r1": "failed"}
        assert (ended.state, ended.reason) == (Status.FAILED, "r1 did not succeed")
        assert states(ended)[3] == ("skipped", "r1 did not succeed")
        assert exit_code(ended, app.store.batches.exit_codes(ended.id)) == 1

    def test_a_batch_that_keeps_going_skips_only_what_depends_on_the_failed_row(
        self, app: App
    ) -> None:
        options = BatchOptions(keep_going=True)
        rows = (row(1, "exit 3"), row(2), row(3, after=["r1"]), row(4, after=["r3"]))
        ended = carried_out(app, planned(app, *rows, options=options))
        assert statuses(ended) == {"r1": "failed", "r2": "succeeded"}
        assert states(ended)[3] == ("skipped", "r1 did not succeed")
        assert states(ended)[4] == ("skipped", "r3 was skipped")

    def test_only_failed_rows_run_again(self, app: App, tmp_path: Path) -> None:
        repaired = tmp_path / "repaired"
        batch = planned(app, row(1), row(2, f"test -e {repaired}"), row(3, after=["r2"]))
        carried_out(app, batch)
        again = carried_out(app, batch)
        assert (again.state, runs_of(app, batch)) == (
            Status.FAILED,
            [(1, 1, "succeeded"), (2, 1, "failed")],
        )
        repaired.touch()
        ended = carried_out(app, batch, retry_failed=True)
        assert ended.state is Status.SUCCEEDED
        assert runs_of(app, batch) == [
            (1, 1, "succeeded"),
            (2, 1, "failed"),
            (2, 2, "succeeded"),
            (3, 1, "succeeded"),
        ]
        retried = app.run(ended.rows[1].run_id)
        assert retried.retry_of is not None

    def test_a_row_that_cannot_begin_fails_with_its_reason_and_others_run(self, app: App) -> None:
        missing = RunRequest(
            task="true", executor="shell", begin_with=BeginWith(run_id="nosuchrun")
        )
        unplanned = RunRequest(task="x", planner="openai")
        options = BatchOptions(keep_going=True)
        rows = (row(1, request=missing), row(2, request=unplanned), row(3), row(4, after=["r1"]))
        ended = carried_out(app, planned(app, *rows, options=options))
        assert statuses(ended) == {"r1": "failed", "r2": "failed", "r3": "succeeded"}
        codes = [each.failure.code if each.failure else None for each in ended.rows]
        assert codes == ["RUN_NOT_FOUND", "PLANNER_AUTH", None, None]
        assert states(ended)[4] == ("skipped", "r1 did not succeed")
        assert exit_code(ended, app.store.batches.exit_codes(ended.id)) == 4
        again = carried_out(app, ended, retry_failed=True)
        assert [each.failure is None for each in again.rows] == [False, False, True, True]
        assert [each.attempt for each in again.rows] == [0, 0, 1, 0]

    def test_a_request_that_lost_its_secret_does_not_run(self, app: App) -> None:
        secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
        ended = carried_out(app, planned(app, row(1, f"echo {secret}")))
        failure = ended.rows[0].failure
        assert failure is not None
        assert failure.code == "REQUEST_REDACTED"
        assert secret not in str(ended)

    def test_the_ends_of_experiments_and_attempts_follow_their_own_rules(self, app: App) -> None:
        rows = (row(1, "exit 1"), row(2))
        options = BatchOptions(keep_going=True)
        ends = {
            kind: carried_out(app, planned(app, *rows, options=options, kind=kind)).state
            for kind in ("batch", "attempts", "experiment")
        }
        assert ends == {
            "batch": Status.FAILED,
            "attempts": Status.SUCCEEDED,
            "experiment": Status.SUCCEEDED,
        }

    def test_a_decision_ends_the_batch_early(self, app: App) -> None:
        batch = planned(
            app, row(1, "exit 1"), row(2), row(3), options=BatchOptions(keep_going=True)
        )

        def decided(current: Batch) -> str | None:
            passed = [each.name for each in current.rows if each.status is Status.SUCCEEDED]
            return f"{passed[0]} has passed" if passed else None

        ended = carried_out(app, batch, jobs=1, stopping_rule=decided)
        assert statuses(ended) == {"r1": "failed", "r2": "succeeded"}
        assert (ended.state, ended.reason) == (Status.SUCCEEDED, "r2 has passed")
        assert states(ended)[3] == ("skipped", "r2 has passed")


class TestBudgets:
    def test_a_spent_budget_starts_nothing_new_and_a_larger_one_continues(self, app: App) -> None:
        options = BatchOptions(budget=Budget(seconds=0.01))
        batch = planned(app, row(1, "sleep 0.1"), row(2), row(3), options=options)
        ended = carried_out(app, batch, jobs=1)
        assert statuses(ended) == {"r1": "succeeded"}
        assert ended.state is Status.LIMIT_REACHED
        assert ended.reason == "the budget of 0.01 seconds is used up"
        assert exit_code(ended) == 7
        with_options(app, ended, BatchOptions(budget=Budget(seconds=1000)))
        ended = carried_out(app, batch, jobs=1)
        assert (ended.state, exit_code(ended)) == (Status.SUCCEEDED, 0)
        assert [each.attempt for each in ended.rows] == [1, 1, 1]
        assert ended.seconds > 0.1

    def test_tokens_and_cost_are_those_of_all_runs_in_the_ledger(self, app: App) -> None:
        options = BatchOptions(budget=Budget(tokens=1000, cost=3))
        batch = planned(app, row(1), row(2), row(3), options=options)

        def used(_current: Batch) -> None:
            """As if the run that has ended had been one of a model."""
            with closing(sqlite3.connect(app.settings.paths.database)) as store, store:
                store.execute(
                    "UPDATE runs SET tokens = ?, cost = 1.5 WHERE status = 'succeeded'",
                    ['{"input": 90, "cached_input": 50, "output": 10, "reasoning": 5}'],
                )

        ended = carried_out(app, batch, jobs=1, stopping_rule=used)
        assert app.store.batches.used(batch.id) == (200, 3.0)
        assert (ended.state, ended.reason) == (Status.LIMIT_REACHED, "the budget of 3 is used up")
        assert statuses(ended) == {"r1": "succeeded", "r2": "succeeded"}


class TestCancelling:
    def test_a_stopped_batch_ends_its_runs_and_is_continued(self, app: App, tmp_path: Path) -> None:
        go, begun = tmp_path / "go", tmp_path / "begun"
        wait = f"touch {begun}; {until_there(go)}"
        batch = planned(app, row(1, wait), row(2, wait), row(3))
        stop = CancelToken()

        def stop_once_begun(_change: RowChange | None) -> None:
            if begun.exists() and not stop:
                stop.request("SIGINT")

        ended = carried_out(app, batch, jobs=2, stop=stop, seen=stop_once_begun)
        assert statuses(ended) == {"r1": "cancelled", "r2": "cancelled"}
        assert (ended.state, exit_code(ended)) == (Status.CANCELLED, 10)
        assert states(ended)[3] == ("skipped", "the batch was cancelled")
        go.touch()
        ended = carried_out(app, batch)
        assert ended.state is Status.SUCCEEDED
        assert [each.attempt for each in ended.rows] == [2, 2, 1]

    def test_a_run_that_the_user_cancels_stays_cancelled_until_it_is_retried(
        self, app: App, tmp_path: Path
    ) -> None:
        go = tmp_path / "go"
        batch = planned(app, row(1, until_there(go)), row(2), row(3, after=["r1"]))

        def cancel_first(change: RowChange | None) -> None:
            if change is not None and (change.row.name, change.state.name) == ("r1", "running"):
                app.store.ask_to_stop(change.row.run_id or "")

        ended = carried_out(app, batch, jobs=1, seen=cancel_first)
        assert statuses(ended) == {"r1": "cancelled", "r2": "succeeded"}
        assert (ended.state, ended.rows[0].is_cancelled) == (Status.FAILED, True)
        assert states(ended)[3] == ("skipped", "r1 was cancelled")
        again = carried_out(app, batch)
        assert [each.attempt for each in again.rows] == [1, 1, 0]
        go.touch()
        ended = carried_out(app, batch, retry_failed=True)
        assert (ended.state, [each.attempt for each in ended.rows]) == (Status.SUCCEEDED, [2, 1, 1])

    def test_waiting_rows_and_running_ones_are_cancelled_one_by_one(
        self, app: App, tmp_path: Path
    ) -> None:
        batch = planned(app, row(1, until_there(tmp_path / "never")), row(2), row(3))

        def cancel_two(change: RowChange | None) -> None:
            if change is not None and (change.row.name, change.state.name) == ("r1", "running"):
                cancel_rows(app, batch.id, [1, 2])

        ended = carried_out(app, batch, jobs=1, seen=cancel_two)
        assert statuses(ended) == {"r1": "cancelled", "r3": "succeeded"}
        assert states(ended)[2] == ("cancelled", "")
        assert runs_of(app, batch) == [(1, 1, "cancelled"), (3, 1, "succeeded")]

    def test_another_terminal_cancels_the_batch(self, app: App, tmp_path: Path) -> None:
        begun = tmp_path / "begun"
        batch = planned(app, row(1, f"touch {begun}; {until_there(tmp_path / 'never')}"), row(2))
        process = started(app, batch, jobs=1)
        wait_for(begun.exists)
        ended = cancel_batch(app, batch.id)
        process.communicate(timeout=60)
        assert (ended.state, statuses(ended)) == (Status.CANCELLED, {"r1": "cancelled"})
        assert not ended.rows[0].is_cancelled

    def test_closing_the_generator_ends_the_runs(self, app: App, tmp_path: Path) -> None:
        batch = planned(app, row(1, until_there(tmp_path / "never")))
        changes = carry_out(app, batch.id, jobs=1, stop=CancelToken())
        while (change := next(changes)) is None or change.state.name != "running":
            pass
        changes.close()
        left = app.store.batches.batch(batch.id)
        assert (left.state, statuses(left)) == (None, {"r1": "cancelled"})
        assert not app.store.batches.is_active(batch.id)


def test_what_a_run_leaves_behind_ends_with_it_while_others_are_active(
    app: App, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    folders = [tmp_path / str(number) for number, _ in enumerate(LINGERING)]
    for folder in folders:
        folder.mkdir()
    scripts = [lingering(how, folder) for how, folder in zip(LINGERING, folders, strict=True)]
    rows = [row(number, script) for number, script in enumerate(scripts, start=2)]
    batch = planned(app, row(1, until_there(go)), *rows)
    process = started(app, batch, jobs=4)
    succeeded = {each.name: "succeeded" for each in rows}
    wait_for(lambda: statuses(app.store.batches.batch(batch.id)) == {"r1": "running", **succeeded})
    left = [psutil.pid_exists(told_pid(folder)) for folder in folders]
    go.touch()
    assert process.communicate(timeout=60)[1] == b""
    assert left == [False] * len(folders)
    assert app.store.batches.batch(batch.id).state is Status.SUCCEEDED


class TestTwoAtOnce:
    def test_a_batch_has_one_engine(self, app: App, tmp_path: Path) -> None:
        go, begun = tmp_path / "go", tmp_path / "begun"
        batch = planned(app, row(1, f"touch {begun}; {until_there(go)}"))
        process = started(app, batch)
        wait_for(begun.exists)
        assert app.store.batches.is_active(batch.id)
        with pytest.raises(StillRunningError, match="another crossrun process"):
            carried_out(app, batch)
        go.touch()
        assert process.communicate(timeout=60)[1] == b""
        assert not app.store.batches.is_active(batch.id)
        assert runs_of(app, batch) == [(1, 1, "succeeded")]

    def test_a_row_is_refused_while_a_run_carries_it_out_or_has_done_so(self, app: App) -> None:
        batch = carried_out(app, planned(app, row(1)))
        left = replace(batch.rows[0], status=None)
        app.store.batches.update(batch, app.redactor)
        workers = Workers(app.settings, batch.id, 1)
        workers.start(left, None)
        report = workers.next_report(30)
        workers.close()
        assert isinstance(report, NotStarted)
        assert report.error.code == "ROW_TAKEN"
        assert runs_of(app, batch) == [(1, 1, "succeeded")]
        assert app.store.perhaps_left_behind() == []

    def test_two_batches_share_the_places_for_runs(self, app: App, tmp_path: Path) -> None:
        shared = opened(tmp_path / "home", CROSSRUN_RUNS_MAX_PARALLEL="2")
        assert shared.settings.runs.max_parallel == 2
        (tmp_path / "home" / "config.yaml").write_text("runs:\n  max_parallel: 2\n")
        count = tmp_path / "count"
        count.mkdir()
        script = (
            f"touch {count}/$$; ls {count} | wc -l >> {tmp_path}/most; sleep 0.2; rm {count}/$$"
        )
        batches = [planned(app, *(row(n, script) for n in range(1, 6))) for _ in range(2)]
        processes = [started(app, batch) for batch in batches]
        assert [process.communicate(timeout=120)[1] for process in processes] == [b"", b""]
        most = [int(line) for line in (tmp_path / "most").read_text().split()]
        assert len(most) == 10
        assert max(most) <= 2
        for batch in batches:
            assert app.store.batches.batch(batch.id).state is Status.SUCCEEDED

    def test_writing_in_one_thread_leaves_the_locks_of_the_others(self, app: App) -> None:
        batch = planned(app, row(1))
        database = app.settings.paths.database
        write = f"c = sqlite3.connect({str(database)!r}); c.execute('CREATE TABLE x(y)')"
        with app.store.batches.carrying_out(batch.id):
            app.store.batches.cancel_rows(batch.id, [1])
            subprocess.run(
                [sys.executable, "-c", f"import sqlite3; {write}; c.close()"], check=True
            )
            assert database.with_name(f"{database.name}-wal").exists()

    def test_runs_that_wait_for_others_are_queued(self, tmp_path: Path) -> None:
        app = opened(tmp_path / "home", CROSSRUN_RUNS_MAX_PARALLEL="1")
        told: list[str] = []
        ended = carried_out(
            app,
            planned(app, row(1, "sleep 0.3"), row(2)),
            jobs=2,
            seen=lambda change: told.append(change.state.name) if change else None,
        )
        assert sorted(set(told)) == ["queued", "running", "succeeded"]
        assert [each.attempt for each in ended.rows] == [1, 1]


class TestKills:
    def test_a_batch_that_is_killed_again_and_again_runs_each_row_to_one_success(
        self, app: App, tmp_path: Path
    ) -> None:
        script = (
            "echo begin $CROSSRUN_RUN_ID >> {file}; sleep 0.05; echo end $CROSSRUN_RUN_ID >> {file}"
        )
        files = {number: tmp_path / f"log{number}" for number in range(1, 13)}
        rows = [
            row(number, script.format(file=file), after=["r1"] if number > 9 else [])
            for number, file in files.items()
        ]
        batch = planned(app, *rows)
        for moment in (0.5, 1.3, 0.8, 1.1):
            process = started(app, batch)
            time.sleep(moment)
            process.kill()
            process.communicate()
        ended = carried_out(app, batch)
        assert ended.state is Status.SUCCEEDED
        runs = runs_of(app, batch)
        succeeded = [number for number, _, status in runs if status == "succeeded"]
        assert succeeded == list(files)
        assert {status for _, _, status in runs} <= {"succeeded", "interrupted"}
        for number, file in files.items():
            assert_one_after_the_other(file, str(ended.rows[number - 1].run_id))
        assert app.store.perhaps_left_behind() == []

    def test_rows_of_a_killed_engine_are_interrupted_and_get_a_new_attempt(
        self, app: App, tmp_path: Path
    ) -> None:
        go, begun = tmp_path / "go", tmp_path / "begun"
        batch = planned(app, row(1, f"touch {begun}; {until_there(go)}"), row(2, after=["r1"]))
        process = started(app, batch)
        wait_for(begun.exists)
        process.kill()
        process.communicate()
        app.settle_dead_runs()
        left = app.store.batches.batch(batch.id)
        assert (left.state, statuses(left)) == (None, {"r1": "interrupted"})
        assert not app.store.batches.is_active(batch.id)
        go.touch()
        carried_out(app, batch)
        assert runs_of(app, batch) == [
            (1, 1, "interrupted"),
            (1, 2, "succeeded"),
            (2, 1, "succeeded"),
        ]

    def test_an_interrupted_batch_can_be_cancelled(self, app: App, tmp_path: Path) -> None:
        begun, tested = tmp_path / "begun", tmp_path / "tested"
        batch = planned(app, row(1, f"touch {begun}; {until_there(tested)}"))
        process = started(app, batch)
        wait_for(begun.exists)
        process.kill()
        process.communicate()
        assert cancel_batch(app, batch.id).state is Status.CANCELLED
        tested.touch()


def assert_one_after_the_other(file: Path, last: str) -> None:
    """Nothing of an earlier run comes after the begin of a later one; the last one succeeded."""
    order: list[str] = []
    for line in file.read_text().splitlines():
        _, run_id = line.split()
        if run_id not in order:
            order.append(run_id)
        assert run_id == order[-1], "two runs of one row at once"
    assert order[-1] == last


def test_what_rows_became_is_kept_when_their_runs_are_forgotten(app: App) -> None:
    batch = carried_out(app, planned(app, row(1), row(2, "exit 1")))
    app.store.forget([str(each.run_id) for each in batch.rows])
    assert app.store.batches.batch(batch.id).rows == batch.rows
    ended: dict[str, Any] = statuses(carried_out(app, batch))
    assert ended == {"r1": "succeeded", "r2": "failed"}
    assert list((app.settings.paths.state / "batches").iterdir()) == []


class TestOtherCommands:
    def test_the_same_rows_are_started_by_one_of_two_commands_at_once(self, app: App) -> None:
        design = {"origin": "/rows.yaml", "task": None}
        batch = replace(unstored(row(1)), design=design)
        first = app.store.batches.add(batch, app.redactor, alone=True)
        with pytest.raises(UsageError) as refused:
            app.store.batches.add(batch, app.redactor, alone=True)
        assert (refused.value.code, first.id in refused.value.message) == ("BATCH_UNFINISHED", True)
        carried_out(app, first)
        assert app.store.batches.add(batch, app.redactor, alone=True).id != first.id

    def test_a_locked_store_does_not_end_a_batch_whose_time_is_noted(self, app: App) -> None:
        batch = planned(app, row(1))
        database = app.settings.paths.database
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            app.store.batches.update_if_free(replace(batch, seconds=1.0), app.redactor)
            other.execute("ROLLBACK")
        assert app.store.batches.batch(batch.id).seconds == 0.0
        app.store.batches.update_if_free(replace(batch, seconds=2.0), app.redactor)
        assert app.store.batches.batch(batch.id).seconds == 2.0

    def test_a_workspace_stays_until_the_rows_that_begin_with_it_have_run(self, app: App) -> None:
        batch = planned(app, row(1, "echo 1 > file"), row(2, "cat file", from_row="r1"))
        stop = CancelToken()

        def stop_after_first(change: RowChange | None) -> None:
            if change is not None and change.state.name == "succeeded":
                stop.request("SIGINT")

        stopped = carried_out(app, batch, jobs=1, stop=stop, seen=stop_after_first)
        assert statuses(stopped)["r1"] == "succeeded"
        app.store.batches.update(replace(stopped, state=None, ended_at=None), app.redactor)
        assert self.removed(app) == []
        ended = carried_out(app, batch)
        assert statuses(ended) == {"r1": "succeeded", "r2": "succeeded"}
        assert stopped.rows[0].run_id in self.removed(app)

    def test_a_batch_has_succeeded_if_all_of_its_rows_have_when_it_is_stopped(
        self, app: App
    ) -> None:
        stop = CancelToken()

        def stop_after_last(change: RowChange | None) -> None:
            if change is not None and change.state.name == "succeeded":
                stop.request("SIGINT")

        ended = carried_out(app, planned(app, row(1)), stop=stop, seen=stop_after_last)
        assert (ended.state, ended.reason) == (Status.SUCCEEDED, None)

    def removed(self, app: App) -> list[str]:
        """The runs whose workspaces a removal of everything removes."""
        request = CleanupRequest(RetentionRules(older_than=0, force=True))
        paths = app.settings.paths
        findings = find(read_runs(app.store.workspaces, paths, request), paths, request, None)
        result = remove_found(app.store, paths, request, findings)
        return [usage.newest.id for usage in result.removed]
