"""`crossrun files`: the files of a run's workspace."""

from typing import Annotated

import typer

from crossrun.cli.arguments import Json, NoPager, Pick, ProjectId, RunReference
from crossrun.cli.contents import copy_command, show_or_pipe
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.paging import show
from crossrun.cli.picking import chosen_run
from crossrun.projections.documents import document, plain_object
from crossrun.services.changes import Changes
from crossrun.views.files import ListedFile, listed, summary, tree
from crossrun.views.unseen import visible
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.snapshots.files import Parts, inside
from crossrun.workspace.snapshots.ignored import CACHES


def files(
    run: RunReference = None,
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A folder or file, relative to the workspace.")
    ] = ".",
    project_id: ProjectId = None,
    whole: Annotated[
        bool,
        typer.Option("--all", help="Show everything, even .git, caches and very large folders."),
    ] = False,
    null: Annotated[
        bool, typer.Option("-z", help="Print only paths, each ended by a NUL byte.")
    ] = False,
    no_pager: NoPager = False,
    pick: Pick = False,
    json: Json = False,
) -> None:
    """Show the files of a run's workspace, or the content of one.

    Added files are marked with +, changed ones with ~, deleted ones with - and renamed ones with >.
    Files that the run wrote and git ignores are marked, too. Links are shown and never followed.

    \b
    Examples:
      crossrun files
      crossrun files k7f3 src --all
      crossrun files k7f3 notes.md
      crossrun files k7f3 out -z | xargs -0 -n1 crossrun get k7f3
      crossrun files k7f3 --json | jq -r '.files[] | select(.change) | .path'
    """
    if pick and run is not None:
        path, run = run, None
    options = current()
    parts = inside(path)
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    with Changes(app).files(chosen) as (content, changes, ignored, note):
        if note:
            options.say(f"note: {note}")
        entry = content.entry(parts)
        if entry.kind == "file" and not (json or null):
            name = visible(shown("/".join(parts)))
            otherwise = copy_command("get", chosen.id, name, name=name)
            with content.reading(parts) as stream:
                show_or_pipe(
                    stream, name, options, app.redactor, otherwise=otherwise, pager=not no_pager
                )
            return
        closed = frozenset[str]() if whole else CACHES
        below = content.below(parts, closed.__contains__) if entry.kind == "folder" else [entry]
        lines = listed(below, changes, parts, ignored)
    folder = parts if entry.kind == "folder" else parts[:-1]
    if json:
        objects = [plain_object(line) for line in lines]
        listing = {"run_id": chosen.id, "files": objects, "total": len(objects)}
        options.out.emit(document(listing))
    elif null:
        there = (file for file in lines if file.kind != "folder" and file.change != "deleted")
        options.out.emit("".join(f"{file.name}\0" for file in there))
    else:
        _show_tree(lines, folder, options, whole=whole, pager=not no_pager)


def _show_tree(
    lines: list[ListedFile], folder: Parts, options: Globals, *, whole: bool, pager: bool
) -> None:
    drawn = tree(lines, folder, options.out, whole=whole or not options.out.on_screen)
    if options.out.on_screen:
        show(options, drawn, pager=pager)
    else:
        options.out.write_each(drawn)
    options.say(summary(lines))


files_app = application("files", files)
