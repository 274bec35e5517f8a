"""Texts that hold for all rows of a batch, with fields of the row in braces: `Convert {path}`.

`{word}` is a field and `{{word}}` the text `{word}`. Other braces are left alone, as is the
shell's `${word}`, so code and JSON can stand in a task.
"""

import re
import shlex
from collections.abc import Mapping

from crossrun.errors import UsageError
from crossrun.suggestions import did_you_mean

_PLACEHOLDER = re.compile(r"\{\{(?P<literal>[^\W\d][\w-]*)\}\}|(?<!\$)\{(?P<field>[^\W\d][\w-]*)\}")

_SPECIAL_IN_QUOTES = re.compile(r'[\\"$`]')


def fields_in(template: str) -> set[str]:
    """The names of the fields in a text."""
    return {match["field"] for match in _PLACEHOLDER.finditer(template) if match["field"]}


def filled(template: str, fields: Mapping[str, str], place: str, *, in_shell: bool = False) -> str:
    """The text for one row.

    Args:
        template: the text.
        fields: the values of the row.
        place: which row it is, for the error.
        in_shell: whether the text is a command for a shell, in which a value is one word or a part
            of it, even if it has spaces or quotes.

    Raises:
        UsageError: the row has no value for a field.
    """

    def value(match: re.Match[str]) -> str:
        name = match["field"]
        if name is None:
            return f"{{{match['literal']}}}"
        if name not in fields:
            raise _missing(name, fields, place)
        if in_shell:
            return _in_shell(fields[name], after=template[: match.start()])
        return fields[name]

    return _PLACEHOLDER.sub(value, template)


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


def _missing(name: str, fields: Mapping[str, str], place: str) -> UsageError:
    suggestion = did_you_mean(name, fields, shown="{{{}}}".format)
    return UsageError(
        "ROW_INVALID",
        f"{place}: there is no value for {{{name}}}{suggestion}",
        hint=f"its fields: {', '.join(fields) or 'none'}; for the text {{{name}}} itself, write"
        f" {{{{{name}}}}}",
    )
