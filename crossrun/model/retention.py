"""Which workspaces go and why: decided from values, without a look at the disk.

A workspace belongs to its newest run, and its age is that of this run. What the user has not got
back stays, unless the user says otherwise.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from crossrun.model.status import Status

DEFAULT_AGE = 30 * 86400.0
"""Seconds: the age from which workspaces go where nobody says anything about it."""


class RunLocation(NamedTuple):
    """Where a run worked."""

    id: str
    project_id: str
    workspace: str


class WorkspaceRun(NamedTuple):
    """A run in a workspace. `at` is when it ended, or began where it has no end.

    `has_source`: the workspace began as a copy of the user's files. `has_work`: it changed
    something, or that is not known. `applied`: all of the change was brought back. `cut_short`: an
    apply or undo of it was, and needs the recorded states. `has_commits`: it made commits,
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
    """A workspace with all that belongs to it, and the runs in it, the oldest first.

    `obstacle` is what keeps it from ever being removed. `size` in bytes; 0 where nobody measured.
    """

    runs: tuple[WorkspaceRun, ...]
    obstacle: str | None = None
    size: int = 0

    @property
    def newest(self) -> WorkspaceRun:
        """The run that it belongs to."""
        return self.runs[-1]

    def age(self, now: datetime) -> float:
        """Seconds since its newest run ended; none where the clock was set back since."""
        return max((now - datetime.fromisoformat(self.newest.at)).total_seconds(), 0.0)


class RetentionRules(NamedTuple):
    """What may go: all of it has to hold. None: that does not matter.

    `older_than` in seconds, `max_size` in bytes for all workspaces together. `force` gives up work
    that was not brought back; `spared` is a run whose workspace stays in any case.
    """

    older_than: float | None = None
    keep_last: int | None = None
    max_size: int | None = None
    project_id: str | None = None
    status: Status | None = None
    force: bool = False
    spared: str | None = None

    def or_default(self) -> "RetentionRules":
        """With an age where nothing says how much may go: never everything."""
        if self.older_than is self.keep_last is self.max_size is None:
            return self._replace(older_than=DEFAULT_AGE)
        return self


class CleanupPlan(NamedTuple):
    """The workspaces that go and those that stay though the rules would let them go, and why."""

    going: list[tuple[WorkspaceUsage, str]]
    kept: list[tuple[WorkspaceUsage, str]]

    @property
    def size(self) -> int:
        """Bytes that would be free."""
        return sum(usage.size for usage, _ in self.going)


def planned(usages: Sequence[WorkspaceUsage], rules: RetentionRules, now: datetime) -> CleanupPlan:
    """What goes by the rules, the largest first."""
    returned, commits = brought_back(usages), brought_back(usages, "commits_brought")
    matching = _matching(usages, rules, now)
    reasons = [(usage, _reason_to_stay(usage, returned, commits, rules)) for usage in matching]
    free = [usage for usage, reason in reasons if reason is None]
    why = _words(rules)
    return CleanupPlan(
        _largest_first((usage, why) for usage in _as_many_as_needed(free, usages, rules)),
        _largest_first((usage, reason) for usage, reason in reasons if reason is not None),
    )


def brought_back(
    usages: Iterable[WorkspaceUsage], what: Literal["applied", "commits_brought"] = "applied"
) -> set[str]:
    """The runs whose work is with the user: it was applied, or a clone with the same source was.

    Args:
        usages: all workspaces.
        what: which work: the files, or the commits.
    """
    usages = list(usages)
    place = {run.id: usage for usage in usages for run in usage.runs}
    found: set[str] = set()
    pending = [run.id for run in _all_runs(usages) if getattr(run, what)]
    while pending:
        run_id = pending.pop()
        if run_id in found:
            continue
        found.add(run_id)
        origin = place[run_id].runs[0] if run_id in place else None
        if origin is not None and origin.has_source and origin.cloned_from is not None:
            pending.append(origin.cloned_from)
    return found


def _matching(
    usages: Sequence[WorkspaceUsage], rules: RetentionRules, now: datetime
) -> list[WorkspaceUsage]:
    """Those that the rules name, the total size left aside."""
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
    """All, or only the oldest of them until what is left fits."""
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
    going_on = next((run for run in usage.runs if not run.ended), None)
    if going_on is not None:
        return f"{going_on.id} is {going_on.status}"
    if usage.obstacle is not None:
        return usage.obstacle
    if not rules.force and any(run.cut_short for run in usage.runs):
        return "an apply or undo was cut short"
    if not rules.force and _has_work_to_lose(usage, returned):
        return "its work was not applied"
    if not rules.force and has_commits_to_lose(usage, commits):
        return "it has commits that were not brought (apply --commits)"
    return None


def has_commits_to_lose(usage: WorkspaceUsage, brought: set[str]) -> bool:
    """Whether a run made commits after the last one whose commits were brought to the user.

    Args:
        usage: a workspace.
        brought: the runs whose commits were; see `brought_back`.
    """
    return any(run.has_commits for run in _after_last(usage, brought))


def _has_work_to_lose(usage: WorkspaceUsage, returned: set[str]) -> bool:
    """Whether a run with a source did something after the last one that was brought back."""
    if not any(run.has_source for run in usage.runs):
        return False
    return any(run.has_work for run in _after_last(usage, returned))


def _after_last(usage: WorkspaceUsage, returned: set[str]) -> Sequence[WorkspaceRun]:
    """The runs of a workspace after the last one whose work is with the user."""
    last = max((i for i, run in enumerate(usage.runs) if run.id in returned), default=-1)
    return usage.runs[last + 1 :]


def _words(rules: RetentionRules) -> str:
    said = []
    if rules.older_than is not None:
        said.append(f"over {_time(rules.older_than)}")
    if rules.keep_last:
        said.append(f"not of last {rules.keep_last}")
    if rules.max_size is not None:
        said.append("over size")
    return ", ".join(said)


def _time(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"


def _all_runs(usages: Iterable[WorkspaceUsage]) -> Iterable[WorkspaceRun]:
    return (run for usage in usages for run in usage.runs)


def _newest_first(usages: Iterable[WorkspaceUsage]) -> list[WorkspaceUsage]:
    return sorted(usages, key=lambda usage: (usage.newest.at, usage.newest.id), reverse=True)


def _largest_first(told: Iterable[tuple[WorkspaceUsage, str]]) -> list[tuple[WorkspaceUsage, str]]:
    return sorted(told, key=lambda item: (-item[0].size, item[0].newest.at, item[0].newest.id))
