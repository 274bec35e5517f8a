"""The variables of templates: what values they take, and why a value is not one of them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from msgspec import Struct

from crossrun.config.values import switch

VariableType = Literal["text", "path", "file", "folder", "number", "integer", "choice", "boolean"]
"""`path`: one that need not exist. `file` and `folder`: one that exists where the run begins."""
TYPES: tuple[VariableType, ...] = get_args(VariableType)
PATHS = ("path", "file", "folder")
_EXAMPLES = {
    "text": "some words",
    "path": "notes/new.md",
    "file": "data.csv",
    "folder": "src",
    "number": "0.5",
    "integer": "3",
    "boolean": "true",
}


class TemplateVariable(Struct, frozen=True, kw_only=True):
    """What differs from one run of a template to the next.

    `default` is a text, as it would be given with `--var`. `pattern` is a regular expression for
    the whole value. Without `required`, a variable is required if it has no default.
    """

    type: VariableType = "text"
    description: str = ""
    default: str | None = None
    example: str | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    required: bool | None = None

    @property
    def is_required(self) -> bool:
        """Whether a run needs a value for it."""
        return self.default is None and self.required is not False

    @property
    def shown_example(self) -> str:
        """A value that it takes."""
        if self.example is not None or self.choices:
            return self.example or self.choices[0]
        return _EXAMPLES[self.type]

    def checked(self, value: str, base: Path | None = None) -> str:
        """The value as it stands in the text.

        Args:
            value: as it was given.
            base: the folder that a file or folder has to be in; None: it is not known.

        Raises:
            ValueError: it is not a value of this variable; the message says why.
        """
        if not value.strip():
            if self.default or self.is_required:
                raise ValueError("is empty")
            return ""
        if "\0" in value:
            raise ValueError("is not plain text")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            raise ValueError(f"does not match {self.pattern}")
        return _CHECKS[self.type](self, value, base)


def _text(_variable: TemplateVariable, value: str, _base: Path | None) -> str:
    return value


def _choice(variable: TemplateVariable, value: str, _base: Path | None) -> str:
    if value not in variable.choices:
        raise ValueError(f"is not one of {', '.join(variable.choices)}")
    return value


def _number(_variable: TemplateVariable, value: str, _base: Path | None) -> str:
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", value.strip(), re.ASCII):
        raise ValueError("is not a number")
    return value.strip()


def _integer(_variable: TemplateVariable, value: str, _base: Path | None) -> str:
    if not re.fullmatch(r"[-+]?\d+", value.strip(), re.ASCII):
        raise ValueError("is not a whole number")
    return value.strip()


def _boolean(_variable: TemplateVariable, value: str, _base: Path | None) -> str:
    return "true" if switch(value) else "false"


def _path(_variable: TemplateVariable, value: str, _base: Path | None) -> str:
    if value.startswith("-"):
        raise ValueError(f"begins with a dash; write ./{value}")
    if "\n" in value:
        raise ValueError("has more than one line")
    return value


def _file(variable: TemplateVariable, value: str, base: Path | None) -> str:
    path = _path(variable, value, base)
    if base is not None and not (base / path).is_file():
        raise ValueError(f"is not a file in {base}")
    return path


def _folder(variable: TemplateVariable, value: str, base: Path | None) -> str:
    path = _path(variable, value, base)
    if base is not None and not (base / path).is_dir():
        raise ValueError(f"is not a folder in {base}")
    return path


_CHECKS: dict[str, Callable[[TemplateVariable, str, Path | None], str]] = {
    "text": _text,
    "choice": _choice,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "path": _path,
    "file": _file,
    "folder": _folder,
}
