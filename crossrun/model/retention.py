"""Which workspaces are removed and why: decided from values, without access to the disk.

A workspace belongs to its newest run and has the age of that run. Work that was not applied stays,
unless the user forces its removal.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from crossrun.model.status import Status

DEFAULT_AGE = 30 * 86400.0
"""Seconds: the age from which workspaces are removed by default."""


class RunLocation(NamedTuple):
    """Where a run worked."""

    id: str
    project_id: str
    workspace: str


class WorkspaceRun(NamedTuple):
    """A run in a workspace. `at` is when it ended, or when it began if it has no end.

    `has_source`: the workspace began as a copy of the user's files. `has_work`: it changed
    something, or that is unknown. `applied`: all of the change was applied. `cut_short`: an apply
    or undo of it was interrupted and needs the recorded states. `has_commits`: it made commits,
    branches, tags or stashes in the workspace's own repository; `commits_brought`: they are in a
    repository of the user's. `cloned_from` is the run whose workspace was cloned for this one.
    """

    id: str
    project_id: str
    workspace: str
    status: Status
    at: str
    task: str = ""
    has_source: bool = False
    in_place: bool = False
    has_work: bool = False
    applied: bool = False
    cut_short: bool = False
    has_commits: bool = False
    commits_brought: bool = False
    cloned_from: str | None = None
    ended: bool = True


class WorkspaceUsage(NamedTuple):
    """A workspace with everything that belongs to it, and the runs in it, the oldest first.

    `obstacle` is why it can never be removed. `size` is in bytes; 0 if it was not measured.
    `needed_by` is a batch that has not ended, a row of which begins with a copy of it.
    """

    runs: tuple[WorkspaceRun, ...]
    obstacle: str | None = None
    size: int = 0
    needed_by: str | None = None

    @property
    def newest(self) -> WorkspaceRun:
        """The run that it belongs to."""
        return self.runs[-1]

    def age(self, now: datetime) -> float:
        """Seconds since its newest run ended; 0 if the clock was set back since."""
        return _age(self.newest.at, now)


class FrozenUsage(NamedTuple):
    """What a batch froze to begin its runs with. `size` is in bytes.

    `ended_at` is None while the batch has not been ended: it needs the copies to be continued.
    """

    batch_id: str
    ended_at: str | None
    size: int = 0


class RetentionRules(NamedTuple):
    """What may be removed: all conditions have to hold; None sets none.

    `older_than` is in seconds, `max_size` in bytes for all workspaces together. `force` gives up
    work that was not applied; `spared` is a run whose workspace stays in any case.
    """

    older_than: float | None = None
    keep_last: int | None = None
    max_size: int | None = None
    project_id: str | None = None
    status: Status | None = None
    force: bool = False
    spared: str | None = None

    def or_default(self) -> "RetentionRules":
        """With the default age if nothing limits the removal: never everything."""
        if self.older_than is self.keep_last is self.max_size is None:
            return self._replace(older_than=DEFAULT_AGE)
        return self


class CleanupPlan(NamedTuple):
    """The workspaces to remove, and those that match the rules but stay; each with the reason."""

    going: list[tuple[WorkspaceUsage, str]]
    kept: list[tuple[WorkspaceUsage, str]]

    @property
    def size(self) -> int:
        """Bytes that would be freed."""
        return sum(usage.size for usage, _ in self.going)


def planned(usages: Sequence[WorkspaceUsage], rules: RetentionRules, now: datetime) -> CleanupPlan:
    """What the rules remove, the largest first."""
    returned, commits = brought_back(usages), brought_back(usages, "commits_brought")
    matching = _matching(usages, rules, now)
    reasons = [(usage, _reason_to_stay(usage, returned, commits, rules)) for usage in matching]
    free = [usage for usage, reason in reasons if reason is None]
    why = _words(rules)
    return CleanupPlan(
        _largest_first((usage, why) for usage in _as_many_as_needed(free, usages, rules)),
        _largest_first((usage, reason) for usage, reason in reasons if reason is not None),
    )


def unneeded(
    frozen: Iterable[FrozenUsage], rules: RetentionRules, now: datetime
) -> list[FrozenUsage]:
    """What the rules remove of frozen copies: those of batches that ended long enough ago.

    They belong to no run, so rules for certain runs remove none of them.
    """
    if rules.project_id is not None or rules.status is not None:
        return []
    return [
        usage
        for usage in frozen
        if usage.ended_at is not None
        and (now - datetime.fromisoformat(usage.ended_at)).total_seconds()
        >= (rules.older_than or 0)
    ]


def brought_back(
    usages: Iterable[WorkspaceUsage], what: Literal["applied", "commits_brought"] = "applied"
) -> set[str]:
    """The runs whose work the user has: it was applied, or a clone with the same source was.

    Args:
        usages: all workspaces.
        what: which work: the files, or the commits.
    """
    usages = list(usages)
    place = {run.id: usage for usage in usages for run in usage.runs}
    returned: set[str] = set()
    pending = [run.id for run in _all_runs(usages) if getattr(run, what)]
    while pending:
        run_id = pending.pop()
        if run_id in returned:
            continue
        returned.add(run_id)
        origin = place[run_id].runs[0] if run_id in place else None
        if origin is not None and origin.has_source and origin.cloned_from is not None:
            pending.append(origin.cloned_from)
    return returned


def _matching(
    usages: Sequence[WorkspaceUsage], rules: RetentionRules, now: datetime
) -> list[WorkspaceUsage]:
    """Those that match the rules, except the total size."""
    newest = _newest_of_projects(usages, rules.keep_last or 0)
    return [
        usage
        for usage in usages
        if usage.newest.id not in newest
        and usage.newest.id != rules.spared
        and rules.project_id in (None, usage.newest.project_id)
        and rules.status in (None, usage.newest.status)
        and (rules.older_than is None or usage.age(now) >= rules.older_than)
    ]


def _newest_of_projects(usages: Iterable[WorkspaceUsage], count: int) -> set[str]:
    seen: dict[str, list[str]] = {}
    for usage in _newest_first(usages):
        seen.setdefault(usage.newest.project_id, []).append(usage.newest.id)
    return {run_id for ids in seen.values() for run_id in ids[:count]}


def _as_many_as_needed(
    free: Iterable[WorkspaceUsage], usages: Iterable[WorkspaceUsage], rules: RetentionRules
) -> list[WorkspaceUsage]:
    """All, or only as many of the oldest as it takes to fit `max_size`."""
    if rules.max_size is None:
        return list(free)
    total = sum(usage.size for usage in usages)
    going = []
    for usage in reversed(_newest_first(free)):
        if total <= rules.max_size:
            break
        total -= usage.size
        going.append(usage)
    return going


def _reason_to_stay(
    usage: WorkspaceUsage, returned: set[str], commits: set[str], rules: RetentionRules
) -> str | None:
    if any(run.in_place for run in usage.runs):
        return "your own folder"
    active = next((run for run in usage.runs if not run.ended), None)
    if active is not None:
        return f"{active.id} is {active.status}"
    if usage.obstacle is not None:
        return usage.obstacle
    if usage.needed_by is not None:
        return f"the batch {usage.needed_by} needs it"
    if not rules.force and any(run.cut_short for run in usage.runs):
        return "an apply or undo was interrupted"
    if not rules.force and _has_work_to_lose(usage, returned):
        return "its work was not applied"
    if not rules.force and has_commits_to_lose(usage, commits):
        return "its commits were not applied (apply --commits)"
    return None


def has_commits_to_lose(usage: WorkspaceUsage, applied: set[str]) -> bool:
    """Whether a run made commits after the last one whose commits the user has.

    Args:
        usage: a workspace.
        applied: the runs whose commits were applied; see `brought_back`.
    """
    return any(run.has_commits for run in _after_last(usage, applied))


def _has_work_to_lose(usage: WorkspaceUsage, returned: set[str]) -> bool:
    """Whether a run with a source changed something after the last one that was applied."""
    if not any(run.has_source for run in usage.runs):
        return False
    return any(run.has_work for run in _after_last(usage, returned))


def _after_last(usage: WorkspaceUsage, returned: set[str]) -> Sequence[WorkspaceRun]:
    """The runs of a workspace after the last one whose work the user has."""
    last = max((i for i, run in enumerate(usage.runs) if run.id in returned), default=-1)
    return usage.runs[last + 1 :]


def _words(rules: RetentionRules) -> str:
    conditions = []
    if rules.older_than:
        conditions.append(f"older than {_time(rules.older_than)}")
    if rules.keep_last:
        conditions.append(f"not one of the last {rules.keep_last}")
    if rules.max_size is not None:
        conditions.append("over the size limit")
    return ", ".join(conditions) or "ended"


def _age(at: str, now: datetime) -> float:
    return max((now - datetime.fromisoformat(at)).total_seconds(), 0.0)


def _time(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"


def _all_runs(usages: Iterable[WorkspaceUsage]) -> Iterable[WorkspaceRun]:
    return (run for usage in usages for run in usage.runs)


def _newest_first(usages: Iterable[WorkspaceUsage]) -> list[WorkspaceUsage]:
    return sorted(usages, key=lambda usage: (usage.newest.at, usage.newest.id), reverse=True)


def _largest_first(items: Iterable[tuple[WorkspaceUsage, str]]) -> list[tuple[WorkspaceUsage, str]]:
    return sorted(items, key=lambda item: (-item[0].size, item[0].newest.at, item[0].newest.id))
