"""Kinds of tasks: tasks of one task type whose texts share most of their words.

A pattern may help on one kind and hurt on another. Names of files, numbers and quoted texts are
left aside, since they differ from one task of a kind to the next. Tasks come in the order of time,
and each joins the likest earlier one that began a kind (its leader), or begins a kind; so the same
tasks in the same order always give the same kinds.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import sqrt

from crossrun.patterns.retrieval.words import content_words, task_words

LEADER_LENGTH = 300
"""So many characters of a task are compared."""
LEAST_LIKE = 0.55
"""From this likeness on, a task is of the kind of the leader."""

_QUOTED = re.compile(r"([\"'`])(?=\S)[^\"'`]{1,80}(?<=\S)\1(?!\w)")
_FILE = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,5})[^\w/]*$")
_NAME = re.compile(r"[\d/\\@]")


class KindsOfTasks:
    """The kinds of the tasks that have been seen so far.

    A kind is written as its task type, a null character, and the text of its leader.
    """

    def __init__(self, kinds: Sequence[str] = ()) -> None:
        self._kinds: list[str] = []
        self._sizes: list[int] = []
        self._by_word: dict[tuple[str, str], list[int]] = {}
        for kind in kinds:
            self._begin(kind, words_of(leader_of(kind)))

    def of(self, task_type: str, task: str) -> str:
        """The kind of the next task, which begins one if it is like none."""
        kind = self.matching(task_type, task)
        if kind is None:
            kind = kind_of(task_type, task)
            self._begin(kind, words_of(task))
        return kind

    def matching(self, task_type: str, task: str) -> str | None:
        """The kind whose leader is most like the task, the oldest of several; None: none is."""
        words = words_of(task)
        shared = Counter(
            place for word in words for place in self._by_word.get((task_type, word), ())
        )
        if not shared:
            return None
        likeness = {
            place: count / sqrt(len(words) * self._sizes[place]) for place, count in shared.items()
        }
        best = min(likeness, key=lambda place: (-likeness[place], place))
        return self._kinds[best] if likeness[best] >= LEAST_LIKE else None

    def _begin(self, kind: str, words: frozenset[str]) -> None:
        task_type = kind.partition("\0")[0]
        for word in words:
            self._by_word.setdefault((task_type, word), []).append(len(self._kinds))
        self._kinds.append(kind)
        self._sizes.append(len(words))


def kind_of(task_type: str, leader: str) -> str:
    """The kind that a task begins."""
    return f"{task_type}\0{leader[:LEADER_LENGTH]}"


def leader_of(kind: str) -> str:
    """The text of the task that began a kind."""
    return kind.partition("\0")[2]


@lru_cache(maxsize=16_384)
def words_of(task: str) -> frozenset[str]:
    """The stems by which a task is compared; the text itself if all of it is names."""
    text = task[:LEADER_LENGTH]
    kinds, plain = [], []
    for word in _QUOTED.sub(" ", text).split():
        if file := _FILE.search(word):
            kinds.append(f".{file[1].lower()}")
        elif not _NAME.search(word):
            plain.append(word)
    words = content_words(task_words(" ".join(plain)))
    return frozenset((*kinds, *words) or (" ".join(text.split()),))
