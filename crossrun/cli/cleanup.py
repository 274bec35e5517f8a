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
from crossrun.model.retention import Holding, Rules
from crossrun.model.status import Status
from crossrun.projections.documents import document
from crossrun.services.cleanup.after_runs import rules_of
from crossrun.services.cleanup.inventory import measuring
from crossrun.services.cleanup.removal import Done, Found, Wanted, find, remove_found
from crossrun.store import Store
from crossrun.store.readonly_copy import copied
from crossrun.views.disk import Ticker, holdings_table
from crossrun.views.words import disk_size, plural
from crossrun.workspace.files.guarded import Place

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
    said = Rules(
        older_than=_parsed("--older-than", duration, older_than),
        keep_last=keep_last,
        max_size=_parsed("--max-size", size, max_size),
    )
    rules = (
        (rules_of(settings) if said == Rules() else said)
        .or_default()
        ._replace(status=_parsed("--status", _status, status), project_id=project_id, force=force)
    )
    act = _only_look if dry_run else _clean_up
    act(settings, Wanted(rules, drop_artifacts, drop_record, orphans), options, json=json)


def _only_look(settings: Settings, wanted: Wanted, options: Globals, *, json: bool) -> None:
    with copied(settings.paths) as seen:
        store = Store(seen)
        store.open_for_reading()
        found = _found(store, settings.paths, wanted, options)
    if json:
        options.out.emit(document({"dry_run": True, **_object(found, wanted), "freed": None}))
        return
    _show(found, wanted, options)
    if found.count(wanted):
        options.say("", "nothing was touched; without --dry-run these go")


def _clean_up(settings: Settings, wanted: Wanted, options: Globals, *, json: bool) -> None:
    store, done = open_ledger(options, settings), Done([], [], [], 0)
    _set_right(store, settings, options)
    found = _found(store, settings.paths, wanted, options)
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
        removed = [holding.newest.id for holding in done.removed]
        options.out.emit(document({**told, "removed": removed}))
    if done.removed or done.freed:
        options.say(f"{disk_size(done.freed)} are free again")
    for holding in done.taken_up:
        options.say(f"{holding.newest.id} stays: another run or command took it up meanwhile")
    _raise_first(done)


def _set_right(store: Store, settings: Settings, options: Globals) -> None:
    """Brings what was cut short in folders of the user's to an end, while that is possible."""
    if not store.read.cut_short():
        return
    from crossrun.services.applying import recover_all
    from crossrun.services.assembly import workspaces
    from crossrun.views.applying import recovered

    options.say(*recovered(recover_all(store, workspaces(settings)), options.err))


def _found(store: Store, paths: Paths, wanted: Wanted, options: Globals) -> Found:
    """Looks at everything, and shows how far it is."""
    ticker, measure, looked_at = Ticker(options.err, quiet=options.quiet), measuring(), [0, 0]

    def measured(place: Place) -> int:
        ticker.show(f"looking · {plural(looked_at[0], 'folder')} · {disk_size(looked_at[1])}")
        found = measure(place)
        looked_at[:] = looked_at[0] + 1, looked_at[1] + found
        return found

    found = find(store, paths, wanted, measured)
    ticker.clear()
    return found


def _removed(store: Store, paths: Paths, wanted: Wanted, found: Found, options: Globals) -> Done:
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


def _show(found: Found, wanted: Wanted, options: Globals) -> None:
    out = options.out
    if found.plan.going:
        out.write(holdings_table(found.plan.going, "WHY", out))
    if found.plan.kept:
        if found.plan.going:
            out.write([""])
        out.write(holdings_table(found.plan.kept, "KEPT BECAUSE", out))
    others = [f"{_counted(found, wanted)} in all" if found.count(wanted) else "nothing to remove"]
    if found.leftovers:
        told = plural(len(found.leftovers), "leftover")
        others.insert(
            0, f"{told} of interrupted copies and removals, {disk_size(found.leftover_size)}"
        )
    if found.strays:
        size_of_all = disk_size(sum(stray.size for stray in found.strays))
        how = "go as well" if wanted.unknown else "stay; they go with --orphans"
        told = plural(len(found.strays), "run")
        others.insert(
            0, f"folders of {told} that this ledger does not know, {size_of_all}: they {how}"
        )
    options.say("", *others)


def _counted(found: Found, wanted: Wanted) -> str:
    parts = [plural(len(found.plan.going), "workspace")]
    if found.leftovers:
        parts.append(plural(len(found.leftovers), "leftover"))
    if wanted.unknown and found.strays:
        parts.append(plural(len(found.strays), "unknown run"))
    also = " with artifacts and records" if wanted.dropping_records else ""
    also = also or (" with artifacts" if wanted.dropping_artifacts else "")
    return f"{', '.join(parts)}{also}, {disk_size(found.size(wanted))}"


def _object(found: Found, wanted: Wanted) -> dict[str, Any]:
    return {
        "going": [_holding_object(*told) for told in found.plan.going],
        "kept": [_holding_object(*told) for told in found.plan.kept],
        "orphans": [{"run_id": stray.run_id, "size": stray.size} for stray in found.strays],
        "leftovers": {"count": len(found.leftovers), "size": found.leftover_size},
        "size": found.size(wanted),
    }


def _holding_object(holding: Holding, why: str) -> dict[str, Any]:
    newest = holding.newest
    return {
        "run_id": newest.id,
        "run_ids": [run.id for run in holding.runs],
        "project_id": newest.project_id,
        "status": newest.status,
        "at": newest.at,
        "age_s": round(holding.age(datetime.now(UTC))),
        "size": holding.size,
        "workspace": newest.workspace,
        "why": why,
    }


def _raise_first(done: Done) -> None:
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
