"""From options and settings to requests: checked, and completed from settings and store."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from crossrun.config.settings import Settings
from crossrun.errors import ConfigurationError, ConsentNeeded, NotFoundError, UsageError
from crossrun.executors.registry import spec_of
from crossrun.model.choices import Planner
from crossrun.model.executors import OFFLINE_EXECUTOR
from crossrun.model.requests import AgentOptions, CodexOptions, Limits, MemoryOptions, RunRequest
from crossrun.model.runs import Project, Run
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.services.assembly import recorded_task
from crossrun.services.begin_with import begin_with_of
from crossrun.services.lineage import PreparedRun, in_use_error, prepare_resume, prepare_retry
from crossrun.services.options import (
    CommonOptions,
    ResumeOptions,
    RetryOptions,
    RunOptions,
    conflict,
    require_text,
)
from crossrun.services.origins import origins_of, revised_origins
from crossrun.store import Store

Value = TypeVar("Value")

ProjectReader = Callable[[str], Project | None]


def run_request(
    options: RunOptions, app: App, project_of: ProjectReader | None = None
) -> RunRequest:
    """The request for a new run.

    Args:
        options: what the user says about it.
        app: its settings complete the options.
        project_of: reads a project, where many requests are made; by default from the store.

    Raises:
        ConsentNeeded: the user has to agree to something first.
        CrossrunError: there is no task, or something that the options name does not exist.
    """
    settings, store, given = app.settings, app.store, options
    executor = _executor(options, settings)
    project_id = _given(options.project_id, settings.project_id)
    project = (project_of or store.read.project)(project_id)
    begin_with = begin_with_of(
        options,
        app,
        project.setup if project else None,
        plays_recordings=spec_of(executor).plays_recordings,
    )
    if options.template is not None:
        from crossrun.services.templates.filling import completed_from_template

        options = completed_from_template(options, executor, begin_with, app)
    planner = _planner(options, executor, app)
    recording = _recording(options, store)
    task_type = _task_type(options, recording, project, app)
    if spec_of(executor).plays_recordings and recording is None:
        recording = f"shipped:{task_type}"
    planner_model = _given(options.planner_model, settings.planner_model)
    request = RunRequest(
        task=_task(options.task, recording, store),
        task_type=task_type,
        project_id=project_id,
        name=options.name,
        tags=options.tags,
        executor=executor,
        planner=planner,
        model=_given(options.model, settings.model),
        planner_model=planner_model if planner == "openai" else None,
        agent=_agent(options, settings),
        codex=_codex(options, settings),
        limits=_limits(options, settings),
        verify=_given(options.verify, settings.verify),
        require_proof=_given(options.require_proof, settings.require_proof),
        recording=recording,
        memory=_memory(options, settings, executor, store),
        begin_with=begin_with,
        template=options.template,
        origins=origins_of(given, options, settings, project),
        apply=options.apply,
        branch=options.branch,
    )
    _require_provable(request)
    if request.apply:
        from crossrun.services.apply import require_target

        require_target(request, app)
    return request


@contextmanager
def resumed_run(options: ResumeOptions, run_id: str, app: App) -> Iterator[PreparedRun]:
    """A run that continues another one, which no other command can use meanwhile.

    Raises:
        CrossrunError: the earlier run cannot be continued, or a limit of it is used up.
    """
    with _taking_over(run_id, app) as run:
        prepared = prepare_resume(app.store, run, options.task, partial(_revised, options))
        _require_limits_left(prepared, run)
        yield prepared


@contextmanager
def retried_run(options: RetryOptions, run_id: str, app: App) -> Iterator[PreparedRun]:
    """A run that repeats another one, which no other command can use meanwhile.

    Raises:
        CrossrunError: the earlier run cannot be repeated.
    """
    with (
        _taking_over(run_id, app) as run,
        prepare_retry(
            app.store,
            run,
            options.task,
            partial(_revised, options),
            keep_workspace=options.keep_workspace,
        ) as prepared,
    ):
        yield prepared


@contextmanager
def _taking_over(run_id: str, app: App) -> Iterator[Run]:
    with app.store.taking_over(run_id) as is_free:
        if not is_free:
            raise in_use_error(app.run(run_id))
        yield app.run(run_id)


def _require_limits_left(prepared: PreparedRun, run: Run) -> None:
    state, limits = prepared.parent.state, prepared.request.limits
    reached = state.limit_reached(limits)
    if reached is not None:
        raise UsageError("LIMIT_USED_UP", reached.message, hint=reached.hint)
    if limits.max_cost is not None and state.spent.cost is None:
        raise ConfigurationError(
            "PRICE_UNKNOWN",
            f"--max-cost cannot be enforced: the cost of the run {run.id} is not known",
            hint="leave --max-cost out, or choose another task",
        )


def _revised(options: CommonOptions, request: RunRequest) -> RunRequest:
    """An earlier request with the limits and the check that are given now."""
    revised = replace(
        request,
        limits=_limits(options, request.limits),
        verify=options.verify or request.verify,
        require_proof=options.require_proof or request.require_proof,
        origins=revised_origins(options, request),
    )
    _require_provable(revised)
    return revised


def _require_provable(request: RunRequest) -> None:
    """Refuses a run that could only fail: nothing but a check from outside proves it."""
    if request.require_proof == "proven" and request.verify is None:
        raise UsageError(
            "OPTION_INVALID",
            "--require-proof proven needs --verify: only a check from outside proves a run",
            hint="give --verify CMD, or --require-proof checked for the agent's own check",
        )


def _given(option: Value | None, otherwise: Value) -> Value:
    return otherwise if option is None else option


def _executor(options: RunOptions, settings: Settings) -> str:
    return options.executor or (OFFLINE_EXECUTOR if options.replays else settings.executor)


def _task_type(
    options: RunOptions, recording: str | None, project: Project | None, app: App
) -> str:
    return (
        options.task_type
        or _recorded_task_type(recording, app.store)
        or app.settings.task_type
        or (project and project.task_type)
        or "code"
    )


def _planner(options: RunOptions, executor: str, app: App) -> Planner:
    if options.offline:
        return "direct"
    choice = _given(options.planner, app.settings.planner)
    if choice != "auto":
        return choice
    if not spec_of(executor).is_agent:
        return "direct"
    if app.settings.environ.get("OPENAI_API_KEY"):
        return "openai"
    return "direct"


def _recording(options: RunOptions, store: Store) -> str | None:
    reference = options.recording
    if reference is None:
        return None
    file = Path(reference)
    if file.is_file():
        recording = f"file:{file.absolute()}"
    elif file.suffix or len(file.parts) > 1:  # no id looks like this
        raise NotFoundError(
            "RECORDING_NOT_FOUND",
            f"--recording: there is no file {reference}",
            hint="check the path, or give the id of a run",
        )
    else:
        recording = f"run:{store.read.run(reference).id}"
    if not options.consent:
        raise ConsentNeeded(
            "CONSENT_NEEDED",
            f"The commands of {reference} run on this machine without a sandbox. Continue?",
            hint="read it, then use --yes",
        )
    return recording


def _recorded_task_type(recording: str | None, store: Store) -> str | None:
    """The task type of the run that is repeated, so that the same artifacts are kept."""
    kind, _, run_id = (recording or "").partition(":")
    return store.read.run(run_id).task_type if kind == "run" else None


def _task(task: str | None, recording: str | None, store: Store) -> str:
    if task is None and recording is not None:
        return recorded_task(recording, store)
    text = require_text(task or "", "the task")
    if not text.strip():
        raise UsageError(
            "TASK_EMPTY",
            "there is no task",
            hint='say what to do: crossrun run "your task", or -f FILE, or - for standard input',
        )
    return text


def _agent(options: RunOptions, settings: Settings) -> AgentOptions:
    return AgentOptions(
        sandbox=_given(options.sandbox, settings.sandbox),
        network=_given(options.network, settings.network),
        add_dirs=_existing("--add-dir", options.add_dirs),
        images=_existing("--image", options.images),
    )


def _codex(options: RunOptions, settings: Settings) -> CodexOptions:
    return CodexOptions(
        profile=_given(options.profile, settings.profile),
        config=options.config,
        require_git_repo=settings.require_git_repo,
    )


def _existing(flag: str, paths: Sequence[Path]) -> tuple[str, ...]:
    for path in paths:
        if not path.exists():
            raise UsageError(
                "PATH_MISSING", f"{flag}: {path} does not exist", hint="check the path's spelling"
            )
    return tuple(str(path.absolute()) for path in paths)


def _limits(options: CommonOptions, otherwise: Settings | Limits) -> Limits:
    return Limits(
        timeout=_given(options.timeout, otherwise.timeout),
        idle_timeout=_given(options.idle_timeout, otherwise.idle_timeout),
        max_turns=_given(options.max_turns, otherwise.max_turns),
        max_tokens=_given(options.max_tokens, otherwise.max_tokens),
        max_cost=_given(options.max_cost, otherwise.max_cost),
        wait_for_quota=_given(options.wait_for_quota, otherwise.wait_for_quota),
    )


def _require_variables(pairs: Sequence[str], pattern_id: str, store: Store) -> None:
    """Refuses values for variables that the script of the named pattern does not have."""
    from crossrun.memory.compiling import compiled_pattern, given_values
    from crossrun.patterns.compiling.values import Compiled

    script = compiled_pattern(store, store.patterns.pattern(pattern_id))
    if not isinstance(script, Compiled):
        return
    names = [argument.name for argument in script.arguments]
    unknown = next((name for name in given_values(pairs) if name not in names), None)
    if unknown is not None:
        raise UsageError(
            "OPTION_INVALID",
            f"--var: the script of {pattern_id} has no variable {unknown!r}",
            hint=f"its variables: {', '.join(names) or 'none'}",
        )


def _memory(options: RunOptions, settings: Settings, executor: str, store: Store) -> MemoryOptions:
    reference, pattern_id, version = options.reference_run_id, options.pattern, None
    is_named = reference is not None or pattern_id is not None
    if is_named and spec_of(executor).runs_task:
        flag = "--pattern" if reference is None else "--reference-run-id"
        raise conflict(flag, f"the executor {executor}, which takes no instructions,")
    is_asked_for = options.compiled or spec_of(executor).runs_patterns
    if spec_of(executor).runs_patterns and not is_named:
        raise UsageError(
            "OPTION_INVALID",
            f"the executor {executor} runs the script of a pattern, but no pattern was named",
            hint="name it: --pattern PAT",
        )
    if options.var and not is_asked_for and settings.patterns.compiled == "never":
        raise UsageError(
            "OPTION_INVALID",
            "--var needs --template or --compiled",
            hint="name the template that has the variable; list them: crossrun templates",
        )
    if reference is not None:
        reference = store.read.run(_not_empty(reference, "--reference-run-id")).id
        pattern_id = _learned_from(reference, store)
    elif pattern_id is not None:
        pattern, version = store.patterns.named(_not_empty(pattern_id, "--pattern"))
        pattern_id = pattern.id
    if version is not None and is_asked_for:
        raise conflict("a version of a pattern", "its script, which is made from all of its runs,")
    if options.var and pattern_id is not None:
        _require_variables(options.var, pattern_id, store)
    return MemoryOptions(
        off=options.no_pattern,
        pattern_id=pattern_id,
        pattern_version=version,
        reference_run_id=reference,
        scope=settings.patterns.scope,
        holdout=settings.patterns.holdout,
        learn_with=_given(options.learn_with, settings.patterns.learn_with),
        compiled=_compiled(settings, asked_for=is_asked_for, version=version),
        values=options.var,
        form=settings.patterns.form,
        max_steps=settings.patterns.max_steps,
        max_tokens=settings.patterns.max_tokens,
    )


def _compiled(settings: Settings, *, asked_for: bool, version: int | None) -> str:
    """When a script does the work: never that of a version, since a script has none."""
    if asked_for:
        return "always"
    return settings.patterns.compiled if version is None else "never"


def _not_empty(text: str, flag: str) -> str:
    """Refuses the empty variable of a script."""
    if not text.strip():
        raise UsageError(
            "OPTION_INVALID", f"{flag} is empty", hint="give an id, or leave out the option"
        )
    return text


def _learned_from(run_id: str, store: Store) -> str:
    pattern_id = store.patterns.learned_from(run_id)
    if pattern_id is not None:
        return pattern_id
    run = store.read.run(run_id)
    if run.learned_pattern_id is not None:
        why = "it was removed"
    elif store.reviews.state(run_id) == "waiting":
        raise NotFoundError(
            "PATTERN_NOT_LEARNED",
            f"the lesson of run {run_id} waits for your review",
            hint=f"look at it: crossrun patterns review {run_id}",
        )
    elif store.reviews.state(run_id) == "dropped":
        why = "you dropped its lesson"
    elif run.imported_from is not None:
        why = "its session does not show that the work succeeded"
    elif run.pattern is None:
        why = "it is older than pattern memory"
    elif run.status is Status.SUCCEEDED:
        why = "too little was done in it"
    else:
        why = "it did not succeed"
    raise NotFoundError(
        "PATTERN_NOT_LEARNED",
        f"the run {run_id} has no pattern: {why}",
        hint="list the patterns: crossrun patterns; or name one with --pattern",
    )
