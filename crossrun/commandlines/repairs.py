"""Whether one command repaired the failure of another, and which ones worked when tried again."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from crossrun.commandlines.intents import Purpose

_ALIKE = 0.5
_NOT_THERE = (126, 127)
"""Exit codes for a program that cannot be started: any other one that does the job is right."""
_MAKING = frozenset(["run", "convert", "plot", "build", "check", "query", "fetch", "test"])
_FILE = re.compile(r"^[^-\s].*(?:/|\.[A-Za-z]\w{0,6}$)")
_WORDS = re.compile(r"[\w.@%+=:,/~-]+")


class Attempt(NamedTuple):
    """A command that ran: what makes it the same command again, and whether it failed.

    `idle`: it only looked around.
    """

    key: str
    seq: int
    failed: bool
    idle: bool = False


def blind_retries(attempts: Sequence[Attempt]) -> Iterator[Attempt]:
    """The attempts that worked after failures of the same command with nothing done in between.

    Args:
        attempts: what was done, in order.
    """
    failed: dict[str, int] = {}
    last_deed = -1
    for at, attempt in enumerate(attempts):
        before = failed.get(attempt.key)
        if attempt.failed:
            failed.setdefault(attempt.key, at)
            continue
        if before is not None:
            del failed[attempt.key]
            if last_deed < before:
                yield attempt
        if not attempt.idle:
            last_deed = at


def words_of(command: str) -> frozenset[str]:
    """The words of a command that are compared."""
    return frozenset(_WORDS.findall(command))


def repairs(failed: Purpose, exit_code: int | None, by: Purpose) -> bool:
    """Whether a command that worked repaired the failure of another.

    It was done for the same purpose, on the same files, or with much the same words.
    """
    if failed.key == by.key:
        return True
    words, failed_words = words_of(by.command), words_of(failed.command)
    files = frozenset(filter(_FILE.search, failed_words))
    if failed.intent != by.intent:
        names = {_last(file) for file in files}
        lasts = {_last(word) for word in words}
        if exit_code in _NOT_THERE and not names.isdisjoint(lasts):
            return by.intent not in ("read", "search")
        both_make = {failed.intent, by.intent} <= _MAKING
        return both_make and bool(names) and names <= lasts
    if files:
        return not files.isdisjoint(words)
    together = len(failed_words | words)
    return exit_code in _NOT_THERE or (
        together > 0 and len(failed_words & words) / together >= _ALIKE
    )


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
