"""The part of a skill's text that an agent gets: all, or its beginning and a table of contents."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.*?)[ \t]*#*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_LONGEST_HEADING = 80


class Heading(NamedTuple):
    """A heading, and the line of its file on which it stands, from 1."""

    level: int
    text: str
    line: int


def shown_body(body: str, limit: int, folder: str, first_line: int = 1) -> str:
    """The text if it fits, else its beginning, with the headings of the rest and their lines.

    Args:
        body: the text of a SKILL.md below its front matter.
        limit: the maximum number of characters.
        folder: the folder with the skill's files, or "".
        first_line: the line of the SKILL.md on which the body begins.
    """
    text = body.strip("\n")
    if len(text) <= limit:
        return text
    first_line += len(body) - len(body.lstrip("\n"))
    lines = text.split("\n")
    shown = _beginning(lines, limit // 2)
    first_left = first_line + len(shown)
    where = f" of {folder}/SKILL.md" if folder else ""
    contents = [f"[lines {first_left} to {first_line + len(lines) - 1}{where} are left out here]"]
    room = limit - sum(len(line) + 1 for line in shown) - len(contents[0])
    for heading in headings(text, first_line):
        line = f"line {heading.line}: {'#' * heading.level} {heading.text[:_LONGEST_HEADING]}"
        room -= len(line) + 1
        if heading.line >= first_left and room > 0:
            contents.append(line)
    return "\n".join([*shown, *contents])


def headings(body: str, first_line: int = 1) -> Iterator[Heading]:
    """The headings of a Markdown text in their order."""
    for number, line in prose(body, first_line):
        heading = _HEADING.match(line)
        if heading and heading[2].strip():
            yield Heading(len(heading[1]), heading[2], number)


def prose(text: str, first_line: int = 1) -> Iterator[tuple[int, str]]:
    """The lines of a Markdown text outside of blocks of code, with their numbers."""
    fence = ""
    for number, line in enumerate(text.split("\n"), first_line):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence):
            fence = ""
        elif not fence:
            yield number, line


def _beginning(lines: list[str], limit: int) -> list[str]:
    """As many of the first lines as fit, without a block of code that has no end or a bare heading.

    Where that leaves nothing, the lines that fit.
    """
    within = _lines_within(lines, limit)
    end = 0
    for number, line in prose("\n".join(lines[: within + 1]), 0):
        before = lines[number - 1] if number else ""
        if line.strip() and not _HEADING.match(line):
            end = min(number + 1, within)
        elif before.strip() and not _HEADING.match(before):
            end = max(end, number)  # a block of code ended there
    return lines[: end or within]


def _lines_within(lines: list[str], limit: int) -> int:
    """How many of the first lines fit."""
    length = 0
    for number, line in enumerate(lines):
        length += len(line) + 1
        if length > limit:
            return number
    return len(lines)
