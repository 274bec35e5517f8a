"""Six signals of similarity between a task and a stored pattern, weighted by counts of the store.

Pure. For each candidate there are

- *words*: bm25 over task and workflow text, as a share of the best candidate's;
- *spelling*: cosine of the character 3- and 4-grams of the words, each gram with its word's weight;
- *phrases*: the weight of the task's pairs of neighbouring words that the candidate has as well;
- *coverage*: the share of the weight of the candidate's task that this task has;
- *association*: for each word of the task the best pointwise mutual information with one of the
  candidate's command words, as counted in the store itself;
- *agreement*: how much more the candidate's workflow is like those of the other good candidates
  than its text is like theirs: other wordings of the same job support it.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from crossrun.patterns.retrieval.values import Candidate, CandidateSet, Signals
from crossrun.patterns.retrieval.words import STOP_WORDS, content_words

_SPELLING, _PHRASES, _COVERAGE, _ASSOCIATION, _AGREEMENT = 1.0, 0.4, 0.3, 1.5, 3.0
_STRONGEST_ASSOCIATION = 5.0
"""Mutual information that counts as 1."""
_JUDGES = 15
_COMPARED = 64
"""So many different words of a text are compared in detail."""
_ANOTHER = 0.5
"""Workflows below this similarity are different."""
_K1, _B = 1.2, 0.75
_IMAGINED = 300
_STOP_SHARE, _WORD_SHARE = 0.4, 0.003
"""A store begins as if it held 300 patterns, with a stop word in two fifths of them and any other
word in one: weights mean something from the first pattern on, also when all are alike."""


class Weights(dict[str, float]):
    """The inverse document frequency of each word, computed on first use."""

    def __init__(self, candidate_set: CandidateSet) -> None:
        super().__init__()
        self._candidate_set = candidate_set

    def __missing__(self, word: str) -> float:
        frequency = self._candidate_set.frequencies.get(word)
        share = _STOP_SHARE if word in STOP_WORDS else _WORD_SHARE
        entries = self._candidate_set.entries + _IMAGINED
        weight = math.log(entries / ((frequency.anywhere if frequency else 0) + share * _IMAGINED))
        self[word] = weight
        return weight

    def of(self, words: Iterable[str]) -> float:
        """The sum over words, in a fixed order, so that it is always exactly the same."""
        return sum(map(self.__getitem__, words))


class TextProfile:
    """A candidate, or the task itself, prepared for comparison."""

    def __init__(self, candidate: Candidate, weights: Weights) -> None:
        self.candidate = candidate
        words = list(dict.fromkeys(candidate.task))[:_COMPARED]
        commands = list(dict.fromkeys(candidate.workflow))[:_COMPARED]
        self.content_words = content_words(words) or words
        self.task = frozenset(words)
        self.workflow = frozenset(commands)
        self.task_weight = weights.of(words)
        self.workflow_weight = weights.of(commands)
        self.grams: dict[str, float] = defaultdict(float)
        for word in words:
            grams = _grams(word)
            share = weights[word] / math.sqrt(len(grams))
            for gram in grams:
                self.grams[gram] += share
        self.length = math.sqrt(sum(x * x for x in self.grams.values()))


@lru_cache(maxsize=1 << 16)
def _grams(word: str) -> tuple[str, ...]:
    padded = f" {word} "
    return tuple(
        dict.fromkeys(padded[i : i + n] for n in (3, 4) for i in range(len(padded) - n + 1))
    )


def signals_of(
    candidate_set: CandidateSet,
    task: TextProfile,
    views: list[TextProfile],
    matched: list[float],
    weights: Weights,
) -> list[Signals]:
    """The signals of all candidates, in their order."""
    most = max(matched) or 1.0
    phrases = _Phrases(candidate_set.task, weights)
    associations = _Associations(candidate_set, task.content_words, weights)
    signals = [
        Signals(
            words=size / most,
            spelling=_cosine(task, view),
            phrases=phrases.share(view.candidate.task),
            coverage=_share(view.content_words, task.task, weights),
            association=associations.share(view.workflow),
            agreement=0.0,
        )
        for size, view in zip(matched, views, strict=True)
    ]
    agreements = _agreements(views, [score(signal) for signal in signals], weights)
    return [
        signal._replace(agreement=agreement)
        for signal, agreement in zip(signals, agreements, strict=True)
    ]


def score(signals: Signals) -> float:
    """The score by which candidates are ranked."""
    return (
        signals.words
        + _SPELLING * signals.spelling
        + _PHRASES * signals.phrases
        + _COVERAGE * signals.coverage
        + _ASSOCIATION * signals.association
        + _AGREEMENT * signals.agreement
    )


def bm25(candidate_set: CandidateSet, weights: Weights) -> list[float]:
    """The size of each candidate's bm25 for all words of the task."""
    asked = Counter(candidate_set.task)
    emphasis = {word: 1 + math.log(count) for word, count in asked.items()}
    usual = candidate_set.words / candidate_set.entries if candidate_set.entries else 0.0
    sizes = []
    for candidate in candidate_set.candidates:
        words = candidate.task + candidate.workflow
        counts = Counter(words)
        drag = _K1 * (1 - _B + _B * len(words) / (usual or 1.0))
        sizes.append(
            sum(
                weights[word] * emphasis[word] * counts[word] * (_K1 + 1) / (counts[word] + drag)
                for word in asked
                if word in counts
            )
        )
    return sizes


def _cosine(left: TextProfile, right: TextProfile) -> float:
    common = sum(x * left.grams[gram] for gram, x in right.grams.items() if gram in left.grams)
    return min(1.0, common / (left.length * right.length)) if common else 0.0


class _Phrases:
    """The task's pairs of neighbouring words, each with the weight of both."""

    def __init__(self, task: Sequence[str], weights: Weights) -> None:
        self._weights = {pair: weights[pair[0]] + weights[pair[1]] for pair in pairwise(task)}
        self._all = sum(self._weights.values())

    def share(self, words: Sequence[str]) -> float:
        """The share of the weight that these words have in the same order."""
        pairs = dict.fromkeys(pairwise(words))
        common = sum(self._weights[pair] for pair in pairs if pair in self._weights)
        return min(1.0, common / self._all) if common else 0.0


class _Associations:
    """Associations of the task's words with command words (PMI)."""

    def __init__(self, candidate_set: CandidateSet, words: Sequence[str], weights: Weights) -> None:
        self._weights = [weights[word] for word in words]
        self._all = sum(self._weights)
        self._strengths: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, word in enumerate(words):
            for command in candidate_set.cooccurrences.get(word, ()):
                strength = _mutual_information(candidate_set, word, command)
                if strength > 0:
                    self._strengths[command].append((number, strength))

    def share(self, commands: AbstractSet[str]) -> float:
        """The mean over the task's words of the strongest association with one of the commands."""
        best = [0.0] * len(self._weights)
        for command in commands:
            for number, strength in self._strengths.get(command, ()):
                best[number] = max(best[number], strength)
        mean = sum(x * w for x, w in zip(best, self._weights, strict=True)) / (self._all or 1.0)
        return min(1.0, mean / _STRONGEST_ASSOCIATION)


def _mutual_information(candidate_set: CandidateSet, word: str, command: str) -> float:
    both = candidate_set.cooccurrences[word][command]
    by_chance = candidate_set.frequencies[word].task * candidate_set.frequencies[command].workflow
    return math.log(both * candidate_set.entries / max(1, by_chance)) * both / (both + 2)


def _agreements(views: list[TextProfile], scores: list[float], weights: Weights) -> list[float]:
    """For each candidate; without a workflow there is nothing to agree on.

    The best candidates vote, each with the square of its score.
    """
    order = sorted(range(len(views)), key=lambda i: (-scores[i], views[i].candidate.id))
    judges = order[:_JUDGES]
    agreements = [0.0] * len(views)
    for number, view in enumerate(views):
        if not view.workflow:
            continue
        power = sum(scores[judge] ** 2 for judge in judges if judge != number) or 1.0
        for judge in judges:
            if judge != number and views[judge].workflow:
                likeness = _jaccard_similarity(view, views[judge], weights)
                agreements[number] += (
                    (likeness.workflow - likeness.task) * scores[judge] ** 2 / power
                )
    return agreements


class _JaccardSimilarity(NamedTuple):
    """Weighted Jaccard similarities of two candidates: of their tasks and workflows."""

    task: float
    workflow: float


def _jaccard_similarity(
    left: TextProfile, right: TextProfile, weights: Weights
) -> _JaccardSimilarity:
    return _JaccardSimilarity(
        _jaccard(left.task, right.task, left.task_weight + right.task_weight, weights),
        _jaccard(
            left.workflow, right.workflow, left.workflow_weight + right.workflow_weight, weights
        ),
    )


def _jaccard(
    left: AbstractSet[str], right: AbstractSet[str], both: float, weights: Weights
) -> float:
    common = math.fsum(map(weights.__getitem__, left & right))
    return common / (both - common) if common else 0.0


def mean_similarity(
    task: TextProfile, winner: TextProfile, signals: Signals, weights: Weights
) -> float:
    """The mean of four shares; see `Features`."""
    return (
        _share(task.content_words, winner.task | winner.workflow, weights)
        + _share(winner.content_words, task.task, weights)
        + signals.spelling
        + math.sqrt(signals.phrases)
    ) / 4


def _share(words: Sequence[str], present: AbstractSet[str], weights: Weights) -> float:
    whole = weights.of(words)
    return weights.of(word for word in words if word in present) / whole if whole else 0.0


def margin(
    views: list[TextProfile], scores: list[float], order: list[int], weights: Weights
) -> float:
    """The lead of the first over the best candidate with another workflow; at most 1."""
    winner = views[order[0]]
    for number in order[1:]:
        if not same_job(winner, views[number], weights):
            return min(1.0, scores[order[0]] - scores[number])
    return min(1.0, scores[order[0]])


def same_job(left: TextProfile, right: TextProfile, weights: Weights) -> bool:
    """Whether two candidates have much the same workflow, or text when one has none."""
    likeness = _jaccard_similarity(left, right, weights)
    comparable = left.workflow and right.workflow
    return (likeness.workflow if comparable else likeness.task) >= _ANOTHER
