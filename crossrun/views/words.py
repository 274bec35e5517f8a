"""Words and numbers that all views share. Imports nothing heavy."""

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

Kind = Literal["say", "think", "command", "output", "file", "plan", "step", "warn", "bad", "note"]
_SHELLS = ("bash", "zsh", "sh", "dash", "ksh", "fish")
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """One line to say; `right` stands at the line's end. Only `say` may be wrapped."""

    kind: Kind
    text: str
    right: str = ""
    good: bool = True


def bare_command(command: str) -> str:
    """What an agent's shell was told to do, without the shell around it."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    called_by_shell = len(words) == 3 and PurePath(words[0]).name in _SHELLS  # noqa: PLR2004
    return words[2] if called_by_shell and words[1] in ("-c", "-lc") else command


def clean(text: str) -> str:
    """Text of an agent without what could move the cursor or change colours."""
    return _CONTROL.sub("", text.replace("\r\n", "\n")).expandtabs(4)


def first_line(text: str) -> str:
    """The first line with something on it."""
    return next((line.strip() for line in clean(text).splitlines() if line.strip()), "")


def clock(seconds: float) -> str:
    """A span of time as `0:26`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count(number: int) -> str:
    """A number of tokens as `950`, `12.4k`, `1.2M`."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return str(number)


def plural(number: int, noun: str) -> str:
    """`1 command`, `2 commands`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(number: int) -> str:
    """A number of bytes as `312 B`, `4.1 KB`, `2.0 MB`."""
    value, unit = float(number), "B"
    for larger in ("KB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004  decimal units
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
