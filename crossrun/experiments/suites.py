"""Suites: the tasks of an experiment, from a YAML file.

    defaults: {verify: pytest -q}
    tasks:
      - name: fix-dates
        task: Fix the failing test in dates.py
        source: fixtures/dates
      - {name: fix-names, task: Fix the failing test in names.py, source: fixtures/names}

`source` is a folder relative to the file, or the URL of a repository. In `verify`, `{suite}` is the
folder of the file, so a check can lie where no agent sees it.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from crossrun.config.values import duration
from crossrun.config.yaml_problems import yaml_problem
from crossrun.errors import UsageError
from crossrun.suggestions import did_you_mean

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/\s]+@[^/\s]+:")
_KEYS = ("name", "task", "source", "verify", "tags", "task_type", "timeout")


class SuiteTask(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task of a suite; None means what a run without that option would do.

    `name` stands for it in results, never in what an agent sees.
    """

    task: str
    name: str = ""
    source: str | None = None
    verify: str | None = None
    tags: tuple[str, ...] = ()
    task_type: str | None = None
    timeout: float | None = None


class Suite(Struct, frozen=True):
    """Tasks with unique names, and the file that they come from."""

    path: Path
    tasks: tuple[SuiteTask, ...]


def read_suite(path: Path) -> Suite:
    """The suite in a file.

    Raises:
        UsageError: it cannot be read, or an entry is not valid; the message names both.
    """
    content = _content(path)
    defaults = content.get("defaults") or {}
    entries = content.get("tasks")
    unknown = sorted(map(str, content.keys() - {"defaults", "tasks"}))
    if unknown:
        raise _invalid(path, f"there is no key {unknown[0]!r}; its keys are defaults and tasks")
    if not isinstance(entries, list) or not entries:
        raise _invalid(path, "it has no list of tasks")
    if not isinstance(defaults, dict) or defaults.keys() & {"name", "task"}:
        raise _invalid(path, "the defaults are options of all tasks, not their names or texts")
    tasks = [_task(path, number, entry, defaults) for number, entry in enumerate(entries, 1)]
    _require_unique(path, tasks)
    return Suite(path, tuple(tasks))


def _content(path: Path) -> dict[str, Any]:
    import yaml

    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  both safe
    except OSError as error:
        raise _invalid(path, f"it cannot be read: {yaml_problem(error)}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _invalid(path, yaml_problem(error)) from error
    if not isinstance(content, dict):
        raise _invalid(path, "it has no list of tasks")
    return content


def _task(path: Path, number: int, entry: object, defaults: Mapping[str, Any]) -> SuiteTask:
    place = f"task {number}"
    if isinstance(entry, dict) and isinstance(entry.get("name"), str):
        place += f" ({entry['name']})"
    if not isinstance(entry, dict):
        raise _invalid(path, f"{place}: it is not a mapping with a key `task`")
    unknown = next((key for key in {**defaults, **entry} if key not in _KEYS), None)
    if unknown is not None:
        raise _invalid(path, f"{place}: there is no key {unknown!r}{_nearest(unknown)}")
    try:
        task = msgspec.convert(_with_seconds({**defaults, **entry}), SuiteTask)
    except (msgspec.ValidationError, ValueError) as error:
        raise _invalid(path, f"{place}: {error}") from error
    if not task.task.strip():
        raise _invalid(path, f"{place}: its task is empty")
    return _at_home(replace(task, name=task.name.strip() or f"task-{number}"), path)


def _with_seconds(entry: dict[str, Any]) -> dict[str, Any]:
    if "timeout" not in entry:
        return entry
    try:
        return {**entry, "timeout": duration(str(entry["timeout"]))}
    except ValueError as error:
        raise ValueError(f"timeout: {entry['timeout']!r} {error}") from error


def _at_home(task: SuiteTask, path: Path) -> SuiteTask:
    """The task with its relative folder made absolute, and the suite's folder in its check."""
    home = path.absolute().parent
    source, verify = task.source, task.verify
    if source is not None and not _URL.match(source):
        folder = home / Path(source).expanduser()
        if not folder.is_dir():
            raise _invalid(path, f"{task.name}: there is no folder {folder}")
        source = str(folder)
    if verify is not None:
        verify = verify.replace("{suite}", shlex.quote(str(home)))
    return replace(task, source=source, verify=verify)


def _require_unique(path: Path, tasks: list[SuiteTask]) -> None:
    names = [task.name for task in tasks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _invalid(path, f"two tasks have the name {twice!r}")


def _nearest(key: object) -> str:
    near = did_you_mean(str(key), _KEYS, shown=repr)
    return near or f"; the keys are {', '.join(_KEYS)}"


def _invalid(path: Path, why: str) -> UsageError:
    return UsageError(
        "SUITE_INVALID",
        f"the suite {path} cannot be used: {why}",
        hint="for the format, see: crossrun help experiments",
    )
