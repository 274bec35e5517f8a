"""Converts files to the form in which a repository stores them, as `git add` does.

Git itself converts line endings, encodings and `$Id$`, by the attributes and settings of the user's
repository, in a temporary work tree and git directory. Filters are programs named in a
configuration: none is ever run, and changes to files with a filter are refused.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from crossrun.errors import ConfigurationError
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.git.commands import SETTINGS, output, run_git
from crossrun.workspace.git.ref_files import impossible
from crossrun.workspace.merge.decisions import is_regular, is_safe
from crossrun.workspace.snapshots.trees import Pair, TreeEntry, Trees, is_attributes_file

_ENCODING = "working-tree-encoding"
_CONVERTING = ("text", "crlf", "eol", "ident", _ENCODING)
_WITHOUT_EFFECT = (b"unspecified", b"unset")
_NAMED = 5
"""How many files an error lists."""

Entries = Mapping[str, TreeEntry | None]


class CheckInRules(NamedTuple):
    """What controls conversion besides the attribute files in a tree.

    `settings` are git settings, as `name=value`; `info` is the content of the repository's
    `info/attributes`. With `all_texts`, texts without attributes are converted as well.
    """

    settings: Sequence[str]
    info: bytes
    all_texts: bool


class ParentCommit(Protocol):
    """The files of a commit."""

    commit: str

    def entry(self, path: str) -> TreeEntry | None:
        """What the commit has at a path."""

    def attribute_files(self) -> dict[str, bytes]:
        """The contents of its `.gitattributes` files, by path."""


class CheckIn:
    """Converts the changes of runs to the form that commits store.

    Args:
        trees: where the states of the run are; converted contents go there, too.
        environ: variables that let git read the objects of the user's repository.
        rules: the rules of the user's repository.
    """

    def __init__(self, trees: Trees, environ: Mapping[str, str], rules: CheckInRules) -> None:
        self._trees = trees
        self._environ = {"GIT_OBJECT_DIRECTORY": str(trees.git_dir / "objects"), **environ}
        self._rules = rules

    def convert(self, base: str, tree: str, parent: ParentCommit) -> dict[str, Pair]:
        """The differences between two states of a workspace, in the form that commits store.

        Args:
            base: the state before.
            tree: the state after.
            parent: the commit that the change will follow.

        Raises:
            ConfigurationError: BRANCH_FILTERED, BRANCH_IMPOSSIBLE: files cannot be converted.
        """
        changed = self._trees.changed(base, tree)
        before = {path: pair.before for path, pair in changed.items()}
        after = {path: pair.after for path, pair in changed.items()}
        there = self._trees.attribute_files(tree)
        with self._under(self._trees.attribute_files(base)) as old:
            with_filter = old.with_filter(before)
            stored_before = old.convert(before, parent.commit)
        with self._under(there) as workspace:
            with_filter |= workspace.with_filter(after)
        with self._under(_of_result(parent, after, there)) as new:
            with_filter |= new.with_filter(after)
            _refuse(path for path in with_filter if _has_new_content(changed[path]))
            stored_after = new.convert(after, parent.commit)
        result = {path: Pair(stored_before[path], stored_after[path]) for path in changed}
        for path in with_filter:
            # the stored form in the commit cannot be compared with the file in the workspace
            only_mode = is_regular(after[path])
            result[path] = changed[path] if only_mode else Pair(parent.entry(path), after[path])
        return result

    @contextmanager
    def _under(self, attribute_files: Mapping[str, bytes]) -> Iterator["_WorkTree"]:
        beside = self._trees.git_dir.parent
        with tempfile.TemporaryDirectory(prefix="looking-", dir=beside) as folder:
            made = _WorkTree(Path(folder), self._trees, self._environ, self._rules)
            made.write(attribute_files)
            yield made


class _WorkTree:
    """A temporary work tree in which git converts files."""

    def __init__(
        self, folder: Path, trees: Trees, environ: Mapping[str, str], rules: CheckInRules
    ) -> None:
        self._files = folder / "files"
        self._files.mkdir()
        self._trees = trees
        self._environ = dict(environ)
        self._all_texts = rules.all_texts
        git_dir = folder / "check-in.git"
        output(run_git(["init", "--quiet", "--bare", "--template=", str(git_dir)], folder))
        (git_dir / "info").mkdir()
        (git_dir / "info" / "attributes").write_bytes(rules.info)
        settings = (*(f"{name}={value}" for name, value in SETTINGS.items()), *rules.settings)
        options = [word for setting in settings for word in ("-c", setting)]
        self._words = [f"--git-dir={git_dir}", f"--work-tree={self._files}", *options]

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Writes files."""
        for path, content in contents.items():
            file = self._files / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def with_filter(self, entries: Entries) -> set[str]:
        """The files that have a filter."""
        return {path for path, _ in self._attributes(entries, "filter")}

    def convert(self, entries: Entries, onto: str) -> Entries:
        """The entries in the form that a commit stores.

        Args:
            entries: entries of a state of a workspace.
            onto: the parent commit; git keeps the line endings that it has.

        Raises:
            ConfigurationError: BRANCH_IMPOSSIBLE, a file is not in its declared encoding.
        """
        attributes = self._attributes(entries, *_CONVERTING)
        files = _files(entries)
        paths = set(files) if self._all_texts else {path for path, _ in attributes}
        if not paths:
            return entries
        self.write({path: self._trees.content(files[path].blob) for path in paths})
        self._git("read-tree", onto)
        self._add(path for path in paths if (path, _ENCODING) not in attributes)
        self._add_encoded(path for path in paths if (path, _ENCODING) in attributes)
        blobs = self._blobs()
        return {**entries, **{path: TreeEntry(files[path].mode, blobs[path]) for path in paths}}

    def _attributes(self, entries: Entries, *names: str) -> set[tuple[str, str]]:
        """The attributes that have an effect, as pairs of path and name."""
        listed = _listed(_files(entries))
        fields = self._git("check-attr", "-z", "--stdin", *names, stdin=listed).split(b"\0")
        triples = zip(fields[::3], fields[1::3], fields[2::3], strict=False)
        return {
            (os.fsdecode(path), name.decode())
            for path, name, value in triples
            if value not in _WITHOUT_EFFECT
        }

    def _add(self, paths: Iterable[str]) -> None:
        words = ("update-index", "-z", "--add", "--replace", "--stdin")
        self._git(*words, stdin=_listed(paths))

    def _add_encoded(self, paths: Iterable[str]) -> None:
        for path in sorted(paths):
            try:
                self._add([path])
            except ConfigurationError as error:
                raise impossible(
                    f"{shown(path)} is not in the encoding that .gitattributes declares for it"
                ) from error

    def _blobs(self) -> dict[str, str]:
        records = os.fsdecode(self._git("ls-files", "-z", "--stage")).split("\0")
        pairs = (record.split("\t", 1) for record in records if record)
        return {path: about.split(" ")[1] for about, path in pairs}

    def _git(self, *words: str, stdin: bytes = b"") -> bytes:
        environ, folder = self._environ, self._files
        return output(run_git([*self._words, *words], folder, stdin=stdin, environ=environ))


def _files(entries: Entries) -> dict[str, TreeEntry]:
    """The regular files among entries; nothing else is converted."""
    return {
        path: entry
        for path, entry in entries.items()
        if entry is not None and is_regular(entry) and is_safe(path)
    }


def _listed(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _of_result(
    parent: ParentCommit, after: Entries, there: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The attribute files of the commit that the change will become."""
    changed = {path for path in after if is_attributes_file(path)}
    same = {path: text for path, text in parent.attribute_files().items() if path not in changed}
    files = same | {path: text for path, text in there.items() if path in changed}
    return {path: text for path, text in files.items() if not _is_below_file(path, after)}


def _is_below_file(path: str, after: Entries) -> bool:
    above = (path[:at] for at, sign in enumerate(path) if sign == "/")
    return any(after.get(folder) is not None for folder in above)


def _has_new_content(pair: Pair) -> bool:
    """Whether the new content of a file would be stored."""
    if not is_regular(pair.after):
        return False
    same = (
        pair.before is not None and pair.after is not None and pair.before.blob == pair.after.blob
    )
    return not (same and is_regular(pair.before))


def _refuse(with_filter: Iterable[str]) -> None:
    names = sorted(map(shown, with_filter))
    if not names:
        return
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    raise ConfigurationError(
        "BRANCH_FILTERED",
        "no branch can be made: .gitattributes has a filter, which crossrun never runs, for "
        f"{', '.join(names[:_NAMED])}{more}",
        hint="apply the change to the files, without --branch, and commit them yourself,"
        "so that git runs the filter",
    )
