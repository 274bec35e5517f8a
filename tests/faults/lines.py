"""Lines that no Codex should print: each is kept or understood, and so are all others."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from conftest import Crossrun

from faults.fake_codex import THREAD_STARTED, TURN_COMPLETED, TURN_STARTED, crossrun_with, spoken
from faults.hostile import Hostile, hostile_lines, mutated
from faults.lists import FaultList, Trial
from faults.worlds import Ledger

_COLLECTED = tuple(hostile_lines())
_COLLECTED_EACH = 10
_MUTATED_EACH = 10
_SHORT = -(-len(_COLLECTED) // _COLLECTED_EACH)
_ENDS = (b"\n", b"", b"\r\n", b" ")
_READ_AGAIN = (("show",), ("steps",), ("events",), ("events", "--json"), ("watch",))


def fed(trial: Trial) -> None:
    """A Codex that says odd things between sound ones."""
    lines = _chosen(trial)
    said = trial.folder / "said"
    said.write_bytes(b"\n".join(_session(lines)) + _ENDS[trial.number % len(_ENDS)])
    crossrun = crossrun_with(trial.folder, f"os.system('exec cat {said}')")
    result = crossrun("run", "listen")
    assert "Traceback" not in result.err, result.err
    run = crossrun.json("show")
    assert (result.code, run["status"]) == (0, "succeeded"), run["failure"]
    assert run["answer"] == f"mark {len(lines)}"
    for words in _READ_AGAIN:
        read = crossrun(*words)
        assert read.code == 0, (words, read.err[-300:])
    _each_has_its_fate(lines, crossrun)


def _chosen(trial: Trial) -> list[Hostile]:
    begin = trial.number * _COLLECTED_EACH % len(_COLLECTED)
    collected = _COLLECTED[begin : begin + _COLLECTED_EACH]
    lines = [*collected, *(mutated(trial.chance) for _ in range(_MUTATED_EACH))]
    trial.chance.shuffle(lines)
    return lines


def _session(lines: Sequence[Hostile]) -> Iterator[bytes]:
    """The lines, each behind a sound one that says its number."""
    yield THREAD_STARTED.encode()
    yield TURN_STARTED.encode()
    for number, (line, _) in enumerate(lines):
        yield spoken(f"mark {number}").encode()
        yield line
    yield spoken(f"mark {len(lines)}").encode()
    yield TURN_COMPLETED.encode()


def _each_has_its_fate(lines: Sequence[Hostile], crossrun: Crossrun) -> None:
    events = [json.loads(row.body) for row in Ledger(crossrun).events()]
    troubles = [e["message"] for e in events if e["type"] == "warned" and "memory" in e["message"]]
    assert not troubles, troubles
    marks = [number for number, event in enumerate(events) if _is_mark(event)]
    assert len(marks) == len(lines) + 1, f"{len(marks)} sound lines of {len(lines) + 1}"
    for number, (line, fate) in enumerate(lines):
        between = events[marks[number] + 1 : marks[number + 1]]
        kept = [event for event in between if event["type"] == "unrecognised"]
        became = "kept" if kept else "understood" if between else "blank"
        assert became in (("kept", "understood") if fate == "either" else (fate,)), (became, line)
        raw = line.decode("utf-8", "replace")
        assert all(event["raw"] == raw for event in kept), (kept[0]["raw"][:300], raw[:300])


def _is_mark(event: dict[str, Any]) -> bool:
    return event["type"] == "agent_spoke" and str(event["text"]).startswith("mark ")


LINES = FaultList(
    "lines",
    f"{len(_COLLECTED)} odd lines and bent real ones: each is kept or understood, the rest is read",
    short=_SHORT,
    long=20 * _SHORT,
    carry_out=fed,
)
