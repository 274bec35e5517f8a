"""What of a skill's text an agent gets: all of it, or its beginning and what else there is."""

import re

_HEADING = re.compile(r"^#{1,6} .*$")


def shown_body(body: str, limit: int, folder: str) -> str:
    """The text if it fits, else its beginning, with the headings of the rest and their lines.

    Args:
        body: the text of a SKILL.md below its front matter.
        limit: characters.
        folder: where the skill's files lie; "" for nowhere.
    """
    if len(body) <= limit:
        return body
    lines = body.split("\n")
    first = _lines_within(lines, limit // 2)
    where = f" in {folder}/SKILL.md" if folder else ""
    rest = [f"[{len(lines) - first} more lines{where}]"]
    for number, line in enumerate(lines[first:], first + 1):
        if _HEADING.match(line) and sum(map(len, rest)) < limit // 3:
            rest.append(f"{line[:80]} (line {number} of the text)")
    return "\n".join([*lines[:first], *rest])


def _lines_within(lines: list[str], limit: int) -> int:
    """How many of the first lines fit."""
    length = 0
    for number, line in enumerate(lines):
        length += len(line) + 1
        if length > limit:
            return number
    return len(lines)
