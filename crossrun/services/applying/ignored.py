"""Ignored files that a run wrote: applied if the user asks for them, and counted otherwise.

Recorded states do not have these files. Their contents are read from the workspace when they are
applied, so that only works for the newest run in a workspace that still exists.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from crossrun.errors import CrossrunError, NotFoundError
from crossrun.services.applying.changes import ApplicableChange
from crossrun.store import Store
from crossrun.workspace.files.name_globs import matches
from crossrun.workspace.merge.decisions import DesiredEntry
from crossrun.workspace.snapshots.files import OnDisk
from crossrun.workspace.snapshots.ignored import Mark, compare, decode, manifest
from crossrun.workspace.snapshots.trees import FILE, LINK, PROGRAM, TreeEntry, Trees

EVERYTHING = "*"
_MOST_COMPARED = 256 * 1024**2
"""Bytes of ignored files that are compared with those of a folder."""


class IgnoredOutput(NamedTuple):
    """Ignored files that a run wrote, as its workspace has them now."""

    workspace: Path
    paths: tuple[str, ...] = ()

    def matching(self, glob: str) -> tuple[str, ...]:
        """The files that match a glob by path, by name, or by a folder that they are in."""
        return tuple(path for path in self.paths if matches(path, glob))


def ignored_output(store: Store, change: ApplicableChange) -> IgnoredOutput:
    """Finds the ignored files that a run and those that it continues wrote.

    Empty if the workspace is gone, or a later run works in it.
    """
    workspace = Path(change.run.workspace)
    newest = store.read.newest_in(change.run.workspace)
    if not workspace.is_dir() or (newest is not None and newest.id != change.run.id):
        return IgnoredOutput(workspace)
    snapshots = change.workspaces.snapshots(workspace)
    after = manifest(workspace, snapshots.unrecorded())
    return IgnoredOutput(workspace, compare(_marks_before(change), after).written)


def select(output: IgnoredOutput, glob: str, change: ApplicableChange) -> tuple[str, ...]:
    """The ignored files that match a glob.

    Raises:
        NotFoundError: no file matches.
    """
    selected = output.matching(glob)
    if not selected:
        run_id = change.run.id
        what = "wrote no ignored files" if glob == EVERYTHING else f"has none that match {glob!r}"
        raise NotFoundError(
            "IGNORED_NOT_FOUND",
            f"run {run_id} {what}, or its workspace is gone or was taken over",
            hint=f"list its files: crossrun files {run_id} · name the run before --ignored",
        )
    return selected


def desired_ignored(
    store: Store,
    change: ApplicableChange,
    folder: Path,
    output: IgnoredOutput,
    paths: Iterable[str],
) -> dict[str, DesiredEntry]:
    """Stores the contents of ignored files. Returns what is wanted at each path.

    A file that the target has already is only replaced if an earlier application put it there.
    """
    earlier = _applied_entries(store, change, folder)
    desired_entries = {}
    for path in paths:
        entry = _entry(output.workspace, path, change.trees)
        if entry is not None:
            before = earlier.get(path)
            desired_entries[path] = DesiredEntry(
                (None,) if before is None else (before, None), entry
            )
    return desired_entries


def count_missing(output: IgnoredOutput, paths: Iterable[str], folder: Path) -> int:
    """How many of the ignored files differ in a folder, or are missing there.

    Build output may be gigabytes. After some hundred megabytes nothing more is read, and files of
    the same size count as missing too, so that the workspace is not removed.
    """
    missing, room = 0, _MOST_COMPARED
    for path in paths:
        size = _common_size(output.workspace / path, folder / path)
        if size is None or size > room or not _is_same(output.workspace, folder, path):
            missing += 1
        room -= size or 0
    return missing


def _marks_before(change: ApplicableChange) -> Mapping[str, Mark]:
    source = change.run.source
    if source is None or source.manifest is None:
        return {}
    return decode(change.trees.content(source.manifest))


def _applied_entries(store: Store, change: ApplicableChange, folder: Path) -> dict[str, TreeEntry]:
    """What applications of this run, and of those that it continues, put into a folder."""
    entries = dict[str, TreeEntry]()
    for each in reversed(list(store.read.ancestry(change.run))):
        for application in store.read.applications(each.id):
            live = application.undone_at is None and application.branch is None
            if live and application.after is not None and application.path == str(folder):
                with suppress(CrossrunError):  # made in a workspace that is gone
                    entries.update(change.trees.entries(application.after))
    return entries


def _entry(workspace: Path, path: str, trees: Trees) -> TreeEntry | None:
    read = _read(workspace, path)
    return None if read is None else TreeEntry(read[0], trees.keep(read[1]))


def _common_size(application: Path, other: Path) -> int | None:
    """The bytes of two files of the same size; None if one is missing or the sizes differ."""
    try:
        sizes = {application.lstat().st_size, other.lstat().st_size}
    except OSError:
        return None
    return sizes.pop() if len(sizes) == 1 else None


def _is_same(workspace: Path, folder: Path, path: str) -> bool:
    """Whether two folders have the same content at a path, regardless of modes."""
    with suppress(CrossrunError):  # one of them may not be read
        ours, theirs = _read(workspace, path), _read(folder, path)
        return ours is not None and theirs is not None and ours[1] == theirs[1]
    return False


def _read(workspace: Path, path: str) -> tuple[str, bytes] | None:
    """The kind and the content of a file or link, which is not followed; None if it is gone."""
    files, parts = OnDisk(workspace), tuple(path.split("/"))
    try:
        entry = files.entry(parts)
        if entry.kind == "link":
            return LINK, os.fsencode(entry.target or "")
        if entry.kind != "file":
            return None
        with files.reading(parts) as content:
            is_program = os.fstat(content.fileno()).st_mode & stat.S_IXUSR
            return (PROGRAM if is_program else FILE), content.read()
    except NotFoundError:
        return None
