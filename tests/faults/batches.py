"""kill -9 of crossrun at any point of a batch: continued, each row succeeds once and only once."""

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from conftest import Crossrun

from faults.lists import FaultList, Trial
from faults.worlds import Ledger, crossrun_in, left_of, told

_SCRIPT = "echo $CROSSRUN_RUN_ID >> {log}; sleep {seconds}; echo $CROSSRUN_RUN_ID >> {log}"
_ROWS = 8
_MOST_KILLS = 4
_TWO_AT_ONCE = 0.3
"""So often a second crossrun wants to continue the batch at the same time."""
_RUNS = (
    "SELECT batch_row, batch_attempt, id, status FROM runs WHERE batch_id IS NOT NULL"
    " ORDER BY batch_row, batch_attempt"
)


def batch_killed(trial: Trial) -> None:
    """Kills a batch's crossrun at some moments, continues, and looks at what each row did."""
    crossrun, logs = crossrun_in(trial.folder), trial.folder / "logs"
    logs.mkdir()
    crossrun("run", "--executor", "shell", "true")  # makes the weekly copy of the store
    _plan(crossrun.cwd / "rows.jsonl", logs, trial)
    for _ in range(trial.chance.randint(1, _MOST_KILLS)):
        _carry_out_and_kill(crossrun, trial)
    ended = _ended(crossrun)
    finished_before = b"BATCH_FINISHED" in ended.stderr
    assert ended.returncode == 0 or finished_before, ended.stderr.decode()
    assert crossrun.json("batch", "show")["state"] == "succeeded"
    runs = Ledger(crossrun).rows(_RUNS)
    succeeded = {number: run_id for number, _, run_id, status in runs if status == "succeeded"}
    assert sorted(succeeded) == list(range(1, _ROWS + 1)), runs
    assert len(succeeded) == sum(status == "succeeded" for *_, status in runs), runs
    assert {status for *_, status in runs} <= {"succeeded", "interrupted"}, runs
    for number, run_id in succeeded.items():
        _one_after_the_other((logs / str(number)).read_text().split(), run_id)
    running = left_of(trial.folder)
    assert not running, f"it left {told(running)}"
    for folder in ("locks", "batches"):
        assert not list((crossrun.home / "state" / folder).glob("*")), "a lock file remains"


def _plan(file: Path, logs: Path, trial: Trial) -> None:
    """Rows of which some need an earlier one, or its files."""
    lines = []
    for number in range(1, _ROWS + 1):
        seconds = round(trial.chance.uniform(0, 0.4), 2)
        row = {
            "name": f"r{number}",
            "task": _SCRIPT.format(log=logs / str(number), seconds=seconds),
        }
        if number > 2 and trial.chance.random() < 0.4:
            needed = f"r{trial.chance.randint(1, number - 1)}"
            row |= {"from": needed} if trial.chance.random() < 0.5 else {"after": needed}
        lines.append(json.dumps(row))
    file.write_text("\n".join(lines))


def _carry_out_and_kill(crossrun: Crossrun, trial: Trial) -> None:
    two = trial.chance.random() < _TWO_AT_ONCE and _is_stored(crossrun)
    processes = [crossrun.start(*_words(crossrun)) for _ in range(1 + two)]
    time.sleep(trial.chance.uniform(0.1, 2.5))
    for process in processes:
        process.kill()
        _, err = process.communicate()
        assert b"Traceback" not in err, err.decode()


def _ended(crossrun: Crossrun) -> "subprocess.CompletedProcess[bytes]":
    words = crossrun.command(*_words(crossrun))
    return subprocess.run(
        words, cwd=crossrun.cwd, env=crossrun.environ, capture_output=True, timeout=120, check=False
    )


def _words(crossrun: Crossrun) -> Sequence[str]:
    if _is_stored(crossrun):
        return ("batch", "resume", "--jobs", "3")
    return ("batch", "rows.jsonl", "--jobs", "3", "--executor", "shell")


def _is_stored(crossrun: Crossrun) -> bool:
    return crossrun("batch", "show").code == 0


def _one_after_the_other(run_ids: Sequence[str], last: str) -> None:
    """No run of a row works on once the next one has begun, and none begins after a success."""
    order = list(dict.fromkeys(run_ids))
    assert sorted(run_ids, key=order.index) == list(run_ids), f"two at once: {run_ids}"
    assert order[-1] == last, f"{run_ids} and then {last}"
    assert run_ids.count(last) == 2, run_ids


BATCHES = FaultList(
    "batches",
    "kill -9 at any point of a batch: continued, each row succeeds once",
    short=15,
    long=500,
    carry_out=batch_killed,
)
