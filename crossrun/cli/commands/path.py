"""`crossrun path`: where the files of a run are."""

import os

from crossrun.cli.arguments import Json, Pick, ProjectId, RunReference
from crossrun.cli.globals import application, current
from crossrun.cli.picking import chosen_run
from crossrun.errors import NotFoundError
from crossrun.model.runs import Run
from crossrun.projections.documents import document


def path(
    run: RunReference = None,
    project_id: ProjectId = None,
    pick: Pick = False,
    json: Json = False,
) -> None:
    """Print the folder of a run's workspace, and nothing else.

    \b
    Examples:
      cd "$(crossrun path)"
      ls "$(crossrun path k7f3)"
    """
    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    folder = workspace_of(chosen)
    if json:
        options.out.emit(document({"run_id": chosen.id, "path": folder}))
    else:
        options.out.emit(f"{folder}\n")


def workspace_of(run: Run) -> str:
    """The folder of a run's workspace. Raises NotFoundError if it was removed."""
    if not os.path.isdir(run.workspace):  # noqa: PTH112  pathlib is slow to import
        raise NotFoundError(
            "WORKSPACE_GONE",
            f"the workspace of run {run.id} is gone: {run.workspace}",
            hint=f"what it changed: crossrun diff {run.id} · start again: crossrun retry {run.id}",
        )
    return run.workspace


path_app = application("path", path)
