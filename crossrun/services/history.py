"""What the stored history of runs says. No model and no network."""

from msgspec import Struct

from crossrun.events import decode
from crossrun.insights.families import failing_family
from crossrun.insights.findings import (
    LEAST_RUNS,
    FailingCommand,
    HistoryFinding,
    command_use,
    failing_commands,
    failure_finding,
    left_over,
    returning_tasks,
    what_patterns_brought,
    where_time_goes,
)
from crossrun.memory.selection import QUICKSTART
from crossrun.model.queries import PatternFilter
from crossrun.model.workflows import Cure
from crossrun.patterns import Person
from crossrun.patterns.evaluation.kinds import KindsOfTasks
from crossrun.patterns.learning.redaction import EchoGuard, Scrub
from crossrun.patterns.learning.traces import material_of
from crossrun.store import Store

_RUNS_READ = 5
"""So many runs, the newest, are read for what repaired a failing command."""
_ACTS = ("agent_spoke", "command_ran", "file_changed")


class PastInsights(Struct, frozen=True):
    """What was found in `runs` finished runs; nothing with fewer than `needed`."""

    runs: int
    needed: int
    findings: tuple[HistoryFinding, ...]


def run_history(
    store: Store, *, project_id: str | None = None, since: str | None = None
) -> PastInsights:
    """What the runs of a project, or all except those of the quickstart, say.

    Args:
        store: the ledger.
        project_id: only runs of this project.
        since: only runs that began at this time or later (UTC).
    """
    without = None if project_id else QUICKSTART
    runs = store.history.runs(project_id=project_id, since=since, without=without)
    if len(runs) < LEAST_RUNS:
        return PastInsights(len(runs), LEAST_RUNS, ())
    order = {run.id: at for at, run in enumerate(runs)}
    use = command_use(store.history.commands(project_id=project_id, since=since, without=without))
    for each in use.failing.values():
        each.run_ids = dict.fromkeys(sorted(each.run_ids, key=lambda run_id: order[run_id]))
    kinds = KindsOfTasks()
    stored = {line.id for line in store.patterns.lines(PatternFilter(limit=-1))}
    findings = (
        *where_time_goes(runs, use),
        *(_with_cure(store, failing) for failing in failing_commands(use)),
        *returning_tasks(runs, {run.id: kinds.of(run.task_type, run.task) for run in runs}, stored),
        *what_patterns_brought(runs),
        *left_over(runs),
    )
    return PastInsights(len(runs), LEAST_RUNS, findings)


def _with_cure(store: Store, failing: FailingCommand) -> HistoryFinding:
    newest = list(reversed(failing.run_ids))[:_RUNS_READ]
    cures = (cure for run_id in newest for cure in reversed(_cures(store, run_id)))
    cure = next((each for each in cures if failing_family(each.failed) == failing.family), None)
    return failure_finding(
        failing, error=cure.error if cure else "", cured_by=cure.cured_by if cure else ""
    )


def _cures(store: Store, run_id: str) -> tuple[Cure, ...]:
    """What repaired failures in a run, as pattern memory sees it."""
    run = store.read.find(run_id)
    if run is None:
        return ()
    scrub = Scrub(Person(), run.workspace)
    events = ((each.seq, decode(each.body)) for each in store.read.events(run_id, types=_ACTS))
    return material_of(run_id, events, task=run.task, scrub=scrub, guard=EchoGuard(())).cures
