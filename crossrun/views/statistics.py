"""Disk, runs, tokens and patterns on one screen."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from crossrun.model.retention import CleanupPlan
from crossrun.model.status import Status
from crossrun.services.cleanup.usage import CodexUsage, DiskUsage, ProjectUsage
from crossrun.store.statistics import Totals
from crossrun.views.terminal import Column, Terminal, table
from crossrun.views.words import count, disk_size, first_line, plural, status_style

_LONGEST_BAR = 40
_MOST_DAYS = 14


class Figures(NamedTuple):
    """Everything that `stats` shows; figures of runs are for the last `days` days."""

    project_id: str | None
    days: int
    disk: DiskUsage
    plan: CleanupPlan
    totals: Totals
    codex: CodexUsage | None

    @property
    def projects(self) -> list[ProjectUsage]:
        """The disk usage of the requested projects."""
        wanted = self.project_id
        return [project for project in self.disk.projects if wanted in (None, project.project_id)]

    @property
    def by_status(self) -> dict[str, int]:
        """The number of runs by status."""
        days = self.totals.by_day.values()
        statuses = dict.fromkeys([*map(str, Status), *(status for day in days for status in day)])
        counts = {status: sum(day.get(status, 0) for day in days) for status in statuses}
        return {status: number for status, number in counts.items() if number}


def statistics(figures: Figures, terminal: Terminal) -> Iterator[str]:
    """The whole screen."""
    yield from _disk(figures, terminal)
    yield ""
    yield from _runs(figures, terminal)
    if figures.codex is not None:
        codex = figures.codex
        sessions = f"{disk_size(codex.sessions)} in {plural(codex.session_files, 'session file')}"
        yield ""
        yield _fact("codex", f"{disk_size(codex.total)}, {sessions}", terminal)
        yield _fact("", f"{codex.home}, which crossrun does not change", terminal)


def _disk(figures: Figures, terminal: Terminal) -> Iterator[str]:
    columns = [
        Column("PROJECT", style="bold", flexible=True),
        Column("WORKSPACES", align="right"),
        Column("SNAPSHOTS", align="right"),
        Column("ARTIFACTS", align="right"),
        Column("TOTAL", align="right"),
    ]
    rows = [_project_row(project) for project in figures.projects]
    if rows:
        yield from table(columns, rows, terminal)
        yield ""
    disk = figures.disk
    shared = [("store", disk.store), ("states", disk.states)]
    rest = [("backups", disk.backups), ("logs", disk.logs)]
    unusual = [("frozen sources", disk.frozen), ("leftovers", disk.leftovers)]
    yield _fact("disk", f"{disk_size(disk.total)} in all", terminal)
    yield _fact("", _sizes(shared), terminal)
    yield _fact("", _sizes(rest), terminal)
    if any(size for _, size in unusual):
        yield _fact("", _sizes(part for part in unusual if part[1]), terminal)
    yield _fact("cleanup", _cleanup(figures.plan), terminal)


def _sizes(parts: Iterable[tuple[str, int]]) -> str:
    return " · ".join(f"{name} {disk_size(size)}" for name, size in parts)


def _project_row(project: ProjectUsage) -> list[str]:
    name = "(no known run)" if project.project_id is None else first_line(project.project_id)
    sizes = (project.workspaces, project.snapshots, project.artifacts, project.total)
    return [name, *(disk_size(size) for size in sizes)]


def _cleanup(plan: CleanupPlan) -> str:
    rest = f", {len(plan.kept)} kept" if plan.kept else ""
    if not plan.going:
        return f"nothing to remove{rest}"
    workspaces = plural(len(plan.going), "workspace")
    return f"would free {disk_size(plan.size)} of {workspaces}{rest}: crossrun cleanup --dry-run"


def _runs(figures: Figures, terminal: Terminal) -> Iterator[str]:
    totals = figures.totals
    statuses = [
        terminal.style(f"{number} {status.replace('_', ' ')}", status_style(Status(status)))
        for status, number in figures.by_status.items()
    ]
    days = "today" if figures.days == 1 else f"in {figures.days} days"
    yield _fact("runs", " · ".join(statuses) or f"none {days}", terminal)
    yield from _days(totals.by_day, terminal)
    if totals.input or totals.output:
        detail = f"{count(totals.input)} in ({count(totals.cached_input)} cached)"
        yield _fact("tokens", f"{detail}, {count(totals.output)} out", terminal)
        yield _fact("cost", _cost(totals), terminal)
    states = " · ".join(f"{number} {state}" for state, number in totals.patterns.items())
    if states:
        yield _fact("patterns", states, terminal)
    if totals.with_pattern:
        detail = plural(totals.with_pattern, "run")
        yield _fact("", f"{totals.patterns_used} in use, {detail} got one {days}", terminal)


def _days(by_day: Mapping[str, Mapping[str, int]], terminal: Terminal) -> Iterator[str]:
    newest = list(by_day.items())[-_MOST_DAYS:]
    most = max((sum(counts.values()) for _, counts in newest), default=0)
    room = min(_LONGEST_BAR, terminal.width - 32)
    for day, counts in newest:
        total, good = sum(counts.values()), counts.get(Status.SUCCEEDED, 0)
        scale = min(1.0, room / most)
        bar = terminal.style("─" * round(good * scale), "good")
        bar += terminal.style("─" * (max(round(total * scale), 1) - round(good * scale)), "bad")
        yield _fact("", f"{day}  {total:>4}  {bar}", terminal)


def _cost(totals: Totals) -> str:
    if totals.cost is None:
        return "not known: no prices are set"
    cost = f"{totals.cost:.4g}"
    return f"{cost}, without {plural(totals.unpriced, 'run')}" if totals.unpriced else cost


def _fact(name: str, text: str, terminal: Terminal) -> str:
    return f"{terminal.style(f'{name:<9}', 'dim')} {text}"
