"""`crossrun get`: one file of a run's workspace."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Output, ProjectId
from crossrun.cli.contents import copy_command, copy_out, pipe_out, show_text
from crossrun.cli.globals import Globals, application, current
from crossrun.errors import NotFoundError, UsageError
from crossrun.services.changes import Changes
from crossrun.views.unseen import visible
from crossrun.views.words import plural
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.files.name_globs import matches
from crossrun.workspace.snapshots.files import WorkspaceEntry, inside


def get(
    run: Annotated[str, typer.Argument(metavar="RUN", help="An id, its beginning, or last.")],
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A file, a folder (with -o) or a glob.")
    ],
    output: Output = None,
    project_id: ProjectId = None,
) -> None:
    """Copy files out of a run's workspace, unchanged.

    \b
    Examples:
      crossrun get k7f3 outputs/chart.png -o chart.png
      crossrun get last report.md > report.md
      crossrun get k7f3 outputs -o results
      crossrun get k7f3 "*.csv" -o tables
    """
    options = current()
    parts = inside(path)
    app = options.open_app()
    chosen = app.run(run, project_id)
    with Changes(app).files(chosen) as (files, _, _, note):
        if note:
            options.say(f"note: {note}")
        if _is_glob(path) or (output is not None and files.entry(parts).kind == "folder"):
            _copy_all(files, "." if _is_glob(path) else path, path, output, options)
            return
        _require_file(files.entry(parts), chosen.id)
        with files.reading(parts) as content:
            if output is None and options.out.on_screen:
                name = visible(shown("/".join(parts)))
                otherwise = copy_command("get", chosen.id, name, name=name)
                show_text(content, name, options, app.redactor, otherwise=otherwise, pager=False)
            elif output is None or str(output) == "-":
                pipe_out(content, options)
            else:
                copy_out(content, output, options)


def _is_glob(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def _copy_all(files: "Files", top: str, glob: str, output: Path | None, options: Globals) -> None:
    """Copies all regular files that match, with their folders."""
    folder = Path() if output is None else output
    entries = [
        entry
        for entry in files.below(inside(top), lambda _name: False)
        if entry.kind == "file" and matches(entry.path, glob)
    ]
    if not entries:
        raise NotFoundError(
            "PATH_NOT_FOUND",
            f"no file in the workspace matches {shown(glob)!r}",
            hint="quote the glob, so that your shell leaves it as it is",
        )
    for entry in entries:
        target = folder / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with files.reading(tuple(entry.path.split("/"))) as content:
            copy_out(content, target, options)
    options.say(f"copied {plural(len(entries), 'file')} to {folder}")


def _require_file(entry: WorkspaceEntry, run_id: str) -> None:
    if entry.kind == "file":
        return
    path = shlex.quote(shown(entry.path) or ".")
    if entry.kind == "folder":
        hint = f"copy it: crossrun get {run_id} {path} -o DIR"
    else:
        hint = f"see what there is: crossrun files {run_id} {path}"
    what = {"folder": "a folder", "link": "a link, which is not followed"}
    raise UsageError(
        "PATH_NOT_FILE",
        f"{shown(entry.path) or '.'!r} is {what.get(entry.kind, 'not a regular file')}",
        hint=hint,
    )


if TYPE_CHECKING:
    from crossrun.workspace.snapshots.files import Files

get_app = application("get", get)
