"""Options and arguments whose text is parsed, and refused like everything else that is wrong."""

from collections.abc import Callable

import click

from crossrun.errors import UsageError


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
