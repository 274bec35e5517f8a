"""`crossrun undo`: undoes the newest apply of a run."""

import typer

from crossrun.cli.apply_results import result_object, say_result
from crossrun.cli.arguments import Json, Pick, ProjectId, RunReference
from crossrun.cli.globals import application, current
from crossrun.cli.picking import chosen_run
from crossrun.errors import Exit
from crossrun.projections.documents import document


def undo(
    run: RunReference = None, project_id: ProjectId = None, pick: Pick = False, json: Json = False
) -> None:
    """Undo the newest apply of a run.

    What you have changed since is kept if it can be merged. If not, nothing is changed, and
    the exit code is 1. For a run that worked in place, its work is undone.

    \b
    Examples:
      crossrun undo
      crossrun undo k7f3
    """
    from crossrun.services.applying import undo as undo_newest
    from crossrun.views.applying import undone

    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    result = undo_newest(app.store, chosen, app.workspaces)
    refused = result.has_conflicts
    if json:
        undo_first = list(dict.fromkeys(each.run_id for each in result.undo_first))
        output = {
            "undone": not refused,
            **result_object(result, chosen),
            "undo_first": undo_first,
        }
        options.out.emit(document(output))
    say_result(options, undone(result, chosen, options.err), always=refused)
    raise typer.Exit(Exit.RUN_FAILED if refused else Exit.OK)


undo_app = application("undo", undo)
