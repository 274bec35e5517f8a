"""What to expect of a run, from the finished runs of similar tasks."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from math import sqrt

from crossrun.insights.forecast import LEAST_RUNS, MOST_RUNS, Outlook, outlook
from crossrun.memory.selection import QUICKSTART
from crossrun.model.queries import FinishedTask
from crossrun.model.requests import RunRequest
from crossrun.store import Store

_WORD = re.compile(r"[^\W\d_]{3,}")
_HEAD = 4
"""So many letters of a word are looked for before two tasks are compared by their stems."""
_LONGEST_TASK = 300
"""Characters of a task whose words are looked for."""


def outlook_for(store: Store, request: RunRequest, pattern_id: str | None) -> Outlook | None:
    """The forecast for a request; None if fewer than five similar runs have finished.

    Args:
        store: the ledger.
        request: what is about to begin.
        pattern_id: the pattern that was decided on, if any: its runs count as similar.
    """
    tasks = store.history.finished_tasks(
        task_type=request.task_type,
        executor=request.executor,
        project_id=QUICKSTART if request.project_id == QUICKSTART else None,
    )
    if len(tasks) < LEAST_RUNS:
        return None
    is_similar = partial(_is_relative, like=_likeness_to(request.task), pattern_id=pattern_id)
    relatives = list(filter(is_similar, tasks))
    same_model = [each for each in relatives if each.model == request.model]
    chosen = same_model if len(same_model) >= LEAST_RUNS else relatives
    if len(chosen) < LEAST_RUNS:
        return None
    return outlook(
        store.history.finished_runs([each.id for each in chosen[:MOST_RUNS]]), request.limits
    )


def _is_relative(
    each: FinishedTask, *, like: Callable[[str], bool], pattern_id: str | None
) -> bool:
    own = (each.pattern_id, each.learned_pattern_id)
    return (pattern_id is not None and pattern_id in own) or like(each.task)


def _likeness_to(task: str) -> Callable[[str], bool]:
    """Whether a task is of the same kind as a given one, as pattern memory sees kinds."""
    from crossrun.patterns.evaluation.kinds import LEAST_LIKE, words_of

    words, heads = words_of(task), _heads(task)
    least_shared = LEAST_LIKE**2 * len(words)  # by two texts with that cosine
    verdicts: dict[str, bool] = {}

    def like(other: str) -> bool:
        if other not in verdicts:
            worthwhile = not heads or _shared(heads, other) >= least_shared
            verdicts[other] = worthwhile and _cosine(words, words_of(other)) >= LEAST_LIKE
        return verdicts[other]

    return like


def _heads(task: str) -> list[str]:
    """How the words of a task begin. None for text beyond ASCII, whose words may be translated."""
    text = task[:_LONGEST_TASK].lower()
    return list(dict.fromkeys(word[:_HEAD] for word in _WORD.findall(text))) * text.isascii()


def _shared(heads: Sequence[str], other: str) -> int:
    """How many of them are in another task; most tasks are told apart without their stems."""
    lowered = other.lower()
    return sum(head in lowered for head in heads)


def _cosine(words: frozenset[str], others: frozenset[str]) -> float:
    return len(words & others) / sqrt(len(words) * len(others)) if words and others else 0.0
