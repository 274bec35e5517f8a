"""Runs of experiments as evidence for patterns."""

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from crossrun.config.sources import load
from crossrun.events import Event, PatternDecided, RunFinished, RunStarted
from crossrun.experiments.design import Design, TaskDesign
from crossrun.experiments.order import run_order
from crossrun.experiments.variants import Variant
from crossrun.memory.evaluation import TrialLog
from crossrun.memory.experiment_evidence import experiment_trials
from crossrun.model.batches import Batch, BatchPlace, BatchRow
from crossrun.model.failures import Failure
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.patterns.evaluation.kinds import KindsOfTasks
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.system.clock import now

OFF = Variant("off", (("pattern", "off"),))
FORCED = Variant("forced", (("pattern", "p1"),))
AUTO = Variant("auto", (("pattern", "auto"),))
OTHER_MODEL = Variant("other", (("pattern", "p1"), ("model", "x")))
FAILED = Failure("VERIFY_FAILED", "the check failed", "look")
UNREACHABLE = Failure("PROVIDER_UNREACHABLE", "no network", "wait")
REQUEST = RunRequest(task="Sort the names.", verify="true")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    made = Store(load(flags={}, environ={}, cwd=tmp_path, home=tmp_path / "home").paths)
    made.open_for_writing()
    return made


def planned(store: Store, variants: Sequence[Variant], *, tasks: int = 3) -> Batch:
    design = Design(
        variants=tuple(variants),
        tasks=tuple(TaskDesign(name=f"t{number}", task=REQUEST.task) for number in range(tasks)),
        seed=1,
        repetitions=1,
    )
    order = run_order(
        [t.name for t in design.tasks], [v.name for v in variants], range(1, 2), seed=1
    )
    rows = [
        BatchRow(
            number=number,
            name=str(number),
            request=REQUEST,
            labels={"task": p.task, "variant": p.variant, "repetition": str(p.repetition)},
        )
        for number, p in enumerate(order, start=1)
    ]
    batch = Batch(
        id="", kind="experiment", project_id="default", created_at=now(), rows=tuple(rows),
        design=design.stored(),
    )  # fmt: skip
    return store.batches.add(batch, Redactor())


def decided(variant: str, pattern_id: str = "p1") -> PatternDecided:
    """What memory does in a run of a variant."""
    decision = {"off": "disabled", "auto": "injected"}.get(variant, "forced")
    named = None if variant == "off" else pattern_id
    return PatternDecided(
        decision=decision,
        reason="", probability=1.0, channel="developer", pattern_id=named, version=1, hash="h",
        with_check=True,
    )  # fmt: skip


def record(
    store: Store, batch: Batch, row: BatchRow, decision: PatternDecided, failure: Failure | None
) -> None:
    def events() -> Generator[Event | None]:
        planned = BatchPlace(batch.id, row.number)
        yield RunStarted(request=REQUEST, workspace="/w", crossrun_version="0", batch=planned)
        yield decision
        status = Status.SUCCEEDED if failure is None else Status.FAILED
        yield RunFinished(status=status, failure=failure)

    with store.owning() as run_id:
        for _ in store.recording(run_id, events(), Redactor()):
            pass


def carried_out(store: Store, batch: Batch, failures: dict[str, Failure | None]) -> None:
    """Records a run of each row, which fails as its variant says."""
    for row in batch.rows:
        variant = row.labels["variant"]
        record(store, batch, row, decided(variant), failures.get(variant))


def figures(store: Store) -> list[tuple[str, bool, bool, float]]:
    trials = experiment_trials(store, KindsOfTasks())
    return sorted((t.pattern_id, t.injected, t.succeeded, t.probability) for t in trials)


def test_each_pair_with_and_without_a_pattern_is_two_trials(store: Store) -> None:
    batch = planned(store, [FORCED, OFF])
    carried_out(store, batch, {"off": FAILED})
    assert figures(store) == [("p1", False, False, 0.5)] * 3 + [("p1", True, True, 0.5)] * 3
    trials = experiment_trials(store, KindsOfTasks())
    assert {trial.experiment_id for trial in trials} == {batch.id}
    assert {trial.verified for trial in trials} == {True}
    assert len({trial.kind for trial in trials}) == 1


def test_what_memory_chose_by_itself_counts_for_the_pattern_that_it_chose(store: Store) -> None:
    batch = planned(store, [AUTO, OFF], tasks=2)
    for number, row in enumerate(batch.rows):
        pattern = "p1" if row.labels["task"] == "t0" else "p2"
        record(store, batch, row, decided(row.labels["variant"], pattern), None)
        assert len(figures(store)) == 2 * ((number + 1) // 2)
    assert [pattern for pattern, *_ in figures(store)] == ["p1", "p1", "p2", "p2"]


def test_runs_that_differ_in_more_than_memory_are_no_evidence(store: Store) -> None:
    carried_out(store, planned(store, [OTHER_MODEL, OFF]), {})
    carried_out(store, planned(store, [FORCED, AUTO]), {})
    assert figures(store) == []


def test_a_run_without_memory_counts_once_for_a_pattern(store: Store) -> None:
    carried_out(store, planned(store, [FORCED, AUTO, OFF], tasks=1), {})
    assert figures(store) == [("p1", False, True, 0.5), ("p1", True, True, 0.5)]


def test_incomplete_and_inconclusive_pairs_are_left_out(store: Store) -> None:
    batch = planned(store, [FORCED, OFF], tasks=3)
    for number, row in enumerate(batch.rows[:-1]):
        failure = UNREACHABLE if number == 1 else None
        record(store, batch, row, decided(row.labels["variant"]), failure)
    assert len(figures(store)) == 2


def test_trials_of_experiments_stand_for_their_runs_and_decide_soon(store: Store) -> None:
    batch = planned(store, [FORCED, OFF], tasks=20)
    carried_out(store, batch, {"off": FAILED})
    log = TrialLog(store)
    assert len(log.of("p1")) == 40
    credit = log.evaluation.credit("p1")
    assert credit is not None
    assert (credit.runs_with, credit.runs_without, credit.experiment_runs) == (20, 20, 40)
    assert credit.chosen == 0
    assert credit.is_proved


def test_only_what_memory_chose_counts_for_memory_as_a_whole(store: Store) -> None:
    carried_out(store, planned(store, [FORCED, OFF], tasks=20), {"off": FAILED})
    assert TrialLog(store).evaluation.memory() is None
    carried_out(store, planned(store, [AUTO, OFF], tasks=6), {})
    memory = TrialLog(store).evaluation.memory()
    assert memory is not None
    assert (memory.runs_with, memory.runs_without, memory.succeeded_without) == (6, 6, 6)
