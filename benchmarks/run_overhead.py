"""What a run adds to the same `codex exec` by hand.

    CODEX_PATH=.../codex python benchmarks/run_overhead.py [--rounds 21]

Both run the real Codex CLI with a scripted model on loopback: one shell command and a message. The
model answers at once, and then like a fast real one, after 0.4 s: only the second leaves the
processor time in which crossrun imports what it needs. Goals: at most 40 ms of wall time, at most
200 ms of CPU time. The last table tells where the CPU time goes: what importing each package takes
by itself.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import Times, interleaved, machine

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from scripted_model import Scenario, ScriptedModel

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
PACKAGES = ("typer", "yaml", "msgspec", "psutil", "sqlmodel")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    codex = os.environ.get("CODEX_PATH") or shutil.which("codex")
    if codex is None:
        sys.exit("no codex: set CODEX_PATH or put it on PATH")
    version = subprocess.run([codex, "--version"], capture_output=True, text=True, check=True)
    print(f"{machine()}, {version.stdout.strip()}, {rounds} rounds, medians\n")
    for delay in (0.0, 0.4):
        print(f"a model that answers after {delay} s")
        report(measured(codex, delay=delay, rounds=rounds))
    report_imports()


def measured(codex: str, *, delay: float, rounds: int) -> dict[str, Times]:
    turns = [
        {"items": [{"shell": "echo hi > hello.txt"}], "delay": delay},
        {"items": ["Done."], "delay": delay},
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedModel([Scenario(turns, after="loop")]) as model,
    ):
        home = Path(folder)
        (home / "config.toml").write_text(CONFIG.format(base_url=model.base_url))
        environ = {
            **{name: value for name, value in os.environ.items() if "OPENAI" not in name},
            "CODEX": codex,
            "CODEX_PATH": codex,
            "CODEX_HOME": folder,
            "CROSSRUN_HOME": str(home / "crossrun"),
            "MOCK_KEY": "sk-mock",
        }
        crossrun = str(Path(sys.executable).with_name("crossrun"))
        words = ["run", "do it", "--planner", "direct", "--quiet"]
        subprocess.run([crossrun, *words], env=environ, check=True, capture_output=True)
        commands = {"codex by hand": ["sh", "-c", BY_HAND], "crossrun run": [crossrun, *words]}
        return interleaved(commands, rounds=rounds, environ=environ, cwd=folder)


def report(times: dict[str, Times]) -> None:
    for name, (wall, cpu) in times.items():
        print(f"  {name:<14} {wall * 1000:7.1f} ms wall {cpu * 1000:7.1f} ms cpu")
    hand, run = times["codex by hand"], times["crossrun run"]
    print(f"  a run adds {(run.wall - hand.wall) * 1000:+.0f} ms of wall time (goal 40), ", end="")
    print(f"{(run.cpu - hand.cpu) * 1000:+.0f} ms of CPU time (goal 200)")
    print(f"  ratio {run.wall / hand.wall:.2f} wall, {run.cpu / hand.cpu:.2f} cpu\n")


def report_imports() -> None:
    imports = interleaved(
        {
            "python alone": [sys.executable, "-c", "pass"],
            **{name: [sys.executable, "-c", f"import {name}"] for name in PACKAGES},
        },
        rounds=9,
    )
    alone = imports.pop("python alone").cpu
    print(f"CPU time of python alone: {alone * 1000:.0f} ms; of imports, each by itself:")
    for name, (_, cpu) in imports.items():
        print(f"  {name:<10} {(cpu - alone) * 1000:5.0f} ms")


if __name__ == "__main__":
    main()
