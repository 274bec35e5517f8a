"""`crossrun diff`: what a run changed, or what differs between the states after two runs."""

from collections.abc import Iterator
from typing import Annotated

import typer

from crossrun.cli.arguments import Json, NoPager, ProjectId, RunReference
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.ledger import chosen_run, open_ledger
from crossrun.cli.paging import show
from crossrun.errors import UsageError
from crossrun.projections.documents import document, plain_object
from crossrun.redaction import MASK
from crossrun.services.changes import Comparison, States
from crossrun.views.changes import patch_lines, stat_lines
from crossrun.views.unseen import visible
from crossrun.workspace.files.filenames import quoted, system_path

Other = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="Compare with the state after this later run."),
]


def diff(
    run: RunReference = None,
    other: Other = None,
    project_id: ProjectId = None,
    stat: Annotated[bool, typer.Option("--stat", help="Files with counts of lines.")] = False,
    name_only: Annotated[bool, typer.Option("--name-only", help="Names of files.")] = False,
    null: Annotated[
        bool, typer.Option("-z", help="End names with NUL bytes, with --name-only.")
    ] = False,
    patch: Annotated[
        bool, typer.Option("--patch", help="The patch (the default), also after --stat.")
    ] = False,
    no_pager: NoPager = False,
    json: Json = False,
) -> None:
    """Show what a run changed, against the state that it began with.

    With two runs, show what differs between the states after the first and after the second. For
    a run that is still active, show the change so far.

    \b
    Examples:
      crossrun diff
      crossrun diff k7f3 --stat
      crossrun diff k7f3 | git apply
      crossrun diff k7f3 m2q9 --name-only
    """
    if name_only and (stat or patch):
        raise UsageError(
            "OPTIONS_CONFLICT",
            "--name-only leaves out what --stat and --patch show",
            hint="give one of them",
        )
    options = current()
    settings = options.settings()
    store = open_ledger(options, settings)
    chosen = chosen_run(store, run, project_id)
    states = States(store, settings)
    if other is None:
        found = states.change(chosen)
    else:
        found = states.between(chosen, chosen_run(store, other, project_id))
    _tell(found, options, with_patch=json or patch or not (stat or name_only))
    if json:
        options.out.emit(document(_object(found)))
    elif name_only:
        _show_names(found, options, null=null, pager=not no_pager)
    else:
        _show(found, options, stat=stat, patch=patch or not stat, pager=not no_pager)


def _tell(found: Comparison, options: Globals, *, with_patch: bool) -> None:
    """What the output does not say of itself."""
    if not found.final:
        options.say(f"run {found.run_id} is still active; this is its change so far")
    if not found.changes:
        same = f"left the same files as {found.against}" if found.against else "changed nothing"
        options.say(f"run {found.run_id} {same}")
    if with_patch and MASK.encode() in found.patch:
        options.say(f"note: secrets were taken out of this patch; it writes {MASK} in their place")


def _object(found: Comparison) -> dict[str, object]:
    told = found._asdict()
    changes = [plain_object(change) for change in found.changes]
    return {**told, "changes": changes, "patch": found.patch.decode("utf-8", "replace")}


def _show_names(found: Comparison, options: Globals, *, null: bool, pager: bool) -> None:
    names = [system_path(change.path, change.path_bytes) for change in found.changes]
    if null:
        options.out.emit("".join(f"{name}\0" for name in names))
    elif options.out.on_screen:
        show(options, [visible(change.path) for change in found.changes], pager=pager)
    else:
        options.out.emit("".join(f"{quoted(name)}\n" for name in names))


def _show(found: Comparison, options: Globals, *, stat: bool, patch: bool, pager: bool) -> None:
    """In colour and harmless on a terminal; byte by byte where a program reads it."""
    if not found.changes:
        return
    if options.out.on_screen:
        show(options, _lines(found, options, stat=stat, patch=patch), pager=pager)
        return
    if stat:
        options.out.emit(f"{found.stat}\n")
    if stat and patch:
        options.out.emit("\n")
    if patch:
        options.out.emit(found.patch)


def _lines(found: Comparison, options: Globals, *, stat: bool, patch: bool) -> Iterator[str]:
    if stat:
        yield from stat_lines(found.changes, options.out)
    if stat and patch:
        yield ""
    if patch:
        yield from patch_lines(found.patch, options.out)


diff_app = application("diff", diff)
