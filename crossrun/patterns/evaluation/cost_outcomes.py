"""Tokens, time and failed commands as outcomes from 0 to 1, so that they are scored like success.

An outcome of a half is what earlier runs of the block took, as a geometric mean. Each factor of
`LARGEST_FACTOR` up or down is a half more or less; what is beyond is clipped. A difference of
outcomes is then a difference of clipped log-ratios, which a few enormous runs cannot dominate.
"""

import math
from collections.abc import Iterable

LARGEST_FACTOR = 8.0
_SCALE = 2 * math.log(LARGEST_FACTOR)
WEIGHT_OF_ALL = 2.0
"""How many runs the mean over all blocks weighs in a block."""


def cost_outcomes(costs: Iterable[tuple[str, float]]) -> list[float]:
    """The outcomes of runs in order of time, each given as its block and its cost (0 or more)."""
    everywhere = (0.0, 0)
    blocks: dict[str, tuple[float, int]] = {}
    outcomes = []
    for block, cost in costs:
        log = math.log1p(cost)
        usual = _usual(blocks.get(block, (0.0, 0)), everywhere, otherwise=log)
        outcomes.append(min(1.0, max(0.0, 0.5 + (log - usual) / _SCALE)))
        everywhere = everywhere[0] + log, everywhere[1] + 1
        total, count = blocks.get(block, (0.0, 0))
        blocks[block] = total + log, count + 1
    return outcomes


def relative(effect: float) -> float:
    """The relative change that a difference of outcomes stands for: .5 is half more."""
    return math.exp(effect * _SCALE) - 1


def margin(change: float) -> float:
    """The difference of outcomes that a relative change stands for."""
    return math.log1p(change) / _SCALE


def _usual(block: tuple[float, int], everywhere: tuple[float, int], *, otherwise: float) -> float:
    if not everywhere[1]:
        return otherwise
    mean = everywhere[0] / everywhere[1]
    return (block[0] + WEIGHT_OF_ALL * mean) / (block[1] + WEIGHT_OF_ALL)
