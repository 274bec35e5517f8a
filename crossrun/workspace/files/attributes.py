"""Metadata of files: mode, owner and extended attributes.

Extended attributes are those of the user (`user.*`), access lists and capabilities. Others, such as
SELinux labels, are left to the system.
"""

import errno
import os
import stat
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

_ACCESS_LISTS = ("system.posix_acl_access", "system.posix_acl_default")
_CAPABILITIES = "security.capability"
_INHERITED = "system.posix_acl_access"
"""A new file may inherit this from its folder."""
_NONE_HERE = frozenset((errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS))
_REFUSED = _NONE_HERE | {errno.EPERM, errno.EACCES, errno.EINVAL, errno.ERANGE, errno.E2BIG}
"""How a file system or the kernel refuses an attribute."""

Extended = tuple[tuple[str, bytes], ...]
"""Names and values of extended attributes."""


class Attributes(NamedTuple):
    """The metadata of a file or folder. `mode` has only the permissions and the special bits."""

    mode: int
    owner: int
    group: int
    extended: Extended = ()

    def for_content(self, *, executable: bool) -> "Attributes":
        """For content that is or is not a program: everyone who may read a program may run it."""
        if executable == bool(self.mode & stat.S_IXUSR):
            return self
        may_run = (self.mode & 0o444) >> 2
        return self._replace(mode=self.mode | may_run if executable else self.mode & ~0o111)

    @property
    def powers(self) -> tuple[str, ...]:
        """What gives additional permissions to the user who runs the file, in words."""
        powers = {
            "set-user-ID": self.mode & stat.S_ISUID,
            "set-group-ID": self.mode & stat.S_ISGID and self.mode & stat.S_IXGRP,
            "capabilities": any(name == _CAPABILITIES for name, _ in self.extended),
        }
        return tuple(words for words, present in powers.items() if present)


def attributes_of(file: int, status: os.stat_result) -> Attributes:
    """The metadata of an open file or folder."""
    return Attributes(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, extended_of(file))


def extended_of(file: int) -> Extended:
    """The extended attributes of an open file or folder, without those of the system."""
    if not hasattr(os, "listxattr"):
        return ()
    try:
        names = os.listxattr(file)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        return ()
    return tuple((name, os.getxattr(file, name)) for name in names if _is_carried(name))


def give(file: int, wanted: Attributes, now: os.stat_result) -> Collection[str]:
    """Sets the metadata of a folder, or of a file that was just written. Raises OSError.

    A file gets a set-user-ID or set-group-ID bit only together with the owner or group that it
    refers to: nothing may run as somebody who did not want that.

    Args:
        file: the open file or folder, which the user owns.
        wanted: the metadata to set.
        now: its current status; it has only inherited extended attributes.

    Returns:
        What could not be set, in words.
    """
    owner, group, lost = _given_owner(file, wanted, now)
    mode = wanted.mode
    if not stat.S_ISDIR(now.st_mode):
        mode &= ~(stat.S_ISUID if owner != wanted.owner else 0)
        mode &= ~(stat.S_ISGID if group != wanted.group else 0)
    extended = [pair for pair in wanted.extended if pair[0] != _CAPABILITIES]
    lost += [_words(name) for name, value in extended if not _set(file, name, value)]
    try:
        os.fchmod(file, mode)
    except PermissionError:  # a file system without modes
        if stat.S_IMODE(os.fstat(file).st_mode) != mode:
            lost.append("mode")
    for name, value in wanted.extended:
        if name == _CAPABILITIES and not _set(file, name, value):
            lost.append(_words(name))
    if mode != wanted.mode:
        lost.append("set-ID bits")
    return dict.fromkeys(lost)


def drop_inherited(file: int) -> None:
    """Removes the access list that a new file got from its folder. Raises OSError."""
    if hasattr(os, "removexattr"):
        try:
            os.removexattr(file, _INHERITED)
        except OSError as error:
            if error.errno not in {errno.ENODATA, *_REFUSED}:
                raise


def _is_carried(name: str) -> bool:
    return name.startswith("user.") or name in (*_ACCESS_LISTS, _CAPABILITIES)


def _given_owner(file: int, wanted: Attributes, now: os.stat_result) -> tuple[int, int, list[str]]:
    """The owner and group after this, and what could not be set."""
    if (wanted.owner, wanted.group) == (now.st_uid, now.st_gid):
        return wanted.owner, wanted.group, []
    with suppress(PermissionError):
        os.fchown(file, wanted.owner, wanted.group)
        return wanted.owner, wanted.group, []
    with suppress(PermissionError):
        os.fchown(file, -1, wanted.group)
        return now.st_uid, wanted.group, ["owner"]
    lost = ["owner"] if wanted.owner != now.st_uid else []
    return now.st_uid, now.st_gid, lost + (["group"] if wanted.group != now.st_gid else [])


def _set(file: int, name: str, value: bytes) -> bool:
    try:
        os.setxattr(file, name, value)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        return False
    return True


def _words(name: str) -> str:
    if name in _ACCESS_LISTS:
        return "access list"
    return "capabilities" if name == _CAPABILITIES else name
