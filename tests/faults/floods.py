"""Floods: a line, an stderr and a run of any size end well, in memory that has a bound."""

import gzip
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import Crossrun

from faults.fake_codex import (
    THREAD_STARTED,
    TURN_COMPLETED,
    TURN_STARTED,
    crossrun_with,
    spoken,
)
from faults.lists import FaultList, Trial
from faults.worlds import Ledger

_MB = 1_000_000
_LINE = 100 * _MB
_STDERR = 1_000 * _MB
_FEW, _MANY = 100_000, 1_000_000
_LINE_FACTOR = 2.5
"""So many times a line's size may be needed beyond what a run needs anyway."""
_MORE_FACTOR, _MORE_BYTES = 1.15, 20 * _MB
"""What more input of any kind may cost, where memory is to be constant."""
_LONGEST = 900.0
_LOOK = 0.05
"""Seconds between looks at the memory; what is needed in the last moment may be missed."""

_ITEMS: list[tuple[str, dict[str, object]]] = [
    ("started", {"type": "command_execution", "command": "make a"}),
    ("completed", {"type": "command_execution", "command": "make a", "exit_code": 0}),
    (
        "completed",
        {
            "type": "command_execution",
            "command": "make b",
            "exit_code": 2,
            "aggregated_output": "make: *** No rule to make target 'b'.  Stop.\n" * 10,
        },
    ),
    (
        "completed",
        {
            "type": "file_change",
            "status": "completed",
            "changes": [{"path": "a.txt", "kind": "update"}],
        },
    ),
    ("completed", {"type": "reasoning", "text": "**Thinking** on"}),
    ("updated", {"type": "todo_list", "items": [{"text": "read", "completed": True}]}),
    ("completed", {"type": "mcp_tool_call", "server": "tiny", "tool": "add", "arguments": [2, 3]}),
    ("started", {"type": "web_search", "query": "codex docs"}),
    ("completed", {"type": "error", "message": "Reconnecting... 1/5"}),
    ("completed", {"type": "agent_message", "text": "so far so good"}),
]
"""What a run of many events goes through again and again: ten events of most kinds."""


def long_line(trial: Trial) -> None:
    """One line of 100 MB, whose beginning is kept and whose rest goes to the transcript."""
    least = _peak(trial.folder / "least", "")
    body = f"for _ in range({_LINE // _MB}): os.write(1, b'x' * {_MB})\nprint(flush=True)"
    with _flooded(trial.folder / "most", body) as (crossrun, most):
        assert most - least <= _LINE_FACTOR * _LINE, f"{most - least:,} bytes more"
        events = [json.loads(row.body) for row in Ledger(crossrun).events()]
        pieces = [event for event in events if event["type"] == "unrecognised"]
        assert sum(piece["bytes"] for piece in pieces) == _LINE
        assert len(pieces) > 1
        (transcript,) = crossrun.home.rglob("transcript.jsonl.gz")
        with gzip.open(transcript) as lines:
            parts = iter(lambda: lines.read(_MB), b"")
            assert sum(part.count(b"x") for part in parts) >= _LINE, "it is not kept raw"


def long_stderr(trial: Trial) -> None:
    """A gigabyte of complaints."""
    least = _peak(trial.folder / "least", "")
    body = f"for _ in range({_STDERR // _MB}): os.write(2, b'e' * {_MB})"
    most = _peak(trial.folder / "most", body)
    _constant(least, most)


def many_events(trial: Trial) -> None:
    """A million events need no more memory than a tenth of them, and the run learns as well."""
    least = _peak(trial.folder / "least", _rounds(_FEW))
    with _flooded(trial.folder / "most", _rounds(_MANY)) as (crossrun, most):
        _constant(least, most)
        ledger = Ledger(crossrun)
        ((count, last),) = ledger.rows("SELECT count(*), max(seq) FROM events")
        assert (count > _MANY, count) == (True, last), (count, last)
        ((learned,),) = ledger.rows("SELECT count(*) FROM events WHERE type = 'pattern_learned'")
        assert learned == 1, "nothing was learned"


def _rounds(events: int) -> str:
    """A Codex that goes its round again and again."""
    lines = (
        json.dumps({"type": f"item.{kind}", "item": {"id": f"item_{number}", **item}})
        for number, (kind, item) in enumerate(_ITEMS)
    )
    block = "".join(f"{line}\n" for line in lines).encode()
    return (
        f"block = {block!r} * 100\nfor _ in range({events // 1000}): sys.stdout.buffer.write(block)"
    )


def _constant(least: int, most: int) -> None:
    allowed = _MORE_FACTOR * least + _MORE_BYTES
    assert most <= allowed, f"{most:,} bytes, where {least:,} were needed for less"


def _peak(folder: Path, body: str) -> int:
    with _flooded(folder, body) as (_, peak):
        return peak


@contextmanager
def _flooded(folder: Path, body: str) -> Iterator[tuple[Crossrun, int]]:
    """A run whose Codex does something between its first and its last words, and its memory."""
    folder.mkdir()
    first = f"{THREAD_STARTED}\n{TURN_STARTED}\n".encode()
    last = f"{spoken('done')}\n{TURN_COMPLETED}\n".encode()
    whole = f"os.write(1, {first!r})\n{body}\nsys.stdout.flush()\nos.write(1, {last!r})"
    crossrun = crossrun_with(folder, whole)
    process = subprocess.Popen(
        crossrun.command("run", "flood", "--no-watch", "--json", "--timeout", f"{_LONGEST}"),
        cwd=crossrun.cwd,
        env=crossrun.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, _memory(process.pid))
        time.sleep(_LOOK)
    out, _ = process.communicate()
    run = json.loads(out)
    assert (process.returncode, run["status"], run["answer"]) == (0, "succeeded", "done"), run
    yield crossrun, peak


def _memory(pid: int) -> int:
    """The most that a process itself has had at once; none of its children's."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    told = dict(line.split(":", 1) for line in status.splitlines())
    return int(told.get("VmHWM", "0 kB").split()[0]) * 1024


_CASES = (long_line, long_stderr, many_events)

FLOODS = FaultList(
    "floods",
    "a line of 100 MB, 1 GB of stderr, a million events: all is well, in bounded memory",
    short=len(_CASES),
    long=len(_CASES),
    carry_out=lambda trial: _CASES[trial.number % len(_CASES)](trial),
)
