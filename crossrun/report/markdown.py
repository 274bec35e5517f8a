"""A report as Markdown, as GitHub and most editors show it."""

import re
from collections.abc import Iterable, Iterator
from html import escape

from crossrun.report.blocks import (
    Block,
    CodeBlock,
    EventBlock,
    FactsBlock,
    HeadingBlock,
    MessageBlock,
    TableBlock,
    TextBlock,
)

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_FENCE = re.compile(r"`{3,}")


def as_markdown(blocks: Iterable[Block], *, made_by: str) -> Iterator[str]:
    """The file in parts; `made_by` says by what and when it was made."""
    for block in blocks:
        yield f"{_block(block)}\n"
    yield f"---\n\n{_plain(made_by)}\n"


def _block(block: Block) -> str:
    match block:
        case HeadingBlock(text, level, anchor):
            target = f'<a id="{escape(anchor)}"></a>\n\n' if anchor else ""
            return f"{target}{'#' * level} {_plain(text)}\n"
        case TextBlock(text, mood):
            return f"**{_plain(text)}**\n" if mood else f"{_plain(text)}\n"
        case MessageBlock(text):
            return "".join(f"> {line}".rstrip() + "\n" for line in _harmless(text).split("\n"))
        case FactsBlock(rows):
            return "".join(f"- **{name}:** {_cell(value)}\n" for name, value in rows)
        case TableBlock(header, rows, anchors):
            lines = [_row(header), _row(["---"] * len(header))]
            for place, row in enumerate(rows):
                first, *others = map(_cell, row)
                link = f"[{first}](#{anchors[place]})" if anchors else first
                lines.append(f"| {' | '.join([link, *others])} |\n")
            return "".join(lines)
        case CodeBlock():
            return _code(block)
        case EventBlock():
            result = f" — {_plain(event_result)}" if (event_result := block.result) else ""
            head = f"{block.number}. `{block.time}` {_title(block.title)}{result}\n"
            details = "".join(f"\n{_block(detail)}" for detail in block.details)
            return head.replace(f"{block.number}. ", f"**{block.number}** ", 1) + details


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cell(text: str) -> str:
    return _plain(text).replace("\n", "<br>")


def _plain(text: str) -> str:
    """A text in which no sign has a meaning."""
    return _SIGNS.sub(r"\\\1", text)


def _title(text: str) -> str:
    """A title; a command as code."""
    if not text.startswith("$ "):
        return _plain(text)
    return "`` " + text.replace("`", "'").replace("\n", " ") + " ``"


def _harmless(text: str) -> str:
    """Markdown of an agent without HTML and pictures from elsewhere."""
    return escape(text, quote=False).replace("&gt;", ">").replace("![", "!\\[")


def _code(code: CodeBlock) -> str:
    if not code.text:
        return ""
    longest = max(map(len, _FENCE.findall(code.text)), default=2)
    fence = "`" * (longest + 1)
    kind = "diff" if code.kind == "diff" else "text"
    block = f"{fence}{kind}\n{code.text.rstrip()}\n{fence}\n"
    if not code.folded:
        return block
    return f"<details><summary>{escape(code.summary)}</summary>\n\n{block}\n</details>\n"
