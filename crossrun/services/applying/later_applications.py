"""Applications that came after the one that is being undone, in the same folder.

They stay, but the states that they would restore have to change. Otherwise their own undo would
bring back parts of the earlier change.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec.structs import replace

from crossrun.model.runs import Application
from crossrun.services.applying.changes import trees_of
from crossrun.store import Store
from crossrun.workspace.merge.decisions import DesiredEntry, MergePlan, desired_entries
from crossrun.workspace.merge.planner import MergePlanner
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE
from crossrun.workspace.snapshots.trees import Trees
from crossrun.workspace.user_repository.branches import CommitFiles
from crossrun.workspace.workspaces import Workspaces


class LaterApplications:
    """Later applications to the same folder, and what they are without the earlier one.

    Args:
        store: where they are recorded.
        workspaces: where their states are.
        earlier: the application to undo; without an id, it stands for a run in place.
        trees: where its states are.
    """

    def __init__(
        self, store: Store, workspaces: Workspaces, earlier: Application, trees: Trees
    ) -> None:
        self._trees = trees
        before, after = earlier.before or EMPTY_TREE, earlier.after or EMPTY_TREE
        self._wanted = desired_entries([trees.changed(after, before)])
        self._applied_later = list(_applied_later(store, workspaces, earlier))

    @property
    def dependents(self) -> tuple[Application, ...]:
        """Those that have to be undone first, the newest first."""
        return tuple(each for each, without in reversed(self._rebased) if without is None)

    @property
    def rebased(self) -> list[Application]:
        """Those that share files with the earlier one, with their new states."""
        return [without for _, without in self._rebased if without is not None]

    def touching(self, paths: Iterable[str]) -> tuple[Application, ...]:
        """Those that changed one of these paths, the newest first."""
        paths = set(paths)
        those = [each for each, trees in self._applied_later if paths & _paths(each, trees).keys()]
        return tuple(reversed(those))

    @cached_property
    def _rebased(self) -> list[tuple[Application, Application | None]]:
        moved = []
        for each, trees in self._applied_later:
            paths = _paths(each, trees)
            shared = {path: desired for path, desired in self._wanted.items() if path in paths}
            if shared:
                moved.append((each, self._without(shared, each, trees)))
        return moved

    def _without(
        self, shared: Mapping[str, DesiredEntry], later: Application, theirs: Trees
    ) -> Application | None:
        """A later application without the earlier one; None if it builds on that."""
        states = []
        for tree in (later.before or EMPTY_TREE, later.after or EMPTY_TREE):
            listed = theirs.git("ls-tree", "-r", "-z", "--full-tree", tree)
            plan = MergePlanner(self._trees, CommitFiles(tree, listed, theirs.content)).plan(shared)
            if plan.conflicts:
                return None
            states.append(self._changed(plan, theirs, tree))
        return replace(later, before=states[0], after=states[1])

    def _changed(self, plan: MergePlan, theirs: Trees, tree: str) -> str:
        """The tree that a plan makes of another, with all contents."""
        for step in plan.steps:
            if step.after is not None:
                content = step.content
                theirs.keep(self._trees.content(step.after.blob) if content is None else content)
        return theirs.write({step.path: step.after for step in plan.steps}, onto=tree)


def _applied_later(
    store: Store, workspaces: Workspaces, application: Application
) -> Iterator[tuple[Application, Trees]]:
    """Later applications that are still in the folder, the oldest first."""
    applications = store.read.applications_in(application.path)
    ids = [application.id for application in applications]
    if application.id in ids:
        newer = applications[ids.index(application.id) + 1 :]
    else:
        newer = [application for application in applications if application.at >= application.at]
    for each in newer:
        trees = trees_of(store.read.run(each.run_id), workspaces)
        if each.is_live and each.finished_at and trees.knows(each.before, each.after):
            yield each, trees


def _paths(application: Application, trees: Trees) -> Mapping[str, object]:
    return trees.changed(application.before or EMPTY_TREE, application.after or EMPTY_TREE)
