"""Locks a folder while it is changed, and explains why files cannot be changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crossrun.errors import ConfigurationError, StillRunningError
from crossrun.model.runs import Run
from crossrun.services.applying.journal import UnsettledError
from crossrun.store import Store
from crossrun.workspace.files.dirfd import reason, shown
from crossrun.workspace.target.file_writer import TargetChangedError
from crossrun.workspace.target.folder import WriteRefusedError
from crossrun.workspace.workspaces import Workspaces


@contextmanager
def locked_target(store: Store, run: Run, workspaces: Workspaces, folder: Path) -> Iterator[None]:
    """Keeps other crossrun commands from changing the folder, or removing what the run left.

    Raises:
        StillRunningError: TARGET_BUSY, WORKSPACE_BUSY, TAKEN_UP.
    """
    workspaces.require_free(folder)
    newest = store.read.newest_in(run.workspace) or run
    with store.sharing(newest.id) as shared, store.changing(folder) as ours:
        if not shared and newest.ended:
            raise StillRunningError(
                "TAKEN_UP",
                f"run {newest.id} is in use by another command",
                hint="find it with: crossrun runs",
                retryable=True,
            )
        if not ours:
            raise StillRunningError(
                "TARGET_BUSY",
                f"another crossrun command is changing {folder}",
                hint="run the command again when it has finished",
                retryable=True,
            )
        yield


@contextmanager
def explain_errors(folder: Path) -> Iterator[None]:
    """Raises an error with advice if files cannot be read or written."""
    try:
        yield
    except TargetChangedError as error:
        raise ConfigurationError(
            "TARGET_CHANGED",
            f"{shown(error.path)} in {folder} changed while crossrun was working there",
            hint="nothing was changed; run the command again",
            retryable=True,
        ) from error
    except WriteRefusedError as error:
        raise ConfigurationError(
            "TARGET_UNUSABLE",
            f"{shown(error.path)} in {folder} cannot be changed: {error.reason}",
            hint="nothing was changed; fix that and run the command again",
        ) from error
    except UnsettledError as error:
        raise ConfigurationError(
            "TARGET_UNSETTLED",
            f"{folder} has only part of what run {error.application.run_id} changed:"
            f" {_why(error.cause)}",
            hint="fix that, then repeat `crossrun apply` or `crossrun undo` in this folder",
        ) from error
    except OSError as error:
        raise ConfigurationError(
            "TARGET_UNUSABLE",
            f"{folder} cannot be read or written: {reason(error)}",
            hint="check its permissions and the disk's free space, and run the command again",
        ) from error


def _why(error: Exception) -> str:
    match error:
        case TargetChangedError():
            return f"another program is changing {shown(error.path)}"
        case WriteRefusedError():
            return f"{shown(error.path)} cannot be changed: {error.reason}"
        case _:
            return str(error)
