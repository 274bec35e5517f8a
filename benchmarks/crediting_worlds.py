"""Worlds for `crediting.py`: runs of patterns with known effects, one after the other.

Nothing of crossrun is used here, so a fault in it cannot hide behind the same fault in the worlds.
"""

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

LEAST, MOST = 0.01, 0.99
POINTS = 0.20


class World(NamedTuple):
    """How the runs of a pattern turn out.

    `base`: the mean success rate without the pattern. `blocks`: kinds of tasks, each with a rate of
    its own if there are several. `drift`: by how many log-odds all rates move up and down.
    `ignored`: the share of agents that do not follow the pattern, at a success rate of a half;
    among those that would fail without it, it is four times as large as among the others. `stops`:
    the share of failing runs with the pattern that end so early that it looks ignored. `share`:
    withheld; None for the rule of crossrun.
    """

    base: float
    blocks: int = 1
    drift: float = 0.0
    ignored: float = 0.0
    stops: float = 0.0
    share: float | None = None

    @property
    def name(self) -> str:
        """The conditions in a line."""
        share = "rule" if self.share is None else f"{100 * self.share:.0f}%"
        return (
            f"base {self.base:.2f}, {self.blocks:3} blocks, drift {self.drift:.1f}, "
            f"ignored {100 * self.ignored:2.0f}%, stops {100 * self.stops:2.0f}%, withheld {share}"
        )


class Task(NamedTuple):
    """What a run is about: its block, and the true success rates without the pattern and with it.

    `helped` is the chance that a run fails without the pattern and succeeds if it is followed,
    `harmed` that it is the other way round.
    """

    block: str
    base: float
    changed: float
    helped: float
    harmed: float


class Result(NamedTuple):
    """How one run turned out; `looks_ignored` is None without the pattern."""

    succeeded: bool
    looks_ignored: bool | None


class Course:
    """The tasks of one pattern in a world, and their results.

    `rates` are the success rates of the blocks without the pattern.
    """

    def __init__(
        self,
        world: World,
        rates: Sequence[float],
        *,
        effect: float,
        runs: int,
        rng: random.Random,
    ) -> None:
        self._world, self._rates = world, rates
        self._effect, self._runs, self._rng = effect, runs, rng
        self._wave = rng.uniform(0, 2 * math.pi)

    def task(self, at: int) -> Task:
        """The task of run number `at`."""
        block = self._rng.randrange(self._world.blocks)
        base = self._rates[block]
        if self._world.drift:
            shift = self._world.drift * math.sin(self._wave + 9 * at / self._runs)
            base = chance(log_odds(base) + shift)
        moved = min(MOST, max(LEAST, base + self._effect))
        helped, harmed = max(0.0, moved - base), max(0.0, base - moved)
        often, seldom = followed(self._world.ignored)
        changed = base + helped * seldom - harmed * often
        return Task(str(block), base, changed, helped, harmed)

    def result(self, task: Task, *, injected: bool) -> Result:
        """The result of a run with the pattern, or without it."""
        luck = self._rng.random()
        if not injected:
            return Result(luck < task.base, None)
        would_fail = luck >= task.base
        often, seldom = followed(self._world.ignored)
        follows = self._rng.random() < (seldom if would_fail else often)
        rate = task.base + (task.helped - task.harmed if follows else 0.0)
        succeeded = luck < rate
        stopped = not succeeded and self._rng.random() < self._world.stops
        return Result(succeeded, stopped or not follows)


def followed(ignored: float) -> tuple[float, float]:
    """The share that follows of runs that would succeed anyway, and of those that would not."""
    seldom = min(1.0, ignored * 1.6)
    return 1 - seldom / 4, 1 - seldom


def drawn_rates(world: World, rng: random.Random) -> Sequence[float]:
    """The success rate of each block without a pattern."""
    if world.blocks == 1:
        return [world.base]
    return [
        min(0.97, max(0.03, rng.betavariate(4 * world.base, 4 * (1 - world.base))))
        for _ in range(world.blocks)
    ]


def chance(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def log_odds(rate: float) -> float:
    return math.log(rate / (1 - rate))


class MempRule:
    """Memp drops a workflow that was used 3 times or more with less than half of it successes."""

    def __init__(self) -> None:
        self.dropped = False
        self._used = self._succeeded = 0

    def use(self, *, succeeded: bool) -> None:
        """Learns how a run with the pattern ended."""
        self._used += 1
        self._succeeded += succeeded
        self.dropped |= self._used >= 3 and 2 * self._succeeded < self._used


class CounterRule:
    """Counters of helpful and harmful uses: dropped with 3 more harmful than helpful ones."""

    def __init__(self) -> None:
        self.dropped = False
        self._balance = 0

    def use(self, *, succeeded: bool) -> None:
        """Learns how a run with the pattern ended."""
        self._balance += 1 if succeeded else -1
        self.dropped |= self._balance <= -3


class Oracle:
    """One who knows the success rate of each task, so that every run with the pattern tells.

    `highest` is the largest log-likelihood ratio so far of a harm of 20 points against none.
    """

    def __init__(self) -> None:
        self.highest = self._log = 0.0

    def use(self, task: Task, *, succeeded: bool) -> None:
        """Learns how a run with the pattern ended."""
        harmful = max(LEAST, task.base - POINTS)
        if succeeded:
            self._log += math.log(harmful / task.base)
        else:
            self._log += math.log((1 - harmful) / (1 - task.base))
        self.highest = max(self.highest, self._log)
