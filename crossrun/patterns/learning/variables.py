"""Variables: slots and findings get names, and aligned acts become steps with `{variables}`."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct, field

from crossrun.model.workflows import Finding, Trace, Variable
from crossrun.patterns.learning.alignment import Aligned, Slot
from crossrun.patterns.learning.extractors import typed
from crossrun.patterns.learning.files import is_source

_LONGEST_VALUE = 60
_OPTION = re.compile(r"--?([A-Za-z][\w-]*)[= ][\"']?$")
_QUOTED = re.compile(r"\"([^\"\n$`\\]{2,60})\"|'([^'\n]{2,60})'")
_WITH_BLANKS = re.compile(r"(?:[A-Za-z]:)?[\w./\\+@-]+(?: (?!-)[\w.()&+@-]+){1,3}\.[A-Za-z]\w{0,4}")
_FILE_NAME = re.compile(r"[\w./@+-]+(?:[ '][\w.@+-]+)*\.[A-Za-z]\w{0,4}")
_SIMPLE = re.compile(r"(?<![^\s\"'`|<>:;()&=,])[^\s\"'`|<>:;()&=,{}$]+(?![{}$])")
_ENDING = re.compile(r"\w\.[a-z]\w{0,9}$")
_FOLDER = re.compile(r"\b(?:cd|pushd|mkdir(?: -p)?) ([\w-]{3,})(?![^\s;&|)])")
"""A folder that a command goes to, or makes, by its plain name."""
_MOST_SHARED = 8
_FEWEST_LETTERS = 3


class Names(Struct):
    """The variables of one workflow, named in order of appearance."""

    variables: dict[str, Variable] = field(default_factory=dict)
    reserved: frozenset[str] = frozenset()
    """Names that stand in braces in texts of the runs, and so would be taken for variables."""
    values: dict[str, dict[int, str]] = field(default_factory=dict)
    """Of each variable in each run, as far as it has one there."""

    def of(self, slot: Slot, traces: Sequence[Trace], *, best: int, before: str) -> str:
        """The slot's text: `{name}`, the same wherever the same values differ.

        Other differences, such as options or code, stay as in the best run.

        Args:
            slot: the place where runs differ.
            traces: the runs.
            best: the run whose values are shown.
            before: the text before the slot.
        """
        values = {run: value.strip() for run, value in slot.values}
        if not all(map(_is_value, values.values())):
            return dict(slot.values).get(best, "")
        name = next((n for n, earlier in self.values.items() if _agree(earlier, values)), None)
        if name is None:
            kind, base = _extracted_type(values, traces) or _typed(list(values.values()))
            base = _optional(before) if kind in ("text", "identifier") else base
            name = self.add(base or kind, Variable(kind, next(iter(values.values()))))
        self.values[name] = {**values, **self.values.get(name, {})}
        return f"{{{name}}}"

    def add(self, base: str, variable: Variable) -> str:
        """Adds a variable under its name, or the next free one."""
        name, number = base, 1
        while name in self.variables or name in self.reserved:
            number += 1
            name = f"{base}_{number}"
        self.variables[name] = variable
        return name


def text_of(step: Aligned, names: Names, traces: Sequence[Trace], *, of: int) -> str:
    """The command of an aligned act with variables; a program is never a variable."""
    text = ""
    for at, token in enumerate(step.tokens):
        if isinstance(token, str):
            text += token
        elif at:
            text += names.of(token, traces, best=of, before=text)
        else:
            text += dict(token.values).get(of, "")
    return text


def shared_values(
    task: str, commands: Sequence[str], others: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Values of a single run that occur both in its task and in its commands.

    Phrases in quotes, files, numbers and other words that are no words of the language; files that
    are named after a word of the task; and the folders of all these files.

    Args:
        task: what was asked.
        commands: what was done.
        others: values that have a name already.
    """
    wanted = " ".join(task.split()).lower()
    values: dict[str, str] = {}
    for command in commands:
        for match in _QUOTED.finditer(command):
            value = match[1] or match[2]
            if " " in value.strip() and _stands_in(value, wanted):
                values.setdefault(value, _optional(command[: match.start() + 1]) or "text")
        names_with_blanks = _names_with_blanks(command)
        for match in _SIMPLE.finditer(command):
            if any(start <= match.start() < end for start, end in names_with_blanks):
                continue
            value = re.sub(r"^(?:\.{1,2}/)+", "", match[0].rstrip("."))
            if match.start() and _is_telling(value) and _is_asked_for(value, wanted, values):
                base = _optional(command[: match.start()])
                is_folder = value.endswith("/")
                value = value.rstrip("/")
                values.setdefault(value, "folder" if is_folder else base or _base(value))
    for folder in (word for command in commands for word in _FOLDER.findall(command)):
        if _stands_in(folder, wanted) or f" {folder.lower()}/" in f" {wanted}":
            values.setdefault(folder, "folder")
    for value in tuple(values):
        folder = value.rpartition("/")[0]
        if folder and any(_stands_alone(folder, command) for command in commands):
            values.setdefault(folder, "folder")
    named_before = {value.rstrip("/") for value in others}
    new = [(value, base) for value, base in values.items() if value.rstrip("/") not in named_before]
    return tuple(Finding(base, _kind(value, base), value) for value, base in new[:_MOST_SHARED])


def _names_with_blanks(command: str) -> list[tuple[int, int]]:
    """Where a command has quoted names of files with blanks, parts of which are no values."""
    return [
        match.span()
        for match in _QUOTED.finditer(command)
        if _WITH_BLANKS.fullmatch(match[1] or match[2])
    ]


def _is_asked_for(value: str, wanted: str, others: Iterable[str]) -> bool:
    """Whether the task names the value, or a file other than a program is named after it."""
    if _stands_in(value, wanted) or (value[0] == "v" and _stands_in(value[1:], wanted)):
        return True
    if typed([value])[0] != "path" or is_source(value):
        return False
    stem = _stem(value)
    return len(stem) >= _FEWEST_LETTERS and (
        _stands_in(stem, wanted) or any(_stem(other) == stem for other in others)
    )


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _stands_alone(word: str, command: str) -> bool:
    return re.search(rf"(?<![^\s\"'=]){re.escape(word)}/?(?![^\s\"';&|)])", command) is not None


def _kind(value: str, base: str) -> str:
    if " " in value:
        return "text"
    if base in ("folder", "file"):
        return "path" if base == "file" else base
    return typed([value])[0]


def _base(value: str) -> str:
    """The base name of a value's variable: a name with any extension is a file."""
    kind, base = typed([value])
    return "file" if kind == "identifier" and _ENDING.search(value) else base


def _stands_in(value: str, wanted: str) -> bool:
    return re.search(rf"(?<![\w./-]){re.escape(value.lower())}(?![\w/-]|\.\w)", wanted) is not None


def _is_telling(value: str) -> bool:
    """Whether a word is probably a value and not a word of the language."""
    if value.startswith("-") or len(value) > _LONGEST_VALUE:
        return False
    if value.isdecimal():
        return len(value) > 1
    return len(value) >= _FEWEST_LETTERS and not value.isalpha() and any(map(str.isalnum, value))


def _optional(before: str) -> str:
    """A variable name from the option before a value."""
    option = _OPTION.search(before)
    if option is None or len(option[1]) < _FEWEST_LETTERS:
        return ""
    return option[1].lower().replace("-", "_")


def values_of(names: Names, run: int) -> dict[str, str]:
    """The values of the variables in one run, mapped to names."""
    names_by_value: dict[str, str] = {}
    for name, values in names.values.items():
        if run in values:
            names_by_value.setdefault(values[run], name)
    return names_by_value


def named(findings: Iterable[Finding], names: Names) -> dict[str, str]:
    """Adds the findings of a single run as variables; returns those to substitute, by value."""
    names_by_value: dict[str, str] = {}
    for finding in findings:
        is_folder = finding.type == "folder"
        value = (finding.value.rstrip("/") or finding.value) if is_folder else finding.value
        name = names.add(finding.name, Variable(finding.type, value))
        if finding.substitute and is_folder:
            names_by_value.setdefault(f"{value}/", name)
        is_plain = finding.value.isalpha() and finding.type != "folder"  # it may be anything
        if finding.substitute and finding.type != "command" and not is_plain:
            names_by_value.setdefault(value, name)
    return names_by_value


def substituted(text: str, values: Mapping[str, str]) -> str:
    """The text with `{name}` for each value that stands there as a separate word."""
    if not values:
        return text
    ordered = sorted(values, key=lambda value: (-len(value), value))
    alternatives = "|".join(re.escape(value) + _behind(value) for value in ordered)
    return re.sub(
        rf"(?<![\w./{{-])(?:\./)?((?:\.\./)*)({alternatives})",
        lambda match: f"{match[1]}{{{values[match[2]]}}}{'/' * match[2].endswith('/')}",
        text,
    )


def _behind(value: str) -> str:
    """A lookahead that keeps a value from matching a part of a longer word."""
    return "" if value.endswith("/") else r"(?![\w/}-]|\.\w)"


def _agree(earlier: Mapping[int, str], values: Mapping[int, str]) -> bool:
    """Whether both may be the same variable: equal in every run that has both."""
    both = earlier.keys() & values.keys()
    return bool(both) and all(earlier[run] == values[run] for run in both)


def _is_value(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_VALUE and text[0] not in "-&|<>" and "\n" not in text


def _extracted_type(values: Mapping[int, str], traces: Sequence[Trace]) -> tuple[str, str] | None:
    """Type and name that an extractor gave to the value in one of the runs."""
    for run, value in values.items():
        for finding in traces[run].found:
            if finding.substitute and finding.value == value:
                return finding.type, re.sub(r"_\d+$", "", finding.name)
    return None


def _typed(values: Sequence[str]) -> tuple[str, str]:
    """Type and name by the values alone; files with one extension are named after it."""
    kind, base = typed(values)
    if kind == "text" and all(map(_FILE_NAME.fullmatch, values)):
        kind, base = "path", "file"
    endings = {value.rpartition(".")[2].lower() for value in values}
    ending = next(iter(endings))
    if kind == "path" and len(endings) == 1 and ending.isidentifier():
        return kind, f"{ending}_{base}"
    return kind, base
