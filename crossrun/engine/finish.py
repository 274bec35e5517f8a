"""What follows the work, whatever became of it: measure, verify, keep, learn, credit.

Each stage gets to know why the run cannot succeed, if so.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from crossrun.engine.context import Course, Facts, Stage
from crossrun.errors import CrossrunError
from crossrun.events import ArtifactSaved, Verified, Warned, WorkspaceChanged
from crossrun.executors.commands import run_command, shell
from crossrun.executors.process import ProcessLimits
from crossrun.model.failures import CANCELLED, Failure, RunFailed
from crossrun.model.runs import Change, IgnoredFiles
from crossrun.system.cancellation import CancelToken
from crossrun.workspace import Workspace, Workspaces, branch
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.files.emptied import kept_folders
from crossrun.workspace.snapshots.differences import Difference
from crossrun.workspace.snapshots.files import OnDisk, inside
from crossrun.workspace.snapshots.history import History

_NAMED = 1000
"""So many ignored files an event names."""
_LAST_PATIENCE = 1.0
"""Seconds that measuring gets after a second request to stop: enough for most workspaces."""
_NOT_MEASURED = "stopped at once: the change was not measured, the files stay in"


def measure(course: Course, failure: Failure | None) -> Stage:
    """Measures the agent's change from outside, before anything else touches the files.

    Neither a first request to stop nor the deadline keeps it from that: it is what the run did.
    """
    workspace = course.workspace
    if workspace is None:
        return None
    patience, workspaces = _last_patience(course.stop), course.crew.workspaces
    measuring = course.measured(lambda: _measured(workspace, workspaces), patience)
    try:
        measured = yield from measuring
    except RunFailed as stopped:
        yield Warned(message=f"{_NOT_MEASURED} {workspace.path}")
        return stopped.failure if failure is None else None
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
    if difference.changes:
        summary = msgspec.json.format(msgspec.json.encode(changed))
        yield course.archive.save("diff-summary", "diff-summary.json", summary)
        yield (
            yield from course.measured(
                lambda: course.archive.save("patch", "changes.patch", difference.patch), patience
            )
        )
        yield from _found_artifacts(course, workspace.path, difference.changes)
    return None


def verify(course: Course, failure: Failure | None) -> Stage:
    """Runs the user's own check, if the agent did its part."""
    command, workspace = course.request.verify, course.workspace
    if failure is not None or command is None or workspace is None:
        return None
    course.look_up()
    result = yield from run_command(
        shell(command),
        workspace=course.folder,
        environ=course.crew.environ,
        run_id=course.run_id,
        limits=ProcessLimits(course.stop, course.deadline),
        process_list=course.process_list,
    )
    cut_short = result.end.cut_short
    code = result.end.code if cut_short is None else None
    yield Verified(command=command, exit_code=code, output=result.output)
    if cut_short is not None or code == 0:
        return cut_short
    return Failure(
        "VERIFY_FAILED",
        f"the agent finished, but `{command}` ended with exit code {code}",
        "have the agent correct it: crossrun resume ; its output is in  crossrun steps",
    )


def keep_transcript(course: Course, _failure: Failure | None) -> Stage:
    """Compresses the agent's raw lines."""
    transcript = course.archive.close_transcript()
    if transcript is not None:
        yield transcript
    return None


def remember(course: Course, failure: Failure | None) -> Stage:
    """Learns from the run."""
    if course.workspace is not None:
        memory = course.crew.memory
        yield from memory.remember(course.run_id, course.request, failure, course.stop)
    return None


def credit(course: Course, failure: Failure | None) -> Stage:
    """Credits the pattern that the run had, or went without."""
    if course.workspace is not None:
        memory, seconds = course.crew.memory, course.seconds
        yield from memory.credit(course.run_id, failure, seconds=seconds)
    return None


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
        tuple(map(shown, paths[:_NAMED]))
        for paths in (change.added, change.modified, change.deleted)
    )
    count = len(change.written) + len(change.deleted)
    return IgnoredFiles(count, added, modified, deleted, workspace.kept_now())


def _last_patience(stop: CancelToken) -> Callable[[], None]:
    """Raises RunFailed some moments after somebody asked twice that the run stops."""
    urgent_since: float | None = None

    def look_up() -> None:
        nonlocal urgent_since
        if stop and stop.urgent:
            urgent_since = urgent_since or time.monotonic()
            if time.monotonic() >= urgent_since + _LAST_PATIENCE:
                raise RunFailed(CANCELLED)

    return look_up


def _found_artifacts(course: Course, workspace: Path, changes: Sequence[Change]) -> Facts:
    """Files that people who do this kind of task want to find again stay where they are.

    They are looked for among what changed, so nothing outside of the workspace is ever one; a link
    is none, and neither is what the agent's last processes took away or put a link in the place of.
    """
    there = (change for change in changes if change.status != "deleted")
    changed = {change.path for change in there if change.path_bytes is None}
    for kind in course.crew.task_type.artifacts:
        fitting = sorted(filter(kind.fits, changed))
        changed.difference_update(fitting)
        for name in fitting:
            saved = _registered(course, workspace, kind.kind, name)
            if saved is not None:
                yield saved


def _registered(course: Course, workspace: Path, kind: str, name: str) -> ArtifactSaved | None:
    with suppress(CrossrunError, OSError), OnDisk(workspace).reading(inside(name)) as content:
        return course.archive.register(kind, name, workspace / name, content)
    return None
