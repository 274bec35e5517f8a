"""`crossrun insights`: what your run history tells you."""

from crossrun.cli.arguments import Json, OfProject, Since
from crossrun.cli.globals import application, current
from crossrun.cli.parsing import since_moment
from crossrun.projections.documents import document, plain_object


def insights(since: Since = None, project_id: OfProject = None, json: Json = False) -> None:
    """Show what your own history says, each sentence with the runs behind it.

    Where time and tokens go, which commands fail again and again and what repaired them, tasks
    that come back, what patterns brought, and changes that were never applied or checked. It is
    read from the store on this machine, without a model and without the network.

    \b
    Examples:
      crossrun insights
      crossrun insights --since 30d --project-id thesis
      crossrun insights --json | jq -r '.insights[].sentence'
    """
    from crossrun.services.history import run_history
    from crossrun.views.insights import insight_lines, not_enough, sentence

    options = current()
    app = options.open_app()
    history = run_history(app.store, project_id=project_id, since=since_moment(since))
    if json:
        insights = [{"sentence": sentence(each), **plain_object(each)} for each in history.findings]
        content = {"runs": history.runs, "needed": history.needed, "insights": insights}
        options.out.emit(document({**content, "total": len(insights)}))
    elif history.findings:
        options.out.write(insight_lines(history, options.out))
    else:
        options.say(not_enough(history))


insights_app = application("insights", insights)
