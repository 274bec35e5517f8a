"""`crossrun why`: what applied to a run, and where it came from."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossrun.cli.arguments import Json, ProjectId, RunReference
from crossrun.cli.globals import application, current
from crossrun.projections.documents import document, plain_object

if TYPE_CHECKING:
    from crossrun.services.explanation import Explanation


def why(
    run: RunReference = None,
    project_id: ProjectId = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="Show all candidate patterns with their scores.")
    ] = False,
    json: Json = False,
) -> None:
    """Explain which pattern, template, agent, settings and limits applied to a run.

    Each setting is shown with its origin: a flag, the environment, the project's file, your own
    file, the set-up of the project, a template, or the default.

    \b
    Examples:
      crossrun why
      crossrun why k7f3 --scores
      crossrun why k7f3 --json | jq '.settings[] | select(.origin != "default")'
    """
    from crossrun.services.explanation import explain

    options = current()
    app = options.open_app()
    explanation = explain(app.store, app.run(run, project_id))
    if json:
        options.out.emit(document(_explanation_object(explanation)))
        return
    from crossrun.views.choices import pattern_to_name
    from crossrun.views.explanation import explanation_lines

    decided = explanation.decided
    to_name = None if decided is None else pattern_to_name(decided)
    is_gone = to_name is not None and app.store.patterns.find(to_name) is None
    options.out.write(
        explanation_lines(explanation, options.out, is_gone=is_gone, with_scores=scores)
    )


def _explanation_object(explanation: "Explanation") -> dict[str, Any]:
    run, request, decided = explanation.run, explanation.request, explanation.decided
    forecast = explanation.forecast
    return {
        "run_id": run.id,
        "pattern": None if decided is None else plain_object(decided),
        "template": run.template,
        "agent": {
            "executor": run.executor,
            "executor_version": run.executor_version,
            "model": run.model,
            "planner": run.planner,
            "planner_model": run.planner_model,
        },
        "settings": list(map(plain_object, explanation.settings)),
        "origins_recorded": request.origins is not None,
        "source": None if run.source is None else plain_object(run.source),
        "forecast": None if forecast is None else plain_object(forecast.forecast),
        "retry_of": run.retry_of,
        "resumed_from": run.resumed_from,
        "batch_id": run.batch_id,
    }


why_app = application("why", why)
