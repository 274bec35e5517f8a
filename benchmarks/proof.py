"""How long the proof sheet of a long run takes: 3,000 commands, of which all, some or none check.

    python benchmarks/proof.py [--commands 3000]

Beside it stands the time to decode the same events, which the sheet cannot do without. Goal: 0.3 s
of CPU time for each kind of run.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from timing import machine

from crossrun.events import (
    AgentSpoke,
    CommandRan,
    CommandStarted,
    Event,
    RunStarted,
    WorkspaceChanged,
    decode,
    encode,
)
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Change
from crossrun.proof.assessment import assess_run, preload_rules

_SAID = "I updated `mod_1.py`. All tests pass. I ran `pytest -q tests/test_5.py`."
_FILES = 50
_OUTPUT = "a line of output\n" * 50
KINDS: Mapping[str, Callable[[int], tuple[str, int]]] = {
    "other tests each time": lambda n: (f"pytest -q tests/test_{n}.py", 0),
    "looks": lambda n: (f"cd src && sed -n '{n},+20p' mod_{n % _FILES}.py | head -20", 0),
    "failures": lambda n: (f"python run_{n}.py --number {n}", 1),
    "edits": lambda n: (f"sed -i s/a/b/ mod_{n % _FILES}.py && python mod_{n % _FILES}.py", 0),
}


def events(command_of: Callable[[int], tuple[str, int]], commands: int) -> Iterator[Event]:
    """The events of a run with so many commands."""
    yield RunStarted(request=RunRequest(task="x"), workspace="/w", crossrun_version="0")
    for number in range(commands):
        script, code = command_of(number)
        command = f"/bin/bash -lc '{script}'"
        yield CommandStarted(command=command)
        yield CommandRan(command=command, exit_code=code, output=_OUTPUT)
    changes = tuple(Change(f"mod_{number}.py", "modified") for number in range(_FILES))
    yield AgentSpoke(text=_SAID)
    yield WorkspaceChanged(tree="t", changes=changes, shortstat="", stat="")


def seconds(call: Callable[[Any], object], argument: object) -> float:
    """CPU time."""
    began = time.process_time()
    call(argument)
    return time.process_time() - began


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--commands", type=int, default=3_000)
    commands = parser.parse_args().commands
    print(machine())
    loading = (
        "import time, crossrun.events; from crossrun.proof.assessment import preload_rules;"
        "t = time.process_time(); preload_rules(); print(time.process_time() - t)"
    )
    done = subprocess.run([sys.executable, "-c", loading], capture_output=True, check=True)
    print(f"loading the rules: {float(done.stdout):.3f} s of CPU time")
    preload_rules()
    for kind, command_of in KINDS.items():
        stored = [encode(event) for event in events(command_of, commands)]
        recorded = [(number, decode(body)) for number, body in enumerate(stored, 1)]
        decoding = seconds(lambda bodies: list(map(decode, bodies)), stored)
        judging = seconds(lambda some: assess_run(some, b""), recorded)
        print(f"{kind:<22} {judging:.3f} s beside {decoding:.3f} s of decoding")


if __name__ == "__main__":
    main()
