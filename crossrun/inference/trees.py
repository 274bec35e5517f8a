"""Partial pooling in a tree: what is estimated at one node leans on its siblings.

Each estimate is taken as normal around the true value of its node, with a standard error that is
known. True values are normal around that of the parent, with one spread for each depth. The spreads
are averaged over a grid, each combination by how well it explains all estimates, so there is no
randomness: the same estimates always give the same posteriors.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from statistics import NormalDist
from typing import NamedTuple

NEGLIGIBLE = 1e-4
"""Combinations of spreads that weigh less than this, relative to the best, are left out."""


def posteriors(
    estimates: Mapping[str, NormalDist],
    parents: Mapping[str, str],
    *,
    root: NormalDist,
    spreads: Sequence[float],
) -> dict[str, NormalDist]:
    """The posterior of each node's true value.

    Args:
        estimates: at any nodes of the tree, with their standard errors (above 0) as deviations.
        parents: the parent of each node but the roots. All trees of a forest share the spreads.
        root: the prior of the value of a root.
        spreads: the grid for the standard deviation between siblings, the same at each depth;
            each combination is as likely as any other before the estimates are seen.
    """
    tree = _Tree.of(estimates, parents)
    fits = [_Fit.of(tree, estimates, root, each) for each in product(spreads, repeat=tree.depth)]
    best = max(fit.log_evidence for fit in fits)
    weights = [math.exp(fit.log_evidence - best) for fit in fits]
    likely = [(w, fit.downward()) for w, fit in zip(weights, fits, strict=True) if w > NEGLIGIBLE]
    return {
        node: _mixture([(w, posterior[node]) for w, posterior in likely]) for node in tree.order
    }


class _Gaussian(NamedTuple):
    """A likelihood of a value, by precision and precision times mean; `log` is its height at 0."""

    precision: float
    pull: float
    log: float

    @classmethod
    def of(cls, mean: float, variance: float) -> "_Gaussian":
        log = -0.5 * (math.log(2 * math.pi * variance) + mean * mean / variance)
        return cls(1 / variance, mean / variance, log)

    def times(self, other: "_Gaussian") -> "_Gaussian":
        return _Gaussian(
            self.precision + other.precision, self.pull + other.pull, self.log + other.log
        )

    def without(self, other: "_Gaussian") -> "_Gaussian":
        return _Gaussian(
            self.precision - other.precision, self.pull - other.pull, self.log - other.log
        )

    def log_total(self) -> float:
        """The logarithm of its integral."""
        peak = 0.5 * self.pull * self.pull / self.precision
        return self.log + peak + 0.5 * math.log(2 * math.pi / self.precision)

    def widened(self, variance: float) -> "_Gaussian":
        """The likelihood of a parent that lies around the value with this variance."""
        if self.precision <= 0:
            return _FLAT
        mean = self.pull / self.precision
        own = _Gaussian.of(mean, 1 / self.precision + variance)
        return own._replace(log=own.log + self.log_total())


_FLAT = _Gaussian(0.0, 0.0, 0.0)


class _Tree(NamedTuple):
    """Nodes with parents before children; `depths` counts from the root, which has 0."""

    order: list[str]
    parents: Mapping[str, str]
    depths: dict[str, int]

    @property
    def depth(self) -> int:
        return max(self.depths.values(), default=0)

    @classmethod
    def of(cls, estimates: Mapping[str, NormalDist], parents: Mapping[str, str]) -> "_Tree":
        depths: dict[str, int] = {}
        for node in sorted(estimates):
            path = [node]
            while path[-1] in parents and path[-1] not in depths:
                path.append(parents[path[-1]])
            for at in reversed(path):
                depths.setdefault(at, depths[parents[at]] + 1 if at in parents else 0)
        return cls(sorted(depths, key=lambda node: (depths[node], node)), parents, depths)


class _Fit(NamedTuple):
    """The tree with all messages from the leaves to the roots, under one choice of spreads."""

    tree: _Tree
    spreads: Sequence[float]
    root: _Gaussian
    beliefs: dict[str, _Gaussian]
    """Of each node: its own estimate and what its descendants say."""
    messages: dict[str, _Gaussian]
    """From each node to its parent."""
    log_evidence: float

    @classmethod
    def of(
        cls,
        tree: _Tree,
        estimates: Mapping[str, NormalDist],
        root: NormalDist,
        spreads: Sequence[float],
    ) -> "_Fit":
        prior = _Gaussian.of(root.mean, root.variance)
        beliefs = {node: _Gaussian.of(e.mean, e.variance) for node, e in sorted(estimates.items())}
        messages: dict[str, _Gaussian] = {}
        log_evidence = 0.0
        for node in reversed(tree.order):
            belief = beliefs.setdefault(node, _FLAT)
            if node in tree.parents:
                parent = tree.parents[node]
                messages[node] = belief.widened(spreads[tree.depths[node] - 1] ** 2)
                beliefs[parent] = beliefs.get(parent, _FLAT).times(messages[node])
            else:
                log_evidence += belief.times(prior).log_total()
        return cls(tree, spreads, prior, beliefs, messages, log_evidence)

    def downward(self) -> dict[str, NormalDist]:
        whole: dict[str, _Gaussian] = {}
        for node in self.tree.order:
            if node in self.tree.parents:
                others = whole[self.tree.parents[node]].without(self.messages[node])
                variance = self.spreads[self.tree.depths[node] - 1] ** 2
                above = others.widened(variance)
            else:
                above = self.root
            whole[node] = self.beliefs[node].times(above)
        return {
            node: NormalDist(g.pull / g.precision, math.sqrt(1 / g.precision))
            for node, g in whole.items()
        }


def _mixture(parts: Sequence[tuple[float, NormalDist]]) -> NormalDist:
    """The normal with mean and variance of the mixture."""
    whole = math.fsum(weight for weight, _ in parts)
    mean = math.fsum(weight * part.mean for weight, part in parts) / whole
    variance = math.fsum(w * (p.variance + (p.mean - mean) ** 2) for w, p in parts) / whole
    return NormalDist(mean, math.sqrt(variance))
