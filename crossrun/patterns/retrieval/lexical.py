"""Lexical similarity: how similar two tasks are in meaning, without statistics of the store.

Pure. It decides while the store is small. Weights are fixed: acts and their objects weigh most,
file names and words that most tasks could have weigh little. Words match if they are equal, if they
are synonyms in the thesaurus, or if they share a long prefix. Two tasks that begin with different
acts, or make different kinds of files, are different jobs, however many words they share.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from crossrun.patterns.retrieval.thesaurus import (
    ACTS,
    CHART,
    CHARTS,
    KINDS,
    LIGHT,
    MAKING,
    NEUTRAL,
    OPPOSITES,
    SENSES,
    THINGS,
)
from crossrun.patterns.retrieval.values import Candidate, LexicalSimilarity
from crossrun.patterns.retrieval.words import STOP_WORDS

_FULL, _TOPIC, _KIND, _LIGHT, _NUMBER = 1.0, 0.5, 0.6, 0.25, 0.15
"""What a word weighs: an act or thing, one that is not listed, a kind of file, a file's name or a
word that says little, a number."""
_SENSE, _PART, _COMMAND = 0.8, 0.7, 0.6
"""The match of a word with a synonym, with a shared prefix, with a word of the workflow."""
_HEAD, _SHARED_PREFIX = 5, 0.6
"""A shared prefix has this many letters, and this share of the longer word."""
_UNDONE = 3.0
"""How much two acts are opposed of which each undoes the other: split and merge."""
_AIM = 2
"""So many words at the beginning of a text are its aim."""
_NONE: Mapping[str, float] = MappingProxyType({})
_USUAL = 8.0
"""The weight of a usual task. Longer ones share more by chance, so it counts less."""
_VAGUE = 2.0
"""So much weight is imagined of which nothing is shared: "convert rows" says too little."""
_WITHIN = 3
"""The kind that is made comes so many words after "to", "into" or "as" at most."""


class _ParsedText(NamedTuple):
    """A text as it is compared."""

    weights: Mapping[str, float]
    """Of its words, stop words left out."""
    senses: frozenset[str]
    heads: Mapping[str, list[str]]
    """Its longer words by how they begin."""
    acts: frozenset[str]
    """The words that say what is done."""
    lead: str | None
    """The act that it begins with."""
    aim: tuple[str, ...]
    """The words that it begins with: the act and what it is done to."""
    kinds: frozenset[str]
    made: frozenset[str]


class _Sums(NamedTuple):
    weight: float
    acts: float
    shared: tuple[float, float, float, float]
    """Of acts, things, other words, and those that weigh little."""


def lexical_similarities(
    task: tuple[str, ...], candidate: Candidate, common: Mapping[str, float] = _NONE
) -> list[LexicalSimilarity]:
    """Compares a task with each wording of a candidate.

    Args:
        task: its stemmed words.
        candidate: the stemmed words of its tasks.
        common: how common words are in the store, from 0 to 1; common words weigh less.
    """
    wordings = candidate.wordings or (candidate.task,)
    return [
        lexical_similarity(task, candidate._replace(task=wording), common) for wording in wordings
    ]


def lexical_similarity(
    task: tuple[str, ...], candidate: Candidate, common: Mapping[str, float] = _NONE
) -> LexicalSimilarity:
    """Compares a task with all words of a candidate's task; arguments as above."""
    left, right = _read(task), _read(candidate.task)
    met = _all_met(left, right, _read(candidate.workflow))
    back = _all_met(right, left)
    mine, theirs = _sums(left, met, common), _sums(right, back, common)
    acts, things, topics, light = (
        (a + b) / 2 for a, b in zip(mine.shared, theirs.shared, strict=True)
    )
    usual = _USUAL / max(_USUAL, math.sqrt(mine.weight * theirs.weight))
    whole = mine.acts + theirs.acts
    return LexicalSimilarity(
        acts=min(1.0, acts * usual),
        acts_shared=2 * acts / whole if whole else 0.5,
        things=_part_of_one(things * usual),
        light=_part_of_one(light * usual),
        shared=2 * (acts + things + topics + light) / (mine.weight + theirs.weight + _VAGUE),
        opposed=_opposed(left, right, met, back),
        aim=(_aim_met(left, met) + _aim_met(right, back)) / 2,
        source=_sources(left, right),
        made=_made_alike(left, right),
    )


@lru_cache(maxsize=1 << 12)
def _read(words: tuple[str, ...]) -> _ParsedText:
    names = _names(words)
    weights = {
        word: _LIGHT if word in names else _weight(word)
        for word in dict.fromkeys(words)
        if word not in STOP_WORDS
    }
    content_words = [word for word in weights if word not in names and word not in LIGHT]
    return _ParsedText(
        weights=weights,
        senses=frozenset(sense for word in weights for sense in SENSES.get(word, ())),
        heads=_heads(weights),
        acts=frozenset(word for word in content_words if word in ACTS),
        lead=_lead(words, content_words),
        aim=tuple(word for word in weights if _is_of_aim(word, names))[:_AIM],
        kinds=frozenset(kind for word in weights for kind in KINDS.get(word, ())),
        made=_made(words),
    )


def _heads(words: Iterable[str]) -> dict[str, list[str]]:
    heads: dict[str, list[str]] = defaultdict(list)
    for word in words:
        if len(word) >= _HEAD:
            heads[word[:_HEAD]].append(word)
    return dict(heads)


def _names(words: Sequence[str]) -> frozenset[str]:
    """The names of files: what is before a kind of file, as in `sales.csv`, but at no beginning."""
    return frozenset(
        word for word, following in pairwise(words[1:]) if following in KINDS and word not in KINDS
    )


def _weight(word: str) -> float:
    if word.isdigit() or len(word) == 1:
        return _NUMBER
    if word in KINDS:
        return _KIND
    if word in LIGHT:
        return _LIGHT
    return _FULL if word in ACTS or word in THINGS else _TOPIC


def _lead(words: Sequence[str], content: Sequence[str]) -> str | None:
    """The first word, as in an order; also one that is not listed, unless it is listed as a thing.

    What says only that something is to be done is not the act: "make", "create", "write".
    """
    first = words[0] if words else ""
    if first in NEUTRAL or first in STOP_WORDS:
        return None
    named = len(words) > 1 and words[1] in KINDS
    is_act = first in ACTS or (first not in THINGS and not named)
    return first if is_act and (first in content or first in ACTS) else None


def _is_of_aim(word: str, names: AbstractSet[str]) -> bool:
    """Names, numbers and kinds of files are what an aim is reached with."""
    if word in names or word in KINDS or word in NEUTRAL or len(word) == 1 or word.isdigit():
        return False
    return word not in LIGHT


def _made(words: Sequence[str]) -> frozenset[str]:
    """The kinds of files that are made, or else of charts."""
    for number, word in enumerate(words):
        after = words[number + 1 : number + 1 + _WITHIN] if word in MAKING else ()
        if kind := next((word for word in after if word in KINDS), None):
            return KINDS[kind]
    if any(ACTS.get(word) == CHART for word in words):
        return frozenset(chart for word in words for chart in CHARTS.get(word, ()))
    return frozenset()


def _all_met(
    reading: _ParsedText, other: _ParsedText, commands: _ParsedText | None = None
) -> dict[str, float]:
    met = {word: _met(word, other) for word in reading.weights}
    if commands:
        for word, share in met.items():
            if share < _COMMAND:
                met[word] = max(share, _COMMAND * _met(word, commands))
    return met


def _met(word: str, reading: _ParsedText) -> float:
    """How well a text matches a word: 1 if it has it, less for a synonym or a prefix, else 0."""
    if word in reading.weights:
        return 1.0
    if not reading.senses.isdisjoint(SENSES.get(word, ())):
        return _SENSE
    near = reading.heads.get(word[:_HEAD], ())
    return _PART if any(_begin_alike(word, other) for other in near) else 0.0


def _begin_alike(left: str, right: str) -> bool:
    short, long = sorted((left, right), key=len)
    shared = next((n for n, letter in enumerate(short) if letter != long[n]), len(short))
    return shared >= _SHARED_PREFIX * len(long)


def _sums(reading: _ParsedText, met: Mapping[str, float], common: Mapping[str, float]) -> _Sums:
    acts = things = topic = light = all_acts = everything = 0.0
    for word, weight in reading.weights.items():
        here = weight * (1 - common.get(word, 0.0))
        shared = here * met[word]
        everything += here
        if word in reading.acts:
            acts += shared
            all_acts += here
        elif weight == _FULL:
            things += shared
        elif weight != _TOPIC:
            light += shared
        else:
            topic += shared
    return _Sums(everything, all_acts, (acts, things, topic, light))


def _part_of_one(size: float) -> float:
    return size / (1 + size)


def _opposed(
    left: _ParsedText, right: _ParsedText, met: Mapping[str, float], back: Mapping[str, float]
) -> float:
    if left.lead and right.lead in OPPOSITES.get(left.lead, ()):
        return _UNDONE
    return (_lacking(left, met) + _lacking(right, back)) / 2


def _lacking(reading: _ParsedText, met: Mapping[str, float]) -> float:
    """1 when the other text lacks the act that this one begins with.

    Of an act that many tasks have, as in "add docstrings", what it is done to decides.
    """
    if reading.lead is None:
        return 0.0
    decisive = [reading.lead, *(reading.aim[:1] if reading.lead in LIGHT else ())]
    return float(any(met[word] <= _COMMAND * _PART for word in decisive))


def _aim_met(reading: _ParsedText, met: Mapping[str, float]) -> float:
    return math.fsum(met[word] for word in reading.aim) / len(reading.aim) if reading.aim else 0.5


def _agreement(left: frozenset[str], right: frozenset[str]) -> float:
    return 2 * len(left & right) / len(left | right) - 1 if left and right else 0.0


def _made_alike(left: _ParsedText, right: _ParsedText) -> float:
    """The same kind counts only if it is not made from another."""
    agreement = _agreement(left.made, right.made)
    if agreement > 0:
        return agreement if _sources(left, right) >= 0 else 0.0
    reversed_ = agreement < 0 and left.made <= right.kinds and right.made <= left.kinds
    return 3 * agreement if reversed_ else agreement


def _sources(left: _ParsedText, right: _ParsedText) -> float:
    return _agreement(left.kinds - left.made, right.kinds - right.made)
