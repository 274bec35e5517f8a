"""What pattern memory decides, learns and evaluates."""

from typing import Literal

import msgspec

from crossrun.events.base import BaseEvent, Channel
from crossrun.model.workflows import Caution, Lesson, MemoryStats, Stats, Trace, Workflow


class PatternCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern that was considered for a run.

    `score` and `signals` are those of the ranking. If the pattern was not ranked, `excluded` says
    why.
    """

    pattern_id: str
    version: int
    task_type: str
    score: float | None = None
    signals: dict[str, float] = {}
    excluded: str | None = None


class PatternDecided(BaseEvent, frozen=True):
    """Which pattern the agent gets, or why it gets none, with everything that decided it.

    `probability` is the probability of the decision. The coin is derived from the ids of run and
    pattern, and withholds with the probability `share_withheld`. `fits` and `right` are the
    probabilities that a stored pattern fits and that the best candidate is the right one; `right`
    has to reach `threshold`. `form` is that of the block; `folder` is where the pattern's files lie
    for the agent. `compiled`: the pattern's script runs first, with `values` for its variables;
    `not_compiled` says why it does not although that was wanted. `with_check`: the user asked for a
    check of the run (`--verify`); None: not recorded.
    """

    decision: str
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
    candidates: tuple[PatternCandidate, ...] = ()
    form: str | None = None
    folder: str | None = None
    compiled: bool = False
    values: dict[str, str] = msgspec.field(default_factory=dict)
    not_compiled: str = ""
    with_check: bool | None = None


class ScriptFinished(BaseEvent, frozen=True):
    """The script of a compiled pattern ended after `ran` of its `steps`, the check included.

    `handed_over`: it did not do as expected, and the agent gets the task; `reason` says why.
    """

    steps: int
    ran: int
    handed_over: bool = False
    reason: str = ""


class PatternLearned(BaseEvent, frozen=True):
    """The run taught something: `workflow` is the whole workflow of the pattern from now on.

    `trace` is the material that a successful run adds; `cautions` are what failed runs add.
    `made_by` is None if the version stays the same and only its evidence grows. `hash` is the hash
    of the workflow, which a model may have worded; `rules_hash` is the hash of what the rules made,
    without examples, and shows whether there is something new. The stored version is higher than
    `version` if others were stored in between. `contents` are those of the trace's files that were
    not stored yet.

    `waits`: nothing of it is used before the user has accepted it; the ids and the version are
    those that it would have by itself. `why` says what shows that the run succeeded, if that was
    not crossrun's own finding.
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
    contents: tuple[str, ...] = ()
    waits: bool = False
    why: str = ""


class PatternJudged(BaseEvent, frozen=True):
    """What the run shows about the decided pattern, and the pattern's state from now on.

    `uptake` are the files of the pattern that the agent's commands read or ran; None: it had none.
    `memory` is what all patterns together are worth by then.
    """

    pattern_id: str
    state: str
    before: str
    reason: str
    stats: Stats
    adherence: float | None = None
    uptake: tuple[str, ...] | None = None
    memory: MemoryStats | None = None
