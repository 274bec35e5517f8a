"""crossrun on a real terminal: a pseudo-terminal of a given size, on which a test types."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from types import TracebackType
from typing import Self

from conftest import Crossrun

ENTER, DOWN, UP, ESCAPE, CTRL_C = "\r", "\x1b[B", "\x1b[A", "\x1b", "\x03"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07")
_WHERE_IS_THE_CURSOR = b"\x1b[6n"


def _take_terminal() -> None:
    """Makes the terminal that of the session, so that Ctrl-C is a signal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class OnTerminal:
    """A command whose standard streams are a terminal; `with` ends it.

    Args:
        crossrun: whose home and folder it has.
        words: its arguments.
        columns: the width of the terminal.
        environ: further variables.
    """

    def __init__(self, crossrun: Crossrun, *words: str, columns: int = 80, **environ: str) -> None:
        self._leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        variables = {**crossrun.environ, "TERM": "xterm-256color", "NO_COLOR": "1", **environ}
        self.process = subprocess.Popen(
            crossrun.command(*words),
            cwd=crossrun.cwd,
            env=variables,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  it takes no lock
        )
        os.close(follower)
        self._raw = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._leader)

    @property
    def text(self) -> str:
        """Everything that was written so far, without the sequences that move the cursor."""
        return _ANSI.sub("", self._raw.decode("utf-8", "replace")).replace("\r\n", "\n")

    @property
    def raw(self) -> str:
        """The same with the sequences."""
        return self._raw.decode("utf-8", "replace")

    def wait_for(self, text: str, *, seconds: float = 20) -> None:
        """Reads until a text is there."""
        until = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < until, f"{text!r} is not in:\n{self.text}"
            assert self._read(0.2), f"ended without {text!r}:\n{self.text}"

    def type(self, text: str) -> None:
        """Presses keys."""
        os.write(self._leader, text.encode())

    def end(self) -> int:
        """Reads to the end; the exit code."""
        until = time.monotonic() + 30
        while self._read(0.2):
            assert time.monotonic() < until, f"goes on and on:\n{self.text}"
        return self.process.wait(timeout=10)

    def _read(self, seconds: float) -> bool:
        """Reads what is there; whether there may be more."""
        ready, _, _ = select.select([self._leader], [], [], seconds)
        if not ready:
            return self.process.poll() is None
        try:
            part = os.read(self._leader, 65536)
        except OSError:  # nobody has the terminal open any longer
            return False
        if _WHERE_IS_THE_CURSOR in part:
            os.write(self._leader, b"\x1b[1;1R")
        self._raw += part
        return bool(part)
