"""Rules that find values in tasks: learned from runs, applied to a new task.

A rule is learned if it gives the right value in every run.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

from msgspec import Struct

from crossrun.patterns.compiling.transformations import PATTERNS, SOFT_PATTERNS
from crossrun.patterns.compiling.values import Rule

LONGEST_VALUE = 120
_MOST_TEXT = 20_000
"""Characters of a task in which values are looked for."""
WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_CONTEXT_WORDS = (1, 2, 3)
_PATH_ENDING = re.compile(r"\.([A-Za-z]\w{0,7})$")
_SINGLE = re.compile(r"[^\W_][\w.@:+-]*\w|[^\W_]")


class _Value(Struct, frozen=True):
    """A value in a text, with its position."""

    text: str
    start: int
    end: int


def rules_for(
    values: Sequence[str], tasks: Sequence[str], files: Sequence[Sequence[str]]
) -> tuple[Rule, ...]:
    """All rules that give the right value in each run; () if the tasks do not determine it."""
    candidates = dict.fromkeys(
        [
            *_numbered_rules(values[0], tasks),
            *_context_rules(values, tasks),
            *_file_rules(values[0]),
        ]
    )
    runs = list(zip(values, tasks, files, strict=True))
    right = tuple(
        rule
        for rule in candidates
        if all(value_by(rule, task, names) == value for value, task, names in runs)
    )
    has_form = any(rule.kind == "nth" for rule in right)  # then single words say nothing
    return tuple(rule for rule in right if not has_form or rule.kind != "word")


def type_of_values(values: Sequence[str]) -> tuple[str, str]:
    """The type of a variable with these values, and a name for it."""
    for type_, form in _forms().items():
        if all(form.fullmatch(value) for value in values):
            if type_ != "path":
                return type_, type_
            endings = {ending[1].lower() for v in values if (ending := _PATH_ENDING.search(v))}
            return type_, f"{endings.pop()}_file" if len(endings) == 1 else "file"
    return "phrase", "text"


def standing_alone(value: str) -> str:
    """An expression for the value where it is not a part of a longer word."""
    before = r"(?<![\w])" if value[:1].isalnum() else ""
    after = r"(?!\d)" if value[-1:].isdecimal() else r"(?!\w)" if value[-1:].isalnum() else ""
    return before + re.escape(value) + after


@cache
def _forms() -> dict[str, re.Pattern[str]]:
    return {name: re.compile(form) for name, form in (PATTERNS | SOFT_PATTERNS).items()}


def all_values(text: str) -> Iterator[str]:
    """All values of a text with a known form; quoted phrases without their quotes."""
    for type_ in PATTERNS:
        yield from (value.text for value in _values(text, type_))


def soft_values(text: str) -> Iterator[str]:
    """Words of a text that look like values."""
    for type_ in SOFT_PATTERNS:
        yield from (value.text for value in _values(text, type_))


@lru_cache(maxsize=1 << 10)
def _values(text: str, type_: str) -> tuple[_Value, ...]:
    """The values of one type, in order; `path:csv` are paths with that extension."""
    kind, _, ending = type_.partition(":")
    values = _matches(text, kind)
    if kind == "path":
        values = _with_quoted_paths(values, _matches(text, "quoted"))
    if kind in ("date", "number"):
        values = [value for value in values if not _is_within(value, text)]
    if ending:
        values = [value for value in values if _ending(value.text) == ending]
    return tuple(values)


def _matches(text: str, kind: str) -> list[_Value]:
    values = []
    for match in _forms()[kind].finditer(text[:_MOST_TEXT]):
        group = next((g for g in range(1, (match.re.groups or 0) + 1) if match[g] is not None), 0)
        values.append(_Value(match[group], match.start(group), match.end(group)))
    return values


def _with_quoted_paths(paths: Sequence[_Value], quoted: Sequence[_Value]) -> list[_Value]:
    """Quoted paths may have blanks; the parts of a quoted path are dropped."""
    whole = [value for value in quoted if _ending(value.text)]
    others = [
        path
        for path in paths
        if not any(value.start <= path.start and path.end <= value.end for value in whole)
    ]
    return sorted([*others, *whole], key=lambda value: value.start)


def _ending(path: str) -> str:
    ending = _PATH_ENDING.search(path)
    return "" if ending is None else ending[1].lower()


def _is_within(value: _Value, text: str) -> bool:
    """Whether a number or a date is part of a larger value."""
    is_date = re.fullmatch(PATTERNS["date"], value.text) is not None
    others = ("url", "path", "quoted") if is_date else ("url", "path", "quoted", "date")
    return any(
        other.start <= value.start and value.end <= other.end and other.text != value.text
        for kind in others
        for other in _matches(text, kind)
    )


def _numbered_rules(value: str, tasks: Sequence[str]) -> Iterator[Rule]:
    ending = _ending(value)
    for type_ in [*_forms(), *([f"path:{ending}"] if ending else [])]:
        texts = [{match.text for match in _values(task, type_)} for task in tasks]
        common = tuple(sorted(set.intersection(*texts)))
        for without in dict.fromkeys(((), common)):
            values = _texts(tasks[0], type_, without)
            for at, candidate in enumerate(values):
                if candidate == value:
                    yield Rule("nth", type_, at, without=without)
                    yield Rule("nth", type_, at - len(values), without=without)


def _texts(task: str, type_: str, without: Sequence[str]) -> list[str]:
    return [value.text for value in _values(task, type_) if value.text not in without]


def _context_rules(values: Sequence[str], tasks: Sequence[str]) -> Iterator[Rule]:
    """Rules by the text before and after the value, which all tasks share."""
    places = [
        (task[: match.start()], task[match.end() :])
        for value, task in zip(values, tasks, strict=True)
        if (match := re.search(standing_alone(value), task[:_MOST_TEXT]))
        and not _is_part(task, match.start(), match.end())
    ]
    if len(places) < len(tasks):
        return
    before = _common_end([left for left, _ in places])
    behind = _common_begin([right for _, right in places])
    yield from _word_rules(values, before, behind)
    until = re.match(r"\W*(?:\w+)?", behind)
    ends = [] if until is None or not until[0] else [until[0]]
    if all(not right.strip() for _, right in places):
        ends.append("")
    words = list(WORD.finditer(before))
    for count in _CONTEXT_WORDS:
        if len(words) < count or not ends:
            break
        for end in ends:
            yield Rule("after", before=before[words[-count].start() :], until=end)


def _word_rules(values: Sequence[str], before: str, behind: str) -> Iterator[Rule]:
    """Rules by the neighbouring words, for values of a single word."""
    if not all(map(_SINGLE.fullmatch, values)):
        return
    words = list(WORD.finditer(before))
    for count in _CONTEXT_WORDS:
        if len(words) >= count:
            yield Rule("word", before=before[words[-count].start() :])
    following = list(WORD.finditer(behind))
    for count in _CONTEXT_WORDS[:2]:
        if len(following) >= count:
            yield Rule("word", until=behind[: following[count - 1].end()])


def _is_part(task: str, start: int, end: int) -> bool:
    """Whether a text is a part of a path, an address or a date."""
    return any(
        value.start <= start and end <= value.end and (value.start, value.end) != (start, end)
        for type_ in ("url", "path", "folder", "date")
        for value in _values(task, type_)
    )


def _common_end(texts: Sequence[str]) -> str:
    return _common_begin([text[::-1] for text in texts])[::-1]


def _common_begin(texts: Sequence[str]) -> str:
    first = texts[0]
    length = 0
    while length < len(first) and all(
        text[length : length + 1].casefold() == first[length].casefold() for text in texts
    ):
        length += 1
    common = first[:length]
    if all(text[length : length + 1].isalnum() for text in texts) and common[-1:].isalnum():
        common = re.sub(r"\w+$", "", common)  # not in the middle of a word
    return common


def _file_rules(value: str) -> Iterator[Rule]:
    if "/" not in value and (ending := _ending(value)):
        yield Rule("only", ending)


def value_by(rule: Rule, task: str, files: Sequence[str]) -> str | None:
    """The value that a rule gives for a task, or None."""
    if rule.kind == "nth":
        values = _texts(task, rule.type, rule.without)
        return values[rule.at] if -len(values) <= rule.at < len(values) else None
    if rule.kind == "only":
        fitting = [name for name in files if name.lower().endswith(f".{rule.type}")]
        return fitting[0] if len(fitting) == 1 else None
    if rule.kind == "word":
        return _word_beside(rule, task[:_MOST_TEXT])
    return _value_after(rule, task[:_MOST_TEXT])


def _word_beside(rule: Rule, task: str) -> str | None:
    """The word next to the rule's text, if it is the same wherever the text occurs."""
    before = rf"(?<!\w){re.escape(rule.before)}" if rule.before else r"(?<![\w.@:+-])"
    until = rf"{re.escape(rule.until)}(?!\w)" if rule.until else r"(?!\w)"
    matches = re.findall(rf"{before}({_SINGLE.pattern}){until}", task, re.IGNORECASE)
    return matches[0] if len(set(matches)) == 1 else None


def _value_after(rule: Rule, task: str) -> str | None:
    """The text between two others, of which the first must occur exactly once."""
    lowered, before = task.casefold(), rule.before.casefold()
    if len(lowered) != len(task):
        return None
    starts = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(before)}", lowered)]
    if len(starts) != 1:
        return None
    start = starts[0] + len(before)
    end = lowered.find(rule.until.casefold(), start) if rule.until else len(task.rstrip())
    value = task[start:end] if end >= 0 else ""
    if not value.strip() or value != value.strip() or "\n" in value or len(value) > LONGEST_VALUE:
        return None
    return value
