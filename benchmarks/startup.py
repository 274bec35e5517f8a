"""How fast crossrun's reads start, beside a Typer app that does nothing.

    python benchmarks/startup.py [--rounds 31] [--llm]

crossrun must be installed in the interpreter's environment. With `--llm`, `llm logs list` is
measured as well; `llm` is installed into a temporary environment. Goals: `--help` and every read
within 1.15 times the empty app; `runs` at least 3.5 times faster than `llm logs list`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from timing import EMPTY_APP, compile_crossrun, interleaved, machine

READS = (
    "--help",
    "runs",
    "show",
    "steps",
    "events",
    "files",
    "artifacts",
    "patterns list",
    "projects",
    "stats",
    "paths",
)
EMPTY_LOG = """\
import sys, sqlite_utils, llm.migrations
llm.migrations.migrate(sqlite_utils.Database(sys.argv[1]))
"""
"""`llm logs list` fails where there is no log at all."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--llm", action="store_true")
    options = parser.parse_args()
    print(f"{machine()}, {options.rounds} rounds, medians\n")
    report(rounds=options.rounds, llm=options.llm)


def report(*, rounds: int, llm: bool = False) -> None:
    compile_crossrun()
    crossrun = str(Path(sys.executable).with_name("crossrun"))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "empty.py").write_text(EMPTY_APP)
        environ = {**os.environ, "CROSSRUN_HOME": str(home / "crossrun"), "LLM_USER_PATH": folder}
        record_runs(crossrun, environ)
        commands = {
            "empty app": [sys.executable, str(home / "empty.py"), "first"],
            **{words: [crossrun, *words.split()] for words in READS},
        }
        if llm:
            commands["llm logs list"] = [installed_llm(home), "logs", "list"]
        times = interleaved(commands, rounds=rounds, environ=environ)
    empty = times["empty app"]
    for name, measured in times.items():
        ratios = f"{measured.wall / empty.wall:.2f} wall, {measured.cpu / empty.cpu:.2f} CPU"
        print(f"{name:<14} {measured}  ratio {ratios}")
    slow = [name for name in READS if times[name].wall > 1.15 * empty.wall]
    print(f"above the goal of 1.15: {', '.join(slow) or 'none'}")
    if llm:
        faster = times["llm logs list"].wall / times["runs"].wall
        print(f"llm logs list / crossrun runs: {faster:.1f} (goal 3.5)")


def record_runs(crossrun: str, environ: Mapping[str, str]) -> None:
    """Twenty runs to look at."""
    for number in range(20):
        command = [crossrun, "run", f"echo run {number}", "--executor", "shell", "--quiet"]
        subprocess.run(command, env=environ, check=True, capture_output=True)


def installed_llm(folder: Path) -> str:
    subprocess.run([sys.executable, "-m", "venv", folder / "llm"], check=True)
    programs = folder / "llm" / "bin"
    subprocess.run([programs / "pip", "install", "--quiet", "llm"], check=True)
    subprocess.run([programs / "python", "-m", "compileall", "-q", folder / "llm"], check=False)
    subprocess.run([programs / "python", "-c", EMPTY_LOG, folder / "logs.db"], check=True)
    return str(programs / "llm")


if __name__ == "__main__":
    main()
