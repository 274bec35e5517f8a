"""Dangers in the files of a skill, reported for a person who has to decide.

Pure. A skill may need everything that is reported, and what is not reported may still do harm.
"""

import bisect
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from crossrun.patterns.formats.skill import SKILL_FILE, decoded
from crossrun.patterns.formats.skill_text import prose
from crossrun.patterns.importing.danger_rules import (
    HIDDEN,
    JOINERS,
    KINDS,
    PROGRAM_BEGINNINGS,
    PROGRAM_ENDINGS,
    RULES,
    SCRIPT_ENDINGS,
    SCRIPT_NAMES,
    TEXT_ENDINGS,
)

_LONGEST_EXCERPT = 120
_OF_ONE_KIND = 20
"""So many dangers of one kind are named in one file; what follows is more of the same."""
_CHECKED = 2_000_000
"""Characters of a skill whose text is checked; the rest is named as unread."""
_BINARY = 0.05
"""The share of control codes from which on content is not text."""
_SAMPLE = 8_000
_CONTROLS = bytes({*range(32)} - {*b"\t\n\r\f\x1b"})


class SkillFile(Struct, frozen=True, kw_only=True):
    """A file of a skill with its content. `path` is relative to the skill's folder, with `/`."""

    path: str
    content: bytes
    executable: bool = False


class Danger(Struct, frozen=True, kw_only=True):
    """A danger: its kind (see `KINDS`), its place, and an excerpt.

    `line` is None for a whole file. `text` is on one line and printable.
    """

    kind: str
    path: str
    line: int | None = None
    text: str = ""


def dangers_of(
    files: Sequence[SkillFile], *, conceal: Callable[[str], str] = str
) -> tuple[Danger, ...]:
    """All dangers of a skill's files, the worst kinds first.

    Args:
        files: the files of the skill.
        conceal: removes secrets from a text. If it changes something, there is a secret.
    """
    dangers = [*_confusing_names(files)]
    budget = _CHECKED
    for file in files:
        dangers += _of_form(file)
        if not _is_text(file):
            continue
        text = decoded(file.content)
        if len(text) > budget:
            dangers.append(Danger(kind="unread", path=file.path))
            text = text[:budget]
        budget -= len(text)
        dangers += _of_text(file.path, text, conceal)
    order = list(KINDS)
    return tuple(sorted(dangers, key=lambda danger: order.index(danger.kind)))


def dangers_of_fields(name: str, description: str) -> tuple[Danger, ...]:
    """Dangers in front matter after its escapes are decoded; without line numbers."""
    dangers = _of_text("", f"{name}\n{description}", str)
    return tuple(replace(danger, path=SKILL_FILE, line=None) for danger in dangers)


def visible(text: str) -> str:
    """The text without hidden characters, except those that their neighbours need."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        sign for at, sign in enumerate(text) if not _is_hidden(sign) or not _hides(text, at)
    )


def printable(text: str, longest: int = _LONGEST_EXCERPT) -> str:
    """A text on one line in which no character is hidden or acts on a terminal."""
    line = "".join(
        sign if sign.isprintable() and not _is_hidden(sign) else f"\\u{{{ord(sign):x}}}"
        for sign in " ".join(text[: 4 * longest].split())
    )
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _confusing_names(files: Sequence[SkillFile]) -> Iterator[Danger]:
    folded = Counter(file.path.casefold() for file in files)
    for file in files:
        if folded[file.path.casefold()] > 1:
            yield Danger(kind="name", path=file.path, text="differs from another only in case")
        elif "\\" in file.path or printable(file.path, len(file.path)) != file.path:
            yield Danger(kind="name", path=file.path, text=printable(file.path))


def _of_form(file: SkillFile) -> Iterator[Danger]:
    """Dangers in the name, the mode and the first bytes."""
    name = file.path.rsplit("/", 1)[-1].lower()
    ending = name.rpartition(".")[2] if "." in name else ""
    if ending in PROGRAM_ENDINGS or file.content.startswith(PROGRAM_BEGINNINGS):
        yield Danger(kind="program", path=file.path)
    elif (
        ending in SCRIPT_ENDINGS
        or name in SCRIPT_NAMES
        or file.executable
        or file.content.startswith(b"#!")
    ):
        yield Danger(kind="script", path=file.path)


def _is_text(file: SkillFile) -> bool:
    """Whether a file is read as text: by its name, or since few of its bytes are control codes."""
    ending = file.path.lower().rpartition(".")[2]
    if ending in TEXT_ENDINGS or ending in SCRIPT_ENDINGS:
        return True
    sample = file.content[:_SAMPLE]
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return len(sample.translate(None, _CONTROLS)) >= (1 - _BINARY) * len(sample)


def _of_text(path: str, text: str, conceal: Callable[[str], str]) -> Iterator[Danger]:
    lines = text.split("\n")
    counts: Counter[str] = Counter()
    for kind, number, excerpt in sorted(
        {*_hidden(lines), *_comments(path, text), *_secrets(lines, conceal), *_matches(text)},
        key=lambda danger: (danger[1], danger[0]),
    ):
        counts[kind] += 1
        if counts[kind] <= _OF_ONE_KIND:
            line = conceal(excerpt or lines[number - 1])
            yield Danger(kind=kind, path=path, line=number, text=printable(line))


def _hidden(lines: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    for number, line in enumerate(lines, 1):
        if not line.isascii() or not line.replace("\t", " ").isprintable():
            signs = [sign for at, sign in enumerate(line) if _hides(line, at)]
            if signs:
                yield "hidden", number, " ".join(f"U+{ord(sign):04X}" for sign in signs[:8])


def _comments(path: str, text: str) -> Iterator[tuple[str, int, str]]:
    """Comments of a `SKILL.md`, which a rendered page hides and an agent reads."""
    if path.lower() == SKILL_FILE.lower():
        for number, line in prose(text):
            if "<!--" in line:
                yield "hidden", number, ""


def _hides(line: str, at: int) -> bool:
    """Whether a character is hidden, and not one that its neighbours need."""
    sign = line[at]
    if not _is_hidden(sign):
        return False
    around = line[max(0, at - 1) : at] + line[at + 1 : at + 2]
    return sign not in JOINERS or around.isascii()


def _secrets(lines: Sequence[str], conceal: Callable[[str], str]) -> Iterator[tuple[str, int, str]]:
    for number, line in enumerate(lines, 1):
        if len(line) > 7 and conceal(line) != line:  # noqa: PLR2004  no secret is shorter
            yield "secret", number, ""


def _matches(text: str) -> Iterator[tuple[str, int, str]]:
    """The matches of the rules: each address once, and each line once per kind."""
    plain = "".join(sign for sign in text if not _is_hidden(sign)) if not text.isascii() else text
    lowered = unicodedata.normalize("NFKC", plain).lower()
    starts = [0, *(match.end() for match in re.finditer("\n", lowered))]
    seen = set()
    for kind, expression in _expressions():
        for match in expression.finditer(lowered):
            number = bisect.bisect_right(
                starts, match.start() + len(match[0]) - len(match[0].lstrip())
            )
            place = (kind, match[0] if kind == "network" else number)
            if place not in seen:
                seen.add(place)
                yield kind, number, ""


@cache
def _expressions() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (kind, re.compile(expression, re.MULTILINE))
        for kind, expressions in RULES.items()
        for expression in expressions
    )


@cache
def _hidden_signs() -> frozenset[str]:
    return frozenset(chr(code) for first, last in HIDDEN for code in range(first, last + 1))


def _is_hidden(sign: str) -> bool:
    return sign in _hidden_signs()
