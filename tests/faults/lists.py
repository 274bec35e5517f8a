"""What a list of faults is: what is done to crossrun again and again, at zero failures."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Trial:
    """One of the things that are done.

    `number` tells which; the same one always does the same, as far as processes allow. `folder` is
    empty and its own.
    """

    number: int
    folder: Path
    chance: random.Random = field(repr=False)


@dataclass(frozen=True)
class FaultList:
    """A list of faults.

    Args:
        name: a word to choose it by.
        about: what is done and what has to hold.
        short: how many trials CI makes.
        long: how many the long form makes.
        carry_out: makes one trial; raises AssertionError where something does not hold.
        alone: whether a trial wants the whole machine; others run beside those of other lists.
        lacks: what this machine lacks for it; None: nothing.
    """

    name: str
    about: str
    short: int
    long: int
    carry_out: Callable[[Trial], None]
    alone: bool = False
    lacks: Callable[[], str | None] = lambda: None
