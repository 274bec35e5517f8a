"""How Codex may end: a run is a success only with a turn that completed and exit code 0."""

import itertools
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from conftest import Crossrun
from processes import wait_for
from scripted_model import Scenario

from faults.fake_codex import (
    THREAD_STARTED,
    TURN_COMPLETED,
    TURN_FAILED,
    TURN_STARTED,
    crossrun_with,
    spoken,
)
from faults.lists import FaultList, Trial
from faults.worlds import Ledger, left_of, named, real_codex, scripted_codex, started

_CODES = (0, 1, 2, 130, 137, -signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL)
"""Exit codes; those below zero by the signal itself."""
_TERMINAL = {"": [], "turn.completed": [TURN_COMPLETED], "turn.failed": [TURN_FAILED]}
_BEFORE = ((), (THREAD_STARTED, TURN_STARTED, spoken("hello")))
Expected = tuple[str, int, str | None]
"""Status, exit code and failure."""
_SUCCESS: Expected = ("succeeded", 0, None)
_DIED: Expected = ("failed", 1, "AGENT_DIED")
_REFUSED: Expected = ("failed", 1, "AGENT_REFUSED")
_FAILED: Expected = ("failed", 1, "AGENT_FAILED")


def said_and_ended(trial: Trial, code: int, terminal: str, before: tuple[str, ...]) -> None:
    """A Codex that says some lines and ends by itself, or is ended."""
    lines = "".join(f"{line}\n" for line in (*before, *_TERMINAL[terminal]))
    how = f"os._exit({code})" if code >= 0 else f"os.kill(os.getpid(), {-code})"
    body = f"signal.signal(2, signal.SIG_DFL)\nos.write(1, {lines.encode()!r})\n{how}"
    expected = _DIED
    if terminal == "turn.failed":
        expected = _FAILED
    elif terminal and code == 0:
        expected = _SUCCESS
    elif not before and not terminal and code >= 0:
        expected = _REFUSED
    crossrun = crossrun_with(trial.folder, body)
    _ran(crossrun, expected, "run", "say hello")


def killed_in_its_turn(trial: Trial, signum: signal.Signals) -> None:
    """The real Codex, hit by a signal while its command runs."""
    with (
        scripted_codex(trial.folder, [{"shell": "sleep 60"}, "Slept."]) as made,
        started(made.crossrun, "run", "sleep", "--no-watch") as process,
    ):
        wait_for(lambda: any(named(at) == "sleep" for at in left_of(trial.folder)), 20)
        codex = next(at for at in psutil.Process(process.pid).children() if named(at) == "codex")
        codex.send_signal(signum)
        code = process.wait(20)
        _ended(made.crossrun, _DIED, code)


def refused(trial: Trial, *, option: str, words: tuple[str, ...] = ()) -> None:
    """The real Codex, told something that it does not know."""
    with scripted_codex(trial.folder, ["Hello."]) as made:
        wrapper = _wrapper(trial.folder, f'shift; exec {real_codex()} exec {option} "$@"')
        made.crossrun.environ["CODEX_PATH"] = str(wrapper)
        _ran(made.crossrun, _REFUSED, "run", "say hello", *words)
        assert not made.model.requests, "the model was asked all the same"


def removed(trial: Trial) -> None:
    """A Codex that is no longer there when its second turn begins."""
    step = {"call": "codex_exec", "arguments": {"prompt": "do a part"}}
    wrapper = _wrapper(trial.folder, f'exec {real_codex()} "$@"')
    script = [
        Scenario([step, step, "Done."], path="chat"),
        Scenario([{"shell": f"rm {wrapper}"}, "Removed it."]),
    ]
    with scripted_codex(trial.folder, script) as made:
        made.crossrun.environ |= {
            "CODEX_PATH": str(wrapper),
            "OPENAI_API_KEY": "sk-plan",
            "OPENAI_BASE_URL": made.model.base_url,
        }
        words = ("run", "do two parts", "--planner", "openai", "--sandbox", "danger-full-access")
        _ran(made.crossrun, _DIED, *words)
        steps = [row.type for row in Ledger(made.crossrun).events()].count("step_finished")
        assert steps == 2, f"{steps} steps"


def missing(trial: Trial) -> None:
    """No Codex at all: nothing is recorded."""
    crossrun = crossrun_with(trial.folder, "")
    (trial.folder / "codex").unlink()
    result = crossrun("run", "say hello", "--json")
    assert (result.code, result.json["error"]["code"]) == (3, "CODEX_MISSING")
    assert not Ledger(crossrun).events()


def not_to_be_started(trial: Trial) -> None:
    """A Codex that the system cannot start, though it could ask it for its version."""
    crossrun = crossrun_with(trial.folder, "")
    program = trial.folder / "codex"
    program.write_text('#!/bin/sh\necho codex-cli 0.169.0\nchmod -x "$0"\n')
    result = crossrun("run", "say hello", "--json")
    assert (result.code, result.json["failure"]["code"]) == (1, "AGENT_DIED")


def _wrapper(folder: Path, script: str) -> Path:
    wrapper = folder / "wrapper"
    version = 'if [ "$1" = --version ]; then echo codex-cli 0.169.0; exit; fi'
    wrapper.write_text(f"#!/bin/sh\n{version}\n{script}\n")
    wrapper.chmod(0o755)
    return wrapper


def _ran(crossrun: Crossrun, expected: Expected, *words: str) -> None:
    result = crossrun(*words, "--no-watch")
    assert "Traceback" not in result.err, result.err
    _ended(crossrun, expected, result.code)


def _ended(crossrun: Crossrun, expected: Expected, code: int) -> None:
    run = crossrun.json("show")
    failure = run["failure"] and run["failure"]["code"]
    assert (run["status"], run["exit_code"], failure) == expected, run["failure"]
    assert code == run["exit_code"]
    assert Ledger(crossrun).events()[-1].type == "run_finished"


_CASES: tuple[Callable[[Trial], None], ...] = (
    *(
        partial(said_and_ended, code=code, terminal=terminal, before=before)
        for code, terminal, before in itertools.product(_CODES, _TERMINAL, _BEFORE)
    ),
    *(
        partial(killed_in_its_turn, signum=signum)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    ),
    partial(refused, option="--no-such-option"),
    partial(refused, option="", words=("-c", "model_provider=nosuch")),
    partial(refused, option="", words=("-c", "sandbox_mode=5")),
    removed,
    missing,
    not_to_be_started,
)

ENDINGS = FaultList(
    "endings",
    "Codex ends well, badly, in mid-turn, or cannot be started: the right status and failure",
    short=len(_CASES),
    long=20 * len(_CASES),
    carry_out=lambda trial: _CASES[trial.number % len(_CASES)](trial),
)
