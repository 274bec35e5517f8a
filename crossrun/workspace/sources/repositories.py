"""Copies the git directory of a source so that the copy is independent and runs nothing.

Git never opens the source's own git directory: nothing that its configuration names can run, and
not even its index is refreshed. Data is copied byte by byte, and of the configuration only what is
data; see docs/decisions/0007-copies-of-repositories.md.
"""

import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from crossrun.errors import ConfigurationError
from crossrun.system.background import awaited
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.trees import Copied, Progress, copy_into
from crossrun.workspace.files.atomic import remove_tree
from crossrun.workspace.files.dirfd import read_file
from crossrun.workspace.git.commands import SETTINGS, output, run_git
from crossrun.workspace.git.folders import (
    LONGEST,
    GitFolders,
    Settings,
    git_folders,
    settings_of,
    unfit,
)

_OF_REPOSITORY = frozenset(("refs", "packed-refs", "shallow"))
_OF_INFO = ("attributes", "exclude", "grafts")
_OF_WORK_TREE = frozenset((
    "HEAD", "ORIG_HEAD", "index", "AUTO_MERGE", "CHERRY_PICK_HEAD", "MERGE_AUTOSTASH", "MERGE_HEAD",
    "MERGE_MODE", "MERGE_MSG", "REBASE_HEAD", "REVERT_HEAD", "SQUASH_MSG", "rebase-apply",
    "rebase-merge", "sequencer", "BISECT_ANCESTORS_OK", "BISECT_EXPECTED_REV",
    "BISECT_FIRST_PARENT", "BISECT_HEAD", "BISECT_LOG", "BISECT_NAMES", "BISECT_RUN",
    "BISECT_START", "BISECT_TERMS",
))  # fmt: skip
_TRIES = 5
"""How often a copy begins again because git is at work in the repository."""
_ID = re.compile(rb"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b")
_REFS_OF_WORK_TREE = frozenset(("bisect", "rewritten", "worktree"))
"""Namespaces below `refs` that each work tree has for itself."""
_OPERATIONS = (
    ("am", ("rebase-apply/applying",)),
    ("rebase", ("rebase-merge", "rebase-apply")),
    ("merge", ("MERGE_HEAD",)),
    ("cherry-pick", ("CHERRY_PICK_HEAD",)),
    ("revert", ("REVERT_HEAD",)),
    ("cherry-pick or revert", ("sequencer",)),
    ("bisect", ("BISECT_LOG",)),
)
_COPIED_SETTINGS = frozenset((
    "core.autocrlf", "core.eol", "core.filemode", "core.ignorecase", "core.precomposeunicode",
    "core.symlinks", "core.sparsecheckout", "core.sparsecheckoutcone", "index.sparse",
    "extensions.objectformat", "i18n.commitencoding", "user.name", "user.email",
))  # fmt: skip
"""Settings that are only data: how files are written, and who commits."""
_OWN = (
    ("core.bare", "false"),
    ("core.logallrefupdates", "true"),
    ("core.checkstat", "minimal"),
    ("core.trustctime", "false"),
    ("core.untrackedcache", "false"),
)
"""Settings for the copied index: copies keep the times of files, but not their inodes."""


class CopiedRepository(Struct, frozen=True):
    """What was copied from a repository."""

    copied: tuple[Copied, ...]
    settings: Settings
    """The configuration of the source; the copy has a part of it."""
    operation: str | None
    """The operation under way, such as a rebase, which was copied."""
    partial: bool
    """Some of its objects are only in its remote, which the copy cannot reach."""
    shallow: bool
    borrowed: bool
    """It used objects of another repository; the copy has its own."""


def copy_repository(
    source: Path, target: Path, stop: CancelToken
) -> Generator[Progress, None, CopiedRepository]:
    """Copies the `.git` of a work tree to the folder `target`, which has none yet.

    If git repacks the repository meanwhile, as it does after a commit, the copy begins again.

    Raises:
        RunFailed: the run was cancelled.
        ConfigurationError: SOURCE_REPOSITORY, no independent copy is possible; SOURCE_CHANGED, git
            is at work in the repository all the time.
    """
    folders = git_folders(source)
    settings = settings_of(source, folders)
    git_dir = target / ".git"
    for _ in range(_TRIES):
        git_dir.mkdir(mode=0o700)
        before = _packed_references(folders)
        copied = yield from _copy_references(folders, git_dir, stop)
        copied.append((yield from _copy_objects(folders.common / "objects", git_dir, stop)))
        if before == _packed_references(folders) and not any(map(_has_changed, copied)):
            break
        remove_tree(git_dir)
    else:
        raise ConfigurationError(
            "SOURCE_CHANGED",
            f"git changed {source} while it was being copied",
            hint="run the command again when git has finished there",
            retryable=True,
        )
    _refuse_links(source, copied)
    partial = _is_partial(settings)
    _write_config(git_dir / "config", settings, partial=partial)
    borrowed = yield from awaited(
        lambda: _own_all_objects(source, folders.common / "objects", git_dir),
        lambda _done, _total: Progress(0, 0),
    )
    return CopiedRepository(
        copied=tuple(copied),
        settings=settings,
        operation=_operation(git_dir),
        partial=partial,
        shallow=(git_dir / "shallow").exists(),
        borrowed=borrowed,
    )


def borrow_repository(
    source: Path, target: Path, stop: CancelToken
) -> Generator[Progress, None, Settings]:
    """Makes a temporary `.git` for a work tree that borrows the objects of the original.

    The value is the configuration of the source. Otherwise like `copy_repository`.
    """
    folders = git_folders(source)
    settings = settings_of(source, folders)
    git_dir = target / ".git"
    git_dir.mkdir(mode=0o700)
    _refuse_links(source, (yield from _copy_references(folders, git_dir, stop)))
    (git_dir / "objects" / "info").mkdir(parents=True)
    _write_alternates(git_dir, [str(folders.common / "objects")])
    _write_config(git_dir / "config", settings, partial=_is_partial(settings))
    return settings


def git_in(
    git_dir: Path, work_tree: Path, *words: str, excludes: Path | None = None, stdin: bytes = b""
) -> bytes:
    """Runs git with one of our repositories on a work tree; git writes only what it has to.

    Args:
        git_dir: the repository.
        work_tree: the files.
        words: the command.
        excludes: an ignore file besides those in the repository.
        stdin: the input of the command.

    Raises:
        ConfigurationError: GIT_FAILED.
    """
    safe = {name: value for name, value in SETTINGS.items() if "crlf" not in name}
    options = [f"--git-dir={git_dir}", f"--work-tree={work_tree}"]
    if excludes is not None:
        safe["core.excludesFile"] = str(excludes)
    for name, value in safe.items():
        options += ["-c", f"{name}={value}"]
    environ = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    return output(run_git([*options, *words], work_tree, stdin=stdin, environ=environ))


def _copy_references(
    folders: GitFolders, git_dir: Path, stop: CancelToken
) -> Generator[Progress, None, list[Copied]]:
    """Copies everything except the objects, and before them, so that no reference dangles."""
    _copy_info(folders, git_dir)
    if folders.own == folders.common:
        return [
            (yield from _copy_named(folders.own, git_dir, _OF_REPOSITORY | _OF_WORK_TREE, stop))
        ]

    def only_of_work_tree(path: str) -> bool:
        return path.partition("/")[0] not in _REFS_OF_WORK_TREE

    common = yield from _copy_named(folders.common, git_dir, _OF_REPOSITORY, stop)
    own = yield from _copy_named(folders.own, git_dir, _OF_WORK_TREE, stop)
    refs = folders.own / "refs"
    if not refs.is_dir() or not (git_dir / "refs").is_dir():
        return [common, own]
    more = yield from copy_into(refs, git_dir / "refs", stop, leave_out=only_of_work_tree)
    return [common, own, more]


def _copy_named(
    folder: Path, git_dir: Path, names: frozenset[str], stop: CancelToken
) -> Generator[Progress, None, Copied]:
    def leave_out(path: str) -> bool:
        top, _, below = path.partition("/")
        shared_index = "index" in names and top.startswith("sharedindex.")
        if path.endswith(".lock") or not (top in names or shared_index):
            return True
        return "HEAD" not in names and below.partition("/")[0] in _REFS_OF_WORK_TREE

    return (yield from copy_into(folder, git_dir, stop, leave_out=leave_out))


def _copy_info(folders: GitFolders, git_dir: Path) -> None:
    """Copies `info`, including the targets of links that people use there."""
    (git_dir / "info").mkdir()
    for folder, names in ((folders.common, _OF_INFO), (folders.own, ("sparse-checkout",))):
        for name in names:
            file = folder / "info" / name
            content = read_file(file.resolve(), LONGEST) if file.is_file() else None
            if content is not None:
                (git_dir / "info" / name).write_bytes(content)


def _operation(git_dir: Path) -> str | None:
    """The operation under way in a repository, named like git's command."""
    present = (
        name for name, files in _OPERATIONS if any((git_dir / file).exists() for file in files)
    )
    return next(present, None)


def _packed_references(folders: GitFolders) -> tuple[int, int, int] | None:
    """Which version of the file of packed references is there; git replaces it as a whole."""
    try:
        status = (folders.common / "packed-refs").stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _has_changed(copied: Copied) -> bool:
    return any(skipped.kind == "changed" for skipped in copied.skipped)


def _copy_objects(
    objects: Path, git_dir: Path, stop: CancelToken
) -> Generator[Progress, None, Copied]:
    def leave_out(path: str) -> bool:
        name = path.rpartition("/")[2]
        return path in ("info/alternates", "info/http-alternates") or name.startswith("tmp_")

    (git_dir / "objects").mkdir()
    return (yield from copy_into(objects, git_dir / "objects", stop, leave_out=leave_out))


def _own_all_objects(source: Path, objects: Path, git_dir: Path) -> bool:
    """Packs objects that the source uses from other repositories, so that the copy has its own."""
    listed = read_file(objects / "info" / "alternates", LONGEST)
    if not listed:
        return False
    lines = [line for line in os.fsdecode(listed).split("\n") if line and line[0] != "#"]
    (git_dir / "objects" / "info").mkdir(exist_ok=True)
    alternates = _write_alternates(git_dir, [str(objects / line) for line in lines])
    try:
        with _operation_as_references(git_dir):
            git_in(git_dir, git_dir.parent, "repack", "-a", "-d", "-q", "--no-write-bitmap-index")
    except ConfigurationError as error:
        raise unfit(source, f"it shares objects with {lines[0]}: {error.message}") from error
    alternates.unlink()
    return True


@contextmanager
def _operation_as_references(git_dir: Path) -> Iterator[None]:
    """Makes commits of an operation under way reachable for git, which ignores them otherwise."""
    state = [git_dir / name for name in _OF_WORK_TREE - {"index"}]
    files = [each for place in state for each in (place, *place.rglob("*"))]
    named = b"".join(read_file(file, LONGEST) or b"" for file in files if file.is_file())
    folder = git_dir / "refs" / "under-way"
    folder.mkdir(parents=True)
    for commit in set(_ID.findall(named)):
        (folder / commit.decode()).write_bytes(commit + b"\n")
    try:
        yield
    finally:
        remove_tree(folder)


def _write_alternates(git_dir: Path, folders: Sequence[str]) -> Path:
    alternates = git_dir / "objects" / "info" / "alternates"
    alternates.write_bytes(b"".join(os.fsencode(folder) + b"\n" for folder in folders))
    return alternates


def _refuse_links(source: Path, copied: Sequence[Copied]) -> None:
    if any(each.links for each in copied):
        raise unfit(source, "there are symbolic links in its .git")


def branch_of(folder: Path) -> str | None:
    """The branch that a work tree is on; None if HEAD is detached or cannot be read."""
    try:
        head = read_file(git_folders(folder).own / "HEAD", LONGEST)
    except (ConfigurationError, OSError):
        return None
    name = os.fsdecode(head or b"").strip().removeprefix("ref: refs/heads/")
    return name if head and head.startswith(b"ref: refs/heads/") else None


def _is_partial(settings: Settings) -> bool:
    return any(
        key == "extensions.partialclone" or re.fullmatch(r"remote\..*\.promisor", key, re.DOTALL)
        for key, _ in settings
    )


def _write_config(file: Path, settings: Settings, *, partial: bool) -> None:
    copied = [(key, value) for key, value in settings if key in _COPIED_SETTINGS]
    text = f"[core]\n\trepositoryformatversion = {int(partial or _is_new(copied))}\n"
    for key, value in (*copied, *_OWN):
        section, _, name = key.partition(".")
        text += f'[{section}]\n\t{name} = "{_escaped(value)}"\n'
    if partial:
        text += '[extensions]\n\tpartialclone = source\n[remote "source"]\n\tpromisor = true\n'
    file.write_bytes(os.fsencode(text))


def _is_new(settings: Settings) -> bool:
    return any(key.startswith("extensions.") for key, _ in settings)


def _escaped(value: str) -> str:
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        value = value.replace(character, written)
    return value
