"""Alignment: runs of one family act by act, with slots where they differ.

The result is the least general generalisation of the runs: where the same values differ in the same
runs, they are the same slot.
"""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from msgspec import Struct

from crossrun.model.workflows import Act, Occurrence, Trace

_TOKEN = re.compile(
    r"(?<=')[\w./@+-]+(?: [\w.@+-]+){1,4}\.[A-Za-z]\w{0,4}(?=')"
    r"|(?<=\")[\w./@+-]+(?:[ '][\w.@+-]+){1,4}\.[A-Za-z]\w{0,4}(?=\")"
    r"|\s+|[\w.@~+*/%-]+|.",
    re.DOTALL,
)
"""A name of a file with blanks in quotes, blanks, a word, or a sign."""
_EXTENSION = re.compile(r"\.[A-Za-z]\w{0,6}$")
_LEAST_SIMILARITY = 0.45
_SAME_PURPOSE = 0.35
_MADE = {"run", "convert", "plot", "build", "check", "query", "fetch", "test"}
"""Purposes that are told from the names of programs, and so may be told wrongly."""

_VAGUE = {"run", "tool"}
"""Purposes that say little: only the same program is likely to do the same."""
_COMPARED = 60
"""So many words of an act are compared."""
_LONGEST_COMPARED = 1_000
"""Words of two acts up to which all that they share is looked for, which takes their product."""
_SAME_KIND = 0.5
"""The similarity of two different words that could be values of one variable."""


class Slot(Struct, frozen=True):
    """A place where runs differ: the value of each run that has the step, by run number."""

    values: tuple[tuple[int, str], ...]


Token = str | Slot


class Aligned(Struct, frozen=True, kw_only=True):
    """An act that several runs have in common."""

    intent: str
    tokens: tuple[Token, ...]
    runs: tuple[int, ...]
    """Numbers of the runs that have it."""
    recovery: bool
    acts: tuple[Act, ...]
    """As each of these runs has it."""

    def act_of(self, run: int) -> Act:
        """The act in one of the runs."""
        return self.acts[self.runs.index(run)]

    def evidence(self, first: int) -> tuple[Occurrence, ...]:
        """The occurrences of the act, those of the run `first` first."""
        others = (act for run, act in zip(self.runs, self.acts, strict=True) if run != first)
        return tuple(o for act in (self.act_of(first), *others) for o in act.occurrences)


def aligned(traces: Sequence[Trace]) -> tuple[Aligned, ...]:
    """All acts of all runs in a common order."""
    merged: list[Aligned] = []
    for number, trace in enumerate(traces):
        merged = _merged(merged, [_alone(act, number) for act in trace.acts])
    return tuple(merged)


def likeness(trace: Trace, other: Trace) -> float:
    """The share of the acts of both that have a counterpart in the other, from 0 to 1."""
    if not trace.acts or not other.acts:
        return 0.0
    left, right = ([_alone(act, 0) for act in run.acts] for run in (trace, other))
    similarities = _similarities(left, right)
    together = sum(similarities[i][j] for i, j in _pairs(left, right))
    return 2 * together / (len(left) + len(right))


def words_of(trace: Trace) -> tuple[tuple[str, bool, str], ...]:
    """The words of a run's acts: equal for runs that did the same."""
    return tuple((act.command, act.recovery, act.instead_of) for act in trace.acts)


def _alone(act: Act, number: int) -> Aligned:
    return Aligned(
        intent=act.intent,
        tokens=tuple(_TOKEN.findall(act.command)),
        runs=(number,),
        recovery=act.recovery,
        acts=(act,),
    )


def _merged(merged_before: list[Aligned], new: list[Aligned]) -> list[Aligned]:
    merged: list[Aligned] = []
    i = j = 0
    for at, to in [*_pairs(merged_before, new), (len(merged_before), len(new))]:
        merged += [*merged_before[i:at], *new[j:to]]
        if at < len(merged_before):
            merged.append(_generalised(merged_before[at], new[to]))
        i, j = at + 1, to + 1
    return merged


def _pairs(left: Sequence[Aligned], right: Sequence[Aligned]) -> list[tuple[int, int]]:
    """The alignment of both sequences with the greatest total similarity."""
    similarities = _similarities(left, right)
    best = [[0.0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        for j in reversed(range(len(right))):
            take = similarities[i][j] + best[i + 1][j + 1] if similarities[i][j] else 0.0
            best[i][j] = max(take, best[i + 1][j], best[i][j + 1])
    return _walked(similarities, best)


def _similarities(left: Sequence[Aligned], right: Sequence[Aligned]) -> list[list[float]]:
    ours, theirs = ([_Words(step) for step in side] for side in (left, right))
    return [[_similarity(a, b) for b in theirs] for a in ours]


class _Words:
    """The words of an act, counted once for comparison."""

    def __init__(self, step: Aligned) -> None:
        self.intent = step.intent
        self.program = step.tokens[0] if step.tokens else ""
        tokens = [token for token in step.tokens if isinstance(token, Slot) or not token.isspace()]
        self.counts = Counter(tokens[:_COMPARED])
        self.weight = _sum(self.counts)
        self._kinds = {token: kind for token in self.counts if (kind := _kind(token))}

    def kinds(self, without: "Counter[Token]") -> "Counter[str]":
        """The kinds of the words that `without` does not contain."""
        return Counter(
            kind
            for token, kind in self._kinds.items()
            for _ in range(self.counts[token] - without[token])
        )


def _walked(similarities: list[list[float]], best: list[list[float]]) -> list[tuple[int, int]]:
    pairs = []
    i = j = 0
    while i < len(similarities) and j < len(similarities[i]):
        if similarities[i][j] and best[i][j] == similarities[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _similarity(first: _Words, other: _Words) -> float:
    """The similarity of two acts; 0 if they are different steps.

    Acts with the same purpose need fewer common words; others must have the same program.
    """
    if first.intent == other.intent and (
        first.program == other.program or first.intent not in _VAGUE
    ):
        similarity = _SAME_PURPOSE + (1 - _SAME_PURPOSE) * _in_common(first, other)
    elif first.program == other.program and {first.intent, other.intent} <= _MADE:
        similarity = _in_common(first, other)
    else:
        similarity = 0.0
    return similarity if similarity >= _LEAST_SIMILARITY else 0.0


def _in_common(first: _Words, other: _Words) -> float:
    """The weighted share of common words; a word of the same kind counts partly."""
    if first.counts == other.counts:
        return 1.0
    together = first.counts & other.counts
    kinds = first.kinds(together) & other.kinds(together)
    shared = _sum(together) + _SAME_KIND * sum(kinds.values())
    return min(shared / max(first.weight, other.weight, 0.5), 1.0)


def _sum(words: "Counter[Token]") -> float:
    """The total weight; punctuation and the verbs of file changes weigh little."""
    return sum(count * _weight(word) for word, count in words.items())


@lru_cache(maxsize=1 << 14)
def _weight(word: Token) -> float:
    telling = isinstance(word, Slot) or (word[0].isalnum() and word not in _VERBS)
    return 1.0 if telling else _LITTLE


_VERBS = ("write", "delete", "use")
_LITTLE = 0.4


@lru_cache(maxsize=1 << 14)
def _kind(word: Token) -> str:
    """The extension of a path, or another kind within which words are interchangeable."""
    text = word.values[0][1] if isinstance(word, Slot) else word
    extension = _EXTENSION.search(text)
    if extension:
        return extension[0]
    return "number" if text.isdecimal() else ""


def _generalised(first: Aligned, other: Aligned) -> Aligned:
    tokens: list[Token] = []
    for operation, a, b, c, d in _differences(first.tokens, other.tokens):
        if operation == "equal":
            tokens += first.tokens[a:b]
        else:
            tail = _same_kind_last(first.tokens[a:b], other.tokens[c:d])
            if (a, c) != (b - tail, d - tail):
                tokens.append(_slot(first, (a, b - tail), other, (c, d - tail)))
            if tail:
                tokens.append(_slot(first, (b - 1, b), other, (d - 1, d)))
    return Aligned(
        intent=first.intent,
        tokens=tuple(_joined(tokens, (*first.runs, *other.runs))),
        runs=(*first.runs, *other.runs),
        recovery=first.recovery or other.recovery,
        acts=(*first.acts, *other.acts),
    )


def _differences(
    first: Sequence[Token], other: Sequence[Token]
) -> Sequence[tuple[str, int, int, int, int]]:
    """As `SequenceMatcher.get_opcodes`; of long texts only what begins and ends alike is equal."""
    if len(first) * len(other) <= _LONGEST_COMPARED**2:
        return SequenceMatcher(None, first, other, autojunk=False).get_opcodes()
    length = min(len(first), len(other))
    head = next((at for at in range(length) if first[at] != other[at]), length)
    rest = range(length - head)
    tail = next((at for at in rest if first[-1 - at] != other[-1 - at]), len(rest))
    ends = len(first) - tail, len(other) - tail
    return [
        *([("equal", 0, head, 0, head)] if head else []),
        *([("replace", head, ends[0], head, ends[1])] if (head, head) != ends else []),
        *([("equal", ends[0], len(first), ends[1], len(other))] if tail else []),
    ]


def _same_kind_last(first: Sequence[Token], other: Sequence[Token]) -> bool:
    """Whether differing words end with values of the same kind, which are a separate slot."""
    return bool(first and other) and _kind(first[-1]) != "" and _kind(first[-1]) == _kind(other[-1])


def _slot(step: Aligned, first: tuple[int, int], other: Aligned, second: tuple[int, int]) -> Slot:
    return Slot(
        tuple(
            (run, _value(step.tokens[slice(*place)], run))
            for step, place in ((step, first), (other, second))
            for run in step.runs
        )
    )


def _value(tokens: Sequence[Token], run: int) -> str:
    return "".join(
        dict(token.values).get(run, "") if isinstance(token, Slot) else token for token in tokens
    )


def _joined(tokens: Sequence[Token], runs: tuple[int, ...]) -> list[Token]:
    """Merges slots with only punctuation or blanks between them, so that words stay whole."""
    joined: list[Token] = []
    for at, token in enumerate(tokens):
        after_slot = bool(joined) and isinstance(joined[-1], Slot)
        before_slot = at + 1 < len(tokens) and isinstance(tokens[at + 1], Slot)
        glued = isinstance(token, str) and before_slot and _is_glue(token)
        if after_slot and glued:
            pair = (joined.pop(), token)
            joined.append(Slot(tuple((run, _value(pair, run)) for run in runs)))
        else:
            joined.append(token)
    return joined


def _is_glue(token: str) -> bool:
    return not token.isspace() and not token[0].isalnum() and not token.startswith("-")
