"""What two variants cost compared with each other: tokens, money, time, failed commands.

Repetitions of one task are alike, so each task counts once, with the mean of its pairs; if there is
one task only, each pair counts. The intervals are Student's, for a number of pairs fixed
beforehand: they describe, and never stop an experiment.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Literal

from msgspec import Struct

from crossrun.experiments.outcomes import Outcome, RunPair
from crossrun.inference.students import mean_interval

Measure = Literal["tokens", "cost", "seconds", "failed_commands"]
_RATIOS: tuple[Measure, ...] = ("tokens", "cost", "seconds")


class CostComparison(Struct, frozen=True, kw_only=True):
    """One measure of A against B, over the pairs in which both are known.

    `a` and `b` are means of a run. `value` is the geometric mean of A / B if `kind` is `ratio`,
    the mean of A - B if it is `difference`. `interval` has a probability of 95%; None for a single
    pair or task.
    """

    measure: Measure
    kind: Literal["ratio", "difference"]
    pairs: int
    a: float
    b: float
    value: float
    interval: tuple[float, float] | None


def compare_costs(pairs: Sequence[RunPair]) -> tuple[CostComparison, ...]:
    """All measures that are known for some pair."""
    return (*_ratios(pairs), *_failed_commands(pairs))


def _ratios(pairs: Sequence[RunPair]) -> Iterable[CostComparison]:
    for measure in _RATIOS:
        figures = _figures(pairs, measure, lambda value: value > 0)
        if figures:
            logs = _by_task(figures, lambda a, b: math.log(a / b))
            interval = mean_interval(logs)
            yield CostComparison(
                measure=measure,
                kind="ratio",
                pairs=len(figures),
                a=fmean(a for _, a, _ in figures),
                b=fmean(b for _, _, b in figures),
                value=math.exp(fmean(logs)),
                interval=interval and (math.exp(interval[0]), math.exp(interval[1])),
            )


def _failed_commands(pairs: Sequence[RunPair]) -> Iterable[CostComparison]:
    figures = _figures(pairs, "failed_commands", lambda _: True)
    if figures:
        differences = _by_task(figures, lambda a, b: a - b)
        yield CostComparison(
            measure="failed_commands",
            kind="difference",
            pairs=len(figures),
            a=fmean(a for _, a, _ in figures),
            b=fmean(b for _, _, b in figures),
            value=fmean(differences),
            interval=mean_interval(differences),
        )


def _figures(
    pairs: Iterable[RunPair], measure: Measure, is_usable: Callable[[float], bool]
) -> list[tuple[str, float, float]]:
    """Task and both values of the pairs in which both are known."""
    figures = [(pair.task, _value(pair.a, measure), _value(pair.b, measure)) for pair in pairs]
    return [
        (task, a, b)
        for task, a, b in figures
        if a is not None and b is not None and is_usable(a) and is_usable(b)
    ]


def _value(outcome: Outcome, measure: Measure) -> float | None:
    value: float | None = getattr(outcome, measure)
    return value


def _by_task(
    figures: Iterable[tuple[str, float, float]], compare: Callable[[float, float], float]
) -> list[float]:
    """The mean comparison of each task; of a single task, all of them."""
    tasks: Mapping[str, list[float]] = defaultdict(list)
    for task, a, b in figures:
        tasks[task].append(compare(a, b))
    only = next(iter(tasks.values()))
    return only if len(tasks) == 1 else [fmean(values) for values in tasks.values()]
