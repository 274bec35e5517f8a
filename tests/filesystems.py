"""File systems of other kinds, made for a test and gone after it."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exfat(folder: Path, *, megabytes: int = 16) -> Iterator[Path]:
    """A file system that does not tell upper from lower case, and has neither modes nor links.

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
            _done("mkfs.exfat", device)
            _done("mount.exfat-fuse", device, str(folder))
            try:
                yield folder
            finally:
                _done("umount", "--lazy", str(folder))
        finally:
            _done("losetup", "--detach", device)
    finally:
        image.unlink()


def lacks_exfat(scratch: Path) -> str | None:
    """What keeps this machine from making one; None: nothing."""
    missing = [each for each in ("losetup", "mkfs.exfat", "mount.exfat-fuse") if not _has(each)]
    if missing:
        return f"{missing[0]} is missing (Debian: exfat-fuse, exfatprogs)"
    try:
        with exfat(scratch / "probe"):
            return None
    except OSError as error:
        return f"an exFAT file system cannot be mounted here: {error}"


def _has(program: str) -> bool:
    return shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin") is not None


def _done(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{words[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()
