"""Patterns as files: untrusted when they are read, reported when they are stored."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from crossrun.cli.globals import Globals
from crossrun.errors import UsageError
from crossrun.projections.documents import document, pattern_object

if TYPE_CHECKING:
    from crossrun.patterns.formats.yaml_form import Form
    from crossrun.services.app import App
    from crossrun.store import Store

_LONGEST = 1_000_000
"""Bytes; no pattern is nearly as long."""


def read_text(file: Path) -> str:
    """The text of a file that somebody named.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_LONGEST + 1)
    except OSError as error:
        raise _unreadable(file, error.strerror) from error
    return text_of(content, file)


def text_of(content: bytes, source: Path) -> str:
    """The text of a file that was read.

    Raises:
        UsageError: it is not UTF-8, or too long.
    """
    if len(content) > _LONGEST:
        raise UsageError(
            "PATTERN_INVALID", f"{source} is too long for a pattern", hint="check the path"
        )
    try:
        return content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _unreadable(source, str(error)) from error


def _unreadable(file: Path, why: str | None) -> UsageError:
    return UsageError(
        "PATTERN_UNREADABLE",
        f"{file} cannot be read: {why}",
        hint="give a YAML file or a folder with a SKILL.md",
    )


def cleaned(form: "Form", app: "App") -> "Form":
    """The form without secrets, home folders and names."""
    from msgspec import convert, to_builtins

    from crossrun.patterns.formats.yaml_form import Form
    from crossrun.patterns.learning.redaction import Scrub
    from crossrun.services.assembly import person

    scrub, redact = Scrub(person(app.settings), ""), app.redactor

    def clean(value: object) -> object:
        if isinstance(value, str):
            return scrub(redact(value)[0])
        if isinstance(value, list | tuple):
            return [clean(one) for one in value]
        if isinstance(value, dict):
            return {key: clean(one) for key, one in value.items()}
        return value

    return convert(clean(to_builtins(form)), Form)


def tell(store: "Store", pattern_id: str, options: Globals, *, json: bool, message: str) -> None:
    """Says what became of a pattern, or shows it to a program."""
    pattern = store.patterns.pattern(pattern_id)
    if json:
        options.out.emit(document(pattern_object(pattern)))
    else:
        options.say(message.format(id=pattern.id, version=pattern.version))


def write_new(file: Path, text: str, *, executable: bool = False) -> None:
    """Writes a file that was not there before.

    Raises:
        UsageError: it is there already, or cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o777 if executable else 0o666
        made = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with os.fdopen(made, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(
            "FILE_NOT_WRITTEN",
            f"{file} cannot be written: {error.strerror}",
            hint="choose another place; nothing is overwritten",
        ) from error
