"""Processes for the tests' commands, forked from one that has imported other people's packages.

Most of the processor time of a short command is those imports, and the tests carry out thousands
of commands. What is forked is a process like any other: it has its own working folder, environment,
streams and end, and it imports crossrun anew. Only the start of the interpreter is not repeated.
Where that matters, or forking is not safe, the command is started plainly: with other variables
that are read once at a start, and on other systems than Linux.
"""

import atexit
import contextlib
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import BufferedIOBase, TextIOWrapper
from pathlib import Path
from threading import Lock

_ROOT = Path(__file__).parent.parent
_IMPORTED = ("msgspec", "psutil", "sqlalchemy.dialects.sqlite", "sqlmodel", "typer", "yaml")
"""What a run imports, and does not look at the environment while it is imported."""
_READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "MALLOC_", "GLIBC_", "OPENSSL_")
"""How the variables begin that an interpreter and its libraries read once, when they start."""


def run(
    words: Sequence[str], *, cwd: Path, environ: Mapping[str, str], stdin: bytes, timeout: float
) -> "subprocess.CompletedProcess[bytes]":
    """`python -m crossrun WORDS` to its end.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout` seconds and was killed.
    """
    if sys.platform == "linux" and _at_start(environ) == _at_start(os.environ):
        return _server().run(words, cwd=cwd, environ=environ, stdin=stdin, timeout=timeout)
    return subprocess.run(
        [sys.executable, "-m", "crossrun", *words],
        cwd=cwd,
        env=environ,
        input=stdin,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(_READ_AT_START)}


def start_on_terminal(
    words: Sequence[str], cwd: Path, environ: Mapping[str, str], terminal: int
) -> Callable[[], int]:
    """`python -m crossrun WORDS` that writes to a terminal; returns what waits for its exit code.

    The process is forked from one that has imported all of crossrun, too.
    """
    return _server(*_modules()).start_on(terminal, words, cwd, environ)


def _modules() -> Iterator[str]:
    """The modules of crossrun."""
    files = sorted((_ROOT / "crossrun").rglob("*.py"))
    for parts in (file.relative_to(_ROOT).with_suffix("").parts for file in files):
        if parts[-1] != "__main__":
            yield ".".join(parts[: -1 if parts[-1] == "__init__" else None])


class ForkServer:
    """The process that forks; one for each process of tests, and safe to use from threads.

    `imported`: further modules that it imports before it forks.
    """

    def __init__(self, *imported: str) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno()), *imported],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def run(
        self,
        words: Sequence[str],
        *,
        cwd: Path,
        environ: Mapping[str, str],
        stdin: bytes,
        timeout: float,
    ) -> "subprocess.CompletedProcess[bytes]":
        """Has a process forked, and waits for its end and that of its streams."""
        request = json.dumps({"words": words, "cwd": str(cwd), "environ": dict(environ)})
        with contextlib.ExitStack() as stack:
            ours, theirs = _pipes(stack)
            socket.send_fds(self._socket, [b"x"], [stream.fileno() for stream in theirs])
            for stream in theirs:
                stream.close()
            pool = stack.enter_context(ThreadPoolExecutor(len(ours)))
            asked, said, out, err, status = ours
            pool.submit(_write, asked, request.encode())
            pool.submit(_write, said, stdin)
            pid = int(status.readline())
            ended = [pool.submit(stream.read) for stream in (out, err, status)]
            results = _results(ended, pid, words, timeout)
        return subprocess.CompletedProcess(words, int(results[2]), results[0], results[1])

    def start_on(
        self, terminal: int, words: Sequence[str], cwd: Path, environ: Mapping[str, str]
    ) -> Callable[[], int]:
        """Has a process forked that writes to a terminal; returns what waits for its end."""
        request = json.dumps({"words": words, "cwd": str(cwd), "environ": dict(environ)})
        asked, ask = os.pipe()
        status, ended = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        socket.send_fds(self._socket, [b"x"], [asked, nothing, terminal, terminal, ended])
        for descriptor in (asked, nothing, ended):
            os.close(descriptor)
        _write(open(ask, "wb"), request.encode())  # noqa: PTH123, SIM115  a descriptor

        def wait() -> int:
            with open(status, "rb") as told:  # noqa: PTH123  a descriptor
                return int(told.read().split()[1])

        return wait

    def close(self) -> None:
        """Ends it."""
        self._socket.close()
        self._process.wait()


def _pipes(stack: contextlib.ExitStack) -> tuple[list[BufferedIOBase], list[BufferedIOBase]]:
    """Our and their ends of the pipes for request, input, output, errors and status."""
    ours, theirs = [], []
    for we_write in (True, True, False, False, False):
        reading, writing = os.pipe()
        ends = [open(reading, "rb"), open(writing, "wb")]  # noqa: PTH123, SIM115  descriptors
        for end in ends:
            stack.enter_context(end)
        ours.append(ends[we_write])
        theirs.append(ends[not we_write])
    return ours, theirs


def _write(stream: BufferedIOBase, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), stream:
        stream.write(content)


def _results(
    futures: Sequence["Future[bytes]"], pid: int, words: Sequence[str], timeout: float
) -> list[bytes]:
    try:
        return [future.result(timeout) for future in futures]
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        raise subprocess.TimeoutExpired(words, timeout) from None


_starting = Lock()
_servers: dict[tuple[str, ...], ForkServer] = {}


def _server(*imported: str) -> ForkServer:
    with _starting:
        if imported not in _servers:
            _servers[imported] = ForkServer(*imported)
            atexit.register(_servers[imported].close)
        return _servers[imported]


def main() -> None:
    """Forks a process for each request on a socket, until that is closed."""
    import_packages(sys.argv[2:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries those that watch
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        while True:
            message, descriptors, _, _ = socket.recv_fds(requests, 1, 5)
            if not message:
                return
            if os.fork() == 0:
                requests.close()
                _watch(descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def import_packages(more: Sequence[str] = ()) -> None:
    """Imports what each process would have to; nothing of crossrun itself, unless it is named."""
    for name in (*_IMPORTED, *more):
        importlib.import_module(name)


def _watch(descriptors: Sequence[int]) -> None:
    """Forks the process that was asked for, and tells its process id and how it ended."""
    request, *streams, status = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(status)
        _become(request, streams)
    for descriptor in (request, *streams):
        os.close(descriptor)
    os.write(status, f"{pid}\n".encode())
    _, ended = os.waitpid(pid, 0)
    os.write(status, str(os.waitstatus_to_exitcode(ended)).encode())
    os._exit(0)


def _become(request: int, streams: Sequence[int]) -> None:
    with open(request, "rb") as asked:
        wanted = json.loads(asked.read())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["environ"])
    sys.path[0] = str(Path.cwd())
    sys.argv = ["crossrun", *wanted["words"]]
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=os.isatty(1))
    runpy.run_module("crossrun", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
