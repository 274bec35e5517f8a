"""What the figures of a pattern come to, as a sentence that follows the numbers."""

from msgspec import Struct

from crossrun.patterns.evaluation.credit import STRONG, Credit, Effect, Lift

LIKELY = 0.80
UNLIKELY = 0.20
"""Probabilities of harm between which the sentence leaves it open."""
HARMLESS = 0.05
SMALL = 0.05
"""An interval within so many points of 1 around 0 says that the effect is small."""
_OF_EVIDENCE_ON_COSTS = 0.2

_NOUNS = {
    "tokens": "the tokens",
    "cost": "the money",
    "seconds": "the time",
    "failed_commands": "the failed commands",
}


class HarmEvidence(Struct, frozen=True):
    """The evidence that a pattern does harm: an e-value, and the measure that it comes from most.

    `measure` is "success" or one of `tokens cost seconds failed_commands`.
    """

    e_value: float
    measure: str


def harm_evidence(credit: Credit) -> HarmEvidence:
    """Harm to success and to costs in one e-value, four fifths and one fifth of the wealth.

    Costs count only as long as it is not proved that they buy success.
    """
    seen = credit.evidence
    shares = {"success": (1 - _OF_EVIDENCE_ON_COSTS) * seen.e_hurts}
    dearer = {} if credit.is_proved else seen.e_dearer
    for measure, e_value in dearer.items():
        shares[measure] = _OF_EVIDENCE_ON_COSTS / len(dearer) * e_value
    idle = 0.0 if dearer else _OF_EVIDENCE_ON_COSTS
    largest = max(shares, key=lambda measure: shares[measure])
    return HarmEvidence(sum(shares.values()) + idle, largest)


def verdict(credit: Credit) -> str:
    """The sentence, without its full stop; "" while there is not enough evidence."""
    lift = credit.success
    if not isinstance(lift, Lift):
        return ""
    masked = sum(kind.state == "hurts" for kind in credit.kinds)
    kinds = "1 kind of task" if masked == 1 else f"{masked} kinds of tasks"
    aside = f"; not given to {kinds} on which it hurts" if masked else ""
    return f"{_judgement(credit, lift)}: {figures(lift, credit)}{aside}"


def verdict_on_memory(credit: Credit) -> str:
    """The sentence on all patterns together, without its full stop.

    The e-values say whether some pattern hurts or helps in some runs. That memory does so on the
    whole takes an interval as well that would be on the same side if it were twice as wide.
    """
    lift = credit.success
    if not isinstance(lift, Lift):
        return f"{lift.reason[0].upper()}{lift.reason[1:]}"
    if credit.evidence.e_hurts >= STRONG and _is_clear(lift) and lift.mean < 0:
        judgement = "It hurts"
    elif is_memory_proved(credit):
        judgement = "It is proved to help"
    else:
        judgement = likelihood(lift)
    return f"{judgement.replace('It', 'Memory as a whole', 1)}: {figures(lift, credit)}"


def is_memory_proved(credit: Credit) -> bool:
    """Whether it is proved that all patterns together help; see `verdict_on_memory`."""
    lift = credit.success
    return isinstance(lift, Lift) and credit.is_proved and _is_clear(lift) and lift.mean > 0


def _is_clear(lift: Lift) -> bool:
    low, high = lift.interval
    return abs(low + high) / 2 > high - low


def _judgement(credit: Credit, lift: Lift) -> str:
    harm = harm_evidence(credit)
    if harm.e_value >= STRONG:
        return "It hurts" if harm.measure == "success" else _dearer(credit, harm.measure)
    if credit.is_proved:
        return "It is proved to help"
    return likelihood(lift)


def likelihood(lift: Lift) -> str:
    """What the figures make likely, where nothing is proved."""
    low, high = lift.interval
    if lift.p_hurt > LIKELY:
        return "It probably hurts"
    if lift.p_hurt > UNLIKELY:
        return "It may help or hurt"
    if low >= -SMALL and high <= SMALL:
        return "It changes little"
    if lift.p_hurt <= HARMLESS and low > 0:
        return "It probably helps"
    return "It shows no sign of harm"


def _dearer(credit: Credit, measure: str) -> str:
    effect = getattr(credit, measure)
    times = ""
    if isinstance(effect, Effect) and measure != "failed_commands":
        times = f"{1 + effect.mean:.1f} times "
    more = times or "much more of "
    return f"It takes {more}{_NOUNS[measure]} at no more success"


def figures(lift: Lift, credit: Credit) -> str:
    """The lift with its interval, the probability of harm, and the runs behind them."""
    mean, low, high = (round(100 * value) for value in (lift.mean, *lift.interval))
    unchecked = "" if credit.is_verified else ", by what runs say without --verify"
    return (
        f"{mean:+d} points of success ({low:+d} to {high:+d}), probability that it hurts "
        f"{lift.p_hurt:.2f}, {credit.runs_with} runs with it and {credit.runs_without} "
        f"without{unchecked}"
    )
