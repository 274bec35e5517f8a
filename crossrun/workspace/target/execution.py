"""Carries out a merge plan in a folder, and saves beforehand what an undo needs."""

from crossrun.workspace.merge.decisions import MergePlan
from crossrun.workspace.merge.planner import Target
from crossrun.workspace.snapshots.trees import Trees
from crossrun.workspace.target.folder import TargetFolder, write_errors


def save_contents(plan: MergePlan, trees: Trees, target: Target) -> tuple[str, str]:
    """Saves what a plan replaces and what it writes, so that it can be undone.

    Returns:
        The trees of all paths that the plan changes, before and after.

    Raises:
        TargetChangedError: somebody changed a file in the meantime.
    """
    for step in plan.steps:
        if step.before is not None:
            trees.keep(target.read(step.at, step.current))
        if step.content is not None:
            trees.keep(step.content)
    before = trees.write({step.at: step.before for step in plan.steps if step.before})
    return before, trees.write({step.path: step.after for step in plan.steps if step.after})


def execute(plan: MergePlan, trees: Trees, folder: TargetFolder) -> None:
    """Changes the files; deletions come first, to make room.

    Raises:
        TargetChangedError: somebody changed a file in the meantime; it is left alone.
        WriteRefusedError: the file system refuses a change.
    """
    folder.announce({step.at: step.after and step.after.blob for step in plan.steps})
    for step in plan.steps:
        if step.after is None:
            with write_errors(step.path):
                folder.remove(step.path, step.current)
    for step in plan.steps:
        if step.after is not None and step.after != step.before:
            content = trees.content(step.after.blob) if step.content is None else step.content
            with write_errors(step.path):
                folder.put(step.at, step.after, content, step.current)
    for step in plan.steps:
        if step.old_path is not None:
            with write_errors(step.path):
                folder.respell(step.old_path, step.path)
    folder.restore_folders()
