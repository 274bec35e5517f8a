"""Binding: the values of a script's arguments for a new task.

All rules of an argument have to agree. Where they do not, the value is not certain, and nothing is
bound.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from crossrun.patterns.compiling.rules import (
    LONGEST_VALUE,
    WORD,
    all_values,
    soft_values,
    standing_alone,
    value_by,
)
from crossrun.patterns.compiling.transformations import (
    STRICT_WORDS,
    TRANSFORMATIONS,
    WORDS_WITHOUT_MEANING,
)
from crossrun.patterns.compiling.values import Argument, Compiled, Constraint

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u0085\u202a-\u202e\u2066-\u2069]")
_OUTWARD = re.compile(r"(?:^|/)\.\.(?:/|$)|^[/~]|^[A-Za-z]:")
_MEANINGFUL = "{} has characters that mean something where it stands: {}"
_GAP = "\N{OBJECT REPLACEMENT CHARACTER}"
_QUOTE = "[\"'`\u2018-\u201e\u00ab\u00bb]?"
_SHORTEST_MADE = 2
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


class Unbound(Struct, frozen=True):
    """Why a script cannot be used for a task; `variable` has no certain value, if it is named."""

    variable: str
    reason: str


def bind(
    compiled: Compiled,
    task: str,
    top_files: Sequence[str],
    given: Mapping[str, str],
    *,
    strict: bool,
) -> dict[str, str] | Unbound:
    """The values of all arguments for a new task.

    Args:
        compiled: the compiled pattern.
        task: the new task, whole.
        top_files: the names at the top of the workspace.
        given: values from the user, by name.
        strict: the user did not ask for the script, so all words of the task must occur in earlier
            tasks.
    """
    names = {argument.name for argument in compiled.arguments}
    unknown = next((name for name in given if name not in names), None)
    if unknown is not None:
        return Unbound(unknown, f"the script has no variable {unknown!r}, only {_listed(names)}")
    values: dict[str, str] = {}
    for argument in compiled.arguments:
        value: str | Unbound = given.get(argument.name) or _certain(argument, task, top_files)
        if isinstance(value, Unbound):
            return value
        problem = unfit(value, argument)
        if problem is not None:
            return Unbound(argument.name, problem)
        values[argument.name] = value
    for derived in compiled.derived:
        made = TRANSFORMATIONS[derived.transformation].apply(values[derived.argument])
        if not made or not all(_fits(made, constraint) for constraint in derived.constraints):
            return Unbound(derived.argument, _MEANINGFUL.format(derived.argument, repr(made[:60])))
    if len(given) == len(values) and given:
        return values
    return _unexplained(compiled, task, values, strict=strict) or values


def unfit(value: str, argument: Argument) -> str | None:
    """Why a script refuses a value, or None."""
    shown = repr(value[:60])
    if not value or len(value) > 4 * LONGEST_VALUE:
        return f"{argument.name} is empty or very long"
    if value.startswith("-"):
        return f"{argument.name} begins with a dash: {shown}"
    if _CONTROL.search(value):
        return f"{argument.name} has a line break or a control character: {shown}"
    if _OUTWARD.search(value) and not leads_out(argument):
        return f"{argument.name} leads out of the workspace: {shown}"
    for constraint in argument.constraints:
        if not _fits(value, constraint):
            return _MEANINGFUL.format(argument.name, shown)
    return None


def leads_out(argument: Argument) -> bool:
    """Whether values of an argument led out of the workspace before."""
    return any(map(_OUTWARD.search, argument.examples))


def _fits(value: str, constraint: Constraint) -> bool:
    if constraint.number:
        return _NUMBER.fullmatch(value) is not None
    if constraint.allowed:
        return all(char in constraint.allowed for char in value)
    return not any(char in constraint.forbidden for char in value)


def _certain(argument: Argument, task: str, top_files: Sequence[str]) -> str | Unbound:
    """The value on which all rules agree."""
    example = argument.examples[0]
    results = {value for rule in argument.rules if (value := value_by(rule, task, top_files))}
    if len(results) == 1:
        return results.pop()
    if results:
        candidates = ", ".join(sorted(map(repr, results))[:4])
        return Unbound(argument.name, f"{argument.name} could be any of {candidates}")
    return Unbound(
        argument.name,
        f"the task names no {argument.name} as earlier ones did (such as {example!r})",
    )


def _unexplained(
    compiled: Compiled, task: str, values: Mapping[str, str], *, strict: bool
) -> Unbound | None:
    """What the task says beyond the earlier tasks, or None."""
    earlier = [
        _without(text, [argument.examples[number] for argument in compiled.arguments])
        for number, text in enumerate(compiled.tasks)
    ]
    rest = _without(task, list(values.values()))
    constant = set.intersection(*(set(all_values(text)) for text in earlier))
    new = set(all_values(rest))
    for value in sorted(new - constant):
        return Unbound("", f"the task says {value!r}, which the earlier tasks do not")
    for value in sorted(constant - new):
        return Unbound("", f"the earlier tasks say {value!r}, and this one does not")
    earlier_words = set().union(*(_plain_words(text) for text in compiled.tasks))
    for value in soft_values(rest):
        if not _plain_words(value) <= earlier_words:
            return Unbound("", f"the earlier tasks do not have the word {value!r}")
    words = _words(rest) - set().union(*map(_words, earlier))
    surprising = sorted(words if strict else words & STRICT_WORDS)
    if surprising:
        return Unbound("", f"the earlier tasks do not have the word {surprising[0]!r}")
    return None


def _plain_words(text: str) -> set[str]:
    return {word.casefold() for word in re.findall(r"[^\W_]+", text)}


def _words(text: str) -> set[str]:
    return {word.casefold() for word in WORD.findall(text)} - WORDS_WITHOUT_MEANING


def _without(text: str, values: Sequence[str]) -> str:
    """The text without values and what is derived from them, such as a file's folder."""
    made = {transform.apply(value) for value in values for transform in TRANSFORMATIONS.values()}
    made |= {f"{value}/" for value in made}
    for value in sorted({*values, *made}, key=len, reverse=True):
        if len(value) >= _SHORTEST_MADE or value in values:
            text = re.sub(f"{_QUOTE}{standing_alone(value)}{_QUOTE}", f" {_GAP} ", text)
    return text


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
