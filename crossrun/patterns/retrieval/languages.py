"""A dictionary of task words: German, Spanish, French and Chinese with English equivalents.

Pure. Patterns and tasks are compared in English: listed words are translated,
others stay. Words of other languages that no list has count neither for a pattern nor against it;
see `Translation.silent`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from crossrun.patterns.retrieval.translations import (
    CHINESE,
    ENGLISH_FREQUENT,
    FRENCH,
    FRENCH_FREQUENT,
    GERMAN,
    GERMAN_FREQUENT,
    SPANISH,
    SPANISH_FREQUENT,
)

_SHORTEST = 3
"""Letters of a stem in the lists."""
_LONGEST_SIGN = 4
_ENOUGH = 2
"""Words of a language that a text must have before its list is used."""
_CLEAR = 5
"""A listed word shows the language from this length on, if it begins unlike the English one."""
_LATIN = re.compile("[0-9a-z\u00c0-\u024f]")
_CHINESE_RUN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


class _Language(NamedTuple):
    stems: Mapping[str, tuple[str, ...]]
    """How listed words begin, and what they are in English."""
    frequent: frozenset[str]


class Translation(NamedTuple):
    """A text with its listed words in English."""

    words: tuple[str, ...]
    silent: frozenset[str]
    """Words of another language, or in another script, that no list has."""


def _stems(table: str) -> dict[str, tuple[str, ...]]:
    stems: dict[str, tuple[str, ...]] = {}
    for line in table.strip().splitlines():
        english, _, words = line.partition(": ")
        for word in words.split():
            stems[word] = (*stems.get(word, ()), english)
    return stems


_LANGUAGES = tuple(
    _Language(_stems(table), frozenset(frequent.split()))
    for table, frequent in (
        (GERMAN, GERMAN_FREQUENT),
        (SPANISH, SPANISH_FREQUENT),
        (FRENCH, FRENCH_FREQUENT),
    )
)
_SIGNS = _stems(CHINESE)
_ENGLISH_FREQUENT = frozenset(ENGLISH_FREQUENT.split())


def translated(words: Sequence[str]) -> Translation:
    """Translates the listed words of a text into English.

    Args:
        words: lower case, in their order, not stemmed; of a script without spaces whole runs.
    """
    language = _language(words)
    english: list[str] = []
    silent: set[str] = set()
    for word in words:
        if _CHINESE_RUN.search(word):
            parts = list(_signs(word))
        elif language is None or word in language.frequent:
            parts = [(word, language is not None or not _LATIN.search(word))]
        else:
            parts = [(meaning, False) for meaning in _meanings(word, language)] or [(word, True)]
        english += [part for part, _ in parts]
        silent.update(part for part, is_silent in parts if is_silent)
    return Translation(tuple(english), frozenset(silent))


def _language(words: Sequence[str]) -> _Language | None:
    """The language that most words are of; None for English, and where few words say so."""
    by_count = [(_evidence(words, language), language) for language in _LANGUAGES]
    count, language = max(by_count, key=lambda pair: pair[0])
    english = sum(word in _ENGLISH_FREQUENT for word in words)
    return language if count >= _ENOUGH and count > english else None


def _evidence(words: Sequence[str], language: _Language) -> int:
    frequent = sum(word in language.frequent for word in words)
    return frequent + sum(len(word) >= _CLEAR and _is_listed(word, language) for word in words)


def _is_listed(word: str, language: _Language) -> bool:
    return any(meaning[:2] != word[:2] for meaning in _meanings(word, language))


def _meanings(word: str, language: _Language) -> tuple[str, ...]:
    for length in range(len(word), _SHORTEST - 1, -1):
        if meanings := language.stems.get(word[:length]):
            return meanings
    return ()


def _signs(run: str) -> list[tuple[str, bool]]:
    """The listed words of a run of Chinese, and the rest as pairs of signs, which are silent."""
    parts: list[tuple[str, bool]] = []
    at = rest = 0
    while at < len(run):
        length = next((n for n in range(_LONGEST_SIGN, 0, -1) if run[at : at + n] in _SIGNS), 0)
        if not length:
            at += 1
            continue
        parts += [(pair, True) for pair in _pairs(run[rest:at])]
        parts += [(meaning, False) for meaning in _SIGNS[run[at : at + length]]]
        at = rest = at + length
    return parts + [(pair, True) for pair in _pairs(run[rest:])]


def _pairs(signs: str) -> list[str]:
    return [signs[i : i + 2] for i in range(max(1, len(signs) - 1))] if signs else []
