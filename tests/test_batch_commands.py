"""`crossrun batch` as a user types it: rows that run, stop, continue, and what is said of them."""

import csv
import io
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld, Crossrun, send
from scripted_model import Scenario

ROWS = """\
executor: shell
rows:
  - {name: make, task: "echo made > a.txt"}
  - {name: check, task: "cat a.txt", from: make}
  - {name: broken, task: "exit 3"}
  - {name: after broken, task: "true", after: broken}
"""


def write(crossrun: Crossrun, text: str, name: str = "rows.yaml") -> str:
    (crossrun.cwd / name).write_text(text)
    return name


def statuses(batch: dict[str, Any]) -> dict[str, str]:
    return {row["name"]: row["status"] for row in batch["rows"]}


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 50
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_batch_prints_its_id_and_exits_as_its_rows_did(crossrun: Crossrun) -> None:
    rows = write(crossrun, ROWS)

    result = crossrun("batch", rows, "--jobs", "2", "--keep-going")

    batch = crossrun.json("batch", "show")
    assert (result.code, result.out) == (1, f"{batch['id']}\n")
    assert statuses(batch) == {
        "make": "succeeded", "check": "succeeded", "broken": "failed", "after broken": "skipped"
    }  # fmt: skip
    assert (batch["state"], batch["name"], batch["origin"]) == (
        "failed", "rows.yaml", str(crossrun.cwd / "rows.yaml")
    )  # fmt: skip
    assert batch["totals"]["states"] == {"succeeded": 2, "failed": 1, "skipped": 1}
    assert batch["options"] == {
        "jobs": 2, "keep_going": True, "budget": {"tokens": None, "cost": None, "seconds": None}
    }  # fmt: skip
    (check,) = (row for row in batch["rows"] if row["name"] == "check")
    assert (check["from"], check["after"], check["attempt"]) == ("make", [], 1)
    assert "succeeded  check" in result.err
    assert f"crossrun batch resume {batch['id']} --retry-failed" in result.err


def test_runs_of_a_batch_are_ordinary_runs(crossrun: Crossrun) -> None:
    batch = crossrun.json("batch", write(crossrun, "[{task: 'true', name: x}]"), "--executor",
                          "shell")  # fmt: skip

    run = crossrun.json("show", batch["rows"][0]["run_id"])
    runs = crossrun.json("runs", "--batch", batch["id"])["runs"]

    assert (run["name"], run["batch_id"], run["batch_row"]) == ("x", batch["id"], 1)
    assert [each["id"] for each in runs] == [run["id"]]
    assert crossrun("wait", run["id"]).code == 0
    assert crossrun("runs", "--batch", "nosuch").code == 6


def test_the_same_rows_do_not_run_again_unasked(crossrun: Crossrun) -> None:
    rows = write(crossrun, ROWS)
    first = crossrun("batch", rows, "--keep-going").out.strip()

    again = crossrun("batch", rows)
    other = crossrun("batch", rows, "--new", "--keep-going")

    assert again.code == 2
    assert (
        f"BATCH_UNFINISHED]: the batch {first} of these rows ended as failed: 2 of 4" in again.err
    )
    assert f"crossrun batch resume {first} --retry-failed" in again.err
    assert other.out.strip() not in ("", first)
    assert crossrun.json("batch", "list")["total"] == 2


def test_a_batch_that_succeeded_can_run_again(crossrun: Crossrun) -> None:
    rows = write(crossrun, "[{task: 'true'}]")

    codes = [crossrun("batch", rows, "--executor", "shell").code for _ in range(2)]

    assert codes == [0, 0]


def test_a_batch_that_was_stopped_continues_where_it_was(crossrun: Crossrun) -> None:
    rows = write(
        crossrun,
        """
        executor: shell
        rows:
          - {name: a, task: "true"}
          - {name: b, task: "test -e $HOME/go || { touch $HOME/begun; sleep 60; }"}
          - {name: c, task: "true"}
        """,
    )
    process = crossrun.start("batch", rows)
    home = Path(crossrun.environ["HOME"])
    wait_for((home / "begun").exists)
    stopped = send(process, signal.SIGINT)
    (home / "go").touch()

    resumed = crossrun.json("batch", "resume")

    assert stopped.code == 130
    assert f"crossrun batch resume {resumed['id']}" in stopped.err
    assert statuses(resumed) == {"a": "succeeded", "b": "succeeded", "c": "succeeded"}
    assert [row["attempt"] for row in resumed["rows"]] == [1, 2, 1]
    finished = crossrun("batch", "resume")
    assert (finished.code, "BATCH_FINISHED" in finished.err) == (2, True)


def test_failed_rows_run_again_when_asked(crossrun: Crossrun) -> None:
    rows = write(crossrun, "[{task: 'test -e $HOME/go', name: x}, {task: 'true', after: x}]")
    first = crossrun("batch", rows, "--executor", "shell")
    (Path(crossrun.environ["HOME"]) / "go").touch()

    refused = crossrun("batch", "resume")
    batch = crossrun.json("batch", "resume", "--retry-failed")

    assert (first.code, refused.code) == (1, 2)
    assert statuses(batch) == {"x": "succeeded", "2": "succeeded"}


def test_a_batch_in_the_background_is_cancelled_row_by_row_and_as_a_whole(
    crossrun: Crossrun,
) -> None:
    rows = write(crossrun, "[{task: 'sleep 60', name: x}, {task: 'sleep 60', name: y}, 'true']")
    batch_id = crossrun("batch", rows, "--executor", "shell", "--detach").out.strip()
    wait_for(lambda: statuses(crossrun.json("batch", "show"))["x"] == "running")

    unknown = crossrun("batch", "cancel", batch_id, "--row", "z")
    row = crossrun("batch", "cancel", batch_id, "--row", "x")
    watching = crossrun.start("batch", "watch", batch_id)
    wait_for(lambda: statuses(crossrun.json("batch", "show"))["y"] == "running")
    whole = crossrun.json("batch", "cancel", batch_id)

    assert (unknown.code, row.code) == (6, 0)
    assert whole["state"] == "cancelled"
    assert statuses(whole) == {"x": "cancelled", "y": "cancelled", "3": "skipped"}
    shown, _ = watching.communicate(timeout=50)
    assert watching.returncode == 10
    lines = shown.decode().splitlines()
    assert ["cancelled", "y"] in [line.split()[:2] for line in lines]
    assert any(line.startswith("cancelled after") for line in lines)


def test_a_row_that_has_ended_is_not_said_to_be_cancelled(crossrun: Crossrun) -> None:
    rows = write(crossrun, "{executor: shell, rows: ['true', {task: 'true', after: '1'}]}")
    crossrun("batch", rows)

    result = crossrun("batch", "cancel", "--row", "1")

    assert (result.code, result.err) == (0, "ended already: 1\n")
    assert statuses(crossrun.json("batch", "show")) == {"1": "succeeded", "2": "succeeded"}


def test_more_jobs_than_a_machine_can_carry_are_refused(crossrun: Crossrun) -> None:
    rows = write(crossrun, "['true']")

    result = crossrun("batch", rows, "--executor", "shell", "--jobs", "100000")

    assert (result.code, "--jobs: '100000' is more than 128" in result.err) == (2, True)
    assert (
        crossrun.json("batch", rows, "--executor", "shell", "--jobs", "128")["state"] == "succeeded"
    )


def test_a_spent_budget_starts_nothing_new(crossrun: Crossrun) -> None:
    rows = write(crossrun, "['sleep 1.2', 'true']")

    result = crossrun("batch", rows, "--executor", "shell", "--budget-time", "1", "--json")
    assert f"crossrun batch resume {result.json['id']} --budget-time TIME" in result.err
    continued = crossrun.json("batch", "resume", "--budget-time", "1h")

    assert result.code == 7
    assert (result.json["state"], result.json["reason"]) == (
        "limit_reached", "the budget of 1 seconds is used up"
    )  # fmt: skip
    assert statuses(result.json) == {"1": "succeeded", "2": "skipped"}
    assert statuses(continued) == {"1": "succeeded", "2": "succeeded"}


def test_results_are_a_table_or_json_lines(crossrun: Crossrun) -> None:
    rows = write(crossrun, ROWS + "  - {name: =SUM(A1), task: 'echo x > b; echo y > c'}\n")
    crossrun("batch", rows, "--keep-going")

    table = list(csv.DictReader(io.StringIO(crossrun("batch", "results").out)))
    lines = [
        json.loads(line)
        for line in crossrun("batch", "results", "--format", "jsonl").out.splitlines()
    ]
    written = crossrun("batch", "results", "-o", "results.jsonl")

    assert [row["status"] for row in table] == [
        "succeeded", "succeeded", "failed", "skipped", "succeeded"
    ]  # fmt: skip
    assert (table[4]["name"], table[4]["files"]) == ("'=SUM(A1)", "b\nc")
    assert (lines[4]["name"], lines[4]["files"]) == ("=SUM(A1)", ["b", "c"])
    assert (lines[2]["failure"], lines[2]["exit_code"]) == ("SCRIPT_FAILED", 1)
    assert (lines[3]["run_id"], lines[3]["message"]) == (None, "broken did not succeed")
    assert written.code == 0
    assert (crossrun.cwd / "results.jsonl").read_text().count("\n") == 5
    assert crossrun.json("batch", "results")["results"] == lines


def test_a_plan_is_shown_and_nothing_is_run(crossrun: Crossrun) -> None:
    rows = write(crossrun, ROWS)

    shown = crossrun("batch", "plan", rows, "--jobs", "3")
    plan = crossrun.json("batch", "plan", rows)

    assert shown.out.splitlines()[0].split() == [
        "ROW", "AFTER", "EXECUTOR", "BEGINS", "WITH", "TASK"
    ]  # fmt: skip
    assert "row make" in shown.out
    assert "nothing was run" in shown.err
    assert (plan["id"], plan["state"]) == (None, "planned")
    assert plan["rows"][1]["request"]["executor"] == "shell"
    assert crossrun.json("batch", "list") == {"schema_version": 1, "batches": [], "total": 0}
    assert crossrun.json("runs")["runs"] == []


def test_a_row_for_each_file_gets_a_copy_of_the_folder(crossrun: Crossrun) -> None:
    (crossrun.cwd / "old").mkdir()
    for name in ("a", "b"):
        (crossrun.cwd / "old" / f"{name}.txt").write_text(f"text of {name}\n")

    crossrun(
        "batch", "--glob", "old/*.txt", "--task", "mkdir new; cp {path} new/{stem}.md",
        "--verify", "grep {stem} new/{stem}.md", "--executor", "shell", "-j", "2",
    )  # fmt: skip

    results = crossrun.json("batch", "results")["results"]
    assert [(row["name"], row["status"], row["files"]) for row in results] == [
        ("old/a.txt", "succeeded", ["new/a.md"]),
        ("old/b.txt", "succeeded", ["new/b.md"]),
    ]
    assert not (crossrun.cwd / "new").exists()


def test_rows_come_from_standard_input(crossrun: Crossrun) -> None:
    result = crossrun("batch", "-", "--rows-format", "csv", "--executor", "shell", "--json",
                      "--task", "echo {word} > {word}", stdin="word\na\nb\n")  # fmt: skip

    assert result.json["origin"] is None
    assert [row["task"] for row in result.json["rows"]] == ["echo a > a", "echo b > b"]


def test_changes_of_rows_are_a_stream_of_json(crossrun: Crossrun) -> None:
    result = crossrun("batch", write(crossrun, "['true']"), "--executor", "shell", "--jsonl")

    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["status"] for line in lines][-2:] == ["running", "succeeded"]
    assert lines[-1]["run_id"] == crossrun.json("runs")["runs"][0]["id"]


def test_quiet_prints_the_id_and_what_failed(crossrun: Crossrun) -> None:
    result = crossrun("batch", write(crossrun, ROWS), "--keep-going", "--quiet")

    assert result.out == f"{crossrun.json('batch', 'show')['id']}\n"
    line, *reason = result.err.splitlines()  # the reason is below if the line has no room
    assert line.split()[:2] == ["failed", "broken"]
    assert len(reason) <= 1


def test_a_file_that_is_called_like_a_command_is_started_by_its_path(crossrun: Crossrun) -> None:
    write(crossrun, "task\ntrue\n", "list")

    by_path = crossrun("batch", "./list", "--rows-format", "csv", "--executor", "shell")
    by_command = crossrun("batch", "start", "list", "--rows-format", "csv", "--executor", "shell")

    assert (by_path.code, by_command.code) == (0, 0)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("batch", "missing.yaml"), "ROWS_UNREADABLE", "missing.yaml cannot be read"),
        (("batch", "rows.txt"), "ROWS_UNREADABLE", "rows.txt"),
        (("batch", "rows.yaml", "--glob", "*"), "OPTIONS_CONFLICT", "FILE and --glob"),
        (("batch", "--jobs", "2"), "OPTION_INVALID", "give a FILE or --glob"),
        (("batch", "--glob", "*.yaml"), "TASK_EMPTY", "no task was given for the files"),
        (("batch", "rows.yaml", "--jobs", "0"), "OPTION_INVALID", "--jobs: '0'"),
        (("batch", "show", "nosuch"), "BATCH_NOT_FOUND", "there is no batch 'nosuch'"),
        (("batch", "resume"), "BATCH_NOT_FOUND", "there is no batch yet"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_starts(
    crossrun: Crossrun, words: tuple[str, ...], code: str, message: str
) -> None:
    write(crossrun, ROWS)

    result = crossrun(*words)

    assert f"error[{code}]" in result.err
    assert message in result.err
    assert crossrun.json("runs")["runs"] == []


def test_a_batch_of_real_agents_survives_a_kill(codex: CodexWorld) -> None:
    """One row fails its check, one hangs, and crossrun is killed in the middle."""
    world = codex(
        [
            Scenario([{"shell": "false"}, "I could not do it."], match="row 2"),
            Scenario([{"hang": "after_headers", "items": ["x"]}], match="row 3"),
            Scenario([{"shell": "echo new > new.md"}, "Converted it."], match="row"),
        ]
    )
    crossrun = world.crossrun
    lines = [f"- {{task: Convert row {n}}}\n" for n in range(1, 7)]
    gate = crossrun.cwd / "gate"
    lines[2] = "- {task: Convert row 3, idle_timeout: 3s}\n"
    lines[3] = f"- {{task: Convert row 4, verify: 'until test -e {gate}; do sleep 0.1; done'}}\n"
    rows = write(crossrun, "".join(lines))
    words = ("batch", rows, "--jobs", "2", "--keep-going", "--no-pattern",
             "--verify", "test -s new.md")  # fmt: skip
    process = crossrun.start(*words)
    wait_for(lambda: crossrun.json("batch", "list")["total"])
    wait_for(lambda: statuses(crossrun.json("batch", "show"))["4"] == "running")
    process.kill()
    process.communicate()
    gate.touch()

    resumed = crossrun("batch", "resume", "--json")

    assert resumed.code == 124
    assert statuses(resumed.json) == {
        "1": "succeeded", "2": "failed", "3": "timed_out",
        "4": "succeeded", "5": "succeeded", "6": "succeeded",
    }  # fmt: skip
    runs = crossrun.json("runs", "--batch", resumed.json["id"], "--limit", "50")["runs"]
    places = [(run["batch_row"], run["batch_attempt"]) for run in runs]
    assert len(places) == len(set(places))
    again = [place for place in places if place[1] > 1]
    assert (4, 2) in again
    assert len(again) <= 2
    assert all(
        run["status"] == "interrupted"
        for run in runs
        if (run["batch_row"], run["batch_attempt"] + 1) in places
    )


def test_the_id_of_a_batch_in_place_of_that_of_a_run_is_recognised(crossrun: Crossrun) -> None:
    batch = crossrun("batch", write(crossrun, ROWS), "--keep-going").out.strip()
    for words in (("wait", batch), ("show", batch), ("watch", batch)):
        refused = crossrun(*words)
        assert refused.code == 6
        assert f"there is no run '{batch}'; it is the id of a batch" in refused.err
        assert f"crossrun batch watch {batch}" in refused.err
    refused = crossrun("attempts", "show", batch)
    assert f"{batch} is the id of a batch: crossrun batch show {batch}" in refused.err


def test_reasons_are_whole_where_only_the_failed_rows_are_shown(crossrun: Crossrun) -> None:
    rows = write(crossrun, ROWS)
    ended = crossrun(
        "batch", rows, "--keep-going", "--verify", "echo a && test -f no", COLUMNS="60"
    )
    reason = "`echo a && test -f no` ended with exit code 1"
    assert reason in " ".join(ended.err.split())
    assert all(len(line) <= 60 for line in ended.err.splitlines())


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("batch", "plna", "rows.yaml"), "did you mean plan?"),
        (("attempts", "resum"), "crossrun attempts start resum"),
        (("batch", "a.txt", "b.txt", "--task", "x {path}"), "quote the pattern"),
        (("batch", "rows.yaml", "--dry-run"), "crossrun batch plan, with the same options"),
    ],
)
def test_slips_are_recognised_before_anything_starts(
    crossrun: Crossrun, words: tuple[str, ...], hint: str
) -> None:
    refused = crossrun(*words)
    assert (refused.code, hint in refused.err) == (2, True), refused.err


def test_results_have_the_form_that_their_name_promises(crossrun: Crossrun) -> None:
    crossrun("batch", write(crossrun, ROWS), "--keep-going")
    refused = crossrun("batch", "results", "-o", "results.xlsx")
    assert refused.code == 2
    assert "choose a name that ends in .csv, .jsonl" in refused.err
    assert not (crossrun.cwd / "results.xlsx").exists()
    assert crossrun("batch", "results", "-o", "results.xlsx", "--format", "csv").code == 0
