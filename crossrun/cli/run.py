"""`crossrun run`: words of the command line become a request, and a request becomes a run."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from crossrun.assembly import open_crew, redactor_for
from crossrun.cli import run_options as word
from crossrun.cli import signals
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.ledger import tell_interrupted
from crossrun.conduct import Crew, conduct, first_assignment
from crossrun.errors import UsageError
from crossrun.runs import CodexOptions, Limits, Run, RunRequest
from crossrun.schema import document, run_object
from crossrun.settings import EXECUTORS, PLANNERS, SANDBOXES, Settings, duration, one_of, positive
from crossrun.stopping import Stop
from crossrun.store import Store
from crossrun.views.live import JsonLinesView, Silent, Together, View, follow, view_for

_UNPLANNED = ("codex", "direct")
_UNPLANNED_NOTE = "no OPENAI_API_KEY, so no planning model: the agent gets the task as it is"
Given = dict[str, Any]
"""The words of the command line by the names of the function's arguments."""


def run(
    task: word.Task = None,
    file: word.File = None,
    task_type: word.TaskType = None,
    project_id: word.ProjectId = None,
    name: word.Name = None,
    tag: word.Tags = None,
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
      crossrun run --executor shell "make report"
    """
    given: Given = dict(locals())
    options = current()
    settings = _settings(given, options)
    store = Store(settings.paths)
    if dry_run:
        store.open_for_reading()
        _show_plan(_request(given, settings, store, options), settings, store, options)
        return
    store.open_for_writing()
    tell_interrupted(options, settings, store)
    request = _request(given, settings, store, options)
    crew = open_crew(request, settings, store)
    if settings["planner"] == "auto" and (request.executor, request.planner) == _UNPLANNED:
        options.say(_UNPLANNED_NOTE)
    stop = Stop()
    ended = carry_out(request, crew, settings, store, _view(given, options), stop)
    if json:
        options.out.write([document(run_object(ended))])
    code = signals.exit_code(stop)
    raise typer.Exit(code or ended.exit_code or 0)


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
        facts = conduct(run_id, request, crew, stop)
        ended = follow(store.recording(run_id, facts, redactor), view)
    store.close()
    return ended


def _view(given: Given, options: Globals) -> View:
    views: list[View] = []
    if given["jsonl"]:
        views.append(JsonLinesView(options.out))
    elif not given["json"] and not options.out.live:
        views.append(_IdFirst(options))
    watching = not given["no_watch"] and not options.quiet
    views.append(view_for(options.err) if watching else Silent())
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


def _settings(given: Given, options: Globals) -> Settings:
    offline, replay = given["offline"], given["offline"] or given["recording"]
    return options.settings(
        task_type=given["task_type"],
        project_id=given["project_id"],
        executor=_parsed("--executor", given["executor"], one_of(*EXECUTORS))
        or ("replay" if replay else None),
        planner="direct" if offline else _parsed("--planner", given["planner"], one_of(*PLANNERS)),
        planner_model=given["planner_model"],
        model=given["model"],
        sandbox=_parsed("--sandbox", given["sandbox"], one_of(*SANDBOXES)),
        network=given["network"] or None,
        profile=given["profile"],
        timeout=_parsed("--timeout", given["timeout"], duration),
        idle_timeout=_parsed("--idle-timeout", given["idle_timeout"], duration),
        max_turns=_parsed("--max-turns", given["max_turns"], positive),
        max_tokens=_parsed("--max-tokens", given["max_tokens"], positive),
        verify=given["verify"],
    )


def _request(given: Given, settings: Settings, store: Store, options: Globals) -> RunRequest:
    planner = _planner(settings)
    project = store.read.project(settings["project_id"])
    return RunRequest(
        task=_task(given["task"], given["file"]),
        task_type=settings["task_type"] or (project and project.task_type) or "code",
        project_id=settings["project_id"],
        name=given["name"],
        tags=tuple(given["tag"] or ()),
        executor=settings["executor"],
        planner="openai" if planner == "openai" else "direct",
        model=settings["model"],
        planner_model=settings["planner_model"] if planner == "openai" else None,
        codex=CodexOptions(
            sandbox=settings["sandbox"],
            network=settings["network"],
            profile=settings["profile"],
            add_dirs=_existing("--add-dir", given["add_dir"]),
            images=_existing("--image", given["image"]),
            config=tuple(given["config"] or ()),
            require_git_repo=settings["require_git_repo"],
        ),
        limits=Limits(
            timeout=settings["timeout"],
            idle_timeout=settings["idle_timeout"],
            max_turns=settings["max_turns"],
            max_tokens=settings["max_tokens"],
        ),
        verify=settings["verify"],
        recording=_recording(given["recording"], store, options),
    )


def _task(task: str | None, file: Path | None) -> str:
    if task is not None and file is not None:
        raise UsageError(
            "TASK_TWICE", "there is a task and a --file", hint="give one of them, not both"
        )
    if file is not None:
        text = _decoded(_read(file), str(file))
    elif task == "-":
        text = _decoded(sys.stdin.buffer.read(), "standard input")
    else:
        text = _decoded(os.fsencode(task or ""), "the task")
    if not text.strip():
        raise UsageError(
            "TASK_EMPTY",
            "there is no task",
            hint='say what to do: crossrun run "your task", or -f FILE, or - for standard input',
        )
    return text


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(
            "TASK_UNREADABLE",
            f"the task file {file} cannot be read: {error.strerror}",
            hint="check the path; a task that begins with a dash needs -- before it",
        ) from error


def _decoded(content: bytes, source: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(
            "TASK_UNREADABLE",
            f"{source} is not text in UTF-8",
            hint="a task is plain text; name other files in it instead",
        )
    return text


def _planner(settings: Settings) -> str:
    chosen: str = settings["planner"]
    if chosen != "auto":
        return chosen
    plans = settings["executor"] == "codex" and settings.environ.get("OPENAI_API_KEY")
    return "openai" if plans else "direct"


def _recording(reference: str | None, store: Store, options: Globals) -> str | None:
    if reference is None:
        return None
    file = Path(reference)
    chosen = f"file:{file.absolute()}" if file.is_file() else f"run:{store.read.run(reference).id}"
    question = f"The commands of {reference} run on this machine without a sandbox. Go on?"
    if not (options.yes or (sys.stdin.isatty() and typer.confirm(question, err=True))):
        raise UsageError(
            "CONSENT_NEEDED",
            "a recording runs its commands on this machine without a sandbox",
            hint="read it, then say --yes",
        )
    return chosen


def _existing(flag: str, paths: Sequence[Path] | None) -> tuple[str, ...]:
    for path in paths or ():
        if not path.exists():
            raise UsageError(
                "PATH_MISSING", f"{flag}: there is no {path}", hint="check the path's spelling"
            )
    return tuple(str(path.absolute()) for path in paths or ())


def _parsed(flag: str, text: str | None, parse: Callable[[str], Any]) -> Any:  # noqa: ANN401
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(
            "OPTION_INVALID", f"{flag}: {text!r} {error}", hint="see  crossrun run --help"
        ) from error


def _show_plan(request: RunRequest, settings: Settings, store: Store, options: Globals) -> None:
    crew = open_crew(request, settings, store)
    assignment = first_assignment("RUN_ID", request, crew)
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
            "pattern": None,
        }
        options.out.write([document(plan)])
        return
    told = [("prompt", assignment.prompt), ("instructions", assignment.instructions)]
    told += [("command", shlex.join(command)), ("workspace", str(assignment.workspace))]
    for title, text in told:
        if text:
            options.out.write([options.out.style(title, "bold"), text, ""])
    options.say("nothing was run")
