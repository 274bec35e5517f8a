"""The last stages of a run: measure, verify, grade, save the transcript, learn, evaluate.

They run after a failed agent, too; each gets the failure of the run so far.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from crossrun.engine.context import Events, RunContext, Stage
from crossrun.errors import CrossrunError
from crossrun.events import (
    ApplyFinished,
    ArtifactSaved,
    ProofAssessed,
    Verified,
    Warned,
    WorkspaceChanged,
)
from crossrun.executors.commands import run_command, shell
from crossrun.executors.process import ProcessLimits
from crossrun.executors.registry import spec_of
from crossrun.model.failures import CANCELLED, Failure, RunFailed
from crossrun.model.proof import GRADES, Proof
from crossrun.model.runs import ApplyOutcome, Change, IgnoredFiles
from crossrun.proof.assessment import EVENTS, assess_run
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.files.emptied import kept_folders
from crossrun.workspace.snapshots.differences import Difference
from crossrun.workspace.snapshots.files import OnDisk, inside
from crossrun.workspace.snapshots.history import History
from crossrun.workspace.workspaces import Workspace, Workspaces, branch

_MOST_NAMES = 1000
"""How many ignored files an event names at most."""
_URGENT_TIMEOUT = 1.0
"""Seconds that measuring gets after a second request to stop: enough for most workspaces."""
_NOT_MEASURED = "stopped at once: the change was not measured; the files are still in"


def measure(run: RunContext, failure: Failure | None) -> Stage:
    """Measures what the agent changed, before anything else touches the files.

    It does so even after a first request to stop and after the deadline.
    """
    workspace = run.workspace
    if workspace is None:
        return None
    check_urgent, workspaces = _urgent_check(run.stop), run.dependencies.workspaces
    try:
        measured = yield from run.with_snapshot_progress(
            lambda: _measured(workspace, workspaces), check_urgent
        )
    except RunFailed as error:
        yield Warned(message=f"{_NOT_MEASURED} {workspace.path}")
        return error.failure if failure is None else None
    if workspace.snapshots.left_out:
        yield Warned(message=f"not all files are recorded: {workspace.snapshots.left_out}")
    difference = measured.difference
    changed = WorkspaceChanged(
        tree=measured.tree,
        changes=difference.changes,
        shortstat=difference.shortstat,
        stat=difference.stat,
        branch=branch(workspace.path),
        ignored=measured.ignored,
        commits=measured.history.commits,
        refs=measured.history.refs,
        git_state=measured.git_state,
        kept_folders=kept_folders(workspace.path, difference.changes),
    )
    yield changed
    run.patch = difference.patch
    if difference.changes:
        summary = msgspec.json.format(msgspec.json.encode(changed))
        yield run.archive.save("diff-summary", "diff-summary.json", summary)
        yield (
            yield from run.with_snapshot_progress(
                lambda: run.archive.save("patch", "changes.patch", difference.patch), check_urgent
            )
        )
        yield from _artifacts(run, workspace.path, difference.changes)
    return None


def verify(run: RunContext, failure: Failure | None) -> Stage:
    """Runs the user's check, unless the agent failed."""
    command, workspace = run.request.verify, run.workspace
    if failure is not None or command is None or workspace is None:
        return None
    run.check_end()
    result = yield from run_command(
        shell(command),
        workspace=run.folder,
        environ=run.dependencies.environ,
        run_id=run.run_id,
        limits=ProcessLimits(run.stop, run.deadline),
        tracking=run.tracking,
    )
    cut_short = result.end.cut_short
    code = result.end.code if cut_short is None else None
    yield Verified(command=command, exit_code=code, output=result.output)
    if cut_short is not None or code == 0:
        return cut_short
    who, fix = "the agent", "let the agent correct it: crossrun resume RUN"
    if spec_of(run.request.executor).runs_task:
        who, fix = "the script", "run it again: crossrun retry RUN"
    return Failure(
        "VERIFY_FAILED",
        f"{who} finished, but `{command}` ended with exit code {code}",
        f"{fix} · see the output: crossrun steps RUN",
    )


def assess(run: RunContext, failure: Failure | None) -> Stage:
    """Holds what the agent said against the ledger, and grades the run.

    If that fails, it is a warning, unless the run needs a grade to succeed.
    """
    required = run.request.require_proof if failure is None else None
    proof: Proof | None = None
    if run.workspace is not None and run.dependencies.recorded is not None:
        yield None  # everything so far is stored
        try:
            proof = assess_run(run.dependencies.recorded(run.run_id, EVENTS), run.patch)
        except Exception as error:  # noqa: BLE001  a success is not lost because of its grade
            yield Warned(message=f"the run was not graded: {type(error).__name__}: {error}")
        else:
            yield ProofAssessed(grade=proof.grade, findings=proof.findings)
    grade = "unchecked" if proof is None else proof.grade
    if required is None or GRADES.index(grade) >= GRADES.index(required):
        return None
    return Failure(
        "PROOF_MISSING",
        f"the agent finished, but its work is {grade}, and --require-proof asks for {required}",
        "see why: crossrun show RUN · let the agent check its work: crossrun resume RUN",
    )


def save_transcript(run: RunContext, _failure: Failure | None) -> Stage:
    """Compresses the raw output of the agent."""
    transcript = run.archive.close_transcript()
    if transcript is not None:
        yield transcript
    return None


def learn(run: RunContext, failure: Failure | None) -> Stage:
    """Learns from the run."""
    if run.workspace is not None:
        memory = run.dependencies.memory
        yield from memory.remember(run.run_id, run.request, failure, run.stop)
    return None


def evaluate_pattern(run: RunContext, failure: Failure | None) -> Stage:
    """Updates the evidence on the pattern that the run used or did without."""
    if run.workspace is not None:
        memory, seconds = run.dependencies.memory, run.seconds
        yield from memory.credit(run.run_id, failure, seconds=seconds)
    return None


def apply_change(run: RunContext) -> Events:
    """Applies the change of a run that has succeeded, if the user wants that.

    If it cannot be applied, the run has succeeded nevertheless: its change is there to be applied.
    """
    apply = run.dependencies.apply
    if apply is None:
        return
    yield None  # the change is stored
    try:
        outcome = apply(run.run_id)
    except Exception as error:  # noqa: BLE001  a success is not lost because of this
        problem = f"{type(error).__name__}: {error}"
        outcome = ApplyOutcome(path="", branch=run.request.branch, problem=problem)
    yield ApplyFinished(outcome=outcome)


class _Measured(NamedTuple):
    """What a run did to its workspace."""

    tree: str
    difference: Difference
    ignored: IgnoredFiles
    history: History
    git_state: str | None


def _measured(workspace: Workspace, workspaces: Workspaces) -> _Measured:
    tree = workspace.state()
    return _Measured(
        tree,
        workspace.snapshots.difference(workspace.baseline, tree),
        _ignored_files(workspace),
        workspaces.history(workspace),
        workspaces.git_state(workspace.path) if workspace.git_state else None,
    )


def _ignored_files(workspace: Workspace) -> IgnoredFiles:
    change = workspace.ignored_change()
    added, modified, deleted = (
        tuple(map(shown, paths[:_MOST_NAMES]))
        for paths in (change.added, change.modified, change.deleted)
    )
    count = len(change.written) + len(change.deleted)
    return IgnoredFiles(count, added, modified, deleted, workspace.kept_now())


def _urgent_check(stop: CancelToken) -> Callable[[], None]:
    """A check that raises RunFailed shortly after a second request to stop."""
    urgent_since: float | None = None

    def check_end() -> None:
        nonlocal urgent_since
        if stop and stop.urgent:
            urgent_since = urgent_since or time.monotonic()
            if time.monotonic() >= urgent_since + _URGENT_TIMEOUT:
                raise RunFailed(CANCELLED)

    return check_end


def _artifacts(run: RunContext, workspace: Path, changes: Sequence[Change]) -> Events:
    """Registers changed files that are results of this type of task; they stay in the workspace.

    Links are left out, and so are files that were removed or replaced by a link meanwhile.
    """
    present = (change for change in changes if change.status != "deleted")
    changed = {change.path for change in present if change.path_bytes is None}
    for kind in run.dependencies.task_type.artifacts:
        matching = sorted(filter(kind.fits, changed))
        changed.difference_update(matching)
        for name in matching:
            artifact = _register(run, workspace, kind.kind, name)
            if artifact is not None:
                yield artifact


def _register(run: RunContext, workspace: Path, kind: str, name: str) -> ArtifactSaved | None:
    with suppress(CrossrunError, OSError), OnDisk(workspace).reading(inside(name)) as content:
        return run.archive.register(kind, name, workspace / name, content)
    return None
