"""Data: forms of values, transformations of values, and words that matter."""

from collections.abc import Callable
from typing import NamedTuple

PATTERNS = {
    "url": r"https?://[^\s\"'<>)\]]+[^\s\"'<>)\].,;:!?]",
    "path": (
        r"(?<![\w.@/+~-])(?:(?:~|\.{1,2})?/)?(?:[\w.@+-]+/)*[\w@+-][\w.@+-]*\.[A-Za-z]\w{0,7}(?![\w/])"
    ),
    "folder": r"(?<![\w.@/+~:-])(?:(?:~|\.{1,2})?/)?(?:[\w.@+-]+/)+[\w@+-]*(?<!\.)",
    "date": r"(?<![\w./-])\d{4}-\d{2}(?:-\d{2})?(?![\w/-])",
    "version": r"(?<![\w./-])v?\d+(?:\.\d+){2,3}(?:-\w[\w.]*)?(?![\w/])",
    "size": r"(?<![\w./-])\d+x\d+(?![\w/])",
    "number": r"(?<![\w./-])(?<!\d,)\d+(?:\.\d+)?(?=(?:[A-Za-z]{1,3}|%)?(?![\w/%]|[.,-]\w))",
    "quoted": (
        r"\"([^\"\n]+)\"|(?<!\w)'([^'\n]+)'(?!\w)|`([^`\n]+)`"
        r"|\u201c([^\u201d\n]+)\u201d|\u2018([^\u2019\n]+)\u2019|\u00ab\s?([^\u00bb\n]+?)\s?\u00bb"
        r"|\u201e([^\u201c\u201d\n]+)[\u201c\u201d]"
    ),
}
"""By type, how values look in a task. A group is the value without its quotes."""

SOFT_PATTERNS = {
    "capitals": r"(?<![\w./-])[A-Z][A-Z0-9_]+(?![\w./-])",
    "identifier": r"(?<![\w./-])[A-Za-z]\w*(?:[_-][A-Za-z0-9]+)+(?![\w/]|\.\w)",
}
"""Forms that plain words may have as well. They tell values apart, but in other words a task may
name none of them and want the same."""


class Transformation(NamedTuple):
    """How a value is derived from another: in Python, and in a script from `"$NAME"`."""

    apply: Callable[[str], str]
    code: str


def _without_ending(value: str) -> str:
    head, dot, tail = value.rpartition(".")
    return head if dot and "/" not in tail else value


def _base(value: str) -> str:
    return value.rpartition("/")[2]


def _folder(value: str) -> str:
    return value.rpartition("/")[0] if "/" in value else "."


def _ascii_lower(value: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in value)


def _ascii_upper(value: str) -> str:
    return "".join(char.upper() if char.isascii() else char for char in value)


_TR = '$(printf %s "$NAME" | LC_ALL=C tr {} {})'

TRANSFORMATIONS = {
    "stem": Transformation(
        lambda value: _without_ending(_base(value)),
        '$(crossrun_base=${NAME##*/}; printf %s "${crossrun_base%.*}")',
    ),
    "base": Transformation(_base, "${NAME##*/}"),
    "root": Transformation(_without_ending, "${NAME%.*}"),
    "folder": Transformation(
        _folder, '$(case $NAME in */*) printf %s "${NAME%/*}" ;; *) printf . ;; esac)'
    ),
    "lower": Transformation(_ascii_lower, _TR.format("A-Z", "a-z")),
    "upper": Transformation(_ascii_upper, _TR.format("a-z", "A-Z")),
    "dashed": Transformation(lambda value: value.replace(" ", "-"), _TR.format("' '", "-")),
    "underscored": Transformation(lambda value: value.replace(" ", "_"), _TR.format("' '", "_")),
    "slug": Transformation(
        lambda value: _ascii_lower(value).replace(" ", "-"), _TR.format("'A-Z '", "'a-z-'")
    ),
    "snake": Transformation(
        lambda value: _ascii_lower(value).replace(" ", "_"), _TR.format("'A-Z '", "'a-z_'")
    ),
    "compact": Transformation(
        lambda value: value.replace("-", ""),
        '$(printf %s "$NAME" | LC_ALL=C tr -d -)',
    ),
    "year": Transformation(lambda value: value.partition("-")[0], "${NAME%%-*}"),
    "month": Transformation(lambda value: value[:7], '$(printf %.7s "$NAME")'),
    "underlined": Transformation(lambda value: value.replace("-", "_"), _TR.format("-", "_")),
    "squeezed": Transformation(lambda value: value.rstrip("/"), "${NAME%/}"),
}
"""By name. The same value comes out of both forms."""

_STRICT_WORDS = """
    additionally also but columns descending ascending distinct drop each every except exclude
    excluding exclusive filter first ignore ignoring include including instead last least limit
    most never no nobody none not only per reverse reversed skip skipping sort sorted then twice
    unique unless without
    nur ausser außer ohne aber nicht kein keine statt auch zusätzlich sortiert sortiere absteigend
    solo sin pero no excepto también además ordenado
    seulement sauf sans mais pas aussi trié
"""
STRICT_WORDS = frozenset(_STRICT_WORDS.split())
"""Words that change what a task wants: one of them that is new is a reason to leave a script."""

_WORDS_WITHOUT_MEANING = """
    a an and are as at be by can could do for from hello hi i in into is it its kindly me my of on
    our out please pls so that the their them there these this those to us want we which will with
    would you your
"""
WORDS_WITHOUT_MEANING = frozenset(_WORDS_WITHOUT_MEANING.split())
