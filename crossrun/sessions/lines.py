"""The lines of a session's file, one at a time and none longer than a bound."""

from collections.abc import Iterator
from typing import IO, Protocol

from crossrun.sessions.items import Passed, SessionItem
from crossrun.system.json_lines import parsed

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes. A longer line holds data such as images, and is passed over."""
_LONGEST_KIND = 60
_SENSELESS = (ValueError, TypeError, LookupError, AttributeError)
"""What is raised where a line is not as its program writes it."""


class UnknownKind(Exception):  # noqa: N818  not an error: newer programs write new kinds
    """A line, or a part of it, has a type that the reader does not know."""


class SessionReader(Protocol):
    """Reads the lines of one session in order."""

    def read(self, line: dict[str, object]) -> list[SessionItem]:
        """What a line says.

        Raises:
            UnknownKind: its type is unknown.
            ValueError, TypeError, LookupError, AttributeError: it is damaged.
        """

    def close(self) -> list[SessionItem]:
        """What remains to be said at the end of the file."""


def read_items(stream: IO[bytes], reader: SessionReader) -> Iterator[SessionItem]:
    """What a file says, line by line; lines that cannot be read become `Passed`.

    A last line without a line feed that is not whole yet is left out: its program is writing it.
    """
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            _skip_rest(stream)
            yield Passed(number, "a line of more than 16 MiB", damaged=True)
        elif line.strip():
            yield from _items(line, number, reader)
    yield from reader.close()


def _skip_rest(stream: IO[bytes]) -> None:
    while (piece := stream.readline(LONGEST_LINE)) and not piece.endswith(b"\n"):
        pass


def _items(line: bytes, number: int, reader: SessionReader) -> list[SessionItem]:
    try:
        content = parsed(line)
    except (ValueError, TypeError, RecursionError):
        is_whole = line.endswith(b"\n")
        return [Passed(number, "not a JSON object", damaged=True)] if is_whole else []
    try:
        return reader.read(content)
    except UnknownKind as unknown:
        return [Passed(number, str(unknown)[:_LONGEST_KIND])]
    except _SENSELESS:
        return [Passed(number, str(content.get("type", ""))[:_LONGEST_KIND], damaged=True)]
