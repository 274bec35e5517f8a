"""From the text of options and arguments to typed values."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crossrun.config.values import duration
from crossrun.errors import UsageError
from crossrun.model.status import Status

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
                "OPTION_INVALID", f"{flag}: {value!r} {error}", hint=f"see: {command} --help"
            ) from error


def options_from(kind: type[Options], arguments: Mapping[str, Any]) -> Options:
    """The options among the arguments of a command. A test compares the names and types."""
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name in kind.__struct_fields__
        if (value := arguments.get(name)) is not None
    }
    return kind(**given)


def since_moment(text: str | None) -> str | None:
    """The time that `--since` names: so long ago, or a date."""
    if text is None:
        return None
    try:
        moment = datetime.now(UTC) - timedelta(seconds=duration(text))
    except (ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise UsageError(
                "OPTION_INVALID",
                f"--since: {text!r} is neither a duration like 2h or 7d nor a date",
                hint="for example --since 7d, --since 2026-05-01",
            ) from error
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def require_status(status: str | None) -> None:
    """Raises UsageError if a status does not exist."""
    if status is not None and status not in set(Status):
        raise UsageError(
            "OPTION_INVALID",
            f"invalid status {status!r}",
            hint=f"choose one of {', '.join(Status)}",
        )
