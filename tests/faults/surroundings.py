"""Odd surroundings: launchers, streams, signals, homes and clocks change no end of a run."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, Any

from clocks import WallClock
from conftest import Crossrun, Result
from processes import NAMELESS, lingering, nameless_may_run_it, wait_for

from faults.fake_codex import THREAD_STARTED, TURN_COMPLETED, TURN_STARTED, crossrun_with, spoken
from faults.lists import FaultList, Trial
from faults.worlds import Ledger, crossrun_in, left_of, told

_LAUNCHERS = {
    "ignores the end of its children": "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    "blocks all signals": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
    "ignores many signals": (
        "for n in (1, 2, 3, 10, 12, 13, 14, 20, 21, 22): signal.signal(n, signal.SIG_IGN)"
    ),
    "closes standard input": "os.close(0)",
    "closes standard output": "os.close(1)",
    "closes standard error": "os.close(2)",
    "closes all of them": "os.closerange(0, 3)",
    "has a full output": "os.dup2(os.open('/dev/full', os.O_WRONLY), 1)",
    "has a full output for errors": "os.dup2(os.open('/dev/full', os.O_WRONLY), 2)",
    "has an output for reading": "os.dup2(os.open('/dev/null', os.O_RDONLY), 1)",
    "has an output that nobody reads any more": "r, w = os.pipe(); os.dup2(w, 1); os.close(r)",
    "has errors that nobody reads any more": "r, w = os.pipe(); os.dup2(w, 2); os.close(r)",
    "makes the streams non-blocking": "for n in (0, 1, 2): os.set_blocking(n, False)",
    "leaves files open": "for n in range(3, 99): os.dup2(os.open('/dev/null', os.O_RDWR), n)",
    "has few descriptors": "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
    "lets nobody read its files": "os.umask(0o777)",
    "removed the current folder": "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')",
    "leads a session": "os.setsid()",
}
_LAUNCH = "import os, resource, signal, sys\n{meddle}\nos.execv(sys.argv[1], sys.argv[1:])"
_RUNS = {
    "a check that fails": (("echo a > a", "--verify", "exit 7"), ("failed", 9), "a"),
    "a script that fails": (("echo a > a; exit 3",), ("failed", 1), "a"),
    "JSON": (("echo a > a", "--json"), ("succeeded", 0), "a"),
}
_SIGNALS = ("QUIT", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "XCPU", "IO", "PWR", "STKFLT")
_MANY = 3000
_FLOOD = (
    f"print({THREAD_STARTED!r}, {TURN_STARTED!r}, sep='\\n')\n"
    f"for n in range({_MANY}): print({spoken('word ' * 40)!r})\n"
)
_STAYING = f"{_FLOOD}sys.stdout.flush()\nimport time; time.sleep(60)"
_ENDING = f"{_FLOOD}print({TURN_COMPLETED!r})\nsys.stdout.flush()"
_LONGEST = 40.0


def launched(trial: Trial, launcher: str, kind: str) -> None:
    """A run under an odd launcher has the end, the exit code and the files that it should have."""
    crossrun = crossrun_in(trial.folder)
    words, expected, made = _RUNS[kind]
    command = crossrun.command("run", "--executor", "shell", *words)
    code = _LAUNCH.format(meddle=_LAUNCHERS[launcher])
    result = _completed([sys.executable, "-c", code, *command], crossrun)
    _check_calm(result)
    assert (result.code, Ledger(crossrun).statuses()) == (expected[1], _one(crossrun, expected))
    changes = crossrun.json("show")["changes"]
    assert [change["path"] for change in changes] == [made], changes


def ended_by(trial: Trial, name: str) -> None:
    """A signal ends a run in order, and nothing of it stays."""
    crossrun = crossrun_in(trial.folder)
    number = signal.Signals[f"SIG{name}"]
    kind = "one that ignores polite signals"
    script = f"{lingering(kind, trial.folder)}echo a > a; sleep 60"
    process = crossrun.start("run", "--executor", "shell", script)
    wait_for((trial.folder / "pids" / "left").exists)
    process.send_signal(number)
    _, err = process.communicate(timeout=_LONGEST)
    _check_calm(Result(process.returncode, "", err.decode()))
    assert process.returncode == 128 + number, process.returncode
    assert Ledger(crossrun).statuses() == _one(crossrun, ("cancelled", 10))
    left = left_of(trial.folder)
    assert not left, f"there are still {told(left)}"


def unread(trial: Trial, stream: str, way: str) -> None:
    """A stream that nobody reads holds up neither time nor a request to stop."""
    crossrun = crossrun_with(trial.folder, _STAYING)
    words = ["run", "x", *(["--timeout", "4s"] if way == "timeout" else [])]
    with _stalled(crossrun, stream, words) as (process, _):
        wait_for(lambda: Ledger(crossrun).statuses())
        time.sleep(trial.chance.uniform(0, 2))
        if way == "cancel":
            assert crossrun("cancel", "last").code == 0
        elif way == "SIGINT twice":
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
        code = process.wait(_LONGEST)
    ended = {"timeout": ("timed_out", 124), "cancel": ("cancelled", 10)}
    status, stored = ended.get(way, ("cancelled", 10))
    assert Ledger(crossrun).statuses() == _one(crossrun, (status, stored))
    assert code == (130 if way == "SIGINT twice" else stored), code


def read_late(trial: Trial, stream: str) -> None:
    """Whoever reads late gets everything: all lines, or how it ended."""
    crossrun = crossrun_with(trial.folder, _ENDING)
    with _stalled(crossrun, stream, ["run", "x"]) as (process, readable):
        wait_for(lambda: ("succeeded", 0) in Ledger(crossrun).statuses().values())
        time.sleep(1)
        text = readable.read().decode()
        assert process.wait(_LONGEST) == 0
    if stream == "stderr":
        assert "succeeded after" in text
    else:
        numbers = [json.loads(line)["seq"] for line in text.splitlines()]
        assert numbers == list(range(1, len(Ledger(crossrun).events()) + 1))
        assert len(numbers) > _MANY


def suspended(trial: Trial, then: str) -> None:
    """Ctrl-Z stops the agent as well; the run goes on, or ends, when it is continued."""
    crossrun = crossrun_in(trial.folder)
    counted = trial.folder / "counted"
    script = f"for i in $(seq 20); do echo $i >> {counted}; sleep 0.1; done"
    process = subprocess.Popen(
        crossrun.command("run", "--executor", "shell", script),
        cwd=crossrun.cwd,
        env=crossrun.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    wait_for(counted.exists)
    process.send_signal(signal.SIGTSTP)
    os.waitpid(process.pid, os.WUNTRACED)
    before = counted.read_text()
    time.sleep(1)
    assert counted.read_text() == before, "the agent goes on"
    if then == "SIGTERM":
        process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    expected = {"goes on": (0, "succeeded"), "SIGTERM": (143, "cancelled")}[then]
    code = process.wait(_LONGEST)
    assert (code, crossrun.json("show")["status"]) == expected


def detached(trial: Trial) -> None:
    """A run in the background holds no file that its launcher has locked."""
    crossrun = crossrun_in(trial.folder)
    lock = trial.folder / "lock"
    command = crossrun.command("run", "--executor", "shell", "sleep 30", "--detach")
    result = _completed(["flock", str(lock), *command], crossrun)
    assert result.code == 0, result.err
    free = subprocess.run(["flock", "--nonblock", str(lock), "true"], check=False)
    assert crossrun("cancel", result.out.strip()).code == 0
    assert free.returncode == 0, "the lock is still held"


def homeless(trial: Trial, home: str | None, words: tuple[str, ...], code: int) -> None:
    """Somebody without a name, and with no home folder that is one."""
    crossrun = crossrun_in(trial.folder)
    for folder in (trial.folder, crossrun.cwd):
        folder.chmod(0o777)
    for name in ("HOME", "CROSSRUN_HOME"):
        del crossrun.environ[name]
    crossrun.environ |= {} if home is None else {"HOME": home}
    place = trial.folder / "place"
    command = [word.format(place=place) for word in crossrun.command(*words)]
    result = _completed(["setpriv", f"--reuid={NAMELESS}", "--clear-groups", *command], crossrun)
    _check_calm(result)
    assert result.code == code, result
    assert code == 0 or "hint: set HOME, or " in result.err, result.err
    assert not list(crossrun.cwd.iterdir()), "it made something in the current folder"


def clock_jumps(trial: Trial, seconds: int) -> None:
    """The wall clock jumps in a run: no length is wrong, and the last run is the one made last."""
    crossrun = crossrun_in(trial.folder)
    clock = WallClock(trial.folder)
    clock.jump(0)
    crossrun.environ |= clock.environ
    script = f"echo {seconds} > {clock.file}; sleep 0.5"
    assert crossrun("run", "--executor", "shell", script, "--timeout", "60").code == 0
    first = crossrun.json("show")
    assert 0.5 <= first["duration_s"] < _LONGEST, first["duration_s"]
    second = crossrun("run", "--executor", "shell", "true").out.strip()
    assert crossrun.json("show", "last")["id"] == second


@contextmanager
def _stalled(
    crossrun: Crossrun, stream: str, words: list[str]
) -> Iterator[tuple["subprocess.Popen[bytes]", IO[bytes]]]:
    """A run one of whose streams is a pipe that nobody reads yet."""
    readable, writable = os.pipe()
    streams: Mapping[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    lines = ["--jsonl"] if stream == "stdout" else []
    process = subprocess.Popen(
        crossrun.command(*words, *lines),
        cwd=crossrun.cwd,
        env=crossrun.environ,
        stdin=subprocess.DEVNULL,
        **{**streams, stream: writable},
    )
    os.close(writable)
    try:
        with os.fdopen(readable, "rb") as pipe:
            yield process, pipe
    finally:
        process.kill()
        process.wait()
        for left in left_of(crossrun.cwd.parent):
            with suppress(ProcessLookupError):
                os.kill(left.pid, signal.SIGKILL)


def _completed(command: list[str], crossrun: Crossrun) -> Result:
    done = subprocess.run(
        command,
        cwd=crossrun.cwd,
        env=crossrun.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_LONGEST,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def _check_calm(result: Result) -> None:
    for word in ("Traceback", "INTERNAL", "Exception ignored"):
        assert word not in result.err, result.err


def _one(crossrun: Crossrun, expected: tuple[str, int]) -> dict[str, tuple[str, int]]:
    """What the ledger says when there is one run with this end."""
    return dict.fromkeys(Ledger(crossrun).statuses() or ["a run"], expected)


def _lacks() -> str | None:
    return None if sys.platform == "linux" else "the trials are made for Linux"


_HOMES: tuple[Callable[[Trial], None], ...] = (
    partial(homeless, home=None, words=("runs",), code=3),
    partial(homeless, home=None, words=("--version",), code=0),
    partial(
        homeless,
        home=None,
        words=("run", "true", "--executor", "shell", "--home", "{place}"),
        code=0,
    ),
    partial(homeless, home="", words=("runs", "--json"), code=3),
    partial(homeless, home="relative", words=("run", "true", "--executor", "shell"), code=3),
    partial(homeless, home=None, words=("stats", "--home", "{place}"), code=0),
)
_CASES: tuple[Callable[[Trial], None], ...] = (
    *(partial(unread, stream="stderr", way=way) for way in ("timeout", "cancel", "SIGINT twice")),
    *(partial(unread, stream="stdout", way=way) for way in ("timeout", "SIGINT twice")),
    partial(read_late, stream="stdout"),
    partial(read_late, stream="stderr"),
    *(
        partial(launched, launcher=launcher, kind=kind)
        for launcher, kind in itertools.product(_LAUNCHERS, list(_RUNS)[:2])
    ),
    *(
        partial(launched, launcher=launcher, kind="JSON")
        for launcher in _LAUNCHERS
        if "output" in launcher
    ),
    *(partial(ended_by, name=name) for name in _SIGNALS if hasattr(signal, f"SIG{name}")),
    partial(suspended, then="goes on"),
    partial(suspended, then="SIGTERM"),
    detached,
    *(_HOMES if nameless_may_run_it() else ()),
    *(partial(clock_jumps, seconds=seconds) for seconds in (-7200, 7200, -1) if shutil.which("cc")),
)

SURROUNDINGS = FaultList(
    "surroundings",
    "odd launchers, streams, signals, homes and clocks: the right end, all data, nothing held up",
    short=len(_CASES),
    long=5 * len(_CASES),
    carry_out=lambda trial: _CASES[trial.number % len(_CASES)](trial),
    lacks=_lacks,
)
