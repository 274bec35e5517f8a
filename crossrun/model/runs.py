"""A run and what became of it: plain frozen values without I/O."""

from msgspec import Struct

from crossrun.errors import Exit, UsageError
from crossrun.model.failures import Failure, exit_code_of
from crossrun.model.proof import Proof
from crossrun.model.status import Status
from crossrun.model.tokens import Tokens
from crossrun.system.clock import seconds_between

NO_VERDICT = ("cancelled", "interrupted")
NOT_THE_AGENTS = (
    "WORKSPACE_FAILED", "SETUP_FAILED", "STORE_FAILED", "INTERNAL", "REPLAY_DIVERGED",
    "AGENT_REFUSED",
)  # fmt: skip
ELSEWHERE = (Exit.AUTHENTICATION, Exit.PROVIDER)
"""Statuses, codes of failures and exit codes that say nothing about how well the agent did."""


class Change(Struct, frozen=True):
    """One file that differs from the state that the run began with.

    Line counts are None for binary files. If a name is not UTF-8, `path` shows the offending bytes
    as U+FFFD and `path_bytes` is the exact path, percent-encoded as in a URL; else it is None.
    """

    path: str
    status: str
    old_path: str | None = None
    insertions: int | None = None
    deletions: int | None = None
    path_bytes: str | None = None
    old_path_bytes: str | None = None


class IgnoredFiles(Struct, frozen=True):
    """Files ignored by git that the run wrote or deleted, except caches.

    `count` is the number of all of them; only the first are named. Their contents are in the
    workspace only. For a run in place, `kept` is the tree of those whose contents were saved before
    the run, as they are after it.
    """

    count: int = 0
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    kept: str | None = None


class RefChange(Struct, frozen=True):
    """A branch, tag or stash that a run made or moved in the repository of its workspace.

    `ref` is git's name for it: `refs/heads/main`, `refs/tags/v1`, `stash@{0}`, or `HEAD` for
    commits on no branch. `old` is its previous object; None if it is new. `commits` counts the
    commits that are neither in the state before nor in the references listed before it; None if
    unknown.
    """

    ref: str
    old: str | None
    new: str
    commits: int | None


class AppliedRef(Struct, frozen=True):
    """A branch or tag that was made for a reference `source` of a run, at the object `id`."""

    ref: str
    id: str
    source: str


class Verification(Struct, frozen=True):
    """The user's own check of a run. `exit_code` is None if it was ended from outside."""

    command: str
    exit_code: int | None


class Decided(Struct, frozen=True, kw_only=True):
    """What pattern memory did in a run; `probability` is the probability of that decision.

    `share_withheld` is the probability of withholding the pattern. `adherence` is the share of the
    pattern's steps that the agent followed, known at the end of the run. `folder` is where the
    pattern's files lay for the agent, `uptake` which of them its commands read or ran, `form` that
    of the block. `compiled`: its script ran in the place of the agent; `handed_over`: the script
    did not do as expected, and the agent took over. `with_check`: the user asked for a check of the
    run; None: not recorded.
    """

    decision: str
    pattern_id: str | None = None
    version: int | None = None
    probability: float | None = None
    reason: str = ""
    family_id: str | None = None
    hash: str | None = None
    channel: str = "none"
    share_withheld: float | None = None
    adherence: float | None = None
    compiled: bool = False
    handed_over: bool = False
    form: str | None = None
    folder: str | None = None
    uptake: tuple[str, ...] | None = None
    with_check: bool | None = None


class Source(Struct, frozen=True, kw_only=True):
    """Where the files of a workspace came from, and where changes are applied.

    `path` is a folder, or the address of a repository. `base` is the git tree of the files as they
    were copied, uncommitted work included, in the workspace's snapshots. `branch` and `commit` are
    those of the source at that time; `uncommitted` is the number of files that differed from the
    commit. A run `in_place` works in the folder itself. `manifest` is the blob, beside `base`, that
    lists the ignored files of the workspace. For a run in place, `kept_ignored` is the tree of
    ignored files whose contents were saved, and `git_state` the blob with HEAD, index, branches and
    stashes. The agent works in the `subfolder` of the workspace if the user named a folder within a
    repository. `links` are two trees of the links whose targets differ between copy and source: as
    they are in the copy, and in the source.
    """

    kind: str
    path: str
    base: str
    branch: str | None = None
    commit: str | None = None
    uncommitted: int = 0
    manifest: str | None = None
    kept_ignored: str | None = None
    git_state: str | None = None
    subfolder: str = ""
    links: tuple[str, str] | None = None


class Application(Struct, frozen=True, kw_only=True):
    """The record that the change of a run was applied.

    `path` is the folder that got it, `branch` the branch that was made instead of changing files.
    `before` and `after` are git trees in the workspace's snapshots, with the changed files, for an
    undo; for a branch, they are its parent and its commit. `refs` are the branches and tags that
    were made for the commits of the run; files and `before` do not matter then. Without
    `finished_at`, it may be incomplete. `ignored_left` counts ignored files that the run wrote and
    that were not applied.

    `undo_before` and `undo_after` are the trees of the files that an undo changes. With them and
    without `undone_at`, an undo is under way or was interrupted. `left_out` are the paths that the
    target did not get because of conflicts. `part` is the state that was applied, if it is only a
    part of the change.
    """

    id: str
    run_id: str
    at: str
    path: str
    branch: str | None = None
    files: int = 0
    before: str | None = None
    after: str | None = None
    finished_at: str | None = None
    undone_at: str | None = None
    ignored_left: int | None = None
    undo_before: str | None = None
    undo_after: str | None = None
    left_out: tuple[str, ...] = ()
    refs: tuple[AppliedRef, ...] = ()
    part: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether a folder has the change, or a part of it."""
        return self.branch is None and not self.refs and self.undone_at is None

    @property
    def was_cut_short(self) -> bool:
        """Whether the application or its undo has begun and not ended."""
        return self.is_live and (self.finished_at is None or self.undo_after is not None)


class ApplyOutcome(Struct, frozen=True, kw_only=True):
    """What became of the change of a run that was to be applied as soon as it succeeded.

    `path` is the folder, and `branch` the branch if one was asked for. `application_id` names the
    record of the application; None: nothing was changed, because of `conflicts`, because of the
    `problem` to which `hint` is the remedy, or because there was nothing to apply. `files` counts
    the files that were changed.
    """

    path: str
    branch: str | None = None
    application_id: str | None = None
    files: int = 0
    conflicts: tuple[str, ...] = ()
    problem: str | None = None
    hint: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the folder or the branch has the change."""
        return not self.conflicts and self.problem is None


class Run(Struct, frozen=True, kw_only=True):
    """A run as recorded in the ledger. None means unknown (so far), never zero or empty.

    `cost` is in the currency of the price settings. `ignored_files` counts the ignored files that
    the run wrote or deleted. `batch_row` is the number of the row of a batch that the run carries
    out, `batch_attempt` counts the runs of that row from 1. `template` is the name of the template
    that it was started with. `imported_from` is the agent program whose session history the run was
    made from. `tags` and `note` are the user's: they can be changed after the run has begun.
    `applied` is what became of `--apply`; None: it was not given, or the run did not succeed.

    Times are ISO-8601 in UTC, as stored with the events. `duration_s` is measured by the monotonic
    clock; None if the run has no end or was not measured.
    """

    id: str
    project_id: str
    name: str | None
    task: str
    task_type: str
    tags: tuple[str, ...]
    status: Status
    exit_code: int | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    workspace: str
    executor: str
    planner: str
    model: str | None
    planner_model: str | None
    executor_version: str | None
    crossrun_version: str
    thread_id: str | None = None
    from_run_id: str | None = None
    reference_run_id: str | None = None
    retry_of: str | None = None
    resumed_from: str | None = None
    tokens: Tokens | None = None
    cost: float | None = None
    answer: str | None = None
    failure: Failure | None = None
    branch: str | None = None
    changes: tuple[Change, ...] | None = None
    verify: Verification | None = None
    redactions: int = 0
    pattern: Decided | None = None
    learned_pattern_id: str | None = None
    turns: int = 0
    commands: int = 0
    failed_commands: int = 0
    source: Source | None = None
    ignored_files: int | None = None
    duration_s: float | None = None
    commits: tuple[RefChange, ...] | None = None
    proof: Proof | None = None
    batch_id: str | None = None
    batch_row: int | None = None
    batch_attempt: int | None = None
    template: str | None = None
    imported_from: str | None = None
    note: str | None = None
    applied: ApplyOutcome | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen in the run."""
        return self.ended_at is not None

    @property
    def is_conclusive(self) -> bool:
        """Whether it shows how well the agent did: it ended, and not for reasons outside of it."""
        if not self.ended or self.status in NO_VERDICT:
            return False
        if self.failure is None:
            return True
        code = self.failure.code
        return code not in NOT_THE_AGENTS and exit_code_of(self.failure) not in ELSEWHERE

    @property
    def seconds(self) -> float | None:
        """How long it took: as measured, or else by its times; None before its end."""
        measured = self.duration_s
        return seconds_between(self.started_at, self.ended_at) if measured is None else measured


def require_own_files(run: Run) -> None:
    """Makes sure that the files of a run are crossrun's.

    The folder of an imported run is the user's own: it is neither read nor written.

    Raises:
        UsageError: the run was imported.
    """
    if run.imported_from is not None:
        raise UsageError(
            "RUN_IMPORTED",
            f"run {run.id} was imported from {run.imported_from}: crossrun has none of its files",
            hint=f"see what the agent did: crossrun steps {run.id}",
        )


class Artifact(Struct, frozen=True):
    """A file of a run that is kept outside its workspace. `size` is in bytes, as stored."""

    id: str
    run_id: str
    kind: str
    name: str
    path: str
    size: int
    sha256: str
    created_at: str


class Project(Struct, frozen=True):
    """A name that groups runs. A project is created by its first run.

    `setup` is the user's own command that prepares its workspaces. `notify` names the channels that
    announce the end of its runs, separated by commas; None: those of the settings.
    """

    id: str
    task_type: str | None
    setup: str | None
    created_at: str
    runs: int
    last_run_at: str | None
    notify: str | None = None
