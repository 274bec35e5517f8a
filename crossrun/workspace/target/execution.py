"""Carries out a merge plan in a folder, after saving what it takes to undo it."""

from crossrun.workspace.merge.decisions import MergePlan
from crossrun.workspace.merge.planner import Target
from crossrun.workspace.snapshots.trees import Trees
from crossrun.workspace.target.folder import TargetFolder, naming


def save_contents(plan: MergePlan, trees: Trees, target: Target) -> tuple[str, str]:
    """Keeps what a plan replaces and what it makes, so that it can be taken back.

    Returns:
        The trees of all paths that the plan changes, before and after.

    Raises:
        TouchedError: a file was changed in the meantime.
    """
    for step in plan.steps:
        if step.before is not None:
            trees.keep(target.read(step.at, step.current))
        if step.content is not None:
            trees.keep(step.content)
    before = trees.write({step.at: step.before for step in plan.steps if step.before})
    return before, trees.write({step.path: step.after for step in plan.steps if step.after})


def execute(plan: MergePlan, trees: Trees, folder: TargetFolder) -> None:
    """Changes the files: what goes makes room for what comes.

    Raises:
        TouchedError: a file was changed in the meantime; it stays as it is.
        RefusedError: the file system does not let one be changed.
    """
    folder.expect({step.at: step.after and step.after.blob for step in plan.steps})
    for step in plan.steps:
        if step.after is None:
            with naming(step.path):
                folder.remove(step.path, step.current)
    for step in plan.steps:
        if step.after is not None and step.after != step.before:
            content = trees.content(step.after.blob) if step.content is None else step.content
            with naming(step.path):
                folder.put(step.at, step.after, content, step.current)
    for step in plan.steps:
        if step.old_path is not None:
            with naming(step.path):
                folder.respell(step.old_path, step.path)
    folder.settle()
