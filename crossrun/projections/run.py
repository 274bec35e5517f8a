"""The run as a pure fold over its events, so that the log alone is the truth."""

from typing import assert_never

from msgspec.structs import replace

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
    EventRecord,
    FileChanged,
    ForecastMade,
    ItemStarted,
    PatternDecided,
    PatternJudged,
    PatternLearned,
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
    UnknownEvent,
    Unrecognised,
    UsageReported,
    Verified,
    WaitBegan,
    Warned,
    WorkspaceChanged,
    WorkspacePrepared,
)
from crossrun.model.failures import exit_code_of
from crossrun.model.proof import Proof
from crossrun.model.runs import Artifact, Decided, Run, Verification
from crossrun.model.status import Status
from crossrun.model.tokens import Spent


def begun(record: EventRecord, event: RunStarted) -> Run:
    """The run after its first event."""
    request, batch = event.request, event.batch
    return Run(
        id=record.run_id,
        project_id=request.project_id,
        name=request.name,
        task=request.task,
        task_type=request.task_type,
        tags=request.tags,
        status=Status.RUNNING,
        exit_code=None,
        created_at=record.at,
        started_at=record.at,
        ended_at=None,
        workspace=event.workspace,
        executor=request.executor,
        planner=request.planner,
        model=request.model,
        planner_model=request.planner_model,
        executor_version=event.executor_version,
        crossrun_version=event.crossrun_version,
        reference_run_id=request.memory.reference_run_id,
        from_run_id=request.begin_with.run_id,
        retry_of=event.retry_of,
        resumed_from=event.resumed_from,
        batch_id=None if batch is None else batch.batch_id,
        batch_row=None if batch is None else batch.row,
        batch_attempt=None if batch is None else batch.attempt,
        template=request.template,
        imported_from=event.imported_from,
    )


def advance(run: Run | None, record: EventRecord) -> Run:
    """The run after one more of its events; None before the first.

    Raises:
        ValueError: the first event is not `RunStarted`.
    """
    if isinstance(record.event, RunStarted):
        return begun(record, record.event)
    if run is None:
        raise ValueError("a run begins with run_started")
    return _after(run, record)


def _after(run: Run, record: EventRecord) -> Run:
    match record.event:
        case ThreadStarted(thread_id=thread_id):
            return replace(run, thread_id=thread_id)
        case AgentSpoke(text=text):
            return replace(run, answer=text)
        case WorkspacePrepared(source=source):
            return replace(run, source=source)
        case RunQueued():
            return replace(run, status=Status.QUEUED, started_at=None)
        case RunDequeued():
            return replace(run, status=Status.RUNNING, started_at=record.at)
        case UsageReported(tokens=tokens, cost=cost) if tokens is not None:
            before = Spent() if run.tokens is None else Spent(run.tokens, run.cost)
            spent = before.plus(tokens, cost)
            return replace(run, tokens=spent.tokens, cost=spent.cost)
        case TurnStarted():
            return replace(run, turns=run.turns + 1)
        case CommandRan(exit_code=code):
            failed = run.failed_commands + (code != 0)
            return replace(run, commands=run.commands + 1, failed_commands=failed)
        case PatternDecided() as event:
            return replace(run, pattern=_decided(event))
        case PatternJudged(adherence=adherence, uptake=uptake) if run.pattern is not None:
            return replace(run, pattern=replace(run.pattern, adherence=adherence, uptake=uptake))
        case ScriptFinished(handed_over=handed_over) if run.pattern is not None:
            return replace(run, pattern=replace(run.pattern, handed_over=handed_over))
        case PatternLearned(lesson="workflow", pattern_id=pattern_id, waits=False):
            return replace(run, learned_pattern_id=pattern_id)
        case Verified(command=command, exit_code=exit_code):
            return replace(run, verify=Verification(command, exit_code))
        case ProofAssessed(grade=grade, findings=findings):
            return replace(run, proof=Proof(grade, findings))
        case WorkspaceChanged(changes=changes, branch=branch, ignored=ignored, commits=commits):
            count = None if ignored is None else ignored.count
            return replace(
                run, changes=changes, branch=branch, ignored_files=count, commits=commits
            )
        case ApplyFinished(outcome=outcome):
            return replace(run, applied=outcome)
        case RunFinished() as event:
            return _finished(run, record, event)
        case (
            AgentLaunched()
            | AgentReasoned()
            | ArtifactSaved()
            | CancelRequested()
            | CommandDeclined()
            | CommandStarted()
            | CopyProgressed()
            | FileChanged()
            | ForecastMade()
            | ItemStarted()
            | PatternJudged()
            | PatternLearned()
            | PlanUpdated()
            | PlannerReplied()
            | RunStarted()
            | ScriptFinished()
            | SessionRead()
            | SetupRan()
            | SnapshotProgressed()
            | SourceCopied()
            | StepFinished()
            | StepPlanned()
            | ToolCalled()
            | TurnFailed()
            | UnknownEvent()
            | Unrecognised()
            | UsageReported()
            | WaitBegan()
            | Warned()
        ):
            return run
        case _ as never:
            assert_never(never)


def _decided(event: PatternDecided) -> Decided:
    return Decided(
        decision=event.decision,
        pattern_id=event.pattern_id,
        version=event.version,
        probability=event.probability,
        reason=event.reason,
        family_id=event.family_id,
        hash=event.hash,
        channel=event.channel,
        share_withheld=event.share_withheld,
        compiled=event.compiled,
        form=event.form,
        folder=event.folder,
        with_check=event.with_check,
    )


def _finished(run: Run, record: EventRecord, event: RunFinished) -> Run:
    exit_code = 0 if event.failure is None else exit_code_of(event.failure)
    return replace(
        run,
        status=event.status,
        failure=event.failure,
        exit_code=exit_code,
        ended_at=record.at,
        redactions=event.redactions,
        duration_s=event.duration_s,
    )


def artifact(record: EventRecord) -> Artifact | None:
    """The artifact of an event, if it has one."""
    match record.event:
        case ArtifactSaved() as saved:
            return Artifact(
                id=saved.id,
                run_id=record.run_id,
                kind=saved.kind,
                name=saved.name,
                path=saved.path,
                size=saved.size,
                sha256=saved.sha256,
                created_at=record.at,
            )
        case _:
            return None
