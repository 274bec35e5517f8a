"""What the planned runs of an experiment became, and the pairs that can be compared."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from crossrun.experiments.order import PlannedRun
from crossrun.model.runs import Run
from crossrun.model.status import Status


class Outcome(Struct, frozen=True, kw_only=True):
    """What one planned run became; None is unknown.

    `is_open`: it has not ended and still may. `succeeded` is None if the run shows nothing: it was
    not carried out, was cancelled, or failed for reasons outside of the agent. `seconds` is how
    long it took.
    """

    planned: PlannedRun
    is_open: bool = False
    run_id: str | None = None
    status: str | None = None
    succeeded: bool | None = None
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    failed_commands: int | None = None


class RunPair(Struct, frozen=True):
    """One run of each of two variants, in the same repetition of the same task."""

    a: Outcome
    b: Outcome

    @property
    def task(self) -> str:
        """The task of both."""
        return self.a.planned.task

    @property
    def is_conclusive(self) -> bool:
        """Whether both runs show something."""
        return self.a.succeeded is not None and self.b.succeeded is not None

    @property
    def difference(self) -> int:
        """1 if only A succeeded, -1 if only B did, else 0."""
        return bool(self.a.succeeded) - bool(self.b.succeeded)


def outcome_of(planned: PlannedRun, run: Run | None, *, may_begin: bool) -> Outcome:
    """What a planned run became.

    Args:
        planned: what it is for.
        run: the run that carried it out last; None: there is none.
        may_begin: whether a run may still begin that carries it out.
    """
    if run is None:
        return Outcome(planned=planned, is_open=may_begin)
    is_cut_short = run.status is Status.INTERRUPTED and may_begin
    return Outcome(
        planned=planned,
        is_open=not run.ended or is_cut_short,
        run_id=run.id,
        status=str(run.status),
        succeeded=run.failure is None if run.is_conclusive else None,
        tokens=None if run.tokens is None else run.tokens.total,
        cost=run.cost,
        seconds=run.seconds,
        failed_commands=run.failed_commands,
    )


def pairs_of(outcomes: Sequence[Outcome], a: str, b: str) -> Iterator[RunPair]:
    """The conclusive pairs of two variants, in the order in which they were planned.

    They end before the first pair that is open. Several runs are active at once, and those that
    fail may end sooner: counted as they end, they would show too many failures at first.

    Args:
        outcomes: of all planned runs, in their order.
        a: the name of a variant.
        b: the name of another one.
    """
    waiting: dict[tuple[str, int], Outcome] = {}
    for outcome in outcomes:
        task, variant, repetition = outcome.planned
        if variant not in (a, b):
            continue
        partner = waiting.pop((task, repetition), None)
        if partner is None:
            waiting[task, repetition] = outcome
            continue
        if partner.is_open or outcome.is_open:
            return
        pair = RunPair(outcome, partner) if variant == a else RunPair(partner, outcome)
        if pair.is_conclusive:
            yield pair
