"""What a run adds to the same `codex exec` by hand, and what a run of a command costs.

    CODEX_PATH=.../codex python benchmarks/run_overhead.py [--rounds 15] [--baseline COMMIT]

With Codex, both sides run the native program with a scripted model on loopback: one shell command
and a message. The model answers at once, and then like a fast real one, after 0.4 s: only the
second leaves the processor time in which crossrun imports what it needs later. Without Codex, a run
of the shell executor is compared with an empty Typer app and the same command. `--baseline`
measures this as well with an earlier commit of the repository, in the same rounds.

Goals: the wall time of an empty Typer app and 40 ms; 150 ms of CPU time; 32 MB of memory (of the
run of a command, whose children are small); the first event stored and shown within 150 ms.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from timing import EMPTY_APP, Times, compile_crossrun, first_output, interleaved, machine

from crossrun.executors.codex.program import Program, find

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from scripted_model import Scenario, ScriptedModel

ROOT = Path(__file__).parent.parent

CONFIG = """\
model = "mock"
model_provider = "mock"
[model_providers.mock]
name = "mock"
base_url = "{base_url}"
env_key = "MOCK_KEY"
wire_api = "responses"
"""
BY_HAND = """\
rm -rf by-hand && mkdir by-hand && echo 'do it' |
    exec "$CODEX" exec --json --skip-git-repo-check -s workspace-write -C "$PWD/by-hand" -
"""
CROSSRUN = [str(Path(sys.executable).with_name("crossrun"))]
WITH_CODEX = ["run", "do it", "--planner", "direct"]
WITH_SHELL = ["run", "true", "--executor", "shell"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--baseline")
    options = parser.parse_args()
    print(f"{machine()}, {options.rounds} rounds, medians\n")
    report(rounds=options.rounds, baseline=options.baseline)


def report(*, rounds: int, baseline: str | None = None) -> None:
    compile_crossrun()
    report_shell(rounds=rounds, baseline=baseline)
    try:
        codex = find(os.environ.get("CODEX_PATH"), os.environ, Path(tempfile.mkdtemp()) / "cache")
    except Exception as error:  # noqa: BLE001  too old, broken or missing: the rest is measured
        print(f"\nnot measured beside Codex: {error}")
        return
    print(f"\nbeside Codex {codex.version}, the native program {codex.path.name}")
    for delay in (0.0, 0.4):
        print(f"a model that answers after {delay} s")
        report_codex(codex, delay=delay, rounds=rounds)


def report_shell(*, rounds: int, baseline: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY_APP)
        environ = {**os.environ, "CROSSRUN_HOME": f"{folder}/crossrun"}
        run = [*WITH_SHELL, "--quiet"]
        limit = f'"{sys.executable}" "{empty}" first && sh -c true'
        commands = {"empty app, true": ["sh", "-c", limit], "crossrun run": [*CROSSRUN, *run]}
        if baseline:
            commands[baseline] = [*at_commit(baseline, Path(folder)), *run]
        times = interleaved(commands, rounds=rounds, environ=environ, cwd=folder)
        shown = first_shown([*CROSSRUN, *WITH_SHELL], environ, folder, rounds=rounds)
    print("a run of the command `true`")
    print_times(times)
    limit_wall, run_wall = times["empty app, true"].wall, times["crossrun run"].wall
    print(f"  ratio to the empty app and `true`: {run_wall / limit_wall:.2f}")
    if baseline:
        faster = times[baseline].wall / run_wall
        print(f"  {faster:.1f} times as fast as {baseline} (goal 3)")
    print(f"  peak memory {times['crossrun run'].memory:.1f} MB (goal 32)")
    print(f"  first event stored and shown after {shown * 1000:.0f} ms (goal 150)")


def at_commit(commit: str, folder: Path) -> list[str]:
    """Runs crossrun as it was at a commit, with today's libraries, on a store of its own."""
    source = folder / commit
    source.mkdir()
    archive = subprocess.run(
        ["git", "-C", ROOT, "archive", commit, "crossrun"], check=True, capture_output=True
    )
    subprocess.run(["tar", "x", "-C", source], input=archive.stdout, check=True)
    subprocess.run([sys.executable, "-m", "compileall", "-q", source], check=True)
    environ = [f"PYTHONPATH={source}", f"CROSSRUN_HOME={folder}/home-{commit}"]
    return ["env", *environ, sys.executable, "-m", "crossrun"]


class Codex(NamedTuple):
    """Where both sides run Codex, with a scripted model."""

    folder: str
    environ: Mapping[str, str]


def report_codex(program: Program, *, delay: float, rounds: int) -> None:
    with scripted(program, delay=delay) as codex:
        empty = Path(codex.folder) / "empty.py"
        empty.write_text(EMPTY_APP)
        run = [*CROSSRUN, *WITH_CODEX]
        commands = {
            "codex by hand": ["sh", "-c", BY_HAND],
            "crossrun run": [*run, "--quiet"],
            "empty app": [sys.executable, str(empty), "first"],
        }
        times = interleaved(commands, rounds=rounds, environ=codex.environ, cwd=codex.folder)
        shown = first_shown(run, codex.environ, codex.folder, rounds=min(rounds, 7))
    print_times(times)
    hand, measured, app = times.values()
    goal = app.wall * 1000 + 40
    print(f"  a run adds {(measured.wall - hand.wall) * 1000:+.0f} ms wall ", end="")
    print(f"(goal {goal:.0f}: the empty app and 40), ", end="")
    print(f"{(measured.cpu - hand.cpu) * 1000:+.0f} ms CPU (goal 150)")
    print(f"  ratio {measured.wall / hand.wall:.2f} wall, {measured.cpu / hand.cpu:.2f} CPU")
    print(f"  first event stored and shown after {shown * 1000:.0f} ms (goal 150)")


@contextmanager
def scripted(program: Program, *, delay: float) -> Iterator[Codex]:
    turns = [
        {"items": [{"shell": "echo hi > hello.txt"}], "delay": delay},
        {"items": ["Done."], "delay": delay},
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedModel([Scenario(turns, after="loop")]) as model,
    ):
        (Path(folder) / "config.toml").write_text(CONFIG.format(base_url=model.base_url))
        environ = {
            **{name: value for name, value in os.environ.items() if "OPENAI" not in name},
            **program.environ,
            "CODEX": str(program.path),
            "CODEX_PATH": str(program.path),
            "CODEX_HOME": folder,
            "CROSSRUN_HOME": f"{folder}/crossrun",
            "MOCK_KEY": "sk-mock",
        }
        yield Codex(folder, environ)


def first_shown(
    command: list[str], environ: Mapping[str, str], folder: str, *, rounds: int
) -> float:
    """Median seconds to the first line on standard error; nothing is shown that is not stored."""
    return statistics.median(
        first_output(command, environ=environ, cwd=folder) for _ in range(rounds)
    )


def print_times(times: Mapping[str, Times]) -> None:
    for name, measured in times.items():
        print(f"  {name:<16} {measured}")


if __name__ == "__main__":
    main()
