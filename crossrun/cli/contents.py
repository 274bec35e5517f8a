"""Contents of files for the user: unchanged for a file or a pipe, made safe for a terminal."""

import hashlib
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import IO, TypeVar

from crossrun.cli.globals import Globals
from crossrun.cli.paging import show
from crossrun.errors import ConfigurationError, UsageError
from crossrun.redaction import Redactor
from crossrun.system.replacing import replacing
from crossrun.views.unseen import visible_lines
from crossrun.views.words import size

Form = TypeVar("Form", bound=str)
MOST_SHOWN = 8 * 1024 * 1024
"""Bytes of a file that are shown on a terminal."""
_LOOKED_AT = 8000
"""Bytes in which git, and crossrun, look for the zero byte of a binary file."""
_PIECE = 1024 * 1024
_HALF_SECRET = 1024
"""Characters that are cut off the end of a beginning without lines; it may be half a secret."""


def form_by_name(output: Path | None, forms: Sequence[Form], default: Form) -> Form:
    """The form of what is written to a file, by the end of its name; `default` without one.

    Raises:
        UsageError: nothing is written in the form that the name promises.
    """
    suffix = "" if output is None else output.suffix.removeprefix(".").lower()
    if not suffix:
        return default
    form = next((each for each in forms if each == suffix), None)
    if form is None:
        raise UsageError(
            "OPTION_INVALID",
            f"-o: {output} cannot be written in the format that its name implies",
            hint=f"choose a name that ends in .{', .'.join(forms)}, or use --format",
        )
    return form


def copy_out(content: IO[bytes], output: Path, options: Globals) -> None:
    """Writes a content to a file. An existing file is replaced only if the user agrees.

    It is replaced as a whole, so it stays if the disk is full.

    Raises:
        ConsentNeeded: the file exists, and the user did not agree.
        ConfigurationError: it cannot be written.
    """
    replaces = output.is_file()
    if replaces:
        options.confirm(f"Replace {output}?", hint="choose another file, or use --yes")
    try:
        with replacing(output, mode=0o666) if replaces else _new(output) as file:
            shutil.copyfileobj(content, file, _PIECE)
    except OSError as error:
        raise ConfigurationError(
            "OUTPUT_UNWRITABLE",
            f"{output} cannot be written: {error.strerror}",
            hint="choose another place with -o",
        ) from error
    options.say(f"wrote {output}")


@contextmanager
def _new(output: Path) -> Iterator[IO[bytes]]:
    """A new file, which is removed again if an exception leaves the block; or a device, a pipe."""
    is_new = not output.exists()
    try:
        with output.open("xb" if is_new else "wb") as file:
            yield file
    except BaseException:
        if is_new:
            with suppress(OSError):
                output.unlink()
        raise


def pipe_out(content: IO[bytes], options: Globals) -> None:
    """Writes a content to standard output, unchanged."""
    while piece := content.read(_PIECE):
        options.out.emit(piece)


def show_text(
    content: IO[bytes],
    name: str,
    options: Globals,
    redactor: Redactor,
    *,
    otherwise: str,
    pager: bool,
) -> None:
    """Shows a text on a terminal, with its secrets masked.

    Raises:
        UsageError: it is not text; the hint is the command `otherwise`.
    """
    require_text(content, name, otherwise)
    beginning = content.read(MOST_SHOWN)
    more = os.fstat(content.fileno()).st_size - len(beginning)
    text, secrets = redactor(readable(beginning, whole=more <= 0))
    show(options, _lines(text, more), pager=pager)
    if secrets:
        options.say("note: secrets are masked here, not in the file")


def show_or_pipe(
    content: IO[bytes],
    name: str,
    options: Globals,
    redactor: Redactor,
    *,
    otherwise: str,
    pager: bool,
) -> None:
    """Shows a text on a terminal without secrets; writes it unchanged to anything else.

    Raises:
        UsageError: it is not text; the hint is the command `otherwise`.
    """
    if options.out.on_screen:
        show_text(content, name, options, redactor, otherwise=otherwise, pager=pager)
    else:
        require_text(content, name, otherwise)
        pipe_out(content, options)


def readable(beginning: bytes, *, whole: bool) -> str:
    """A beginning as text, up to the last whole line: half a secret would not be recognised."""
    text = beginning.decode("utf-8", "replace")
    return text if whole else text[: text.rfind("\n") + 1] or text[:-_HALF_SECRET]


def copy_command(*words: str, name: str) -> str:
    """The crossrun command of these words that writes to a file of that name in this folder."""
    return shlex.join(["crossrun", *words, "-o", PurePath(name).name])


def digest(content: IO[bytes]) -> str:
    """The SHA-256 of a whole content."""
    content.seek(0)
    sha256 = hashlib.sha256()
    while piece := content.read(_PIECE):
        sha256.update(piece)
    return sha256.hexdigest()


def require_text(content: IO[bytes], name: str, otherwise: str) -> None:
    """Raises UsageError, FILE_BINARY, if the content is not text; leaves it at its beginning."""
    if b"\0" in content.read(_LOOKED_AT):
        raise UsageError(
            "FILE_BINARY",
            f"{name} is not a text file",
            hint=f"copy it out: {otherwise}",
        )
    content.seek(0)


def _lines(text: str, more: int) -> Iterator[str]:
    if text:
        yield from visible_lines(text)
    if more > 0:
        yield f"… {size(more)} more"
