"""The settings as a list: each with its value as it is written, and where that comes from."""

import json
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from crossrun.config.settings import DEFAULTS, SETTINGS, Settings
from crossrun.config.values import duration, size
from crossrun.errors import UsageError

KEYS = ("OPENAI_API_KEY", "CODEX_API_KEY")
"""Variables with keys. Their values are never shown."""
SET, NOT_SET = "set", "not set"
_TIMES = ((86400, "d"), (3600, "h"), (60, "m"))
_SIZES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB"))


class Origin(NamedTuple):
    """Where the value of a setting comes from.

    Attributes:
        kind: flag, environment, project file, user file or default.
        name: the variable or the path of the file; None for a flag and a default.
        line: the line in the file, from 1.
    """

    kind: str
    name: str | None
    line: int | None

    def __str__(self) -> str:
        if self.name is None:
            return self.kind
        return self.name if self.line is None else f"{self.name}:{self.line}"


class SettingLine(NamedTuple):
    """One setting with its value.

    Attributes:
        value: as in JSON; None if nothing sets it, or if it is secret.
        text: as it can be given to `config set`; empty if nothing sets it.
    """

    name: str
    value: Any
    text: str
    origin: Origin
    default: Any
    in_project_file: bool
    help: str


def setting_lines(settings: Settings, names: Sequence[str], *, lines: bool) -> list[SettingLine]:
    """The settings of these names, or all.

    Args:
        settings: what applies.
        names: settings or their groups; none for all.
        lines: whether to look up the lines in the files, which takes longer.

    Raises:
        UsageError: there is no such setting.
    """
    chosen = [key for name in names for key in named(name)] if names else list(SETTINGS)
    return [_line(settings, key, lines=lines) for key in dict.fromkeys(chosen)]


def named(name: str) -> list[str]:
    """The settings that a name stands for: itself, or those of the group.

    Raises:
        UsageError: there is none.
    """
    if name in SETTINGS:
        return [name]
    group = [key for key in SETTINGS if key.startswith(f"{name}.")]
    if not group:
        raise unknown_setting(name)
    return group


def unknown_setting(name: str) -> UsageError:
    """That no setting has this name."""
    from crossrun.suggestions import did_you_mean

    return UsageError(
        "SETTING_UNKNOWN",
        f"there is no setting {name!r}{did_you_mean(name, SETTINGS)}",
        hint="list them: crossrun config show",
    )


def _line(settings: Settings, key: str, *, lines: bool) -> SettingLine:
    setting = SETTINGS[key]
    value: Any = attrgetter(key)(settings)
    text = written(key, value)
    if setting.is_secret:
        text, value = (SET if text else NOT_SET), None
    origin = _origin(settings, key, lines=lines)
    about = f"{setting.help} {setting.details}".strip()
    return SettingLine(key, value, text, origin, DEFAULTS[key], setting.in_project_file, about)


def _origin(settings: Settings, key: str, *, lines: bool) -> Origin:
    kind, name = settings.origins.get(key, "default"), settings.places.get(key) or None
    if name is None or not lines or not kind.endswith("file"):
        return Origin(kind, name, None)
    from crossrun.config.editing import line_of

    return Origin(kind, name, line_of(Path(name), key))


def written(key: str, value: Any) -> str:  # noqa: ANN401  by the setting
    """A value as it is written in a file or a variable; empty if there is none."""
    parse: object = SETTINGS[key].parse
    if value is None or value == {}:
        return ""
    if isinstance(value, bool | dict):
        return json.dumps(value)
    if parse is duration:
        return _in_units(value, _TIMES, "s")
    return _in_units(value, _SIZES, "") if parse is size else str(value)


def _in_units(value: float, units: Sequence[tuple[int, str]], rest: str) -> str:
    for factor, unit in units:
        if value >= factor and value % factor == 0:
            return f"{value / factor:g}{unit}"
    return f"{value:g}{rest}" if value < 1e6 else f"{value:.0f}{rest}"  # noqa: PLR2004  as :g does
