"""The files of a workspace as a tree, with sizes and what the run did to each."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from crossrun.model.runs import Change, IgnoredFiles
from crossrun.views.terminal import Terminal, cell_len, fit
from crossrun.views.unseen import visible
from crossrun.views.words import change_mark, plural, size
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.files.filenames import percent_encoded, system_path
from crossrun.workspace.snapshots.files import WorkspaceEntry

_NONE_IGNORED = IgnoredFiles()
MOST_IN_FOLDER, MOST_LINES = 100, 5000
_STYLES = {"+": "good", "~": "accent", "-": "bad", ">": "accent"}
_WIDEST, _SIZE, _DEEPEST = 100, 9, 20


class ListedFile(Struct, frozen=True):
    """One line of `files --json`.

    A folder is listed if it is empty, or if it was not opened: `closed`. A file that the run
    deleted is listed too, with `size` None. `target` is where a link points. `ignored` files are
    ignored by git and were written by the run. The fields with `bytes` are exact paths,
    percent-encoded, if a name is not UTF-8, and None otherwise.
    """

    path: str
    kind: Literal["file", "link", "folder", "special"]
    size: int | None
    change: str | None
    old_path: str | None = None
    target: str | None = None
    closed: bool = False
    changes_inside: int = 0
    ignored: bool = False
    path_bytes: str | None = None
    old_path_bytes: str | None = None
    target_bytes: str | None = None

    @property
    def name(self) -> str:
        """The path as the system spells it."""
        return system_path(self.path, self.path_bytes)


def listed(
    entries: Iterable[WorkspaceEntry],
    changes: Sequence[Change],
    parts: Sequence[str],
    ignored: IgnoredFiles = _NONE_IGNORED,
) -> list[ListedFile]:
    """The entries below a folder and what the run did to them, sorted by path."""
    written = _written(ignored)
    by_path = {system_path(change.path, change.path_bytes): change for change in changes}
    files = {
        entry.path: _listed(entry, by_path.get(entry.path) or written.get(shown(entry.path)))
        for entry in entries
    }
    closed = {path for path, file in files.items() if file.closed}
    within = "".join(f"{part}/" for part in parts)
    inside = dict.fromkeys(closed, 0)
    for change in changes:
        path = system_path(change.path, change.path_bytes)
        folder = _closed_above(path, closed)
        if folder is not None:
            inside[folder] += 1
        elif change.status == "deleted" and path.startswith(within):
            files.setdefault(path, _deleted(change))
    for path, file in files.items():
        if file.path in written:
            files[path] = replace(file, ignored=True)
    for path, number in inside.items():
        status: Literal["modified"] | None = "modified" if number else None
        files[path] = replace(files[path], change=status, changes_inside=number)
    return [files[path] for path in sorted(files)]


def _written(ignored: IgnoredFiles) -> dict[str, Change]:
    """Changes to ignored files, by the paths that are shown."""
    added = {path: Change(path, "added") for path in ignored.added}
    return added | {path: Change(path, "modified") for path in ignored.modified}


def _deleted(change: Change) -> ListedFile:
    return ListedFile(change.path, "file", None, "deleted", path_bytes=change.path_bytes)


def _listed(entry: WorkspaceEntry, change: Change | None) -> ListedFile:
    return ListedFile(
        shown(entry.path),
        entry.kind,
        entry.size,
        change.status if change else None,
        change.old_path if change else None,
        None if entry.target is None else shown(entry.target),
        entry.closed,
        path_bytes=percent_encoded(entry.path),
        old_path_bytes=change.old_path_bytes if change else None,
        target_bytes=None if entry.target is None else percent_encoded(entry.target),
    )


def _closed_above(path: str, closed: set[str]) -> str | None:
    end = path.find("/")
    while closed and end >= 0:
        if path[:end] in closed:
            return path[:end]
        end = path.find("/", end + 1)
    return None


class _Folder:
    """A node of the tree."""

    def __init__(self) -> None:
        self.folders: dict[str, _Folder] = {}
        self.files: dict[str, ListedFile] = {}
        self.changed = False


class _Line(NamedTuple):
    mark: str
    depth: int
    name: str
    right: str = ""
    dim: bool = False


class _Below(NamedTuple):
    """A folder whose lines have not been made yet."""

    depth: int
    name: str
    folder: _Folder


def tree(
    files: Sequence[ListedFile], parts: Sequence[str], terminal: Terminal, *, whole: bool
) -> Iterator[str]:
    """The tree below a folder: folders first, each sorted by name.

    Args:
        files: the files below the folder, from `listed`.
        parts: the path of the folder, in parts.
        terminal: where the lines are shown.
        whole: whether everything is shown, without limits.
    """
    top = _planted(files, sum(len(part) + 1 for part in parts))
    lines = list(_lines(top, None if whole else MOST_IN_FOLDER))
    hidden = 0 if whole else len(lines) - MOST_LINES
    lines = lines[:MOST_LINES] if hidden > 0 else lines
    room = min(terminal.width, _WIDEST) - _SIZE - 3
    widest = min(
        max((_indent(line, room) + cell_len(line.name) for line in lines), default=0), room
    )
    for line in lines:
        yield _drawn(line, widest, terminal)
    if hidden > 0:
        yield terminal.style(f"… {plural(hidden, 'more line')}, see --all", "dim")


def summary(files: Sequence[ListedFile]) -> str:
    """Number and size of the files, and how many of them the run changed."""
    here = [file for file in files if file.kind != "folder" and file.change != "deleted"]
    parts = [plural(len(here), "file"), size(sum(file.size or 0 for file in here))]
    for status, word in (
        ("added", "new"), ("modified", "changed"), ("renamed", "renamed"), ("deleted", "deleted"),
    ):  # fmt: skip
        number = sum(1 for file in files if file.change == status and not file.closed)
        parts += [f"{number} {word}"] if number else []
    return " · ".join(parts)


def _planted(files: Sequence[ListedFile], start: int) -> _Folder:
    top = _Folder()
    for file in files:
        *folders, name = file.name[start:].split("/")
        at = top
        at.changed |= file.change is not None
        for folder in folders:
            at = at.folders.setdefault(folder, _Folder())
            at.changed |= file.change is not None
        at.files[name] = file
    return top


def _lines(top: _Folder, most: int | None) -> Iterator[_Line]:
    pending: list[_Line | _Below] = _content(top, 0, most)
    while pending:
        item = pending.pop()
        if isinstance(item, _Line):
            yield item
            continue
        depth, name, folder = item
        while len(folder.folders) == 1 and not folder.files:
            ((below, folder),) = folder.folders.items()
            name += f"/{visible(shown(below))}"
        yield _Line("", depth, f"{name}/")
        pending += _content(folder, depth + 1, most)


def _content(folder: _Folder, depth: int, most: int | None) -> list[_Line | _Below]:
    """The content of a folder, last first; if it is too long, changed files are kept."""
    names = [(0, name) for name in sorted(folder.folders)]
    names += [(1, name) for name in sorted(folder.files)]
    hidden = 0 if most is None else max(len(names) - most, 0)
    if hidden:
        first = sorted(names, key=lambda item: not _changed(folder, *item))[:most]
        names = sorted(first)
    lines: list[_Line | _Below] = [
        _file_line(folder.files[name], name, depth)
        if is_file
        else _Below(depth, visible(shown(name)), folder.folders[name])
        for is_file, name in names
    ]
    if hidden:
        lines.append(_Line("", depth, f"… {hidden} more", dim=True))
    return lines[::-1]


def _changed(folder: _Folder, is_file: int, name: str) -> bool:
    return folder.files[name].change is not None if is_file else folder.folders[name].changed


def _file_line(file: ListedFile, name: str, depth: int) -> _Line:
    mark = change_mark(file.change) if file.change else ""
    name = visible(shown(name))
    if file.kind == "folder":
        inside = f", {plural(file.changes_inside, 'change')} inside" if file.changes_inside else ""
        text = f"{name}/  {'not shown' if file.closed else 'empty'}{inside}"
        return _Line(mark, depth, text, dim=True)
    if file.kind == "link":
        name += f" -> {visible(file.target or '')}"
    elif file.kind == "special":
        name += "  (not a regular file)"
    if file.ignored:
        name += "  (ignored)"
    if file.old_path is not None:
        name += f"  from {visible(file.old_path)}"
    return _Line(mark, depth, name, "" if file.size is None else size(file.size))


def _indent(line: _Line, room: int) -> int:
    """The indentation of a line, limited so that names in deep folders have room."""
    return min(2 * line.depth, max(room - _DEEPEST, 0))


def _drawn(line: _Line, widest: int, terminal: Terminal) -> str:
    indent = _indent(line, min(terminal.width, _WIDEST) - _SIZE - 3)
    name = fit(line.name, max(widest - indent, 1))
    style = "dim" if line.dim else _STYLES.get(line.mark, "")
    drawn = terminal.style(f"{line.mark or ' '} {' ' * indent}{name}", style)
    if not line.right:
        return drawn
    gap = " " * (widest - indent - cell_len(name))
    return f"{drawn}{gap} {terminal.style(f'{line.right:>{_SIZE}}', 'dim')}"
