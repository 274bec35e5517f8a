"""Facts that an agent cannot guess: missing tools, the form of data, the output of a check.

Only the form of data is learned, never values, since agents hand in earlier values that they see.
Pure: the caller reads the files.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from crossrun.commandlines.intents import purpose
from crossrun.events import CommandRan
from crossrun.model.workflows import Act, Check, Cure
from crossrun.patterns.learning.clipping import clipped
from crossrun.system.commandlines import one_line

MOST_DATA_FILES = 4
HEAD = 4_096
"""Bytes of a data file that are looked at."""
_LONGEST_HEADER = 120
_LONGEST_LINE = 80
_CHECKS = ("test", "check", "build")
_ABSOLUTE = re.compile(r"(?:^|[\s\"'=])[/~]")
_NOT_FOUND = 127
_TABLES = ("csv", "tsv", "tab", "psv")
_TEXTS = ("txt", "log", "dat")
"""Kinds of files that may be tables."""
_FEWEST_ROWS = 3
_DATA = re.compile(
    r"(?<![\w./@+-])((?:[\w.@+-]+/)*[\w.@+-]+\.(?:csv|tsv|tab|psv|json|jsonl|ndjson|xml|txt|log|dat))"
    r"(?![\w/-]|\.\w)"
)
_MISSING_TOOL = re.compile(r"(?:^|[\s:])([\w.+-]{1,40}): (?:command )?not found")
_MISSING_MODULE = re.compile(r"No module named ['\"]([\w.]{1,60})['\"]")
_UNSTABLE = re.compile(r"\d|/|~")
_DELIMITERS = {";": "`;`", "\t": "tab", "|": "`|`", ",": "`,`"}


def missing_tools(commands: Iterable[CommandRan], *, cures: Sequence[Cure]) -> tuple[str, ...]:
    """Facts about missing programs and modules that a run tried to use.

    A module whose absence was cured was not missing.
    """
    missing: dict[str, str] = {}
    for ran in commands:
        tail = ran.output[-2_000:]
        if ran.exit_code == 0:
            words = set(re.findall(r"[\w.+-]+", ran.command))
            missing = {name: fact for name, fact in missing.items() if name not in words}
            continue
        if ran.exit_code == _NOT_FOUND and (match := _MISSING_TOOL.search(tail)):
            missing[match[1]] = f"`{match[1]}` is not installed"
        match = _MISSING_MODULE.search(tail)
        if match and not any(match[1] in cure.error for cure in cures):
            missing[match[1]] = f"the Python module `{match[1]}` is not installed"
    return tuple(missing.values())


def data_facts(acts: Sequence[Act], head_of: Callable[[str], bytes | None]) -> tuple[str, ...]:
    """The form of data files that commands read or wrote.

    Args:
        acts: what the run did.
        head_of: returns the first `HEAD` bytes of a workspace file; None if it is missing.
    """
    paths = dict.fromkeys(
        path for act in acts for path in (*_DATA.findall(act.command), *_DATA.findall(act.target))
    )
    facts: list[str] = []
    for path in paths:
        head = head_of(path)
        form = None if not head else form_of(path, head)
        if form:
            facts.append(f"{path}: {form}")
        if len(facts) == MOST_DATA_FILES:
            break
    return tuple(facts)


def form_of(path: str, head: bytes) -> str:
    """The form of a data file from its first bytes: encoding, delimiter, names; "" if plain."""
    text, encoding = _decoded(head)
    is_cut = len(head) >= HEAD
    ending = path.rpartition(".")[2].lower()
    parts = []
    whole_lines = text.rpartition("\n")[0] if is_cut else text
    if ending in _TABLES or (ending in _TEXTS and _is_table(whole_lines)):
        parts = _table(whole_lines)
    elif ending in ("jsonl", "ndjson"):
        parts = [_json_form(text.partition("\n")[0], "a line each")]
    elif ending == "json":
        parts = [_json_form(text, "")]
    elif ending == "xml":
        names = dict.fromkeys(re.findall(r"<([A-Za-z][\w:.-]*)", text))
        parts = [f"elements {', '.join(list(names)[:8])}"] if names else []
    if b"\r\n" in head:
        parts.append("lines end with CR LF")
    return ", ".join(filter(None, [encoding, *parts]))


def check_of(command: str, output: str) -> Check:
    """The check with what it prints when it passes, unless that is a value of this run only.

    Args:
        command: the check.
        output: what it printed when it passed.
    """
    lines = [one_line(line) for line in output.splitlines() if line.strip()]
    done = "exit 0"
    is_words = bool(lines) and re.search(r"[A-Za-z]{2}", lines[-1]) is not None
    if is_words and not _UNSTABLE.search(lines[-1]) and len(lines[-1]) <= _LONGEST_LINE:
        done = f'exit 0, "{lines[-1]}" last'
    return Check(command=command, done=done)


def is_general(command: str) -> bool:
    """Whether the user's check is of use for other tasks.

    It runs something of the project, and names no place on this machine.
    """
    aim = purpose(command)
    return aim is not None and aim.intent in _CHECKS and not _ABSOLUTE.search(command)


def _decoded(head: bytes) -> tuple[str, str]:
    """The text, and a note on an unusual encoding."""
    if head[:3] == b"\xef\xbb\xbf":
        return head[3:].decode("utf-8", "ignore"), "UTF-8 with a BOM"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "ignore"), "UTF-16"
    try:
        return head.decode(), ""
    except UnicodeDecodeError as error:
        if len(head) >= HEAD and error.start >= len(head) - 4:
            return head[: error.start].decode(), ""
        return head.decode("latin-1"), "not UTF-8, perhaps Latin-1"


def _is_table(text: str) -> bool:
    """Whether all lines have the same number of the same delimiter."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < _FEWEST_ROWS:
        return False
    counts = [{line.count(sign) for line in lines} for sign in _DELIMITERS]
    return any(len(count) == 1 and 0 not in count for count in counts)


def _table(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()][:40]
    counts = Counter((sign, line.count(sign)) for line in lines for sign in _DELIMITERS)
    counts = Counter({key: count for key, count in counts.items() if key[1]})
    if not counts:
        return []
    sign, number = counts.most_common(1)[0][0]
    first = next(at for at, line in enumerate(lines) if line.count(sign) == number)
    has_header = not any(re.search(r"\d", name) for name in lines[first].split(sign))
    header = f"header {clipped(lines[first], _LONGEST_HEADER)}"
    parts = [f"delimiter {_DELIMITERS[sign]}", header if has_header else "no header line"]
    if first:
        parts.append(f"{first} lines before that")
    values = [value.strip('" ') for line in lines[first + 1 :] for value in line.split(sign)]
    if sign != "," and any(re.fullmatch(r"-?[\d.]+,\d+", value) for value in values):
        parts.append("decimal comma")
    for form, pattern in _DATES.items():
        if any(re.fullmatch(pattern, value) for value in values):
            parts.append(f"dates {form}")
    return parts


_DATES = {
    "DD.MM.YYYY": r"\d\d?\.\d\d?\.\d{4}",
    "YYYY-MM-DD": r"\d{4}-\d\d-\d\d",
    "with slashes": r"\d\d?/\d\d?/\d{4}",
}


def _json_form(text: str, each: str) -> str:
    """The structure of a JSON text, which may be cut off."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        keys = dict.fromkeys(re.findall(r'"([\w .-]{1,40})"\s*:', text))
        kind = "list" if text.lstrip()[:1] == "[" else "object"
        return f"JSON {kind} with keys {', '.join(list(keys)[:10])}" if keys else ""
    if isinstance(value, list):
        first = value[0] if value else None
        return f"JSON list of {_keys(first, each)}" if isinstance(first, dict) else "JSON list"
    return f"JSON {_keys(value, each)}" if isinstance(value, dict) else ""


def _keys(value: dict[str, Any], each: str) -> str:
    names = ", ".join(clipped(key, 40) for key in list(value)[:10])
    return f"object with keys {names}{f', {each}' if each else ''}"
