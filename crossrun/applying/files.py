"""Changes of runs, brought to files: all of a change, or nothing of it."""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from crossrun.applying.changes import Change, Outcome, application_of, tree_after
from crossrun.applying.ignored import count_missing, ignored_output, select, wishes_for_ignored
from crossrun.applying.turns import turn, usable
from crossrun.runs import Application, Run
from crossrun.store import Store
from crossrun.workspace.bringing import Planner, carry_out, keep_contents
from crossrun.workspace.descriptors import opened
from crossrun.workspace.git import EMPTY_TREE
from crossrun.workspace.merging import Plan, Wish, wishes
from crossrun.workspace.target_folder import TargetFolder, TouchedError
from crossrun.workspace.trees import Trees


def apply_to_files(
    store: Store,
    change: Change,
    folder: Path,
    *,
    ignored: str | None = None,
    marking: bool = False,
    dry_run: bool = False,
) -> Outcome:
    """Brings a change to the files of a folder, all of it or nothing.

    Args:
        store: where it is recorded.
        change: the change.
        folder: whose files get it.
        ignored: a glob for the files that git ignores and that are to be brought, too.
        marking: whether conflicts are put into the files, instead of changing nothing.
        dry_run: whether it is only found out what would be done.

    Raises:
        CrossrunError: TARGET_BUSY, WORKSPACE_BUSY, TARGET_UNUSABLE, TARGET_CHANGED,
            IGNORED_NOT_FOUND; in the end nothing is changed.
    """
    with (
        turn(store, change.run, change.workspaces, folder),
        usable(folder),
        opened(folder) as top,
    ):
        looking = TargetFolder(top, "")
        planner = Planner(change.trees, looking, change.run.id if marking else None)
        output = ignored_output(store, change)
        selected = () if ignored is None else select(output, ignored, change)
        wanted = _wanted(store, change, folder)
        wanted |= wishes_for_ignored(store, change, folder, output, selected)
        plan = planner.plan(wanted, tree=change.tree)
        others = set(output.paths).difference(selected)
        left = count_missing(output, others, looking) + len(_clashing(plan, selected))
        if dry_run or not plan.steps or (plan.clashes and not marking):
            return Outcome(folder, plan, ignored_left=left)
        before, after = keep_contents(plan, change.trees, looking)
        planned = application_of(
            change.run, folder, files=len(plan.steps), before=before, after=after
        )
        application = store.record_application(replace(planned, ignored_left=left))
        _sweep_after_earlier(store, top, change.run, plan)
        _all_or_nothing(store, change.trees, top, application, plan)
        store.record_finished(application)
        return Outcome(folder, plan, application, ignored_left=left)


def _clashing(plan: Plan, paths: Iterable[str]) -> set[str]:
    return {clash.path for clash in plan.clashes}.intersection(paths)


def _all_or_nothing(
    store: Store, trees: Trees, top: int, application: Application, plan: Plan
) -> None:
    try:
        carry_out(plan, trees, TargetFolder(top, application.id))
    except BaseException as error:
        touched = error.path if isinstance(error, TouchedError) else None
        if not take_back(trees, top, application, besides=touched).clashes:
            store.record_undone(application)
        raise


def _sweep_after_earlier(store: Store, top: int, run: Run, plan: Plan) -> None:
    """Removes what applications of the run that were killed left unfinished."""
    for earlier in store.read.applications(run.id):
        folder = TargetFolder(top, earlier.id)
        for step in plan.steps:
            folder.sweep(step.path)


def take_back(
    trees: Trees, top: int, application: Application, *, besides: str | None = None
) -> Plan:
    """Brings files back to what they were, unless one of them was changed since.

    An application that was cut short is taken back as far as it came.
    """
    before, after = application.before or EMPTY_TREE, application.after or EMPTY_TREE
    wanted = wishes([trees.changed(after, before)])
    folder = TargetFolder(top, application.id)
    for path in wanted:
        folder.sweep(path)
    plan = Planner(trees, folder).plan(
        {p: wish for p, wish in wanted.items() if p != besides}, tree=before
    )
    if not plan.clashes:
        carry_out(plan, trees, folder)
    return plan


def _wanted(store: Store, change: Change, folder: Path) -> dict[str, Wish]:
    """What the change wants of the files of a folder that may have a part of it already."""
    bases = [*_applied(store, change.run, folder), change.base]
    return wishes([change.trees.changed(base, change.tree) for base in bases])


def _applied(store: Store, run: Run, folder: Path) -> list[str]:
    """The state that was brought to a folder last, by this run or one that it comes from."""
    for each in store.read.ancestry(run):
        for application in store.read.applications(each.id):
            live = application.undone_at is None and application.branch is None
            tree = tree_after(store, each)
            if live and tree is not None and application.path == str(folder):
                return [tree]
    return []
