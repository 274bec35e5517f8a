"""No run that nobody knows: what led to the agent's start is in the ledger before it starts."""

import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from conftest import types
from test_store import opened

from crossrun.config.tasktypes import load as load_task_type
from crossrun.engine import run_events
from crossrun.engine.context import RunDependencies
from crossrun.events import (
    AgentEvent,
    AgentSpoke,
)
from crossrun.executors import TurnRequest, TurnResult
from crossrun.executors.shell import Shell
from crossrun.memory import StoredMemory
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.patterns import Person
from crossrun.planning.direct import DirectPlanner
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.store.artifacts import Archives
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.workspaces import Workspaces


class Looking(Shell):
    """An agent that looks around as soon as it is started."""

    def __init__(self, look: Callable[[], None]) -> None:
        super().__init__({})
        self._look = look

    def execute(self, turn: TurnRequest) -> Generator[AgentEvent | None, None, TurnResult]:
        self._look()
        yield AgentSpoke(text=turn.prompt)
        return TurnResult()


def run_with(store: Store, home: Path, look: Callable[[], None]) -> Generator[object]:
    """Has a run carried out whose agent looks around."""
    task_type = load_task_type("code", home)
    dependencies = RunDependencies(
        planner=DirectPlanner(),
        executor=Looking(look),
        workspaces=Workspaces(home / "workspaces", home / "snapshots"),
        archives=Archives(home / "artifacts", Redactor()),
        memory=StoredMemory(
            store,
            task_type,
            person=Person(),
            path=os.defpath,
            redactor=Redactor(),
            references=home / "references",
        ),
        task_type=task_type,
        environ={},
    )
    with store.owning() as run_id:
        facts = run_events(
            run_id, RunRequest(task="x", executor="shell"), dependencies, CancelToken()
        )
        yield from store.recording(run_id, facts, Redactor())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Store:
    return opened(home)


def test_the_step_is_stored_when_the_agent_starts(store: Store, home: Path) -> None:
    seen: list[str] = []

    def look() -> None:
        (run_id,) = store.read.unfinished()
        seen.extend(event.type for event in store.read.events(run_id))

    list(run_with(store, home, look))
    assert seen == ["run_started", "workspace_prepared", "pattern_decided", "step_planned"]


def test_a_run_is_stored_before_its_folder_is_made(store: Store, home: Path) -> None:
    running = run_with(store, home, lambda: None)
    next(running)
    (run_id,) = store.read.unfinished()
    assert types([{"type": event.type} for event in store.read.events(run_id)]) == ["run_started"]
    assert not (home / "workspaces").exists()
    list(running)
    assert store.read.run(run_id).status is Status.SUCCEEDED
