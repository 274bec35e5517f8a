"""A report as one HTML file: no script, nothing from elsewhere, right on screens and on paper."""

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

_MOST_MARKDOWN = 32 * 1024
"""Characters. Some Markdown takes very long to parse."""
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2126; --paper: #fff; --dim: #667079; --line: #dde1e5;
  --code: #f5f6f8; --good: #1a7f37; --bad: #c62828; --add: #e3f6e6; --del: #fde7e7;
  --link: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dfe3e7; --paper: #15181b; --dim: #98a1a9; --line: #32383d; --code: #1e2226;
    --good: #57c26f; --bad: #ff7b72; --add: #14301c; --del: #3d1a1c; --link: #6cb2ff; } }
* { box-sizing: border-box; }
body { margin: 2rem auto 4rem; padding: 0 1.2rem; max-width: 62rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
h3 { font-size: 1.05rem; margin-top: 1.6rem; }
a { color: var(--link); } .good { color: var(--good); } .bad { color: var(--bad); }
.dim, footer { color: var(--dim); } footer { margin-top: 3rem; font-size: .85rem; }
table { border-collapse: collapse; margin: .8rem 0; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 500; font-size: .9rem; }
pre { background: var(--code); border-radius: 4px; padding: .6rem .8rem; margin: .5rem 0;
  font: .82rem/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
code { font: .88em ui-monospace, monospace; }
pre code { font: inherit; } .add { background: var(--add); } .del { background: var(--del); }
.hunk { color: var(--dim); } .file { font-weight: 600; }
summary { cursor: pointer; color: var(--dim); font-size: .9rem; }
.event { display: grid; grid-template-columns: 5.5rem 1fr; gap: 0 .8rem; padding: .35rem 0;
  border-top: 1px solid var(--line); }
.event > .when { color: var(--dim); font-size: .82rem; padding-top: .15rem; }
.event .title { font-weight: 500; white-space: pre-wrap; }
.event .command { font: .88rem/1.5 ui-monospace, monospace; }
.message { border-left: 3px solid var(--line); padding-left: .9rem; }
.message :is(h1, h2, h3, h4) { font-size: 1.02rem; margin: 1rem 0 .4rem; }
hr { border: 0; border-top: 1px solid var(--line); }
blockquote { margin: .6rem 0; padding-left: .9rem; color: var(--dim); }
.message > :first-child { margin-top: 0; } .message > :last-child { margin-bottom: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; }
dt { color: var(--dim); } dd { margin: 0; white-space: pre-wrap; }
@media (max-width: 40rem) { .event { grid-template-columns: 1fr; } }
@media print {
  :root { color-scheme: light; --ink: #000; --paper: #fff; --dim: #555; --line: #ccc;
    --code: #f6f6f6; --good: #146c2e; --bad: #a31515; --add: #e8f5ea; --del: #fbeaea;
    --link: #000; }
  body { margin: 0; max-width: none; font-size: 10pt; }
  h1, h2, h3 { break-after: avoid; } tr { break-inside: avoid-page; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  * { print-color-adjust: exact; }
}
"""


def as_html(title: str, blocks: Iterable[Block], *, made_by: str) -> Iterator[str]:
    """The file in parts; `made_by` says by what and when it was made."""
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    for block in blocks:
        yield _block(block)
    yield f"<footer>{escape(made_by)}</footer>\n</body>\n</html>\n"


def _block(block: Block) -> str:
    match block:
        case HeadingBlock(text, level, anchor):
            identity = f' id="{escape(anchor)}"' if anchor else ""
            return f"<h{level}{identity}>{escape(text)}</h{level}>\n"
        case TextBlock(text, mood):
            return f'<p class="{mood}">{escape(text)}</p>\n' if mood else f"<p>{escape(text)}</p>\n"
        case MessageBlock(text):
            return _message(text)
        case FactsBlock(rows):
            pairs = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
            return f"<dl>{''.join(pairs)}</dl>\n"
        case TableBlock():
            return _table(block)
        case CodeBlock():
            return _code(block)
        case EventBlock():
            return _event(block)


def _message(text: str) -> str:
    """Markdown without HTML and pictures; only links to the web lead anywhere."""
    from markdown_it import MarkdownIt

    if len(text) > _MOST_MARKDOWN:
        return f"<pre>{escape(text)}</pre>\n"
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    return f'<div class="message">{parser.render(text)}</div>\n'


def _table(table: TableBlock) -> str:
    header = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    rows = []
    for place, row in enumerate(table.rows):
        first, *others = map(escape, row)
        if table.anchors:
            first = f'<a href="#{escape(table.anchors[place])}">{first}</a>'
        rows.append("".join(f"<td>{cell}</td>" for cell in (first, *others)))
    body = "".join(f"<tr>{row}</tr>\n" for row in rows)
    return f"<table><thead><tr>{header}</tr></thead>\n<tbody>{body}</tbody></table>\n"


def _code(code: CodeBlock) -> str:
    if not code.text:
        return ""
    text = _diff(code.text) if code.kind == "diff" else escape(code.text)
    block = f"<pre>{text}</pre>\n"
    if not code.folded:
        return block
    return f"<details><summary>{escape(code.summary)}</summary>{block}</details>\n"


def _diff(patch: str) -> str:
    lines = []
    for line in patch.split("\n"):
        style = ""
        if line.startswith(("diff ", "+++ ", "--- ")):
            style = "file"
        elif line.startswith("@@"):
            style = "hunk"
        elif line.startswith(("+", "-")):
            style = "add" if line[0] == "+" else "del"
        lines.append(f'<span class="{style}">{escape(line)}</span>' if style else escape(line))
    return "\n".join(lines)


def _event(event: EventBlock) -> str:
    result = f' <span class="{event.mood}">{escape(event.result)}</span>' if event.result else ""
    details = "".join(map(_block, event.details))
    style = "title command" if event.title.startswith("$ ") else "title"
    return (
        f'<div class="event"><div class="when">{event.number} · {escape(event.time)}</div>'
        f'<div><span class="{style}">{escape(event.title)}</span>{result}\n{details}</div></div>\n'
    )
