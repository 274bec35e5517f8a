"""What follows the work, whatever became of it: measure, verify, keep, learn, credit.

Each stage gets to know why the run cannot succeed, if so.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from crossrun.conduct.course import Course, Facts, Stage
from crossrun.errors import CrossrunError
from crossrun.events import ArtifactSaved, Verified, Warned, WorkspaceChanged
from crossrun.executors.commands import run_command, shell
from crossrun.executors.process import Bounds
from crossrun.failures import Failure
from crossrun.runs import Change, IgnoredFiles
from crossrun.workspace import branch
from crossrun.workspace.ignored import IgnoredChange
from crossrun.workspace.looking import OnDisk, inside

_NAMED = 1000
"""So many ignored files an event names."""


def measure(course: Course, _failure: Failure | None) -> Stage:
    """Measures the agent's change from outside, before anything else touches the files."""
    workspace = course.workspace
    if workspace is None:
        return None
    tree = workspace.state()
    if workspace.snapshots.left_out:
        yield Warned(message=f"not all files are recorded: {workspace.snapshots.left_out}")
    found = workspace.snapshots.difference(workspace.baseline, tree)
    changed = WorkspaceChanged(
        tree=tree,
        changes=found.changes,
        shortstat=found.shortstat,
        stat=found.stat,
        branch=branch(workspace.path),
        ignored=_ignored_files(workspace.ignored_change()),
    )
    yield changed
    if found.changes:
        summary = msgspec.json.format(msgspec.json.encode(changed))
        yield course.archive.save("diff-summary", "diff-summary.json", summary)
        yield course.archive.save("patch", "changes.patch", found.patch)
        yield from _found_artifacts(course, workspace.path, found.changes)
    return None


def verify(course: Course, failure: Failure | None) -> Stage:
    """Runs the user's own check, if the agent did its part."""
    command, workspace = course.request.verify, course.workspace
    if failure is not None or command is None or workspace is None:
        return None
    result = yield from run_command(
        shell(command),
        workspace=workspace.path,
        environ=course.crew.environ,
        run_id=course.run_id,
        bounds=Bounds(course.stop, course.deadline),
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
        yield from course.crew.memory.credit(course.run_id, failure)
    return None


def _ignored_files(change: IgnoredChange) -> IgnoredFiles:
    return IgnoredFiles(
        len(change.written) + len(change.deleted),
        change.written[:_NAMED],
        change.deleted[:_NAMED],
    )


def _found_artifacts(course: Course, workspace: Path, changes: Sequence[Change]) -> Facts:
    """Files that people who do this kind of task want to find again stay where they are.

    They are looked for among what changed, so nothing outside of the workspace is ever one; a link
    is none, and neither is what the agent's last processes took away or put a link in the place of.
    """
    changed = {change.path for change in changes if change.status != "deleted"}
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
