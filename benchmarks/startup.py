"""How fast crossrun starts, beside a Typer app that does nothing and beside `llm logs list`.

    python benchmarks/startup.py [--rounds 31]

crossrun must be installed in the interpreter's environment (not in editable mode where Python
writes no byte code). `llm` is installed into a temporary environment of its own. Goals: `--help`
and `runs` within 1.15 times the empty app; `runs` at least 3.5 times faster than `llm logs list`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import interleaved, machine

EMPTY_APP = """\
import typer

app = typer.Typer()

@app.command()
def first(name: str = "x", count: int = 3) -> None: ...

@app.command()
def second(name: str = "x") -> None: ...

app()
"""
EMPTY_LOG = """\
import sys, sqlite_utils, llm.migrations
llm.migrations.migrate(sqlite_utils.Database(sys.argv[1]))
"""
"""`llm logs list` fails where there is no log at all."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    rounds = parser.parse_args().rounds
    crossrun = str(Path(sys.executable).with_name("crossrun"))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "empty.py").write_text(EMPTY_APP)
        environ = {**os.environ, "CROSSRUN_HOME": str(home / "crossrun"), "LLM_USER_PATH": folder}
        for number in range(20):
            task = f"echo run {number}"
            command = [crossrun, "run", task, "--executor", "shell", "--quiet"]
            subprocess.run(command, env=environ, check=True, capture_output=True)
        commands = {
            "empty app": [sys.executable, str(home / "empty.py"), "first"],
            "empty app --help": [sys.executable, str(home / "empty.py"), "--help"],
            "crossrun --help": [crossrun, "--help"],
            "crossrun runs": [crossrun, "runs"],
            "crossrun show": [crossrun, "show"],
            "llm logs list": [installed_llm(home), "logs", "list"],
        }
        times = interleaved(commands, rounds=rounds, environ=environ)
    print(f"{machine()}, {rounds} rounds, medians\n")
    empty = times["empty app"].wall
    for name, (wall, cpu) in times.items():
        print(
            f"{name:<18} {wall * 1000:7.1f} ms wall {cpu * 1000:7.1f} ms cpu  {wall / empty:5.2f}"
        )
    print()
    for name in ("crossrun --help", "crossrun runs"):
        print(f"{name} / empty app: {times[name].wall / empty:.2f} (goal 1.15)")
    faster = times["llm logs list"].wall / times["crossrun runs"].wall
    print(f"llm logs list / crossrun runs: {faster:.1f} (goal 3.5)")


def installed_llm(folder: Path) -> str:
    subprocess.run([sys.executable, "-m", "venv", folder / "llm"], check=True)
    programs = folder / "llm" / "bin"
    subprocess.run([programs / "pip", "install", "--quiet", "llm"], check=True)
    subprocess.run([programs / "python", "-m", "compileall", "-q", folder / "llm"], check=False)
    subprocess.run([programs / "python", "-c", EMPTY_LOG, folder / "logs.db"], check=True)
    return str(programs / "llm")


if __name__ == "__main__":
    main()
