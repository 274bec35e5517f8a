"""File systems of other kinds, made for a test and gone after it."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of file system: programs that it takes, and what makes and mounts one."""

    name: str
    programs: tuple[str, ...]
    make: tuple[str, ...]
    mount: tuple[str, ...]


EXFAT = Kind(
    "exFAT",
    ("losetup", "mkfs.exfat", "mount.exfat-fuse"),
    ("mkfs.exfat",),
    ("mount.exfat-fuse",),
)
"""Neither case nor modes nor links."""
NTFS = Kind(
    "NTFS",
    ("losetup", "mkntfs", "lowntfs-3g"),
    ("mkntfs", "--fast", "--quiet", "--force"),
    ("lowntfs-3g", "-o", "ignore_case,permissions"),
)
"""No case: all names are listed in lower case. Modes and links are kept."""


@contextmanager
def mounted(kind: Kind, folder: Path, *, megabytes: int = 16) -> Iterator[Path]:
    """A new file system of a kind.

    Raises:
        OSError: this machine cannot make one.
    """
    image = folder.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    folder.mkdir()
    try:
        device = _done("losetup", "--find", "--show", str(image))
        try:
            _done(*kind.make, device)
            _done(*kind.mount, device, str(folder))
            try:
                yield folder
            finally:
                _done("umount", "--lazy", str(folder))
        finally:
            _done("losetup", "--detach", device)
    finally:
        image.unlink()


def lacks(kind: Kind, scratch: Path) -> str | None:
    """What keeps this machine from making one; None: nothing."""
    missing = [each for each in kind.programs if not _has(each)]
    if missing:
        return f"{missing[0]} is missing (Debian: exfat-fuse, exfatprogs, ntfs-3g)"
    try:
        with mounted(kind, scratch / kind.name):
            return None
    except OSError as error:
        return f"{kind.name} cannot be mounted here: {error}"


def _has(program: str) -> bool:
    return shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin") is not None


def _done(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{words[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()
