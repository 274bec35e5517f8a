"""Effects that lean on each other: a kind of task on its pattern, its family and all patterns."""

import math
from collections.abc import Mapping
from statistics import NormalDist

from crossrun.inference.trees import Spread, posteriors
from crossrun.patterns.evaluation.estimates import Estimate

EFFECT_OF_ALL = NormalDist(0.0, 0.15)
"""The prior of the mean effect over all patterns."""
TYPICAL_SPREAD = 0.15
SPREADS = tuple(
    Spread(size, math.exp(-0.5 * (size / TYPICAL_SPREAD) ** 2)) for size in (0.02, 0.06, 0.12, 0.25)
)
"""How far siblings lie apart (standard deviation, 1 is 100 points); modest ones are likelier."""


def pooled(estimates: Mapping[str, Estimate], parents: Mapping[str, str]) -> dict[str, NormalDist]:
    """The posterior of the effect at each node, from the estimates of some nodes.

    Give each run to one node only: estimate kinds of task and let patterns follow from them, or
    estimate patterns. `parents` names the parent of each node: a pattern of its kinds of task, a
    family of its patterns, one node of all families.
    """
    normal = {
        node: NormalDist(sum(e.interval) / 2, e.standard_error) for node, e in estimates.items()
    }
    return posteriors(normal, parents, root=EFFECT_OF_ALL, spreads=SPREADS)
