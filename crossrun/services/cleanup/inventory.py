"""What can be cleaned up: the workspaces of runs with all that belongs to them, and leftovers."""

import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from crossrun.config.settings import Paths
from crossrun.errors import UsageError
from crossrun.model.retention import RunLocation, WorkspaceRun, WorkspaceUsage
from crossrun.store.ids import ALPHABET
from crossrun.store.workspace_runs import WorkspaceReader
from crossrun.workspace.files.guarded import (
    ManagedPath,
    find_leftovers,
    folders,
    is_there,
    link_on_the_way,
)
from crossrun.workspace.files.measuring import Meter
from crossrun.workspace.folder_names import FROZEN, folder_name
from crossrun.workspace.snapshots.object_store import object_store

Kind = Literal["workspace", "snapshots", "artifacts", "log"]
WITH_WORKSPACE: tuple[Kind, ...] = ("workspace", "snapshots", "log")
EVERYTHING: tuple[Kind, ...] = (*WITH_WORKSPACE, "artifacts")

_RUN_ID = re.compile(rf"[{ALPHABET}]{{8}}")
_OUTSIDE = "outside the workspaces"
_DAY = 86400


class StoredRuns(NamedTuple):
    """What the store says: where all runs worked, and all about those that may be on the disk.

    `batch_ends` are when batches ended, by their ids. `needed_by` are batches that have not, by the
    runs whose workspaces they need.
    """

    locations: list[RunLocation]
    runs: list[WorkspaceRun]
    batch_ends: Mapping[str, str | None] = {}
    needed_by: Mapping[str, str] = {}


class WorkspacePart(NamedTuple):
    """A file or folder that belongs to a workspace or to a run in it."""

    kind: Kind
    path: ManagedPath


class Orphan(NamedTuple):
    """What has the name of a run that the store does not know. `size` in bytes."""

    run_id: str
    parts: tuple[WorkspacePart, ...]
    size: int


def stored_runs(
    reader: WorkspaceReader, paths: Paths, kinds: Collection[Kind], *, gone: bool = False
) -> StoredRuns:
    """Reads what a survey needs: of thousands of runs, few still have anything on the disk.

    Args:
        reader: reads the store.
        paths: where things are.
        kinds: what belongs to a workspace.
        gone: whether workspaces count of which nothing is left.
    """
    locations = reader.locations()
    batches = (reader.batch_ends(), reader.needed_by_batches())
    if gone:
        return StoredRuns(locations, reader.runs({run.workspace for run in locations}), *batches)
    on_disk = {*_names_on_disk(paths, kinds), *_recorded_names(paths, kinds)}
    names = {
        _name(run.workspace)
        for run in locations
        if run.id in on_disk
        or _name(run.workspace) in on_disk
        or not _is_managed(run.workspace, paths)
    }
    workspaces = {run.workspace for run in locations if _name(run.workspace) in names}
    return StoredRuns(locations, reader.runs(workspaces), *batches)


def survey(
    runs: Iterable[WorkspaceRun],
    paths: Paths,
    kinds: Collection[Kind],
    *,
    measure: Callable[[ManagedPath], int] | None = None,
    gone: bool = False,
    needed_by: Mapping[str, str] = {},
) -> list[WorkspaceUsage]:
    """Finds the workspaces of runs.

    Args:
        runs: the runs, the oldest first.
        paths: where things are.
        kinds: what belongs to a workspace, and so is measured.
        measure: returns the bytes at a path; None: sizes do not matter.
        gone: whether workspaces count of which nothing is left.
        needed_by: batches that need workspaces, by the runs in these.
    """
    runs = list(runs)
    recorded = _recorded_names(paths, kinds)
    in_place = [os.path.realpath(run.workspace) for run in runs if run.in_place]
    usages = []
    for workspace_runs in _by_workspace(runs, paths).values():
        usage = WorkspaceUsage(
            tuple(workspace_runs),
            _obstacle(workspace_runs, paths, in_place),
            needed_by=next(
                (needed_by[run.id] for run in workspace_runs if run.id in needed_by), None
            ),
        )
        existing = [part.path for part in parts_of(usage, paths, kinds) if is_there(part.path)]
        has_states = not is_permanent(usage) and Path(usage.newest.workspace).name in recorded
        if not existing and not has_states and not gone and not _is_permanent_folder(usage):
            continue
        if measure is not None:
            usage = usage._replace(size=sum(map(measure, existing)))
        usages.append(usage)
    return usages


def parts_of(usage: WorkspaceUsage, paths: Paths, kinds: Collection[Kind]) -> list[WorkspacePart]:
    """All that belongs to a workspace, whether it exists or not; the workspace itself first."""
    if is_permanent(usage):
        return []
    workspace = Path(usage.newest.workspace)
    name = workspace.name
    parts = [
        WorkspacePart("workspace", ManagedPath(paths.workspaces, (workspace.parent.name, name))),
        WorkspacePart("snapshots", ManagedPath(paths.snapshots, (f"{name}.git",))),
        WorkspacePart("snapshots", ManagedPath(paths.snapshots, (f"{name}.index",))),
    ]
    for run in usage.runs:
        parts.append(WorkspacePart("log", ManagedPath(paths.logs, (f"{run.id}.log",))))
        artifacts = ManagedPath(paths.artifacts, (folder_name(run.project_id), run.id))
        parts.append(WorkspacePart("artifacts", artifacts))
    return [part for part in parts if part.kind in kinds]


def is_permanent(usage: WorkspaceUsage) -> bool:
    """Whether a workspace is never removed."""
    return usage.obstacle is not None or any(run.in_place for run in usage.runs)


def _recorded_names(paths: Paths, kinds: Collection[Kind]) -> set[str]:
    """The names of workspaces that have states in the store that all share."""
    return object_store(paths.snapshots).keys() if "snapshots" in kinds else set()


def orphans(run_ids: Iterable[str], paths: Paths) -> list[Orphan]:
    """What runs left that the store does not know, and that has not changed for a day.

    It may belong to another store, or to what a backup of this one did not have.
    """
    recorded, parts = set(run_ids), dict[str, list[WorkspacePart]]()
    for part in _named_like_runs(paths):
        run_id = part.path.parts[-1].partition(".")[0]
        if _RUN_ID.fullmatch(run_id) and run_id not in recorded:
            parts.setdefault(run_id, []).append(part)
    return [
        Orphan(run_id, tuple(own), size_of(part.path for part in own))
        for run_id, own in sorted(parts.items())
        if all(_is_old(part.path) for part in own)
    ]


def leftovers(paths: Paths) -> list[ManagedPath]:
    """What interrupted copies and removals left."""
    below = (
        (paths.workspaces, 1),
        (paths.workspaces / FROZEN, 1),
        (paths.artifacts, 1),
        (paths.snapshots, 0),
        (paths.logs, 0),
    )
    return [path for root, depth in below for path in find_leftovers(root, depth)]


def size_of(paths: Iterable[ManagedPath]) -> int:
    """Bytes that they take on the disk."""
    return sum(map(measuring(), paths))


def measuring() -> Callable[[ManagedPath], int]:
    """Returns the bytes at paths; what is linked to several of them counts once."""
    meter = Meter()
    return lambda path: meter.below(path.root, path.parts)


def _names_on_disk(paths: Paths, kinds: Collection[Kind]) -> Iterator[str]:
    """The names, without endings, of all that may belong to a workspace or a run."""
    below: tuple[tuple[Kind, Path, int], ...] = (
        ("workspace", paths.workspaces, 2),
        ("snapshots", paths.snapshots, 1),
        ("log", paths.logs, 1),
        ("artifacts", paths.artifacts, 2),
    )
    for kind, root, depth in below:
        if kind in kinds:
            yield from _names_below(root, depth)


def _names_below(folder: Path, depth: int) -> Iterator[str]:
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError:
        return
    for name in names:
        if depth > 1:
            yield from _names_below(folder / name, depth - 1)
        else:
            yield name.partition(".")[0]


def _name(workspace: str) -> str:
    return workspace.rstrip("/").rpartition("/")[2].partition(".")[0]


def _is_managed(workspace: str, paths: Paths) -> bool:
    """Whether it is where crossrun makes the workspaces of runs, by its text alone."""
    root = f"{paths.workspaces}/"
    return workspace.startswith(root) and workspace.count("/") == root.count("/") + 1


def _by_workspace(
    runs: Iterable[WorkspaceRun], paths: Paths
) -> dict[tuple[str, ...], list[WorkspaceRun]]:
    """By the path below the root, since links may lead to the same workspace."""
    keys: dict[str, tuple[str, ...]] = {}
    groups: dict[tuple[str, ...], list[WorkspaceRun]] = {}
    for run in runs:
        if run.workspace not in keys:
            keys[run.workspace] = _key(Path(run.workspace), paths.workspaces)
        groups.setdefault(keys[run.workspace], []).append(run)
    return groups


def _key(workspace: Path, root: Path) -> tuple[str, ...]:
    return workspace.parts[-2:] if _is_same(workspace.parent.parent, root) else workspace.parts


def _obstacle(runs: Sequence[WorkspaceRun], paths: Paths, in_place: Collection[str]) -> str | None:
    workspace = Path(runs[-1].workspace)
    if not _is_same(workspace.parent.parent, paths.workspaces) or not any(
        workspace.parts[-2:] == (_folder(run.project_id), run.id) for run in runs
    ):
        return _OUTSIDE
    if link_on_the_way(ManagedPath(paths.workspaces, workspace.parts[-2:])):
        return "a link has taken its place"
    if in_place:
        real = os.path.realpath(workspace)
        if any(Path(path).is_relative_to(real) for path in in_place):
            return "a run worked directly in it"
    return None


def _is_permanent_folder(usage: WorkspaceUsage) -> bool:
    """Whether it is a folder that exists and is never removed."""
    return is_permanent(usage) and os.path.lexists(usage.newest.workspace)


def _folder(project_id: str) -> str | None:
    try:
        return folder_name(project_id)
    except UsageError:
        return None


def _is_same(path: Path, other: Path) -> bool:
    if path == other:
        return True
    try:
        return path.samefile(other)
    except OSError:
        return False


def _named_like_runs(paths: Paths) -> Iterator[WorkspacePart]:
    below: tuple[tuple[Kind, Path, int], ...] = (
        ("workspace", paths.workspaces, 2),
        ("artifacts", paths.artifacts, 2),
        ("snapshots", paths.snapshots, 1),
    )
    for kind, root, depth in below:
        ending = ".git" if kind == "snapshots" else ""
        for parts in folders(root, depth):
            if len(parts) == depth and parts[-1].partition(".")[1:] == (ending[:1], ending[1:]):
                yield WorkspacePart(kind, ManagedPath(root, parts))


def _is_old(path: ManagedPath) -> bool:
    try:
        return time.time() - path.path.lstat().st_mtime > _DAY
    except OSError:
        return False
