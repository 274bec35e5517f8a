"""`crossrun cleanup`: workspaces off the disk, never more than was shown and agreed to."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.ledger import open_ledger
from crossrun.config.settings import Paths, Settings
from crossrun.config.values import duration, size
from crossrun.errors import ConfigurationError, UsageError
from crossrun.model.retention import RetentionRules, WorkspaceUsage
from crossrun.model.status import Status
from crossrun.projections.documents import document
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
from crossrun.store import Store
from crossrun.views.disk import Ticker, usage_table
from crossrun.views.words import disk_size, plural
from crossrun.workspace.files.guarded import ManagedPath

Value = TypeVar("Value")


OlderThan = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only those whose newest run ended so long ago (7d)."),
]
KeepLast = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Keep the newest N of each project.")
]
MaxSize = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Only the oldest, until all take no more (5GB)."),
]
StatusName = Annotated[
    str | None, typer.Option(metavar="STATUS", help=f"One of {', '.join(Status)}.")
]
OfProject = Annotated[str | None, typer.Option(metavar="NAME", help="Of this project only.")]
Force = Annotated[
    bool, typer.Option("--force", help="Also where work on files of yours was not applied.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would go; touch nothing.")]
DropArtifacts = Annotated[
    bool,
    typer.Option("--drop-artifacts/--keep-artifacts", help="Transcripts, patches, reports."),
]
DropRecord = Annotated[
    bool,
    typer.Option("--drop-record/--keep-record", help="Runs in the ledger, with their artifacts."),
]
Orphans = Annotated[
    bool, typer.Option("--orphans", help="Also folders of runs that the ledger does not know.")
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

    It shows what would go, asks, and does it. Each option lets fewer of them go; without an age, a
    number or a size, those go that are older than 30 days, or what the settings under cleanup say.

    Runs that go on stay, and so do folders given with --workspace. Work on a copy of files of yours
    stays until it was applied, unless you say --force. The ledger, what runs taught and artifacts
    stay unless you say otherwise.

    \b
    Examples:
      crossrun cleanup --dry-run
      crossrun cleanup --older-than 7d --keep-last 3
      crossrun cleanup --max-size 5GB --yes
      crossrun cleanup --status failed --older-than 1d --drop-record
    """
    options = current()
    settings = options.settings()
    said = RetentionRules(
        older_than=_parsed("--older-than", duration, older_than),
        keep_last=keep_last,
        max_size=_parsed("--max-size", size, max_size),
    )
    rules = (
        (rules_of(settings) if said == RetentionRules() else said)
        .or_default()
        ._replace(status=_parsed("--status", _status, status), project_id=project_id, force=force)
    )
    act = _only_look if dry_run else _clean_up
    act(settings, CleanupRequest(rules, drop_artifacts, drop_record, orphans), options, json=json)


def _only_look(settings: Settings, wanted: CleanupRequest, options: Globals, *, json: bool) -> None:
    stored = Store(settings.paths).read_workspaces_untraced(
        lambda reader: read_runs(reader, settings.paths, wanted)
    )
    found = _found(stored, settings.paths, wanted, options)
    if json:
        options.out.emit(document({"dry_run": True, **_object(found, wanted), "freed": None}))
        return
    _show(found, wanted, options)
    if found.count(wanted):
        options.say("", "nothing was touched; without --dry-run these go")


def _clean_up(settings: Settings, wanted: CleanupRequest, options: Globals, *, json: bool) -> None:
    store, done = open_ledger(options, settings), CleanupResult([], [], [], 0)
    _set_right(store, settings, options)
    stored = read_runs(store.workspaces, settings.paths, wanted)
    found = _found(stored, settings.paths, wanted, options)
    if not json:
        _show(found, wanted, options)
    if found.count(wanted):
        options.confirm(
            f"Remove {_counted(found, wanted)}?", hint="say --yes, or only look with --dry-run"
        )
        done = _removed(store, settings.paths, wanted, found, options)
    _compact(store, options)
    if json and not done.failures:
        told = {"dry_run": False, **_object(found, wanted), "freed": done.freed}
        removed = [usage.newest.id for usage in done.removed]
        options.out.emit(document({**told, "removed": removed}))
    if done.removed or done.freed:
        options.say(f"{disk_size(done.freed)} are free again")
    for usage in done.in_use:
        options.say(f"{usage.newest.id} stays: it is in use by another run or command")
    _raise_first(done)


def _set_right(store: Store, settings: Settings, options: Globals) -> None:
    """Brings what was cut short in folders of the user's to an end, while that is possible."""
    if not store.read.cut_short():
        return
    from crossrun.services.applying import recover_all
    from crossrun.services.assembly import workspaces
    from crossrun.views.applying import recovered

    options.say(*recovered(recover_all(store, workspaces(settings)), options.err))


def _found(
    stored: StoredRuns, paths: Paths, wanted: CleanupRequest, options: Globals
) -> CleanupFindings:
    """Looks at everything, and shows progress."""
    ticker, measure, looked_at = Ticker(options.err, quiet=options.quiet), measuring(), [0, 0]

    def measured(place: ManagedPath) -> int:
        ticker.show(f"looking · {plural(looked_at[0], 'folder')} · {disk_size(looked_at[1])}")
        found = measure(place)
        looked_at[:] = looked_at[0] + 1, looked_at[1] + found
        return found

    found = find(stored, paths, wanted, measured)
    ticker.clear()
    return found


def _removed(
    store: Store, paths: Paths, wanted: CleanupRequest, found: CleanupFindings, options: Globals
) -> CleanupResult:
    ticker, count = Ticker(options.err, quiet=options.quiet), len(found.plan.going)
    done = remove_found(
        store,
        paths,
        wanted,
        found,
        lambda number, freed: ticker.show(
            f"removing · {number + 1} of {count} · {disk_size(freed)} of"
            f" {disk_size(found.size(wanted))} free"
        ),
    )
    ticker.clear()
    return done


def _compact(store: Store, options: Globals) -> None:
    """Whatever keeps the store from being compacted, the workspaces are gone."""
    try:
        note = store.compact()
    except ConfigurationError as error:
        note = error.message
    if note:
        options.say(f"note: the store keeps space that it does not need: {note}")


def _show(found: CleanupFindings, wanted: CleanupRequest, options: Globals) -> None:
    out = options.out
    if found.plan.going:
        out.write(usage_table(found.plan.going, "WHY", out))
    if found.plan.kept:
        if found.plan.going:
            out.write([""])
        out.write(usage_table(found.plan.kept, "KEPT BECAUSE", out))
    others = [f"{_counted(found, wanted)} in all" if found.count(wanted) else "nothing to remove"]
    if found.leftovers:
        told = plural(len(found.leftovers), "leftover")
        others.insert(
            0, f"{told} of interrupted copies and removals, {disk_size(found.leftover_size)}"
        )
    if found.orphans:
        size_of_all = disk_size(sum(orphan.size for orphan in found.orphans))
        how = "go as well" if wanted.unknown else "stay; they go with --orphans"
        told = plural(len(found.orphans), "run")
        others.insert(
            0, f"folders of {told} that this ledger does not know, {size_of_all}: they {how}"
        )
    options.say("", *others)


def _counted(found: CleanupFindings, wanted: CleanupRequest) -> str:
    parts = [plural(len(found.plan.going), "workspace")]
    if found.leftovers:
        parts.append(plural(len(found.leftovers), "leftover"))
    if wanted.unknown and found.orphans:
        parts.append(plural(len(found.orphans), "unknown run"))
    also = " with artifacts and records" if wanted.dropping_records else ""
    also = also or (" with artifacts" if wanted.dropping_artifacts else "")
    return f"{', '.join(parts)}{also}, {disk_size(found.size(wanted))}"


def _object(found: CleanupFindings, wanted: CleanupRequest) -> dict[str, Any]:
    return {
        "going": [_usage_object(*told) for told in found.plan.going],
        "kept": [_usage_object(*told) for told in found.plan.kept],
        "orphans": [{"run_id": orphan.run_id, "size": orphan.size} for orphan in found.orphans],
        "leftovers": {"count": len(found.leftovers), "size": found.leftover_size},
        "size": found.size(wanted),
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


def _raise_first(done: CleanupResult) -> None:
    """After all the rest was done."""
    if done.failures:
        raise done.failures[0]


def _parsed(option: str, parse: Callable[[str], Value], text: str | None) -> Value | None:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(
            "OPTION_INVALID",
            f"{option}: {text!r} {error}",
            hint="see  crossrun cleanup --help",
        ) from error


def _status(text: str) -> Status:
    if text not in set(Status):
        raise ValueError(f"is not one of {', '.join(Status)}")
    return Status(text)


cleanup_app = application("cleanup", cleanup)
