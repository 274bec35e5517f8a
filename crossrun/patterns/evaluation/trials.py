"""Runs as trials: what counts of a run in the evaluation of its pattern."""

from msgspec import Struct

from crossrun.errors import Exit
from crossrun.model.executors import EXECUTORS
from crossrun.model.failures import exit_code_of
from crossrun.model.runs import Run

FOLLOWED = 0.34
"""Adherence from which on an agent followed a pattern: about a third of its steps."""

_NOT_THE_AGENTS = ("WORKSPACE_FAILED", "INTERNAL", "REPLAY_DIVERGED", "AGENT_REFUSED")
_ELSEWHERE = (Exit.AUTHENTICATION, Exit.PROVIDER)
_NO_VERDICT = ("cancelled", "interrupted")


class Conditions(Struct, frozen=True, order=True):
    """What else affects the outcome of a run. "" if unknown, so that conditions can be compared."""

    agent: str = ""
    agent_version: str = ""
    model: str = ""
    channel: str = ""
    """How the pattern was sent to the agent, or would have been."""


class Trial(Struct, frozen=True, kw_only=True):
    """One run that was eligible for one pattern; None means unknown.

    `probability` is that of the decision: of injecting the pattern in a run with it, of withholding
    it in a run without it. It is 1 if the user or a setting decided. `verified`: the user asked for
    a check, so `succeeded` means that it passed. `contradicted`: the record of the run contradicts
    what it says of itself. `experiment_id` is the experiment that the run is a part of;
    `is_named`: it names the pattern, so it shows nothing about what memory chooses.
    """

    run_id: str
    at: str
    """When the run began: trials are evaluated in this order."""
    pattern_id: str
    family_id: str
    version: str
    """Hash of the pattern's text."""
    kind: str
    """Of the task; see `kinds`."""
    injected: bool
    probability: float
    succeeded: bool
    verified: bool = False
    contradicted: bool = False
    failed_commands: int | None = None
    turns: int | None = None
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    adherence: float | None = None
    conditions: Conditions = Conditions()
    experiment_id: str | None = None
    is_named: bool = False

    @property
    def is_random(self) -> bool:
        """Whether a coin decided; other runs cannot be compared."""
        return 0 < self.probability < 1

    @property
    def injection_probability(self) -> float:
        """The probability with which the pattern was injected, whether or not it came to that."""
        return self.probability if self.injected else 1 - self.probability

    @property
    def went_well(self) -> bool:
        """Success as far as it is known: a check decides, or else what the record shows."""
        return self.succeeded and (self.verified or not self.contradicted)

    @property
    def followed(self) -> bool:
        """Whether the agent got the pattern and followed it, as far as is known."""
        return self.injected and (self.adherence is None or self.adherence >= FOLLOWED)

    @property
    def block(self) -> str:
        """Runs in one block are of about the same difficulty: kind of task, agent, model, check."""
        of = self.conditions
        return "\0".join((self.kind, of.agent, of.model, str(self.verified)))


def trial_of(run: Run, kind: str) -> Trial | None:
    """The trial of the pattern that was decided on; None if the run shows nothing about it.

    A replay repeats a recording regardless of its prompt. A run that was cancelled, or that failed
    for reasons outside of the agent, shows nothing about the pattern either.
    """
    decided = run.pattern
    if decided is None or decided.pattern_id is None or not is_conclusive(run):
        return None
    injected = decided.decision in ("injected", "forced")
    return Trial(
        run_id=run.id,
        at=run.created_at,
        pattern_id=decided.pattern_id,
        family_id=decided.family_id or decided.pattern_id,
        version=decided.hash or "",
        kind=kind,
        injected=injected,
        probability=decided.probability or 1.0,
        succeeded=run.failure is None,
        verified=bool(decided.with_check) or run.verify is not None,
        contradicted=run.proof is not None and run.proof.grade == "contradicted",
        failed_commands=run.failed_commands,
        turns=run.turns or None,
        tokens=run.tokens.total if run.tokens else None,
        cost=run.cost,
        seconds=run.seconds,
        adherence=decided.adherence if injected else None,
        conditions=Conditions(
            agent=run.executor,
            agent_version=run.executor_version or "",
            model=run.model or "",
            channel=decided.channel,
        ),
    )


def is_conclusive(run: Run) -> bool:
    """Whether the outcome of a run is that of an agent's work."""
    spec = EXECUTORS.get(run.executor)
    is_agent = spec is None or spec.is_agent
    if not is_agent or not run.ended or run.status in _NO_VERDICT:
        return False
    if run.failure is None:
        return True
    return run.failure.code not in _NOT_THE_AGENTS and exit_code_of(run.failure) not in _ELSEWHERE
