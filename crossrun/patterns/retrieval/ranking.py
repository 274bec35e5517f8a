"""Which stored patterns resemble a task: one ranking, two probabilities.

Pure: `crossrun.store.pattern_index` finds candidates and counts, this package weighs them.

What needs the store's counts is in `signals`: a formula without trained parts ranks by it. What
needs none is in `kinship`. A store of one entry has nothing to count, and one of a thousand knows
more about its words than any list: so kinship decides alone in a small store, the signals do in a
large one, and in between both have a say, by the logarithm of the number of entries.

Whether *something stored fits* and whether *the winner is right* are two questions, and small
logistic models answer them; a score that is best at the first injects wrong near-duplicates. They
do not rest on the size of bm25, which is next to nothing in a store with one entry.
"""

import math

from crossrun.patterns.retrieval.lexical import kinship
from crossrun.patterns.retrieval.signals import (
    View,
    Weights,
    alike,
    bm25,
    margin,
    same_job,
    score,
    signals_of,
)
from crossrun.patterns.retrieval.values import (
    Candidate,
    Entry,
    Evidence,
    Found,
    Frequency,
    Kinship,
    Model,
    Ranking,
    Scored,
    Signals,
    probability,
)

__all__ = [
    "Candidate",
    "Entry",
    "Evidence",
    "Found",
    "Frequency",
    "Kinship",
    "Model",
    "Ranking",
    "Scored",
    "Signals",
    "closest",
    "ranked",
]

FITS = Model(
    -2.894,
    Evidence(
        matched=1.495,
        alike=3.221,
        phrases=0.855,
        habit=0.422,
        vote=6.743,
        margin=0.159,
        length=-0.925,
    ),
)
RIGHT = Model(
    -6.626,
    Evidence(
        matched=2.64,
        alike=2.107,
        phrases=-1.711,
        habit=-1.96,
        vote=3.179,
        margin=1.605,
        length=-0.961,
    ),
)
"""Logistic regression with a ridge of 3 on standardised evidence, by the `--fit` of
`benchmarks/retrieval.py`: 708 tasks asked of a store of 13,623 entries and, with a tenth of the
weight, of stores of 1, 2, 5, 20, 100 and 1,000 entries made from it, half of which held one that
fits. By ten-fold cross-validation over the tasks: AUROC of the first .80; precision of the second
.89, .78 and .69 for the surest 10, 20 and 30% of all tasks."""
AKIN = Model(
    -2.75,
    Kinship(
        acts=1.285,
        acts_shared=1.416,
        things=3.848,
        light=3.988,
        shared=3.799,
        opposed=-1.954,
        kinds=0.275,
        made=4.161,
    ),
)
"""Logistic regression as above, by the `--fit` of `benchmarks/rephrasings.py`: rephrased tasks,
other jobs on the same files and unrelated tasks, with pairs from those 708 tasks of less weight."""
_BY_CHANCE = 0.15
"""The more entries, the sooner one is akin by chance: taken off the odds for each e-fold."""
_UNKNOWN = 10
"""How common a word is in the store counts as if so many more entries were without it."""
_SMALL, _LARGE = 100, 1_000
"""Entries up to which kinship decides alone, and from which on it has no say."""


def ranked(found: Found) -> Ranking:
    """Ranks the candidates. The same input gives the same ranking; ties go to the smaller id."""
    if not found.candidates or not found.task:
        return Ranking()
    weights = Weights(found)
    task = View(Candidate("", found.task, (), "", ""), weights)
    views = [View(candidate, weights) for candidate in found.candidates]
    matched = bm25(found, weights)
    signals = signals_of(found, task, views, matched, weights)
    scores = [score(signal) for signal in signals]
    say = _say_of_kinship(found.entries)
    kin = _kin(found) if say else []
    odds = [AKIN.odds(k) for k in kin] or [0.0] * len(views)
    total = [at + say * o for at, o in zip(scores, odds, strict=True)]
    order = sorted(range(len(views)), key=lambda i: (-total[i], views[i].candidate.id))
    best = order[0]
    winner, signal = views[best], signals[best]
    evidence = Evidence(
        matched=math.log1p(matched[best]),
        alike=alike(task, winner, signal, weights),
        phrases=signal.phrases,
        habit=signal.habit,
        vote=signal.vote,
        margin=margin(views, scores, order, weights),
        length=math.log1p(weights.of(task.telling)),
    )
    akin = say * _winners_odds(views, odds, best, weights, found.entries) if say else 0.0
    return Ranking(
        scored=tuple(Scored(views[i].candidate, total[i], signals[i]) for i in order),
        fits=probability(akin + (1 - say) * FITS.odds(evidence)),
        right=probability(akin + (1 - say) * RIGHT.odds(evidence)),
        evidence=evidence,
        kinship=kin[best] if kin else None,
    )


def _say_of_kinship(entries: int) -> float:
    """From 1 in a small store to 0 in a large one."""
    along = math.log(max(entries, _SMALL) / _SMALL) / math.log(_LARGE / _SMALL)
    return max(0.0, 1 - along)


def _kin(found: Found) -> list[Kinship]:
    common = {
        word: known.anywhere / (found.entries + _UNKNOWN)
        for word, known in found.frequencies.items()
    }
    return [kinship(found.task, candidate, common) for candidate in found.candidates]


def _winners_odds(
    views: list[View], odds: list[float], best: int, weights: Weights, entries: int
) -> float:
    """One of the different jobs is right, or none: each that is akin as well takes its part."""
    rivals = math.fsum(
        math.exp(odds[number])
        for number, view in enumerate(views)
        if number != best and not same_job(views[best], view, weights)
    )
    return odds[best] - math.log1p(rivals) - _BY_CHANCE * math.log(max(1, entries))


def closest(found: Found, limit: int) -> Found:
    """Keeps the candidates with the best bm25 for all words of the task, the best first."""
    sizes = bm25(found, Weights(found))
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], found.candidates[i].id))
    return found._replace(candidates=tuple(found.candidates[i] for i in order[:limit]))
