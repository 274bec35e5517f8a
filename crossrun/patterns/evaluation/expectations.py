"""What outcome to expect of a run, judging by earlier runs of its block and by all others.

Three experts differ in how soon they trust a block and in how soon they forget; they are averaged
by how well each predicted so far. Only earlier runs count, which is what makes scores unbiased.
"""

import math
from typing import NamedTuple

START = 0.5
WEIGHT_OF_START = 2.0
"""How many runs the outcome weighs that is expected of the very first one."""
LEARNING_RATE = 2.0
"""How fast better experts prevail; the squared loss of outcomes from 0 to 1 allows this rate."""


class Expert(NamedTuple):
    """A way to predict.

    `weight_of_all`: how many runs the mean over all blocks weighs in a block. `memory`: the share
    of its weight that a run keeps with each run after it.
    """

    weight_of_all: float
    memory: float


EXPERTS = (Expert(2, 1), Expert(20, 1), Expert(4, 0.97))


class Expectations:
    """The experts, and what they have seen."""

    def __init__(self) -> None:
        self._forecasters = [_Forecaster(expert) for expert in EXPERTS]
        self._losses = [0.0] * len(EXPERTS)

    def before(self, block: str, outcome: float) -> float:
        """The outcome that was to be expected in the block, before learning the one that came."""
        forecasts = [forecaster.before(block, outcome) for forecaster in self._forecasters]
        best = min(self._losses)
        weights = [math.exp(LEARNING_RATE * (best - loss)) for loss in self._losses]
        self._losses = [
            loss + (forecast - outcome) ** 2
            for loss, forecast in zip(self._losses, forecasts, strict=True)
        ]
        return sum(w * f for w, f in zip(weights, forecasts, strict=True)) / sum(weights)


class _Forecaster:
    """One expert's means: of each block, drawn towards that of all runs."""

    def __init__(self, expert: Expert) -> None:
        self._weight_of_all, self._memory = expert
        self._everywhere = _Mean()
        self._blocks: dict[str, _Mean] = {}
        self._runs = 0

    def before(self, block: str, outcome: float) -> float:
        local = self._blocks.setdefault(block, _Mean())
        if self._memory < 1:
            local.age(self._runs, self._memory)
            self._everywhere.age(self._runs, self._memory)
        usual = self._everywhere.drawn_to(START, WEIGHT_OF_START)
        forecast = local.drawn_to(usual, self._weight_of_all)
        self._runs += 1
        local.add(outcome)
        self._everywhere.add(outcome)
        return forecast


class _Mean:
    """A mean of runs whose weights fade."""

    __slots__ = ("total", "updated", "weight")

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.updated = 0

    def age(self, now: int, memory: float) -> None:
        fading = memory ** (now - self.updated)
        self.total *= fading
        self.weight *= fading
        self.updated = now

    def drawn_to(self, centre: float, weight: float) -> float:
        return (self.total + centre * weight) / (self.weight + weight)

    def add(self, outcome: float) -> None:
        self.total += outcome
        self.weight += 1
