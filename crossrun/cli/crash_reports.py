"""What a bug leaves behind: one file for a report, without secrets."""

import platform
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from crossrun import __version__


def write_report(
    error: Exception, arguments: Sequence[str], *, environ: Mapping[str, str], state: Path | None
) -> Path | None:
    """Writes what is needed to find a bug: the traceback, versions, the command.

    Args:
        error: what nobody expected.
        arguments: those of the command, which may contain secrets.
        environ: its values of keys are removed.
        state: the state folder, if it is known.

    Returns:
        The file, or None if none could be written.
    """
    from crossrun.redaction import Redactor
    from crossrun.system.folders import make_private

    redacted, _ = Redactor.of_environment(environ)(_text(error, arguments))
    name = f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.txt"
    for folder in (state, Path(tempfile.gettempdir())):
        if folder is None:
            continue
        try:
            make_private(folder)
            file = folder / name
            with file.open("x", encoding="utf-8", errors="backslashreplace") as report:
                file.chmod(0o600)
                report.write(redacted)
        except OSError:
            continue
        return file
    return None


def _text(error: Exception, arguments: Sequence[str]) -> str:
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    lines = [
        f"crossrun {__version__}, Python {python}, SQLite {sqlite}, {platform.platform()}",
        f"encodings: {sys.getfilesystemencoding()}, {sys.stdout.encoding}",
        f"command: crossrun {' '.join(arguments)}",
        "",
        *traceback.format_exception(error),
    ]
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"
