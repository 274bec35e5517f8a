"""The randomised holdout: a share of the eligible runs does without its pattern.

A coin is then the only difference between runs with a pattern and runs without it, so the effect of
the pattern can be measured. The coin is a hash of the run's id: any decision can be checked later.

How large the share is, see `expected_loss`.
"""

import hashlib
from typing import Literal

from msgspec import Struct

FIRST_SHARE = 0.15
"""For a pattern without runs: the best share under the prior."""
LARGEST_SHARE = 0.50
"""Under suspicion: an even split shows soonest whether a pattern hurts."""

HoldoutDecision = Literal["injected", "withheld"]


class Draw(Struct, frozen=True):
    """The outcome of the coin, with the probability of this decision."""

    decision: HoldoutDecision
    probability: float


def share_withheld(best: float | None, *, setting: float, suspected: bool = False) -> float:
    """The share of eligible runs that do without the pattern.

    Args:
        best: the share at which the fewest successes are lost (`expected_loss.best_share`); None
            before any run.
        setting: the user's upper bound; 0 turns the holdout off.
        suspected: the pattern may hurt; the bound does not hold then.
    """
    if not 0 <= setting < 1:
        raise ValueError(f"the share withheld must be at least 0 and below 1, not {setting}")
    if setting == 0:
        return 0.0
    if suspected:
        return max(setting, LARGEST_SHARE)
    return min(setting, FIRST_SHARE if best is None else best)


def draw(run_id: str, pattern_id: str, *, withheld: float) -> Draw:
    """Decides whether a run gets its pattern; it is withheld with probability `withheld`.

    The same run, pattern and share always give the same decision. The pattern is part of the seed,
    so that a run that tries another pattern (a replay, a what-if) tosses another coin.
    """
    if not 0 <= withheld < 1:
        raise ValueError(f"the share withheld must be at least 0 and below 1, not {withheld}")
    if coin(run_id, pattern_id) < withheld:
        return Draw("withheld", withheld)
    return Draw("injected", round(1 - withheld, 4))


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
