"""Many commands in one process, where starting a process for each would take too long."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from conftest import Result, clean_environ

LONGEST = 120
"""Seconds that one command gets: none may go on for ever, whatever the store says."""


class InProcess:
    """crossrun in a process of its own that carries out one command after the other.

    Args:
        home: the home of its user; not that of crossrun, which each command names.
    """

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env=clean_environ(home),
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __call__(self, *words: str) -> Result:
        """Carries out a command to its end.

        Raises:
            AssertionError: it took too long, or the process died of it.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        self._process.stdin.flush()
        answered, _, _ = select.select([self._process.stdout], [], [], LONGEST)
        if not answered:
            self.close()
        assert answered, f"crossrun {' '.join(words)} goes on for longer than {LONGEST} s"
        line = self._process.stdout.readline()
        assert line, f"crossrun {' '.join(words)} killed its process: {self._process.wait()}"
        return Result(*json.loads(line))

    @property
    def lives(self) -> bool:
        """Whether it can take another command."""
        return self._process.poll() is None

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Carries out the command lines on standard input; one answer in JSON for each."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(json.dumps(_carried_out(json.loads(line))) + "\n")
        answers.flush()


def _carried_out(words: Sequence[str]) -> tuple[int, str, str]:
    from crossrun.cli import root
    from crossrun.cli.error_boundary import run_command_line

    out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
    with redirect_stdout(out), redirect_stderr(err):
        code = run_command_line(root(), words)
    return code, _text(out), _text(err)


def _text(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


if __name__ == "__main__":
    main()
