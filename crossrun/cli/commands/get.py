"""`crossrun get`: one file of a run's workspace."""

from typing import Annotated

import typer

from crossrun.cli.arguments import Output, ProjectId
from crossrun.cli.contents import copy_out, pipe_out, show_text
from crossrun.cli.globals import application, current
from crossrun.errors import UsageError
from crossrun.services.changes import Changes
from crossrun.views.unseen import visible
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.snapshots.files import WorkspaceEntry, inside


def get(
    run: Annotated[str, typer.Argument(metavar="RUN", help="An id, its beginning, or last.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file, relative to the workspace.")],
    output: Output = None,
    project_id: ProjectId = None,
) -> None:
    """Copy one file out of a run's workspace, unchanged.

    \b
    Examples:
      crossrun get k7f3 outputs/chart.png -o chart.png
      crossrun get last report.md > report.md
    """
    options = current()
    parts = inside(path)
    app = options.open_app()
    with Changes(app).files(app.run(run, project_id)) as (files, _, _, note):
        if note:
            options.say(f"note: {note}")
        _require_file(files.entry(parts))
        with files.reading(parts) as content:
            if output is None and options.out.on_screen:
                name = visible(shown("/".join(parts)))
                show_text(content, name, options, app.redactor, pager=False)
            elif output is None or str(output) == "-":
                pipe_out(content, options)
            else:
                copy_out(content, output, options)


def _require_file(entry: WorkspaceEntry) -> None:
    if entry.kind == "file":
        return
    what = {"folder": "a folder", "link": "a link, which is not followed"}
    raise UsageError(
        "PATH_NOT_FILE",
        f"{shown(entry.path) or '.'!r} is {what.get(entry.kind, 'not a regular file')}",
        hint="see what there is: crossrun files RUN PATH",
    )


get_app = application("get", get)
