"""The results of an experiment: by variant, by comparison, by task."""

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from crossrun.experiments.comparison import VariantComparison, compare
from crossrun.experiments.design import Design, TaskDesign
from crossrun.experiments.outcomes import Outcome
from crossrun.experiments.variants import Variant

_Z = 1.959964


class Tally(Struct, frozen=True, kw_only=True):
    """Runs added up; None is unknown. `runs` are those that show something; the sums are theirs.

    `interval` is Wilson's for the share of successes: 95%, for a number of runs fixed beforehand.
    """

    runs: int
    succeeded: int
    interval: tuple[float, float] | None
    inconclusive: int = 0
    open: int = 0
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    failed_commands: int | None = None


class VariantResult(Struct, frozen=True):
    """A variant and all its runs."""

    variant: Variant
    tally: Tally


class TaskResult(Struct, frozen=True):
    """A task, and by the name of each variant its runs in it."""

    task: TaskDesign
    tallies: dict[str, Tally]


class Results(Struct, frozen=True, kw_only=True):
    """What an experiment has shown so far."""

    design: Design
    variants: tuple[VariantResult, ...]
    comparisons: tuple[VariantComparison, ...]
    tasks: tuple[TaskResult, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def is_decided(self) -> bool:
        """Whether all comparisons are decided."""
        return all(comparison.is_decided for comparison in self.comparisons)

    @property
    def pairs(self) -> int:
        """The pairs of the comparison that has most."""
        return max((comparison.pairs for comparison in self.comparisons), default=0)


def results_of(design: Design, outcomes: Sequence[Outcome], *, jobs: int) -> Results:
    """The results; `outcomes` are those of all planned runs in their order."""
    names = [variant.name for variant in design.variants]
    return Results(
        design=design,
        variants=tuple(
            VariantResult(variant, _tally(_of_variant(outcomes, variant.name)))
            for variant in design.variants
        ),
        comparisons=compare(outcomes, names, jobs=jobs),
        tasks=tuple(
            TaskResult(task, _tallies([o for o in outcomes if o.planned.task == task.name], names))
            for task in design.tasks
        ),
        outcomes=tuple(outcomes),
    )


def _tallies(outcomes: Sequence[Outcome], names: Iterable[str]) -> dict[str, Tally]:
    return {name: _tally(_of_variant(outcomes, name)) for name in names}


def _of_variant(outcomes: Iterable[Outcome], name: str) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.planned.variant == name]


def _tally(outcomes: Sequence[Outcome]) -> Tally:
    conclusive = [outcome for outcome in outcomes if outcome.succeeded is not None]
    succeeded = sum(bool(outcome.succeeded) for outcome in conclusive)
    waiting = sum(outcome.is_open for outcome in outcomes)
    tokens, cost, seconds, failed = (
        _total(getattr(outcome, name) for outcome in conclusive) for name in _FIGURES
    )
    return Tally(
        runs=len(conclusive),
        succeeded=succeeded,
        interval=_wilson(succeeded, len(conclusive)),
        inconclusive=sum(
            o.succeeded is None and o.run_id is not None for o in outcomes if not o.is_open
        ),
        open=waiting,
        tokens=None if tokens is None else round(tokens),
        cost=cost,
        seconds=seconds,
        failed_commands=None if failed is None else round(failed),
    )


_FIGURES = ("tokens", "cost", "seconds", "failed_commands")


def _total(values: Iterable[float | None]) -> float | None:
    """The sum of what is known."""
    measured = [value for value in values if value is not None]
    return math.fsum(measured) if measured else None


def _wilson(succeeded: int, runs: int) -> tuple[float, float] | None:
    if not runs:
        return None
    share, weight = succeeded / runs, _Z * _Z / runs
    middle = (share + weight / 2) / (1 + weight)
    reach = math.sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
