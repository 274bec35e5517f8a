"""Texts that hold for all rows of a batch, with fields of the row in braces: `Convert {path}`.

`{word}` is a field and `{{word}}` the text `{word}`. Other braces are left alone, as is the
shell's `${word}`, so code and JSON can stand in a task.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from crossrun.errors import UsageError

_PLACEHOLDER = re.compile(r"\{\{(?P<literal>[^\W\d][\w-]*)\}\}|(?<!\$)\{(?P<field>[^\W\d][\w-]*)\}")


def fields_in(template: str) -> set[str]:
    """The names of the fields in a text."""
    return {match["field"] for match in _PLACEHOLDER.finditer(template) if match["field"]}


def filled(template: str, fields: Mapping[str, str], place: str) -> str:
    """The text for one row.

    Args:
        template: the text.
        fields: the values of the row.
        place: which row it is, for the error.

    Raises:
        UsageError: the row has no value for a field.
    """

    def value(match: re.Match[str]) -> str:
        name = match["field"]
        if name is None:
            return f"{{{match['literal']}}}"
        if name not in fields:
            raise _missing(name, fields, place)
        return fields[name]

    return _PLACEHOLDER.sub(value, template)


def _missing(name: str, fields: Mapping[str, str], place: str) -> UsageError:
    near = get_close_matches(name, fields, n=1)
    suggestion = f"; did you mean {{{near[0]}}}?" if near else ""
    return UsageError(
        "ROW_INVALID",
        f"{place}: there is no value for {{{name}}}{suggestion}",
        hint=f"its fields: {', '.join(fields) or 'none'}; for the text {{{name}}} itself, write"
        f" {{{{{name}}}}}",
    )
