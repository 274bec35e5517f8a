"""The vocabulary of a run: frozen facts in the past tense, one tagged union.

A fact knows neither its run nor its time; the store stamps it (`Recorded`). A stored fact is never
edited, so fields are only ever added, with a default. Every `match` over `Event` ends in
`assert_never`.
"""

import msgspec

from crossrun.events.beginning import (
    CopyProgressed,
    RunDequeued,
    RunQueued,
    RunStarted,
    SetupRan,
    SnapshotProgressed,
    SourceCopied,
    WorkspacePrepared,
)
from crossrun.events.ending import (
    ArtifactSaved,
    CancelRequested,
    RunFinished,
    Verified,
    WorkspaceChanged,
)
from crossrun.events.fact import Channel, Fact
from crossrun.events.memory import (
    Candidate,
    PatternDecided,
    PatternJudged,
    PatternLearned,
)
from crossrun.events.work import (
    AgentLaunched,
    AgentReasoned,
    AgentSpoke,
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

__all__ = [
    "AgentEvent",
    "AgentLaunched",
    "AgentReasoned",
    "AgentSpoke",
    "ArtifactSaved",
    "CancelRequested",
    "Candidate",
    "Channel",
    "CommandRan",
    "CommandStarted",
    "CopyProgressed",
    "Event",
    "Fact",
    "FileChanged",
    "ItemStarted",
    "PatternDecided",
    "PatternJudged",
    "PatternLearned",
    "PlanItem",
    "PlanUpdated",
    "PlannerReplied",
    "Recorded",
    "RunDequeued",
    "RunFinished",
    "RunQueued",
    "RunStarted",
    "SetupRan",
    "SnapshotProgressed",
    "SourceCopied",
    "StepFinished",
    "StepPlanned",
    "ThreadStarted",
    "ToolCalled",
    "TurnFailed",
    "TurnStarted",
    "Unrecognised",
    "UsageReported",
    "Verified",
    "WaitBegan",
    "Warned",
    "WorkspaceChanged",
    "WorkspacePrepared",
    "decode",
    "encode",
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
    | CommandRan
    | FileChanged
    | ToolCalled
    | PlanUpdated
    | UsageReported
    | Warned
    | Unrecognised
)
"""What an executor may say: an agent cannot finish a run."""

Event = (
    AgentEvent
    | RunStarted
    | RunQueued
    | RunDequeued
    | WaitBegan
    | CopyProgressed
    | SnapshotProgressed
    | SourceCopied
    | SetupRan
    | WorkspacePrepared
    | PatternDecided
    | PlannerReplied
    | StepPlanned
    | StepFinished
    | Verified
    | WorkspaceChanged
    | ArtifactSaved
    | PatternLearned
    | PatternJudged
    | CancelRequested
    | RunFinished
)


class Recorded(msgspec.Struct, frozen=True):
    """A stored event: its run, its place there (from 1, without gaps) and its time (UTC)."""

    run_id: str
    seq: int
    at: str
    event: Event


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def encode(event: Event) -> str:
    """The event as JSON text, its type included."""
    return _encoder.encode(event).decode()


def decode(body: str | bytes) -> Event:
    """The event that `encode` made the text from; unknown fields are passed over."""
    event: Event = _decoder.decode(body)
    return event
