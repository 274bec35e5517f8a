"""Extractors: variables of a single run by their form, and types of values that differ in runs.

Pure and deterministic: the expressions are data of the task type (its `finders`).
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from crossrun.config.tasktypes import Finder
from crossrun.model.workflows import Finding

MOST_VALUES = 3
"""Values of one finder."""
LONGEST_VALUE = 80
TASK_CHARACTERS = 20_000
COMMANDS = 400
COMMAND_CHARACTERS = 1_000
"""What lies beyond these is not looked at, so that no text makes learning slow."""


def extracted(finders: Sequence[Finder], task: str, commands: Sequence[str]) -> tuple[Finding, ...]:
    """The values of each finder as `name`, `name_2`, `name_3`, in order of appearance.

    Finders apply in the given order. A later one does not match a value again, nor anything that
    begins within it.
    """
    asked = [_Text(_WRAPPED.sub(" ", task[:TASK_CHARACTERS]), sentences=True)]
    done = [_Text(command[:COMMAND_CHARACTERS], sentences=False) for command in commands[:COMMANDS]]
    places = {"task": asked, "commands": done, "both": [*asked, *done]}
    taken: set[str] = set()
    findings: list[Finding] = []
    for finder in finders:
        pattern = _compiled(finder.find)
        values = dict.fromkeys(v for text in places[finder.within] for v in text.values(pattern))
        findings += _numbered(finder, [value for value in values if value not in taken])
        taken.update(values)
    return tuple(findings)


_WRAPPED = re.compile(r"(?<=[\w,-])[ \t]{0,8}\r?\n[ \t]{0,8}(?=[a-z])")
"""Where a sentence continues in the next line; extractors see one line."""


def _numbered(finder: Finder, values: Sequence[str]) -> Iterator[Finding]:
    for number, value in enumerate(values[:MOST_VALUES], start=1):
        name = finder.name if number == 1 else f"{finder.name}_{number}"
        yield Finding(name, finder.type, value, substitute=finder.substitute)


class _Text:
    """A text, and the spans in it that earlier finders have matched."""

    def __init__(self, text: str, *, sentences: bool) -> None:
        self._text = text
        self._closing = _PUNCTUATION if sentences else " "
        self._taken = bytearray(len(text))

    def values(self, pattern: re.Pattern[str]) -> Iterator[str]:
        """The matches of the pattern outside of earlier matches, which it adds to them."""
        for match in pattern.finditer(self._text):
            start, end = match.span(_group(match))
            value = _value(self._text[start:end], self._closing)
            if value and not self._taken[start]:
                self._taken[start:end] = b"\1" * (end - start)
                yield value


def _group(match: re.Match[str]) -> int:
    """The number of the first group that matched; 0, the whole match, if none did."""
    return next((n for n, value in enumerate(match.groups(), start=1) if value is not None), 0)


_PUNCTUATION = " .,;:!?…"
_CLOSING = {")": "(", "]": "[", "}": "{", "”": "“", "»": "«", '"': '"', "'": "'", "`": "`"}


def _value(raw: str, closing: str) -> str:
    """The value on one line without the punctuation of its sentence; "" for no value."""
    value = " ".join(raw.split()).rstrip(closing)
    if _is_left_open(value):
        value = value[:-1].rstrip(closing)
    return value if len(value) <= LONGEST_VALUE and value.isprintable() else ""


def _is_left_open(value: str) -> bool:
    """Whether the value ends with a bracket or quote that it does not open."""
    closing = value[-1:]
    opening = _CLOSING.get(closing)
    if opening is None:
        return False
    if opening == closing:
        return value.count(closing) % 2 == 1
    return value.count(opening) < value.count(closing)


@cache
def _compiled(find: str) -> re.Pattern[str]:
    return re.compile(find)


def typed(values: Sequence[str]) -> tuple[str, str]:
    """Type and base name of a variable with these values in otherwise similar runs.

    Every value must have the form of the type; without a common form the type is text.
    """
    fitting = (k for k in _kinds() if values and all(k.form.fullmatch(value) for value in values))
    return next(((kind.type, kind.name) for kind in fitting), ("text", "text"))


class _Kind(NamedTuple):
    """A type of values, the base name of its variables, and the form of its values."""

    type: str
    name: str
    form: re.Pattern[str]


_EXTENSION = (
    "adoc|avif|bash|bib|bmp|bz2|c|cc|cfg|cjs|conf|cpp|cs|css|csv|cts|dart|db|doc|docx|dta|eps|epub"
    "|erl|ex|exs|feather|fs|gif|go|gradle|graphql|gz|h|hpp|hs|htm|html|ico|ini|ipynb|java|jl|jpeg"
    "|jpg|js|json|jsonl|jsx|kt|less|lock|log|lua|m|md|mdx|mjs|ml|mp3|mp4|mts|ndjson|odp|ods|odt"
    "|org|parquet|patch|pdf|php|pl|png|ppt|pptx|properties|proto|ps1|py|pyi|r|rb|rds|ris|rmd|rs|rst"
    "|rtf|sass|sav|scala|scss|sh|sql|sqlite|srt|svelte|svg|swift|tar|tex|tf|tgz|tif|tiff|toml|ts"
    "|tsv|tsx|txt|vue|wav|webp|xls|xlsx|xml|xz|yaml|yml|zip|zsh"
)
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DATE = (
    r"\d{4}([-/.])[01]?\d\1[0-3]?\d(?:[T ][\d:.]{4,15}(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|[0-3]?\d([./-])[0-3]?\d\2\d{4}"
    rf"|(?:[0-3]?\d\.?\s)?{_MONTH}\s(?:[0-3]?\d,?\s)?\d{{4}}"
)
_NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3}){1,5}|\d{1,15})(?:\.\d{1,15})?(?:e[-+]?\d{1,3})?%?"
_PLAIN = r"[^\s\"'`*?|<>:{}]"
_SHELL = r"[^\s\"'`|<>:]"
"""Characters of paths: without and with those that a shell expands."""


@cache
def _kinds() -> list[_Kind]:
    """All types, in the order in which they are tried."""
    return [
        _Kind(type_, variable, re.compile(form, re.IGNORECASE))
        for type_, variable, form in (
            ("url", "url", r"(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s\"'<>]+"),
            ("date", "date", _DATE),
            ("number", "number", _NUMBER),
            ("range", "range", rf"{_NUMBER}\s?(?:-|\u2013|\u2014|\.\.\.?|:|,|\sto\s)\s?{_NUMBER}"),
            (
                "version",
                "version",
                r"[v=^~<>]{0,3}\d{1,6}(?:\.(?:\d{1,6}|x|\*)){1,3}(?:[-+.]?[a-z][\w.+-]*)?",
            ),
            (
                "glob",
                "glob",
                rf"{_PLAIN}*(?:\*|\?{_PLAIN}|\{{{_PLAIN}*,{_PLAIN}*\}}){_SHELL}*",
            ),
            ("path", "file", rf"{_PLAIN}*(?<!/)\.(?:{_EXTENSION})"),
            ("folder", "folder", rf"{_PLAIN}*/{_PLAIN}*|\.{{1,2}}|~"),
            ("identifier", "name", r"[^\W\d][\w.:$-]*(?:\(\))?"),
        )
    ]
