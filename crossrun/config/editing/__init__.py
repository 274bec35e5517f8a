"""Changes settings files and keeps what people wrote there: comments, order, quotes.

A YAML parser that keeps all of this (`ruamel.yaml`) changes the document. What it writes is read
back with the parser that reads settings, and stored only if that finds the intended value.
"""

import fcntl
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crossrun.config.editing.document import SettingsDocument
from crossrun.config.settings import DEFAULTS, SETTINGS
from crossrun.config.sources import (
    PROJECT_FILE,
    as_text,
    flattened,
    settings_text,
    value_of,
    yaml_mapping,
)
from crossrun.errors import ConfigurationError, UsageError
from crossrun.system.folders import make_private
from crossrun.system.replacing import replace_file


def set_value(path: Path, key: str, text: str) -> None:
    """Sets a setting in a file, which is made if it does not exist.

    Args:
        path: the user's or a project's settings file.
        key: the setting.
        text: its value, as in an environment variable; a mapping may be JSON or YAML.

    Raises:
        UsageError: the value is invalid, or a project file may not set it.
        ConfigurationError: the file is broken or cannot be written.
    """
    value = _checked(path, key, text)
    with _changing(path) as old:
        document = SettingsDocument(old, path)
        document.set(key, value)
        _store(path, document.text(), key, value)


def unset_value(path: Path, key: str) -> bool:
    """Removes a setting from a file.

    Returns:
        Whether it was there.

    Raises:
        ConfigurationError: the file is broken or cannot be written.
    """
    if not path.is_file():
        return False
    with _changing(path) as old:
        document = SettingsDocument(old, path)
        if not document.unset(key):
            return False
        _store(path, document.text(), key, None)
    return True


def line_of(path: Path, key: str) -> int | None:
    """The line of a setting in a file, counted from 1; None if it is not there."""
    return SettingsDocument(settings_text(path), path).line_of(key)


def check(path: Path, text: str) -> tuple[str, ...]:
    """Checks the text of a settings file.

    Returns:
        Warnings: what would be ignored.

    Raises:
        ConfigurationError: it cannot be read, or a value is invalid.
    """
    from crossrun.suggestions import unknown_names

    content = flattened(yaml_mapping(path, text))
    SettingsDocument(text, path)  # refuses what a later change could not keep: doubled names
    for key, value in content.items():
        if key in SETTINGS and value is not None:
            value_of(key, value, path)
    refused = [key for key in content if key in SETTINGS and not _may_set(path, key)]
    return (
        *unknown_names(path, content, choices=SETTINGS, kind="setting"),
        *(f"{path}: {key} is ignored: a project file may not set it" for key in refused),
    )


def _may_set(path: Path, key: str) -> bool:
    return path.name != PROJECT_FILE or SETTINGS[key].in_project_file


def _checked(path: Path, key: str, text: str) -> Any:  # noqa: ANN401  by the setting
    """What to write into the file for a value given as text."""
    if not _may_set(path, key):
        raise UsageError(
            "SETTING_NOT_FOR_PROJECTS",
            f"a project file may not set {key}",
            hint="it would apply to everyone who copies the repository; set it for yourself: "
            f"crossrun config set {key} {shlex.quote(text)}",
        )
    try:
        return _written(key, text)
    except ValueError as error:
        setting = SETTINGS[key]
        shown = "its value" if setting.is_secret else repr(text)
        raise UsageError(
            "SETTING_VALUE",
            f"{key}: {shown} {error}",
            hint="see: crossrun help settings",
        ) from error


def _written(key: str, text: str) -> Any:  # noqa: ANN401  by the setting
    """The YAML value that is read as the same value as the text. Raises ValueError."""
    import yaml

    parse = SETTINGS[key].parse
    try:
        plain = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        plain = text
    if isinstance(DEFAULTS[key], dict) and isinstance(plain, dict):
        parse(as_text(plain))
        return plain
    value = parse(text)
    if not isinstance(plain, str | int | float | bool):
        return text
    try:
        return plain if parse(as_text(plain)) == value else text
    except ValueError:
        return text


def read_text(path: Path) -> str:
    """The text of a settings file; empty if there is none.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return settings_text(path)
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        yaml_mapping(path)  # says what is wrong
        raise


def replace_text(path: Path, text: str) -> None:
    """Writes a whole settings file; its mode is kept, and it is only yours if it is new.

    Raises:
        ConfigurationError: it cannot be written.
    """
    mode = 0o644 if path.name == PROJECT_FILE else 0o600
    try:
        replace_file(path, text.encode("utf-8"), mode=mode)
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def _changing(path: Path) -> Iterator[str]:
    """The text of a file, which no other crossrun changes meanwhile; empty if there is none."""
    try:
        make_private(path.parent)
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield read_text(path)
    finally:
        os.close(folder)


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        "SETTINGS_UNWRITABLE",
        f"the settings file {path} cannot be written: {error.strerror}",
        hint="check its folder's permissions and free space",
    )


def _store(path: Path, text: str, key: str, value: object) -> None:
    """Writes the file, if it is read as intended."""
    read = flattened(yaml_mapping(path, text)).get(key)
    if read != value and (value is None or value_of(key, read, path) != value_of(key, value, path)):
        raise ConfigurationError(
            "SETTINGS_UNREADABLE",
            f"{key} cannot be changed in {path} without touching the rest of the file",
            hint="change it in your editor: crossrun config edit",
        )
    replace_text(path, text)
