"""What follows the agent's work, and the end of the run."""

from crossrun.events.base import BaseEvent
from crossrun.model.failures import Failure
from crossrun.model.proof import ProofFinding
from crossrun.model.runs import ApplyOutcome, Change, IgnoredFiles, RefChange
from crossrun.model.status import Status


class Verified(BaseEvent, frozen=True):
    """The user's check (`--verify`) ran in the workspace."""

    command: str
    exit_code: int | None
    output: str = ""


class ProofAssessed(BaseEvent, frozen=True):
    """What the ledger shows about the run; see `model.proof.Proof`."""

    grade: str
    findings: tuple[ProofFinding, ...] = ()


class WorkspaceChanged(BaseEvent, frozen=True):
    """What differs from the baseline, measured from outside. `tree` is the state after the run.

    `ignored` are the ignored files that the run wrote, which are not in that state; None: not
    measured. `commits` are the branches, tags and stashes of the workspace's own repository that
    the run made or moved. `refs` is a blob in the workspace's snapshots with all references of the
    repository after the run; None: there are none. `git_state` is the blob with the state of the
    user's own repository after a run in place. `kept_folders` are folders that lost files and still
    exist.
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
    """A file was saved outside the workspace. `redactions` counts the secrets removed from it."""

    id: str
    kind: str
    name: str
    path: str
    size: int
    sha256: str
    redactions: int = 0


class CancelRequested(BaseEvent, frozen=True):
    """The run was asked to stop; `by` names the signal or command."""

    by: str


class ApplyFinished(BaseEvent, frozen=True):
    """The change was applied because the run succeeded, or could not be."""

    outcome: ApplyOutcome


class RunFinished(BaseEvent, frozen=True):
    """The end. `redactions` counts the secrets removed from the run's events.

    `duration_s` is how long the run took, in seconds of the monotonic clock, which stands still
    while the computer sleeps. None: it never began, or its process died before the end. Of an
    imported run, it is the time of its turns by the clock of the session.
    """

    status: Status
    failure: Failure | None = None
    redactions: int = 0
    duration_s: float | None = None
