"""What the fork server starts is, but for its start, what `python -m crossrun` starts."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import fork_server
import pytest
from conftest import Crossrun

LOOK = 'pwd; echo "$MARK"; cat; ls /proc/self/fd; grep -E "SigBlk|SigIgn|Umask" /proc/self/status'
"""What a script sees of the process that it comes from."""


def plain(crossrun: Crossrun, *words: str, **environ: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        crossrun.command(*words),
        cwd=crossrun.cwd,
        env={**crossrun.environ, **environ},
        input=b"from stdin",
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def forked(
    crossrun: Crossrun, *words: str, timeout: float = 60, **environ: str
) -> tuple[int, bytes, bytes]:
    environment = {**crossrun.environ, **environ}
    done = fork_server.run(
        words, cwd=crossrun.cwd, environ=environment, stdin=b"from stdin", timeout=timeout
    )
    return done.returncode, done.stdout, done.stderr


def script_of(crossrun: Crossrun) -> dict[str, Any]:
    """What the last run's script said, and how it ended."""
    (event,) = [event for event in crossrun.events() if event["type"] == "command_ran"]
    return {name: event[name] for name in ("output", "exit_code")}


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("paths", "--json"),
        ("runs", "--json"),
        ("show",),
        ("no-such-command",),
        ("run", "--file", "-", "--dry-run", "--json"),
    ],
)
def test_streams_and_exit_code_are_the_same(crossrun: Crossrun, words: tuple[str, ...]) -> None:
    assert forked(crossrun, *words) == plain(crossrun, *words)


def test_what_a_script_of_a_run_sees_is_the_same(crossrun: Crossrun) -> None:
    words = ("run", "--executor", "shell", "--workspace", ".", "--json", f"{LOOK}; exit 3")
    assert plain(crossrun, *words, MARK="\udcff é\n")[0] == 1
    by_plain = script_of(crossrun)
    assert forked(crossrun, *words, MARK="\udcff é\n")[0] == 1
    assert script_of(crossrun) == by_plain
    assert (by_plain["exit_code"], str(crossrun.cwd) in by_plain["output"]) == (3, True)


def test_crossrun_is_imported_anew() -> None:
    code = f"import sys; sys.path[0] = {str(Path(__file__).parent)!r}; import fork_server"
    code += "; fork_server.import_packages(); print([m for m in sys.modules if 'crossrun' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_command_that_takes_too_long_is_killed(crossrun: Crossrun) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        forked(crossrun, "run", "--executor", "shell", "sleep 3", timeout=0.5)


def test_variables_that_python_reads_when_it_starts_are_obeyed(crossrun: Crossrun) -> None:
    assert b"import 'crossrun'" in forked(crossrun, "--version", PYTHONVERBOSE="1")[2]
