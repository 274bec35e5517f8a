"""Parts of the change of a run: some of its files, or some hunks of them.

A part is a state between that which a folder has already and that after the run. It is recorded
with the application, so that a later one applies the rest.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from crossrun.errors import NotFoundError
from crossrun.services.applying.changes import ApplicableChange
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.files.name_globs import matches
from crossrun.workspace.merge.decisions import is_regular
from crossrun.workspace.merge.hunks import TextHunk, hunks_of, with_hunks
from crossrun.workspace.snapshots.trees import Pair, TreeEntry


class ChangedFile(NamedTuple):
    """A file of a change. Without hunks it can only be applied as a whole."""

    path: str
    pair: Pair
    patch: bytes
    hunks: tuple[TextHunk, ...] = ()


Choice = Mapping[str, Collection[int] | None]
"""By path, the numbers of hunks; None is the whole file, and what is not there is not applied."""
Choose = Callable[[Sequence[ChangedFile]], Choice]
"""Has somebody choose."""


def part_of(
    change: ApplicableChange, start: str, globs: Sequence[str], choose: Choose | None
) -> ApplicableChange:
    """The part of a change with the files that match, or with what is chosen of them.

    Args:
        change: the whole change.
        start: the state that has been applied already.
        globs: files, folders or patterns of names; none: all files.
        choose: chooses; without it, all files that match are applied as a whole.

    Raises:
        NotFoundError: CHANGE_NOT_FOUND, no file matches one of `globs`.
    """
    pairs = _selected(change, change.trees.changed(start, change.tree), globs)
    if choose is None:
        entries = {path: pair.after for path, pair in pairs.items()}
    else:
        files = [_changed_file(change, start, path, pair) for path, pair in pairs.items()]
        choice = choose(files)
        entries = {
            file.path: _chosen_entry(change, file, choice[file.path])
            for file in files
            if file.path in choice
        }
    tree = change.trees.write(entries, onto=start) if entries else start
    return change._replace(tree=tree, whole=change.tree)


def _selected(
    change: ApplicableChange, pairs: Mapping[str, Pair], globs: Sequence[str]
) -> dict[str, Pair]:
    """The files that match, each renamed one with both of its names."""
    if not globs:
        return dict(pairs)
    selected = set[str]()
    for glob in globs:
        matching = {path for path in pairs if matches(path, glob)}
        if not matching:
            raise NotFoundError(
                "CHANGE_NOT_FOUND",
                f"nothing that is left to apply of run {change.run.id} matches {shown(glob)!r}",
                hint=f"list its files: crossrun diff {change.run.id} --name-only",
            )
        selected |= matching
    for each in change.run.changes or ():
        if each.old_path is not None and not selected.isdisjoint((each.path, each.old_path)):
            selected |= {each.path, each.old_path}
    return {path: pair for path, pair in pairs.items() if path in selected}


def _changed_file(change: ApplicableChange, start: str, path: str, pair: Pair) -> ChangedFile:
    before, after = pair
    patch = change.trees.patch_of(path, start, change.tree)
    in_hunks = is_regular(before) and is_regular(after) and before and after
    same_mode = before is not None and after is not None and before.mode == after.mode
    return ChangedFile(path, pair, patch, hunks_of(patch) if in_hunks and same_mode else ())


def _chosen_entry(
    change: ApplicableChange, file: ChangedFile, numbers: Collection[int] | None
) -> TreeEntry | None:
    before, after = file.pair
    if numbers is None or before is None or after is None:
        return after
    trees = change.trees
    text = with_hunks(
        trees.content(before.blob), trees.content(after.blob), file.hunks, frozenset(numbers)
    )
    return after._replace(blob=trees.keep(text))
