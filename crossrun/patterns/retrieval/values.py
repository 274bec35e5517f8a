"""The values of retrieval: indexed patterns, candidates, similarities, probabilities."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple


class IndexedPattern(NamedTuple):
    """A pattern as it is indexed.

    `task` has the tasks that it was learned from, one per line; `workflow` is what was done.
    """

    id: str
    task: str
    workflow: str
    task_type: str
    project_id: str


class Candidate(NamedTuple):
    """A pattern that may fit the task; its texts are stemmed words, in order."""

    id: str
    task: tuple[str, ...]
    workflow: tuple[str, ...]
    task_type: str
    project_id: str
    wordings: tuple[tuple[str, ...], ...] = ()
    """The tasks of its runs, which `task` has in one; () if there is only one."""


class Frequency(NamedTuple):
    """Document frequencies of a word: overall, in tasks, in workflows."""

    anywhere: int
    task: int
    workflow: int


class CandidateSet(NamedTuple):
    """The candidates for one task, with counts. Drop candidates before `rank`, not after."""

    task: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    entries: int
    words: int
    """Of all patterns together."""
    frequencies: Mapping[str, Frequency]
    """Of the words of the task and the candidates. A word that is not stored is not in it."""
    cooccurrences: Mapping[str, Mapping[str, int]]
    """In how many patterns a word of the task goes with a command word; twice or more."""
    semantic: Mapping[str, float] = MappingProxyType({})
    """The cosine of the task with candidates, by their ids, where an encoder is there."""


class LexicalSimilarity(NamedTuple):
    """Evidence for and against two tasks being the same job; from 0 to 1 unless noted."""

    acts: float
    """Whether they share an act at all."""
    acts_shared: float
    """The share of the acts of both that the other has."""
    things: float
    """How much they share of what things are called in many tasks."""
    light: float
    """How much they share of words that say little, and of kinds of files."""
    shared: float
    """The share of the weight of both that the other has."""
    opposed: float
    """The share of the two that begin with an act that the other lacks; 3: each act undoes the
    other."""
    aim: float
    """How much both share of the words that they begin with: the act and what it is done to."""
    source: float
    """1: it is made from the same kinds of files; -1: from others."""
    made: float
    """1: the same kind of file or chart is made; -1: another; -3: the other way round."""
    semantic: float | None = None
    """The cosine of both by an encoder; None if there is none."""


class Signals(NamedTuple):
    """The similarity of a candidate and the task; from 0 to 1, `agreement` from -1 to 1."""

    words: float
    spelling: float
    phrases: float
    coverage: float
    association: float
    agreement: float


class Scored(NamedTuple):
    """A candidate and its score, of which only differences are meaningful."""

    candidate: Candidate
    score: float
    signals: Signals


class Features(NamedTuple):
    """The features of the two probabilities."""

    matched: float
    """Logarithm of the winner's bm25 for the task, less that of the task's weight."""
    similarity: float
    """Mean of four shares: of the task's weight that the winner has, of the weight of the winner's
    task that this task has, of the spelling, and the root of that of the phrases."""
    phrases: float
    association: float
    agreement: float
    """As in `Signals`."""
    margin: float
    """How far the best candidate with another workflow is behind; at most 1."""
    acts_shared: float
    opposed: float
    shared: float
    """As in `LexicalSimilarity`."""
    length: float
    """Logarithm of the task's weight."""
    semantic: float | None = None
    """The cosine of task and winner by an encoder; None if there is none."""


class LogisticModel(NamedTuple):
    """A logistic model: its intercept and coefficients."""

    intercept: float
    weights: tuple[float, ...]
    """One for each feature, in their order."""

    def odds(self, features: Sequence[float]) -> float:
        """The logarithm of the odds."""
        return self.intercept + sum(w * x for w, x in zip(self.weights, features, strict=True))

    def probability(self, features: Sequence[float]) -> float:
        """From 0 to 1."""
        return probability(self.odds(features))


class Models(NamedTuple):
    """Two models: without and with the last feature, the cosine by an encoder."""

    plain: LogisticModel
    semantic: LogisticModel

    def odds(self, features: LexicalSimilarity | Features) -> float:
        """The logarithm of the odds."""
        if features.semantic is None:
            return self.plain.odds(features[:-1])
        return self.semantic.odds((*features[:-1], features.semantic))


def probability(odds: float) -> float:
    """From 0 to 1, for the logarithm of odds."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


class Ranking(NamedTuple):
    """All candidates, the best first, and the probabilities of the first."""

    scored: tuple[Scored, ...] = ()
    fits: float = 0.0
    """The probability that something stored fits."""
    right: float = 0.0
    """The probability that the winner does."""
    features: Features | None = None
    similarity: LexicalSimilarity | None = None
    """Of the winner."""
    lexical_odds: float = 0.0
    """What lexical similarity alone says of the winner, against all others."""
    lexical_share: float = 0.0
    """How much that counts in both probabilities; the features of the winner are the rest."""
