"""What was cut short in any folder, brought to an end where that is possible now."""

from contextlib import suppress
from pathlib import Path

from crossrun.errors import CrossrunError
from crossrun.services.applying.changes import Recovery
from crossrun.services.applying.journal import recover
from crossrun.services.applying.locking import explained_errors, locked_target
from crossrun.store import Store
from crossrun.workspace import Workspaces
from crossrun.workspace.files.dirfd import opened


def recover_all(store: Store, workspaces: Workspaces) -> list[Recovery]:
    """Sets folders right; those that cannot be now are left to the next command there."""
    found = list[Recovery]()
    runs = {each.path: each.run_id for each in store.read.cut_short()}
    for path, run_id in runs.items():
        folder = Path(path)
        with (
            suppress(CrossrunError, OSError),
            locked_target(store, store.read.run(run_id), workspaces, folder),
            explained_errors(folder),
            opened(folder) as top,
        ):
            found += recover(store, workspaces, top, folder)
    return found
