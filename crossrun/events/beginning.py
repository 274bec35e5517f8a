"""How a run begins: its turn and its workspace."""

from typing import Literal

from crossrun.events.base import BaseEvent
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Source


class RunStarted(BaseEvent, frozen=True):
    """The run exists.

    `retry_of` is the run whose request this one repeats, `resumed_from` the run that it continues
    in the agent's thread and in the workspace, with a `new_task` or the same one.
    """

    request: RunRequest
    workspace: str
    crossrun_version: str
    executor_version: str | None = None
    retry_of: str | None = None
    resumed_from: str | None = None
    new_task: bool = False


class RunQueued(BaseEvent, frozen=True):
    """The run waits, because `limit` runs go on already; `ahead` others wait before it."""

    limit: int
    ahead: int


class RunDequeued(BaseEvent, frozen=True):
    """It is the run's turn: it begins."""


class CopyProgressed(BaseEvent, frozen=True):
    """So much of a large source is copied by now."""

    files: int
    bytes: int


class SnapshotProgressed(BaseEvent, frozen=True):
    """The state of the workspace is being recorded; so many files that are new are by now."""

    files: int


class SourceCopied(BaseEvent, frozen=True):
    """What the workspace began with, from where, and what of it is not there or not whole.

    `path` is a folder, an address or a run. `shared` are bytes whose blocks the file system shares
    with the source. `outward` are links that lead out of the workspace, `skipped` are no files.
    `lost` names files whose copies lack something besides content, and what: an owner, say.
    `staged`, `unstaged` and `untracked` count uncommitted files, which `clean` left out; `ignored`
    counts what git ignores, of which `included` files came along. Of `submodules` and
    `lfs_pointers` only what was checked out is there, and `filtered` files are as another filter
    stores them, such as encrypted. `repositories` lie further down; `detached`
    ones came without theirs. `subfolder` is the folder below `path` that the user named.
    `operation` is what git is in the middle of there, such as a rebase. A `partial` clone lacks
    objects. `redirected` are links into the source that lead into the copy now. `home` is a
    repository around the home folder, which was left behind.
    """

    kind: Literal["repository", "folder", "url", "run"]
    path: str
    files: int
    bytes: int
    shared: int = 0
    links: int = 0
    outward: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    branch: str | None = None
    commit: str | None = None
    staged: int = 0
    unstaged: int = 0
    untracked: int = 0
    clean: bool = False
    ignored: int = 0
    included: int = 0
    submodules: tuple[str, ...] = ()
    lfs_pointers: tuple[str, ...] = ()
    filtered: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    detached: tuple[str, ...] = ()
    shallow: bool = False
    subfolder: str = ""
    operation: str | None = None
    partial: bool = False
    redirected: tuple[str, ...] = ()
    home: str | None = None


class SetupRan(BaseEvent, frozen=True):
    """The user's own command that prepares a project's workspaces ran."""

    command: str
    exit_code: int | None
    output: str = ""
    duration_s: float | None = None


class WorkspacePrepared(BaseEvent, frozen=True):
    """The agent's folder is ready; changes are measured against `baseline` (a git tree id).

    `top_files` are the names of the files at its top, as far as they tell what kind of project it
    is. `source` is where its files came from, and where changes go back to. `refs` is a blob in the
    workspace's snapshots with the branches, tags and stashes of the workspace's own repository.
    """

    path: str
    baseline: str
    top_files: tuple[str, ...] = ()
    source: Source | None = None
    refs: str | None = None
