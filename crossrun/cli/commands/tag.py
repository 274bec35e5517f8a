"""`crossrun tag`: the tags of a run."""

from typing import Annotated

import typer

from crossrun.cli.arguments import Json, ProjectId, RequiredRun
from crossrun.cli.globals import application, current
from crossrun.projections.documents import document, run_object
from crossrun.views.words import first_line


def tag(
    run: RequiredRun,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="To add.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="TAG", help="Remove it. Repeatable.")
    ] = None,
    project_id: ProjectId = None,
    json: Json = False,
) -> None:
    """Add tags to a run, or remove them; without either, list them.

    \b
    Examples:
      crossrun tag k7f3 reviewed chapter-2
      crossrun tag last --remove draft
      crossrun runs --tag reviewed
    """
    options = current()
    app = options.open_app()
    chosen = app.run(run, project_id)
    if tags or remove:
        from crossrun.services import run_details

        chosen = run_details.tag(app, chosen, add=tags or (), remove=remove or ())
    if json:
        options.out.emit(document(run_object(chosen)))
    else:
        options.out.write(map(first_line, chosen.tags))


tag_app = application("tag", tag)
