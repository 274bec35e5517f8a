"""The hunks of a changed text, and the text that has only some of them."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

_HEADER = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class TextHunk(NamedTuple):
    """Lines that differ, with those around them.

    `before` and `after` are the lines of the two texts that it covers, as ranges from 0.
    """

    before: range
    after: range
    patch: bytes


def hunks_of(patch: bytes) -> tuple[TextHunk, ...]:
    """The hunks in the patch of one file; none if it is binary."""
    lines = _split(patch)
    starts = [number for number, line in enumerate(lines) if line.startswith(b"@@ ")]
    ends = [*starts[1:], len(lines)]
    hunks = []
    for start, end in zip(starts, ends, strict=False):
        header = _HEADER.match(lines[start])
        if header is None:
            return ()
        old, old_count, new, new_count = header.groups()
        hunks.append(
            TextHunk(_covered(old, old_count), _covered(new, new_count), b"".join(lines[start:end]))
        )
    return tuple(hunks)


def with_hunks(
    before: bytes, after: bytes, hunks: Sequence[TextHunk], chosen: Collection[int]
) -> bytes:
    """A text with the chosen ones of its hunks, by number."""
    old, new = _split(before), _split(after)
    result, at = list[bytes](), 0
    for number, hunk in enumerate(hunks):
        result += old[at : hunk.before.start]
        result += (
            new[hunk.after.start : hunk.after.stop]
            if number in chosen
            else old[hunk.before.start : hunk.before.stop]
        )
        at = hunk.before.stop
    return b"".join((*result, *old[at:]))


def _covered(start: bytes, count: bytes | None) -> range:
    """The lines of one side; git counts from 1, and names the line before if there are none."""
    length = 1 if count is None else int(count)
    first = int(start) - 1 if length else int(start)
    return range(first, first + length)


def _split(text: bytes) -> list[bytes]:
    """The lines as git counts them: only LF ends one."""
    lines = text.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
