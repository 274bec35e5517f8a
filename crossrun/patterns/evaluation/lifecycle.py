"""Where a pattern stands, and when its credit moves it.

candidate: not yet judged. active: nothing speaks against it. quarantined: it may hurt, so runs are
split evenly until that is known. retired: it hurts, as far as one can know, and is not injected any
more unless the user names it. disabled: the user's own word, which no evidence changes. Every step
can be taken back by later evidence, and by the user at once; nothing is deleted.
"""

from msgspec import Struct

from crossrun.patterns.evaluation.evidence import Credit, Lift, NotEnough, Trial

RETIRES = 0.90
SUSPECT = 0.80
CLEARED = 0.60
"""A step back takes clearly more than the threshold's crossing, or patterns would flicker."""
ACTIVE = 0.50
LEAST_RUNS = 20
LEAST_WITHOUT = 5
"""Evidence that it takes to retire a pattern: eligible runs, and those of them without it."""


class Standing(Struct, frozen=True):
    """Where a pattern stands after a look at its credit, and why, as a sentence."""

    state: str
    reason: str
    before: str

    @property
    def changed(self) -> bool:
        """Whether there is something to record."""
        return self.state != self.before


def judged(state: str, credit: Credit | None, *, kept_by_user: bool = False) -> Standing:
    """The state that follows from `state` and the credit as it is now.

    `kept_by_user`: the user has enabled the pattern against the evidence. It is not put down again,
    but the sentence says what the evidence is.
    """
    if state == "disabled":
        return Standing(state, "Disabled by the user.", state)
    if credit is None:
        return Standing(state, "Not enough evidence yet: no run was eligible.", state)
    match credit.success:
        case NotEnough(reason):
            return Standing(state, f"{reason[0].upper()}{reason[1:]}.", state)
        case Lift() as lift:
            return _kept(_by(lift, state, credit), kept_by_user=kept_by_user)


def adopted(standing: Standing, trial: Trial) -> Standing:
    """Where an imported pattern stands after a run for which the user named it.

    One run here in which the agent followed it and succeeded is the evidence that makes it
    eligible. What it is worth is then found out as for any other.
    """
    if standing.state != "candidate" or not (trial.injected and trial.succeeded):
        return standing
    if trial.ignored:
        return standing
    return Standing("active", "It worked here when you named it.", standing.before)


def against_evidence(state: str) -> bool:
    """Whether enabling a pattern in this state sets the user's word above the evidence."""
    return state in ("quarantined", "retired")


def enabled(state: str) -> Standing:
    """The user's word: the pattern is active (again)."""
    return Standing("active", "Enabled by the user.", state)


def _by(lift: Lift, state: str, credit: Credit) -> Standing:
    down = state in ("quarantined", "retired")
    figures = _figures(lift, credit)
    if lift.p_hurt > RETIRES and _settled(credit):
        return Standing("retired", f"It hurts: {figures}.", state)
    if state == "retired" and lift.p_hurt > SUSPECT:
        return Standing("retired", f"It still seems to hurt: {figures}.", state)
    if lift.p_hurt > SUSPECT or (down and lift.p_hurt > CLEARED):
        return Standing("quarantined", f"It may hurt: {figures}.", state)
    if down or state == "active" or lift.p_hurt <= ACTIVE:
        return Standing("active", f"Nothing speaks against it: {figures}.", state)
    return Standing(state, f"Undecided: {figures}.", state)


def _kept(standing: Standing, *, kept_by_user: bool) -> Standing:
    if not kept_by_user or standing.state in ("candidate", "active"):
        return standing
    reason = f"Kept by the user, though the evidence says: {standing.reason}"
    return Standing("active", reason, standing.before)


def _settled(credit: Credit) -> bool:
    runs = credit.runs_with + credit.runs_without
    return runs >= LEAST_RUNS and credit.runs_without >= LEAST_WITHOUT


def _figures(lift: Lift, credit: Credit) -> str:
    low, high = (f"{100 * bound:+.0f}" for bound in lift.interval)
    return (
        f"{100 * lift.mean:+.0f} points of success ({low} to {high}), probability that it hurts "
        f"{lift.p_hurt:.2f}, {credit.runs_with} runs with it and {credit.runs_without} without"
    )
