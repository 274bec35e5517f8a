"""The vocabulary of a run: frozen facts in the past tense, one tagged union.

A fact knows neither its run nor its time; the store stamps it (`Recorded`). A stored fact is never
edited, so fields are only ever added, with a default. Every `match` over `Event` ends in
`assert_never`.
"""

import re
from typing import Any, Literal

import msgspec

from crossrun.failures import Failure
from crossrun.runs import Change, RunRequest, Source, Tokens
from crossrun.status import Status
from crossrun.workflows import Caution, Decision, Lesson, State, Stats, Trace, Workflow

Channel = Literal["developer", "prompt", "none"]
"""How instructions reach an agent: as developer message, before the prompt, or not at all."""


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=_snake):
    """What all events share: the `type` tag, made from the class name."""


class RunStarted(Fact, frozen=True):
    """The run exists.

    `retry_of` is the run whose request this one repeats, `resumed_from` the one that it goes on
    from: in the agent's thread and in the workspace.
    """

    request: RunRequest
    workspace: str
    crossrun_version: str
    executor_version: str | None = None
    retry_of: str | None = None
    resumed_from: str | None = None


class RunQueued(Fact, frozen=True):
    """The run waits, because `limit` runs go on already; `ahead` others wait before it."""

    limit: int
    ahead: int


class RunDequeued(Fact, frozen=True):
    """It is the run's turn: it begins."""


class WaitBegan(Fact, frozen=True):
    """The run waits for a provider's quota until `until` (ISO-8601, UTC), then tries again."""

    until: str
    reason: str


class CopyProgressed(Fact, frozen=True):
    """So much of a large source is copied by now."""

    files: int
    bytes: int


class SourceCopied(Fact, frozen=True):
    """What the workspace began with, from where, and what of it is not there or not whole.

    `path` is a folder, an address or a run. `shared` are bytes whose blocks the file system shares
    with the source. `outward` are links that lead out of the workspace, `skipped` are no files.
    `staged`, `unstaged` and `untracked` count uncommitted files, which `clean` left out; `ignored`
    counts what git ignores, of which `included` files came along. Of `submodules` and
    `lfs_pointers` only what was checked out is there. `repositories` lie further down; `detached`
    ones came without theirs.
    """

    kind: Literal["repository", "folder", "url", "run"]
    path: str
    files: int
    bytes: int
    shared: int = 0
    links: int = 0
    outward: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    branch: str | None = None
    commit: str | None = None
    staged: int = 0
    unstaged: int = 0
    untracked: int = 0
    clean: bool = False
    ignored: int = 0
    included: int = 0
    submodules: tuple[str, ...] = ()
    lfs_pointers: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    detached: tuple[str, ...] = ()
    shallow: bool = False


class SetupRan(Fact, frozen=True):
    """The user's own command that prepares a project's workspaces ran."""

    command: str
    exit_code: int | None
    output: str = ""
    duration_s: float | None = None


class WorkspacePrepared(Fact, frozen=True):
    """The agent's folder is ready; changes are measured against `baseline` (a git tree id).

    `top_files` are the names of the files at its top, as far as they tell what kind of project it
    is. `source` is where its files came from, and where changes go back to.
    """

    path: str
    baseline: str
    top_files: tuple[str, ...] = ()
    source: Source | None = None


class PlannerReplied(Fact, frozen=True):
    """One exchange with the planning model.

    `sent` are the messages added to the conversation before the call, `reply` the model's answer,
    both in the chat format: together they are enough to go on with the conversation later.
    """

    sent: tuple[dict[str, Any], ...]
    reply: dict[str, Any]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern that was looked at for a run.

    `score` and the signals are those of the ranking; all None where the pattern was `excluded`, for
    the reason told.
    """

    pattern_id: str
    version: int
    task_type: str
    score: float | None = None
    signals: dict[str, float] = {}
    excluded: str | None = None


class PatternDecided(Fact, frozen=True):
    """Which pattern the agent gets, or why none; all that it was decided from.

    `probability` is that of the decision. The coin is made from the run's and the pattern's ids and
    withholds with `share_withheld`. `fits` and `right` are the probabilities that something stored
    fits and that the best candidate is right, which had to reach `threshold`.
    """

    decision: Decision
    reason: str
    probability: float
    channel: Channel
    pattern_id: str | None = None
    version: int | None = None
    summary: str = ""
    hash: str | None = None
    family_id: str | None = None
    share_withheld: float | None = None
    right: float | None = None
    fits: float | None = None
    threshold: float | None = None
    candidates: tuple[Candidate, ...] = ()


class StepPlanned(Fact, frozen=True):
    """The next turn of the agent: `prompt` is sent as it is.

    `instructions` go to the agent beside the prompt, by `channel`.
    """

    prompt: str
    instructions: str = ""
    channel: Channel = "none"


class AgentLaunched(Fact, frozen=True):
    """The agent's process was started; `command` is the exact argument list, secrets aside."""

    command: tuple[str, ...]
    version: str | None = None


class ThreadStarted(Fact, frozen=True):
    """The agent named its conversation; a resumed one repeats its id."""

    thread_id: str


class TurnStarted(Fact, frozen=True):
    """The agent began to work on the prompt."""


class TurnFailed(Fact, frozen=True):
    """The agent gave up its turn; `message` in its own words."""

    message: str


class AgentSpoke(Fact, frozen=True):
    """A message of the agent. The last one of a run is its answer."""

    text: str


class AgentReasoned(Fact, frozen=True):
    """A summary of what the agent thought."""

    text: str


class ItemStarted(Fact, frozen=True):
    """The agent began something other than a command; `kind` in the agent's own terms."""

    kind: str
    detail: str = ""


class CommandStarted(Fact, frozen=True):
    """A command runs."""

    command: str


class CommandRan(Fact, frozen=True):
    """A command ended. `exit_code` is None when it was refused or never ended by itself.

    `output` is stdout and stderr merged; `duration_s` in seconds as seen from outside.
    """

    command: str
    exit_code: int | None = None
    output: str = ""
    duration_s: float | None = None


class FileChanged(Fact, frozen=True):
    """The agent wrote a file by its patch tool. Shell commands that write files do not say so.

    `path` is relative to the workspace where it lies inside. `content` is the id of the git blob in
    the run's snapshot that holds the file as it was left, which makes the run replayable.
    """

    path: str
    change: Literal["added", "modified", "deleted"]
    ok: bool = True
    content: str | None = None

    @classmethod
    def of(cls, path: str, change: str, *, ok: bool) -> "FileChanged":
        """A change named by an agent's own word; raises ValueError for an unknown one."""
        match change:
            case "added" | "modified" | "deleted":
                return cls(path=path, change=change, ok=ok)
            case _:
                raise ValueError(change)


class ToolCalled(Fact, frozen=True):
    """The agent used another tool: an MCP server, a web search, a sub-agent."""

    tool: str
    arguments: Any = None
    result: Any = None
    error: str | None = None


class PlanItem(msgspec.Struct, frozen=True):
    """One line of the agent's plan."""

    text: str
    completed: bool


class PlanUpdated(Fact, frozen=True):
    """The agent's own plan, whole."""

    items: tuple[PlanItem, ...]


class UsageReported(Fact, frozen=True):
    """Tokens used since the last report of the same `source`.

    `thread_total` is what the agent itself reports: the sum over its thread. None: it did not say.
    `cost` is what the tokens cost where the model's price is known.
    """

    source: Literal["agent", "planner"]
    tokens: Tokens | None = None
    thread_total: Tokens | None = None
    cost: float | None = None


class Warned(Fact, frozen=True):
    """Something to know that did not end the run."""

    message: str


class Unrecognised(Fact, frozen=True):
    """A line of the agent that crossrun does not understand, kept as it came.

    `bytes` is the length of the whole line where `raw` holds only its beginning.
    """

    raw: str
    bytes: int | None = None


class StepFinished(Fact, frozen=True):
    """The agent's process is over. `failure` is None when its turn completed."""

    failure: Failure | None = None
    agent_exit_code: int | None = None
    """As the operating system tells it; negative: the signal that ended it."""


class Verified(Fact, frozen=True):
    """The user's own check ran in the workspace."""

    command: str
    exit_code: int | None
    output: str = ""


class WorkspaceChanged(Fact, frozen=True):
    """What differs from the baseline, measured from outside. `tree` is the state after the run."""

    tree: str
    changes: tuple[Change, ...]
    shortstat: str
    stat: str
    branch: str | None = None


class ArtifactSaved(Fact, frozen=True):
    """A file was kept for later, outside the workspace. `redactions`: secrets removed from it."""

    id: str
    kind: str
    name: str
    path: str
    size: int
    sha256: str
    redactions: int = 0


class PatternLearned(Fact, frozen=True):
    """A run taught something: `workflow` is what the pattern says from now on, whole.

    `trace` is what the run adds as material when it succeeded, `cautions` what runs add that
    failed. `made_by` is None where the version stays: then only the evidence is more. `hash` is
    that of the workflow, which a model may have worded, `rules_hash` the one of what rules made,
    without the examples: that is what tells whether there is something new. The version is counted
    when it is stored, and is later than `version` where others came in between.
    """

    pattern_id: str
    family_id: str
    project_id: str
    task_type: str
    lesson: Lesson
    made_by: Literal["run", "merge", "caution"] | None
    version: int
    hash: str
    rules_hash: str
    workflow: Workflow
    trace: Trace | None = None
    cautions: tuple[Caution, ...] = ()


class PatternJudged(Fact, frozen=True):
    """What the run says about the pattern that was decided on, and where it stands from now on."""

    pattern_id: str
    state: State
    before: State
    reason: str
    stats: Stats
    adherence: float | None = None


class CancelRequested(Fact, frozen=True):
    """Somebody asked the run to stop; `by` names the signal or command."""

    by: str


class RunFinished(Fact, frozen=True):
    """The end. `redactions` counts the secrets removed from the run's events."""

    status: Status
    failure: Failure | None = None
    redactions: int = 0


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
