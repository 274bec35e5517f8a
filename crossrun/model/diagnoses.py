"""What `crossrun doctor` finds."""

from typing import Literal, NamedTuple

Level = Literal["ok", "note", "warning", "error"]
LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "error")
"""From harmless to what keeps runs from working."""


class Diagnosis(NamedTuple):
    """One thing that was checked.

    Attributes:
        id: of the check, for scripts: `git.version`.
        level: how bad it is.
        subject: the heading that it is listed under.
        message: what was found, in one line.
        remedy: what to do about it, with the exact command; empty if there is nothing to do.
        fixed: whether it was bad and is good now.
    """

    id: str
    level: Level
    subject: str
    message: str
    remedy: str = ""
    fixed: bool = False


def worst(findings: list[Diagnosis]) -> Level:
    """The highest level of all."""
    return max((finding.level for finding in findings), key=LEVELS.index, default="ok")
