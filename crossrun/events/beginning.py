"""How a run begins: the queue and the workspace."""

from typing import Literal

from crossrun.events.base import BaseEvent
from crossrun.model.batches import BatchPlace
from crossrun.model.forecasts import Forecast, Shortfall
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Source


class RunStarted(BaseEvent, frozen=True):
    """The run exists.

    `retry_of` is the run whose request this one repeats, `resumed_from` the run that it continues
    in the agent's thread and in the workspace, with a `new_task` or the same one. `batch` is the
    row of a batch that it carries out. `imported_from` is the agent program whose session history
    the run was made from; crossrun did not start it.
    """

    request: RunRequest
    workspace: str
    crossrun_version: str
    executor_version: str | None = None
    retry_of: str | None = None
    resumed_from: str | None = None
    new_task: bool = False
    batch: BatchPlace | None = None
    imported_from: str | None = None


class SessionRead(BaseEvent, frozen=True):
    """The run was made from a task of a session that an agent program had recorded.

    `task` is the number of the task in the session, from 1. `branch`, `commit` and `version` (of
    the program) are those of the session. `reason` says why the task counts as it does; `teaches`:
    it shows that what was done worked.
    """

    session_id: str
    file: str
    task: int
    reason: str
    teaches: bool = False
    branch: str | None = None
    commit: str | None = None
    version: str | None = None


class RunQueued(BaseEvent, frozen=True):
    """The run waits because `limit` runs are active; `ahead` others are before it in the queue."""

    limit: int
    ahead: int


class RunDequeued(BaseEvent, frozen=True):
    """The run leaves the queue and begins."""


class CopyProgressed(BaseEvent, frozen=True):
    """How much of a large source has been copied so far.

    `total` is the number of files that it has, 0 while they are not counted yet.
    """

    files: int
    bytes: int
    total: int = 0


class SnapshotProgressed(BaseEvent, frozen=True):
    """The state of the workspace is being recorded; `files` of `total` files have been so far.

    `total` is 0 while it is not known yet.
    """

    files: int
    total: int = 0


class SourceCopied(BaseEvent, frozen=True):
    """What the workspace began with, where it came from, and what is missing or incomplete.

    `path` is a folder, an address or a run. `shared` are bytes whose blocks the file system shares
    with the source. `outward` are links that lead out of the workspace; `skipped` are paths that
    are not files, folders or links. `lost` names files whose copies lack something besides their
    content, and what, such as the owner. `staged`, `unstaged` and `untracked` count uncommitted
    files, which `clean` leaves out; `ignored` counts ignored files, of which `included` were
    copied. Of `submodules` and `lfs_pointers`, only what was checked out was copied; `filtered`
    files are copied in the form in which another filter stores them, such as encrypted.
    `repositories` are nested ones; those in `detached` were copied without their `.git`.
    `subfolder` is the folder below `path` that the user named. `operation` is what git is in the
    middle of, such as a rebase. A `partial` clone lacks objects. `redirected` are links into the
    source that lead into the copy now. `home` is a repository around the home folder, which was
    not copied.
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
    """The user's command that prepares workspaces of the project ran."""

    command: str
    exit_code: int | None
    output: str = ""
    duration_s: float | None = None


class WorkspacePrepared(BaseEvent, frozen=True):
    """The workspace is ready; changes are measured against `baseline` (a git tree id).

    `top_files` are names of files at its top that show what kind of project it is. `source` is
    where its files came from, and where changes are applied. `refs` is a blob in the workspace's
    snapshots with the branches, tags and stashes of the workspace's own repository. `names` are
    those of the files in the folder where the agent works; none if there are many.
    """

    path: str
    baseline: str
    top_files: tuple[str, ...] = ()
    source: Source | None = None
    refs: str | None = None
    names: tuple[str, ...] = ()


class ForecastMade(BaseEvent, frozen=True):
    """What earlier runs of the same kind of task let one expect of this one.

    Made before the agent starts, if there are five or more of them. `shortfalls` are limits of this
    run that most of them would have gone beyond.
    """

    forecast: Forecast
    shortfalls: tuple[Shortfall, ...] = ()
