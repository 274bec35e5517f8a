"""`crossrun run`: carries out a task."""

import shlex
from functools import partial
from typing import Any

from msgspec.structs import replace

from crossrun.cli import run_options as opt
from crossrun.cli.announcing import announcing_unattended_errors
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.option_sets import RUN_OPTIONS, RUN_OUTPUT, taking
from crossrun.cli.parsing import options_from
from crossrun.cli.run_options import OutputOptions
from crossrun.cli.starting import start
from crossrun.cli.task_editor import edited_task, is_editor_needed
from crossrun.cli.tasks import TaskCommand, read_task
from crossrun.engine import first_turn
from crossrun.errors import ConsentNeeded, InputNeeded
from crossrun.events import PatternDecided
from crossrun.executors import TurnRequest
from crossrun.insights.forecast import Outlook
from crossrun.model.requests import RunRequest
from crossrun.projections.documents import document, plain_object
from crossrun.services.app import App
from crossrun.services.assembly import gather_dependencies
from crossrun.services.forecasts import outlook_for
from crossrun.services.lineage import expected_parent, prepare_run
from crossrun.services.notices import Notice
from crossrun.services.options import RunOptions
from crossrun.services.requests import run_request
from crossrun.views.choices import choice_lines
from crossrun.views.forecasts import outlook_lines
from crossrun.views.unseen import visible_command


@taking(RUN_OPTIONS, RUN_OUTPUT)
def run(
    task: opt.Task = None,
    file: opt.File = None,
    edit: opt.Edit = False,
    name: opt.Name = None,
    apply: opt.Apply = False,
    branch: opt.Branch = None,
    dry_run: opt.DryRun = False,
    **options_given: Any,  # noqa: ANN401  see `taking`
) -> None:
    """Have an agent carry out a task in its own workspace.

    Inside a git repository, the workspace is a copy of it. Your own files change only
    when you apply the result, or with --apply.

    When standard output is not a terminal, the run's id is printed on it as soon as the run
    exists, and everything else goes to standard error.

    \b
    Examples:
      crossrun run "Fix the failing test in calc.py" --verify "pytest -q"
      crossrun run "Add a --json flag to report.py" --verify "pytest -q" --apply
      crossrun run "Plot the yields" --input yields.csv --task-type data_analysis
      crossrun run -f task.md --task-type writing --project-id handbook
      crossrun run "Plot the yields" --task-type data_analysis --offline
      id=$(crossrun run "Collect sources on soil carbon" --task-type research)
      crossrun run "The same for the March data" --reference-run-id "$id"
      crossrun run --template dependencies --var scope=patch
      crossrun run "Convert june.csv to JSON" --pattern 9c1xyz --compiled
      crossrun run --executor shell "make report"
    """
    arguments = {**locals(), **options_given}
    run_options = options_from(RunOptions, arguments)
    options = current()
    app = options.app()
    with announcing_unattended_errors(app, run_options.tags):
        run_options = replace(run_options, task=read_task(task, file))
        if dry_run:
            app.store.open_for_reading()
            _show_plan(_written_request(run_options, app, options, edit=edit), app, options)
            return
        app.open_for_writing()
        request = _written_request(run_options, app, options, edit=edit)
        output = options_from(OutputOptions, arguments)
        start(partial(prepare_run, app.store, request), output, app, options)


run_app = application("run", run, command=TaskCommand)


def _written_request(
    run_options: RunOptions, app: App, options: Globals, *, edit: bool
) -> RunRequest:
    """The request, whose task the user may write or change in an editor."""
    if run_options.template is None and is_editor_needed(run_options, asked_for=edit):
        if not edit:
            options.say("no task given: opening your editor; write the task, save and close it")
        run_options = replace(run_options, task=edited_task(run_options, app))
    request = _request(run_options, app, options)
    if run_options.template is not None and edit:
        filled = replace(run_options, task=request.task)
        request = replace(request, task=edited_task(filled, app))
    return request


def _request(run_options: RunOptions, app: App, options: Globals) -> RunRequest:
    try:
        return run_request(run_options, app)
    except ConsentNeeded as needed:
        options.confirm(needed.question, hint=needed.hint, declined="nothing was run")
        return _request(replace(run_options, consent=True), app, options)
    except InputNeeded as needed:
        answers = [f"{name}={_answer(needed, name, options)}" for name in needed.questions]
        if not answers:
            raise
        return _request(replace(run_options, var=(*run_options.var, *answers)), app, options)


def _answer(needed: InputNeeded, name: str, options: Globals) -> str:
    """What a person says. Raises InputNeeded if there is no terminal to ask on."""
    answer = options.ask(needed.questions[name])
    if answer is None:
        raise needed
    return answer


def _show_plan(request: RunRequest, app: App, options: Globals) -> None:
    dependencies = gather_dependencies(request, app)
    for warning in dependencies.warnings:
        app.notify(Notice(warning, warning=True))
    parent = expected_parent(app.store, request)
    turn, decision = first_turn("RUN_ID", request, dependencies, parent)
    command = dependencies.executor.command(turn)
    expected = outlook_for(app.store, request, decision.pattern_id)
    if options.json:
        plan = _plan_object(request, turn, command, decision)
        options.out.emit(document({**plan, "forecast": _forecast_object(expected)}))
        return
    shown = visible_command if options.out.on_screen else str
    sections = {
        "prompt": shown(turn.prompt),
        "instructions": shown(turn.instructions or ""),
        "planner": shown(_planner_words(request)),
        "pattern": "\n".join(choice_lines(decision, options.out)),
        "forecast": "\n".join(outlook_lines(expected, options.out)),
        "command": shown(shlex.join(command)),
        "source": shown(_begins_with(request) or ""),
        "workspace": shown(str(turn.folder)),
    }
    for title, text in sections.items():
        if text:
            options.out.write([options.out.style(title, "bold"), text, ""])
    options.say("nothing was run")


def _begins_with(request: RunRequest) -> str | None:
    """The folder, address or run whose files the run would begin with; None: an empty folder."""
    begin = request.begin_with
    return begin.path or begin.url or begin.run_id or begin.in_place


def _planner_words(request: RunRequest) -> str:
    if request.planner == "direct":
        return "direct: the agent gets the task unchanged"
    return f"{request.planner}: {request.planner_model or 'its default model'} writes the steps"


def _forecast_object(expected: Outlook | None) -> dict[str, Any] | None:
    if expected is None:
        return None
    shortfalls = [plain_object(shortfall) for shortfall in expected.shortfalls]
    return {**plain_object(expected.forecast), "shortfalls": shortfalls}


def _plan_object(
    request: RunRequest, turn: TurnRequest, command: list[str], decision: PatternDecided
) -> dict[str, Any]:
    return {
        "prompt": turn.prompt,
        "instructions": turn.instructions,
        "channel": turn.channel,
        "command": command,
        "planner": request.planner,
        "executor": request.executor,
        "task_type": request.task_type,
        "project_id": request.project_id,
        "template": request.template,
        "workspace": str(turn.folder),
        "source": _begins_with(request),
        "pattern": plain_object(decision),
    }
