"""The JSON that scripts rely on: names and meanings stay, more fields may come."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from msgspec import Struct

    from crossrun.events import Recorded
    from crossrun.runs import Run
    from crossrun.stored import StoredEvent
    from crossrun.workflows import Pattern

SCHEMA_VERSION = 1


def document(content: Mapping[str, Any]) -> str:
    """One object with its schema version, as a line of text."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **content}, ensure_ascii=False) + "\n"


def plain_object(value: "Struct") -> dict[str, Any]:
    """A value such as an artifact or a project."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain


def run_object(run: "Run") -> dict[str, Any]:
    """A run."""
    return plain_object(run)


def pattern_object(pattern: "Pattern") -> dict[str, Any]:
    """A pattern, what it says among its own fields."""
    plain = plain_object(pattern)
    workflow = plain.pop("workflow")
    return {**plain, **workflow}


def stored_event(event: "StoredEvent") -> dict[str, Any]:
    """An event as it was read."""
    return {"run_id": event.run_id, "seq": event.seq, "at": event.at, **json.loads(event.body)}


def recorded_event(recorded: "Recorded") -> dict[str, Any]:
    """An event as it was just stored."""
    body = plain_object(recorded.event)
    return {"run_id": recorded.run_id, "seq": recorded.seq, "at": recorded.at, **body}


_STEPS: dict[str, tuple[str, ...]] = {
    "step_planned": ("prompt",),
    "agent_spoke": ("text",),
    "agent_reasoned": ("text",),
    "command_ran": ("command", "exit_code", "output", "duration_s"),
    "file_changed": ("path", "change", "ok"),
    "tool_called": ("tool", "arguments", "result", "error"),
    "plan_updated": ("items",),
    "verified": ("command", "exit_code", "output"),
    "warned": ("message",),
    "turn_failed": ("message",),
}
STEP_TYPES = tuple(_STEPS)
"""The types of events that make up the transcript."""


def step_objects(events: Iterable["StoredEvent"]) -> list[dict[str, Any]]:
    """The transcript: what was said and done, in order."""
    from crossrun.events import decode

    told = []
    for event in events:
        body = plain_object(decode(event.body))
        fields = {name: body[name] for name in _STEPS[event.type]}
        told.append({"seq": event.seq, "at": event.at, "kind": event.type, **fields})
    return told
