"""Task types are data: one YAML file each, shipped here, with the user's own beside them.

A file holds `name`, `title`, `summary`, instructions for the `planner` and for the `agent`, and the
`artifacts` that users of this type want to find again. A new task type needs no Python.
"""

from pathlib import Path
from typing import Any

from msgspec import Struct

from crossrun.errors import ConfigurationError, UsageError

_SHIPPED = Path(__file__).parent


class ArtifactKind(Struct, frozen=True):
    """Files of a task type that are worth keeping: a glob relative to the workspace."""

    kind: str
    glob: str


class TaskType(Struct, frozen=True):
    """One kind of work and what those who do it are told."""

    name: str
    title: str
    summary: str
    planner: str
    agent: str
    artifacts: tuple[ArtifactKind, ...]


def names(own: Path) -> list[str]:
    """All task types, the shipped ones and those in the user's own folder."""
    return sorted({file.stem for folder in (_SHIPPED, own) for file in folder.glob("*.yaml")})


def load(name: str, own: Path) -> TaskType:
    """A task type by name; the user's own come before the shipped ones.

    Args:
        name: as given with `--task-type`.
        own: the user's folder of task types; it need not exist.

    Raises:
        UsageError: there is no such task type.
        ConfigurationError: its file is broken.
    """
    known = names(own)
    if name not in known:
        raise UsageError(
            "TASK_TYPE_UNKNOWN",
            f"there is no task type {name!r}",
            hint=f"choose one of {', '.join(known)}, or add {own / 'NAME.yaml'}",
        )
    file = own / f"{name}.yaml"
    return _read(file if file.is_file() else _SHIPPED / f"{name}.yaml")


def _read(file: Path) -> TaskType:
    import yaml

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
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            "TASK_TYPE_INVALID",
            f"the task type in {file} cannot be used: {' '.join(str(error).split())}",
            hint="its fields are title, summary, planner, agent and artifacts; see docs/how-to",
        ) from error
