"""`crossrun run`: words of the command line become a request, and a request becomes a run."""

import shlex

from crossrun.cli import run_options as word
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.request import request_of, settings_of
from crossrun.cli.starting import Given, start
from crossrun.config.settings import Settings
from crossrun.engine import first_turn
from crossrun.model.requests import RunRequest
from crossrun.projections.documents import document, plain_object
from crossrun.services.app import App
from crossrun.services.assembly import gather_dependencies
from crossrun.services.lineage import prepare_run
from crossrun.store import Store
from crossrun.views.choices import choice_lines

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
    source: word.Source = None,
    clean: word.Clean = False,
    include: word.Include = None,
    folder_only: word.FolderOnly = False,
    follow_links: word.FollowLinks = None,
    from_run_id: word.FromRun = None,
    workspace: word.InPlace = None,
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
    max_cost: word.MaxCost = None,
    wait_for_quota: word.WaitForQuota = None,
    verify: word.Verify = None,
    no_watch: word.NoWatch = False,
    detach: word.Detach = False,
    json: word.Json = False,
    jsonl: word.JsonLines = False,
    dry_run: word.DryRun = False,
) -> None:
    """Have an agent carry out a task in a workspace of its own.

    When standard output is not a terminal, the run's id is printed on it as soon as the run
    exists, and everything else goes to standard error.

    \b
    Examples:
      crossrun run "Add a --json flag to report.py" --source . --verify "pytest -q"
      crossrun run -f task.md --task-type writing --project-id handbook
      crossrun run "Plot the yields" --task-type data_analysis --offline
      id=$(crossrun run "Collect sources on soil carbon" --task-type research)
      crossrun run "The same for the March data" --reference-run-id "$id"
      crossrun run --executor shell "make report"
    """
    given: Given = dict(locals())
    options = current()
    settings = settings_of(given, options)
    app = App(settings, options.notify)
    store = app.store
    if dry_run:
        store.open_for_reading()
        _show_plan(request_of(given, settings, store, options), settings, store, options)
        return
    app.open_for_writing()
    request = request_of(given, settings, store, options)
    if settings.planner == "auto" and (request.executor, request.planner) == _UNPLANNED:
        options.say(_UNPLANNED_NOTE)
    start(lambda: prepare_run(store, request), given, app, options)


run_app = application("run", run)


def _show_plan(request: RunRequest, settings: Settings, store: Store, options: Globals) -> None:
    dependencies = gather_dependencies(request, settings, store)
    turn, decided = first_turn("RUN_ID", request, dependencies)
    command = dependencies.executor.command(turn)
    if options.json:
        plan = {
            "prompt": turn.prompt,
            "instructions": turn.instructions,
            "channel": turn.channel,
            "command": command,
            "planner": request.planner,
            "executor": request.executor,
            "task_type": request.task_type,
            "project_id": request.project_id,
            "workspace": str(turn.folder),
            "pattern": plain_object(decided),
        }
        options.out.emit(document(plan))
        return
    told = [("prompt", turn.prompt), ("instructions", turn.instructions)]
    told += [("pattern", "\n".join(choice_lines(decided, options.out)))]
    told += [("command", shlex.join(command)), ("workspace", str(turn.folder))]
    for title, text in told:
        if text:
            options.out.write([options.out.style(title, "bold"), text, ""])
    options.say("nothing was run")
