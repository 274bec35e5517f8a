"""The events of a run: frozen values in the past tense, one tagged union.

An event knows neither its run nor its time: the store adds both (`EventRecord`). Stored events are
never edited, so fields are only ever added, with a default. Every `match` over `Event` ends in
`assert_never`.
"""

from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from crossrun.events.base import BaseEvent, Channel
from crossrun.events.beginning import (
    CopyProgressed,
    ForecastMade,
    RunDequeued,
    RunQueued,
    RunStarted,
    SessionRead,
    SetupRan,
    SnapshotProgressed,
    SourceCopied,
    WorkspacePrepared,
)
from crossrun.events.ending import (
    ApplyFinished,
    ArtifactSaved,
    CancelRequested,
    ProofAssessed,
    RunFinished,
    Verified,
    WorkspaceChanged,
)
from crossrun.events.memory import (
    PatternCandidate,
    PatternDecided,
    PatternJudged,
    PatternLearned,
    ScriptFinished,
)
from crossrun.events.work import (
    AgentLaunched,
    AgentReasoned,
    AgentSpoke,
    CommandDeclined,
    CommandRan,
    CommandStarted,
    FileChanged,
    ItemStarted,
    PlanItem,
    PlannerReplied,
    PlanUpdated,
    StepFinished,
    StepPlanned,
    ThreadStarted,
    ToolCalled,
    TurnFailed,
    TurnStarted,
    Unrecognised,
    UsageReported,
    WaitBegan,
    Warned,
)
from crossrun.model.requests import AgentOptions

__all__ = [
    "AgentEvent",
    "AgentLaunched",
    "AgentReasoned",
    "AgentSpoke",
    "ApplyFinished",
    "ArtifactSaved",
    "BaseEvent",
    "CancelRequested",
    "Channel",
    "CommandDeclined",
    "CommandRan",
    "CommandStarted",
    "CopyProgressed",
    "Event",
    "EventRecord",
    "FileChanged",
    "ForecastMade",
    "ItemStarted",
    "KnownEvent",
    "PatternCandidate",
    "PatternDecided",
    "PatternJudged",
    "PatternLearned",
    "PlanItem",
    "PlanUpdated",
    "PlannerReplied",
    "ProofAssessed",
    "RunDequeued",
    "RunFinished",
    "RunQueued",
    "RunStarted",
    "ScriptFinished",
    "SessionRead",
    "SetupRan",
    "SnapshotProgressed",
    "SourceCopied",
    "StepFinished",
    "StepPlanned",
    "ThreadStarted",
    "ToolCalled",
    "TurnFailed",
    "TurnStarted",
    "UnknownEvent",
    "Unrecognised",
    "UsageReported",
    "Verified",
    "WaitBegan",
    "Warned",
    "WorkspaceChanged",
    "WorkspacePrepared",
    "decode",
    "encode",
    "is_of_newer",
    "type_of",
]

AgentEvent = (
    AgentLaunched
    | ThreadStarted
    | TurnStarted
    | TurnFailed
    | AgentSpoke
    | AgentReasoned
    | ItemStarted
    | CommandStarted
    | CommandDeclined
    | CommandRan
    | FileChanged
    | ToolCalled
    | PlanUpdated
    | UsageReported
    | Warned
    | Unrecognised
)
"""The events of an executor; an agent cannot finish a run."""

KnownEvent = (
    AgentEvent
    | RunStarted
    | SessionRead
    | RunQueued
    | RunDequeued
    | WaitBegan
    | CopyProgressed
    | SnapshotProgressed
    | SourceCopied
    | SetupRan
    | WorkspacePrepared
    | PatternDecided
    | ForecastMade
    | PlannerReplied
    | StepPlanned
    | StepFinished
    | Verified
    | ProofAssessed
    | WorkspaceChanged
    | ApplyFinished
    | ArtifactSaved
    | PatternLearned
    | PatternJudged
    | ScriptFinished
    | CancelRequested
    | RunFinished
)


class UnknownEvent(msgspec.Struct, frozen=True):
    """A stored event of a newer version: its type, or one of its values, is unknown here.

    `kind` is its type, `body` all of it. Code that reads events skips it or shows it.
    """

    kind: str
    body: dict[str, Any]


Event = KnownEvent | UnknownEvent


class EventRecord(msgspec.Struct, frozen=True):
    """A stored event: its run, its number in the run (from 1, without gaps) and its time (UTC)."""

    run_id: str
    seq: int
    at: str
    event: Event


class _OlderRequest(msgspec.Struct):
    """The part of a request that older versions stored elsewhere: the agent's options."""

    agent: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    codex: AgentOptions = AgentOptions()


class _OlderRunStarted(msgspec.Struct):
    request: _OlderRequest


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(KnownEvent)
_types = frozenset(str(kind.__struct_config__.tag) for kind in get_args(KnownEvent))


def encode(event: Event) -> str:
    """The event as JSON text, its type included."""
    match event:
        case UnknownEvent(body=body):
            return _encoder.encode(body).decode()
        case RunStarted():
            return _encoder.encode(_readable_by_older(event)).decode()
        case _:
            return _encoder.encode(event).decode()


def decode(body: str | bytes) -> Event:
    """The event that `encode` made the text from; unknown fields are ignored.

    Raises:
        msgspec.ValidationError, ValueError: it is damaged.
    """
    try:
        event: Event = _decoder.decode(body)
        return _from_older(event, body) if isinstance(event, RunStarted) else event
    except msgspec.ValidationError as error:
        content = msgspec.json.decode(body)
        kind = content.get("type") if isinstance(content, dict) else None
        if not isinstance(kind, str) or (kind in _types and not is_of_newer(error)):
            raise
        return UnknownEvent(kind, content)


def _readable_by_older(event: RunStarted) -> dict[str, Any]:
    """With the agent's options repeated among Codex's, where older versions look for them."""
    content: dict[str, Any] = msgspec.to_builtins(event)
    request = content["request"]
    request["codex"] = {**request["agent"], **request["codex"]}
    return content


def _from_older(event: RunStarted, body: str | bytes) -> RunStarted:
    """With the agent's options from where older versions stored them."""
    older = msgspec.json.decode(body, type=_OlderRunStarted).request
    if older.agent is not msgspec.UNSET:
        return event
    return replace(event, request=replace(event.request, agent=older.codex))


def type_of(event: Event) -> str:
    """The type under which an event is stored."""
    return event.kind if isinstance(event, UnknownEvent) else str(event.__struct_config__.tag)


def is_of_newer(error: msgspec.ValidationError) -> bool:
    """Whether a value is unknown to this version: later versions add some."""
    return "Invalid enum value" in str(error)
