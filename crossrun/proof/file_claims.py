"""What a statement claims about files."""

import re
from collections.abc import Iterator

from crossrun.proof.claimed import ANYTHING, TESTS, ClaimKind
from crossrun.proof.file_phrases import (
    ALL_UNCHANGED,
    CHANGED_IN,
    DELETED,
    DIRECT,
    LIES_IN,
    LIMITED,
    LISTED,
    OF_FILES,
    PART,
    PART_OF,
    PLACES,
    POINTS_TO,
    PUT,
    PUT_IN,
    TESTS_UNCHANGED,
    UNCHANGED,
)
from crossrun.proof.hedging import BY_OTHERS, hedges
from crossrun.proof.messages import Message, Statement


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
    elsewhere = BY_OTHERS.search(line[match.end() :]) is not None
    return elsewhere or hedges(line[: match.start()]) or line.rstrip().endswith("?")


def _is_about_files(line: str, match: re.Match[str], pattern: re.Pattern[str]) -> bool:
    """Whether the files themselves are what was made or changed."""
    behind = line[match.end() :]
    if pattern is DIRECT:
        put = re.match(PUT, match["verb"], re.IGNORECASE)
        if put and re.match(r"\s+(?:to|into)\s", behind):
            return False
        return re.match(PART_OF, behind, re.IGNORECASE) is not None
    if pattern is PLACES:
        what = match["what"]
        if POINTS_TO.search(what):
            return False
        within = match["where"].lower() not in ("to", "into", "as")
        return not within or (PUT_IN.search(what) is not None and not LIES_IN.search(what))
    return pattern is not CHANGED_IN or not LIES_IN.search(match["what"])


def _unchanged_files(line: str, message: Message) -> Iterator[tuple[ClaimKind, str]]:
    limited = LIMITED.search(line) is not None or line.rstrip().endswith("?")
    if limited and not ALL_UNCHANGED.search(line):
        return
    for pattern in UNCHANGED:
        for match in pattern.finditer(line):
            if not PART.search(line[: match.start()]):
                yield from (("unchanged", path) for path in message.files(match["files"]))
    if TESTS_UNCHANGED.search(line):
        yield "unchanged", TESTS
    if ALL_UNCHANGED.search(line) and not re.search(r"\b(?:else|other|further|more)\b", line):
        yield "unchanged", ANYTHING
