"""The frozen copies that the runs of batches begin with: what they take, and their removal."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from crossrun.config.settings import Paths
from crossrun.errors import StillRunningError
from crossrun.model.retention import FrozenUsage
from crossrun.store import Store
from crossrun.system.clock import utc
from crossrun.workspace.files.guarded import ManagedPath, folders, is_there, put_aside, remove
from crossrun.workspace.folder_names import FROZEN
from crossrun.workspace.snapshots.object_store import object_store

_DAY = 86400


def frozen_copies(
    paths: Paths,
    batch_ends: Mapping[str, str | None],
    measure: Callable[[ManagedPath], int] | None = None,
) -> list[FrozenUsage]:
    """The frozen copies of all batches.

    Args:
        paths: where things are.
        batch_ends: when batches ended. One that is missing was never recorded, and has ended if
            its copies have not changed for a day.
        measure: returns the bytes at a path; None: sizes do not matter.
    """
    return [
        FrozenUsage(
            batch_id,
            batch_ends[batch_id] if batch_id in batch_ends else _left_at(paths, batch_id),
            0 if measure is None else sum(map(measure, _parts(paths, batch_id))),
        )
        for (batch_id,) in folders(paths.workspaces / FROZEN, 1)
    ]


def remove_frozen(store: Store, usage: FrozenUsage, paths: Paths) -> bool:
    """Removes the frozen copies of a batch, with their recorded states.

    Returns:
        False if the batch is being carried out; then nothing was removed.

    Raises:
        ConfigurationError: WORKSPACE_UNREMOVABLE.
        OSError: the recorded states cannot be removed.
    """
    with suppress(StillRunningError), store.batches.carrying_out(usage.batch_id):
        if store.workspaces.batch_ends().get(usage.batch_id, usage.ended_at) is None:
            return False
        names = list(_names(paths, usage.batch_id))
        aside = [put_aside(part) for part in reversed(_parts(paths, usage.batch_id))]
        object_store(paths.snapshots).drop(names)
        for place in aside:
            if place is not None:
                remove(place)
        return True
    return False


def _parts(paths: Paths, batch_id: str) -> list[ManagedPath]:
    """The copies, and what is recorded of each beside the store that all share."""
    own = [
        ManagedPath(paths.snapshots, (f"{name}{ending}",))
        for name in _names(paths, batch_id)
        for ending in (".git", ".index")
    ]
    return [ManagedPath(paths.workspaces, (FROZEN, batch_id)), *filter(is_there, own)]


def _names(paths: Paths, batch_id: str) -> Iterator[str]:
    for (name,) in folders(paths.workspaces / FROZEN / batch_id, 1):
        yield name


def _left_at(paths: Paths, batch_id: str) -> str | None:
    try:
        changed = Path(paths.workspaces, FROZEN, batch_id).lstat().st_mtime
    except OSError:
        return None
    return utc(datetime.fromtimestamp(changed, UTC)) if time.time() - changed > _DAY else None
