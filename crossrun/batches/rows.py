"""From the entries of a file to rows: named, with typed options, and with templates filled in."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from msgspec import Struct

from crossrun.batches.files import RowEntry, RowFile
from crossrun.batches.row_options import (
    OPTIONS,
    WORDS,
    canonical,
    in_folder,
    inherited,
    typed,
)
from crossrun.config.placeholders import MissingValueError, filled, placeholders_in
from crossrun.errors import UsageError
from crossrun.suggestions import did_you_mean

_COMMAND = "verify"
"""The option that is a command for a shell."""


class RowPlan(Struct, frozen=True, kw_only=True):
    """A row before it is a request.

    `options` are fields of `RunOptions`. `after` and `from_row` name other rows. `place` says where
    the row stands, for error messages.
    """

    number: int
    name: str
    place: str
    options: dict[str, Any]
    after: tuple[str, ...] = ()
    from_row: str | None = None


def rows_of_file(rows: RowFile, options: Mapping[str, Any], folder: Path) -> list[RowPlan]:
    """The rows of a file.

    Args:
        rows: the file.
        options: for all rows; they take precedence over what the file says for all rows.
        folder: that of the file; the paths in it are relative to it.

    Raises:
        UsageError: a field of a row is unknown, invalid or missing; the message says where.
    """
    in_file = _options_of_file(rows)
    plans = []
    for number, entry in enumerate(rows.entries, start=1):
        own = _own_options(entry)
        texts = {"number": str(number), "name": own.get("name", str(number)), **_texts(entry)}
        above = _filled(inherited(options, own), texts, entry.place)
        general = _filled(inherited(in_file, {**options, **own}), texts, entry.place)
        merged = {**in_folder(general, folder), **above, **in_folder(own, folder)}
        plans.append(
            RowPlan(
                number=number,
                name=texts["name"],
                place=entry.place,
                after=merged.pop("after", ()),
                from_row=merged.pop("from", None),
                options=merged,
            )
        )
    _require_meaning(rows.entries, _fields_of_templates([in_file, options]))
    return plans


def rows_of_paths(paths: Sequence[str], options: Mapping[str, Any]) -> list[RowPlan]:
    """A row for each path. Templates can use its `path name stem suffix folder`, and `number`."""
    return [
        RowPlan(
            number=number,
            name=path,
            place=path,
            options={**_filled(options, _fields_of_path(path, number), path), "name": path},
        )
        for number, path in enumerate(paths, start=1)
    ]


def _fields_of_path(path: str, number: int) -> dict[str, str]:
    parts = PurePath(path)
    return {
        "path": path,
        "name": parts.name,
        "stem": parts.stem,
        "suffix": parts.suffix,
        "folder": str(parts.parent),
        "number": str(number),
    }


def _options_of_file(rows: RowFile) -> dict[str, Any]:
    """What a file says for all of its rows."""
    allowed = OPTIONS - {"name"}
    options = {canonical(name): value for name, value in rows.defaults.items()}
    for name in options:
        if name not in allowed:
            raise UsageError(
                "ROW_INVALID",
                f"{rows.name}: {name!r} is not an option for all rows{_nearest(name, allowed)}",
                hint="next to the list `rows`, a file can have options of crossrun run",
            )
    return {name: typed(name, value, rows.name) for name, value in options.items() if value}


def _own_options(entry: RowEntry) -> dict[str, Any]:
    """The typed options of a row, with `after` and `from`."""
    return {
        name: typed(name, value, entry.place)
        for field, value in entry.fields.items()
        if value is not None and (name := canonical(field)) in WORDS
    }


def _texts(entry: RowEntry) -> dict[str, str]:
    """The fields of a row as they stand in texts."""
    return {
        name: ", ".join(value) if isinstance(value, tuple) else value
        for name, value in entry.fields.items()
        if value is not None
    }


def _fields_of_templates(options: Iterable[Mapping[str, Any]]) -> set[str]:
    values = [value for mapping in options for value in mapping.values()]
    texts = [text for value in values for text in (value if isinstance(value, tuple) else [value])]
    return {
        name
        for text in texts
        if isinstance(text, str | Path)
        for name in placeholders_in(str(text))
    }


def _require_meaning(entries: Iterable[RowEntry], used: set[str]) -> None:
    """Refuses fields that are neither options nor used by a template."""
    for entry in entries:
        for name in entry.fields:
            if name not in used and canonical(name) not in WORDS:
                raise UsageError(
                    "ROW_INVALID",
                    f"{entry.place}: {name!r} is not an option of a row{_nearest(name, WORDS)}",
                    hint=f"correct it, remove it, or use it: --task '... {{{name}}} ...'",
                )


def _nearest(name: str, words: Iterable[str]) -> str:
    return did_you_mean(name.lower(), sorted(words), shown=repr)


def _filled(options: Mapping[str, Any], fields: Mapping[str, str], place: str) -> dict[str, Any]:
    """Options with the fields of a row in their texts."""

    def filled_value(name: str, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, tuple):
            return tuple(filled_value(name, element) for element in value)
        if isinstance(value, str | Path):
            return type(value)(filled(str(value), fields, in_shell=name == _COMMAND))
        return value

    try:
        return {name: filled_value(name, value) for name, value in options.items()}
    except MissingValueError as error:
        raise _without_value(error.name, fields, place) from error


def _without_value(name: str, fields: Mapping[str, str], place: str) -> UsageError:
    suggestion = did_you_mean(name, fields, shown="{{{}}}".format)
    return UsageError(
        "ROW_INVALID",
        f"{place}: there is no value for {{{name}}}{suggestion}",
        hint=f"its fields: {', '.join(fields) or 'none'}; for the text {{{name}}} itself, write"
        f" {{{{{name}}}}}",
    )
