"""Effects that lean on each other: a kind of task on its pattern, its family and all patterns."""

from collections.abc import Mapping
from statistics import NormalDist

from crossrun.inference.trees import posteriors
from crossrun.patterns.evaluation.estimates import Estimate

EFFECT_OF_ALL = NormalDist(0.0, 0.15)
"""The prior of the mean effect over all patterns."""
SPREADS = (0.08, 0.14, 0.24)
"""How far siblings may lie apart: standard deviations, 1 is 100 points."""


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
