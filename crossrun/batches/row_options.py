"""The options that a row can have: those of `run`, from the texts of a file to typed values."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from crossrun.batches.files import Value
from crossrun.config.settings import SETTINGS
from crossrun.config.values import one_of, switch
from crossrun.errors import UsageError
from crossrun.model.choices import FOLLOW_LINKS

Parse = Callable[[str], Any]

_OF_SETTINGS = (
    *(
        "task_type",
        "project_id",
        "executor",
        "planner",
        "planner_model",
        "model",
        "verify",
        "require_proof",
    ),
    *("sandbox", "network", "profile", "timeout", "idle_timeout", "wait_for_quota"),
    *("max_turns", "max_tokens", "max_cost"),
)
_SINGLE: dict[str, Parse] = {
    **{name: SETTINGS[name].parse for name in _OF_SETTINGS},
    **dict.fromkeys(
        (
            "task",
            "name",
            "template",
            "reference_run_id",
            "pattern",
            "source",
            "from_run_id",
            "from",
        ),
        str,
    ),
    **dict.fromkeys(("no_pattern", "compiled", "clean", "empty", "folder_only", "offline"), switch),
    "learn_with": str,
    "recording": str,
    "workspace": Path,
    "follow_links": one_of(*FOLLOW_LINKS),
}
_LISTS: dict[str, Parse] = {
    **dict.fromkeys(("tags", "var", "include", "config", "after"), str),
    **dict.fromkeys(("add_dirs", "images", "inputs"), Path),
}
_SPLIT_AT_COMMAS = ("tags", "after")
_ALIASES = {"tag": "tags", "add_dir": "add_dirs", "image": "images", "input": "inputs"}
_INSTEAD_OF_SOURCE = ("from_run_id", "workspace", "empty", "from")
_INSTEAD_OF_EACH_OTHER = (
    ("source", *_INSTEAD_OF_SOURCE),
    ("reference_run_id", "pattern", "no_pattern"),
    ("executor", "recording", "offline"),
)
"""Options of which a row's own one takes the place of the others that hold for all rows."""
_OF_SOURCE = ("clean", "include", "folder_only", "follow_links")
WORDS = frozenset({*_SINGLE, *_LISTS})
"""What a row can say about its run."""
OPTIONS = WORDS - {"after", "from"}
"""The options of `run` among them, as fields of `RunOptions`."""


def canonical(name: str) -> str:
    """The name of the option that a field of a row stands for: `tags` for `tag`."""
    plain = name.replace("-", "_")
    plain = _ALIASES.get(plain, plain)
    return plain if plain in WORDS else name


def typed(name: str, value: Value, place: str) -> Any:  # noqa: ANN401  each option has its type
    """The value of an option.

    Raises:
        UsageError: the text is not valid for the option.
    """
    if name in _LISTS:
        return tuple(_parsed(_LISTS[name], name, text, place) for text in _texts(name, value))
    if not isinstance(value, str):
        raise _invalid(name, "is a list, not a single value", place)
    return _parsed(_SINGLE[name], name, value, place)


def _texts(name: str, value: Value) -> tuple[str, ...]:
    """The texts of a list. A single text may hold several tags or rows: `a, b`."""
    if not isinstance(value, str):
        return value or ()
    if name not in _SPLIT_AT_COMMAS:
        return (value,)
    return tuple(part.strip() for part in value.split(",") if part.strip())


def inherited(for_all: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The options for all rows that those over them neither set nor contradict."""
    replaced = set(over)
    for group in _INSTEAD_OF_EACH_OTHER:
        if not replaced.isdisjoint(group):
            replaced.update(group)
    if not set(_INSTEAD_OF_SOURCE).isdisjoint(over):
        replaced.update(_OF_SOURCE)
    return {name: value for name, value in for_all.items() if name not in replaced}


def in_folder(options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Options with the paths that a file names relative to its folder."""
    return {name: _located(name, value, folder) for name, value in options.items()}


def _located(name: str, value: Any, folder: Path) -> Any:  # noqa: ANN401  each option has its type
    match name:
        case "workspace":
            return folder / value
        case "add_dirs" | "images" | "inputs":
            return tuple(folder / path for path in value)
        case "source" | "recording" if value.strip() and (folder / value).exists():
            return str(folder / value)
        case _:
            return value


def _parsed(parse: Parse, name: str, text: str, place: str) -> Any:  # noqa: ANN401
    try:
        return parse(text)
    except ValueError as error:
        raise _invalid(name, f"{text!r} {error}", place) from error


def _invalid(name: str, problem: str, place: str) -> UsageError:
    return UsageError(
        "ROW_INVALID", f"{place}, {name}: {problem}", hint="see: crossrun batch start --help"
    )
