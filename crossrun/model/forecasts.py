"""What earlier runs of the same kind of task let one expect of a run that begins."""

from typing import Literal

from msgspec import Struct

Interval = tuple[float, float]
BudgetKind = Literal["seconds", "tokens", "cost"]


class Forecast(Struct, frozen=True, kw_only=True):
    """What the finished runs of similar tasks took.

    The next one lies within each interval with a probability of at least `confidence`, for any
    distribution, if it is a run like the others. An interval is None if fewer than five of the runs
    have that figure. `succeeded` is the share of the runs that succeeded. `run_ids` are these runs,
    the newest first.
    """

    runs: int
    seconds: Interval | None
    tokens: Interval | None
    cost: Interval | None
    succeeded: float
    confidence: float
    run_ids: tuple[str, ...]


class Shortfall(Struct, frozen=True):
    """A limit of the run that most of the earlier runs would have gone beyond.

    `median` is what half of the `runs` took more than; `beyond` counts those above the limit.
    """

    kind: BudgetKind
    limit: float
    median: float
    beyond: int
    runs: int
