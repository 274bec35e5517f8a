"""Runs of experiments as trials of patterns.

A pair is a trial of a pattern if one of its runs had the pattern, by name or because memory chose
it, and the other one ran without memory, and nothing else differed. Which of the two runs came
first was drawn from a seed, so each is a trial with a probability of one half.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, permutations
from operator import attrgetter

from msgspec.structs import replace

from crossrun.experiments.design import Design
from crossrun.experiments.order import PlannedRun
from crossrun.experiments.outcomes import Outcome, outcome_of, pairs_of
from crossrun.experiments.variants import Variant
from crossrun.model.runs import Decided, Run
from crossrun.patterns.evaluation.kinds import KindsOfTasks
from crossrun.patterns.evaluation.trials import Trial, is_conclusive, trial_of
from crossrun.store import Store
from crossrun.store.batches import PlannedRow

KIND = "experiment"
PROBABILITY = 0.5


def experiment_trials(store: Store, kinds: KindsOfTasks) -> list[Trial]:
    """What experiments show about patterns: pairs of a run with a pattern and one without memory.

    Only complete pairs count. Both runs are trials with a probability of one half and the id of the
    experiment; `kinds` names the kinds of their tasks.
    """
    rows = store.batches.planned_rows(KIND)
    if not rows:
        return []
    designs = store.batches.designs(KIND)
    runs = {(run.batch_id, run.batch_row): run for run in store.read.decided_in_batches(KIND)}
    trials: list[Trial] = []
    for batch_id, planned in groupby(rows, attrgetter("batch_id")):
        design = Design.of(designs[batch_id])
        trials += _trials(batch_id, design, list(planned), runs, kinds)
    return trials


def _trials(
    batch_id: str,
    design: Design,
    rows: Sequence[PlannedRow],
    runs: Mapping[tuple[str | None, int | None], Run],
    kinds: KindsOfTasks,
) -> Iterator[Trial]:
    by_row = {row.number: runs.get((batch_id, row.number)) for row in rows}
    outcomes = [_outcome(row, by_row[row.number]) for row in rows]
    by_id = {run.id: run for run in by_row.values() if run is not None}
    used: set[tuple[str, str]] = set()
    for with_it, without in permutations(design.variants, 2):
        if not _is_only_memory_different(with_it, without):
            continue
        for pair in pairs_of(outcomes, with_it.name, without.name):
            treated, control = by_id[pair.a.run_id or ""], by_id[pair.b.run_id or ""]
            pattern_id = _pattern_of(treated.pattern)
            if pattern_id is None or (pattern_id, control.id) in used:
                continue
            used.add((pattern_id, control.id))
            yield from _both(treated, control, batch_id, kinds)


def _outcome(row: PlannedRow, run: Run | None) -> Outcome:
    planned = PlannedRun(row.labels["task"], row.labels["variant"], int(row.labels["repetition"]))
    outcome = outcome_of(planned, run, may_begin=row.may_begin)
    if run is None or is_conclusive(run):
        return outcome
    return replace(outcome, succeeded=None)


def _is_only_memory_different(with_it: Variant, without: Variant) -> bool:
    return (
        without.gets_no_pattern
        and not with_it.gets_no_pattern
        and sorted(with_it.besides_memory()) == sorted(without.besides_memory())
    )


def _pattern_of(decided: Decided | None) -> str | None:
    """The pattern that a run had."""
    if decided is None or decided.decision not in ("forced", "injected"):
        return None
    return decided.pattern_id


def _both(treated: Run, control: Run, batch_id: str, kinds: KindsOfTasks) -> Iterator[Trial]:
    decided = treated.pattern
    if decided is None:
        return
    withheld = replace(decided, decision="withheld", adherence=None)
    for run in (treated, replace(control, pattern=withheld)):
        trial = trial_of(run, kinds.of(run.task_type, run.task))
        if trial is not None:
            yield replace(
                trial,
                probability=PROBABILITY,
                experiment_id=batch_id,
                is_named=decided.decision == "forced",
            )
