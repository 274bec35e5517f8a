"""What a run works with, made from the settings: the only module that chooses implementations."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from crossrun.config.settings import SETTINGS, Settings
from crossrun.config.sources import variable_names
from crossrun.config.tasktypes import TaskType
from crossrun.config.tasktypes import load as load_task_type
from crossrun.engine.context import Queue, RunDependencies
from crossrun.errors import AuthenticationError, ConfigurationError, UsageError
from crossrun.events import Event, decode
from crossrun.executors import Executor
from crossrun.executors.registry import (
    ExecutorContext,
    RecordedRun,
    make_executor,
    spec_of,
)
from crossrun.memory import LessonPolicy, StoredMemory
from crossrun.model.executors import SCRIPT_EXECUTOR
from crossrun.model.requests import RunRequest
from crossrun.model.runs import ApplyOutcome, require_own_files
from crossrun.model.tokens import Price
from crossrun.patterns import Person
from crossrun.planning import Planner
from crossrun.planning.direct import DirectPlanner
from crossrun.services.app import App
from crossrun.services.forecasts import outlook_for
from crossrun.store import Store
from crossrun.store.artifacts import Archives
from crossrun.workspace.environment import for_workspaces, unusable_temporary
from crossrun.workspace.folder_names import folder_name
from crossrun.workspace.git.version import require_recent_git

if TYPE_CHECKING:
    from crossrun.planning.wording import Rewriter

_WORDING_TIMEOUT = 30.0


def gather_dependencies(request: RunRequest, app: App) -> RunDependencies:
    """Makes what a run works with.

    Raises:
        CrossrunError: something is missing; nothing has been recorded yet.
    """
    settings, store = app.settings, app.store
    check_task(request)
    folder_name(request.project_id)
    task_type = load_task_type(request.task_type, settings.paths.task_types)
    planner = _planner(request, settings)
    executor = _executor(request, app)
    require_recent_git()
    return RunDependencies(
        planner=planner,
        executor=executor,
        workspaces=app.workspaces,
        archives=Archives(settings.paths.artifacts, app.redactor),
        memory=_memory(request, app, task_type),
        task_type=task_type,
        environ=agents_environ(settings),
        prices=_prices(request, executor.model(), settings),
        queue=_queue(settings, store),
        processes=settings.paths.processes,
        warnings=(*_warnings(settings), *task_type.warnings),
        script_executor=lambda: _executor(replace(request, executor=SCRIPT_EXECUTOR), app),
        recorded=partial(_recorded, store),
        foresight=partial(outlook_for, store),
        apply=_apply(request, app),
    )


def _apply(request: RunRequest, app: App) -> Callable[[str], ApplyOutcome] | None:
    if not request.apply:
        return None
    from crossrun.services.apply import apply_at_end

    return partial(apply_at_end, request, app)


def _recorded(store: Store, run_id: str, types: Sequence[str]) -> Iterator[tuple[int, Event]]:
    for stored in store.read.events(run_id, types=types):
        yield stored.seq, decode(stored.body)


def _warnings(settings: Settings) -> tuple[str, ...]:
    """Problems with the environment that do not keep the run from working."""
    return tuple(
        f"{name} is not a folder that can be written to: {settings.environ[name]}; it is not passed"
        " on to the agent"
        for name in unusable_temporary(settings.environ)
    )


def person(settings: Settings) -> Person:
    """The user of this machine, for what must not become part of patterns."""
    environ = settings.environ
    user = environ.get("USER") or environ.get("LOGNAME") or ""
    return Person(home=environ.get("HOME", ""), user=user)


def agents_environ(settings: Settings) -> dict[str, str]:
    """The environment of agents and of commands in their workspaces, without crossrun's secrets."""
    secrets = {name for key in SETTINGS if SETTINGS[key].is_secret for name in variable_names(key)}
    environ = {name: value for name, value in settings.environ.items() if name not in secrets}
    return for_workspaces(environ, settings.paths.workspaces)


def check_task(request: RunRequest) -> None:
    """Raises UsageError if the task is longer than the executor takes."""
    longest = spec_of(request.executor).longest_task
    if len(request.task) > longest:
        raise UsageError(
            "TASK_TOO_LONG",
            f"the task has {len(request.task):,} characters, the agent takes {longest:,} at most",
            hint="put the material into a file in the workspace and say in the task what to do "
            "with it",
        )


def _prices(
    request: RunRequest, model: str | None, settings: Settings
) -> dict[Literal["agent", "planner"], Price]:
    """The known prices of the models in use."""
    models: dict[Literal["agent", "planner"], str | None] = {}
    spec = spec_of(request.executor)
    if spec.is_agent:
        models["agent"] = model
    if request.planner == "openai":
        models["planner"] = request.planner_model
    prices = {name: Price(**price) for name, price in settings.prices.items()}
    unknown = [
        name or f"{spec.title}'s default model" for name in models.values() if name not in prices
    ]
    if unknown and request.limits.max_cost is not None:
        raise ConfigurationError(
            "PRICE_UNKNOWN",
            f"the cost cannot be limited: the price of {unknown[0]} is not known",
            hint="name the model with --model, and its price in the setting `prices`",
        )
    return {part: prices[name] for part, name in models.items() if name in prices}


def _queue(settings: Settings, store: Store) -> Queue | None:
    limit = settings.runs.max_parallel
    return None if limit is None else store.queue(limit)


def _memory(request: RunRequest, app: App, task_type: TaskType) -> StoredMemory:
    settings, store = app.settings, app.store
    return StoredMemory(
        store,
        task_type,
        person=person(settings),
        path=settings.environ.get("PATH"),
        redactor=app.redactor,
        references=settings.paths.references,
        policy=LessonPolicy(_writer(request, settings), settings.patterns.review == "always"),
    )


def _writer(request: RunRequest, settings: Settings) -> "Rewriter | None":
    if request.memory.learn_with is None:
        return None
    from crossrun.planning.openai.wording import OpenAIRewriter

    return OpenAIRewriter(
        model=request.memory.learn_with, environ=settings.environ, timeout=_WORDING_TIMEOUT
    )


def _planner(request: RunRequest, settings: Settings) -> Planner:
    if request.planner == "direct":
        return DirectPlanner()
    if request.planner != "openai":
        raise ConfigurationError(
            "PLANNER_UNKNOWN",
            f"this version of crossrun has no planner {request.planner!r}",
            hint="update crossrun, or start a run with --planner direct",
        )
    if spec_of(request.executor).runs_task:
        raise UsageError(
            "PLANNER_WITH_SHELL",
            "a planning model may not write scripts for the shell executor",
            hint="use --planner direct, or --executor codex",
        )
    environ = settings.environ
    if not any(environ.get(name, "").strip() for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL")):
        raise AuthenticationError(
            "PLANNER_AUTH",
            "the planner openai needs a key",
            hint="set OPENAI_API_KEY, or OPENAI_BASE_URL for a local server, or --planner direct",
        )
    from crossrun.planning.openai import OpenAIPlanner

    return OpenAIPlanner(
        model=request.planner_model or settings.planner_model,
        environ=environ,
        timeout=request.limits.idle_timeout,
    )


def _executor(request: RunRequest, app: App) -> Executor:
    def recorded_run(run_id: str) -> RecordedRun:
        run = app.store.read.run(run_id)
        require_own_files(run)
        snapshots = app.workspaces.snapshots(Path(run.workspace))
        events = (decode(stored.body) for stored in app.store.read.events(run.id))
        return RecordedRun(run, events, snapshots.blob)

    environ = agents_environ(app.settings)
    return make_executor(ExecutorContext(request, app.settings, environ, recorded_run))


def recorded_task(recording: str, store: Store) -> str:
    """The task that a recording was made with; see `RunRequest.recording`."""
    from crossrun.executors.replay.recording import load_named

    kind, _, name = recording.partition(":")
    return store.read.run(name).task if kind == "run" else load_named(kind, name).task
