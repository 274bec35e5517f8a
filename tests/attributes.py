"""Attributes of files that tests give and compare, and file systems that keep none."""

import os
import stat
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crossrun.workspace.files.attributes import Attributes, attributes_of

CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)
"""cap_net_raw=ep, as the kernel keeps it."""


def access_list(user: int, permissions: int) -> bytes:
    """An access list that gives a user permissions besides those of the mode 0640."""
    nobody = 0xFFFFFFFF
    entries = (
        (0x01, 6, nobody), (0x02, permissions, user), (0x04, 4, nobody), (0x10, 6, nobody),
        (0x20, 0, nobody),
    )  # fmt: skip
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def attributes(path: Path) -> Attributes:
    """Those of a file or folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        found = attributes_of(descriptor, os.fstat(descriptor))
        return found._replace(extended=tuple(sorted(found.extended)))
    finally:
        os.close(descriptor)


def set_extended(path: Path, name: str, value: bytes) -> None:
    """Gives an extended attribute; the test is skipped where the file system keeps none."""
    if not hasattr(os, "setxattr"):
        pytest.skip("this system has no extended attributes")
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"{name}: {error.strerror}")


def is_one_file(*paths: Path) -> bool:
    """Whether paths are names of one file."""
    return len({path.stat().st_ino for path in paths}) == 1


def mode_of(path: Path) -> int:
    """The permissions and special bits."""
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def without_attributes(folder: Path) -> Iterator[Path]:
    """A file system that has modes and owners, but no extended attributes."""
    folder.mkdir()
    mounting = ["mount", "-t", "ramfs", "ramfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("making a file system takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
