"""The order of the runs of an experiment: paired, interleaved, drawn from a seed.

For each repetition the tasks come in random order, and for each task all variants next to each
other, in random order too. So changes meanwhile, of a provider or of the load of the machine, meet
all variants alike, and pairs come in random order, on which their comparison rests.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple


class PlannedRun(NamedTuple):
    """What one run of an experiment is for. Repetitions count from 1."""

    task: str
    variant: str
    repetition: int


def run_order(
    tasks: Sequence[str], variants: Sequence[str], repetitions: range, *, seed: int
) -> Iterator[PlannedRun]:
    """The runs in the order in which they start."""
    for repetition in repetitions:
        random = Random(f"{seed}/{repetition}")  # noqa: S311  not a secret
        for task in random.sample(tasks, len(tasks)):
            for variant in random.sample(variants, len(variants)):
                yield PlannedRun(task, variant, repetition)
