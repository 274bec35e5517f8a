"""Finishes interrupted applications and undos in all folders where that is possible now."""

from contextlib import suppress
from pathlib import Path

from crossrun.errors import CrossrunError
from crossrun.services.applying.changes import Recovery
from crossrun.services.applying.journal import recover
from crossrun.services.applying.locking import explain_errors, locked_target
from crossrun.store import Store
from crossrun.workspace.files.dirfd import opened
from crossrun.workspace.workspaces import Workspaces


def recover_all(store: Store, workspaces: Workspaces) -> list[Recovery]:
    """Recovers folders; those that cannot be recovered now are left to the next command there."""
    recoveries = list[Recovery]()
    runs = {each.path: each.run_id for each in store.read.cut_short()}
    for path, run_id in runs.items():
        folder = Path(path)
        with (
            suppress(CrossrunError, OSError),
            locked_target(store, store.read.run(run_id), workspaces, folder),
            explain_errors(folder),
            opened(folder) as top,
        ):
            recoveries += recover(store, workspaces, top, folder)
    return recoveries
