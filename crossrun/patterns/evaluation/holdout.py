"""The randomised holdout: now and then an eligible run goes without the pattern it would have got.

Only so can be known what a pattern does: runs with it and runs without it differ by a coin alone.
The coin is made from the run's id, so any decision can be checked later from what was recorded.
"""

import hashlib
from typing import Literal

from msgspec import Struct

FIRST_SHARE = 0.30
LEAST_SHARE = 0.05
PROBATION_SHARE = 0.50
"""Of a quarantined pattern: the even split, which tells soonest whether the suspicion is right."""

WIDE = 0.40
NARROW = 0.20
STEPS = 5
"""Shares come in few sizes, as runs are compared within the share they were drawn with."""

Decision = Literal["injected", "withheld"]


class Draw(Struct, frozen=True):
    """What came of the coin. `probability`: that of this decision, given what was known."""

    decision: Decision
    probability: float


def share_withheld(
    interval: tuple[float, float] | None, *, setting: float = FIRST_SHARE, probation: bool = False
) -> float:
    """The share of eligible runs that go without the pattern.

    `interval` is that of the lift in success, in points of 1, None while there is not enough
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
    """Injects or withholds a pattern in a run, with probability `withheld` of the latter.

    The same run and pattern always meet the same fate for the same share. The pattern is part of
    the seed so that a run that tries another pattern (a replay, a what-if) tosses another coin.
    """
    if not 0 <= withheld < 1:
        raise ValueError(f"the share withheld must be at least 0 and below 1, not {withheld}")
    if coin(run_id, pattern_id) < withheld:
        return Draw("withheld", withheld)
    return Draw("injected", 1 - withheld)


def coin(run_id: str, pattern_id: str) -> float:
    """A number in [0, 1) that is uniform over runs and fixed for each."""
    digest = hashlib.sha256(f"holdout\0{run_id}\0{pattern_id}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def eligible(state: str, *, own: bool, holdout: float) -> bool:
    """Whether the pattern may be chosen without being named.

    A candidate that is not the user's `own`, an imported one, is only while a holdout can show what
    it does. Without a holdout nothing could ever clear a quarantined pattern, so it stays out.
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
