"""`crossrun rename`: another name for a run."""

from typing import Annotated

import typer

from crossrun.cli.arguments import Json, ProjectId, RequiredRun
from crossrun.cli.globals import application, current
from crossrun.projections.documents import document, run_object
from crossrun.views.words import first_line


def rename(
    run: RequiredRun,
    name: Annotated[str, typer.Argument(metavar="NAME", help="An empty one removes the name.")],
    project_id: ProjectId = None,
    json: Json = False,
) -> None:
    """Give a run another name. Its id stays the same.

    \b
    Examples:
      crossrun rename k7f3 "Chapter 2, second draft"
    """
    from crossrun.services import run_details

    options = current()
    app = options.open_app()
    changed = run_details.rename(app, app.run(run, project_id), name)
    if json:
        options.out.emit(document(run_object(changed)))
    else:
        new = f"named {first_line(changed.name)!r}" if changed.name else "without a name"
        options.say(f"run {changed.id} is now {new}")


rename_app = application("rename", rename)
