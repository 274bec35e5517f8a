"""What each randomised run says about its pattern: an unbiased score of the effect in that run.

The score is the augmented inverse-probability-weighted difference (AIPW). Its
mean is the effect of the pattern on the outcome of its run: under drift, under changing
probabilities, and although agents may not follow the pattern (the effect is that of offering it,
intention to treat). That holds for any expected outcomes that come from earlier runs only. Good
ones make scores less noisy, so all patterns' runs inform them.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

WEIGHT_OF_ALL = 2.0
"""How many runs the mean over all blocks weighs in a block."""
WEIGHT_OF_HALF = 2.0
"""How many runs an outcome of one half weighs in the mean over all blocks."""


class Observation(Struct, frozen=True, kw_only=True):
    """One run in which a coin decided whether the pattern was injected.

    `block` is the kind of task: runs of about the same difficulty, of any pattern. `probability` is
    that of injecting the pattern, above 0 and below 1, whether or not it came to that. `outcome` is
    from 0 to 1, 1 for a success.
    """

    pattern: str
    block: str
    injected: bool
    probability: float
    outcome: float


class Score(NamedTuple):
    """The score of one run, in outcome with the pattern minus outcome without it.

    `expected` is the outcome that earlier runs made likely without the pattern.
    """

    observation: Observation
    expected: float
    value: float


def scores(observations: Iterable[Observation]) -> list[Score]:
    """The score of each observation, given in order of time; pass those of all patterns.

    Select the scores of a pattern, or of a pattern in some blocks, afterwards.
    """
    everywhere = _Mean(0.5, WEIGHT_OF_HALF)
    blocks: dict[str, _Mean] = {}
    result = []
    for run in observations:
        block = blocks.setdefault(run.block, _Mean())
        expected = block.shrunk_to(everywhere.value, WEIGHT_OF_ALL)
        result.append(Score(run, expected, _value(run, expected)))
        everywhere.add(run.outcome)
        block.add(run.outcome)
    return result


def _value(run: Observation, expected: float) -> float:
    residual = run.outcome - expected
    return residual / run.probability if run.injected else -residual / (1 - run.probability)


class _Mean:
    """A running mean that begins with `weight` outcomes of `start`."""

    def __init__(self, start: float = 0.0, weight: float = 0.0) -> None:
        self._total = start * weight
        self._weight = weight

    @property
    def value(self) -> float:
        return self._total / self._weight

    def shrunk_to(self, centre: float, weight: float) -> float:
        return (self._total + centre * weight) / (self._weight + weight)

    def add(self, outcome: float) -> None:
        self._total += outcome
        self._weight += 1
