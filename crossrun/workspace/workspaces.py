"""A separate folder for each run, always below one root."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from crossrun.errors import ConfigurationError, NotFoundError, StillRunningError
from crossrun.system.background import Background, checkpoint
from crossrun.system.filelocks import is_locked, trying_lock
from crossrun.system.folders import make_private
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.folder_names import folder_name
from crossrun.workspace.git.folders import GitFolders
from crossrun.workspace.git.own_repository import is_file_below
from crossrun.workspace.git.refs import Refs, encoded, refs_of, repository_in
from crossrun.workspace.snapshots.history import History, measured
from crossrun.workspace.snapshots.ignored import (
    IgnoredChange,
    Mark,
    compare,
    encode,
    in_cache,
    manifest,
    to_keep,
)
from crossrun.workspace.snapshots.recorder import Snapshots
from crossrun.workspace.snapshots.state_recording import Original
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE

if TYPE_CHECKING:
    from crossrun.workspace.snapshots.reader import StateReader

_TICK = 0.1
_MOST_ENTRIES = 200
"""Names of more files say little."""
MARKERS = (
    "CMakeLists.txt", "Cargo.toml", "Dockerfile", "Gemfile", "Makefile", "build.gradle",
    "composer.json", "conf.py", "deno.json", "environment.yml", "go.mod", "mkdocs.yml",
    "package.json", "pom.xml", "pyproject.toml", "requirements.txt", "setup.py", "tox.ini",
    "tsconfig.json",
)  # fmt: skip
"""Files at the top of a folder that tell what kind of project it is."""


class Workspace(Struct, frozen=True):
    """A prepared folder, and what its change is measured against.

    `baseline` is the git tree of its files, `ignored` are the files that git ignores, and
    `manifest` is the id of the blob that remembers these. Before a run in place, the contents of
    those that are not too large are kept in the tree `kept`. `refs` are the branches, tags and
    stashes of the folder's own repository, and `refs_blob` remembers these. Before a run in place,
    `git_state` is the blob with what an undo restores in the repository.
    """

    path: Path
    baseline: str
    snapshots: Snapshots
    ignored: Mapping[str, Mark] = {}
    manifest: str | None = None
    kept: str | None = None
    refs: Refs = {}
    refs_blob: str | None = None
    git_state: str | None = None

    def state(self) -> str:
        """The state as it is now, by the rules that counted when it was prepared."""
        return self.snapshots.take(apart=self.ignored, last=True)

    def kept_now(self) -> str | None:
        """The files whose contents are kept, as they are now: a tree like `kept`."""
        if self.kept is None:
            return None
        paths = to_keep(self.ignored)
        return self.snapshots.tree_of(path for path in paths if is_file_below(self.path, path))

    def not_kept(self) -> list[str]:
        """Ignored files whose contents are not kept, caches left aside."""
        kept = set(to_keep(self.ignored))
        return sorted(p for p in self.ignored if p not in kept and not in_cache(p))

    def ignored_change(self) -> IgnoredChange:
        """What was done to ignored files since it was prepared, by the last state."""
        return compare(self.ignored, manifest(self.path, self.snapshots.unrecorded()))


def top_files(path: Path) -> tuple[str, ...]:
    """The markers that a folder has, which say what tools its work is done with."""
    return tuple(name for name in MARKERS if (path / name).is_file())


def file_names(path: Path) -> tuple[str, ...]:
    """The names of the files in a folder, but for hidden ones; none if there are too many."""
    try:
        with os.scandir(path) as entries:
            first = list(islice(entries, _MOST_ENTRIES + 1))
    except OSError:
        return ()
    if len(first) > _MOST_ENTRIES:
        return ()
    names = (entry.name for entry in first if entry.is_file(follow_symlinks=False))
    return tuple(sorted(shown(name) for name in names if not name.startswith(".")))


def top_of_repository(path: Path) -> Path | None:
    """The folder that a repository begins with: this one or the nearest above it."""
    folders = (path, *path.parents)
    return next((folder for folder in folders if os.path.lexists(folder / ".git")), None)


class Workspaces:
    """Makes and finds the folders of runs.

    Args:
        root: the folder below which all workspaces lie.
        snapshots: the folder of the git directories that remember their states.
        own_folders: others of crossrun's, which are never a part of what is copied.
    """

    def __init__(self, root: Path, snapshots: Path, own_folders: Sequence[Path] = ()) -> None:
        self._root = root
        self.scratch = self._snapshots = snapshots
        self.own_folders = (root, snapshots, *own_folders)

    def path(self, project_id: str, run_id: str) -> Path:
        """Where the workspace of a run is or will be."""
        return self._root / folder_name(project_id) / run_id

    def make_room(self, path: Path) -> None:
        """Makes the folder that a workspace will be in.

        Raises:
            ConfigurationError: it cannot be made, or would be outside the root.
        """
        with _made(path):
            make_private(path.parent)
        if not path.parent.resolve().is_relative_to(self._root.resolve()):
            raise ConfigurationError(
                "WORKSPACE_OUTSIDE",
                f"the workspace {path} would be outside {self._root}",
                hint="remove the symbolic link that leads out of it",
            )

    def make_empty(self, path: Path) -> None:
        """Makes an empty workspace.

        Raises:
            ConfigurationError: it cannot be made.
        """
        with _made(path):
            path.mkdir(mode=0o700)

    def recorded(
        self,
        path: Path,
        *,
        beside: Path | None = None,
        whole: bool = False,
        original: Original | None = None,
    ) -> Workspace:
        """A folder that was just made, with its state as what changes are measured against.

        Args:
            path: the folder.
            beside: the workspace that it is a clone of, whose states it then knows, too.
            whole: whether all its files are recorded, ignored ones too: it is a copy.
            original: what it is a copy of, if it has just been copied.
        """
        snapshots = self.snapshots(path)
        if beside is not None:
            snapshots.inherit(self.snapshots(beside))
        if next(path.iterdir(), None) is None:
            return Workspace(path, EMPTY_TREE, snapshots)
        baseline = snapshots.take(afresh=beside is not None, whole=whole, original=original)
        return _prepared(path, snapshots, baseline, refs_of(self.repository(path)))

    def take_over(self, path: Path, *, restorable: bool = False) -> Workspace:
        """Continues in an existing folder in its present state.

        Args:
            path: the folder.
            restorable: whether all is kept that an undo needs: contents of ignored files, what is
                unusual about files, and the state of the folder's repository.

        Raises:
            NotFoundError: it is gone.
        """
        if not path.is_dir():
            raise NotFoundError(
                "WORKSPACE_GONE",
                f"the workspace {path} is gone",
                hint="start again: crossrun retry RUN",
            )
        from crossrun.workspace.target import metadata_backup

        snapshots = self.snapshots(path)
        before = Background(lambda: metadata_backup.unusual_in(path)) if restorable else None
        baseline = snapshots.take(afresh=True)
        workspace = _prepared(path, snapshots, baseline, refs_of(self.repository(path)))
        if before is not None:
            while not before.done(_TICK):
                checkpoint()
            metadata_backup.save(
                before.value(), snapshots.git_dir, metadata_backup.in_place_name(baseline)
            )
        if not restorable:
            return workspace
        ignored = workspace.ignored
        kept_tree = snapshots.tree_of(to_keep(ignored)) if ignored else None
        return replace(workspace, kept=kept_tree, git_state=self.git_state(path))

    def git_state(self, path: Path) -> str | None:
        """Keeps what can be restored in the repository of a folder of the user's.

        Returns:
            The id of the blob that has it; None if there is no repository, or none of that kind.
        """
        from crossrun.workspace.user_repository import git_state

        repository = self.repository_around(path)
        if repository is None or not git_state.can_be_kept(repository):
            return None
        return git_state.record(repository, self.snapshots(path))

    def history(self, workspace: Workspace) -> History:
        """What was done in the repository of a workspace since it was prepared."""
        repository = self.repository(workspace.path)
        refs = refs_of(repository)
        if repository is None or not refs:
            return History()
        commits = measured(repository, workspace.refs, refs, self._snapshots)
        return History(commits, workspace.snapshots.store(encoded(refs)))

    def repository(self, path: Path) -> GitFolders | None:
        """Where a workspace's own repository is, if it has one."""
        return repository_in(path, own=self.is_own(path))

    def repository_around(self, path: Path) -> GitFolders | None:
        """The repository that a folder of the user's is in: its own, or that of one above it."""
        top = top_of_repository(path)
        return None if top is None else repository_in(top, own=False)

    def snapshots(self, path: Path) -> Snapshots:
        """The remembered states of a workspace, which has the name of its first run."""
        return Snapshots(self._git_dir(path), path)

    def reading_states(self, *paths: Path) -> "AbstractContextManager[StateReader]":
        """The states of workspaces, of which nothing is changed; the workspaces may be gone."""
        from crossrun.workspace.snapshots.reader import reading_states

        return reading_states(self._snapshots, *map(self._git_dir, paths))

    def state_now(self, reader: "StateReader", path: Path) -> str:
        """The state of a workspace that a run may be working in, taken without disturbing it."""
        return reader.take(path, self._git_dir(path))

    @contextmanager
    def holding(self, path: Path) -> Iterator[None]:
        """Works in a folder of the user's own alone, until the context ends.

        Raises:
            StillRunningError: another run works in it.
        """
        if self.is_own(path):
            yield
            return
        with trying_lock(self._lock(path)) as tries:
            if not next(tries):
                raise _busy(path)
            yield

    def require_free(self, path: Path) -> None:
        """Looks whether a run works in a folder of the user's own.

        Raises:
            StillRunningError: one does.
        """
        if is_locked(self._lock(path)):
            raise _busy(path)

    def is_own(self, path: Path) -> bool:
        """Whether a folder that runs work in was made for them; else it is the user's."""
        return path.is_relative_to(self._root)

    def _lock(self, path: Path) -> Path:
        return self._snapshots / f"{self._key(path)}.lock"

    def _git_dir(self, path: Path) -> Path:
        return self._snapshots / f"{self._key(path)}.git"

    def _key(self, path: Path) -> str:
        if self.is_own(path):
            return path.name
        return f"in-place-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"


def _prepared(path: Path, snapshots: Snapshots, baseline: str, refs: Refs) -> Workspace:
    ignored = manifest(path, snapshots.unrecorded())
    blob = snapshots.store(encode(ignored)) if ignored else None
    refs_blob = snapshots.store(encoded(refs)) if refs else None
    return Workspace(path, baseline, snapshots, ignored, blob, refs=refs, refs_blob=refs_blob)


@contextmanager
def _made(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            "WORKSPACE_UNWRITABLE",
            f"the workspace {path} cannot be made: {error.strerror}",
            hint="check the folder's permissions and the disk's free space, or set --home",
        ) from error


def _busy(path: Path) -> StillRunningError:
    return StillRunningError(
        "WORKSPACE_BUSY",
        f"another run is working in {path}",
        hint="wait for it, or work on a copy instead: --source DIR",
    )


def branch(path: Path) -> str | None:
    """The branch that a workspace's own repository is on. Its configuration is never read."""
    head = path / ".git" / "HEAD"
    if head.parent.is_symlink() or head.is_symlink() or not head.is_file():
        return None
    try:
        text = head.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    prefix = "ref: refs/heads/"
    return text.removeprefix(prefix) if text.startswith(prefix) else None
