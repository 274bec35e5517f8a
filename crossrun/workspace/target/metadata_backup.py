"""What files and folders were besides their contents, before an application took them away.

Kept beside the recorded states, so that an undo makes them again as they were.
"""

import base64
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from crossrun.workspace.files.attributes import Attributes, attributes_of
from crossrun.workspace.files.dirfd import NO_FOLDER, opened, opened_below
from crossrun.workspace.files.hard_links import HardLinks
from crossrun.workspace.merge.decisions import MergePlan, MergeStep, is_regular
from crossrun.workspace.snapshots.ignored import CACHES

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_FOLDER = "attributes"


class FileMetadata(NamedTuple):
    """A file or a folder as it was; `names` are other paths that were the same file."""

    attributes: Attributes
    names: tuple[str, ...] = ()


MetadataByPath = Mapping[str, FileMetadata]
"""By paths."""


def removed_by(plan: MergePlan, top: int) -> MetadataByPath:
    """What a plan takes away that contents do not tell. Raises OSError."""
    others = HardLinks(top)
    found = dict[str, FileMetadata]()
    for step in plan.steps:
        found.update(_file_of(step, top, others))
        for folder in (*_folders_of(step), *_empty_folder_of(step, top)):
            if folder not in found:
                found.update(_was(top, folder))
    return found


def unusual_in(folder: Path) -> MetadataByPath:
    """What is not as new files and folders would be, before a run in the folder. Raises OSError.

    Empty folders belong to it.

    Caches and what may not be read are left aside.
    """
    found = dict[str, FileMetadata]()
    with opened(folder) as top:
        usual = _Usual(os.fstat(top))
        for current, folders, files, open_folder in os.fwalk(".", dir_fd=top):
            if not folders and not files:
                status = os.fstat(open_folder)
                found[os.path.normpath(current)] = FileMetadata(attributes_of(open_folder, status))
            folders[:] = [name for name in folders if name not in CACHES]
            for name in (*folders, *files):
                with suppress(OSError):
                    attributes = usual.exception(open_folder, name)
                    if attributes is not None:
                        path = os.path.normpath(os.path.join(current, name))  # noqa: PTH118  below it
                        found[path] = FileMetadata(attributes)
    return found


class _Usual:
    """What new files and folders are.

    Args:
        top: the folder in which they would be made.
    """

    def __init__(self, top: os.stat_result) -> None:
        self._owners = (os.geteuid(), top.st_gid if top.st_mode & stat.S_ISGID else os.getegid())
        mask = os.umask(0o077)  # asking takes setting; other threads' files are private meanwhile
        os.umask(mask)
        self._modes = {0o666 & ~mask, 0o777 & ~mask}

    def exception(self, folder: int, name: str) -> Attributes | None:
        """The attributes of a file or folder that is something else. Raises OSError."""
        mode = os.lstat(name, dir_fd=folder).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return None
        descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            found = attributes_of(descriptor, os.fstat(descriptor))
        finally:
            os.close(descriptor)
        owners = (found.owner, found.group)
        is_usual = found.mode in self._modes and owners == self._owners and not found.extended
        return None if is_usual else found


def in_place_name(base: str) -> str:
    """The name for what was kept before a run in place that began with a state."""
    return f"in-place-{base}"


def save(metadata: MetadataByPath, git_dir: Path, name: str) -> None:
    """Keeps it for an undo, by the id of an application or a name. Raises OSError."""
    file = git_dir / _FOLDER / f"{name}.json"
    if metadata:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text(json.dumps({path: _plain(was) for path, was in metadata.items()}))
    else:
        file.unlink(missing_ok=True)


def load(git_dir: Path, name: str) -> MetadataByPath:
    """What was kept by this name; nothing where nothing was."""
    try:
        text = (git_dir / _FOLDER / f"{name}.json").read_text()
        return {path: _typed(was) for path, was in json.loads(text).items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _file_of(step: MergeStep, top: int, others: HardLinks) -> Iterator[tuple[str, FileMetadata]]:
    stamp = step.current.stamp
    if stamp is None or not is_regular(step.before):
        return
    several = others.of(stamp.inode) if stamp.links > 1 else ()
    names = tuple(name for name in several if name != step.at)
    if names or not is_regular(step.after):
        yield from _was(top, step.at, names)


def _folders_of(step: MergeStep) -> Iterator[str]:
    """The folders that may be gone when a step is carried out."""
    paths = [step.at] if step.after is None else list(step.current.within or ())
    for path in paths:
        parts = path.split("/")
        yield from ("/".join(parts[:count]) for count in range(1, len(parts)))


def _empty_folder_of(step: MergeStep, top: int) -> Iterator[str]:
    """The empty folder that a new file is put into, if it is there already."""
    parts = step.path.split("/")[:-1] if step.before is None else []
    for count in range(len(parts), 0, -1):
        try:
            with opened_below(top, parts[:count]) as folder:
                if not os.listdir(folder):  # noqa: PTH208  of a descriptor
                    yield "/".join(parts[:count])
                return
        except OSError as error:
            if error.errno not in NO_FOLDER:
                raise


def _was(top: int, path: str, names: Sequence[str] = ()) -> Iterator[tuple[str, FileMetadata]]:
    *above, name = path.split("/")
    with suppress(FileNotFoundError), opened_below(top, above) as folder:
        descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            attributes = attributes_of(descriptor, os.fstat(descriptor))
            yield path, FileMetadata(attributes, tuple(names))
        finally:
            os.close(descriptor)


def _plain(was: FileMetadata) -> dict[str, Any]:
    extended = {name: base64.b64encode(v).decode() for name, v in was.attributes.extended}
    return {**was.attributes._asdict(), "extended": extended, "names": was.names}


def _typed(told: dict[str, Any]) -> FileMetadata:
    extended = tuple((name, base64.b64decode(v)) for name, v in told["extended"].items())
    attributes = Attributes(told["mode"], told["owner"], told["group"], extended)
    return FileMetadata(attributes, tuple(told["names"]))
