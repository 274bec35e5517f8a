"""What tests of copies need: the whole state of a tree, and scripts that make trees."""

import os
import stat
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple, TypeVar

Value = TypeVar("Value")
NOBODY = 65534


class Entry(NamedTuple):
    """All of a name in a tree that a copy has to keep, or must not change."""

    kind: int
    mode: int
    modified: int
    content: bytes


def state(top: Path) -> dict[bytes, Entry]:
    """Every name below a folder, as bytes, and what is there."""
    found: dict[bytes, Entry] = {}
    for place, folders, files in os.walk(os.fsencode(top)):
        for name in [*folders, *files]:
            path = os.path.join(place, name)  # noqa: PTH118  bytes
            status = os.lstat(path)
            content = b""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)  # noqa: PTH115  bytes
            elif stat.S_ISREG(status.st_mode):
                content = Path(os.fsdecode(path)).read_bytes()
            found[os.path.relpath(path, os.fsencode(top))] = Entry(
                stat.S_IFMT(status.st_mode),
                stat.S_IMODE(status.st_mode),
                status.st_mtime_ns,
                content,
            )
    return found


def value_of(generator: Generator[object, None, Value]) -> Value:
    """Lets a generator run to its end, for its value."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            found: Value = end.value
            return found


def sh(script: str, folder: Path, **environ: str) -> str:
    """Does something in a folder, with a git of no special configuration."""
    identity = {
        f"GIT_{who}_{what}": "me" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    surroundings = {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "file",
        **identity,
        **environ,
    }
    done = subprocess.run(
        ["sh", "-ec", script], cwd=folder, env=surroundings, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("utf-8", "surrogateescape")
