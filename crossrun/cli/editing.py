"""Text that the user writes in an editor."""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from crossrun.errors import UsageError


@contextmanager
def edited(text: str, name: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """A file with a text, as the user's editor left it; it is kept if it cannot be used.

    Raises:
        UsageError: EDITOR_FAILED.
    """
    editor = environ.get("VISUAL") or environ.get("EDITOR")
    if not editor and not sys.stdin.isatty():
        raise UsageError(
            "EDITOR_FAILED",
            "editing needs a terminal",
            hint="set EDITOR to a program that changes the file it is given",
        )
    editor = editor or "vi"
    folder = Path(tempfile.mkdtemp(prefix="crossrun-"))
    file = folder / name
    file.write_text(text, encoding="utf-8")
    try:
        code = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
    except (OSError, ValueError) as error:
        file.unlink()
        folder.rmdir()
        raise UsageError(
            "EDITOR_FAILED", f"the editor {editor!r} cannot be started", hint="set EDITOR"
        ) from error
    if code != 0:
        raise UsageError(
            "EDITOR_FAILED",
            f"the editor {editor!r} ended with exit code {code}",
            hint=f"nothing was changed; your text is in {file}",
        )
    yield file
    file.unlink()
    folder.rmdir()
