"""The states of a pattern, and the transitions between them.

candidate: not judged yet. active: no evidence against it. quarantined: it may hurt, so runs are
split evenly until the evidence decides. retired: it hurts with high probability and is no longer
injected unless the user names it. disabled: by the user, regardless of evidence. Later evidence can
reverse every transition, and the user can at once; nothing is deleted.
"""

from msgspec import Struct

from crossrun.patterns.evaluation.evidence import Credit, Lift, NotEnough, Trial

RETIRES = 0.90
SUSPECT = 0.80
CLEARED = 0.60
"""Below SUSPECT, so that a pattern does not flicker between two states (hysteresis)."""
ACTIVE = 0.50
LEAST_RUNS = 20
LEAST_WITHOUT = 5
"""Retiring a pattern takes this many eligible runs, and this many of them without it."""


class Transition(Struct, frozen=True):
    """The state after a judgement, the one before it, and the reason as a sentence."""

    state: str
    reason: str
    before: str

    @property
    def changed(self) -> bool:
        """Whether the state has changed."""
        return self.state != self.before


def judge(state: str, credit: Credit | None, *, kept_by_user: bool = False) -> Transition:
    """The transition from `state`, given the credit.

    `kept_by_user`: the user has enabled the pattern against the evidence. It stays active, but the
    reason names the evidence.
    """
    if state == "disabled":
        return Transition(state, "Disabled by the user.", state)
    if credit is None:
        return Transition(state, "Not enough evidence yet: no run was eligible.", state)
    match credit.success:
        case NotEnough(reason):
            return Transition(state, f"{reason[0].upper()}{reason[1:]}.", state)
        case Lift() as lift:
            return _respect_user(_by_evidence(lift, state, credit), kept_by_user=kept_by_user)


def adopt_after_success(transition: Transition, trial: Trial) -> Transition:
    """Activates an imported candidate after a successful run for which the user named it.

    One run in which the agent followed it and succeeded makes it eligible. From then on it is
    evaluated like any other pattern.
    """
    if transition.state != "candidate" or not (trial.injected and trial.succeeded):
        return transition
    if trial.ignored:
        return transition
    return Transition("active", "It worked here when you named it.", transition.before)


def against_evidence(state: str) -> bool:
    """Whether enabling a pattern in this state overrules the evidence."""
    return state in ("quarantined", "retired")


def enable(state: str) -> Transition:
    """The transition when the user enables a pattern."""
    return Transition("active", "Enabled by the user.", state)


def _by_evidence(lift: Lift, state: str, credit: Credit) -> Transition:
    down = state in ("quarantined", "retired")
    figures = _figures(lift, credit)
    if lift.p_hurt > RETIRES and _has_enough_runs(credit):
        return Transition("retired", f"It hurts: {figures}.", state)
    if state == "retired" and lift.p_hurt > SUSPECT:
        return Transition("retired", f"It still seems to hurt: {figures}.", state)
    if lift.p_hurt > SUSPECT or (down and lift.p_hurt > CLEARED):
        return Transition("quarantined", f"It may hurt: {figures}.", state)
    if down or state == "active" or lift.p_hurt <= ACTIVE:
        return Transition("active", f"No evidence against it: {figures}.", state)
    return Transition(state, f"Undecided: {figures}.", state)


def _respect_user(transition: Transition, *, kept_by_user: bool) -> Transition:
    if not kept_by_user or transition.state in ("candidate", "active"):
        return transition
    reason = f"Kept by the user, though the evidence says: {transition.reason}"
    return Transition("active", reason, transition.before)


def _has_enough_runs(credit: Credit) -> bool:
    runs = credit.runs_with + credit.runs_without
    return runs >= LEAST_RUNS and credit.runs_without >= LEAST_WITHOUT


def _figures(lift: Lift, credit: Credit) -> str:
    low, high = (f"{100 * bound:+.0f}" for bound in lift.interval)
    return (
        f"{100 * lift.mean:+.0f} points of success ({low} to {high}), probability that it hurts "
        f"{lift.p_hurt:.2f}, {credit.runs_with} runs with it and {credit.runs_without} without"
    )
