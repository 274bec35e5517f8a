"""Variables of a procedure as shell assignments before its commands.

An agent that reads `python3 convert.py sales.csv sales.json` may well run it with the names of the
earlier task. One that reads `file=sales.csv` and `python3 convert.py $file` sees what it has to
fill in. The script still runs as it stands.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from crossrun.model.workflows import Step, Variable

_ONE_WORD = re.compile(r"[\w./@%+:,=-]+")
"""What a shell takes for one word, in quotes or not."""
_VARIABLE = re.compile(r"\{([A-Za-z_]\w*)\}")
_QUOTATION = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)


def with_assignments(
    steps: Sequence[Step], variables: Mapping[str, Variable]
) -> tuple[tuple[str, ...], tuple[Step, ...]]:
    """The assignments, and the steps with shell variables in place of values.

    A value stays where a shell does not expand variables: in single quotes and here-documents.
    """
    values = {
        name: variable.example
        for name, variable in variables.items()
        if variable.type != "command"
        and _ONE_WORD.fullmatch(variable.example)
        and not any(_uses(step.instruction, name) for step in steps)
    }
    scripted = tuple(replace(step, instruction=_scripted(step, values)) for step in steps)
    changed = [
        after.instruction
        for before, after in zip(steps, scripted, strict=True)
        if before.instruction != after.instruction
    ]
    used = {name for text in changed for name in values if re.search(rf"\$\{{?{name}\b", text)}
    return tuple(f"{name}={values[name]}" for name in values if name in used), scripted


def _uses(command: str, name: str) -> bool:
    """Whether a command uses the shell variable with this name."""
    name = re.escape(name)
    return re.search(rf"\$\{{?{name}\b|(?<![\w-]){name}=|\bfor {name}\b", command) is not None


def _scripted(step: Step, values: Mapping[str, str]) -> str:
    """The instruction with references; as it is where the template would not give the same."""
    template = step.command or ""
    if "<<" in template or _filled(template, values) != step.instruction:
        return step.instruction
    return "".join(_pieces(template, values))


def _pieces(template: str, values: Mapping[str, str]) -> Iterator[str]:
    at = 0
    for quotation in _QUOTATION.finditer(template):
        yield _referring(template[at : quotation.start()], values, quote='"')
        text = quotation[0]
        yield _referring(text, values) if text[0] == '"' else _filled(text, values)
        at = quotation.end()
    yield _referring(template[at:], values, quote='"')


def _referring(text: str, values: Mapping[str, str], *, quote: str = "") -> str:
    """The text with references; in quotes, since another task's value may have blanks in it."""

    def reference(variable: re.Match[str]) -> str:
        name = variable[1]
        if name not in values:
            return variable[0]
        is_apart = quote or not re.match(r"\w", text[variable.end() :])
        return f"{quote}${name}{quote}" if is_apart else f"${{{name}}}"

    return _VARIABLE.sub(reference, text)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda variable: values.get(variable[1], variable[0]), text)
