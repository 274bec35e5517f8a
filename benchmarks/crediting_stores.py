"""Stores of many patterns that meet the same tasks, for `crediting.py`."""

import random
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

from crediting_worlds import Course, Oracle, World, drawn_rates

from crossrun.inference.association import EValues, RandomisedRun, e_values
from crossrun.patterns.evaluation.estimates import Estimate, RunningEstimate, estimate
from crossrun.patterns.evaluation.expectations import Expectations
from crossrun.patterns.evaluation.pooling import pooled
from crossrun.patterns.evaluation.scores import Observation, Score, score

ALL = "all"
HARM_MARGIN = 0.02
Share = Callable[[Estimate], float]


class PatternInStore(NamedTuple):
    """A pattern at the end: its true effect, and what is known about it."""

    kind: str
    truth: float
    estimate: Estimate
    posterior: NormalDist
    e_hurts: float
    oracle: float

    @property
    def p_hurt(self) -> float:
        """The probability that it hurts, given all patterns."""
        return self.posterior.cdf(-HARM_MARGIN)

    @property
    def pooled_interval(self) -> tuple[float, float]:
        """The interval of 90%, given all patterns."""
        return self.posterior.inv_cdf(0.05), self.posterior.inv_cdf(0.95)


class StoreEnd(NamedTuple):
    """All patterns at the end, and the memory as a whole."""

    patterns: list[PatternInStore]
    truth: float
    memory: Estimate
    e_helps: float


class Store:
    """Many patterns that meet the same tasks in random order.

    Args:
        world: what the tasks are.
        kinds: of each pattern its kind and its effect on success.
        each: runs of each pattern.
        seed: of all randomness.
    """

    def __init__(
        self, world: World, kinds: Mapping[str, tuple[str, float]], *, each: int, seed: str
    ) -> None:
        rng = random.Random(seed)  # noqa: S311  no secret is made
        rates = drawn_rates(world, rng)
        self._rng, self._kinds, self._each = rng, kinds, each
        self._courses = {
            pattern: Course(world, rates, effect=effect, runs=each, rng=rng)
            for pattern, (_, effect) in kinds.items()
        }
        self._expectations = Expectations()
        self._everything: list[Score] = []
        self._scored: dict[str, list[Score]] = {pattern: [] for pattern in kinds}
        self._estimates = {pattern: RunningEstimate() for pattern in kinds}
        self._truths = dict.fromkeys(kinds, 0.0)
        self._oracles = {pattern: Oracle() for pattern in kinds}

    def live(self, share: Share) -> StoreEnd:
        """All runs, with `share` for the share withheld, given the estimate of the pattern."""
        order = [pattern for pattern in self._kinds for _ in range(self._each)]
        self._rng.shuffle(order)
        for pattern in order:
            self._run(pattern, share(self._estimates[pattern].now()))
        return self._end()

    def _run(self, pattern: str, share: float) -> None:
        course, scored = self._courses[pattern], self._scored[pattern]
        task = course.task(len(scored))
        injected = self._rng.random() >= share
        succeeded = course.result(task, injected=injected).succeeded
        observation = Observation(
            pattern=pattern,
            block=task.block,
            injected=injected,
            probability=1 - share,
            outcome=float(succeeded),
        )
        scored.append(score(observation, self._expectations))
        self._everything.append(scored[-1])
        self._estimates[pattern].add(scored[-1])
        self._truths[pattern] += (task.changed - task.base) / self._each
        if injected:
            self._oracles[pattern].use(task, succeeded=succeeded)

    def _end(self) -> StoreEnd:
        estimates = {pattern: running.now() for pattern, running in self._estimates.items()}
        posteriors = pooled(estimates, dict.fromkeys(self._kinds, ALL))
        patterns = [
            PatternInStore(
                kind,
                self._truths[pattern],
                estimates[pattern],
                posteriors[pattern],
                evidence_of(self._scored[pattern]).lowers,
                self._oracles[pattern].highest,
            )
            for pattern, (kind, _) in self._kinds.items()
        ]
        truth = sum(self._truths.values()) / len(patterns)
        helps = evidence_of(self._everything).raises
        return StoreEnd(patterns, truth, estimate(self._everything), helps)


def evidence_of(scored: Sequence[Score]) -> EValues:
    """The evidence of these runs, in order of time."""
    return e_values(
        RandomisedRun(run.injected, run.probability, run.outcome, expected)
        for run, expected, _ in scored
    )
