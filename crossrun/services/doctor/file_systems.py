"""What the file systems of the store and of the workspaces can do."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from crossrun.config.settings import Paths
from crossrun.model.diagnoses import Diagnosis
from crossrun.workspace.files.copy_file import shares_blocks
from crossrun.workspace.files.probing import is_case_sensitive, preserves_names, stores_modes

_SUBJECT = "File system"
_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "gluster", "lustre", "fuse.sshfs", "davfs")
"""How the names of file systems of other machines begin."""


def examine(paths: Paths) -> Iterator[Diagnosis]:
    """The kind of both file systems, and what that of the workspaces can do."""
    yield _store(paths.database.parent)
    yield from _workspaces(paths.workspaces)


def _store(folder: Path) -> Diagnosis:
    kind = kind_of(_nearest(folder))
    if kind is not None and kind.startswith(_NETWORK):
        return Diagnosis(
            "file_system.store",
            "warning",
            _SUBJECT,
            f"the store is on {kind}, on which SQLite's locks are not reliable",
            "put it on a local disk: crossrun config set database.path PATH",
        )
    return Diagnosis("file_system.store", "ok", _SUBJECT, f"store on {kind or 'an unknown kind'}")


def _workspaces(folder: Path) -> Iterator[Diagnosis]:
    nearest = _nearest(folder)
    kind = kind_of(nearest) or "an unknown kind"
    if not os.access(nearest, os.W_OK):
        message = f"workspaces on {kind}; {nearest} cannot be written, so nothing was tried"
        yield Diagnosis("file_system.workspaces", "warning", _SUBJECT, message)
        return
    can, cannot = _abilities(nearest)
    message = f"workspaces on {kind}, with {', '.join(can)}"
    if cannot:
        message += f"; without {', '.join(cannot)}"
    yield Diagnosis("file_system.workspaces", "note" if cannot else "ok", _SUBJECT, message)


def _abilities(folder: Path) -> tuple[list[str], list[str]]:
    """What works in a temporary folder there, and what does not."""
    with tempfile.TemporaryDirectory(prefix=".crossrun-probe-", dir=folder) as name:
        top = os.open(name, os.O_RDONLY)
        try:
            abilities = {
                "copy-on-write": shares_blocks(Path(name)),
                "file modes": stores_modes(top),
                "case-sensitive names": is_case_sensitive(top),
                "unchanged names": preserves_names(top),
                "hard links": _works(lambda: _hard_link(Path(name))),
                "symbolic links": _works(lambda: Path(name, "symbolic").symlink_to("x")),
            }
        finally:
            os.close(top)
    return [each for each, can in abilities.items() if can], [
        each for each, can in abilities.items() if not can
    ]


def _hard_link(folder: Path) -> None:
    file = folder / "file"
    file.touch()
    (folder / "hard").hardlink_to(file)


def _works(action: Callable[[], None]) -> bool:
    with suppress(OSError):
        action()
        return True
    return False


def _nearest(folder: Path) -> Path:
    """The folder, or the one above it that exists."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())


def kind_of(folder: Path) -> str | None:
    """The name of the file system of a folder, as in `mount`; None if the system does not tell."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    path, best, kind = os.path.realpath(folder), "", None
    for line in lines:
        mounted, _, rest = line.partition(" - ")
        point = mounted.split()[4].encode().decode("unicode_escape", "replace")
        inside = path == point or path.startswith(f"{point.rstrip('/')}/")
        if inside and len(point) >= len(best):
            best, kind = point, rest.split()[0]
    return kind
