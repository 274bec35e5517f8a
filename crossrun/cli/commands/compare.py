"""`crossrun compare`: two runs side by side."""

from typing import Annotated

import typer

from crossrun.cli.arguments import Json, ProjectId
from crossrun.cli.globals import application, current
from crossrun.projections.documents import document, plain_object, run_object

First = Annotated[str, typer.Argument(metavar="RUN", help="An id, a prefix of one, or last.")]
Second = Annotated[str, typer.Argument(metavar="RUN", help="Another one.")]


def compare(first: First, second: Second, project_id: ProjectId = None, json: Json = False) -> None:
    """Compare two runs: what was asked, how they ended, what they used and what they changed.

    \b
    Examples:
      crossrun compare k7f3 m2q9
      crossrun compare k7f3 last --json | jq .files.different
    """
    from crossrun.services.run_comparison import compare_files, differing_settings

    options = current()
    app = options.open_app()
    runs = app.run(first, project_id), app.run(second, project_id)
    settings, files = differing_settings(app, *runs), compare_files(app, *runs)
    if json:
        objects = [run_object(run) for run in runs]
        content = {"runs": objects, "settings": list(map(plain_object, settings))}
        options.out.emit(document({**content, "files": plain_object(files)}))
    else:
        from crossrun.views.comparison import comparison_lines

        options.out.write(comparison_lines(*runs, settings, files, options.out))


compare_app = application("compare", compare)
