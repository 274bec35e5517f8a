"""Splitting command lines, so that runs agree that combine the same commands differently."""

import re
from collections.abc import Iterator

from crossrun.commandlines.intents import looks
from crossrun.commandlines.shell import ASSIGNMENT, Part, joined, parts
from crossrun.patterns.learning.files import as_written

_SEPARATE = ("", "&&", ";", "\n")
"""Joints at which a command line can be cut, if each part has to succeed."""
_KEEPS_STATE = frozenset(
    ("cd", "pushd", "popd", "export", "set", "unset", "source", ".", "alias", "declare", "local",
     "trap", "exec", "umask", "shopt", "eval", "function", "wait", "read")
)  # fmt: skip
"""What comes after these depends on them, in the same shell only."""
_FUNCTION = re.compile(r"[\w-]+\s*\(\)")
_WRITES_TEXT = re.compile(
    r"(?:mkdir -p [^;&|\n<>$*?]+ && )?cat\s*>\s*(?P<path>[\w./@+-]+)\s*"
    r"<<(?P<quote>['\"]?)(?P<end>\w+)(?P=quote)[ \t]*\n(?P<body>(?:.*\n)*?)(?P=end)\s*"
)
_MAKES_COPY_WRITABLE = re.compile(r"chmod u\+w \S+")
"""What is said after a file of the pattern was copied; a file that is written is writable."""
_EXPANDED = re.compile(r"[$`\\]")


def apart(command: str) -> Iterator[str]:
    """The commands of a command line that can run one after the other, without mere looks."""
    everything = parts(command)
    if any(part.before not in _SEPARATE or part.after not in _SEPARATE for part in everything):
        yield command
        return
    for number, part in enumerate(everything):
        if _keeps_state(part.text):
            yield joined(everything[number:])
            return
        if not _only_looks(part, len(everything)):
            yield part.text


def written_text(command: str) -> tuple[str, str] | None:
    """Path and text if a command does nothing but write a text as it stands there."""
    match = _WRITES_TEXT.fullmatch(command)
    if match is None or (not match["quote"] and _EXPANDED.search(match["body"])):
        return None
    return match["path"].removeprefix("./"), match["body"]


def copied_file(command: str) -> str | None:
    """The path in the workspace if a command does nothing but copy a file of the pattern there."""
    written = as_written(command)
    return written.removeprefix("write ") if written != command else None


def _only_looks(part: Part, count: int) -> bool:
    """Whether a part can be left out; one that stands alone may matter by its exit code."""
    if _MAKES_COPY_WRITABLE.fullmatch(part.text):
        return True
    return count > 1 and ">" not in part.text and looks(part.text)


def _keeps_state(text: str) -> bool:
    first = text.split(maxsplit=1)[0] if text.split() else ""
    is_assignment = ASSIGNMENT.match(text) is not None and " " not in text.strip()
    return first in _KEEPS_STATE or is_assignment or _FUNCTION.match(text) is not None
