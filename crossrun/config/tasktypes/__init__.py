"""Task types are data: a YAML file each, shipped here or in the user's own folder.

A file contains `title`, `summary`, instructions for the `planner` and for the `agent`, the
`artifacts` that are worth keeping, and the `finders` of what differs from one task to the next. A
new task type needs no Python.

Importing a YAML parser takes longer than recording a short run, so `shipped.json` holds the shipped
files as JSON. It is made by `docs/generate_reference.py`, and a test compares the two.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from crossrun.errors import ConfigurationError, UsageError

SHIPPED = Path(__file__).with_name("shipped.json")


class ArtifactKind(Struct, frozen=True):
    """Files of a task type that are worth keeping: a glob relative to the workspace.

    `*` and `?` do not go beyond one name; `**` stands for any folders, or none.
    """

    kind: str
    glob: str

    def __post_init__(self) -> None:
        if self.glob.startswith("/") or ".." in self.glob.split("/"):
            raise ValueError(f"the glob {self.glob!r} leads out of the workspace")

    def fits(self, path: str) -> bool:
        """Whether a path within the workspace is one of these files."""
        return _fits(path.split("/"), self.glob.split("/"))


def _fits(names: Sequence[str], globs: Sequence[str]) -> bool:
    if not globs:
        return not names
    if globs[0] == "**":
        return any(_fits(names[start:], globs[1:]) for start in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], globs[0]) and _fits(names[1:], globs[1:])


class Finder(Struct, frozen=True, forbid_unknown_fields=True):
    """A regular expression for the value of a variable in a task or in commands.

    With it, a single run is enough to learn from: what would differ in a second run is recognised
    by its form. Further values of the same finder are called `name_2` and `name_3`.
    """

    name: str
    type: Annotated[str, Meta(min_length=1)]
    """The kind of value, for people and agents: path, tone, columns."""
    find: Annotated[str, Meta(min_length=1)]
    """The value is the first group that matched; without groups, the whole match."""
    within: Literal["task", "commands", "both"] = "task"
    substitute: bool = True
    """Whether `{name}` replaces the value in steps; off for words that occur everywhere."""


class _CheckedFinder(Finder, frozen=True, forbid_unknown_fields=True):
    """A finder from a file. Those in `shipped.json` were checked when it was made."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a name such as file or test_command")
        if _NUMBERED.search(self.name):
            raise ValueError(f"{self.name!r} must not end in a number, which marks further values")
        try:
            re.compile(self.find)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{self.name}: `find` is not a regular expression: {error}") from error


_FIELDS = ("name", "title", "summary", "planner", "agent", "artifacts", "finders")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NUMBERED = re.compile(r"_[0-9]+\Z")


class TaskType(Struct, frozen=True):
    """One kind of work, with the instructions for it."""

    name: str
    title: str
    summary: str
    planner: str
    agent: str
    artifacts: tuple[ArtifactKind, ...]
    finders: tuple[Finder, ...] = ()
    warnings: tuple[str, ...] = ()
    """What is wrong with its file and does not make it unusable: fields that do not exist."""


def names(own: Path) -> list[str]:
    """All task types, the shipped ones and those in the user's own folder."""
    return sorted({*_shipped(), *(file.stem for file in own.glob("*.yaml"))})


def load(name: str, own: Path) -> TaskType:
    """A task type by name; the user's own come before the shipped ones.

    Args:
        name: as given with `--task-type`.
        own: the user's folder of task types; it need not exist.

    Raises:
        UsageError: there is no such task type.
        ConfigurationError: its file is broken.
    """
    file = own / f"{name}.yaml"
    choices = names(own)
    if name not in choices:
        raise UsageError(
            "TASK_TYPE_UNKNOWN",
            f"there is no task type {name!r}",
            hint=f"choose one of {', '.join(choices)}, or add {own / 'NAME.yaml'}",
        )
    return read(file) if file.is_file() else _shipped()[name]


@cache
def _shipped() -> dict[str, TaskType]:
    return msgspec.json.decode(SHIPPED.read_bytes(), type=dict[str, TaskType])


def read(file: Path) -> TaskType:
    """The task type in a YAML file.

    Raises:
        ConfigurationError: the file is broken.
    """
    import yaml

    from crossrun.config.yaml_problems import yaml_problem
    from crossrun.suggestions import unknown_names

    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=loader) or {}  # noqa: S506  both safe
        return TaskType(
            name=file.stem,
            title=str(content.get("title", file.stem)),
            summary=str(content.get("summary", "")),
            planner=str(content.get("planner", "")),
            agent=str(content.get("agent", "")),
            artifacts=tuple(ArtifactKind(**entry) for entry in content.get("artifacts", ())),
            finders=_finders(content),
            warnings=unknown_names(
                f"task type {file.stem}", content, choices=_FIELDS, kind="field"
            ),
        )
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise _unusable(file, yaml_problem(error)) from error
    except (msgspec.ValidationError, AttributeError, TypeError, ValueError) as error:
        raise _unusable(file, " ".join(str(error).split())) from error


def _unusable(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        "TASK_TYPE_INVALID",
        f"the task type in {file} cannot be used: {why}",
        hint=f"its fields are {', '.join(_FIELDS)}; crossrun help TASK_TYPE_INVALID",
    )


class _WithFinders(Struct):
    """The part of a file that is validated strictly, so that an error says where the mistake is."""

    finders: tuple[_CheckedFinder, ...] = ()

    def __post_init__(self) -> None:
        names = [finder.name for finder in self.finders]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two finders have the name {name}")


def _finders(content: dict[str, object]) -> tuple[Finder, ...]:
    return msgspec.convert({"finders": content.get("finders", ())}, _WithFinders).finders
