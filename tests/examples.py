"""One event of every type with all its fields set, and what it takes to put them into a run."""

from typing import Any

from crossrun.events import (
    AgentLaunched,
    AgentReasoned,
    AgentSpoke,
    ApplyFinished,
    ArtifactSaved,
    CancelRequested,
    CommandDeclined,
    CommandRan,
    CommandStarted,
    CopyProgressed,
    Event,
    EventRecord,
    FileChanged,
    ForecastMade,
    ItemStarted,
    PatternCandidate,
    PatternDecided,
    PatternJudged,
    PatternLearned,
    PlanItem,
    PlannerReplied,
    PlanUpdated,
    ProofAssessed,
    RunDequeued,
    RunFinished,
    RunQueued,
    RunStarted,
    ScriptFinished,
    SessionRead,
    SetupRan,
    SnapshotProgressed,
    SourceCopied,
    StepFinished,
    StepPlanned,
    ThreadStarted,
    ToolCalled,
    TurnFailed,
    TurnStarted,
    Unrecognised,
    UsageReported,
    Verified,
    WaitBegan,
    Warned,
    WorkspaceChanged,
    WorkspacePrepared,
)
from crossrun.model.batches import BatchPlace
from crossrun.model.failures import Failure
from crossrun.model.forecasts import Forecast, Shortfall
from crossrun.model.proof import ProofFinding
from crossrun.model.requests import (
    AgentOptions,
    BeginWith,
    CodexOptions,
    Limits,
    MemoryOptions,
    RunRequest,
)
from crossrun.model.runs import ApplyOutcome, Change, IgnoredFiles, RefChange, Source
from crossrun.model.status import Status
from crossrun.model.tokens import Tokens
from crossrun.model.workflows import (
    Act,
    Caution,
    Finding,
    KindStats,
    MemoryStats,
    Occurrence,
    Preconditions,
    Stats,
    Step,
    Trace,
    Variable,
    Workflow,
)

RUN_ID = "k7f3abcd"
FAILURE = Failure("VERIFY_FAILED", "the check failed", "look at its output", retryable=True)
REQUEST = RunRequest(
    task="Fix calc.py\nand test it",
    task_type="research",
    project_id="thesis",
    name="calc",
    tags=("a", "ü"),
    executor="shell",
    planner="openai",
    model="gpt-5.1-codex",
    planner_model="gpt-6.1-sol",
    agent=AgentOptions(
        sandbox="read-only", network=True, add_dirs=("/data",), images=("/plot.png",)
    ),
    codex=CodexOptions(profile="work", config=("a=1", "b=2"), require_git_repo=True),
    limits=Limits(
        timeout=60.0,
        idle_timeout=None,
        max_turns=3,
        max_tokens=1000,
        max_cost=2.5,
        wait_for_quota=60.0,
    ),
    verify="pytest -q",
    recording="file:/recording.yaml",
    begin_with=BeginWith(run_id="m4n5pqrx", clean=True, include=("*.csv",), setup="uv sync"),
    memory=MemoryOptions(
        off=True,
        pattern_id="9c1xyz",
        reference_run_id="m4n5pqrs",
        scope="project",
        holdout=0.5,
        learn_with="gpt-5.1-mini",
    ),
)
CHANGES = (
    Change("new.py", "added", None, 3, 0),
    Change("to.py", "renamed", "from.py", 1, 2),
    Change("plot.png", "modified"),
)

SEEN = (Occurrence(RUN_ID, 12, 1), Occurrence(RUN_ID, 14, 0))
PRECONDITIONS = Preconditions(os="linux", tools=("pytest",), markers=("pyproject.toml",))
WORKFLOW = Workflow(
    summary="Fix a module and test it",
    steps=(
        Step(
            instruction="Run the tests: pytest {test_file}",
            intent="test",
            target="test_calc.py",
            command="pytest {test_file}",
            recovery=True,
            evidence=SEEN,
        ),
        Step(instruction="Say what was wrong", intent="plan"),
    ),
    variables={"test_file": Variable("path", "test_calc.py")},
    cautions=("`make test` fails: no rule",),
    preconditions=PRECONDITIONS,
)
TRACE = Trace(
    run_id=RUN_ID,
    task="Fix calc.py\nand test it",
    acts=(
        Act(
            intent="test",
            target="test_calc.py",
            command="pytest test_calc.py",
            occurrences=SEEN,
            recovery=True,
            instead_of="make test",
            heading="Test it",
        ),
    ),
    verified=True,
    found=(Finding("test_file", "path", "test_calc.py", substitute=False),),
    preconditions=PRECONDITIONS,
)

SOURCE = Source(
    kind="repository", path="/src", base="4b825dc", branch="main", commit="9daeafb", uncommitted=2
)

EVENTS: tuple[Event, ...] = (
    RunStarted(
        request=REQUEST,
        workspace="/w/thesis/k7f3abcd",
        crossrun_version="0.1.0",
        executor_version="0.58.0",
        retry_of="m4n5pqrt",
        resumed_from="m4n5pqrv",
        new_task=True,
        batch=BatchPlace("b4n5pqrs", 3, 2),
        imported_from="claude",
    ),
    SessionRead(
        session_id="7d3c0000-0000-4000-8000-000000000001",
        file="/home/ben/.claude/projects/-work/7d3c.jsonl",
        task=2,
        reason="its last check passed: “pytest -q”",
        teaches=True,
        branch="main",
        commit="b0b1b2",
        version="2.1.0",
    ),
    RunQueued(limit=2, ahead=1),
    RunDequeued(),
    WaitBegan(until="2026-01-02T03:05:00.000000Z", reason="the quota is used up"),
    SnapshotProgressed(files=200, total=300),
    CopyProgressed(files=300, bytes=7_000_000, total=900),
    SourceCopied(
        kind="repository",
        path="/src",
        files=400,
        bytes=9_000_000,
        shared=1_000,
        links=2,
        outward=("out",),
        lost=("bin/ping (capabilities)",),
        skipped=("pipe (fifo)",),
        branch="main",
        commit="9daeafb",
        staged=1,
        unstaged=1,
        untracked=1,
        clean=True,
        ignored=3,
        included=1,
        submodules=("vendor",),
        lfs_pointers=("a.bin",),
        filtered=("secrets/key",),
        repositories=("nested",),
        detached=("tree",),
        shallow=True,
        subfolder="packages/web",
        operation="rebase",
        partial=True,
        redirected=("in",),
        home="/home/me",
    ),
    SetupRan(command="uv sync", exit_code=0, output="done", duration_s=0.5),
    WorkspacePrepared(
        path="/w/thesis/k7f3abcd",
        baseline="4b825dc",
        top_files=("pyproject.toml", "Makefile"),
        source=SOURCE,
        refs="9c2a6f1",
        names=("Makefile", "calc.py", "pyproject.toml"),
    ),
    ForecastMade(
        forecast=Forecast(
            runs=14,
            seconds=(171.0, 540.5),
            tokens=(40_000, 110_000),
            cost=(0.1, 0.4),
            succeeded=11 / 14,
            confidence=0.8,
            run_ids=("k7f3abcd", "m2q9abcd"),
        ),
        shortfalls=(Shortfall(kind="seconds", limit=120.0, median=301.0, beyond=11, runs=14),),
    ),
    PatternDecided(
        decision="injected",
        reason="one fits",
        probability=0.7,
        channel="developer",
        pattern_id="9c1xyz",
        version=3,
        summary="Fix a module and test it",
        hash="5f3a6b1c2d4e7f80",
        family_id="8b2wvu",
        share_withheld=0.3,
        right=0.9,
        fits=0.8,
        threshold=0.5,
        compiled=True,
        values={"file": "calc.py"},
        not_compiled="no task is like that",
        form="steps",
        folder="5f3a6b1c2d4e7f8091a2b3c4",
        with_check=True,
        candidates=(
            PatternCandidate(
                pattern_id="9c1xyz",
                version=3,
                task_type="research",
                score=2.5,
                signals={"task": 1.5, "pairs": 1.0},
            ),
            PatternCandidate(
                pattern_id="7d3tsr", version=1, task_type="code", excluded="it is retired"
            ),
        ),
    ),
    PlannerReplied(
        sent=({"role": "user", "content": "plan it"},),
        reply={"role": "assistant", "tool_calls": [{"id": "1", "n": None}]},
    ),
    StepPlanned(
        prompt="Read calc.py\nthen fix it", instructions="Be brief.", channel="developer", number=2
    ),
    AgentLaunched(command=("codex", "exec", "--json"), version="0.58.0"),
    ThreadStarted(thread_id="019a-7e"),
    TurnStarted(),
    TurnFailed(message="the model is overloaded"),
    AgentSpoke(text="Done.\n\nAll tests pass: \x1b[32m✓\x1b[0m \u2028 \x00 漢字"),
    AgentReasoned(text="**Looking** around"),
    ItemStarted(kind="web_search", detail="numpy"),
    CommandStarted(command="bash -lc 'pytest -q'"),
    CommandRan(command="bash -lc 'pytest -q'", exit_code=1, output="E  boom\r\n", duration_s=3.41),
    CommandDeclined(command="bash -lc 'rm -rf /'"),
    FileChanged(path="src/calc.py", change="modified", ok=False, content="9daeafb"),
    ToolCalled(
        tool="docs.search", arguments={"q": ["a", 1]}, result=[1.5, True], error="no answer"
    ),
    PlanUpdated(items=(PlanItem("read", completed=True), PlanItem("fix", completed=False))),
    UsageReported(
        source="agent", tokens=Tokens(10, 5, 3, 1), thread_total=Tokens(40, 20, 9, 4), cost=0.25
    ),
    Warned(message="no key, no planner"),
    Unrecognised(raw='{"type":"item.dreamt"', bytes=70_000, kind="item.dreamt"),
    StepFinished(failure=FAILURE, agent_exit_code=-9),
    Verified(command="pytest -q", exit_code=2, output="1 failed"),
    ApplyFinished(outcome=ApplyOutcome(path="/home/me/calc", conflicts=("calc.py",))),
    ProofAssessed(
        grade="contradicted",
        findings=(ProofFinding("claimed-file", "new.py was not written", 12),),
    ),
    WorkspaceChanged(
        tree="aa51f00",
        changes=CHANGES,
        shortstat="3 files changed",
        stat=" new.py | 3 +++",
        branch="main",
        ignored=IgnoredFiles(3, ("out/report.md",), ("out/chart.png",), (".env",), "c0ffee1"),
        commits=(
            RefChange("refs/heads/main", "b797fe4", "2850ac7", 3),
            RefChange("stash@{0}", None, "0a9e93c", 2),
        ),
        refs="d1f00e2",
        git_state="5ea50fd",
        kept_folders=("empty",),
    ),
    ArtifactSaved(
        id="k7f3abcd-1",
        kind="patch",
        name="changes.patch",
        path="/a/thesis/k7f3abcd/changes.patch",
        size=312,
        sha256="e3b0c442",
        redactions=2,
    ),
    CancelRequested(by="SIGINT"),
    PatternLearned(
        pattern_id="6e4qpn",
        family_id="8b2wvu",
        project_id="thesis",
        task_type="research",
        lesson="workflow",
        made_by="caution",
        version=2,
        hash="0a1b2c3d4e5f6071",
        rules_hash="71605f4e3d2c1b0a",
        workflow=WORKFLOW,
        trace=TRACE,
        cautions=(Caution("m4n5pqrs", "`make test` fails: no rule"),),
        contents=("print('converted')\n",),
        waits=True,
        why="its last check passed: “pytest -q”",
    ),
    PatternJudged(
        pattern_id="9c1xyz",
        state="quarantined",
        before="active",
        reason="It lowers success.",
        stats=Stats(
            runs_with=9,
            runs_without=4,
            lift=-0.125,
            lift_interval=(-0.25, 0.0),
            p_hurt=0.875,
            share=0.5,
            kinds=(
                KindStats(
                    task_type="code",
                    task="Fix calc.py",
                    runs_with=9,
                    runs_without=4,
                    lift=-0.125,
                    interval=(-0.25, 0.0),
                    state="suspected",
                ),
            ),
        ),
        adherence=0.75,
        uptake=("convert.py",),
        memory=MemoryStats(
            runs_with=90,
            runs_without=20,
            lift=0.125,
            lift_interval=(0.0, 0.25),
            p_hurt=0.0625,
            proved=False,
            verdict="Memory as a whole probably helps",
        ),
    ),
    ScriptFinished(steps=4, ran=2, handed_over=True, reason="a step ended with exit code 1"),
    RunFinished(status=Status.FAILED, failure=FAILURE, redactions=7, duration_s=12.5),
)


def recorded(event: Event, seq: int = 1, at: str = "2026-01-02T03:04:05.000000Z") -> EventRecord:
    """The event as the store would stamp it."""
    return EventRecord(RUN_ID, seq, at, event)


def event_of(kind: type[Any]) -> Any:  # noqa: ANN401  of that type
    """The example of an event type."""
    return next(event for event in EVENTS if type(event) is kind)
