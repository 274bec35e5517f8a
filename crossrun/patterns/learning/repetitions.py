"""Repetitions: one kind of command on many things becomes a loop."""

import re
import shlex
from collections.abc import Sequence

from msgspec.structs import replace

from crossrun.commandlines.scenes import made_by, names
from crossrun.commandlines.shell import ASSIGNMENT
from crossrun.model.workflows import Act

_FEWEST = 3
"""So many commands of one kind become a loop."""
_MOST_OCCURRENCES = 8
_WORD = re.compile(r"""(?:[^\s'"\\]|'[^']*'|"(?:\\.|[^"\\])*"|\\.)+""")
_PLAIN = re.compile(r"[\w./@%+=:,~-]+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"$`\\]*\"")
_ENDING = re.compile(r"\.[A-Za-z]\w{0,6}$")
_NUMBER = re.compile(r"\d+")
_UNSAFE = re.compile(r"\n|<<|\\|^\s*(?:write|delete|use)\s|\bfor\b|\bwhile\b")
_VARIABLE = "f"
_Core = tuple[str, list[str], str]
"""What a word begins with in all commands, what differs there, and how it ends."""


def with_loops(acts: Sequence[Act]) -> list[Act]:
    """The acts with a loop, at the last occurrence, for each kind of repeated command."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for at, act in enumerate(acts):
        shape = _shape(act)
        if shape is not None:
            groups.setdefault(shape, []).append(at)
    loops: dict[int, Act] = {}
    gone: set[int] = set()
    for members in groups.values():
        loop = _loop([acts[at] for at in members]) if len(members) >= _FEWEST else None
        if loop is not None and not _in_use(acts, members):
            loops[members[-1]] = loop
            gone.update(members[:-1])
    return [loops.get(at, act) for at, act in enumerate(acts) if at not in gone]


def _shape(act: Act) -> tuple[str, ...] | None:
    """What commands of one kind share: their words apart from files and numbers."""
    if act.intent in ("read", "search") or _UNSAFE.search(act.command):
        return None
    words = _WORD.findall(act.command)
    kinds = (word if at == 0 else _kind(word) for at, word in enumerate(words))
    return (act.intent, *kinds)


def _kind(word: str) -> str:
    """A word with a placeholder for what may differ: a file's stem, or a number."""
    bare = word.strip("'\"")
    if word.startswith("-") and "=" not in word:
        return word
    ending = _ENDING.search(bare)
    if "/" in bare or ending:
        return f"*{ending[0] if ending else ''}"
    return _NUMBER.sub("#", bare) if _NUMBER.search(bare) else word


def _in_use(acts: Sequence[Act], members: Sequence[int]) -> bool:
    """Whether an act of another kind in between needs the result of an earlier repetition."""
    shape = _shape(acts[members[0]])
    between = range(members[0] + 1, members[-1])
    for at in between:
        other = acts[at]
        if at in members or _shape(other) == shape or other.intent in ("read", "search"):
            continue
        if other.command.startswith(("write ", "delete ")):
            continue
        made = (path for m in members if m < at for path in made_by(acts[m].command))
        if any(names(path, [other.command]) for path in made) and not _repeated(acts, other):
            return True
    return False


def _repeated(acts: Sequence[Act], act: Act) -> bool:
    shape = _shape(act)
    return shape is not None and sum(_shape(other) == shape for other in acts) >= _FEWEST


def _loop(acts: Sequence[Act]) -> Act | None:
    """One act that does the same as all of them; None if no loop over one variable can."""
    rows = [_WORD.findall(act.command) for act in acts]
    columns = list(zip(*rows, strict=True))
    differing = [at for at, column in enumerate(columns) if len(set(column)) > 1]
    if not differing or differing[0] == 0 or not all(map(_is_simple, _cells(columns, differing))):
        return None
    cores = [
        _core([_plain(cell) for cell in columns[at]], shared=len(differing) > 1) for at in differing
    ]
    values = cores[0][1]
    if any(core[1] != values for core in cores) or len(set(values)) < _FEWEST:
        return None
    listed, cores = _numbered(cores) or (_listed(values), cores)
    body = _replaced(acts[0].command, dict(zip(differing, cores, strict=True)))
    first = acts[0]
    return replace(
        first,
        target="",
        command=f"for {_VARIABLE} in {listed}; do {body}; done",
        occurrences=tuple(one for act in acts for one in act.occurrences)[:_MOST_OCCURRENCES],
        recovery=False,
        instead_of="",
        heading=next((act.heading for act in acts if act.heading), ""),
        why=next((act.why for act in acts if act.why), ""),
        proved=all(act.proved for act in acts),
    )


def _cells(columns: Sequence[tuple[str, ...]], at: Sequence[int]) -> list[str]:
    return [cell for number in at for cell in columns[number]]


def _is_simple(word: str) -> bool:
    """Whether a word is literal: no variable, glob, operator or assignment."""
    plain = _PLAIN.fullmatch(word) is not None and not word.startswith("~")
    return (plain or _QUOTED.fullmatch(word) is not None) and not ASSIGNMENT.match(word)


def _plain(word: str) -> str:
    return word[1:-1] if word[0] in "'\"" else word


def _core(values: Sequence[str], *, shared: bool) -> _Core:
    """The common prefix and suffix of values, and the differing parts between them."""
    option = values[0].startswith("-")
    if not shared and not option:
        return "", list(values), ""
    before = _common(values)
    behind = _common([value[len(before) :][::-1] for value in values])[::-1]
    end = {len(value): len(value) - len(behind) for value in values}
    return before, [value[len(before) : end[len(value)]] for value in values], behind


_MOST_LISTED = 12


def _numbered(cores: list[_Core]) -> tuple[str, list[_Core]] | None:
    """Many values that only count up, as `seq` gives them; None for others."""
    values = cores[0][1]
    if len(values) <= _MOST_LISTED:
        return None
    before, middles, behind = _core(values, shared=True)
    if not all(re.fullmatch(r"0|[1-9]\d*", middle) for middle in middles):
        return None
    numbers = sorted({int(middle) for middle in middles})
    if numbers != list(range(numbers[0], numbers[-1] + 1)):
        return None
    inner = [(f"{core[0]}{before}", middles, f"{behind}{core[2]}") for core in cores]
    return f"$(seq {numbers[0]} {numbers[-1]})", inner


def _common(values: Sequence[str]) -> str:
    """What all of them begin with, not ending within a word."""
    first, last = min(values), max(values)
    at = next((i for i, c in enumerate(first) if i >= len(last) or last[i] != c), len(first))
    while at and first[at - 1].isalnum() and at < len(first) and first[at : at + 1].isalnum():
        at -= 1
    return first[:at]


def _replaced(command: str, cores: dict[int, _Core]) -> str:
    pieces: list[str] = []
    end = 0
    for at, word in enumerate(_WORD.finditer(command)):
        if at in cores:
            before, _, behind = cores[at]
            name = f"${{{_VARIABLE}}}" if behind[:1].isalnum() or behind[:1] == "_" else "$f"
            pieces += [command[end : word.start()], f'"{before}{name}{behind}"']
            end = word.end()
    return "".join([*pieces, command[end:]])


def _listed(values: Sequence[str]) -> str:
    return " ".join(shlex.quote(value) for value in dict.fromkeys(values))
