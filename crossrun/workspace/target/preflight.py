"""Checks whether a plan can be carried out in a folder, before the first file is changed."""

import array
import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from crossrun.workspace.files.dirfd import NO_FOLDER, opened_below
from crossrun.workspace.merge.decisions import MergePlan, MergeStep
from crossrun.workspace.snapshots.trees import LINK, Trees
from crossrun.workspace.target.folder import WriteRefusedError, write_errors

_EFFECTIVE = os.access in os.supports_effective_ids
_GET_FLAGS = 0x80086601
"""FS_IOC_GETFLAGS on 64-bit Linux."""
_FIXED = 0x10 | 0x20
"""FS_IMMUTABLE_FL and FS_APPEND_FL, which `chattr +i` and `chattr +a` set."""
_FIXED_BY_BSD = sum(
    getattr(stat, f"{who}_{what}", 0) for who in ("UF", "SF") for what in ("IMMUTABLE", "APPEND")
)


def require_possible(plan: MergePlan, trees: Trees, top: int) -> None:
    """Makes sure that all files can be changed and that the disk has room for them.

    Args:
        plan: the changes.
        trees: where the new contents are.
        top: the open folder.

    Raises:
        WriteRefusedError: a file cannot be changed.
    """
    checked = set[tuple[str, ...]]()
    for step in plan.steps:
        for path in {step.at, step.path}:
            with write_errors(path):
                _require_changeable(top, path.split("/"), checked)
    _require_room(plan, trees, top)


def _require_changeable(top: int, parts: Sequence[str], checked: set[tuple[str, ...]]) -> None:
    *above, name = parts
    depth = _depth(top, above)
    with opened_below(top, above[:depth]) as folder:
        if tuple(above[:depth]) not in checked:
            if not os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=_EFFECTIVE):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            _require_not_fixed(folder)
            checked.add(tuple(above[:depth]))
        if depth == len(above):
            _require_replaceable(folder, name)


def _depth(top: int, parts: Sequence[str]) -> int:
    """How many of the folders exist."""
    for count in range(len(parts), 0, -1):
        try:
            with opened_below(top, parts[:count]):
                return count
        except OSError as error:
            if error.errno not in NO_FOLDER:
                raise
    return 0


def _require_replaceable(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        status = os.lstat(name, dir_fd=folder)
        if status.st_dev != os.fstat(folder).st_dev:
            raise OSError(errno.EBUSY, "something is mounted there")
        if getattr(status, "st_flags", 0) & _FIXED_BY_BSD:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        if stat.S_ISREG(status.st_mode):
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            try:
                _require_not_fixed(file)
            finally:
                os.close(file)


def _require_not_fixed(descriptor: int) -> None:
    """Raises OSError for a file or folder that is immutable, regardless of its permissions."""
    if sys.platform != "linux":
        return
    from fcntl import ioctl

    flags = array.array("L", [0])
    with suppress(OSError):  # file systems without such flags
        ioctl(descriptor, _GET_FLAGS, flags)
    if flags[0] & _FIXED:
        raise OSError(errno.EPERM, f"{os.strerror(errno.EPERM)}, it is immutable")


def _require_room(plan: MergePlan, trees: Trees, top: int) -> None:
    """Checks that there is room for what is added, and for each file beside its replacement."""
    writes = [step for step in plan.steps if step.after is not None and step.after != step.before]
    if not writes:
        return
    sizes = dict(_sizes(writes, trees))
    block = os.fstatvfs(top).f_frsize or 1
    free = os.fstatvfs(top).f_bavail * block
    added = {step.path: -(-sizes[step.path] // block) * block for step in writes}
    largest = max(added, key=lambda path: added[path])
    more = sum(max(0, added[step.path] - _size_now(step)) for step in writes)
    if os.fstatvfs(top).f_blocks and free < max(more, added[largest]):
        raise WriteRefusedError(largest, os.strerror(errno.ENOSPC))


def _sizes(steps: Iterable[MergeStep], trees: Trees) -> Iterator[tuple[str, int]]:
    stored = trees.sizes({step.after.blob for step in steps if step.after})
    for step in steps:
        if step.content is not None:
            yield step.path, len(step.content)
        elif step.after is not None:
            size = 0 if step.after.mode == LINK else stored.get(step.after.blob, 0)
            yield step.path, size


def _size_now(step: MergeStep) -> int:
    return 0 if step.current.stamp is None else step.current.stamp[3]
