"""Text as stemmed words, to be indexed, counted and compared.

Pure. All words for SQLite's full-text search consist of word characters and `-`, so that text of a
user is never read as a search expression.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from crossrun.patterns.retrieval.languages import translated

TASK_WORDS = 256
"""So many words of a task are kept and looked for; more say nothing new."""
STORED_WORDS = 1_024
"""So many words of all tasks of a pattern together."""
WORKFLOW_WORDS = 512
PAIRED = 16
"""So many different words of a task, and of a workflow, are counted as pairs."""

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a about after all also an and any are as at be been before but by can could did do does each
        for from had has have he her here his how i if in into is it its may me my no not of on one
        only or other our please same she should so some such than that the their them then there
        these they this those to use using via was we were what when where which who will with would
        you your
        """,
    )
)
_CHARACTERS_A_WORD = 40
"""Only the beginning of a text that is longer than this times its words is read."""
_WORD = re.compile(r"[^\W_]+")
_WORD_OR_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z0-9-]*|[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UNSPACED = re.compile("([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)")
"""Runs of scripts that put no space between words (Chinese, Japanese)."""
_VOWELS = frozenset("aeiou")


class TaskWords(NamedTuple):
    """The stemmed words of a task, in order, at most `TASK_WORDS`, in English where listed."""

    words: tuple[str, ...]
    silent: frozenset[str]
    """Words of another language that no list has. Where the store has not got them either, they
    say nothing about what is stored in English."""


def read_task(text: str) -> TaskWords:
    """Reads a task in any of the languages that `languages` lists."""
    tokens = islice(_tokens(text, _WORD, TASK_WORDS), TASK_WORDS)
    words, silent = translated(tuple(tokens))
    return TaskWords(tuple(map(stem, words[:TASK_WORDS])), frozenset(map(stem, silent)))


def task_words(text: str) -> tuple[str, ...]:
    """The stemmed words of a task in their order, at most `TASK_WORDS`."""
    return read_task(text).words


def wordings(text: str) -> tuple[tuple[str, ...], ...]:
    """The words of each line: the tasks of a pattern's runs, together at most `STORED_WORDS`."""
    read: list[tuple[str, ...]] = []
    left = STORED_WORDS
    for line in text.splitlines():
        if left > 0 and (words := task_words(line)[:left]):
            read.append(words)
            left -= len(words)
    return tuple(read)


def workflow_words(text: str) -> tuple[str, ...]:
    """The stemmed words of commands and steps, in order; options are words, too."""
    return tuple(islice(_words(text, _WORD_OR_OPTION, WORKFLOW_WORDS), WORKFLOW_WORDS))


def content_words(words: Sequence[str]) -> list[str]:
    """The distinct words except stop words, in order."""
    return [word for word in dict.fromkeys(words) if word not in STOP_WORDS]


def pairs(task: Sequence[str], workflow: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of task word and command word that an entry adds to the counts."""
    commands = list(dict.fromkeys(workflow))[:PAIRED]
    return [(word, command) for word in content_words(task)[:PAIRED] for command in commands]


def _words(text: str, pattern: re.Pattern[str], limit: int) -> Iterator[str]:
    for word in _tokens(text, pattern, limit):
        if word[0] == "-":
            yield word
            yield from map(stem, _WORD.findall(word))
        else:
            yield from map(stem, translated([word]).words)


def _tokens(text: str, pattern: re.Pattern[str], limit: int) -> Iterator[str]:
    """Words in lower case; runs of Chinese and Japanese stand alone."""
    text = unicodedata.normalize("NFKC", text[: limit * _CHARACTERS_A_WORD])
    for word in pattern.findall(_CAMEL.sub(" ", text).lower()):
        yield from (word,) if word.isascii() else filter(None, _UNSPACED.split(word))


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The stem of an English word, equal for its inflected forms."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():  # noqa: PLR2004
        return word
    return _without_last_vowel(_without_suffix(_without_form(_singular(word))))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_form(word: str) -> str:
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) > 2 and not _VOWELS.isdisjoint(rest):  # noqa: PLR2004
            doubled = rest[-1] == rest[-2] and rest[-1] not in "lsz"
            return rest[:-1] if doubled else rest
    for ending in ("ly", "er"):
        if word.endswith(ending) and len(word) > 5:  # noqa: PLR2004
            return word.removesuffix(ending)
    return word


def _without_suffix(word: str) -> str:
    for ending, shortest in (("ation", 4), ("ion", 3), ("ment", 4)):
        if word.endswith(ending) and len(word) - len(ending) >= shortest:
            return word.removesuffix(ending)
    return word


def _without_last_vowel(word: str) -> str:
    if word.endswith("e") and len(word) > 3:  # noqa: PLR2004
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word  # noqa: PLR2004
