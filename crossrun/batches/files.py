"""Files of rows: YAML, JSON lines and CSV. All values are text; options give it a type later.

So `1.10`, `no` and `007` are what the user wrote, in each of the forms.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct

from crossrun.errors import UsageError

if TYPE_CHECKING:
    import yaml

Value: TypeAlias = str | tuple[str, ...] | None
"""What a file says about a field: a text, a list of texts, or nothing."""
RowForm: TypeAlias = Literal["yaml", "jsonl", "csv"]
ROW_FORMS: tuple[RowForm, ...] = get_args(RowForm)
_FORMS: dict[str, RowForm] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
}
_DELIMITERS = ",;\t"
_KEPT_TAGS = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")


class RowEntry(Struct, frozen=True):
    """A row as it stands in a file; `place` says where, for error messages."""

    place: str
    fields: dict[str, Value]


class RowFile(Struct, frozen=True):
    """The rows of a file, and the values that it gives for all of them."""

    name: str
    entries: tuple[RowEntry, ...]
    defaults: dict[str, Value] = {}


def form_of(name: str) -> RowForm:
    """The form of a file, by the end of its name.

    Raises:
        UsageError: the name does not say.
    """
    form = _FORMS.get(PurePath(name).suffix.lower())
    if form is None:
        raise UsageError(
            "ROWS_UNREADABLE",
            f"{name}: the name does not show the format of the rows",
            hint=f"give it: --rows-format {'|'.join(ROW_FORMS)}",
        )
    return form


def parse_rows(content: bytes, form: RowForm, name: str) -> RowFile:
    """The rows of a file; empty ones are left out.

    Args:
        content: the bytes of the file.
        form: how to read it.
        name: of the file, for error messages.

    Raises:
        UsageError: the content is broken; the message says where.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _invalid_rows(f"{name}, line {line}", "is not UTF-8 text") from error
    rows = {"yaml": _from_yaml, "jsonl": _from_json_lines, "csv": _from_csv}[form](text, name)
    if not rows.entries:
        raise UsageError(
            "ROWS_UNREADABLE", f"{name}: there are no rows", hint="each row is a run; add some"
        )
    return rows


def _from_csv(text: str, name: str) -> RowFile:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    entries: list[RowEntry] = []
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            place, line = f"{name}, line {line}", reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, place)
            else:
                entries.append(RowEntry(place, _cells(header, cells, place)))
    except csv.Error as error:
        raise _invalid_rows(f"{name}, line {line}", f"is not CSV: {error}") from error
    return RowFile(name, tuple(entries))


def _delimiter(text: str) -> str:
    """The sign that separates the columns of the header; spreadsheets use several."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(_DELIMITERS, key=header.count)


def _header(cells: Sequence[str], place: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    for name in names:
        if not name:
            raise _invalid_rows(place, f"has no name for column {names.index(name) + 1}")
        if names.count(name) > 1:
            raise _invalid_rows(place, f"has two columns with the name {name!r}")
    return names


def _cells(header: Sequence[str], cells: Sequence[str], place: str) -> dict[str, Value]:
    surplus = [cell for cell in cells[len(header) :] if cell.strip()]
    if surplus:
        raise _invalid_rows(place, f"has more cells than the header has columns ({len(header)})")
    return {name: cell or None for name, cell in zip(header, cells, strict=False)}


def _from_json_lines(text: str, name: str) -> RowFile:
    entries = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            place = f"{name}, line {number}"
            entries.append(RowEntry(place, _fields(_json(line, place), place)))
    return RowFile(name, tuple(entries))


def _json(line: str, place: str) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise _invalid_rows(place, f"is not JSON: {error}") from error


def _from_yaml(text: str, name: str) -> RowFile:
    import yaml

    loader = _text_loader(text)
    try:
        root = loader.get_single_node()
        return _yaml_rows(root, loader, name)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        problem = getattr(error, "problem", None) or str(error)
        raise _invalid_rows(f"{name}{line}", f"is not YAML: {' '.join(problem.split())}") from error
    finally:
        loader.dispose()


def _text_loader(text: str) -> Any:  # noqa: ANN401  which loader there is depends on the machine
    """A loader that takes each plain value for text, except nothing at all."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag in _KEPT_TAGS]
        for first, known in base.yaml_implicit_resolvers.items()
    }
    return type("TextLoader", (base,), {"yaml_implicit_resolvers": resolvers})(text)


def _yaml_rows(root: "yaml.Node | None", loader: Any, name: str) -> RowFile:  # noqa: ANN401
    import yaml

    defaults: dict[str, Value] = {}
    if isinstance(root, yaml.MappingNode):
        _require_distinct_keys(root, name)
        rows = [value for key, value in root.value if key.value == "rows"]
        others = [(key, value) for key, value in root.value if key.value != "rows"]
        given = loader.construct_mapping(yaml.MappingNode(root.tag, others), deep=True)
        defaults = _fields(given, name)
        root = rows[0] if rows else None
    if root is None or not isinstance(root, yaml.SequenceNode):
        raise _invalid_rows(name, "has no list of rows")
    return RowFile(name, tuple(_yaml_entries(root, loader, name)), defaults)


def _yaml_entries(root: "yaml.Node", loader: Any, name: str) -> Iterator[RowEntry]:  # noqa: ANN401
    for node in root.value:
        place = f"{name}, line {node.start_mark.line + 1}"
        _require_distinct_keys(node, name)
        content = loader.construct_object(node, deep=True)
        if content is not None:
            yield RowEntry(place, _fields(content, place))


def _require_distinct_keys(node: "yaml.Node", name: str) -> None:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, _ in node.value:
        if isinstance(key.value, str) and key.value in seen and key.value != "<<":
            raise _invalid_rows(f"{name}, line {key.start_mark.line + 1}", f"repeats {key.value!r}")
        seen.add(str(key.value))


def _fields(content: object, place: str) -> dict[str, Value]:
    """The fields of a row; a text alone is its task."""
    if isinstance(content, str):
        return {"task": content}
    if not isinstance(content, Mapping):
        raise _invalid_rows(place, "is neither a task nor fields with values")
    return {
        str(name): _value(value, f"{place}, field {str(name)!r}") for name, value in content.items()
    }


def _value(value: object, place: str) -> Value:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return tuple(_text(element, place) for element in value)
    return _text(value, place)


def _text(value: object, place: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise _invalid_rows(place, "is neither text nor a list of texts")


def _invalid_rows(place: str, problem: str) -> UsageError:
    return UsageError(
        "ROWS_UNREADABLE",
        f"{place} {problem}",
        hint="for the formats, see: crossrun help batches",
    )
