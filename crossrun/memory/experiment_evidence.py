"""Runs of experiments as trials of patterns."""

from crossrun.patterns.evaluation.kinds import KindsOfTasks
from crossrun.patterns.evaluation.trials import Trial
from crossrun.store import Store


def experiment_trials(
    store: Store,  # noqa: ARG001  until experiments store their runs
    kinds: KindsOfTasks,  # noqa: ARG001  as above
) -> list[Trial]:
    """What experiments show about patterns: pairs of a run with a pattern and one without memory.

    Both runs of a pair are trials with a probability of one half and the experiment's id. `kinds`
    names the kinds of their tasks.
    """
    return []
