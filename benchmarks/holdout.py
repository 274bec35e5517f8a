"""What the holdout costs, and what it finds, beside fixed shares and one who knows every effect.

    python benchmarks/holdout.py [--lives 400] [--runs 200] [--seed 0] [--processes 2]

Each life is one pattern with an effect as the prior has them (`evaluation.beliefs`), on four kinds
of tasks of different difficulty. After every run it is judged as in the product: quarantined,
retired, and back. Successes are lost where a pattern that helps is withheld, and where one that
hurts is injected; one who knows the effect loses none.
"""

import argparse
import math
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import NamedTuple

from timing import machine

from crossrun.inference.association import EValues, RandomisedRun, e_process
from crossrun.patterns.evaluation.beliefs import EFFECTS, belief, prior
from crossrun.patterns.evaluation.estimates import Estimate, RunningEstimate
from crossrun.patterns.evaluation.expectations import Expectations
from crossrun.patterns.evaluation.expected_loss import LARGEST_SHARE, best_share
from crossrun.patterns.evaluation.lifecycle import (
    CLEARED,
    LEAST_RUNS,
    LEAST_WITHOUT,
    QUARANTINES,
    RETIRES,
)
from crossrun.patterns.evaluation.scores import Observation, score

POLICIES = {"crossrun": None, "always 5%": 0.05, "always 10%": 0.1, "always 30%": 0.3}
RATES = (0.3, 0.5, 0.7, 0.85)
WEIGHT_OF_SUCCESS = 0.8
"""The share of success in the evidence of harm; see `evaluation.verdicts`."""
ROUNDING = 0.02
FINENESS = math.log(1.1)
"""The share is looked up by the estimate to two points, and its error to a tenth."""


class LifeEnd(NamedTuple):
    """How a life ended."""

    effect: float
    lost: float
    was_quarantined: bool


class EvidenceOfRuns:
    """The evidence after each run of one pattern."""

    def __init__(self) -> None:
        self._coming: list[RandomisedRun] = []
        self._values = e_process(self._runs())

    def after(self, run: RandomisedRun) -> EValues:
        """The evidence with one more run."""
        self._coming.append(run)
        return next(self._values)

    def _runs(self) -> Iterator[RandomisedRun]:
        while True:
            yield self._coming.pop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=400)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    print(f"{machine()}; {arguments.lives} lives of {arguments.runs} eligible runs\n")
    print("share withheld   successes lost a life: all  helps  hurts   harmful found  helpful lost")
    with ProcessPoolExecutor(arguments.processes) as pool:
        for name, share in POLICIES.items():
            lives = partial(life, share, runs=arguments.runs, seed=arguments.seed)
            numbered = list(enumerate(effects(arguments.lives)))
            report(name, list(pool.map(lives, numbered, chunksize=10)))


def report(name: str, ends: list[LifeEnd]) -> None:
    helps = [end for end in ends if end.effect > 0]
    hurts = [end for end in ends if end.effect < 0]
    harmful = [end for end in hurts if end.effect <= -0.15]
    columns = [
        f"{name:16}",
        f"{mean(end.lost for end in ends):26.2f}",
        f"{mean(end.lost for end in helps):6.2f}",
        f"{mean(end.lost for end in hurts):6.2f}",
        f"{mean(end.was_quarantined for end in harmful):14.0%}",
        f"{mean(end.was_quarantined for end in helps):13.1%}",
    ]
    print(" ".join(columns), flush=True)


def effects(lives: int) -> Iterator[float]:
    """As many effects as there are lives, spread as in the prior."""
    whole, at = 0.0, 0
    for effect, share in zip(EFFECTS, prior(), strict=True):
        whole += share
        while (at + 0.5) / lives < whole and at < lives:
            yield effect
            at += 1


def life(share: float | None, numbered: tuple[int, float], *, runs: int, seed: int) -> LifeEnd:
    """One pattern's life under a fixed share, or under crossrun's own rule."""
    number, effect = numbered
    rng = random.Random(f"{seed}-{number}")  # noqa: S311  no secret is made
    low, high = max(0.0, -effect), min(1.0, 1 - effect)
    rates = [min(high, max(low, rate + rng.uniform(-0.1, 0.1))) for rate in RATES]
    expectations, estimate, evidence = Expectations(), RunningEstimate(), EvidenceOfRuns()
    state, lost, without, was_quarantined = "active", 0.0, 0, False
    for at in range(runs):
        if state == "retired":
            lost += max(effect, 0.0)
            continue
        withheld = LARGEST_SHARE if state == "quarantined" else share
        if withheld is None:
            withheld = share_now(estimate.now())
        kind = rng.randrange(len(rates))
        injected = rng.random() >= withheld
        outcome = float(rng.random() < rates[kind] + effect * injected)
        lost += max(-effect, 0.0) if injected else max(effect, 0.0)
        without += not injected
        scored = score(
            Observation(
                pattern="p",
                block=str(kind),
                injected=injected,
                probability=1 - withheld,
                outcome=outcome,
            ),
            expectations,
        )
        estimate.add(scored)
        hurts = evidence.after(
            RandomisedRun(injected, 1 - withheld, outcome, scored.expected)
        ).lowers
        state = state_after(state, hurts, runs=at + 1, without=without)
        was_quarantined |= state != "active"
    return LifeEnd(effect, lost, was_quarantined)


def state_after(state: str, hurts: float, *, runs: int, without: int) -> str:
    """As `evaluation.lifecycle` has it, by success alone."""
    harm = WEIGHT_OF_SUCCESS * hurts + 1 - WEIGHT_OF_SUCCESS
    if hurts >= RETIRES and runs >= LEAST_RUNS and without >= LEAST_WITHOUT:
        return "retired"
    if harm >= QUARANTINES:
        return "quarantined"
    return "quarantined" if state == "quarantined" and harm >= CLEARED else "active"


def share_now(estimate: Estimate) -> float:
    """The share that crossrun chooses, by a rounded estimate, so that it can be looked up."""
    middle = round(sum(estimate.interval) / 2 / ROUNDING)
    return rounded_share(middle, round(math.log(estimate.standard_error) / FINENESS))


@cache
def rounded_share(middle: int, error: int) -> float:
    mean_, error_ = ROUNDING * middle, math.exp(FINENESS * error)
    return best_share(belief(Estimate(mean_, (mean_, mean_), error_, 1, 1)))


def mean(values: Iterable[float]) -> float:
    row = list(values)
    return sum(row) / len(row) if row else math.nan


if __name__ == "__main__":
    main()
