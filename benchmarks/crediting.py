"""Whether credit holds at any size, where the truth is known.

    python benchmarks/crediting.py [--quick | --scale 1] [--processes 2] [--seed N] [--only TABLE]

Tables:
    intervals  how often the 90% intervals hold the truth after 40 to 5,000 runs, and how far the
               estimate is off on the average; beside it the estimate that drops ignored runs
    lives      who is quarantined at any time, looked at after every run up to 5,000; beside it an
               oracle that knows each task's rate, Memp's success ratio, and counters
    shared     many patterns that meet the same tasks
    memory     users with forty young patterns: whether memory helps them at all
    holdout    successes lost over the first 200 runs by the rule for the share withheld, by fixed
               shares, and by one who knows the effect

Goals: the intervals hold the truth in 88 to 94% of the cases from 100 runs on, and in at least 88%
below; at most 5% of the neutral and 1% of the helpful patterns are ever quarantined; and nine
tenths of the harmful that the oracle catches at the same false alarms.
"""

import argparse
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from itertools import product
from typing import NamedTuple

from crediting_stores import Store, StoreEnd
from crediting_worlds import POINTS, CounterRule, Course, MempRule, Oracle, Task, World, drawn_rates
from timing import machine

from crossrun.inference.association import RandomisedRun, e_process
from crossrun.patterns.evaluation.beliefs import EFFECTS, belief, prior
from crossrun.patterns.evaluation.estimates import Estimate, RunningEstimate
from crossrun.patterns.evaluation.expectations import Expectations
from crossrun.patterns.evaluation.expected_loss import LARGEST_SHARE, best_share
from crossrun.patterns.evaluation.scores import Observation, Score, score

KINDS = {"helpful": POINTS, "neutral": 0.0, "harmful": -POINTS}
SIZES = (40, 100, 200, 1000, 5000)
STRONG = 20.0
QUARANTINED = 24.75
"""Four fifths of the wealth are bet on harm to success, the rest on costs, and 20 are needed."""
ROUNDING = 0.02
FINENESS = 1.1
"""Estimates are rounded to two points, and their errors to powers of 1.1, before the share is
computed, so that it can be looked up."""


class Look(NamedTuple):
    """A life after so many runs. `lost` counts successes that the choice of share has cost."""

    runs: int
    estimate: Estimate
    followers: Estimate
    truth: float
    quarantined: bool
    proved: bool
    memp: bool
    counters: bool
    oracle: float
    lost: float


class Life:
    """The runs of one pattern, evaluated after every one of them."""

    def __init__(self, world: World, effect: float, runs: int, seed: str) -> None:
        self._world, self._runs = world, runs
        self._rng = rng = random.Random(seed)  # noqa: S311  no secret is made
        rates = drawn_rates(world, rng)
        self._course = Course(world, rates, effect=effect, runs=runs, rng=rng)
        self._expectations = Expectations()
        self._estimate, self._followers = RunningEstimate(), RunningEstimate()
        self._memp, self._counters, self._oracle = MempRule(), CounterRule(), Oracle()
        self._truth = self._lost = 0.0
        self._suspected = False

    def looks(self, sizes: Sequence[int]) -> Iterator[Look]:
        """What is known after each of these numbers of runs."""
        quarantined = proved = False
        for at, evidence in enumerate(e_process(self._randomised()), start=1):
            quarantined |= evidence.lowers >= QUARANTINED
            proved |= evidence.raises >= STRONG
            self._suspected = evidence.lowers >= QUARANTINED
            if at in sizes:
                yield Look(
                    at,
                    self._estimate.now(),
                    self._followers.now(),
                    self._truth / at,
                    quarantined,
                    proved,
                    self._memp.dropped,
                    self._counters.dropped,
                    self._oracle.highest,
                    self._lost,
                )

    def _randomised(self) -> Iterator[RandomisedRun]:
        share = 0.0
        for at in range(self._runs):
            if is_due(at):
                share = self._share()
            scored = self._run(self._course.task(at), share)
            run = scored.observation
            yield RandomisedRun(run.injected, run.probability, run.outcome, scored.expected)

    def _share(self) -> float:
        if self._world.share is not None:
            return self._world.share
        if self._suspected:
            return LARGEST_SHARE
        return share_for(self._estimate.now())

    def _run(self, task: Task, share: float) -> Score:
        injected = self._rng.random() >= share
        result = self._course.result(task, injected=injected)
        observation = Observation(
            pattern="p",
            block=task.block,
            injected=injected,
            probability=1 - share,
            outcome=float(result.succeeded),
        )
        scored = score(observation, self._expectations)
        self._estimate.add(scored)
        if not result.looks_ignored:
            self._followers.add(scored)
        self._truth += task.changed - task.base
        gain = task.changed - task.base
        self._lost += max(0.0, gain) * share + max(0.0, -gain) * (1 - share)
        if injected:
            self._memp.use(succeeded=result.succeeded)
            self._counters.use(succeeded=result.succeeded)
            self._oracle.use(task, succeeded=result.succeeded)
        return scored


def is_due(at: int) -> bool:
    """Whether the share is computed anew: after every run at first, later now and then."""
    return at < 20 or at % (at // 10) == 0


def share_for(estimate: Estimate) -> float:
    """The share withheld by the rule of crossrun."""
    middle = sum(estimate.interval) / 2
    error = math.log(estimate.standard_error, FINENESS)
    return _share_for(round(middle / ROUNDING), round(error))


@lru_cache(maxsize=100_000)
def _share_for(middle: int, error: int) -> float:
    mean, deviation = middle * ROUNDING, FINENESS**error
    return best_share(belief(Estimate(mean, (mean, mean), deviation, 0, 0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the same as --scale 0.1")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of lives")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=100_000, help="the first of the seeds")
    parser.add_argument("--only", choices=list(TABLES))
    options = parser.parse_args()
    print(machine(), flush=True)
    with ProcessPoolExecutor(options.processes) as pool:
        setting = Setting(pool, options.seed, 0.1 if options.quick else options.scale)
        for name, table in TABLES.items():
            if options.only in (None, name):
                print(f"\n{name}", flush=True)
                table(setting)


class Setting(NamedTuple):
    """How the tables are made; `scale` multiplies the numbers of lives."""

    pool: ProcessPoolExecutor
    seed: int
    scale: float

    def lives(self, world: World, effect: float, *, runs: int, count: int) -> list[list[Look]]:
        """The looks at so many lives in a world."""
        some = max(2, round(count * self.scale))
        seeds = range(self.seed, self.seed + some)
        chunk = max(1, some // 16)
        return list(self.pool.map(partial(looks_at, world, effect, runs), seeds, chunksize=chunk))

    def stores(
        self, world: World, kinds: Mapping[str, tuple[str, float]], *, each: int, count: int
    ) -> list[StoreEnd]:
        """The ends of so many stores in a world."""
        seeds = range(self.seed, self.seed + max(2, round(count * self.scale)))
        return list(self.pool.map(partial(end_of_store, world, kinds, each), seeds))


def end_of_store(
    world: World, kinds: Mapping[str, tuple[str, float]], each: int, seed: int
) -> StoreEnd:
    return Store(world, kinds, each=each, seed=f"{world}{each}{seed}").live(share_for)


def looks_at(world: World, effect: float, runs: int, seed: int) -> list[Look]:
    life = Life(world, effect, runs, f"{world}{effect}{seed}")
    return list(life.looks([size for size in SIZES if size <= runs]))


VARIANTS: tuple[dict[str, float], ...] = (
    {},
    {"ignored": 0.3, "stops": 0.3, "drift": 1.0},
    {"ignored": 0.6, "stops": 0.5},
    {"drift": 1.0, "share": 0.3},
    {"ignored": 0.3, "stops": 0.5, "drift": 1.0, "share": 0.1},
    {"share": 0.3},
)


def interval_cells() -> Iterator[tuple[World, float]]:
    """Base rates, blocks and effects in all combinations, with the other conditions in turn."""
    bases, blocks = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95), (1, 20, 200)
    for (row, base), (column, number), (place, effect) in product(
        enumerate(bases), enumerate(blocks), enumerate(KINDS.values())
    ):
        variant = VARIANTS[(row + 2 * column + place) % len(VARIANTS)]
        yield World(base, number, **variant), effect


def intervals(setting: Setting) -> None:
    """Coverage in each cell, with the numbers of runs side by side."""
    print(f"{'':86}effect  " + "".join(f"{size:>13}" for size in SIZES[:-1]))
    shares: dict[int, list[float]] = {}
    biases: list[tuple[float, float]] = []
    for world, effect in interval_cells():
        lives = setting.lives(world, effect, runs=1000, count=400)
        cells = []
        for size, looks in by_size(lives).items():
            covered = mean(holds(look.estimate, look.truth) for look in looks)
            dropping = mean(holds(look.followers, look.truth) for look in looks)
            shares.setdefault(size, []).append(covered)
            cells.append(f"{100 * covered:6.1f} ({100 * dropping:3.0f})")
        last = [life[-1] for life in lives]
        bias = mean(look.estimate.mean - look.truth for look in last)
        dropped = mean(look.followers.mean - look.truth for look in last)
        biases.append((bias, dropped))
        print(
            f"{world.name} {100 * effect:+4.0f}  {'  '.join(cells)}"
            f"   off by {100 * bias:+.1f} ({100 * dropped:+.1f})",
            flush=True,
        )
    for size, of_it in shares.items():
        least, most = 100 * min(of_it), 100 * max(of_it)
        print(f"  {size} runs: {least:.1f} to {most:.1f}%, mean {100 * mean(of_it):.1f}%")
    worst, dropped = (100 * max(map(abs, column)) for column in zip(*biases, strict=True))
    print(f"  off by at most {worst:.1f} points, dropping ignored runs {dropped:.1f}")


LIVES = (
    World(0.3, 20),
    World(0.5, 1),
    World(0.7, 5, drift=1.0),
    World(0.9, 200),
    World(0.95, 1),
    World(0.65, 20, share=0.1),
    World(0.7, 20, ignored=0.3, stops=0.3),
    World(0.5, 5, ignored=0.6, stops=0.5, drift=1.0),
)


def lives(setting: Setting) -> None:
    """Who is ever quarantined, of all worlds together and of each."""
    everything: dict[str, list[list[Look]]] = {kind: [] for kind in KINDS}
    for world in LIVES:
        of_world = {
            kind: setting.lives(world, effect, runs=5000, count=120)
            for kind, effect in KINDS.items()
        }
        print(world.name)
        report_lives(of_world)
        for kind, some in of_world.items():
            everything[kind] += some
    print("all together")
    report_lives(everything)
    covered = by_size([life for some in everything.values() for life in some])
    for size, looks in covered.items():
        share = mean(holds(look.estimate, look.truth) for look in looks)
        print(f"  intervals after {size} runs hold the truth in {100 * share:.1f}%")


def report_lives(kinds: dict[str, list[list[Look]]]) -> None:
    """A line for each number of runs: ever quarantined, and the rules beside."""
    sizes = {kind: by_size(some) for kind, some in kinds.items()}
    for size in SIZES:
        looks = {kind: of_it[size] for kind, of_it in sizes.items()}
        ours = rates(looks, lambda look: look.quarantined)
        alarms = sum(look.quarantined for look in looks["neutral"])
        limit = sorted((look.oracle for look in looks["neutral"]), reverse=True)[alarms]
        oracle = {kind: mean(look.oracle > limit for look in some) for kind, some in looks.items()}
        caught = ours["harmful"] / oracle["harmful"] if oracle["harmful"] else math.nan
        proved = rates(looks, lambda look: look.proved)
        print(
            f"  {size:5} runs: quarantined {line(ours)}  of the oracle's {caught:.2f}"
            f" ({line(oracle)})  proved {line(proved)}"
            f"  Memp {line(rates(looks, lambda look: look.memp))}"
            f"  counters {line(rates(looks, lambda look: look.counters))}",
            flush=True,
        )


STORES = (
    ("60 patterns share 60 tasks, 40 runs of each", World(0.6, 60), 20, 40),
    ("60 patterns share 10 kinds of tasks, 40 runs of each", World(0.6, 10), 20, 40),
    ("60 patterns share 60 tasks, 200 runs of each", World(0.6, 60), 20, 200),
)


def shared(setting: Setting) -> None:
    """Patterns that share tasks, a third of each kind, alone and leaning on each other."""
    for name, world, each_kind, each in STORES:
        kinds = {
            f"{kind} {number}": (kind, effect)
            for kind, effect in KINDS.items()
            for number in range(each_kind)
        }
        ends = setting.stores(world, kinds, each=each, count=24)
        patterns = [pattern for end in ends for pattern in end.patterns]
        print(f"  {name}")
        alone = mean(holds(p.estimate, p.truth) for p in patterns)
        leaning = mean(p.pooled_interval[0] <= p.truth <= p.pooled_interval[1] for p in patterns)
        errors = [
            100 * math.sqrt(mean((guess - p.truth) ** 2 for guess, p in pairs))
            for pairs in (
                [(p.estimate.mean, p) for p in patterns],
                [(p.posterior.mean, p) for p in patterns],
            )
        ]
        print(
            f"    intervals hold the truth in {100 * alone:.1f}%, off by {errors[0]:.1f} points; "
            f"leaning on each other in {100 * leaning:.1f}%, off by {errors[1]:.1f}"
        )
        of_kind = {kind: [p for p in patterns if p.kind == kind] for kind in KINDS}
        strong = {
            kind: mean(p.e_hurts >= QUARANTINED for p in some) for kind, some in of_kind.items()
        }
        likely = {kind: mean(p.p_hurt > 0.9 for p in some) for kind, some in of_kind.items()}
        print(f"    at the end {line(strong)}% quarantined; P(hurt) > .9 in {line(likely)}%")
        memory = mean(holds(end.memory, end.truth) for end in ends)
        print(f"    the interval of the memory as a whole holds its effect in {100 * memory:.1f}%")


USERS = ((3, 0.15), (3, 0.0), (8, 0.15), (8, 0.0), (25, 0.15), (25, 0.0))


def memory(setting: Setting) -> None:
    """Users with 40 young patterns: is it known whether memory helps them?"""
    for each, effect in USERS:
        kinds = {f"p{number}": ("any", effect) for number in range(40)}
        ends = setting.stores(World(0.6, 20), kinds, each=each, count=150)
        covered = mean(holds(end.memory, end.truth) for end in ends)
        above = mean(end.memory.interval[0] > 0 for end in ends)
        proved = mean(end.e_helps >= STRONG for end in ends)
        width = mean(end.memory.interval[1] - end.memory.interval[0] for end in ends)
        print(
            f"  40 patterns of {each:2} runs, effect {100 * effect:+3.0f}: the interval holds it "
            f"in {100 * covered:.1f}%, is {100 * width:.0f} points wide, above 0 in "
            f"{100 * above:.0f}%; strong evidence of help in {100 * proved:.0f}%",
            flush=True,
        )


def holdout(setting: Setting) -> None:
    """Successes lost over the first 200 runs, for effects as the prior has them."""
    rng = random.Random(setting.seed)  # noqa: S311  no secret is made
    effects = [rng.choices(EFFECTS, prior())[0] for _ in range(40)]
    for share in (None, 0.05, 0.1, 0.3):
        world = World(0.6, 20, share=share)
        lost: dict[str, list[float]] = {"helps": [], "nothing": [], "hurts": []}
        for effect in effects:
            sign = "nothing" if effect == 0 else "helps" if effect > 0 else "hurts"
            for life in setting.lives(world, effect, runs=200, count=40):
                lost[sign].append(life[-1].lost)
        everything = mean(value for row in lost.values() for value in row)
        parts = ", ".join(f"{kind} {mean(row):.1f}" for kind, row in lost.items() if row)
        name = "the rule" if share is None else f"{100 * share:.0f}%"
        print(f"  withheld by {name}: {everything:.2f} successes lost ({parts})", flush=True)


def rates(looks: dict[str, list[Look]], mark: Callable[[Look], bool]) -> dict[str, float]:
    return {kind: mean(mark(look) for look in some) for kind, some in looks.items()}


def line(shares: dict[str, float]) -> str:
    return "/".join(f"{100 * share:.1f}" for share in shares.values())


def by_size(lives: Iterable[Sequence[Look]]) -> dict[int, list[Look]]:
    groups: dict[int, list[Look]] = {}
    for life in lives:
        for look in life:
            groups.setdefault(look.runs, []).append(look)
    return groups


def holds(estimate: Estimate, truth: float) -> bool:
    low, high = estimate.interval
    return low <= truth <= high


def mean(values: Iterable[float]) -> float:
    row = list(values)
    return sum(row) / len(row)


TABLES: dict[str, Callable[[Setting], None]] = {
    "intervals": intervals,
    "lives": lives,
    "shared": shared,
    "memory": memory,
    "holdout": holdout,
}


if __name__ == "__main__":
    main()
