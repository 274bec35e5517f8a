"""Which variant does better: a sequential test on paired differences, valid at any time.

What is compared is the mean success on the tasks of the experiment, not on all tasks that there
might be. So repetitions of one task are further draws of the same quantity, and pairs count alike;
they come in random order, which is all that the test assumes. Whether other tasks would show the
same is a matter of how they were chosen.

With more than two variants, each is compared with each. The error of 5% is divided among the
comparisons (Bonferroni), so it holds for all of them together.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from statistics import fmean

from msgspec import Struct

from crossrun.experiments.costs import CostComparison, compare_costs
from crossrun.experiments.outcomes import Outcome, RunPair, pairs_of
from crossrun.inference.paired import Verdict, compare_pairs

ERROR = 0.05
"""The probability that any comparison of an experiment is ever decided wrongly."""


class Effort(Struct, frozen=True):
    """What further pairs would take; None is unknown. `seconds` are those on the clock."""

    pairs: int
    seconds: float | None
    tokens: int | None
    cost: float | None


class VariantComparison(Struct, frozen=True, kw_only=True):
    """A against B. `difference` is the success of A minus that of B, 1 is 100 points.

    `interval` is a confidence sequence: with probability `level` it holds the difference at all
    times. `needed` is what it would probably take to decide: None if it is decided, or if that
    cannot be projected.
    """

    a: str
    b: str
    pairs: int
    tasks: int
    difference: float
    interval: tuple[float, float]
    level: float
    verdict: Verdict
    needed: Effort | None = None
    costs: tuple[CostComparison, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Whether one is better, or the difference is too small to matter."""
        return self.verdict != "undecided"


def compare(
    outcomes: Sequence[Outcome], variants: Sequence[str], *, jobs: int
) -> tuple[VariantComparison, ...]:
    """Compares each variant with each that comes after it.

    Args:
        outcomes: of all planned runs, in the order in which they were planned.
        variants: their names.
        jobs: how many runs are active at the same time, for the time that more would take.
    """
    level = 1 - ERROR / _count(len(variants))
    return tuple(
        _compared(a, b, list(pairs_of(outcomes, a, b)), level, jobs)
        for a, b in combinations(variants, 2)
    )


def _count(variants: int) -> int:
    return max(variants * (variants - 1) // 2, 1)


def _compared(
    a: str, b: str, pairs: Sequence[RunPair], level: float, jobs: int
) -> VariantComparison:
    compared = compare_pairs((pair.difference for pair in pairs), level=level)
    return VariantComparison(
        a=a,
        b=b,
        pairs=compared.pairs,
        tasks=len({pair.task for pair in pairs}),
        difference=compared.mean,
        interval=compared.interval,
        level=level,
        verdict=compared.verdict,
        needed=_effort(compared.more_pairs, pairs, jobs),
        costs=compare_costs(pairs),
    )


def _effort(more_pairs: int | None, pairs: Sequence[RunPair], jobs: int) -> Effort | None:
    if not more_pairs:
        return None
    runs = [run for pair in pairs for run in (pair.a, pair.b)]
    seconds, tokens, cost = (_mean(getattr(run, name) for run in runs) for name in _MEASURES)
    return Effort(
        pairs=more_pairs,
        seconds=None if seconds is None else 2 * more_pairs * seconds / jobs,
        tokens=None if tokens is None else round(2 * more_pairs * tokens),
        cost=None if cost is None else 2 * more_pairs * cost,
    )


_MEASURES = ("seconds", "tokens", "cost")


def _mean(values: Iterator[float | None]) -> float | None:
    """The mean of what is known."""
    measured = [value for value in values if value is not None]
    return fmean(measured) if measured else None
