"""Runs with very many events are shown as they are read, in constant memory."""

import json
import tracemalloc
from itertools import count, islice

import pytest
from conftest import Crossrun
from test_store import SUCCEEDED, opened, record, started

from crossrun.events import CommandRan, encode
from crossrun.model.queries import StoredEvent
from crossrun.projections.documents import document, document_parts, step_objects, stored_event
from crossrun.store import Store

COMMANDS = 1_500
OUTPUT = "x" * 4_000
"""Of each command: six megabytes in all."""


@pytest.fixture
def store(crossrun: Crossrun) -> Store:
    return opened(crossrun.home)


@pytest.fixture
def run_id(store: Store) -> str:
    commands = (
        CommandRan(command=f"echo {n}", exit_code=0, output=OUTPUT) for n in range(COMMANDS)
    )
    with store.owning() as run_id:
        record(store, run_id, started(), *commands, SUCCEEDED)
    return run_id


def test_steps_are_made_one_by_one() -> None:
    body = encode(CommandRan(command="true", exit_code=0))
    endless = (
        StoredEvent("k7f3abcd", n, "2026-01-01T00:00:00Z", "command_ran", body) for n in count(1)
    )
    assert [step["seq"] for step in islice(step_objects(endless), 3)] == [1, 2, 3]


@pytest.mark.parametrize("items", [[], [{"a": 1}], [{"a": 1}, {"b": "ü"}]])
def test_a_document_in_parts_is_the_same_text(items: list[dict[str, object]]) -> None:
    parts = document_parts({"run_id": "k7f3abcd"}, "steps", iter(items))
    whole = {"run_id": "k7f3abcd", "steps": items, "total": len(items)}
    assert "".join(parts) == document(whole)


def test_a_long_run_is_read_in_a_fraction_of_its_size(store: Store, run_id: str) -> None:
    tracemalloc.start()
    events = store.read.events(run_id)
    parts = document_parts({}, "steps", step_objects(events))
    size = sum(map(len, parts))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > COMMANDS * len(OUTPUT)
    assert peak < size / 4


def test_a_long_run_is_shown_whole(crossrun: Crossrun, run_id: str, store: Store) -> None:
    steps = crossrun.json("steps", run_id)["steps"]
    assert [step["command"] for step in steps] == [f"echo {n}" for n in range(COMMANDS)]
    expected = [stored_event(event) for event in store.read.events(run_id)]
    assert crossrun.json("events", run_id)["events"] == expected
    lines = crossrun("events", run_id, "--jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == [{"schema_version": 1, **e} for e in expected]
    assert crossrun("steps", run_id).out.count(OUTPUT) == COMMANDS


def test_whoever_stops_reading_gets_the_first_lines(crossrun: Crossrun, run_id: str) -> None:
    with crossrun.start("steps", run_id) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"   2  $ echo 0\n"
        process.stdout.close()
        assert process.stderr.read() == b""
