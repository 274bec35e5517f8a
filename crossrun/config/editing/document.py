"""A settings file as a document that keeps comments, order and quotes while it is changed."""

import io
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString

from crossrun.config.editing.comments import append, comments_of, remove, replace
from crossrun.config.sources import yaml_mapping
from crossrun.config.yaml_problems import yaml_problem
from crossrun.errors import ConfigurationError


class SettingsDocument:
    """A settings file that is being changed.

    Args:
        text: its content; it may be empty, or have comments only.
        path: what it is called in errors.

    Raises:
        ConfigurationError: it is not settings.
    """

    def __init__(self, text: str, path: Path) -> None:
        self._before = ""
        self._has_crlf = "\r\n" in text
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 1_000_000
        self._yaml.map_indent = _indent(text)
        try:
            content = self._yaml.load(text)
        except (YAMLError, ValueError, RecursionError) as error:
            raise ConfigurationError(
                "SETTINGS_UNREADABLE",
                f"the settings file {path} cannot be changed: {yaml_problem(error)}",
                hint="correct it: crossrun config edit",
            ) from error
        if content is None:
            self._before = text if text.endswith("\n") or not text else f"{text}\n"
            content = CommentedMap()
        if not isinstance(content, CommentedMap):
            yaml_mapping(path, text)  # says what is wrong
        self._root = content

    def set(self, key: str, value: object) -> None:
        """Sets a setting where it is, or at the end of its group or of the file."""
        holder, name = self.place_of(key)
        if name is not None:
            replace(holder, name, _in_quotes_of(holder[name], value))
            return
        group, _, field = key.rpartition(".")
        if not group:
            append(self._root, field, _quoted(value))
        elif isinstance(self._root.get(group), dict):
            append(self._root[group], field, _quoted(value))
        else:
            self._root.pop(group, None)  # empty: `codex:` and nothing in it
            append(self._root, group, type(self._root)({field: _quoted(value)}))

    def unset(self, key: str) -> bool:
        """Removes a setting wherever it is; returns whether it was there."""
        removed = False
        while True:
            holder, name = self.place_of(key)
            if name is None:
                return removed
            removed = True
            is_alone = holder is not self._root and len(holder) == 1
            remove(*((self._root, key.rpartition(".")[0]) if is_alone else (holder, name)))

    def line_of(self, key: str) -> int | None:
        """The line of a setting, counted from 1; None if it is not there."""
        holder, name = self.place_of(key)
        return None if name is None else int(holder.lc.key(name)[0]) + 1

    def place_of(self, key: str) -> tuple[Any, str | None]:
        """The mapping that holds a setting and its name there; the last one counts."""
        group, _, field = key.rpartition(".")
        places = []
        for name, value in self._root.items():
            if name == key:
                places.append((self._root, name))
            elif group and name == group and isinstance(value, dict) and field in value:
                places.append((value, field))
        return places[-1] if places else (self._root, None)

    def text(self) -> str:
        """The file as it is to be written."""
        stream = io.StringIO()
        if self._root:
            self._yaml.dump(self._root, stream)
        text = self._before + (stream.getvalue() or comments_of(self._root))
        return text.replace("\r\n", "\n").replace("\n", "\r\n") if self._has_crlf else text


def _indent(text: str) -> int:
    """How far the file indents; two columns if nothing is indented."""
    for line in text.splitlines():
        width = len(line) - len(line.lstrip(" "))
        if width and not line.lstrip().startswith("#"):
            return width
    return 2


def _quoted(value: object) -> object:
    """A text in quotes if it would be read as something else without."""
    if isinstance(value, dict):
        return _mapping(value)
    if not isinstance(value, str):
        return value
    try:
        is_safe = yaml.safe_load(value) == value
    except (yaml.YAMLError, ValueError, RecursionError):
        is_safe = False
    return value if is_safe else DoubleQuotedScalarString(value)


def _mapping(value: dict[str, Any], *, flow: bool = False) -> object:
    """A mapping with a line for each name, and what belongs to a name in braces."""
    nested = {
        name: _mapping(each, flow=True) if isinstance(each, dict) else each
        for name, each in value.items()
    }
    result = CommentedMap(nested)
    if flow:
        result.fa.set_flow_style()
    return result


def _in_quotes_of(old: object, value: object) -> object:
    """The new value in the quotes that the old one had."""
    if isinstance(old, DoubleQuotedScalarString | SingleQuotedScalarString):
        return type(old)(value) if isinstance(value, str) else value
    return _quoted(value)
