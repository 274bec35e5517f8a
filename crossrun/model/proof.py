"""What the store shows about a run, besides what its agent says."""

from msgspec import Struct

GRADES = ("contradicted", "unchecked", "checked", "proven")
"""From the least proof to the most; see `Proof`."""


class ProofFinding(Struct, frozen=True):
    """Something that the ledger shows about a run; `seq` is the event that shows it, if one does.

    `kind` names the rule that made the finding, `text` is one sentence for people.
    """

    kind: str
    text: str
    seq: int | None = None


class Proof(Struct, frozen=True):
    """The proof sheet of a run.

    `grade` is `proven` if a check from outside passed after the last change, `checked` if the
    agent's own check did, `contradicted` if the ledger says otherwise than the agent, and else
    `unchecked`.
    """

    grade: str
    findings: tuple[ProofFinding, ...] = ()
