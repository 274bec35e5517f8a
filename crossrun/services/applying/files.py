"""Changes of runs, brought to files: all of a change, or nothing of it."""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from crossrun.model.runs import Application, Run
from crossrun.services.applying.changes import (
    Change,
    Outcome,
    application_of,
    lasting_folders,
    tree_after,
)
from crossrun.services.applying.ignored import (
    count_missing,
    ignored_output,
    select,
    wishes_for_ignored,
)
from crossrun.services.applying.journal import bring, recover
from crossrun.services.applying.turns import turn, usable
from crossrun.store import Store
from crossrun.workspace.copying.links import as_in_source
from crossrun.workspace.files.dirfd import opened, shown
from crossrun.workspace.merge import past
from crossrun.workspace.merge.decisions import Plan, Wish, wishes
from crossrun.workspace.merge.plan import Planner, keep_contents
from crossrun.workspace.merge.preflight import require_possible
from crossrun.workspace.merge.target import TargetFolder
from crossrun.workspace.sources.repositories import branch_of


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
            IGNORED_NOT_FOUND, in the end nothing is changed; TARGET_UNSETTLED.
    """
    run, trees = change.run, change.trees
    with turn(store, run, change.workspaces, folder), usable(folder), opened(folder) as top:
        recovered = () if dry_run else recover(store, change.workspaces, top, folder)
        looking = TargetFolder(top, "")
        outcome = _planned(store, change, folder, looking, ignored=ignored, marking=marking)
        outcome, plan = outcome._replace(recovered=recovered), outcome.plan
        if dry_run or not plan.steps or (plan.clashes and not marking):
            return outcome
        require_possible(plan, trees, top)
        planned = replace(_recorded(change, outcome, looking), id=store.new_application_id())
        past.keep(past.past_of(plan, top), trees.git_dir, planned.id)
        application = store.record_application(planned)
        lasting = lasting_folders(store, run)
        notes = bring(store, trees, top, application, plan, lasting=lasting)
        return outcome._replace(application=application, notes=notes)


def _planned(
    store: Store,
    change: Change,
    folder: Path,
    looking: TargetFolder,
    *,
    ignored: str | None,
    marking: bool,
) -> Outcome:
    """What is to be done; nothing is changed yet."""
    run = change.run
    output = ignored_output(store, change)
    selected = () if ignored is None else select(output, ignored, change)
    wanted = _wanted(store, change, folder)
    wanted |= wishes_for_ignored(store, change, folder, output, selected)
    planner = Planner(change.trees, looking, run.id if marking else None, unions=True)
    plan = planner.plan(wanted, tree=change.tree)
    others = set(output.paths).difference(selected)
    left = count_missing(output, others, folder) + len(_clashing(plan, selected))
    return Outcome(folder, plan, ignored_left=left, other_branch=_other_branch(run, folder))


def _recorded(change: Change, outcome: Outcome, looking: TargetFolder) -> Application:
    """The record of what is going to be done, with the states that it takes to undo it."""
    plan = outcome.plan
    before, after = keep_contents(plan, change.trees, looking)
    files = len(plan.steps)
    planned = application_of(change.run, outcome.folder, files=files, before=before, after=after)
    left_out = tuple(shown(clash.path) for clash in plan.clashes if clash.written is None)
    return replace(planned, ignored_left=outcome.ignored_left, left_out=left_out)


def _clashing(plan: Plan, paths: Iterable[str]) -> set[str]:
    return {clash.path for clash in plan.clashes}.intersection(paths)


def _other_branch(run: Run, folder: Path) -> str | None:
    """The branch that the run's source is on now, where the run began on another one."""
    source = run.source
    if source is None or source.branch is None or Path(source.path).resolve() != folder:
        return None
    here = branch_of(folder)
    return None if here == source.branch else here


def _wanted(store: Store, change: Change, folder: Path) -> dict[str, Wish]:
    """What the change wants of the files of a folder that may have a part of it already."""
    trees = change.trees
    changed = trees.changed(change.base, change.tree)
    brought = _brought(store, change.run, folder)
    if brought is None:
        return wishes([changed])
    tree, left_out = as_in_source(trees, change.run.source, brought[0]), brought[1]
    missing = {path: pair for path, pair in changed.items() if shown(path) in left_out}
    return wishes([trees.changed(tree, change.tree) | missing, changed])


def _brought(store: Store, run: Run, folder: Path) -> tuple[str, frozenset[str]] | None:
    """The state that was brought to a folder last, by this run or one that it comes from.

    A run in place has brought its own.

    Returns:
        The state, and the paths of it that the folder did not get; None: no state was.
    """
    for each in store.read.ancestry(run):
        applications = store.read.applications(each.id)
        here = [one for one in applications if one.path == str(folder) and one.branch is None]
        live = [one for one in here if one.is_live]
        source = each.source
        in_place = source is not None and source.kind == "in_place"
        worked = in_place and not here and source is not None and Path(source.path) == folder
        tree = tree_after(store, each) if live or worked else None
        if tree is not None:
            return tree, frozenset(live[-1].left_out if live else ())
    return None
