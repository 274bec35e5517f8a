"""Frozen copies: a source as it was once, from which several workspaces begin.

A frozen copy is a folder that nothing works in, with a file beside it that says what it is a copy
of. It lies below the workspaces, so that the file system can share blocks with them.
"""

from collections.abc import Generator
from pathlib import Path

import msgspec
from msgspec import Struct

from crossrun.errors import NotFoundError
from crossrun.events import SourceCopied
from crossrun.model.runs import Source
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.trees import Copied, Progress
from crossrun.workspace.files.atomic import remove_tree
from crossrun.workspace.files.dirfd import read_file
from crossrun.workspace.folder_names import FROZEN
from crossrun.workspace.snapshots.source_cache import write_whole
from crossrun.workspace.sources.copies import copy_workspace

_LONGEST_RECORD = 16 * 1024 * 1024
"""Bytes."""


class FrozenSource(Struct, frozen=True):
    """What a frozen copy is a copy of, as the runs record it that begin with it.

    The base of `source` is empty if it is the state that such a run begins with.
    """

    copied: SourceCopied
    source: Source | None = None


def frozen_folder(workspaces: Path, batch_id: str, number: int) -> Path:
    """Where a frozen copy for a batch is; its name is also that of its recorded states."""
    return workspaces / FROZEN / batch_id / f"{batch_id}-{number}"


def record_frozen(folder: Path, source: FrozenSource) -> None:
    """Completes a frozen copy. Raises OSError."""
    write_whole(_record(folder), msgspec.json.encode(source))


def is_frozen(folder: Path) -> bool:
    """Whether a frozen copy is there and complete; what is left of another one is removed."""
    if folder.is_dir() and _record(folder).is_file():
        return True
    remove_tree(folder)
    return False


def copy_frozen(
    folder: Path, target: Path, stop: CancelToken
) -> Generator[Progress, None, FrozenSource]:
    """Copies a frozen copy to a new path.

    Raises:
        RunFailed: the run was cancelled.
        NotFoundError: FROZEN_GONE, the frozen copy is not there.
        ConfigurationError: something cannot be read or written.
    """
    frozen = _frozen_source(folder)
    copied = yield from copy_workspace(folder, target, stop, is_own=True)
    return _as_copied(frozen, copied)


def _as_copied(frozen: FrozenSource, copied: Copied) -> FrozenSource:
    return FrozenSource(msgspec.structs.replace(frozen.copied, shared=copied.shared), frozen.source)


def _frozen_source(folder: Path) -> FrozenSource:
    record = read_file(_record(folder), _LONGEST_RECORD) if folder.is_dir() else None
    if record is None:
        raise NotFoundError(
            "FROZEN_GONE",
            f"the frozen copy that the run should start from is missing: {folder}",
            hint="start again, with the source as it is now",
        )
    return msgspec.json.decode(record, type=FrozenSource)


def _record(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")
