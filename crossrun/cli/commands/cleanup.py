"""`crossrun cleanup`: removes workspaces, and never more than the user saw and agreed to."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from crossrun.cli.arguments import Json, OfProject
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.parsing import Parsed
from crossrun.config.settings import Paths
from crossrun.config.values import duration, one_of, size
from crossrun.errors import ConfigurationError
from crossrun.model.retention import RetentionRules, WorkspaceUsage
from crossrun.model.status import Status
from crossrun.projections.documents import document
from crossrun.services.app import App
from crossrun.services.cleanup.after_runs import rules_of
from crossrun.services.cleanup.inventory import StoredRuns, measuring
from crossrun.services.cleanup.removal import (
    CleanupFindings,
    CleanupRequest,
    CleanupResult,
    find,
    read_runs,
    remove_found,
)
from crossrun.services.references import remove_unused_references
from crossrun.store import Store
from crossrun.views.disk import Ticker, usage_table
from crossrun.views.words import disk_size, plural
from crossrun.workspace.files.guarded import ManagedPath

OlderThan = Annotated[
    float | None,
    typer.Option(
        metavar="TIME",
        click_type=Parsed(duration),
        help="Only those whose newest run ended at least this long ago: 7d.",
    ),
]
KeepLast = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Keep the newest N of each project.")
]
MaxSize = Annotated[
    int | None,
    typer.Option(
        metavar="SIZE",
        click_type=Parsed(size),
        help="Only the oldest, until the rest takes no more than this: 5GB.",
    ),
]
StatusName = Annotated[
    Status | None,
    typer.Option(
        metavar="STATUS",
        click_type=Parsed(one_of(*Status)),
        help=f"Only those with this status: {', '.join(Status)}.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Also those whose changes were not applied to your files.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be removed; remove nothing.")
]
DropArtifacts = Annotated[
    bool,
    typer.Option(
        "--drop-artifacts/--keep-artifacts", help="Also remove transcripts, patches, reports."
    ),
]
DropRecord = Annotated[
    bool,
    typer.Option(
        "--drop-record/--keep-record",
        help="Also remove the runs from the ledger, with their artifacts.",
    ),
]
Orphans = Annotated[
    bool, typer.Option("--orphans", help="Also folders of runs that are not in the ledger.")
]


def cleanup(
    older_than: OlderThan = None,
    keep_last: KeepLast = None,
    max_size: MaxSize = None,
    status: StatusName = None,
    project_id: OfProject = None,
    force: Force = False,
    dry_run: DryRun = False,
    drop_artifacts: DropArtifacts = False,
    drop_record: DropRecord = False,
    orphans: Orphans = False,
    json: Json = False,
) -> None:
    """Remove workspaces that are no longer needed, with their snapshots and logs.

    It shows what would be removed, asks, and removes it. Each option narrows the choice. Without an
    age, a number or a size, the settings under cleanup apply, or else an age of 30 days.

    Active runs and folders given with --workspace are never removed. Work on a copy of your files
    stays until it is applied, unless you give --force. The ledger, artifacts and learned patterns
    stay unless you say otherwise.

    \b
    Examples:
      crossrun cleanup --dry-run
      crossrun cleanup --older-than 7d --keep-last 3
      crossrun cleanup --max-size 5GB --yes
      crossrun cleanup --status failed --older-than 1d --drop-record
    """
    options = current()
    app = options.app()
    given = RetentionRules(older_than=older_than, keep_last=keep_last, max_size=max_size)
    rules = given if given != RetentionRules() else rules_of(app.settings)
    rules = rules.or_default()._replace(status=status, project_id=project_id, force=force)
    request = CleanupRequest(rules, drop_artifacts, drop_record, orphans)
    act = _dry_run if dry_run else _remove
    act(app, request, options, json=json)


def _dry_run(app: App, request: CleanupRequest, options: Globals, *, json: bool) -> None:
    stored = app.store.read_workspaces_untraced(
        lambda reader: read_runs(reader, app.settings.paths, request)
    )
    findings = _find(stored, app.settings.paths, request, options)
    if json:
        options.out.emit(document({"dry_run": True, **_object(findings, request), "freed": None}))
        return
    _show(findings, request, options)
    if findings.count(request):
        options.say("", "nothing was removed; to remove these, leave out --dry-run")


def _remove(app: App, request: CleanupRequest, options: Globals, *, json: bool) -> None:
    app.open_for_reading()
    _recover(app, options)
    result = CleanupResult([], [], [], 0)
    stored = read_runs(app.store.workspaces, app.settings.paths, request)
    findings = _find(stored, app.settings.paths, request, options)
    if not json:
        _show(findings, request, options)
    if findings.count(request):
        options.confirm(
            f"Remove {_counted(findings, request)}?",
            hint="use --yes, or look first with --dry-run",
            declined="nothing was removed",
        )
        result = _remove_found(app, request, findings, options)
    references = remove_unused_references(app.store, app.settings.paths)
    if references and not json:
        options.say(
            f"removed the files of patterns that no run uses: {plural(references, 'folder')}"
        )
    _compact(app.store, options)
    if json and not result.failures:
        output = {"dry_run": False, **_object(findings, request), "freed": result.freed}
        removed = [usage.newest.id for usage in result.removed]
        options.out.emit(document({**output, "removed": removed}))
    if result.removed or result.freed:
        options.say(f"{disk_size(result.freed)} freed")
    for usage in result.in_use:
        options.say(f"{usage.newest.id} was kept: it is in use by another run or command")
    _raise_first(result)


def _recover(app: App, options: Globals) -> None:
    """Finishes interrupted applies, as long as their workspaces still exist."""
    if not app.store.read.cut_short():
        return
    from crossrun.services.applying import recover_all
    from crossrun.views.applying import recovered

    options.say(*recovered(recover_all(app.store, app.workspaces), options.err))


def _find(
    stored: StoredRuns, paths: Paths, request: CleanupRequest, options: Globals
) -> CleanupFindings:
    """Looks at everything, and shows progress."""
    ticker, measure, looked_at = Ticker(options.err, quiet=options.quiet), measuring(), [0, 0]

    def measured(place: ManagedPath) -> int:
        ticker.show(f"looking · {plural(looked_at[0], 'folder')} · {disk_size(looked_at[1])}")
        size_of_place = measure(place)
        looked_at[:] = looked_at[0] + 1, looked_at[1] + size_of_place
        return size_of_place

    findings = find(stored, paths, request, measured)
    ticker.clear()
    return findings


def _remove_found(
    app: App, request: CleanupRequest, findings: CleanupFindings, options: Globals
) -> CleanupResult:
    ticker, count = Ticker(options.err, quiet=options.quiet), len(findings.plan.going)
    result = remove_found(
        app.store,
        app.settings.paths,
        request,
        findings,
        lambda number, freed: ticker.show(
            f"removing · {number + 1} of {count} · {disk_size(freed)} of"
            f" {disk_size(findings.size(request))} free"
        ),
    )
    ticker.clear()
    return result


def _compact(store: Store, options: Globals) -> None:
    """Compacts the store. A failure is only a note, since the workspaces are removed."""
    try:
        note = store.compact()
    except ConfigurationError as error:
        note = error.message
    if note:
        options.say(f"note: the store keeps unused space: {note}")


def _show(findings: CleanupFindings, request: CleanupRequest, options: Globals) -> None:
    out = options.out
    if findings.plan.going:
        out.write(usage_table(findings.plan.going, "WHY", out))
    if findings.plan.kept:
        if findings.plan.going:
            out.write([""])
        out.write(usage_table(findings.plan.kept, "KEPT BECAUSE", out))
    others = [
        f"{_counted(findings, request)} in all" if findings.count(request) else "nothing to remove"
    ]
    if findings.leftovers:
        leftovers = plural(len(findings.leftovers), "leftover")
        others.insert(
            0,
            f"{leftovers} of interrupted copies and removals, {disk_size(findings.leftover_size)}",
        )
    if findings.frozen:
        sources = plural(len(findings.frozen), "frozen source")
        others.insert(0, f"{sources} of batches that have ended, {disk_size(findings.frozen_size)}")
    if findings.orphans:
        size_of_all = disk_size(sum(orphan.size for orphan in findings.orphans))
        runs = plural(len(findings.orphans), "run")
        what = "removed too" if request.unknown else "kept; to remove them, add --orphans"
        others.insert(0, f"folders of {runs} that are not in this ledger, {size_of_all}: {what}")
    gap = [""] if findings.plan.going or findings.plan.kept else []
    options.say(*gap, *others)


def _counted(findings: CleanupFindings, request: CleanupRequest) -> str:
    parts = [plural(len(findings.plan.going), "workspace")]
    if findings.leftovers:
        parts.append(plural(len(findings.leftovers), "leftover"))
    if findings.frozen:
        parts.append(plural(len(findings.frozen), "frozen source"))
    if request.unknown and findings.orphans:
        parts.append(plural(len(findings.orphans), "unknown run"))
    also = " with artifacts and records" if request.dropping_records else ""
    also = also or (" with artifacts" if request.dropping_artifacts else "")
    return f"{', '.join(parts)}{also}, {disk_size(findings.size(request))}"


def _object(findings: CleanupFindings, request: CleanupRequest) -> dict[str, Any]:
    return {
        "going": [_usage_object(*usage) for usage in findings.plan.going],
        "kept": [_usage_object(*usage) for usage in findings.plan.kept],
        "orphans": [{"run_id": orphan.run_id, "size": orphan.size} for orphan in findings.orphans],
        "frozen": {
            "batch_ids": [usage.batch_id for usage in findings.frozen],
            "size": findings.frozen_size,
        },
        "leftovers": {"count": len(findings.leftovers), "size": findings.leftover_size},
        "size": findings.size(request),
    }


def _usage_object(usage: WorkspaceUsage, why: str) -> dict[str, Any]:
    newest = usage.newest
    return {
        "run_id": newest.id,
        "run_ids": [run.id for run in usage.runs],
        "project_id": newest.project_id,
        "status": newest.status,
        "at": newest.at,
        "age_s": round(usage.age(datetime.now(UTC))),
        "size": usage.size,
        "workspace": newest.workspace,
        "why": why,
    }


def _raise_first(result: CleanupResult) -> None:
    """Reports the first failure, after everything else is done."""
    if result.failures:
        raise result.failures[0]


cleanup_app = application("cleanup", cleanup)
