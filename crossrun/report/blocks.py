"""The parts of a report, in any format: headings, texts, tables and events.

Texts are as agents and programs wrote them, apart from control characters; the forms escape them.
"""

from typing import Literal, NamedTuple, TypeAlias


class HeadingBlock(NamedTuple):
    """A heading; `anchor` is what links lead to."""

    text: str
    level: int
    anchor: str = ""


class TextBlock(NamedTuple):
    """A paragraph. A `mood` of good or bad is shown as a colour."""

    text: str
    mood: Literal["", "good", "bad"] = ""


class MessageBlock(NamedTuple):
    """Markdown of an agent."""

    text: str


class FactsBlock(NamedTuple):
    """Names and values."""

    rows: tuple[tuple[str, str], ...]


class TableBlock(NamedTuple):
    """A table; `anchors` are what the first cells of the rows link to."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    anchors: tuple[str, ...] = ()


class CodeBlock(NamedTuple):
    """Text in which each character counts; behind its `summary` if it is `folded`."""

    text: str
    kind: Literal["plain", "diff"] = "plain"
    summary: str = ""
    folded: bool = False


class EventBlock(NamedTuple):
    """A line of the timeline, with what belongs to it; `time` is since the start of the run."""

    number: int
    time: str
    title: str
    result: str
    mood: Literal["", "good", "bad"]
    details: tuple["MessageBlock | CodeBlock", ...]


Block: TypeAlias = (
    HeadingBlock | TextBlock | MessageBlock | FactsBlock | TableBlock | CodeBlock | EventBlock
)
