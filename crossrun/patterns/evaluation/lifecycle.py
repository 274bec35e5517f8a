"""The states of a pattern, and the transitions between them.

candidate: not judged yet. active: no strong evidence against it. resting: agents never follow it,
so it is not given to them until it changes. quarantined: it hurts, by evidence that is wrong for at
most 1 of 20 harmless patterns in their whole lives; half of its runs do without until the evidence
turns or grows. retired: the evidence is stronger still, and it is no longer injected unless the
user names it. disabled: by the user, regardless of evidence. Later evidence can reverse every
transition, and the user can at once; nothing is deleted.
"""

from msgspec import Struct

from crossrun.model.workflows import Stats
from crossrun.patterns.evaluation.credit import STRONG, Credit, Lift, NotEnough
from crossrun.patterns.evaluation.trials import Trial
from crossrun.patterns.evaluation.verdicts import harm_evidence, verdict

QUARANTINES = STRONG
RETIRES = 100.0
"""E-values from which on a pattern is quarantined (for harm to success or to costs) or retired (for
harm to success)."""
CLEARED = 5.0
"""Below QUARANTINES, so that a pattern does not flicker between two states (hysteresis)."""
ACTIVE = 0.50
"""The largest probability of harm at which a candidate becomes active."""
LEAST_RUNS = 20
LEAST_WITHOUT = 5
"""Retiring a pattern takes this many eligible runs, and this many of them without it."""
RESTS = 8
"""So many injections of one version, none of them followed, put a pattern to rest."""


class Transition(Struct, frozen=True):
    """The state after a judgement, the one before it, and the reason as a sentence."""

    state: str
    reason: str
    before: str

    @property
    def changed(self) -> bool:
        """Whether the state has changed."""
        return self.state != self.before


def judge(
    state: str, credit: Credit | None, *, kept_by_user: bool = False, unfollowed: int = 0
) -> Transition:
    """The transition from `state`, given the credit.

    Args:
        state: the pattern's state now.
        credit: what its runs show.
        kept_by_user: the user has enabled the pattern against the evidence. It stays active, but
            the reason names the evidence.
        unfollowed: see `unfollowed_injections`.
    """
    if state == "disabled":
        return Transition(state, "Disabled by the user.", state)
    if state not in ("candidate", "active", "resting", "quarantined", "retired"):
        return Transition(state, "A newer version of crossrun has judged it.", state)
    return _respect_user(
        _rest(_by_evidence(state, credit), credit, unfollowed), kept_by_user=kept_by_user
    )


def unfollowed_injections(trials: list[Trial], version: str) -> int:
    """How many agents got the version, if none of them followed it, or else 0.

    Args:
        trials: of the pattern.
        version: the hash of its current text.
    """
    got = [t for t in trials if t.injected and t.version == version and t.adherence is not None]
    return 0 if any(trial.followed for trial in got) else len(got)


def adopt_after_success(transition: Transition, trial: Trial) -> Transition:
    """Activates an imported candidate after a successful run for which the user named it.

    One run in which the agent followed it and succeeded makes it eligible. From then on it is
    evaluated like any other pattern.
    """
    if transition.state != "candidate" or not (trial.succeeded and trial.followed):
        return transition
    return Transition("active", "It worked here when you named it.", transition.before)


def against_evidence(state: str, stats: Stats) -> bool:
    """Whether enabling a pattern in this state, with these figures, overrules the evidence."""
    is_masked = any(kind.state == "hurts" for kind in stats.kinds)
    return is_masked or state in ("resting", "quarantined", "retired")


def enable(state: str) -> Transition:
    """The transition when the user enables a pattern."""
    return Transition("active", "Enabled by the user.", state)


def wake(state: str) -> Transition | None:
    """The transition when a pattern has a new version; None: it stays in its state."""
    if state != "resting":
        return None
    return Transition("candidate", "It has a new version, which agents may follow.", state)


def _by_evidence(state: str, credit: Credit | None) -> Transition:
    if credit is None:
        return Transition(state, "Not enough evidence yet: no run was eligible.", state)
    if isinstance(credit.success, NotEnough):
        reason = credit.success.reason
        return Transition(_awake(state), f"{reason[0].upper()}{reason[1:]}.", state)
    return Transition(_judged(state, credit, credit.success), f"{verdict(credit)}.", state)


def _judged(state: str, credit: Credit, lift: Lift) -> str:
    harm = harm_evidence(credit).e_value
    if credit.evidence.e_hurts >= RETIRES and _has_enough_runs(credit):
        return "retired"
    if harm >= QUARANTINES:
        return "retired" if state == "retired" else "quarantined"
    if state in ("quarantined", "retired") and (harm >= CLEARED or lift.p_hurt > ACTIVE):
        return "quarantined"
    if state in ("candidate", "resting") and lift.p_hurt > ACTIVE:
        return "candidate"
    return "active"


def _awake(state: str) -> str:
    return "candidate" if state == "resting" else state


def _rest(transition: Transition, credit: Credit | None, unfollowed: int) -> Transition:
    """Rest for what is never followed, unless it is proved to help all the same."""
    is_proved = credit is not None and credit.is_proved
    if unfollowed < RESTS or is_proved or transition.state not in ("candidate", "active"):
        return transition
    reason = (
        f"No agent followed it in {unfollowed} runs that got it; it rests until it has a new "
        f"version or you enable it. {transition.reason}"
    )
    return Transition("resting", reason, transition.before)


def _respect_user(transition: Transition, *, kept_by_user: bool) -> Transition:
    if not kept_by_user or transition.state in ("candidate", "active"):
        return transition
    reason = f"Kept by the user, though the evidence says: {transition.reason}"
    return Transition("active", reason, transition.before)


def _has_enough_runs(credit: Credit) -> bool:
    runs = credit.runs_with + credit.runs_without
    return runs >= LEAST_RUNS and credit.runs_without >= LEAST_WITHOUT
