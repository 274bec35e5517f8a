"""Saves the metadata of files and folders that an application removes, so an undo restores it.

Recorded states hold only contents. Modes, owners, extended attributes and hard links are stored
beside them.
"""

import base64
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from crossrun.system.folders import make_private
from crossrun.workspace.files.attributes import Attributes, attributes_of
from crossrun.workspace.files.dirfd import NO_FOLDER, opened, opened_below
from crossrun.workspace.files.hard_links import LinkedNames
from crossrun.workspace.merge.decisions import MergePlan, MergeStep, is_regular
from crossrun.workspace.snapshots.ignored import CACHES

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_FOLDER = "attributes"


class FileMetadata(NamedTuple):
    """The metadata of a file or a folder; `names` are its other hard links."""

    attributes: Attributes
    names: tuple[str, ...] = ()


MetadataByPath = Mapping[str, FileMetadata]


def removed_by(plan: MergePlan, top: int) -> MetadataByPath:
    """The metadata of the files and folders that a plan may remove. Raises OSError."""
    linked_names = LinkedNames(top)
    metadata = dict[str, FileMetadata]()
    for step in plan.steps:
        metadata.update(_file_of(step, top, linked_names))
        for folder in (*_folders_of(step), *_empty_folder_of(step, top)):
            if folder not in metadata:
                metadata.update(_metadata_of(top, folder))
    return metadata


def unusual_in(folder: Path) -> MetadataByPath:
    """The metadata before a run in a folder that differs from that of new files. Raises OSError.

    Includes empty folders; leaves out caches and what may not be read.
    """
    metadata = dict[str, FileMetadata]()
    with opened(folder) as top:
        usual = _Usual(os.fstat(top))
        for place, folders, files, open_folder in os.fwalk(".", dir_fd=top):
            if not folders and not files:
                status = os.fstat(open_folder)
                metadata[os.path.normpath(place)] = FileMetadata(attributes_of(open_folder, status))
            folders[:] = [name for name in folders if name not in CACHES]
            for name in (*folders, *files):
                with suppress(OSError):
                    attributes = usual.exception(open_folder, name)
                    if attributes is not None:
                        path = os.path.normpath(os.path.join(place, name))  # noqa: PTH118  below top
                        metadata[path] = FileMetadata(attributes)
    return metadata


class _Usual:
    """The metadata of new files and folders.

    Args:
        top: the folder in which they would be made.
    """

    def __init__(self, top: os.stat_result) -> None:
        self._owners = (os.geteuid(), top.st_gid if top.st_mode & stat.S_ISGID else os.getegid())
        mask = _umask()
        self._modes = {0o666 & ~mask, 0o777 & ~mask}

    def exception(self, folder: int, name: str) -> Attributes | None:
        """The attributes of a file or folder if they are unusual. Raises OSError."""
        mode = os.lstat(name, dir_fd=folder).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return None
        descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            actual = attributes_of(descriptor, os.fstat(descriptor))
        finally:
            os.close(descriptor)
        owners = (actual.owner, actual.group)
        is_usual = actual.mode in self._modes and owners == self._owners and not actual.extended
        return None if is_usual else actual


def _umask() -> int:
    """The umask of the process. Without /proc, it can only be read by setting it for a moment."""
    with suppress(OSError), Path("/proc/self/status").open() as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def in_place_name(base: str) -> str:
    """The name of the backup made before a run in place that started from a state."""
    return f"in-place-{base}"


def save(metadata: MetadataByPath, git_dir: Path, name: str) -> None:
    """Saves metadata under the id of an application or a name. Raises OSError."""
    file = git_dir / _FOLDER / f"{name}.json"
    if metadata:
        make_private(file.parent)
        file.write_text(json.dumps({path: _to_json(item) for path, item in metadata.items()}))
    else:
        file.unlink(missing_ok=True)


def load(git_dir: Path, name: str) -> MetadataByPath:
    """Loads the metadata saved under a name; empty if there is none."""
    try:
        text = (git_dir / _FOLDER / f"{name}.json").read_text()
        return {path: _from_json(item) for path, item in json.loads(text).items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _file_of(step: MergeStep, top: int, others: LinkedNames) -> Iterator[tuple[str, FileMetadata]]:
    stamp = step.current.stamp
    if stamp is None or not is_regular(step.before):
        return
    several = others.of(stamp.inode) if stamp.links > 1 else ()
    names = tuple(name for name in several if name != step.at)
    if names or not is_regular(step.after):
        yield from _metadata_of(top, step.at, names)


def _folders_of(step: MergeStep) -> Iterator[str]:
    """The folders that a step may remove."""
    paths = [step.at] if step.after is None else list(step.current.within or ())
    for path in paths:
        parts = path.split("/")
        yield from ("/".join(parts[:count]) for count in range(1, len(parts)))


def _empty_folder_of(step: MergeStep, top: int) -> Iterator[str]:
    """The existing empty folder that a step writes a file to."""
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


def _metadata_of(
    top: int, path: str, names: Sequence[str] = ()
) -> Iterator[tuple[str, FileMetadata]]:
    *above, name = path.split("/")
    with suppress(FileNotFoundError), opened_below(top, above) as folder:
        descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            attributes = attributes_of(descriptor, os.fstat(descriptor))
            yield path, FileMetadata(attributes, tuple(names))
        finally:
            os.close(descriptor)


def _to_json(item: FileMetadata) -> dict[str, Any]:
    extended = {name: base64.b64encode(v).decode() for name, v in item.attributes.extended}
    return {**item.attributes._asdict(), "extended": extended, "names": item.names}


def _from_json(record: dict[str, Any]) -> FileMetadata:
    extended = tuple((name, base64.b64decode(v)) for name, v in record["extended"].items())
    attributes = Attributes(record["mode"], record["owner"], record["group"], extended)
    return FileMetadata(attributes, tuple(record["names"]))
