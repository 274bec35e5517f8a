"""What there is to tidy up: the workspaces of runs with all that belongs to them, and leftovers."""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from crossrun.config.settings import Paths
from crossrun.errors import UsageError
from crossrun.model.retention import Holding, Occupant
from crossrun.store import ALPHABET
from crossrun.workspace import folder_name
from crossrun.workspace.files.guarded import Place, folders, is_there, left_behind, link_on_the_way
from crossrun.workspace.files.measuring import Meter

Kind = Literal["workspace", "snapshots", "artifacts", "log"]
WITH_WORKSPACE: tuple[Kind, ...] = ("workspace", "snapshots", "log")
EVERYTHING: tuple[Kind, ...] = (*WITH_WORKSPACE, "artifacts")

_RUN_ID = re.compile(rf"[{ALPHABET}]{{8}}")
_OUTSIDE = "outside of the workspaces"
_DAY = 86400


class Piece(NamedTuple):
    """One thing on the disk that belongs to a workspace or to a run in it."""

    kind: Kind
    place: Place


class Stray(NamedTuple):
    """What has the name of a run that the ledger does not know. `size` in bytes."""

    run_id: str
    pieces: tuple[Piece, ...]
    size: int


def survey(
    occupants: Iterable[Occupant],
    paths: Paths,
    kinds: Sequence[Kind],
    *,
    measure: Callable[[Place], int] | None = None,
    gone: bool = False,
) -> list[Holding]:
    """The workspaces of all runs.

    Args:
        occupants: all runs, the oldest first.
        paths: where things are.
        kinds: what would go with a workspace, and so what counts.
        measure: tells the bytes at a place; None: sizes do not matter.
        gone: whether those of which nothing is there any more are told, too.
    """
    occupants = list(occupants)
    in_place = [os.path.realpath(run.workspace) for run in occupants if run.in_place]
    found = []
    for runs in _by_workspace(occupants, paths).values():
        holding = Holding(tuple(runs), _obstacle(runs, paths, in_place))
        there = [piece for piece in pieces(holding, paths, kinds) if is_there(piece.place)]
        if not there and not gone and not _is_kept_folder(holding):
            continue
        if measure is not None:
            holding = holding._replace(size=sum(measure(piece.place) for piece in there))
        found.append(holding)
    return found


def pieces(holding: Holding, paths: Paths, kinds: Sequence[Kind]) -> list[Piece]:
    """All that belongs to a workspace, whether it is there or not; the workspace itself first."""
    if holding.obstacle is not None or any(run.in_place for run in holding.runs):
        return []
    workspace = Path(holding.newest.workspace)
    name = workspace.name
    found = [
        Piece("workspace", Place(paths.workspaces, (workspace.parent.name, name))),
        Piece("snapshots", Place(paths.snapshots, (f"{name}.git",))),
    ]
    for run in holding.runs:
        found.append(Piece("log", Place(paths.logs, (f"{run.id}.log",))))
        artifacts = Place(paths.artifacts, (folder_name(run.project_id), run.id))
        found.append(Piece("artifacts", artifacts))
    return [piece for piece in found if piece.kind in kinds]


def strays(known: Iterable[str], paths: Paths) -> list[Stray]:
    """What runs left that the ledger does not know, and that nothing was added to for a day.

    They may belong to another ledger, or to what a backup of this one did not have.
    """
    known, found = set(known), dict[str, list[Piece]]()
    for piece in _named_like_runs(paths):
        run_id = piece.place.parts[-1].partition(".")[0]
        if _RUN_ID.fullmatch(run_id) and run_id not in known:
            found.setdefault(run_id, []).append(piece)
    return [
        Stray(run_id, tuple(those), size_of(piece.place for piece in those))
        for run_id, those in sorted(found.items())
        if all(_is_old(piece.place) for piece in those)
    ]


def leftovers(paths: Paths) -> list[Place]:
    """What interrupted copies and removals left."""
    below = ((paths.workspaces, 1), (paths.artifacts, 1), (paths.snapshots, 0), (paths.logs, 0))
    return [place for root, depth in below for place in left_behind(root, depth)]


def size_of(places: Iterable[Place]) -> int:
    """Bytes that they take on the disk."""
    return sum(map(measuring(), places))


def measuring() -> Callable[[Place], int]:
    """Tells the bytes at places, what is linked to several of them only once."""
    meter = Meter()
    return lambda place: meter.below(place.root, place.parts)


def _by_workspace(
    occupants: Iterable[Occupant], paths: Paths
) -> dict[tuple[str, ...], list[Occupant]]:
    """By the place below the root, however the way to it was written."""
    keys: dict[str, tuple[str, ...]] = {}
    groups: dict[tuple[str, ...], list[Occupant]] = {}
    for run in occupants:
        if run.workspace not in keys:
            keys[run.workspace] = _key(Path(run.workspace), paths.workspaces)
        groups.setdefault(keys[run.workspace], []).append(run)
    return groups


def _key(workspace: Path, root: Path) -> tuple[str, ...]:
    return workspace.parts[-2:] if _is_same(workspace.parent.parent, root) else workspace.parts


def _obstacle(runs: Sequence[Occupant], paths: Paths, in_place: Iterable[str]) -> str | None:
    workspace = Path(runs[-1].workspace)
    if not _is_same(workspace.parent.parent, paths.workspaces) or not any(
        workspace.parts[-2:] == (_folder(run.project_id), run.id) for run in runs
    ):
        return _OUTSIDE
    if link_on_the_way(Place(paths.workspaces, workspace.parts[-2:])):
        return "a link is in its place"
    real = os.path.realpath(workspace)
    if any(Path(path).is_relative_to(real) for path in in_place):
        return "a run worked in place in it"
    return None


def _is_kept_folder(holding: Holding) -> bool:
    """Whether there is a folder that never goes."""
    never = holding.obstacle is not None or any(run.in_place for run in holding.runs)
    return never and os.path.lexists(holding.newest.workspace)


def _folder(project_id: str) -> str | None:
    try:
        return folder_name(project_id)
    except UsageError:
        return None


def _is_same(one: Path, other: Path) -> bool:
    if one == other:
        return True
    try:
        return one.samefile(other)
    except OSError:
        return False


def _named_like_runs(paths: Paths) -> Iterator[Piece]:
    below: tuple[tuple[Kind, Path, int], ...] = (
        ("workspace", paths.workspaces, 2),
        ("artifacts", paths.artifacts, 2),
        ("snapshots", paths.snapshots, 1),
    )
    for kind, root, depth in below:
        ending = ".git" if kind == "snapshots" else ""
        for parts in folders(root, depth):
            if len(parts) == depth and parts[-1].partition(".")[1:] == (ending[:1], ending[1:]):
                yield Piece(kind, Place(root, parts))


def _is_old(place: Place) -> bool:
    try:
        return time.time() - place.path.lstat().st_mtime > _DAY
    except OSError:
        return False
