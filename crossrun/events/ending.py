"""What follows the work, and the end."""

from crossrun.events.base import BaseEvent
from crossrun.model.failures import Failure
from crossrun.model.runs import Change, IgnoredFiles, RefChange
from crossrun.model.status import Status


class Verified(BaseEvent, frozen=True):
    """The user's own check ran in the workspace."""

    command: str
    exit_code: int | None
    output: str = ""


class WorkspaceChanged(BaseEvent, frozen=True):
    """What differs from the baseline, measured from outside. `tree` is the state after the run.

    `ignored` are files that git ignores, which are not in that state; None: nobody looked.
    `commits` are the branches, tags and stashes of the workspace's own repository that the run made
    or moved. `refs` is a blob in the workspace's snapshots with all that the repository has after
    the run; None: it has none.
    `git_state` is the blob with the state of the user's own repository after a run in place.
    `kept_folders` are those from which files went and that are still there themselves.
    """

    tree: str
    changes: tuple[Change, ...]
    shortstat: str
    stat: str
    branch: str | None = None
    ignored: IgnoredFiles | None = None
    commits: tuple[RefChange, ...] = ()
    refs: str | None = None
    git_state: str | None = None
    kept_folders: tuple[str, ...] = ()


class ArtifactSaved(BaseEvent, frozen=True):
    """A file was kept for later, outside the workspace. `redactions`: secrets removed from it."""

    id: str
    kind: str
    name: str
    path: str
    size: int
    sha256: str
    redactions: int = 0


class CancelRequested(BaseEvent, frozen=True):
    """Somebody asked the run to stop; `by` names the signal or command."""

    by: str


class RunFinished(BaseEvent, frozen=True):
    """The end. `redactions` counts the secrets removed from the run's events.

    `duration_s` is how long the run took, in seconds of a clock that nobody can set and that stands
    still while the computer sleeps. None: it never began, or its process was gone before its end.
    """

    status: Status
    failure: Failure | None = None
    redactions: int = 0
    duration_s: float | None = None
