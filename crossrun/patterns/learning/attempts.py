"""Attempts: a program that a run rewrote under another name is kept in its last version only."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from crossrun.commandlines.intents import purpose
from crossrun.commandlines.scenes import names
from crossrun.commandlines.shell import first_line
from crossrun.model.workflows import Act

_VERSION_WORDS = """
    v ver version final finally fixed fix new newer old improved improve simple simpler simplified
    complete completed working correct corrected better best minimal quick fast faster full updated
    debug alt alternative optimized optimised robust enhanced proper real basic advanced clean
    refined revised safe attempt try draft tmp temp copy backup bak second third
"""
_VERSIONS = frozenset(_VERSION_WORDS.split())
_VERSION_SIGNS = frozenset(("v", "ver", "version"))
_APART = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)")
_REMOVES = re.compile(r"^\s*rm\b")


class _Written(NamedTuple):
    path: str
    at: int


def without_attempts(acts: Sequence[Act]) -> list[Act]:
    """The acts without programs that a later version replaced, and without running them.

    `report_v2.py` replaces `report.py` if nothing names `report.py` afterwards.
    """
    versions: dict[tuple[str, ...], list[_Written]] = {}
    for at, act in enumerate(acts):
        path = _program(act)
        if path and all(path != one.path for one in versions.get(_kind(path), [])):
            versions.setdefault(_kind(path), []).append(_Written(path, at))
    heads = [first_line(act.command) for act in acts]
    gone = {
        at
        for written in versions.values()
        for earlier, later in pairwise(written)
        if not _are_numbered(earlier.path, later.path)
        and not _is_used_later(acts, heads, earlier, later)
        for at in _about(heads, earlier, later)
    }
    return [act for at, act in enumerate(acts) if at not in gone]


def _program(act: Act) -> str:
    """The program that an act wrote, or ""."""
    if act.intent != "edit" and "<<" not in act.command:
        return ""
    aim = purpose(act.command)
    key = act.command if act.command.startswith("write ") else (aim.key if aim else "")
    path = key.removeprefix("write ") if key.startswith("write ") else ""
    return path if re.search(r"\.[A-Za-z]\w{0,4}$", path) else ""


def _kind(path: str) -> tuple[str, ...]:
    """What versions of a program share: folder, extension, and the words of its name."""
    folder, _, name = path.rpartition("/")
    ending = name.rpartition(".")[2]
    words = _stem_words(path)
    telling = [word for word in words if word not in _VERSIONS and not word.isdecimal()]
    return (folder, ending, *(sorted(telling) or words))


def _stem_words(path: str) -> list[str]:
    """The words and numbers of a file's name."""
    stem = path.rpartition("/")[2].rpartition(".")[0]
    return [word.lower() for word in _APART.split(stem) if word]


def _are_numbered(earlier: str, later: str) -> bool:
    """Whether both are parts of a series, such as `chapter-1.tex` and `chapter-2.tex`."""
    both = [_stem_words(path) for path in (earlier, later)]
    return all(
        any(word.isdecimal() for word in words) and _VERSION_SIGNS.isdisjoint(words)
        for words in both
    )


def _is_used_later(
    acts: Sequence[Act], heads: Sequence[str], earlier: _Written, later: _Written
) -> bool:
    """Whether an act after the later version names the earlier program or its definitions."""
    after = [head for head in heads[later.at + 1 :] if not _REMOVES.match(head)]
    if names(earlier.path, after):
        return True
    module = earlier.path.rpartition("/")[2].rpartition(".")[0]
    imported = re.compile(rf"\b(?:import|from|require|source)\b[^\n]*\b{re.escape(module)}\b")
    return any(imported.search(act.command) for act in acts[later.at :])


def _about(heads: Sequence[str], earlier: _Written, later: _Written) -> list[int]:
    """The acts that wrote, ran or removed a program without naming its later version."""
    return [
        at
        for at, head in enumerate(heads)
        if names(earlier.path, [head]) and not names(later.path, [head])
    ]
