"""What pattern memory decides, learns and judges."""

from typing import Literal

import msgspec

from crossrun.events.base import BaseEvent, Channel
from crossrun.model.workflows import Caution, Lesson, Stats, Trace, Workflow


class PatternCandidate(msgspec.Struct, frozen=True, kw_only=True):
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


class PatternDecided(BaseEvent, frozen=True):
    """Which pattern the agent gets, or why none; all that it was decided from.

    `probability` is that of the decision. The coin is made from the run's and the pattern's ids and
    withholds with `share_withheld`. `fits` and `right` are the probabilities that something stored
    fits and that the best candidate is right, which had to reach `threshold`.
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


class PatternLearned(BaseEvent, frozen=True):
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


class PatternJudged(BaseEvent, frozen=True):
    """What the run says about the pattern that was decided on, and where it stands from now on."""

    pattern_id: str
    state: str
    before: str
    reason: str
    stats: Stats
    adherence: float | None = None
