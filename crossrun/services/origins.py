"""Where the values of a request came from, and what they are: for `why`."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from crossrun.config.settings import Settings
from crossrun.model.executors import EXECUTORS
from crossrun.model.requests import BeginWith, RunRequest
from crossrun.model.runs import Project
from crossrun.services.options import CommonOptions, RunOptions

DEFAULT = "default"
_FLAG = "flag"
_VALUES: dict[str, Callable[[RunRequest], Any]] = {
    "project_id": lambda request: request.project_id,
    "task_type": lambda request: request.task_type,
    "executor": lambda request: request.executor,
    "planner": lambda request: request.planner,
    "planner_model": lambda request: request.planner_model,
    "model": lambda request: request.model,
    "sandbox": lambda request: request.agent.sandbox,
    "network": lambda request: request.agent.network,
    "profile": lambda request: request.codex.profile,
    "require_git_repo": lambda request: request.codex.require_git_repo,
    "timeout": lambda request: request.limits.timeout,
    "idle_timeout": lambda request: request.limits.idle_timeout,
    "max_turns": lambda request: request.limits.max_turns,
    "max_tokens": lambda request: request.limits.max_tokens,
    "max_cost": lambda request: request.limits.max_cost,
    "wait_for_quota": lambda request: request.limits.wait_for_quota,
    "verify": lambda request: request.verify,
    "require_proof": lambda request: request.require_proof,
    "source": lambda request: _source(request.begin_with),
    "workspace.setup": lambda request: request.begin_with.setup,
    "input": lambda request: list(request.begin_with.inputs) or None,
    "apply": lambda request: request.apply or None,
    "branch": lambda request: request.branch,
    "patterns.scope": lambda request: request.memory.scope,
    "patterns.holdout": lambda request: request.memory.holdout,
    "patterns.learn_with": lambda request: request.memory.learn_with,
    "patterns.compiled": lambda request: request.memory.compiled,
    "patterns.form": lambda request: request.memory.form,
    "patterns.max_steps": lambda request: request.memory.max_steps,
    "patterns.max_tokens": lambda request: request.memory.max_tokens,
}
_OPTIONS = {
    "patterns.learn_with": "learn_with",
    "patterns.compiled": "compiled",
    "input": "inputs",
}
"""The options that are called otherwise than what they set."""
_SOURCES = ("source", "from_run_id", "workspace", "empty")
_OF_AGENTS = ("planner", "planner_model", "model", "sandbox", "network", "profile",
              "require_git_repo", "max_turns")  # fmt: skip
"""What means nothing to executors other than agents."""


class AppliedSetting(Struct, frozen=True):
    """A value that applied to a run, and where it came from; `origin` is None if not recorded."""

    name: str
    value: Any
    origin: str | None


def origins_of(
    given: RunOptions, options: RunOptions, settings: Settings, project: Project | None
) -> dict[str, str]:
    """Where the values of a request come from, other than defaults. No values are among it.

    Args:
        given: what the user said.
        options: the same, completed from a template if there is one.
        settings: what completes it.
        project: the project of the run, if it has begun.
    """
    origins = {
        name: settings.origins[name]
        for name in _VALUES
        if settings.origins.get(name, DEFAULT) != DEFAULT
    }
    if settings.origins.get("run.source", DEFAULT) != DEFAULT:
        origins["source"] = settings.origins["run.source"]
    if project is not None and project.setup is not None:
        origins["workspace.setup"] = "project"
    if project is not None and project.task_type is not None and settings.task_type is None:
        origins["task_type"] = "project"
    if options.replays:
        origins |= {"executor": _FLAG} | ({"planner": _FLAG} if options.offline else {})
    if any(getattr(options, name) for name in _SOURCES):
        origins["source"] = _FLAG
    flags = _given(given)
    return origins | {name: _FLAG if name in flags else "template" for name in _given(options)}


def revised_origins(options: CommonOptions, request: RunRequest) -> dict[str, str] | None:
    """The origins of an earlier request that is repeated with some other values."""
    if request.origins is None:
        return None
    return {**request.origins, **dict.fromkeys(_given(options), _FLAG)}


def applied_settings(request: RunRequest) -> list[AppliedSetting]:
    """The values that applied to a run, those without a value left out."""
    spec = EXECUTORS.get(request.executor)
    left_out = () if spec is None or spec.is_agent else _OF_AGENTS
    return [
        AppliedSetting(name, value, _origin(name, request))
        for name, read in _VALUES.items()
        if name not in left_out and (value := read(request)) is not None
    ]


def _origin(name: str, request: RunRequest) -> str | None:
    return None if request.origins is None else request.origins.get(name, DEFAULT)


def _given(options: CommonOptions) -> list[str]:
    """The names of what the options set."""
    values = {name: getattr(options, _option(name), None) for name in _VALUES if "." not in name}
    values |= {name: getattr(options, option, None) for name, option in _OPTIONS.items()}
    return [
        name for name, value in values.items() if value not in (None, ()) and value is not False
    ]


def _option(name: str) -> str:
    return _OPTIONS.get(name, name)


def _source(begin: BeginWith) -> str | None:
    return begin.path or begin.url or begin.run_id or begin.in_place
