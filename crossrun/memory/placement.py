"""Placement: which pattern and family a run belongs to, decided as if it had got no pattern."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from crossrun.memory.selection import QUICKSTART
from crossrun.memory.vectors import Meanings
from crossrun.model.runs import Run
from crossrun.model.workflows import Pattern, Trace
from crossrun.patterns.learning.families import (
    COMPARED,
    Belonging,
    Relative,
    as_trace,
    belonging,
    profile,
    tasks_odds,
)
from crossrun.patterns.learning.rarity import Rarity
from crossrun.patterns.retrieval.ranking import CandidateSet, rank
from crossrun.store.patterns import PatternReader

_NEAREST = 8
"""So many patterns with such a task are compared, and as many with such commands."""
_ECHOED_RUNS = 3
_LONGEST_QUERY = 2_000
"""Characters of commands by which patterns are looked for."""


class Placement:
    """Places runs among patterns.

    Args:
        patterns: those in the store.
        meanings: compares texts, if there is an encoder.
        scope: whether only patterns of a run's project are looked at.
    """

    def __init__(self, patterns: PatternReader, meanings: Meanings, *, scope: str) -> None:
        self._patterns = patterns
        self._meanings = meanings
        self._scope = scope

    def place(self, run: Run, trace: Trace) -> Belonging:
        """The pattern and the family that a successful run belongs to, if any."""
        by_task = self._candidates(run, trace.task)
        commands = "\n".join(act.command for act in trace.acts)[:_LONGEST_QUERY]
        by_work = self._candidates(run, commands)
        alike_in_work = [candidate.id for candidate in by_work.candidates[:_NEAREST]]
        relatives = list(self._relatives(run, [*_nearest(by_task), *alike_in_work]))
        counts = {
            word: frequency.anywhere
            for candidate_set in (by_task, by_work)
            for word, frequency in candidate_set.frequencies.items()
        }
        codes = [
            frozenset().union(*(profile(other).code for other in relative.traces))
            for relative in relatives
        ]
        compared = replace(trace, echoed=self._shown_features(run))
        rarity = Rarity(by_task.entries, counts, codes)
        return belonging(compared, relatives, rarity, self._meanings.comparison())

    def without_echoes(self, run: Run, trace: Trace, place: Belonging) -> Trace:
        """The trace without what a wrongly injected pattern made the agent do."""
        if place.pattern_id == _shown(run):
            return trace
        return replace(trace, echoed=self._shown_features(run))

    def concerned(self, run: Run, task: str) -> Pattern | None:
        """The pattern that a failed run belongs to, by its task alone."""
        nearest = _nearest(self._candidates(run, task))
        odds = [
            (
                max((tasks_odds(task, other.task) for other in relative.traces), default=0.0),
                relative,
            )
            for relative in self._relatives(run, nearest)
        ]
        best = max(odds, key=lambda item: item[0], default=None)
        return self._patterns.find(best[1].pattern_id) if best and best[0] > 0 else None

    def _shown_features(self, run: Run) -> tuple[str, ...]:
        """What a run can have from the pattern that it was shown."""
        pattern = self._patterns.find(_shown(run) or "")
        if pattern is None:
            return ()
        traces = self._patterns.traces(pattern.id, newest=_ECHOED_RUNS) or [as_trace(pattern)]
        profiles = [profile(trace) for trace in traces]
        features = frozenset[str]().union(*(one.commands | one.code for one in profiles))
        return tuple(sorted(features))

    def _candidates(self, run: Run, text: str) -> CandidateSet:
        bounded = run.project_id == QUICKSTART or self._scope == "project"
        return self._patterns.candidates(
            text,
            task_type=run.task_type,
            project_id=run.project_id if bounded else None,
            encoded=self._meanings.encoded(text),
        )

    def _relatives(self, run: Run, ids: Sequence[str]) -> Iterator[Relative]:
        """Patterns of the run's kind, with their newest runs."""
        shown = _shown(run)
        for pattern in filter(None, map(self._patterns.find, dict.fromkeys(ids))):
            is_practice = pattern.project_id == QUICKSTART
            if pattern.task_type == run.task_type and is_practice == (run.project_id == QUICKSTART):
                traces = self._patterns.traces(pattern.id, newest=COMPARED)
                yield Relative(
                    pattern.id,
                    pattern.family_id,
                    traces or [as_trace(pattern)],
                    shown=pattern.id == shown,
                )


def _shown(run: Run) -> str | None:
    """The pattern that the agent was shown."""
    decided = run.pattern
    return None if decided is None or decided.decision == "withheld" else decided.pattern_id


def _nearest(candidate_set: CandidateSet) -> list[str]:
    return [scored.candidate.id for scored in rank(candidate_set).scored[:_NEAREST]]
