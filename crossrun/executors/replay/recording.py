"""Recorded sessions, as the replay executor plays them.

A recording is a YAML (or JSON) file that people can read before they consent to run it; the format
is described in docs/reference/recordings.md. An earlier run can be played too, with the contents of
changed files from its snapshots.
"""

import base64
import contextlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct

from crossrun.errors import UsageError
from crossrun.events import (
    AgentReasoned,
    AgentSpoke,
    CommandDeclined,
    CommandRan,
    CommandStarted,
    Event,
    FileChanged,
    PlanUpdated,
    ToolCalled,
    UnknownEvent,
)
from crossrun.redaction import MASK

SHIPPED = Path(__file__).parent / "recordings"
_FORMAT = 1
_Statement = AgentSpoke | AgentReasoned | PlanUpdated | ToolCalled


class RecordedWrite(Struct, frozen=True):
    """A file change with the new content; `content` is None for a deletion."""

    changed: FileChanged
    content: bytes | None


RecordedEntry = _Statement | CommandRan | RecordedWrite


class Recording(Struct, frozen=True):
    """A session to play. `workspace` is where it was recorded; in commands it is replaced."""

    title: str
    task: str
    entries: tuple[RecordedEntry, ...]
    workspace: str | None = None


def shipped_names() -> list[str]:
    """The task types with a shipped recording."""
    return sorted(file.stem for file in SHIPPED.glob("*.yaml"))


def load_named(kind: str, name: str) -> Recording:
    """Reads the recording `shipped:NAME` or `file:PATH`; see `RunRequest.recording`.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    if kind == "file":
        return load(Path(name))
    if name not in shipped_names():
        raise UsageError(
            "RECORDING_MISSING",
            f"no recording ships for the task type {name}",
            hint=f"choose one of {', '.join(shipped_names())}, or give one with --recording",
        )
    return load(SHIPPED / f"{name}.yaml")


def load(file: Path) -> Recording:
    """Reads a recording from a file.

    Raises:
        UsageError: it cannot be read or is incomplete; nothing of it has been run.
    """
    import yaml

    try:
        content = _parsed(file.read_text(encoding="utf-8-sig"))
        _require_storable(content)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise _unusable(str(file), " ".join(str(error).split())) from error
    if not isinstance(content, dict) or content.get("recording") != _FORMAT:
        raise _unusable(str(file), f"it does not begin with `recording: {_FORMAT}`")
    lines = content.get("events")
    if not isinstance(lines, list) or not lines:
        raise _unusable(str(file), "it has no events")
    entries = [_entry(line, f"event {number}", file) for number, line in enumerate(lines, 1)]
    title = str(content.get("title") or file.stem)
    return Recording(title, str(content.get("task") or ""), tuple(entries))


def _require_storable(content: Any) -> None:  # noqa: ANN401  unchecked
    """Refuses what can be read but not stored.

    Raises:
        ValueError: a list contains itself, or a text has lone surrogates.
        RecursionError: it is nested too deeply.
    """
    json.dumps(content, ensure_ascii=False, default=str).encode()


def _parsed(text: str) -> Any:  # noqa: ANN401  unchecked
    """Tries JSON first, which is YAML except for tabs and surrogate pairs."""
    import yaml

    if text.lstrip().startswith("{"):
        with contextlib.suppress(ValueError):
            return json.loads(text)
    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=loader)):
        raise ValueError("it uses aliases, by which a small file can become a huge one")
    return yaml.load(text, Loader=loader)  # noqa: S506  both loaders are safe


def of_run(
    run_id: str,
    events: Iterable[Event],
    content_of: Callable[[str], bytes | None],
    *,
    workspace: str,
    strict_shell: bool = False,
) -> Recording:
    """Makes a recording of an earlier run.

    Args:
        run_id: the run.
        events: all of its events.
        content_of: returns the content of a changed file by its id.
        workspace: where the run worked.
        strict_shell: whether its commands ran with `sh -e`.

    Raises:
        UsageError: the run lacks something that is needed to repeat it.
    """
    entries: list[RecordedEntry] = []
    running: list[str] = []
    for event in events:
        match event:
            case CommandStarted(command=command):
                running.append(command)
            case CommandRan(command=command):
                if command in running:
                    running.remove(command)
                ran = msgspec.structs.replace(event, command=f"set -e\n{command}")
                entries.append(_replayable(ran if strict_shell else event, run_id))
            case CommandDeclined(command=command) if command in running:
                running.remove(command)
            case FileChanged(ok=True, change=change, content=content, path=path):
                data = content_of(content) if content else None
                if data is None and change != "deleted":
                    raise _unusable(f"run {run_id}", f"the content of {path} was not kept")
                entries.append(RecordedWrite(_inside(event, f"run {run_id}"), data))
            case AgentSpoke() | AgentReasoned() | PlanUpdated() | ToolCalled():
                entries.append(event)
            case UnknownEvent(kind=kind):
                raise _unusable(f"run {run_id}", f"a newer crossrun recorded it ({kind[:40]})")
            case _:
                pass
    if running:
        raise _unusable(f"run {run_id}", f"a command never ended: {running[0][:80]}")
    if not entries:
        raise _unusable(f"run {run_id}", "nothing happened in it")
    return Recording(f"run {run_id}", "", tuple(entries), workspace)


def _entry(line: Any, place: str, file: Path) -> RecordedEntry:  # noqa: ANN401  unchecked YAML
    where = f"{file}, {place}"
    if not isinstance(line, dict):
        raise _unusable(where, "it is not an event")
    try:
        match line.get("type"):
            case "file_changed":
                return _file_write(line, where)
            case "command_ran":
                return _replayable(msgspec.convert(line, CommandRan), where)
            case _:
                event: _Statement = msgspec.convert(line, _Statement)
                return event
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise _unusable(where, str(error)) from error


def _file_write(line: dict[str, Any], where: str) -> RecordedWrite:
    fields = {key: line.get(key) for key in ("type", "path", "change")}
    changed = _inside(msgspec.convert(fields, FileChanged), where)
    if changed.change == "deleted":
        return RecordedWrite(changed, None)
    if isinstance(line.get("content"), str):
        return RecordedWrite(changed, line["content"].encode())
    if isinstance(line.get("content_base64"), str):
        return RecordedWrite(changed, base64.b64decode(line["content_base64"], validate=True))
    raise _unusable(where, f"it does not contain the content of {changed.path}")


def _inside(changed: FileChanged, where: str) -> FileChanged:
    path = PurePosixPath(changed.path)
    if path.is_absolute() or ".." in path.parts or "\0" in changed.path or not path.parts:
        raise _unusable(where, f"{changed.path!r} is outside the workspace")
    return changed


def _replayable(ran: CommandRan, where: str) -> CommandRan:
    if ran.exit_code is None:
        raise _unusable(where, f"the exit code of a command is not known: {ran.command[:80]}")
    if "\0" in ran.command or MASK in ran.command:
        raise _unusable(where, f"a command is incomplete: {ran.command[:80]!r}")
    return ran


def _unusable(what: str, why: str) -> UsageError:
    return UsageError(
        "RECORDING_INVALID",
        f"{what} cannot be replayed: {why}",
        hint="nothing was run; for the format, see: crossrun help recordings",
    )
