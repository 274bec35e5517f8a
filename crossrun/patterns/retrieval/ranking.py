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

from crossrun.patterns.retrieval.lexical import lexical_similarity
from crossrun.patterns.retrieval.signals import (
    TextProfile,
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
    CandidateSet,
    Features,
    Frequency,
    IndexedPattern,
    LexicalSimilarity,
    LogisticModel,
    Ranking,
    Scored,
    Signals,
    probability,
)

__all__ = [
    "Candidate",
    "CandidateSet",
    "Features",
    "Frequency",
    "IndexedPattern",
    "LexicalSimilarity",
    "LogisticModel",
    "Ranking",
    "Scored",
    "Signals",
    "closest",
    "rank",
]

FITS = LogisticModel(
    -2.894,
    Features(
        matched=1.495,
        similarity=3.221,
        phrases=0.855,
        association=0.422,
        agreement=6.743,
        margin=0.159,
        length=-0.925,
    ),
)
RIGHT = LogisticModel(
    -6.626,
    Features(
        matched=2.64,
        similarity=2.107,
        phrases=-1.711,
        association=-1.96,
        agreement=3.179,
        margin=1.605,
        length=-0.961,
    ),
)
"""Logistic regression with a ridge of 3 on standardised evidence, by the `--fit` of
`benchmarks/retrieval.py`: 708 tasks asked of a store of 13,623 entries and, with a tenth of the
weight, of stores of 1, 2, 5, 20, 100 and 1,000 entries made from it, half of which held one that
fits. By ten-fold cross-validation over the tasks: AUROC of the first .80; precision of the second
.89, .78 and .69 for the surest 10, 20 and 30% of all tasks."""
LEXICAL = LogisticModel(
    -2.75,
    LexicalSimilarity(
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


def rank(candidate_set: CandidateSet) -> Ranking:
    """Ranks the candidates. The same input gives the same ranking; ties go to the smaller id."""
    if not candidate_set.candidates or not candidate_set.task:
        return Ranking()
    weights = Weights(candidate_set)
    task = TextProfile(Candidate("", candidate_set.task, (), "", ""), weights)
    views = [TextProfile(candidate, weights) for candidate in candidate_set.candidates]
    matched = bm25(candidate_set, weights)
    signals = signals_of(candidate_set, task, views, matched, weights)
    scores = [score(signal) for signal in signals]
    say = _say_of_kinship(candidate_set.entries)
    kin = _kin(candidate_set) if say else []
    odds = [LEXICAL.odds(k) for k in kin] or [0.0] * len(views)
    total = [at + say * o for at, o in zip(scores, odds, strict=True)]
    order = sorted(range(len(views)), key=lambda i: (-total[i], views[i].candidate.id))
    best = order[0]
    winner, signal = views[best], signals[best]
    evidence = Features(
        matched=math.log1p(matched[best]),
        similarity=alike(task, winner, signal, weights),
        phrases=signal.phrases,
        association=signal.association,
        agreement=signal.agreement,
        margin=margin(views, scores, order, weights),
        length=math.log1p(weights.of(task.content_words)),
    )
    akin = say * _winners_odds(views, odds, best, weights, candidate_set.entries) if say else 0.0
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


def _kin(candidate_set: CandidateSet) -> list[LexicalSimilarity]:
    common = {
        word: known.anywhere / (candidate_set.entries + _UNKNOWN)
        for word, known in candidate_set.frequencies.items()
    }
    return [
        lexical_similarity(candidate_set.task, candidate, common)
        for candidate in candidate_set.candidates
    ]


def _winners_odds(
    views: list[TextProfile], odds: list[float], best: int, weights: Weights, entries: int
) -> float:
    """One of the different jobs is right, or none: each that is akin as well takes its part."""
    rivals = math.fsum(
        math.exp(odds[number])
        for number, view in enumerate(views)
        if number != best and not same_job(views[best], view, weights)
    )
    return odds[best] - math.log1p(rivals) - _BY_CHANCE * math.log(max(1, entries))


def closest(candidate_set: CandidateSet, limit: int) -> CandidateSet:
    """Keeps the candidates with the best bm25 for all words of the task, the best first."""
    sizes = bm25(candidate_set, Weights(candidate_set))
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], candidate_set.candidates[i].id))
    return candidate_set._replace(
        candidates=tuple(candidate_set.candidates[i] for i in order[:limit])
    )
