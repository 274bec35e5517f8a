"""The credit of a pattern: what runs show about it, as values."""

from msgspec import Struct

from crossrun.model.workflows import KindStats, Stats

LEAST_WITH = 5
LEAST_WITHOUT = 3
"""So many runs with and without a pattern are needed for an estimate."""
STRONG = 20.0
"""An e-value from which on something is decided: a false one in at most 1 of 20 lives."""


class NotEnough(Struct, frozen=True):
    """Not enough evidence yet, and why."""

    reason: str


class Lift(Struct, frozen=True):
    """The change in the probability of success, in points of 1.

    `interval` holds for this number of runs. `p_hurt`: the probability that the pattern lowers
    success by more than `HARM_MARGIN`, where its family and all patterns say what is likely.
    """

    mean: float
    interval: tuple[float, float]
    p_hurt: float


class Effect(Struct, frozen=True):
    """A change that the pattern makes, with an interval for this number of runs.

    For failed commands, a number per run; in success, points of 1; otherwise relative: -.3 is 30%
    less.
    """

    mean: float
    interval: tuple[float, float]


class Arms(Struct, frozen=True):
    """Runs with a pattern and without it."""

    runs_with: int
    runs_without: int
    succeeded_with: int
    succeeded_without: int


class LifetimeEvidence(Struct, frozen=True):
    """What stays valid although it is looked at after every run.

    `e_hurts` and `e_helps` are e-values: that of an effect that is not there ever reaches 20 with a
    probability of at most 5%. `e_dearer` are those for taking more than half as much again, by
    measure. `sequence` holds the lift after all runs at once with a probability of 90%.
    """

    e_hurts: float = 1.0
    e_helps: float = 1.0
    sequence: tuple[float, float] = (-1.0, 1.0)
    e_dearer: dict[str, float] = {}


class KindCredit(Struct, frozen=True, kw_only=True):
    """The effect on one kind of task, drawn towards the effect of the pattern on all.

    `task` is the first task of the kind. `state`: `helps`, `hurts`, `suspected` or `undecided`.
    """

    task_type: str
    task: str
    arms: Arms
    lift: float
    interval: tuple[float, float]
    p_hurt: float
    e_hurts: float
    e_helps: float
    state: str


class HoldoutCost(Struct, frozen=True):
    """What measuring has cost so far: runs that went without, and the successes lost by that."""

    runs: int
    successes: float


class Pooled(Struct, frozen=True):
    """Something that differed between the runs that a credit rests on."""

    what: str
    values: tuple[str, ...]


class Credit(Struct, frozen=True, kw_only=True):
    """What runs show about one pattern, or about all of them together.

    The runs and `success` are those with a check (`--verify`) if there are enough of them, and all
    others if not; `unverified` counts the runs without a check.
    """

    pattern_id: str
    family_id: str
    runs_with: int
    """Runs in which a coin decided, whether or not the agent followed the pattern."""
    runs_without: int
    succeeded_with: int
    succeeded_without: int
    is_verified: bool
    unverified: Arms
    followed: int
    """How many of the runs with the pattern followed it; unknown counts as followed."""
    ignored: int
    chosen: int
    """Runs in which the user or a setting decided; they cannot be compared."""
    experiment_runs: int
    adherence: float | None
    """Mean over all runs that had the pattern."""
    success: Lift | NotEnough
    effect_where_followed: Effect | NotEnough
    failed_commands: Effect | NotEnough
    turns: Effect | NotEnough
    tokens: Effect | NotEnough
    cost: Effect | NotEnough
    seconds: Effect | NotEnough
    evidence: LifetimeEvidence
    kinds: tuple[KindCredit, ...]
    holdout_cost: HoldoutCost
    share: float
    """The share of coming runs to withhold; see `holdout`."""
    pooled: tuple[Pooled, ...] = ()

    @property
    def is_proved(self) -> bool:
        """Whether runs with a check prove that it helps."""
        return self.evidence.e_helps >= STRONG


def stats(credit: Credit) -> Stats:
    """The credit in the form that `patterns show --json` has."""
    lift = credit.success if isinstance(credit.success, Lift) else None
    return Stats(
        runs_with=credit.runs_with,
        runs_without=credit.runs_without,
        lift=None if lift is None else lift.mean,
        lift_interval=None if lift is None else lift.interval,
        p_hurt=None if lift is None else lift.p_hurt,
        proved=credit.is_proved,
        share=credit.share,
        experiment_runs=credit.experiment_runs,
        kinds=tuple(map(_kind_stats, credit.kinds)),
    )


def _kind_stats(kind: KindCredit) -> KindStats:
    return KindStats(
        task_type=kind.task_type,
        task=kind.task,
        runs_with=kind.arms.runs_with,
        runs_without=kind.arms.runs_without,
        lift=kind.lift,
        interval=kind.interval,
        state=kind.state,
    )
