"""What the ledger says about a claim."""

from typing import Literal, NamedTuple

from crossrun.proof.claimed import Claim

Verdict = Literal["confirmed", "contradicted", "open"]


class Judgement(NamedTuple):
    """What the ledger says about a claim, in a sentence, with the event that shows it."""

    claim: Claim
    verdict: Verdict
    text: str
    seq: int | None


def undecided(claim: Claim) -> Judgement:
    """The ledger cannot tell."""
    return Judgement(claim, "open", "", None)
