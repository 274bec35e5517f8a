"""The pages of the documentation, which every installation has."""

import re
from pathlib import Path
from typing import NamedTuple

import crossrun

KINDS = {
    "tutorial": "Tutorial",
    "how-to": "How to",
    "explanation": "Explanation",
    "reference": "Reference",
}
"""The folders of pages, with the headings that they are listed under."""
_PACKAGE = Path(crossrun.__file__).parent
_INSTALLED, _IN_A_CLONE = _PACKAGE / "pages", _PACKAGE.parent / "docs"
_COMMENT = re.compile(r"^<!-- .* -->\n", re.MULTILINE)
"""Marks for tests, such as why a block of commands is not run."""
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


class Page(NamedTuple):
    """A page. `name` is its topic, `kind` a key of `KINDS`."""

    name: str
    kind: str
    path: Path

    @property
    def text(self) -> str:
        """The whole page, as Markdown without comments."""
        return _COMMENT.sub("", self.path.read_text(encoding="utf-8"))

    @property
    def title(self) -> str:
        """Its heading."""
        heading = re.search(r"^# (.+)$", self.text, re.MULTILINE)
        return heading[1] if heading else self.name


def pages() -> dict[str, Page]:
    """The pages by name, in the order in which they are listed."""
    root = _INSTALLED if _INSTALLED.is_dir() else _IN_A_CLONE
    by_name: dict[str, Page] = {}
    for kind in KINDS:
        files = sorted((root / kind).glob("*.md")) or [root / f"{kind}.md"]
        named = {_topic(file): file for file in files if file.is_file()}
        by_name |= {name: Page(name, kind, file) for name, file in named.items()}
    return by_name


def _topic(file: Path) -> str:
    """The name of a page. The list of the guides, how-to/README.md, is `how-to`."""
    return file.parent.name if file.stem == "README" else file.stem


def error_sections() -> dict[str, str]:
    """What the page on errors says about each code, as Markdown."""
    errors = pages().get("errors")
    sections = re.split(r"^(?=### )", errors.text, flags=re.MULTILINE)[1:] if errors else []
    return {
        section.split()[1]: f"#{re.split(r'^## ', section, flags=re.MULTILINE)[0].lstrip('#')}"
        for section in sections
    }


def with_topics(text: str) -> str:
    """The text with links to pages as topics: a terminal cannot follow links between files."""
    topics = pages()
    mentioned = set()

    def shown(link: re.Match[str]) -> str:
        words, target = link.groups()
        if "://" in target:
            return link[0]
        name = _topic(Path(target.partition("#")[0]))
        if name not in topics or name in mentioned:
            return words
        mentioned.add(name)
        return f"{words} (`crossrun help {name}`)"

    return _LINK.sub(shown, text)
