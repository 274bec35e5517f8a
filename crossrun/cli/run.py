"""`crossrun run`: words of the command line become a request, and a request becomes a run."""

import shlex
from typing import Any

import typer

from crossrun.assembly import open_crew, redactor_for
from crossrun.cli import run_options as word
from crossrun.cli import signals
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.ledger import tell_interrupted
from crossrun.cli.request import Given, request_of, settings_of
from crossrun.conduct import Crew, conduct, first_assignment
from crossrun.runs import Run, RunRequest
from crossrun.schema import document, plain_object, run_object
from crossrun.settings import Settings
from crossrun.stopping import Stop
from crossrun.store import Store
from crossrun.views.choices import choice_lines
from crossrun.views.live import Brief, JsonLinesView, Silent, Together, View, follow, view_for

_UNPLANNED = ("codex", "direct")
_UNPLANNED_NOTE = "no OPENAI_API_KEY, so no planning model: the agent gets the task as it is"


def run(
    task: word.Task = None,
    file: word.File = None,
    task_type: word.TaskType = None,
    project_id: word.ProjectId = None,
    name: word.Name = None,
    tag: word.Tags = None,
    reference_run_id: word.ReferenceRun = None,
    pattern: word.PatternName = None,
    no_pattern: word.NoPattern = False,
    learn_with: word.LearnWith = None,
    executor: word.ExecutorName = None,
    planner: word.PlannerName = None,
    planner_model: word.PlannerModel = None,
    offline: word.Offline = False,
    recording: word.RecordingName = None,
    model: word.Model = None,
    sandbox: word.SandboxMode = None,
    network: word.Network = False,
    profile: word.Profile = None,
    add_dir: word.AddDirs = None,
    image: word.Images = None,
    config: word.Config = None,
    timeout: word.Timeout = None,
    idle_timeout: word.IdleTimeout = None,
    max_turns: word.MaxTurns = None,
    max_tokens: word.MaxTokens = None,
    verify: word.Verify = None,
    no_watch: word.NoWatch = False,
    json: word.Json = False,
    jsonl: word.JsonLines = False,
    dry_run: word.DryRun = False,
) -> None:
    """Have an agent carry out a task in a workspace of its own.

    When standard output is not a terminal, the run's id is printed on it as soon as the run
    exists, and everything else goes to standard error.

    \b
    Examples:
      crossrun run "Add a --json flag to report.py" --verify "pytest -q"
      crossrun run -f task.md --task-type writing --project-id handbook
      crossrun run "Plot the yields" --task-type data_analysis --offline
      id=$(crossrun run "Collect sources on soil carbon" --task-type research)
      crossrun run "The same for the March data" --reference-run-id "$id"
      crossrun run --executor shell "make report"
    """
    given: Given = dict(locals())
    options = current()
    settings = settings_of(given, options)
    store = Store(settings.paths)
    if dry_run:
        store.open_for_reading()
        _show_plan(request_of(given, settings, store, options), settings, store, options)
        return
    store.open_for_writing()
    tell_interrupted(options, settings, store)
    request = request_of(given, settings, store, options)
    crew = open_crew(request, settings, store)
    if settings["planner"] == "auto" and (request.executor, request.planner) == _UNPLANNED:
        options.say(_UNPLANNED_NOTE)
    stop = Stop()
    ended = carry_out(request, crew, settings, store, _view(given, options), stop)
    if json:
        options.out.emit(document(run_object(ended)))
    raise typer.Exit(signals.exit_code(ended, stop))


run_app = application("run", run)


def carry_out(
    request: RunRequest, crew: Crew, settings: Settings, store: Store, view: View, stop: Stop
) -> Run:
    """Runs a request to its end, whatever end that is.

    Returns:
        The run as its last event left it.
    """
    redactor = redactor_for(settings)
    with store.owning() as run_id, signals.asking_to_stop(stop):
        stop.cancelled = store.is_asked_to_stop(run_id)
        facts = conduct(run_id, request, crew, stop)
        ended = follow(store.recording(run_id, facts, redactor), view)
        stop.cancelled = None
    store.close()
    return ended


def _view(given: Given, options: Globals) -> View:
    views: list[View] = []
    if given["jsonl"]:
        views.append(JsonLinesView(options.out))
    elif not given["json"] and (options.quiet or not options.out.live):
        views.append(_IdFirst(options))
    if options.quiet or given["no_watch"]:
        views.append(Brief(options.err, failures_only=options.quiet))
    else:
        views.append(view_for(options.err))
    return Together(views)


class _IdFirst(Silent):
    """Prints the run's id as soon as the run exists, alone on one line."""

    def __init__(self, options: Globals) -> None:
        self._options = options
        self._told = False

    def show(self, recorded: Any) -> None:  # noqa: ANN401
        if recorded is not None and not self._told:
            self._options.out.write([recorded.run_id])
            self._told = True


def _show_plan(request: RunRequest, settings: Settings, store: Store, options: Globals) -> None:
    crew = open_crew(request, settings, store)
    assignment, decided = first_assignment("RUN_ID", request, crew)
    command = crew.executor.command(assignment)
    if options.json:
        plan = {
            "prompt": assignment.prompt,
            "instructions": assignment.instructions,
            "channel": assignment.channel,
            "command": command,
            "planner": request.planner,
            "executor": request.executor,
            "task_type": request.task_type,
            "project_id": request.project_id,
            "workspace": str(assignment.workspace),
            "pattern": plain_object(decided),
        }
        options.out.emit(document(plan))
        return
    told = [("prompt", assignment.prompt), ("instructions", assignment.instructions)]
    told += [("pattern", "\n".join(choice_lines(decided, options.out)))]
    told += [("command", shlex.join(command)), ("workspace", str(assignment.workspace))]
    for title, text in told:
        if text:
            options.out.write([options.out.style(title, "bold"), text, ""])
    options.say("nothing was run")
