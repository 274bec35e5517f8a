"""What pattern memory decided in a run."""

from crossrun.errors import NotFoundError
from crossrun.events import PatternDecided
from crossrun.model.runs import Run
from crossrun.store import Store


def decision_of(store: Store, run: Run) -> PatternDecided:
    """The decision about patterns in a run.

    Raises:
        NotFoundError: there is none.
    """
    decision = store.read.first_event(run.id, PatternDecided)
    if decision is None:
        raise NotFoundError(
            "NOTHING_DECIDED",
            f"the run {run.id} has no decision about patterns",
            hint="it ended before the decision, or is older than pattern memory",
        )
    return decision
