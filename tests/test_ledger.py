"""What is known about a run follows from its events alone."""

import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun
from examples import EVENTS, FAILURE, REQUEST, RUN_ID, SOURCE, event_of, recorded
from msgspec.structs import replace

from crossrun.config.sources import load
from crossrun.events import (
    AgentSpoke,
    ApplyFinished,
    ArtifactSaved,
    CommandRan,
    Event,
    EventRecord,
    PatternDecided,
    PatternJudged,
    PatternLearned,
    ProofAssessed,
    RunDequeued,
    RunFinished,
    RunQueued,
    RunStarted,
    ThreadStarted,
    TurnStarted,
    UsageReported,
    Verified,
    WorkspaceChanged,
    WorkspacePrepared,
    decode,
)
from crossrun.model.failures import FAILURES, Failure
from crossrun.model.proof import Proof, ProofFinding
from crossrun.model.runs import Artifact, Change, Decided, Run, Verification
from crossrun.model.status import Status
from crossrun.model.tokens import Tokens
from crossrun.projections.run import advance, artifact
from crossrun.store import Store
from crossrun.store.pattern_writing import project
from crossrun.store.rows import run_row

BEGAN, ENDED = "2026-01-02T03:04:05.000000Z", "2026-01-02T03:04:07.500000Z"
STARTED = recorded(event_of(RunStarted), at=BEGAN)


DECIDED = Decided(
    decision="injected",
    pattern_id="9c1xyz",
    version=3,
    probability=0.7,
    reason="one fits",
    family_id="8b2wvu",
    hash="5f3a6b1c2d4e7f80",
    channel="developer",
    share_withheld=0.3,
    compiled=True,
    form="steps",
    folder="5f3a6b1c2d4e7f8091a2b3c4",
    with_check=True,
)
NONE_FITS = PatternDecided(
    decision="abstained", reason="none fits", probability=1.0, channel="prompt"
)
PROOF = Proof("contradicted", (ProofFinding("claimed-file", "new.py was not written", 12),))
NOTHING = Decided(decision="abstained", probability=1.0, reason="none fits", channel="prompt")


def a_run(**known: Any) -> Run:  # noqa: ANN401  each field has its own type
    """The run of `STARTED`, with what is known besides."""
    fields = {
        "id": RUN_ID,
        "project_id": "thesis",
        "name": "calc",
        "task": "Fix calc.py\nand test it",
        "task_type": "research",
        "tags": ("a", "ü"),
        "status": Status.RUNNING,
        "exit_code": None,
        "created_at": BEGAN,
        "started_at": BEGAN,
        "ended_at": None,
        "workspace": "/w/thesis/k7f3abcd",
        "executor": "shell",
        "planner": "openai",
        "model": "gpt-5.1-codex",
        "planner_model": "gpt-6.1-sol",
        "executor_version": "0.58.0",
        "crossrun_version": "0.1.0",
        "reference_run_id": "m4n5pqrs",
        "from_run_id": "m4n5pqrx",
        "retry_of": "m4n5pqrt",
        "resumed_from": "m4n5pqrv",
        "batch_id": "b4n5pqrs",
        "batch_row": 3,
        "batch_attempt": 2,
        "imported_from": "claude",
    }
    return Run(**{**fields, **known})


def after(*events: Event) -> Run:
    """The run of `STARTED` after these events."""
    run = advance(None, STARTED)
    for seq, event in enumerate(events, 2):
        run = advance(run, recorded(event, seq, ENDED))
    return run


def test_a_run_begins_with_what_was_asked_for() -> None:
    assert advance(None, STARTED) == a_run()


def test_a_run_cannot_begin_in_the_middle() -> None:
    with pytest.raises(ValueError, match="run_started"):
        advance(None, recorded(TurnStarted()))


@pytest.mark.parametrize(
    ("events", "run"),
    [
        ([ThreadStarted(thread_id="t1")], a_run(thread_id="t1")),
        ([ThreadStarted(thread_id="t1"), ThreadStarted(thread_id="t2")], a_run(thread_id="t2")),
        ([AgentSpoke(text="On it."), AgentSpoke(text="Done.")], a_run(answer="Done.")),
        ([UsageReported(source="agent", thread_total=Tokens(9, 9, 9, 9))], a_run(tokens=None)),
        ([UsageReported(source="agent", tokens=Tokens())], a_run(tokens=Tokens())),
        (
            [
                UsageReported(source="planner", tokens=Tokens(100, 50, 10, 5)),
                UsageReported(source="agent", tokens=Tokens(1, 2, 3, 4), thread_total=Tokens(7)),
                UsageReported(source="agent"),
            ],
            a_run(tokens=Tokens(101, 52, 13, 9)),
        ),
        (
            [
                UsageReported(source="planner", tokens=Tokens(2), cost=0.5),
                UsageReported(source="agent"),
                UsageReported(source="agent", tokens=Tokens(3), cost=0.25),
            ],
            a_run(tokens=Tokens(5), cost=0.75),
        ),
        (
            [
                UsageReported(source="planner", tokens=Tokens(2)),
                UsageReported(source="agent", tokens=Tokens(3), cost=0.25),
            ],
            a_run(tokens=Tokens(5), cost=None),
        ),
        ([event_of(WorkspacePrepared)], a_run(source=SOURCE)),
        ([RunQueued(limit=1, ahead=0)], a_run(status=Status.QUEUED, started_at=None)),
        ([RunQueued(limit=1, ahead=0), RunDequeued()], a_run(started_at=ENDED)),
        ([TurnStarted(), TurnStarted()], a_run(turns=2)),
        (
            [
                CommandRan(command="a", exit_code=0),
                CommandRan(command="b", exit_code=2),
                CommandRan(command="c", exit_code=None),
            ],
            a_run(commands=3, failed_commands=2),
        ),
        ([event_of(PatternDecided)], a_run(pattern=DECIDED)),
        ([event_of(PatternDecided), NONE_FITS], a_run(pattern=NOTHING)),
        (
            [event_of(PatternDecided), event_of(PatternJudged)],
            a_run(pattern=replace(DECIDED, adherence=0.75, uptake=("convert.py",))),
        ),
        ([replace(event_of(PatternLearned), waits=False)], a_run(learned_pattern_id="6e4qpn")),
        ([event_of(PatternLearned)], a_run()),
        (
            [event_of(ProofAssessed)],
            a_run(proof=PROOF),
        ),
        (
            [Verified(command="pytest", exit_code=None, output="...")],
            a_run(verify=Verification("pytest", None)),
        ),
        (
            [WorkspaceChanged(tree="t", changes=(), shortstat="", stat="")],
            a_run(changes=(), branch=None, commits=()),
        ),
        (
            [event_of(WorkspaceChanged)],
            a_run(
                changes=(
                    Change("new.py", "added", None, 3, 0),
                    Change("to.py", "renamed", "from.py", 1, 2),
                    Change("plot.png", "modified"),
                ),
                branch="main",
                ignored_files=3,
                commits=event_of(WorkspaceChanged).commits,
            ),
        ),
        (
            [event_of(RunFinished)],
            a_run(
                status=Status.FAILED,
                exit_code=9,
                failure=FAILURE,
                ended_at=ENDED,
                duration_s=12.5,
                redactions=7,
            ),
        ),
    ],
)
def test_a_run_is_as_its_events_left_it(events: list[Event], run: Run) -> None:
    assert after(*events) == run


_TOLD = (
    AgentSpoke, ApplyFinished, CommandRan, PatternDecided, PatternLearned, RunDequeued, RunFinished,
    RunQueued, ProofAssessed, RunStarted, ThreadStarted, TurnStarted, UsageReported, Verified,
    WorkspaceChanged, WorkspacePrepared,
)  # fmt: skip
_TELLS_NOTHING = (
    *[event for event in EVENTS if not isinstance(event, _TOLD)],
    replace(event_of(PatternLearned), lesson="caution"),
)


@pytest.mark.parametrize("event", _TELLS_NOTHING)
def test_all_other_events_leave_the_run_as_it_is(event: Event) -> None:
    assert after(event) == a_run()


@pytest.mark.parametrize(
    ("codes", "status", "exit_code"),
    [
        (("CODEX_AUTH", "PLANNER_AUTH"), Status.FAILED, 4),
        (
            ("QUOTA_EXCEEDED", "RATE_LIMITED", "PROVIDER_UNREACHABLE", "PROVIDER_ERROR"),
            Status.FAILED,
            5,
        ),
        (("VERIFY_FAILED",), Status.FAILED, 9),
        (("CANCELLED",), Status.CANCELLED, 10),
        (("TIMED_OUT", "STALLED"), Status.TIMED_OUT, 124),
        (("TURN_LIMIT", "TOKEN_LIMIT"), Status.LIMIT_REACHED, 7),
        (("INTERRUPTED",), Status.INTERRUPTED, 1),
    ],
)
def test_the_exit_code_tells_why_a_run_ended(
    codes: tuple[str, ...], status: Status, exit_code: int
) -> None:
    for code in codes:
        failure = Failure(code, "m", "h")
        ended = after(RunFinished(status=status, failure=failure))
        told = a_run(status=status, failure=failure, exit_code=exit_code, ended_at=ENDED)
        assert ended == told
        assert Status(FAILURES[code][0]) is status


def test_no_failure_has_an_exit_code_that_its_status_does_not_promise() -> None:
    promised = {
        "failed": {1, 4, 5, 9},
        "cancelled": {10},
        "timed_out": {124},
        "limit_reached": {7},
        "interrupted": {1},
    }
    broken = [code for code, (status, told) in FAILURES.items() if told not in promised[status]]
    assert broken == []


def test_a_run_that_succeeded_exits_with_zero() -> None:
    ended = after(RunFinished(status=Status.SUCCEEDED))
    assert ended == a_run(status=Status.SUCCEEDED, exit_code=0, ended_at=ENDED)


def test_the_whole_log_of_a_run_folds_into_one_value() -> None:
    assert after(*EVENTS[1:]) == a_run(
        thread_id="019a-7e",
        answer=event_of(AgentSpoke).text,
        started_at=ENDED,
        source=SOURCE,
        tokens=Tokens(10, 5, 3, 1),
        cost=0.25,
        verify=Verification("pytest -q", 2),
        proof=PROOF,
        changes=event_of(WorkspaceChanged).changes,
        branch="main",
        ignored_files=3,
        commits=event_of(WorkspaceChanged).commits,
        applied=event_of(ApplyFinished).outcome,
        status=Status.FAILED,
        failure=FAILURE,
        exit_code=9,
        ended_at=ENDED,
        redactions=7,
        duration_s=12.5,
        pattern=replace(DECIDED, adherence=0.75, uptake=("convert.py",), handed_over=True),
        turns=1,
        commands=1,
        failed_commands=1,
    )


def test_an_artifact_is_what_its_event_says() -> None:
    told = artifact(recorded(event_of(ArtifactSaved), at=ENDED))
    assert told == Artifact(
        id="k7f3abcd-1",
        run_id=RUN_ID,
        kind="patch",
        name="changes.patch",
        path="/a/thesis/k7f3abcd/changes.patch",
        size=312,
        sha256="e3b0c442",
        created_at=ENDED,
    )
    others = [event for event in EVENTS if not isinstance(event, ArtifactSaved)]
    assert [artifact(recorded(event)) for event in others] == [None] * len(others)


def test_the_request_in_the_log_is_enough_to_ask_again() -> None:
    assert event_of(RunStarted).request == REQUEST


@dataclass(frozen=True)
class Stored:
    """All that a store holds, read without crossrun."""

    events: list[EventRecord]
    """In the order in which they were committed."""
    runs: list[dict[str, Any]]
    artifacts: list[dict[str, Any]]
    projects: list[dict[str, Any]]


def stored_in(database: Path) -> Stored:
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        events, *others = [
            [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")]  # noqa: S608
            for table in ("events", "runs", "artifacts", "projects")
        ]
    log = [EventRecord(e["run_id"], e["seq"], e["at"], decode(e["body"])) for e in events]
    return Stored(log, *others)


def begin_all_kinds_of_runs(crossrun: Crossrun) -> "list[subprocess.Popen[bytes]]":
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    offline = ("--offline", "--name", "näme", "--tag", "x", "--tag", "y")
    shell = ("--executor", "shell", "--project-id", "shell")
    return [
        crossrun.start("run", *words)
        for words in (
            ("Make a plan", *offline, "--task-type", "code"),
            ("Analyse", *offline, "--task-type", "data_analysis", "--project-id", "crops"),
            ("echo ok > ok.txt && echo kept", *shell, "--verify", "test -f ok.txt"),
            (f"git init -q -b side . && touch a; echo {secret}", *shell),
            ("exit 3", *shell),
            ("touch there", *shell, "--verify", "test -f elsewhere"),
            ("sleep 60", *shell, "--timeout", "1s"),
            ("echo begun > begun.txt; sleep 60", *shell),
        )
    ]


def test_the_store_says_nothing_that_the_log_does_not(crossrun: Crossrun) -> None:
    """Runs of every kind of end, at the same time; then all projections are made anew."""
    started = begin_all_kinds_of_runs(crossrun)
    until = time.monotonic() + 30
    while not list(crossrun.home.glob("workspaces/shell/*/begun.txt")):
        assert time.monotonic() < until
        time.sleep(0.02)
    started[-1].send_signal(signal.SIGTERM)
    ends = [(process.communicate(timeout=60), process.returncode) for process in started]
    assert [code for _, code in ends] == [0, 0, 0, 0, 1, 9, 124, 143]
    stored = stored_in(crossrun.home / "crossrun.db")

    runs: dict[str, Run] = {}
    projects: dict[str, dict[str, Any]] = {}
    for item in stored.events:
        run = runs[item.run_id] = advance(runs.get(item.run_id), item)
        begun = {
            "id": run.project_id,
            "task_type": None,
            "created_at": item.at,
            "setup": None,
            "notify": None,
        }
        projects.setdefault(run.project_id, begun)
    assert [run_row(run) for run in runs.values()] == stored.runs
    assert list(filter(None, map(artifact, stored.events))) == [
        Artifact(**row) for row in stored.artifacts
    ]
    assert list(projects.values()) == stored.projects
    store = Store(load(flags={}, environ={}, cwd=crossrun.cwd, home=crossrun.home).paths)
    assert {run_id: store.read.run(run_id) for run_id in runs} == runs

    for run in runs.values():
        log = [item for item in stored.events if item.run_id == run.id]
        assert [item.seq for item in log] == list(range(1, len(log) + 1))
        assert [item.at for item in log] == sorted(item.at for item in log)
    ended = {out.decode().strip(): code for (out, _), code in ends}
    signalled = 143
    told = {run.id: signalled if run.exit_code == 10 else run.exit_code for run in runs.values()}
    assert told == ended
    assert {run.branch for run in runs.values()} == {None, "side"}
    assert {row["kind"] for row in stored.artifacts} >= {"patch", "diff-summary"}
    assert sum(run.redactions for run in runs.values()) > 0


PATTERN_TABLES = {
    "patterns": "id",
    "pattern_versions": "pattern_id, version",
    "pattern_runs": "pattern_id, run_id",
    "shelf": "number",
    "shelf_terms": "number",
    "shelf_pairs": "word, command",
    "shelf_totals": "entries",
}
"""With the columns that rows are told apart by."""


def patterns_in(database: Path) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO shelf_words (shelf_words) VALUES ('integrity-check')")
        connection.row_factory = sqlite3.Row
        return {
            table: [
                dict(row)
                for row in connection.execute(f"SELECT * FROM {table} ORDER BY {columns}")  # noqa: S608
            ]
            for table, columns in PATTERN_TABLES.items()
        }


def rebuilt(log: list[EventRecord], home: Path) -> Path:
    """A store to which the log alone said what patterns there are."""
    paths = load(flags={}, environ={}, cwd=home.parent, home=home).paths
    Store(paths).open_for_writing()
    with closing(sqlite3.connect(paths.database)) as connection, connection:
        connection.row_factory = sqlite3.Row
        for item in log:
            project(connection, item)
    return paths.database


def learn_in_all_ways(crossrun: Crossrun) -> None:
    """Several at once, then one that was told what to do, one from a failure before and after."""
    offline = ("--offline", "--project-id", "plans")
    several = [
        crossrun.start("run", task, *offline, "--task-type", kind)
        for task, kind in (("Make a plan", "code"), ("Make a plan", "code"), ("Read", "research"))
    ]
    assert [process.wait(timeout=60) for process in several] == [0, 0, 0]
    for process in several:
        process.communicate()
    learned = crossrun.json("show")["learned_pattern_id"]
    crossrun.json("run", "Make a plan", *offline, "--pattern", learned)
    steps = "mkdir out && seq 5 > out/numbers && sort -r out/numbers > out/sorted && cat out/{}"
    for file, code in (("none", 1), ("sorted", 0), ("gone", 1), ("numbers", 0)):
        assert crossrun("run", steps.format(file), "--executor", "shell").code == code


def test_patterns_are_what_the_log_says(crossrun: Crossrun, tmp_path: Path) -> None:
    learn_in_all_ways(crossrun)

    database = crossrun.home / "crossrun.db"
    stored, log = patterns_in(database), stored_in(database).events
    assert patterns_in(rebuilt(log, tmp_path / "rebuilt")) == stored
    told = [item.event for item in log]
    lessons = [event for event in told if isinstance(event, PatternLearned)]
    assert {lesson.lesson for lesson in lessons} == {"workflow", "caution"}
    assert sum(isinstance(event, PatternJudged) for event in told) >= 1
    assert {row["made_by"] for row in stored["pattern_versions"]} >= {"run", "caution"}
    assert len(stored["shelf"]) == len(stored["patterns"]) == 3
    sources = [row for row in stored["pattern_runs"] if row["trace"] is not None]
    assert len(sources) == 6
