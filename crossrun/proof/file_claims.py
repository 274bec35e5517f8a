"""What a statement claims about files."""

import re
from collections.abc import Iterator

from crossrun.proof.claimed import ANYTHING, SOURCES, TESTS, ClaimKind
from crossrun.proof.file_phrases import (
    ALL_UNCHANGED,
    BEHIND_FILE,
    CHANGED_IN,
    DELETED,
    DELETES,
    DIRECT,
    LIES_IN,
    LIMITED,
    LISTED,
    OF_FILES,
    ONLY,
    PART,
    PLACES,
    POINTS_TO,
    PUT,
    PUT_IN,
    TESTS_UNCHANGED,
    UNCHANGED,
    WHOLLY,
)
from crossrun.proof.hedging import BY_OTHERS, OF_HISTORY, hedges, is_of_another
from crossrun.proof.messages import Message, Statement

_AROUND = 500
"""Characters around a statement that may limit it."""


def claims_of_files(statement: Statement, message: Message) -> Iterator[tuple[ClaimKind, str]]:
    """The kinds and subjects of the claims about files in a statement."""
    line = statement.text
    listed = LISTED.match(line) if statement.listed in ("changed", "deleted") else None
    if listed is not None:
        kind: ClaimKind = "deleted" if statement.listed == "deleted" else "changed"
        yield from ((kind, path) for path in message.files(listed["files"]))
        return
    yield from _unchanged_files(line, message)
    for pattern in OF_FILES:
        for match in pattern.finditer(line):
            if not _is_hedged(line, match) and _is_about_files(line, match, pattern):
                kind = "deleted" if _deletes(match) else "changed"
                yield from ((kind, path) for path in message.files(match["files"]))


def _deletes(match: re.Match[str]) -> bool:
    return re.match(DELETED, match.groupdict().get("verb") or "", re.IGNORECASE) is not None


def _is_hedged(line: str, match: re.Match[str]) -> bool:
    begin, end = max(0, match.start() - _AROUND), match.end() + _AROUND
    before = line[begin : match.start()]
    if BY_OTHERS.search(line[match.end() : end]) or OF_HISTORY.search(before):
        return True
    of_another = is_of_another(line[begin : match.end()])
    return of_another or hedges(before) or line.rstrip().endswith("?")


def _is_about_files(line: str, match: re.Match[str], pattern: re.Pattern[str]) -> bool:
    """Whether the files themselves are what was made or changed."""
    behind = line[match.end() :]
    if pattern in (DIRECT, DELETES):
        put = re.match(PUT, match["verb"], re.IGNORECASE)
        if put and re.match(r"\s+(?:to|into)\s", behind):
            return False
        return BEHIND_FILE.match(behind) is not None
    if pattern is PLACES:
        what = match["what"]
        if POINTS_TO.search(what):
            return False
        within = match["where"].lower() not in ("to", "into", "as")
        return not within or (PUT_IN.search(what) is not None and not LIES_IN.search(what))
    return pattern is not CHANGED_IN or not LIES_IN.search(match["what"])


def _unchanged_files(line: str, message: Message) -> Iterator[tuple[ClaimKind, str]]:
    if LIMITED.search(line) is not None or line.rstrip().endswith("?"):
        return
    for pattern in UNCHANGED:
        for match in pattern.finditer(line):
            whole = WHOLLY.match(line[match.end() :]) is not None
            if whole and not PART.search(line[: match.start()]):
                yield from (("unchanged", path) for path in message.files(match["files"]))
    if TESTS_UNCHANGED.search(line):
        yield "unchanged", TESTS
    everything = ALL_UNCHANGED.search(line)
    if everything and not re.search(r"\b(?:else|other|further|more)\b", line):
        yield "unchanged", SOURCES if everything["sources"] or everything["code"] else ANYTHING
    for match in ONLY.finditer(line):
        yield "only", " ".join(message.files(match[0]))
