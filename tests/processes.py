"""Children that stay on, and whether they are still there."""

import random
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import psutil

STAYS = 'echo $$ > "$PIDS/{name}"; exec sleep 60'
"""A script that tells its process id in a file and then stays."""

LINGERING = {
    "a plain child": "sh -c '{stays}' &",
    "one in a session of its own": "setsid sh -c '{stays}' &",
    "one that forked twice": "(setsid sh -c '{stays}' &) &",
    "one that ignores polite signals": "(trap '' INT TERM HUP; exec sh -c '{stays}') &",
    "one that holds no pipe": "setsid sh -c '{stays}' </dev/null >/dev/null 2>&1 &",
    "one that dropped its environment": "env -i PIDS=\"$PIDS\" setsid sh -c '{stays}' &",
}
"""Ways in which a script leaves a process behind."""


def lingering(how: str, folder: Path) -> str:
    """A script that leaves a process behind and waits until it is there."""
    pids = folder / "pids"
    pids.mkdir(exist_ok=True)
    begin = LINGERING[how].format(stays=STAYS.format(name="left"))
    return f'export PIDS="{pids}"\n{begin}\nwhile [ ! -s "$PIDS/left" ]; do sleep 0.01; done\n'


def told_pid(folder: Path) -> int:
    """The process id that a script of `lingering` told."""
    return int((folder / "pids" / "left").read_text())


NAMELESS = 54321
"""A user id that nobody has."""


@cache
def nameless_may_run_it() -> bool:
    """Whether this crossrun can be run as a user without a name: by root, from a public folder."""
    words = ["setpriv", f"--reuid={NAMELESS}", "--clear-groups", sys.executable, "-c"]
    try:
        done = subprocess.run([*words, "import crossrun"], check=False, capture_output=True)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def until_there(file: Path) -> str:
    """A script that waits until a file is there: it ends when the test wants it to."""
    return f"while [ ! -e {shlex.quote(str(file))} ]; do sleep 0.05; done"


def unique_sleep() -> str:
    """A command that sleeps through any test; no other test, beside or before, has the same."""
    return f"sleep {random.uniform(300, 900):.9f}"  # noqa: S311


def is_running(text: str) -> bool:
    """Whether a process on this machine has the text in its command line."""
    return any(text in " ".join(_command_line(process)) for process in psutil.process_iter())


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def is_gone(pid: int) -> bool:
    """Whether no process of this number runs (one that nobody has buried yet does not run)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(condition: Callable[[], object], seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.01)
