"""Which stored patterns resemble a task: five signals, one ranking, two probabilities.

Pure: `crossrun.store.shelf` finds candidates and counts, this module weighs them.

The ranking is a formula without trained parts. For each candidate it adds up

- *words*: bm25 over task and workflow text, as a share of the best candidate's;
- *spelling*: cosine of the character 3- and 4-grams of the words, each gram with its word's weight;
- *phrases*: the weight of the task's pairs of neighbouring words that the candidate has as well;
- *habit*: for each word of the task the best pointwise mutual information with one of the
  candidate's command words, as counted in the store itself;
- *vote*: how much more the candidate's workflow is like those of the other good candidates than
  its text is like theirs. Others that read differently do the same thing.

Whether *something stored fits* and whether *the winner is right* are two questions, and two small
logistic models answer them; a score that is best at the first injects wrong near-duplicates. They
do not rest on the size of bm25, which is next to nothing in a store with one entry.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from crossrun.patterns.choosing.words import STOP_WORDS, telling


class Entry(NamedTuple):
    """A pattern as it is put on the shelf: the task it was learned from, and what was done."""

    id: str
    task: str
    workflow: str
    task_type: str
    project_id: str


class Candidate(NamedTuple):
    """A pattern that shares words with the task; its texts are stemmed words in their order."""

    id: str
    task: tuple[str, ...]
    workflow: tuple[str, ...]
    task_type: str
    project_id: str


class Frequency(NamedTuple):
    """In how many entries a word occurs: at all, in the task, in the workflow."""

    anywhere: int
    task: int
    workflow: int


class Found(NamedTuple):
    """What the shelf knows about one task. Drop candidates here, before `ranked`, not after."""

    task: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    entries: int
    words: int
    """Of all entries together."""
    frequencies: Mapping[str, Frequency]
    """Of the words of the task and the candidates. A word that is not stored is not in it."""
    together: Mapping[str, Mapping[str, int]]
    """In how many entries a word of the task goes with a command word; twice or more."""


class Signals(NamedTuple):
    """How a candidate resembles the task; from 0 to 1, `vote` from -1 to 1."""

    words: float
    spelling: float
    phrases: float
    habit: float
    vote: float


class Scored(NamedTuple):
    """A candidate and its place in the ranking's own measure: only differences mean something."""

    candidate: Candidate
    score: float
    signals: Signals


class Evidence(NamedTuple):
    """What the two probabilities rest on."""

    matched: float
    """Logarithm of the winner's bm25 for the task."""
    alike: float
    """Mean of four shares: of the task's weight that the winner has, of the weight of the winner's
    task that this task has, of the spelling, and the root of that of the phrases."""
    phrases: float
    habit: float
    vote: float
    margin: float
    """How far the best candidate with another workflow is behind; at most 1."""
    length: float
    """Logarithm of the task's weight."""


class Model(NamedTuple):
    """A logistic model over `Evidence`."""

    intercept: float
    weights: Evidence

    def probability(self, evidence: Evidence) -> float:
        """From 0 to 1."""
        at = self.intercept + sum(w * x for w, x in zip(self.weights, evidence, strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, at))))


class Ranking(NamedTuple):
    """All candidates, the best first, and how sure one can be of the first."""

    scored: tuple[Scored, ...] = ()
    fits: float = 0.0
    """The probability that something stored fits."""
    right: float = 0.0
    """The probability that the winner does."""
    evidence: Evidence | None = None


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

_SPELLING, _PHRASES, _HABIT, _VOTE = 1.0, 0.4, 1.5, 3.0
_STRONGEST_HABIT = 5.0
"""Mutual information that counts as 1."""
_VOTERS = 15
_COMPARED = 64
"""So many different words of a text are compared in detail."""
_ANOTHER = 0.5
"""Workflows less alike than this are different workflows."""
_K1, _B = 1.2, 0.75
_IMAGINED = 300
_STOP_SHARE, _WORD_SHARE = 0.4, 0.003
"""A store begins as if it held 300 entries, with a stop word in two fifths of them and any other
word in one: weights mean something from the first entry on, also when all entries are alike."""


def ranked(found: Found) -> Ranking:
    """Ranks the candidates. The same input gives the same ranking; ties go to the smaller id."""
    if not found.candidates or not found.task:
        return Ranking()
    weights = _Weights(found)
    task = _View(Candidate("", found.task, (), "", ""), weights)
    views = [_View(candidate, weights) for candidate in found.candidates]
    matched = _bm25(found, weights)
    signals = _signals(found, task, views, matched, weights)
    scores = [_score(signal) for signal in signals]
    order = sorted(range(len(views)), key=lambda i: (-scores[i], views[i].candidate.id))
    best = order[0]
    winner, signal = views[best], signals[best]
    shares = (
        _share(task.telling, winner.task | winner.workflow, weights),
        _share(winner.telling, task.task, weights),
        signal.spelling,
        math.sqrt(signal.phrases),
    )
    evidence = Evidence(
        matched=math.log1p(matched[best]),
        alike=sum(shares) / len(shares),
        phrases=signal.phrases,
        habit=signal.habit,
        vote=signal.vote,
        margin=_margin(views, scores, order, weights),
        length=math.log1p(weights.of(task.telling)),
    )
    return Ranking(
        scored=tuple(Scored(views[i].candidate, scores[i], signals[i]) for i in order),
        fits=FITS.probability(evidence),
        right=RIGHT.probability(evidence),
        evidence=evidence,
    )


def closest(found: Found, limit: int) -> Found:
    """Keeps the candidates with the best bm25 for all words of the task, the best first."""
    sizes = _bm25(found, _Weights(found))
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], found.candidates[i].id))
    return found._replace(candidates=tuple(found.candidates[i] for i in order[:limit]))


class _Weights(dict[str, float]):
    """The inverse document frequency of each word, worked out when it is first asked for."""

    def __init__(self, found: Found) -> None:
        super().__init__()
        self._found = found

    def __missing__(self, word: str) -> float:
        known = self._found.frequencies.get(word)
        share = _STOP_SHARE if word in STOP_WORDS else _WORD_SHARE
        entries = self._found.entries + _IMAGINED
        weight = math.log(entries / ((known.anywhere if known else 0) + share * _IMAGINED))
        self[word] = weight
        return weight

    def of(self, words: Iterable[str]) -> float:
        """Of all words together; in their order, so that sums come out the same each time."""
        return sum(map(self.__getitem__, words))


class _View:
    """A candidate, or the task itself, made ready for comparing."""

    def __init__(self, candidate: Candidate, weights: _Weights) -> None:
        self.candidate = candidate
        words = list(dict.fromkeys(candidate.task))[:_COMPARED]
        commands = list(dict.fromkeys(candidate.workflow))[:_COMPARED]
        self.telling = telling(words) or words
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


def _signals(
    found: Found, task: _View, views: list[_View], matched: list[float], weights: _Weights
) -> list[Signals]:
    most = max(matched) or 1.0
    phrases = _Phrases(found.task, weights)
    habits = _Habits(found, task.telling, weights)
    signals = [
        Signals(
            words=size / most,
            spelling=_cosine(task, view),
            phrases=phrases.share(view.candidate.task),
            habit=habits.share(view.workflow),
            vote=0.0,
        )
        for size, view in zip(matched, views, strict=True)
    ]
    votes = _votes(views, [_score(signal) for signal in signals], weights)
    return [signal._replace(vote=vote) for signal, vote in zip(signals, votes, strict=True)]


def _score(signals: Signals) -> float:
    return (
        signals.words
        + _SPELLING * signals.spelling
        + _PHRASES * signals.phrases
        + _HABIT * signals.habit
        + _VOTE * signals.vote
    )


def _bm25(found: Found, weights: _Weights) -> list[float]:
    asked = list(dict.fromkeys(found.task))
    usual = found.words / found.entries if found.entries else 0.0
    sizes = []
    for candidate in found.candidates:
        words = candidate.task + candidate.workflow
        counts = Counter(words)
        drag = _K1 * (1 - _B + _B * len(words) / (usual or 1.0))
        sizes.append(
            sum(
                weights[word] * counts[word] * (_K1 + 1) / (counts[word] + drag)
                for word in asked
                if word in counts
            )
        )
    return sizes


def _cosine(one: _View, other: _View) -> float:
    common = sum(x * one.grams[gram] for gram, x in other.grams.items() if gram in one.grams)
    return min(1.0, common / (one.length * other.length)) if common else 0.0


class _Phrases:
    """The task's pairs of neighbouring words, each with the weight of both."""

    def __init__(self, task: Sequence[str], weights: _Weights) -> None:
        self._weights = {pair: weights[pair[0]] + weights[pair[1]] for pair in pairwise(task)}
        self._all = sum(self._weights.values())

    def share(self, words: Sequence[str]) -> float:
        """The share of the weight that these words have in the same order."""
        pairs = dict.fromkeys(pairwise(words))
        common = sum(self._weights[pair] for pair in pairs if pair in self._weights)
        return min(1.0, common / self._all) if common else 0.0


class _Habits:
    """Which command words go with the task's words more often than by chance."""

    def __init__(self, found: Found, words: Sequence[str], weights: _Weights) -> None:
        self._weights = [weights[word] for word in words]
        self._all = sum(self._weights)
        self._strengths: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, word in enumerate(words):
            for command in found.together.get(word, ()):
                strength = _mutual_information(found, word, command)
                if strength > 0:
                    self._strengths[command].append((number, strength))

    def share(self, commands: AbstractSet[str]) -> float:
        """The mean over the task's words of the strongest habit with one of the commands."""
        best = [0.0] * len(self._weights)
        for command in commands:
            for number, strength in self._strengths.get(command, ()):
                best[number] = max(best[number], strength)
        mean = sum(x * w for x, w in zip(best, self._weights, strict=True)) / (self._all or 1.0)
        return min(1.0, mean / _STRONGEST_HABIT)


def _mutual_information(found: Found, word: str, command: str) -> float:
    both = found.together[word][command]
    by_chance = found.frequencies[word].task * found.frequencies[command].workflow
    return math.log(both * found.entries / max(1, by_chance)) * both / (both + 2)


def _votes(views: list[_View], scores: list[float], weights: _Weights) -> list[float]:
    """For each candidate; without a workflow there is nothing to vote on.

    The best candidates vote, each with the square of its score.
    """
    order = sorted(range(len(views)), key=lambda i: (-scores[i], views[i].candidate.id))
    voters = order[:_VOTERS]
    votes = [0.0] * len(views)
    for number, view in enumerate(views):
        if not view.workflow:
            continue
        power = sum(scores[voter] ** 2 for voter in voters if voter != number)
        for voter in voters:
            if voter != number and views[voter].workflow:
                likeness = _likeness(view, views[voter], weights)
                votes[number] += (likeness.workflow - likeness.task) * scores[voter] ** 2 / power
    return votes


class _Likeness(NamedTuple):
    """Shares of the weight of what two candidates have that both have."""

    task: float
    workflow: float


def _likeness(one: _View, other: _View, weights: _Weights) -> _Likeness:
    return _Likeness(
        _jaccard(one.task, other.task, one.task_weight + other.task_weight, weights),
        _jaccard(
            one.workflow, other.workflow, one.workflow_weight + other.workflow_weight, weights
        ),
    )


def _jaccard(
    one: AbstractSet[str], other: AbstractSet[str], both: float, weights: _Weights
) -> float:
    common = math.fsum(map(weights.__getitem__, one & other))
    return common / (both - common) if common else 0.0


def _share(words: Sequence[str], present: AbstractSet[str], weights: _Weights) -> float:
    whole = weights.of(words)
    return weights.of(word for word in words if word in present) / whole if whole else 0.0


def _margin(views: list[_View], scores: list[float], order: list[int], weights: _Weights) -> float:
    winner = views[order[0]]
    for number in order[1:]:
        likeness = _likeness(winner, views[number], weights)
        told = winner.workflow and views[number].workflow
        if (likeness.workflow if told else likeness.task) < _ANOTHER:
            return min(1.0, scores[order[0]] - scores[number])
    return min(1.0, scores[order[0]])
