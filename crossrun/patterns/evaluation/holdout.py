"""The randomised holdout: a share of the eligible runs does without its pattern.

A coin is then the only difference between runs with a pattern and runs without it, so the effect of
the pattern can be measured. The coin is a hash of the run's id: any decision can be checked later.
"""

import hashlib
from typing import Literal

from msgspec import Struct

FIRST_SHARE = 0.30
LEAST_SHARE = 0.05
PROBATION_SHARE = 0.50
"""For a quarantined pattern: an even split shows soonest whether it really hurts."""

WIDE = 0.40
NARROW = 0.20
STEPS = 5
"""Only a few shares are in use, since runs are compared only with runs of the same share."""

Decision = Literal["injected", "withheld"]


class Draw(Struct, frozen=True):
    """The outcome of the coin, with the probability of this decision."""

    decision: Decision
    probability: float


def share_withheld(
    interval: tuple[float, float] | None, *, setting: float = FIRST_SHARE, probation: bool = False
) -> float:
    """The share of eligible runs that do without the pattern.

    `interval` is that of the lift in success, from -1 to 1; None while there is not enough
    evidence. The share is `setting` until the interval is narrower than 40 points and falls, in
    steps, to 5% at 20 points. It never falls below (or below `setting`, where that is less);
    0 turns the holdout off.
    """
    if not 0 <= setting < 1:
        raise ValueError(f"the share withheld must be at least 0 and below 1, not {setting}")
    if setting == 0:
        return 0.0
    if probation:
        return max(setting, PROBATION_SHARE)
    if interval is None:
        return setting
    low, high = interval
    open_questions = min(1.0, max(0.0, (high - low - NARROW) / (WIDE - NARROW)))
    steps = round(open_questions * STEPS)
    least = min(setting, LEAST_SHARE)
    return round(least + (setting - least) * steps / STEPS, 4)


def draw(run_id: str, pattern_id: str, *, withheld: float) -> Draw:
    """Decides whether a run gets its pattern; it is withheld with probability `withheld`.

    The same run, pattern and share always give the same decision. The pattern is part of the seed,
    so that a run that tries another pattern (a replay, a what-if) tosses another coin.
    """
    if not 0 <= withheld < 1:
        raise ValueError(f"the share withheld must be at least 0 and below 1, not {withheld}")
    if coin(run_id, pattern_id) < withheld:
        return Draw("withheld", withheld)
    return Draw("injected", 1 - withheld)


def coin(run_id: str, pattern_id: str) -> float:
    """A number in [0, 1): uniform over runs, the same for the same run and pattern."""
    digest = hashlib.sha256(f"holdout\0{run_id}\0{pattern_id}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def eligible(state: str, *, own: bool, holdout: float) -> bool:
    """Whether the pattern may be chosen without being named.

    An imported candidate (not the user's `own`) may be chosen only while a holdout can show what it
    does. So may a quarantined pattern: without a holdout, nothing could clear it.
    """
    match state:
        case "candidate":
            return own or holdout > 0
        case "active":
            return True
        case "quarantined":
            return holdout > 0
        case _:
            return False
