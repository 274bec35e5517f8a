"""Texts with values to be filled in, whose names stand in braces: `Convert {path}`.

`{word}` is a placeholder and `{{word}}` the text `{word}`. Other braces are left alone, as is the
shell's `${word}`, so code and JSON can stand in a text. A value is inserted as it is: what looks
like a placeholder in it stays text.
"""

import re
import shlex
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{(?P<literal>[^\W\d][\w-]*)\}\}|(?<!\$)\{(?P<field>[^\W\d][\w-]*)\}")

_SPECIAL_IN_QUOTES = re.compile(r'[\\"$`]')


_NESTED = re.compile(r"`|\$\(|<<|\$'|\beval\b")
"""What begins a part of a command in which other rules of quoting hold."""


class MissingValueError(Exception):
    """A placeholder for which there is no value; `name` is its name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def placeholders_in(text: str) -> set[str]:
    """The names of the placeholders in a text."""
    return {match["field"] for match in _PLACEHOLDER.finditer(text) if match["field"]}


def filled(text: str, values: Mapping[str, str], *, in_shell: bool = False) -> str:
    """The text with the values in the place of their names.

    Args:
        text: with placeholders.
        values: by name.
        in_shell: whether the text is a command for a shell, in which a value is one word or a part
            of it, even if it has spaces or quotes.

    Raises:
        MissingValueError: there is no value for a placeholder.
    """

    def value(match: re.Match[str]) -> str:
        name = match["field"]
        if name is None:
            return f"{{{match['literal']}}}"
        if name not in values:
            raise MissingValueError(name)
        if in_shell:
            return _in_shell(values[name], after=text[: match.start()])
        return values[name]

    return _PLACEHOLDER.sub(value, text)


def escaped(text: str) -> str:
    """A text that `filled` returns unchanged: what looks like a placeholder is none."""
    return _PLACEHOLDER.sub(lambda match: f"{{{match[0]}}}", text)


def placeholder_in_nested_shell(command: str) -> str | None:
    """The first placeholder of a command that cannot be quoted safely, since `$(` is before it."""
    for match in _PLACEHOLDER.finditer(command):
        if match["field"] and _NESTED.search(command[: match.start()]):
            return match["field"]
    return None


def _in_shell(value: str, *, after: str) -> str:
    """A value as the shell has to read it after the beginning of a command."""
    match _open_quote(after):
        case "'":
            return value.replace("'", "'\\''")
        case '"':
            return _SPECIAL_IN_QUOTES.sub(r"\\\g<0>", value)
        case _:
            return shlex.quote(value)


def _open_quote(command: str) -> str | None:
    """The quotation mark that is open at the end of a part of a command."""
    quote, is_escaped = None, False
    for sign in command:
        if is_escaped:
            is_escaped = False
        elif sign == "\\" and quote != "'":
            is_escaped = True
        elif sign == quote:
            quote = None
        elif quote is None and sign in "'\"":
            quote = sign
    return quote
