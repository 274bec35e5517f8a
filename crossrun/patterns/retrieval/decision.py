"""The decision: one pattern or none, and why. A wrong pattern costs more than none.

Pure. Above the thresholds, four of five choices are to be right (nine of ten of another task type).
They come from cross-validation; `benchmarks/README.md` says where they keep that.
"""

import math
from itertools import pairwise
from typing import NamedTuple

from crossrun.patterns.retrieval.ranking import CandidateSet, Ranking, Scored, rank


class Thresholds(NamedTuple):
    """The probabilities that a winner needs."""

    own: float
    """Of the task's own type."""
    other: float
    """Of another type: it has to fit clearly."""


THRESHOLDS = ((1_000, Thresholds(0.7, 0.85)), (13_623, Thresholds(0.7, 0.85)))
"""By the number of patterns in the store; in between by its logarithm."""


def thresholds(entries: int) -> Thresholds:
    """The thresholds for a store with this many patterns."""
    if entries <= THRESHOLDS[0][0]:
        return THRESHOLDS[0][1]
    for (fewer, low), (more, high) in pairwise(THRESHOLDS):
        if entries < more:
            along = math.log(entries / fewer) / math.log(more / fewer)
            return Thresholds(*(a + along * (b - a) for a, b in zip(low, high, strict=True)))
    return THRESHOLDS[-1][1]


class Choice(NamedTuple):
    """The decision; `chosen` is None for no pattern."""

    chosen: Scored | None
    reason: str
    """One sentence."""
    ranking: Ranking
    """What was chosen from: all candidates with their scores, and both probabilities."""
    threshold: float
    """What `ranking.right` was held against."""


def choose(candidate_set: CandidateSet, *, task_type: str) -> Choice:
    """Chooses among candidates, those of the task's own type first.

    Args:
        candidate_set: the candidates that may be chosen.
        task_type: the type of the task.
    """
    asked = thresholds(candidate_set.entries)
    own = rank(_of(candidate_set, task_type, own=True))
    if own.right >= asked.own:
        return Choice(own.scored[0], _why(own, asked.own), own, asked.own)
    others = rank(_of(candidate_set, task_type, own=False))
    if others.right >= asked.other:
        reason = _why(others, asked.other, of=others.scored[0].candidate.task_type)
        return Choice(others.scored[0], reason, others, asked.other)
    if own.scored or not others.scored:
        return Choice(None, _why_not(candidate_set, own, asked.own), own, asked.own)
    return Choice(None, _why_not(candidate_set, others, asked.other), others, asked.other)


def _of(candidate_set: CandidateSet, task_type: str, *, own: bool) -> CandidateSet:
    return candidate_set._replace(
        candidates=tuple(c for c in candidate_set.candidates if (c.task_type == task_type) is own)
    )


def _why(ranking: Ranking, threshold: float, *, of: str | None = None) -> str:
    kind = f", though it is of the task type {of}," if of else ""
    return (
        f"{ranking.scored[0].candidate.id}{kind}, the best of {_counted(ranking)}, is right with a"
        f" probability of {ranking.right:.2f}; {threshold:.2f} is needed"
    )


def _why_not(candidate_set: CandidateSet, ranking: Ranking, threshold: float) -> str:
    if not candidate_set.entries:
        return "no pattern is stored yet"
    if not ranking.scored:
        return "no stored pattern that may be used shares a word with the task"
    return (
        f"{ranking.scored[0].candidate.id}, the best of {_counted(ranking)}, is right with a"
        f" probability of only {ranking.right:.2f}; {threshold:.2f} is needed"
    )


def _counted(ranking: Ranking) -> str:
    count = len(ranking.scored)
    return "one candidate" if count == 1 else f"{count} candidates"
