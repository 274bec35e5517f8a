"""Commands in children of one process that has crossrun loaded, which die at a chosen step.

A step is whatever the interpreter tells an audit hook of that touches the disk, another process or
the store. A child that dies there is killed by SIGKILL, as by `kill -9` at that very moment.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

STEPS = frozenset((
    "open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link",
    "os.truncate", "os.chmod", "os.utime", "subprocess.Popen", "sqlite3.connect", "fcntl.flock",
    "os.listdir", "os.scandir", "shutil.copyfile",
))  # fmt: skip


class Ended(NamedTuple):
    """How a command ended; `steps` is 0 where it was killed."""

    code: int
    out: str
    err: str
    steps: int

    @property
    def killed(self) -> bool:
        """Whether it died at its step."""
        return self.code == -signal.SIGKILL


class Forked:
    """Carries out commands one after the other, each in a child of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __call__(
        self, *words: str, cwd: Path, environ: Mapping[str, str], die_at: int | None = None
    ) -> Ended:
        """Carries out a command; with `die_at`, it is killed at that step if it has so many."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"words": words, "cwd": str(cwd), "environ": dict(environ), "die_at": die_at}
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        return Ended(*json.loads(self._process.stdout.readline()))


def main() -> None:
    """Carries out the commands on standard input; one answer in JSON for each."""
    _load()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        with ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            child = os.fork()
            if child == 0:
                _carry_out(asked, *(file.fileno() for file in files))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            out, err, counted = map(_text, files)
        answers.write(json.dumps([code, out, err, int(counted or 0)]) + "\n")
        answers.flush()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _load() -> None:
    """Imports what commands import late, so that no child has to."""
    import crossrun.cli
    import crossrun.engine
    import crossrun.services.applying
    import crossrun.services.assembly
    import crossrun.services.cleanup.removal
    import crossrun.store.event_writer
    import crossrun.store.user_changes
    import crossrun.views.applying  # noqa: F401


def _carry_out(asked: Mapping[str, object], out: int, err: int, counted: int) -> None:
    """In the child; does not return."""
    from crossrun.cli import root
    from crossrun.cli.error_boundary import run_command_line

    steps, die_at, words = 0, asked["die_at"], asked["words"]
    assert isinstance(words, Sequence)

    def count(event: str, _: object) -> None:
        nonlocal steps
        if event in STEPS:
            steps += 1
            if steps == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    code = 70
    try:
        os.environ.clear()
        os.environ.update(asked["environ"])  # type: ignore[call-overload]
        os.chdir(str(asked["cwd"]))
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.addaudithook(count)
        code = run_command_line(root(), [str(word) for word in words])
    except BaseException:  # noqa: BLE001  whatever it was, it is told
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(counted, str(steps).encode())
        os._exit(code)


if __name__ == "__main__":
    main()
