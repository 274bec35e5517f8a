"""Whether evaluation finds the patterns that hurt, where the truth is known.

    python benchmarks/evaluation.py [--rounds 25] [--processes 2] [--seed 0]

Each round makes 60 patterns, 20 each that help by 20 points of success, do nothing, and hurt by 20,
and gives each 40 eligible runs. Tasks are of very different difficulty (base rates from
Beta(.5, .5), kept within .05 and .95), each pattern has a difficulty of its own around which its
tasks lie, and few of its tasks have most of its runs. Beside crossrun's credit the same runs are
judged by the success ratio (Memp: dropped at 3 or more uses and less than half of them successful),
by counters of helpful and harmful uses, and by an oracle that knows the base rate of every task.

Goals: at most 1% of the helpful and 6% of the neutral retired, nine tenths of the harmful that the
oracle catches at the same false alarms, and 90% intervals that hold the truth in 88 to 92%.
"""

import argparse
import math
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Literal, NamedTuple

from timing import machine

from crossrun.patterns.evaluation.evidence import Credit, Lift, Trial, credits_of
from crossrun.patterns.evaluation.grids import chance, normal, normalised, times
from crossrun.patterns.evaluation.holdout import draw, share_withheld
from crossrun.patterns.evaluation.lifecycle import RETIRES, judge
from crossrun.patterns.evaluation.shrinkage import EFFECTS

Kind = Literal["helps", "nothing", "hurts"]
KINDS: dict[Kind, int] = {"helps": 1, "nothing": 0, "hurts": -1}
POINTS = 0.20
RUNS = 40
EACH = 20
TASKS_OF_PATTERN = 10
ROOM = 0.9


class World(NamedTuple):
    """How tasks are met. `tasks`: how many there are for all patterns; None: each has its own."""

    name: str
    tasks: int | None
    repeats: bool = True
    clipped: bool = False
    looks: tuple[int, ...] = (RUNS,)
    """After how many runs the patterns are judged; what is retired gets no more runs."""
    weight: float = 1.0
    """How many rounds, relative to the first world."""


WORLDS = [
    World("60 tasks for 60 patterns, 40 runs a task (as dense as Terminal-Bench's trials)", 60),
    World(
        "the same, judged after 20, 30 and 40 runs, with narrowing and probation",
        60,
        looks=(20, 30, 40),
        weight=0.4,
    ),
    World(
        "the same, the 20 points cut off where a task has less room", 60, clipped=True, weight=0.6
    ),
    World("240 tasks for 60 patterns, 10 runs a task", 240, weight=0.6),
    World("each pattern has 10 tasks of its own, 4 runs a task", None, weight=0.6),
    World("no task ever comes twice", None, repeats=False, weight=0.6),
]


class Meeting(NamedTuple):
    """A run that is about to be: its task, the chance of success without and with the pattern."""

    task: str
    base: float
    changed: float


class Verdict(NamedTuple):
    """One pattern at the end of a round: who would have retired it, and what was claimed."""

    kind: Kind
    retired: bool
    p_hurt: float
    oracle: float
    memp: bool
    memp_at_once: bool
    counters: bool
    covered: bool
    width: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="the first of the rounds' seeds")
    arguments = parser.parse_args()
    print(f"{machine()}; each pattern {RUNS} eligible runs, of which 30% go without it\n")
    with ProcessPoolExecutor(arguments.processes) as pool:
        for world in WORLDS:
            rounds = max(1, round(arguments.rounds * world.weight))
            seeds = range(arguments.seed, arguments.seed + rounds)
            report(world, [v for some in pool.map(partial(one_round, world), seeds) for v in some])


def report(world: World, verdicts: Sequence[Verdict]) -> None:
    print(f"{world.name}; {len(verdicts) // len(KINDS)} patterns of each kind")
    print(f"  {'share retired':38} helpful  neutral  harmful")
    rates = {
        "crossrun, P(hurt) > .9": [v.retired for v in verdicts],
        "Memp's success ratio, at the end": [v.memp for v in verdicts],
        "Memp's success ratio, as soon as it can": [v.memp_at_once for v in verdicts],
        "counters, 3 more harmful than helpful": [v.counters for v in verdicts],
        "oracle, P(hurt) > .9": [v.oracle > RETIRES for v in verdicts],
        "oracle, at crossrun's false alarms": at_the_same_false_alarms(verdicts),
    }
    for name, retired in rates.items():
        shares = "  ".join(f"{100 * share(verdicts, retired, kind):6.1f}%" for kind in KINDS)
        print(f"  {name:38} {shares}")
    ours = share(verdicts, rates["crossrun, P(hurt) > .9"], "hurts")
    best = share(verdicts, rates["oracle, at crossrun's false alarms"], "hurts")
    print(f"  of the harmful that the oracle catches at the same false alarms: {ours / best:.2f}")
    covered = [v.covered for v in verdicts]
    kinds = ", ".join(f"{kind} {100 * share(verdicts, covered, kind):.1f}%" for kind in KINDS)
    width = 100 * sum(v.width for v in verdicts) / len(verdicts)
    print(
        f"  90% intervals hold the truth in {100 * sum(covered) / len(covered):.1f}% ({kinds}), "
        f"and are {width:.0f} points wide\n",
        flush=True,
    )


def share(verdicts: Sequence[Verdict], marked: Sequence[bool], kind: Kind) -> float:
    of_kind = [mark for v, mark in zip(verdicts, marked, strict=True) if v.kind == kind]
    return sum(of_kind) / len(of_kind)


def at_the_same_false_alarms(verdicts: Sequence[Verdict]) -> list[bool]:
    """What the oracle retires when it retires as many of the neutral as crossrun does."""
    alarms = sum(v.retired for v in verdicts if v.kind == "nothing")
    neutral = sorted((v.oracle for v in verdicts if v.kind == "nothing"), reverse=True)
    return [v.oracle > neutral[alarms] for v in verdicts]


def one_round(world: World, seed: int) -> list[Verdict]:
    rng = random.Random(f"{world.tasks}{world.repeats}{world.clipped}{seed}")  # noqa: S311  no secret is made
    shared = [base_rate(rng) for _ in range(world.tasks or 0)]
    kinds = {f"{kind}-{number}": kind for number in range(EACH) for kind in KINDS}
    meetings = {p: meetings_of(p, kind, world, shared, rng) for p, kind in kinds.items()}
    states: dict[str, str] = dict.fromkeys(kinds, "active")
    trials: dict[str, list[Trial]] = {pattern: [] for pattern in kinds}
    credits_: dict[str, Credit] = {}
    for look in world.looks:
        for pattern, their in trials.items():
            if states[pattern] != "retired":
                withheld = withheld_now(credits_.get(pattern), states[pattern])
                coming = meetings[pattern][len(their) : look]
                their += [
                    trial(pattern, f"{seed}-{len(their) + at}", m, withheld, rng)
                    for at, m in enumerate(coming)
                ]
        credits_ = credits_of([t for their in trials.values() for t in their])
        states = {p: judge(states[p], credits_[p]).state for p in kinds}
    return [
        verdict(kind, states[p] == "retired", credits_[p], trials[p], meetings[p])
        for p, kind in kinds.items()
    ]


def withheld_now(credit: Credit | None, state: str) -> float:
    known = credit.success if credit is not None else None
    interval = known.interval if isinstance(known, Lift) else None
    return share_withheld(interval, probation=state == "quarantined")


def base_rate(rng: random.Random) -> float:
    return min(0.95, max(0.05, rng.betavariate(0.5, 0.5)))


def meetings_of(
    pattern: str, kind: Kind, world: World, shared: Sequence[float], rng: random.Random
) -> list[Meeting]:
    """The tasks that a pattern meets; drawn again where they leave no room for its effect."""
    while True:
        rates = shared or [base_rate(rng) for _ in range(40 * TASKS_OF_PATTERN)]
        own_difficulty = rng.random()
        nearness = [math.exp(-(((rate - own_difficulty) / 0.5) ** 2)) for rate in rates]
        if world.repeats:
            tasks = rng.choices(range(len(rates)), nearness, k=TASKS_OF_PATTERN)
            often = [1 / (rank + 1) for rank in range(TASKS_OF_PATTERN)]
            drawn = rng.choices(tasks, often, k=RUNS)
        else:
            drawn = rng.choices(range(len(rates)), nearness, k=RUNS)
        bases = [rates[task] for task in drawn]
        changed = with_effect(bases, KINDS[kind], clipped=world.clipped)
        if changed is not None:
            break
    if shared:
        names = [str(task) for task in drawn]
    elif world.repeats:
        names = [f"{pattern}/{task}" for task in drawn]
    else:
        names = [f"{pattern}/{at}" for at in range(RUNS)]
    return [Meeting(*m) for m in zip(names, bases, changed, strict=True)]


def with_effect(bases: Sequence[float], sign: int, *, clipped: bool) -> list[float] | None:
    """The rates with the pattern: 20 points off on the mean, or on each task as far as it goes."""
    if clipped or sign == 0:
        return moved(bases, sign * POINTS if sign else 0)
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        gain = abs(sum(moved(bases, sign * middle)) - sum(bases)) / len(bases)
        low, high = (middle, high) if gain < POINTS else (low, middle)
    return moved(bases, sign * low) if low < ROOM else None


def moved(bases: Sequence[float], by: float) -> list[float]:
    return [min(0.99, max(0.01, base + by)) for base in bases]


def trial(
    pattern: str, run_id: str, meeting: Meeting, withheld: float, rng: random.Random
) -> Trial:
    decided = draw(run_id, pattern, withheld=withheld)
    injected = decided.decision == "injected"
    rate = meeting.changed if injected else meeting.base
    return Trial(
        run_id=run_id,
        pattern_id=pattern,
        family_id=pattern,
        version="1",
        task=meeting.task,
        injected=injected,
        probability=decided.probability,
        succeeded=rng.random() < rate,
    )


def verdict(
    kind: Kind,
    retired: bool,  # noqa: FBT001  one field of many
    credit: Credit,
    trials: Sequence[Trial],
    meetings: Sequence[Meeting],
) -> Verdict:
    met = meetings[: len(trials)]
    truth = sum(m.changed - m.base for m in met) / len(met)
    used = [(t.succeeded, m.base) for t, m in zip(trials, met, strict=True) if t.injected]
    marks = [succeeded for succeeded, _ in used]
    lift = credit.success
    low, high = lift.interval if isinstance(lift, Lift) else (-1.0, 1.0)
    return Verdict(
        kind,
        retired,
        lift.p_hurt if isinstance(lift, Lift) else 0.0,
        oracle(used),
        memp=memp_drops(marks),
        memp_at_once=any(memp_drops(marks[:n]) for n in range(len(marks) + 1)),
        counters=any(counters_drop(marks[:n]) for n in range(len(marks) + 1)),
        covered=low <= truth <= high,
        width=high - low,
    )


def memp_drops(marks: Sequence[bool]) -> bool:
    return len(marks) >= 3 and 2 * sum(marks) < len(marks)


def counters_drop(marks: Sequence[bool]) -> bool:
    return len(marks) - 2 * sum(marks) >= 3


def oracle(used: Sequence[tuple[bool, float]]) -> float:
    """P(hurt) of one who knows each task's base rate, and so needs no run without the pattern."""
    logs = []
    for effect in EFFECTS:
        rates = [(ok, chance(math.log(base / (1 - base)) + effect)) for ok, base in used]
        logs.append(sum(math.log(rate if ok else 1 - rate) for ok, rate in rates))
    top = max(logs)
    likelihood = [math.exp(log - top) for log in logs]
    belief = normalised(times(normal(0, 1.2, EFFECTS), likelihood))
    nothing = len(EFFECTS) // 2
    return sum(belief[:nothing]) + belief[nothing] / 2


if __name__ == "__main__":
    main()
