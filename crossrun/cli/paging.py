"""Long output goes through the user's pager, as with git."""

import io
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, cast

from crossrun.cli.globals import Globals
from crossrun.views.terminal import Terminal

_PREPARED = {"LESS": "FRX", "LV": "-c"}
"""Keep colours, and no pager for what fits on a screen; the user's own settings take precedence."""


def show(options: Globals, lines: Iterable[str], *, pager: bool) -> None:
    """Writes lines for people, on a terminal through the pager if `pager` is set."""
    process = _started(options) if pager and options.out.live else None
    if process is None:
        options.out.write_each(lines)
        return
    with _read_in(process, options.out) as paged:
        paged.write_each(lines)


def pager_command(environ: Mapping[str, str]) -> list[str]:
    """The command of the pager; empty if there is none, or the user wants none."""
    if "PAGER" not in environ:
        return ["less", "-FRX"] if shutil.which("less") else []
    with suppress(ValueError):  # unbalanced quotes
        words = shlex.split(environ["PAGER"])
        if words and words != ["cat"] and shutil.which(words[0]):
            return words
    return []


def _started(options: Globals) -> "subprocess.Popen[bytes] | None":
    command = pager_command(options.environ)
    if not command:
        return None
    environ = {**_PREPARED, **options.environ}
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, env=environ)
    except OSError:  # not a program
        return None


@contextmanager
def _read_in(process: "subprocess.Popen[bytes]", terminal: Terminal) -> Iterator[Terminal]:
    """A running pager. Its early end or its exit code does not matter.

    Ctrl-C is left to the pager, which would otherwise stay on a terminal that it has changed.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    paper = io.TextIOWrapper(
        cast("IO[bytes]", process.stdin), terminal.stream.encoding, newline="\n"
    )
    try:
        with suppress(BrokenPipeError):
            yield terminal._replace(stream=paper)
    finally:
        with suppress(BrokenPipeError):
            paper.close()
        process.wait()
        signal.signal(signal.SIGINT, before)
