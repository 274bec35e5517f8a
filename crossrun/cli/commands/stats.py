"""`crossrun stats`: what takes up disk space, and what runs did and used."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from crossrun.cli.arguments import Json, OfProject
from crossrun.cli.globals import application, current
from crossrun.config.settings import Settings
from crossrun.errors import ConfigurationError
from crossrun.model.retention import planned
from crossrun.projections.documents import document
from crossrun.services.cleanup.after_runs import rules_of
from crossrun.services.cleanup.inventory import WITH_WORKSPACE, size_of, stored_runs, survey
from crossrun.services.cleanup.usage import CodexUsage, codex_usage, disk_usage
from crossrun.system.clock import utc
from crossrun.views.statistics import Figures, statistics

Days = Annotated[int, typer.Option(min=1, metavar="N", help="Count the runs of the last N days.")]


def stats(
    project_id: OfProject = None,
    days: Days = 30,
    json: Json = False,
) -> None:
    """Show what takes up disk space, what `cleanup` would free, and what runs did and used.

    Disk space is what the blocks of files take; a file with several names counts once. Costs are
    those that are known, in the currency of the price settings.

    \b
    Examples:
      crossrun stats
      crossrun stats --project-id thesis --days 7
      crossrun stats --json | jq .disk.total
    """
    options = current()
    app = options.open_app()
    stored = stored_runs(app.store.workspaces, app.settings.paths, WITH_WORKSPACE)
    disk = disk_usage(app.settings.paths, stored.locations)
    usages = survey(
        stored.runs,
        app.settings.paths,
        WITH_WORKSPACE,
        measure=lambda place: disk.sizes[place] if place in disk.sizes else size_of([place]),
        needed_by=stored.needed_by,
    )
    rules = rules_of(app.settings).or_default()._replace(project_id=project_id)
    now = datetime.now(UTC)
    figures = Figures(
        project_id=project_id,
        days=days,
        disk=disk,
        plan=planned(usages, rules, now),
        totals=app.store.totals(project_id=project_id, since=utc(now - timedelta(days=days))),
        codex=_codex_usage(app.settings),
    )
    if json:
        options.out.emit(document(_object(figures)))
    else:
        options.out.write(statistics(figures, options.out))


def _codex_usage(settings: Settings) -> CodexUsage | None:
    with suppress(ConfigurationError):  # there is no home folder
        return codex_usage(settings.codex_home)
    return None


def _object(figures: Figures) -> dict[str, Any]:
    disk, totals, codex = figures.disk, figures.totals, figures.codex
    return {
        "project_id": figures.project_id,
        "days": figures.days,
        "disk": {
            "projects": [
                {**project._asdict(), "total": project.total} for project in figures.projects
            ],
            "store": disk.store,
            "states": disk.states,
            "backups": disk.backups,
            "logs": disk.logs,
            "leftovers": disk.leftovers,
            "frozen": disk.frozen,
            "total": disk.total,
        },
        "cleanup": {
            "workspaces": len(figures.plan.going),
            "size": figures.plan.size,
            "kept": len(figures.plan.kept),
        },
        "runs": {
            "total": sum(figures.by_status.values()),
            "by_status": figures.by_status,
            "by_day": [{"day": day, **counts} for day, counts in totals.by_day.items()],
        },
        "tokens": {
            "input": totals.input,
            "cached_input": totals.cached_input,
            "output": totals.output,
        },
        "cost": totals.cost,
        "runs_without_cost": totals.unpriced,
        "patterns": {
            "stored": totals.patterns,
            "used": totals.patterns_used,
            "runs_with_pattern": totals.with_pattern,
        },
        "codex": codex and {**codex._asdict(), "home": str(codex.home)},
    }


stats_app = application("stats", stats)
