"""Builds the documentation as a site, in build/site. Needs the extra `docs`.

    python docs/build_site.py

The navigation follows the folders, so a new page needs no entry. README.md and the other pages of
the repository's root become pages, too: their links work on a code host, and are rewritten here.
"""  # noqa: INP001  a script, no package

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BUILD = ROOT / "build"
_SECTIONS = {
    "How to": "how-to",
    "Reference": "reference",
    "Explanation": "explanation",
    "Decisions": "decisions",
}
_OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
    "benchmarks/README.md": "benchmarks.md",
}
"""Pages outside of docs/, with their places in the site."""
_LINK = re.compile(r"(\]\(|src=\"|href=\")([^)\s\"#:]+)(?=[)#\"])")


def main() -> None:
    """Builds the site; a broken link stops it."""
    pages = BUILD / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    for source, target in _pages():
        (pages / target).parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        (pages / target).write_text(with_links(text, source, target), encoding="utf-8")
    for image in (DOCS / "images").glob("*"):
        (pages / "images").mkdir(exist_ok=True)
        shutil.copy(image, pages / "images")
    (BUILD / "zensical.toml").write_text(configuration(), encoding="utf-8")
    zensical = Path(sys.executable).with_name("zensical")
    built = subprocess.run([zensical, "build", "--clean", "--strict"], cwd=BUILD, check=False)
    sys.exit(built.returncode)


def _pages() -> Iterator[tuple[Path, str]]:
    """Each page, and where it is in the site."""
    yield from ((ROOT / name, place) for name, place in _OUTSIDE.items())
    yield from ((file, file.relative_to(DOCS).as_posix()) for file in sorted(DOCS.rglob("*.md")))


def _place(file: Path) -> str | None:
    """Where a file is in the site; None if it is not there."""
    if file.is_relative_to(DOCS):
        return file.relative_to(DOCS).as_posix()
    return _OUTSIDE.get(file.relative_to(ROOT).as_posix()) if file.is_relative_to(ROOT) else None


def with_links(text: str, source: Path, target: str) -> str:
    """The text with its relative links as they have to be in the site.

    Links to anything that is not in the site stay, and stop the build if they are broken there.
    """

    def rewritten(link: re.Match[str]) -> str:
        file = (source.parent / link[2]).resolve()
        place = _place(file) if file.is_file() else None
        return link[0] if place is None else link[1] + os.path.relpath(place, Path(target).parent)

    return _LINK.sub(rewritten, text)


def configuration() -> str:
    """The configuration of Zensical, which is TOML; JSON's strings and lists are valid there."""
    sections = [
        {"Start": "index.md"},
        {"Tutorial": "tutorial.md"},
        *({title: _titled(folder)} for title, folder in _SECTIONS.items()),
        {"Project": ["architecture.md", *list(_OUTSIDE.values())[1:]]},
    ]
    return "\n".join(
        [
            "[project]",
            'site_name = "crossrun"',
            'docs_dir = "pages"',
            'site_dir = "site"',
            f"nav = {_toml(sections)}",
            "[project.theme]",
            'features = ["navigation.tabs", "content.code.copy", "search.highlight"]',
            "",
        ]
    )


def _titled(folder: str) -> list[str]:
    return [f"{folder}/{file.name}" for file in sorted((DOCS / folder).glob("*.md"))]


def _toml(value: object) -> str:
    """A value of lists, tables and texts as TOML on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_toml(key)} = {_toml(each)}' for key, each in value.items())} }}"
    return json.dumps(value)


if __name__ == "__main__":
    main()
