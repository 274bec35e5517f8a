"""From the text of options and arguments to typed values."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crossrun.errors import UsageError

if TYPE_CHECKING:
    from msgspec import Struct

Options = TypeVar("Options", bound="Struct")


class Parsed(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """A parameter type made from a function that raises ValueError, as in `config.values`."""

    name = "text"

    def __init__(self, parse: Callable[[str], object]) -> None:
        self._parse = parse

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Parses the text.

        Raises:
            UsageError: it is not valid.
        """
        try:
            return self._parse(value)
        except ValueError as error:
            flag = param.opts[0] if param else ""
            command = ctx.command_path if ctx else "crossrun"
            raise UsageError(
                "OPTION_INVALID", f"{flag}: {value!r} {error}", hint=f"see  {command} --help"
            ) from error


def options_from(kind: type[Options], arguments: Mapping[str, Any]) -> Options:
    """The options among the arguments of a command. A test compares the names and types."""
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name in kind.__struct_fields__
        if (value := arguments.get(name)) is not None
    }
    return kind(**given)
