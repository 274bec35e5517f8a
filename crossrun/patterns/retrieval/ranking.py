"""The ranking of stored patterns for a task, with two probabilities.

Pure: `crossrun.store.pattern_index` supplies candidates and counts.

`signals` uses the store's word counts, without trained parameters; `lexical` uses none. A store of
one pattern has nothing to count, while a store of a thousand knows its words better than any list.
So lexical similarity decides in a small store, the signals in a large one, and between them both
count, by the logarithm of the number of patterns.

Whether *something stored fits* and whether *the winner is right* are two questions, answered by two
small logistic models: a score that is best at the first injects wrong near-duplicates. Neither uses
the absolute value of bm25, which is close to 0 in a store with one entry.
"""

import math
from collections.abc import Sequence

from crossrun.patterns.retrieval.lexical import lexical_similarities
from crossrun.patterns.retrieval.signals import (
    TextProfile,
    Weights,
    bm25,
    margin,
    mean_similarity,
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
    Models,
    Ranking,
    Scored,
    Signals,
    probability,
)
from crossrun.patterns.retrieval.words import content_words

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

FITS = Models(
    LogisticModel(-4.278, (0.767, 5.64, 0.52, -0.538, 7.125, -0.001, 0.478, 0.444, -0.917, 0.663)),
    LogisticModel(
        -4.525, (0.175, 4.377, 0.944, -0.446, 6.599, 0.362, 0.613, 0.299, -2.552, 0.53, 2.79)
    ),
)
RIGHT = Models(
    LogisticModel(-2.434, (1.004, 3.96, -3.089, -4.844, 2.972, 2.495, 0.376, 0.274, 1.647, 0.0)),
    LogisticModel(
        -3.2, (0.551, 3.131, -2.642, -4.654, 2.639, 2.874, 0.51, 0.284, 0.035, 0.0, 2.304)
    ),
)
"""Logistic regression with a ridge of 3 on standardised features: 1,138 tasks of six sources, of 3
to 600 words, asked of a store of 15,440 patterns and, with less weight, of stores of 1 to 1,000;
and the same tasks among others in one text. The `--fit` of `benchmarks/retrieval.py` fits in this
way, but has not been run to its end since, so it need not print the same numbers. `RIGHT` leaves
the length out: by it, a model knows the source rather than what is right."""
LEXICAL = Models(
    LogisticModel(-2.732, (-0.68, 2.268, 1.321, 2.577, 7.401, -3.367, 0.869, -0.174, 2.929)),
    LogisticModel(-3.323, (-0.225, 2.311, 1.979, 2.008, 3.422, -3.684, 0.619, -0.326, 3.12, 4.186)),
)
"""The same by the `--fit` of `benchmarks/rephrasings.py`: jobs in other words and languages, other
jobs on the same files and unrelated tasks, with pairs from those 1,138 tasks of less weight."""
_BY_CHANCE = 0.15
"""The more patterns, the sooner one is similar by chance: taken off the odds for each e-fold."""
_LEAD, _LEAD_NEEDED, _USUAL = 5.0, 0.2, 0.45
"""What a lead in cosine is worth, what is taken off for it, and the cosine that is usual for the
nearest of some patterns none of which fits. Set on the tuned halves of the jobs and languages in
`benchmarks/data`, so that no more near misses get a pattern."""
_UNKNOWN = 10
"""How common a word is in the store counts as if so many more patterns were without it."""
_SMALL, _LARGE = 100, 1_000
"""Patterns up to which lexical similarity decides alone, and from which on it has no weight."""
_SHORT, _LONG = 30, 80
"""The same for the different content words of a task: in a long one its verbs are many."""


def rank(candidate_set: CandidateSet) -> Ranking:
    """Ranks the candidates. The same input gives the same ranking; ties go to the smaller id."""
    if not candidate_set.candidates or not candidate_set.task:
        return Ranking()
    weights = Weights(candidate_set)
    task = TextProfile(Candidate("", candidate_set.task, (), "", ""), weights)
    profiles = [TextProfile(candidate, weights) for candidate in candidate_set.candidates]
    matched = bm25(candidate_set, weights)
    signals = signals_of(candidate_set, task, profiles, matched, weights)
    scores = [score(signal) for signal in signals]
    share = _weight_of_lexical(candidate_set.entries, len(content_words(candidate_set.task)))
    similarities = _lexical_similarities(candidate_set) if share else []
    leads = _leads([similarity.semantic for similarity in similarities])
    odds = [LEXICAL.odds(s) + lead for s, lead in zip(similarities, leads, strict=True)]
    odds = odds or [0.0] * len(profiles)
    total = [
        size + share * o + (1 - share) * candidate_set.semantic.get(profile.candidate.id, 0.0)
        for size, o, profile in zip(scores, odds, profiles, strict=True)
    ]
    order = sorted(range(len(profiles)), key=lambda i: (-total[i], profiles[i].candidate.id))
    best = order[0]
    winner, signal = profiles[best], signals[best]
    alone = candidate_set._replace(candidates=(winner.candidate,))
    similarity = similarities[best] if similarities else _lexical_similarities(alone)[0]
    features = _features(
        similarity,
        signal,
        matched=matched[best],
        mean=mean_similarity(task, winner, signal, weights),
        lead=margin(profiles, scores, order, weights),
        weight=weights.of(task.content_words),
    )
    entries = candidate_set.entries
    lexical = _winners_odds(profiles, odds, best, weights, entries) if share else 0.0
    return Ranking(
        scored=tuple(Scored(profiles[i].candidate, total[i], signals[i]) for i in order),
        fits=probability(share * lexical + (1 - share) * FITS.odds(features)),
        right=probability(share * lexical + (1 - share) * RIGHT.odds(features)),
        features=features,
        similarity=similarity,
        lexical_odds=lexical,
        lexical_share=share,
    )


def _features(
    similarity: LexicalSimilarity,
    signals: Signals,
    *,
    matched: float,
    mean: float,
    lead: float,
    weight: float,
) -> Features:
    length = math.log1p(weight)
    return Features(
        matched=math.log1p(matched) - length,
        similarity=mean,
        phrases=signals.phrases,
        association=signals.association,
        agreement=signals.agreement,
        margin=lead,
        acts_shared=similarity.acts_shared,
        opposed=similarity.opposed,
        shared=similarity.shared,
        length=length,
        semantic=similarity.semantic,
    )


def _weight_of_lexical(entries: int, words: int) -> float:
    """From 1 in a small store and for a short task to 0 in a large one, or for a long one."""
    return _fading(entries, _SMALL, _LARGE) * _fading(words, _SHORT, _LONG)


def _fading(size: int, low: int, high: int) -> float:
    return max(0.0, 1 - math.log(max(size, low) / low) / math.log(high / low))


def _lexical_similarities(candidate_set: CandidateSet) -> list[LexicalSimilarity]:
    """The similarity of each candidate's best wording."""
    common = {
        word: frequency.anywhere / (candidate_set.entries + _UNKNOWN)
        for word, frequency in candidate_set.frequencies.items()
    }
    return [
        max(
            (
                similarity._replace(semantic=candidate_set.semantic.get(candidate.id))
                for similarity in lexical_similarities(candidate_set.task, candidate, common)
            ),
            key=LEXICAL.odds,
        )
        for candidate in candidate_set.candidates
    ]


def _leads(cosines: Sequence[float | None]) -> list[float]:
    """Log-odds of each candidate from its lead: its cosine minus the best other one.

    Absolute cosines of the same job differ between languages and subjects; the lead does not.
    """
    present = [cosine for cosine in cosines if cosine is not None]
    first, second = sorted((_USUAL, _USUAL, *present))[:-3:-1]
    return [
        0.0
        if cosine is None
        else _LEAD * (cosine - (second if cosine == first else first)) - _LEAD_NEEDED
        for cosine in cosines
    ]


def _winners_odds(
    profiles: list[TextProfile], odds: list[float], best: int, weights: Weights, entries: int
) -> float:
    """One of the different jobs is right, or none: each that is similar as well takes its part."""
    rivals = math.fsum(
        math.exp(odds[number])
        for number, profile in enumerate(profiles)
        if number != best and not same_job(profiles[best], profile, weights)
    )
    return odds[best] - math.log1p(rivals) - _BY_CHANCE * math.log(max(1, entries))


def closest(candidate_set: CandidateSet, limit: int) -> CandidateSet:
    """Keeps the candidates with the best bm25 for all words of the task, the best first."""
    sizes = bm25(candidate_set, Weights(candidate_set))
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], candidate_set.candidates[i].id))
    return candidate_set._replace(
        candidates=tuple(candidate_set.candidates[i] for i in order[:limit])
    )
