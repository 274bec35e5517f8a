"""The JSON that scripts rely on: fields keep their name and meaning, and more may come."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from msgspec import Struct

    from crossrun.events import EventRecord
    from crossrun.model.queries import StoredEvent
    from crossrun.model.runs import Run
    from crossrun.model.workflows import Pattern

SCHEMA_VERSION = 1


def document(content: Mapping[str, Any]) -> str:
    """One object with its schema version, as a line of text."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **content}, ensure_ascii=False) + "\n"


def document_parts(
    content: Mapping[str, Any], name: str, items: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """A document with a list and its `total`, in parts: `document` in constant memory.

    Args:
        content: the fields before the list.
        name: the field of the list.
        items: what is in the list.
    """
    yield f"{document(content)[:-2]}, {json.dumps(name)}: ["
    total = 0
    for item in items:
        yield (", " if total else "") + json.dumps(item, ensure_ascii=False)
        total += 1
    yield f'], "total": {total}}}\n'


def plain_object(value: "Struct") -> dict[str, Any]:
    """A value such as an artifact or a project."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain


def run_object(run: "Run") -> dict[str, Any]:
    """A run."""
    return plain_object(run)


def pattern_object(pattern: "Pattern") -> dict[str, Any]:
    """A pattern, with the fields of its workflow among its own."""
    plain = plain_object(pattern)
    workflow = plain.pop("workflow")
    return {**plain, **workflow}


def stored_event(event: "StoredEvent") -> dict[str, Any]:
    """An event that was read from the store."""
    return {"run_id": event.run_id, "seq": event.seq, "at": event.at, **json.loads(event.body)}


def recorded_event(recorded: "EventRecord") -> dict[str, Any]:
    """An event that was just stored."""
    from crossrun.events import encode

    body = json.loads(encode(recorded.event))
    return {"run_id": recorded.run_id, "seq": recorded.seq, "at": recorded.at, **body}


_STEPS: dict[str, tuple[str, ...]] = {
    "step_planned": ("prompt",),
    "agent_spoke": ("text",),
    "agent_reasoned": ("text",),
    "command_ran": ("command", "exit_code", "output", "duration_s"),
    "command_declined": ("command",),
    "file_changed": ("path", "change", "ok"),
    "tool_called": ("tool", "arguments", "result", "error"),
    "plan_updated": ("items",),
    "verified": ("command", "exit_code", "output"),
    "warned": ("message",),
    "turn_failed": ("message",),
}


def step_objects(
    events: Iterable["StoredEvent"], *, every: bool = False
) -> Iterator[dict[str, Any]]:
    """The transcript: what was said and done, in order, and what only a newer crossrun knows.

    `every`: also the events that the transcript leaves out, with all their fields.
    """
    from crossrun.events import UnknownEvent, decode, encode

    for stored in events:
        event = decode(stored.body)
        names: Sequence[str] | None = _STEPS.get(stored.type)
        if names is None and not every and not isinstance(event, UnknownEvent):
            continue
        body = json.loads(encode(event))
        names = names or [name for name in body if name not in ("type", "seq", "at", "kind")]
        fields = {name: body.get(name) for name in names}
        yield {"seq": stored.seq, "at": stored.at, "kind": stored.type, **fields}
