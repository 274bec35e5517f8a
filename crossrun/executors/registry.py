"""Makes the executor that a request names; see `model.executors` for what each can do."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module

from msgspec import Struct

from crossrun.config.settings import Settings
from crossrun.errors import ConfigurationError
from crossrun.events import Event
from crossrun.executors import Executor
from crossrun.model.diagnoses import Diagnosis
from crossrun.model.executors import EXECUTORS, ExecutorSpec
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Run


class RecordedRun(Struct, frozen=True):
    """An earlier run to repeat. `content` returns a file's content by its id in the snapshot."""

    run: Run
    events: Iterable[Event]
    content: Callable[[str], bytes | None]


class ExecutorContext(Struct, frozen=True):
    """What an executor may be made from.

    `environ` is the environment of agents. `recorded_run` finds an earlier run by its id.
    """

    request: RunRequest
    settings: Settings
    environ: Mapping[str, str]
    recorded_run: Callable[[str], RecordedRun]


def spec_of(name: str) -> ExecutorSpec:
    """What an executor can do.

    Raises:
        ConfigurationError: this version has no such executor.
    """
    spec = EXECUTORS.get(name)
    if spec is None:
        raise ConfigurationError(
            "EXECUTOR_UNKNOWN",
            f"this version of crossrun has no executor {name!r}",
            hint=f"update crossrun, or start a run with one of {', '.join(EXECUTORS)}",
        )
    return spec


def make_executor(context: ExecutorContext) -> Executor:
    """The executor that a request names, made by the function `make` of its package.

    Raises:
        CrossrunError: there is no such executor, or it lacks something, such as its program.
    """
    name = context.request.executor
    spec_of(name)
    executor: Executor = import_module(f"crossrun.executors.{name}").make(context)
    return executor


def packaged_program(name: str) -> str | None:
    """The program of an agent that comes with a Python package; None without the package."""
    try:
        module = import_module(f"crossrun.executors.{name}.program")
    except ModuleNotFoundError:
        return None
    path: str | None = module.packaged()
    return path


def examine(name: str, settings: Settings, environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    """What is to be said about an executor's program, by the module `examination` of its package.

    An executor without one needs no program.
    """
    try:
        module = import_module(f"crossrun.executors.{name}.examination")
    except ModuleNotFoundError:
        return
    yield from module.examine(settings, environ)
