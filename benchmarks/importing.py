"""How fast a session history is imported, and how much memory that takes.

    python benchmarks/importing.py [--megabytes 1000]

The history is made up: rollouts of Codex of about 1 MB, and one of a tenth of the whole, with the
parts that real ones have in about their proportions (instructions, encrypted reasoning, usage,
outputs of commands). Each has several tasks, of which some teach something. Beside it, in the same
run: a program that reads each line of the same files with `json.loads` and drops it.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from timing import machine

_MEGABYTE = 1_000_000
_BASELINE = """\
import json, sys
from pathlib import Path
for file in sorted(Path(sys.argv[1]).rglob("*.jsonl")):
    with file.open("rb") as lines:
        for line in lines:
            json.loads(line)
"""
_COMMANDS = (
    "rg -n 'def {word}' src", "sed -n '1,200p' src/{word}.py", "pytest -q tests/test_{word}.py",
    "ruff check src/{word}.py", "git diff --stat", "python -m build --wheel",
    "git commit -am 'Mend {word}'",
)  # fmt: skip
_REMARKS = ("thanks, that works", "still failing", "yes please", "continue")


class Rollouts:
    """Makes up rollouts."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311
        self._words = [
            "".join(self._chance.choices("etaoinshrdlu", k=self._chance.randint(3, 9)))
            for _ in range(3_000)
        ]
        self._blob = "".join(self._chance.choices("ABCDEFGHabcdefgh0123456789+/", k=100_000))
        self._calls = 0

    def write(self, file: Path, size: int, number: int) -> None:
        """Writes a rollout of about so many bytes."""
        file.parent.mkdir(parents=True, exist_ok=True)
        at = f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}T10:00:00.000Z"
        with file.open("w") as stream:
            for kind, payload in self._lines(f"session-{number}"):
                stream.write(json.dumps({"timestamp": at, "type": kind, "payload": payload}))
                stream.write("\n")
                if stream.tell() > size and payload.get("role") == "assistant":
                    return

    def _lines(self, session_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "session_meta", {
            "id": session_id, "timestamp": "2026-01-01T00:00:00Z", "cwd": "/home/ben/work/shop",
            "cli_version": "0.63.0", "source": "cli", "instructions": self._text(3_000),
        }  # fmt: skip
        while True:
            yield "response_item", self._message("user", f"Mend the {self._text(12)}")
            for _ in range(self._chance.randint(4, 20)):
                yield from self._act()
            yield "response_item", self._message("assistant", self._text(60))
            if self._chance.random() < 0.5:
                remark = self._chance.choice(_REMARKS)
                yield "response_item", self._message("user", remark)
                yield from self._act()
                yield "response_item", self._message("assistant", self._text(20))

    def _act(self) -> Iterator[tuple[str, dict[str, Any]]]:
        self._calls += 1
        call_id, word = f"call_{self._calls}", self._chance.choice(self._words)
        begin = self._chance.randrange(90_000)
        yield "response_item", {
            "type": "reasoning", "summary": [], "encrypted_content": self._blob[begin:][:2_000],
        }  # fmt: skip
        if self._chance.random() < 0.2:
            patch = f"*** Begin Patch\n*** Update File: src/{word}.py\n@@\n+{self._text(100)}"
            call = {"type": "custom_tool_call", "name": "apply_patch", "input": patch}
            yield "response_item", call | {"call_id": call_id}
            output = json.dumps({"output": "Success.", "metadata": {"exit_code": 0}})
            kind = "custom_tool_call_output"
        else:
            command = self._chance.choice(_COMMANDS).format(word=word)
            arguments = json.dumps({"command": command, "workdir": "/home/ben/work/shop"})
            call = {"type": "function_call", "name": "shell_command", "arguments": arguments}
            yield "response_item", call | {"call_id": call_id}
            code = int(self._chance.random() < 0.15)
            length = int(self._chance.expovariate(1 / 400)) + 1
            output = f"Exit code: {code}\nWall time: 0.2 seconds\nOutput:\n{self._text(length)}"
            kind = "function_call_output"
        yield "response_item", {"type": kind, "call_id": call_id, "output": output}
        used = {"input_tokens": 900 * self._calls, "output_tokens": 40 * self._calls}
        yield "event_msg", {"type": "token_count", "info": {"total_token_usage": used}}

    def _message(self, role: str, text: str) -> dict[str, Any]:
        return {"type": "message", "role": role, "content": [{"type": "text", "text": text}]}

    def _text(self, words: int) -> str:
        return " ".join(self._chance.choices(self._words, k=words))


def write_history(folder: Path, megabytes: int) -> int:
    """Writes a history of about so many megabytes; its size in bytes."""
    rollouts, large = Rollouts(1), megabytes // 10
    sizes = [large * _MEGABYTE, *([_MEGABYTE] * (megabytes - large))]
    for number, size in enumerate(sizes):
        rollouts.write(folder / "sessions" / f"rollout-{number:05}.jsonl", size, number)
    return sum(file.stat().st_size for file in folder.rglob("*.jsonl"))


def measured(command: list[str], environ: dict[str, str]) -> tuple[float, float, float, bytes]:
    """Wall and CPU seconds of a program, its peak memory in MB, and its output."""
    began = time.perf_counter()
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as process:
        output = b"" if process.stdout is None else process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with exit code {process.returncode}")
    wall = time.perf_counter() - began
    return wall, used.ru_utime + used.ru_stime, _megabytes(used), output


def _megabytes(used: resource.struct_rusage) -> float:
    scale = 1 if sys.platform == "darwin" else 1024
    return used.ru_maxrss * scale / _MEGABYTE


def main() -> None:
    """Makes a history, imports it, and prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=1_000)
    megabytes: int = parser.parse_args().megabytes
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = write_history(folder / "history", megabytes) / _MEGABYTE
        environ = {**os.environ, "CROSSRUN_HOME": str(folder / "home")}
        plain = [sys.executable, "-c", _BASELINE, str(folder / "history")]
        wall, cpu, memory, _ = measured(plain, environ)
        print(f"json.loads   {size / wall:7.1f} MB/s  {cpu:6.1f} s CPU  {memory:6.1f} MB peak")
        words = ["import", "codex", str(folder / "history"), "--yes", "--json"]
        imports = [sys.executable, "-m", "crossrun", *words]
        import_wall, import_cpu, memory, output = measured(imports, environ)
        result = json.loads(output)
        rate = size / import_wall
        print(f"import       {rate:7.1f} MB/s  {import_cpu:6.1f} s CPU  {memory:6.1f} MB peak")
        print(f"             {import_cpu / cpu:.1f} times the CPU time of json.loads")
        print(
            f"{size:,.0f} MB in {result['files']} files: {result['runs']:,} runs,"
            f" {result['events']:,} events, {result['learned']:,} lessons,"
            f" a store of {(folder / 'home' / 'crossrun.db').stat().st_size / _MEGABYTE:,.0f} MB"
        )
        wall, _, memory, output = measured(imports, environ)
        unchanged = json.loads(output)["unchanged"]
        print(f"again        {wall:.1f} s, {unchanged} sessions unchanged, {memory:.1f} MB peak")


if __name__ == "__main__":
    main()
