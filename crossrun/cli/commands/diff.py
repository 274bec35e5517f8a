"""`crossrun diff`: what a run changed, or how the states after two runs differ."""

from collections.abc import Iterator
from typing import Annotated

import typer

from crossrun.cli.arguments import Json, NoPager, Pick, ProjectId, RunReference
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.paging import show
from crossrun.cli.picking import chosen_run
from crossrun.errors import UsageError
from crossrun.projections.documents import document, plain_object
from crossrun.redaction import MASK
from crossrun.services.changes import Changes, Comparison
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
    stat: Annotated[
        bool, typer.Option("--stat", help="Show the changed files with counts of lines.")
    ] = False,
    name_only: Annotated[
        bool, typer.Option("--name-only", help="Show the names of the changed files.")
    ] = False,
    null: Annotated[
        bool, typer.Option("-z", help="End each name with a NUL byte; for --name-only.")
    ] = False,
    patch: Annotated[
        bool, typer.Option("--patch", help="Show the patch: the default, unless --stat is given.")
    ] = False,
    no_pager: NoPager = False,
    pick: Pick = False,
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
            "--name-only cannot be combined with --stat or --patch",
            hint="use only one of them",
        )
    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    if other is None:
        comparison = Changes(app).of_run(chosen)
    else:
        comparison = Changes(app).between(chosen, app.run(other, project_id))
    _tell(comparison, options, with_patch=json or patch or not (stat or name_only))
    if json:
        options.out.emit(document(_object(comparison)))
    elif name_only:
        _show_names(comparison, options, null=null, pager=not no_pager)
    else:
        _show(comparison, options, stat=stat, patch=patch or not stat, pager=not no_pager)


def _tell(comparison: Comparison, options: Globals, *, with_patch: bool) -> None:
    """Says what the output itself does not show."""
    if not comparison.final:
        options.say(f"run {comparison.run_id} is still active; this is its change so far")
    if not comparison.changes:
        same = (
            f"left the same files as {comparison.against}"
            if comparison.against
            else "changed nothing"
        )
        options.say(f"run {comparison.run_id} {same}")
    if with_patch and MASK.encode() in comparison.patch:
        options.say(f"note: secrets in this patch are replaced by {MASK}")


def _object(comparison: Comparison) -> dict[str, object]:
    fields = comparison._asdict()
    changes = [plain_object(change) for change in comparison.changes]
    return {**fields, "changes": changes, "patch": comparison.patch.decode("utf-8", "replace")}


def _show_names(comparison: Comparison, options: Globals, *, null: bool, pager: bool) -> None:
    names = [system_path(change.path, change.path_bytes) for change in comparison.changes]
    if null:
        options.out.emit("".join(f"{name}\0" for name in names))
    elif options.out.on_screen:
        show(options, [visible(change.path) for change in comparison.changes], pager=pager)
    else:
        options.out.emit("".join(f"{quoted(name)}\n" for name in names))


def _show(
    comparison: Comparison, options: Globals, *, stat: bool, patch: bool, pager: bool
) -> None:
    """In colour and without control characters on a terminal; unchanged for programs."""
    if not comparison.changes:
        return
    if options.out.on_screen:
        show(options, _lines(comparison, options, stat=stat, patch=patch), pager=pager)
        return
    if stat:
        options.out.emit(f"{comparison.stat}\n")
    if stat and patch:
        options.out.emit("\n")
    if patch:
        options.out.emit(comparison.patch)


def _lines(comparison: Comparison, options: Globals, *, stat: bool, patch: bool) -> Iterator[str]:
    if stat:
        yield from stat_lines(comparison.changes, options.out)
    if stat and patch:
        yield ""
    if patch:
        yield from patch_lines(comparison.patch, options.out)


diff_app = application("diff", diff)
