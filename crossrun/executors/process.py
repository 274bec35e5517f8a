"""The process supervisor for every command and agent that crossrun starts.

A child gets a new session and its whole input at once. Both its outputs are read as they arrive. It
ends by itself, or because of a time limit or a request to stop. When it has ended, nothing that it
started is left.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import IO

from msgspec import Struct

from crossrun.executors.descent import Descent, Tracking
from crossrun.executors.survivors import MARKER, end_survivors
from crossrun.model.failures import CANCELLED, TIMED_OUT, Failure
from crossrun.system import clock
from crossrun.system.cancellation import CancelToken

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes. A longer line comes in parts, so that memory stays bounded."""

_READ_SIZE = 1024 * 1024
_STDERR_KEPT = 64 * 1024
_TICK = 0.1
_EOF_GRACE = 0.3
"""Seconds to wait for the end of the output after the process itself has ended."""
STALLED = Failure(
    "STALLED",
    "the agent was silent for longer than --idle-timeout while no command was running",
    "the model's server may be down; try again, or raise --idle-timeout",
    retryable=True,
)
_POLITE_SIGNALS = ((signal.SIGINT, 1.0), (signal.SIGTERM, 0.5))
"""Sent in turn, each with the seconds before the next; SIGKILL comes last."""


class Launch(Struct, frozen=True):
    """What to start.

    `merge_stderr`: both outputs come as lines; else stderr is kept apart. `tracking`
    says how the child and its descendants are found again.
    """

    argv: Sequence[str]
    cwd: Path
    environ: Mapping[str, str]
    run_id: str
    stdin: bytes = b""
    merge_stderr: bool = False
    tracking: Tracking = Tracking()


class ProcessLimits(Struct, frozen=True):
    """When a child has to end; see `TurnRequest`.

    `busy` says whether a command is running; `over` whether the child has finished its work, after
    which it gets `patience` seconds to exit by itself.
    """

    stop: CancelToken
    deadline: float | None = None
    idle_timeout: float | None = None
    limit: Callable[[], Failure | None] = lambda: None
    busy: Callable[[], bool] = lambda: False
    over: Callable[[], bool] = lambda: False
    patience: float = 10.0


class LinePart(Struct, frozen=True):
    """A part of a line that is longer than `LONGEST_LINE`."""

    data: bytes
    last: bool


class ProcessExit(Struct, frozen=True):
    """How a child ended.

    `code` is negative when a signal ended it; `stderr` is the end of it. `cut_short` says why it
    was ended; None: it ended by itself. `unterminated`: its last line came without a newline.
    `outstayed`: it was ended because it stayed after its last word.
    """

    code: int
    stderr: str
    cut_short: Failure | None = None
    unterminated: bool = False
    outstayed: bool = False


Output = bytes | LinePart | None
"""A line without its newline, a part of a very long one, or None: nothing to read now."""


def supervise(launch: Launch, limits: ProcessLimits) -> Generator[Output, None, ProcessExit]:
    """Runs a child, yields its lines as they come, and makes sure that it ends.

    Raises:
        OSError: it cannot be started.
    """
    child = _Child(launch, limits)
    try:
        while child.attend():
            if child.output.ready:
                yield from child.output.take()
            else:
                yield None
                child.wait()
        yield from child.output.rest()
        return child.finish()
    finally:
        child.end()


class _Child:
    def __init__(self, launch: Launch, limits: ProcessLimits) -> None:
        self._run_id = launch.run_id
        self._limits = limits
        self._cut_short: Failure | None = None
        self._over_since: float | None = None
        self._outstayed = False
        self._signals = iter(_POLITE_SIGNALS)
        self._next_signal_at: float | None = None
        self._gone_at: float | None = None
        self.output = _Lines()
        self._stderr = bytearray()
        self._descent = Descent(launch.tracking)
        try:
            self._process = _start(launch)
        except BaseException:
            self._descent.close()
            raise
        self._descent.begin(self._process.pid)
        self._last_output = clock.monotonic()
        self._selector = selectors.DefaultSelector()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ)

    def attend(self) -> bool:
        """Reads what is there and enforces the limits; false once the child has ended."""
        self._read()
        now = clock.monotonic()
        if self._process.poll() is not None and self._gone_at is None:
            self._gone_at = now
        if self._gone_at is not None:
            if not self._selector.get_map():
                return bool(self.output.ready)
            return now < self._gone_at + _EOF_GRACE  # what others still write is not read
        self._press(now)
        return True

    def wait(self) -> None:
        """Sleeps until there is something to do."""
        if self._selector.get_map():
            self._selector.select(_TICK if self._gone_at is None else _EOF_GRACE)
        else:
            time.sleep(0.01)

    def finish(self) -> ProcessExit:
        stderr = self._stderr.decode("utf-8", "replace")
        return ProcessExit(
            self._process.wait(),
            stderr,
            self._cut_short,
            self.output.unterminated,
            self._outstayed,
        )

    def end(self) -> None:
        """Leaves nothing behind in any case."""
        if self._process.poll() is None:
            self._signal_group(signal.SIGKILL)
            self._process.wait()
        end_survivors(self._run_id, self._descent.left)
        self._descent.close()
        self._selector.close()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        for key, _ in self._selector.select(0):
            pipe: IO[bytes] = key.fileobj  # type: ignore[assignment]  # we registered pipes
            chunk = os.read(pipe.fileno(), _READ_SIZE)
            if not chunk:
                self._selector.unregister(pipe)
            elif pipe is self._process.stdout:
                self._last_output = clock.monotonic()
                self.output.feed(chunk)
            else:
                self._stderr += chunk
                del self._stderr[:-_STDERR_KEPT]

    def _press(self, now: float) -> None:
        if self._next_signal_at is None:
            self._cut_short = self._reason_to_end(now)
            self._outstayed = self._cut_short is None and self._has_outstayed(now)
            if self._cut_short is None and not self._outstayed:
                return
            self._descent.living()  # processes that leave their parents from now on are known
        elif now < self._next_signal_at and not self._limits.stop.urgent:
            return
        signum, patience = next(self._signals, (signal.SIGKILL, _TICK))
        if self._limits.stop.urgent:
            signum = signal.SIGKILL
        self._signal_group(signum)
        self._next_signal_at = now + patience

    def _reason_to_end(self, now: float) -> Failure | None:
        if self._limits.stop:
            return CANCELLED
        if self._limits.over():
            return None
        if self._limits.deadline is not None and now >= self._limits.deadline:
            return TIMED_OUT
        idle = self._limits.idle_timeout
        if self._limits.busy():
            self._last_output = now
        elif idle is not None and now >= self._last_output + idle:
            return STALLED
        return self._limits.limit()

    def _has_outstayed(self, now: float) -> bool:
        if not self._limits.over():
            self._over_since = None
            return False
        self._over_since = now if self._over_since is None else self._over_since
        deadline = self._limits.deadline
        late = deadline is not None and now >= deadline
        return late or now >= self._over_since + self._limits.patience

    def _signal_group(self, signum: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signum)


def _start(launch: Launch) -> subprocess.Popen[bytes]:
    # The input is a file, not a pipe: the child can read all of it, and its end, at once.
    with tempfile.TemporaryFile() as stdin:
        stdin.write(launch.stdin)
        stdin.seek(0)
        return subprocess.Popen(
            list(launch.argv),
            cwd=launch.cwd,
            env={**launch.environ, MARKER: launch.run_id},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if launch.merge_stderr else subprocess.PIPE,
            start_new_session=True,
        )


class _Lines:
    r"""Bytes in, lines out. Only `\n` ends a line: other line breaks occur within lines."""

    def __init__(self) -> None:
        self.ready: list[bytes | LinePart] = []
        self._begun: list[bytes] = []
        self._begun_size = 0
        self._in_pieces = False
        self.unterminated = False

    def feed(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        self._extend(first)
        for part in others:
            self._complete()
            self._extend(part)

    def take(self) -> list[bytes | LinePart]:
        ready, self.ready = self.ready, []
        return ready

    def rest(self) -> list[bytes | LinePart]:
        """What came after the last newline."""
        if self._begun or self._in_pieces:
            self.unterminated = True
            self._complete()
        return self.take()

    def _extend(self, part: bytes) -> None:
        if part:
            self._begun.append(part)
            self._begun_size += len(part)
        if self._begun_size > LONGEST_LINE:
            self.ready.append(LinePart(self._joined(), last=False))
            self._in_pieces = True

    def _complete(self) -> None:
        line = self._joined()
        self.ready.append(LinePart(line, last=True) if self._in_pieces else line)
        self._in_pieces = False

    def _joined(self) -> bytes:
        line = b"".join(self._begun)
        self._begun, self._begun_size = [], 0
        return line
