"""Changes on a terminal: a coloured patch, line counts, many files in a few lines."""

import re
from collections.abc import Iterator, Sequence
from os.path import commonpath
from typing import NamedTuple

from crossrun.model.runs import Change
from crossrun.views.terminal import Terminal, cell_len, fit
from crossrun.views.unseen import visible, visible_lines
from crossrun.views.words import change_mark, plural

_HEADINGS = (
    "diff --git ", "index ", "new file", "deleted file", "old mode", "new mode", "similarity ",
    "dissimilarity ", "rename ", "copy ", "+++ ", "--- ", "GIT binary",
)  # fmt: skip
_WORDS = {"added": "new", "modified": "changed", "renamed": "renamed", "deleted": "deleted"}
_BAR, _COUNTS, _WIDEST = 20, 14, 120
_OBJECT_ID = re.compile(r"\b([0-9a-f]{7})[0-9a-f]{33,57}\b")
"""Of git, with the digits that are shown of it."""


def patch_lines(patch: bytes, terminal: Terminal) -> Iterator[str]:
    """The lines of a patch in colour, with nothing in them that could steer a terminal.

    Object ids are shortened, as git does.
    """
    in_hunk = False
    for raw in patch.removesuffix(b"\n").split(b"\n") if patch else ():
        if raw.startswith(b"diff --git "):
            in_hunk = False
        elif raw.startswith(b"@@ "):
            in_hunk = True
        (line,) = visible_lines(raw.decode("utf-8", "replace"))
        if not in_hunk and line.startswith("index "):
            line = _OBJECT_ID.sub(r"\1", line)
        yield terminal.style(line, _style(line, in_hunk=in_hunk))


def _style(line: str, *, in_hunk: bool) -> str:
    if not in_hunk:
        return "bold" if line.startswith(_HEADINGS) else "dim"
    return {"@": "accent", "+": "good", "-": "bad", "\\": "dim"}.get(line[:1], "")


def stat_lines(changes: Sequence[Change], terminal: Terminal) -> Iterator[str]:
    """Files with their line counts, and bars."""
    if not changes:
        return
    room = min(terminal.width, _WIDEST) - _BAR - _COUNTS
    names = [fit(f"{change_mark(change.status)} {_name(change)}", room) for change in changes]
    widest = max(map(cell_len, names))
    most = max((change.insertions or 0) + (change.deletions or 0) for change in changes)
    for change, name in zip(changes, names, strict=True):
        gap = " " * (widest - cell_len(name))
        yield f"{name}{gap}  {_counted(change, most, terminal)}".rstrip()
    yield terminal.style(total(changes), "dim")


def _name(change: Change) -> str:
    """A path, or both paths of a renamed file."""
    old = "" if change.old_path is None else f"{visible(change.old_path)} -> "
    return old + visible(change.path)


def _counted(change: Change, most: int, terminal: Terminal) -> str:
    if change.insertions is None or change.deletions is None:
        return terminal.style("binary", "dim")
    lines = change.insertions + change.deletions
    bar = lines if most <= _BAR else max(lines * _BAR // most, 1 if lines else 0)
    plus = round(bar * change.insertions / lines) if lines else 0
    signs = terminal.style("+" * plus, "good") + terminal.style("-" * (bar - plus), "bad")
    return f"{lines:>6} {signs}"


def total(changes: Sequence[Change]) -> str:
    """`3 files changed, 12 insertions, 1 deletion`."""
    parts = [f"{plural(len(changes), 'file')} changed"]
    for number, noun in (
        (sum(change.insertions or 0 for change in changes), "insertion"),
        (sum(change.deletions or 0 for change in changes), "deletion"),
    ):
        parts += [plural(number, noun)] if number else []
    return ", ".join(parts)


class Row(NamedTuple):
    """A changed file, or a folder with a note on what changed in it."""

    mark: str
    path: str
    note: str
    insertions: int
    deletions: int


def rows(changes: Sequence[Change], most: int) -> list[Row]:
    """Changes in at most `most` rows, in their order: folders with few changes are opened first.

    If the top level alone has more files and folders, the last row stands for the rest.
    """
    groups = _opened("", changes)
    if len(groups) > most:
        shown = list(groups.items())[: most - 1]
        others = [change for name in list(groups)[most - 1 :] for change in groups[name]]
        return [*(_row(name, group) for name, group in shown), _row("…", others)]
    while True:
        openings = ((name, _opened(name, group)) for name, group in groups.items() if group[1:])
        fitting = [opening for opening in openings if len(groups) - 1 + len(opening[1]) <= most]
        if not fitting:
            return [_row(name, group) for name, group in groups.items()]
        name, below = min(fitting, key=lambda opening: len(opening[1]))
        groups = {
            inner: group
            for outer, whole in groups.items()
            for inner, group in (below if outer == name else {outer: whole}).items()
        }


def _opened(folder: str, changes: Sequence[Change]) -> dict[str, list[Change]]:
    """The changes in a folder by file, and by folder with the longest path that they share."""
    groups: dict[str, list[Change]] = {}
    for change in changes:
        name, slash, _ = change.path[len(folder) :].partition("/")
        groups.setdefault(folder + name + slash, []).append(change)
    return {_shared(group): group for group in groups.values()}


def _shared(group: Sequence[Change]) -> str:
    paths = [change.path for change in group]
    return paths[0] if len(paths) == 1 else f"{commonpath(paths)}/"


def _row(name: str, changes: Sequence[Change]) -> Row:
    insertions = sum(change.insertions or 0 for change in changes)
    deletions = sum(change.deletions or 0 for change in changes)
    if len(changes) == 1:
        (change,) = changes
        return Row(change_mark(change.status), visible(change.path), "", insertions, deletions)
    counts = {
        word: sum(change.status == status for change in changes) for status, word in _WORDS.items()
    }
    summary = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    noun = " files" if len([number for number in counts.values() if number]) == 1 else ""
    return Row(" ", visible(name), summary + noun, insertions, deletions)
