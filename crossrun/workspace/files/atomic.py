"""Makes and removes trees atomically, under a temporary name.

Such a name begins with a dot and ends in `.partial-` and a number. The process that makes the tree
holds a lock on it; the leftovers of a killed process have none and are swept away.
"""

import errno
import fcntl
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crossrun.errors import ConfigurationError
from crossrun.system.detached import start_detached
from crossrun.workspace.files.dirfd import opened, opened_below, reason
from crossrun.workspace.files.rmtree import remove_below

_PARTIAL = re.compile(r"\..+\.partial-[0-9a-f]{16}", re.DOTALL)
_PATIENCE = 1.0
"""Seconds."""
_KEPT_OF_NAME = 50
"""Characters. At four bytes each, they leave room for the rest of a name."""


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """An empty private folder next to the target, which becomes the target at the end.

    If an exception leaves the block, the folder is removed with everything in it.

    Raises:
        ConfigurationError: WORKSPACE_UNWRITABLE, the target exists already or cannot be made.
    """
    with scratch(target) as folder:
        yield folder
        folder.rename(target)


@contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """An empty private folder next to a target that does not exist yet. It is removed at the end.

    If that takes long, another process does it, so that nobody who stops a run has to wait.

    Raises:
        ConfigurationError: WORKSPACE_UNWRITABLE.
    """
    is_removed = True
    try:
        with opened(target.parent) as parent, _claimed_folder(parent, target.name) as name:
            try:
                yield target.with_name(name)
            finally:
                with suppress(OSError):  # leftovers are swept away later
                    is_removed = remove_below(parent, name, seconds=_PATIENCE)
    except OSError as error:
        raise ConfigurationError(
            "WORKSPACE_UNWRITABLE",
            f"cannot make the workspace {target}: {error.strerror}",
            hint="check the folder's permissions and the disk's free space, or set --home",
        ) from error
    finally:
        if not is_removed:
            with suppress(OSError):
                start_detached([sys.executable, "-P", "-m", __name__, str(target.parent)])


def remove_tree(path: Path) -> None:
    """Removes a tree, a file or a link if it exists. Others see it disappear at once.

    Leftovers of an interrupted removal are swept away later.

    Raises:
        ConfigurationError: WORKSPACE_UNREMOVABLE.
    """
    with suppress(FileNotFoundError), _removal_errors(path), opened(path.parent) as parent:
        remove_below(parent, set_aside(parent, path.name))


def set_aside(parent: int, name: str) -> str:
    """Renames a tree in an open folder so that it counts as removed. Raises OSError.

    Returns:
        The new name, by which it is swept away later.
    """
    aside = _partial_name(name)
    os.rename(name, aside, src_dir_fd=parent, dst_dir_fd=parent)
    return aside


def sweep(folder: Path) -> int:
    """Removes what killed copies and removals left in a folder, but nothing that is in use.

    Returns:
        The number of trees removed.

    Raises:
        ConfigurationError: WORKSPACE_UNREMOVABLE.
    """
    swept = 0
    with suppress(FileNotFoundError), _removal_errors(folder), opened(folder) as parent:
        for name in leftovers(parent):
            remove_below(parent, name)
            swept += 1
    return swept


def leftovers(parent: int) -> list[str]:
    """The names in an open folder that killed copies and removals left. Raises OSError."""
    names = os.listdir(parent)
    return [name for name in names if _PARTIAL.fullmatch(name) and _is_unlocked(parent, name)]


@contextmanager
def _claimed_folder(parent: int, target: str) -> Iterator[str]:
    """A new, locked folder. Raises OSError."""
    if target in os.listdir(parent):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    name, descriptor = _claim(parent, target)
    try:
        yield name
    finally:
        os.close(descriptor)


def _claim(parent: int, target: str) -> tuple[str, int]:
    """Makes folders until it can lock one before somebody sweeps it away."""
    while True:
        name = _partial_name(target)
        os.mkdir(name, 0o700, dir_fd=parent)
        with suppress(FileNotFoundError):
            descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
            if _lock(descriptor) and os.fstat(descriptor).st_nlink:
                return name, descriptor
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Locks a new folder. Without support for locks, nobody else can lock it either."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _is_unlocked(parent: int, name: str) -> bool:
    """Whether a name is a folder that nobody holds a lock on."""
    try:
        with opened_below(parent, [name]) as folder:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _partial_name(name: str) -> str:
    return f".{name[:_KEPT_OF_NAME]}.partial-{secrets.token_hex(8)}"


@contextmanager
def _removal_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigurationError(
            "WORKSPACE_UNREMOVABLE",
            f"cannot remove {path}: {reason(error)}",
            hint="check who owns it and whether something is mounted there, and try again",
        ) from error


if __name__ == "__main__":
    sweep(Path(sys.argv[1]).absolute())
