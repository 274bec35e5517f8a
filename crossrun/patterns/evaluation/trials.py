"""Runs as trials: what counts of a run in the evaluation of its pattern."""

from crossrun.errors import Exit
from crossrun.model.executors import EXECUTORS
from crossrun.model.failures import exit_code_of
from crossrun.model.runs import Run
from crossrun.patterns.evaluation.evidence import Conditions, Trial

_NOT_THE_AGENTS = ("WORKSPACE_FAILED", "INTERNAL", "REPLAY_DIVERGED", "AGENT_REFUSED")
_ELSEWHERE = (Exit.AUTHENTICATION, Exit.PROVIDER)
_NO_VERDICT = ("cancelled", "interrupted")


def trial_of(run: Run) -> Trial | None:
    """The trial of the pattern that was decided on; None if the run shows nothing about it.

    A replay repeats a recording regardless of its prompt. A run that was cancelled, or that failed
    for reasons outside of the agent, shows nothing about the pattern either.
    """
    decided = run.pattern
    if decided is None or decided.pattern_id is None or not _is_conclusive(run):
        return None
    injected = decided.decision in ("injected", "forced")
    return Trial(
        run_id=run.id,
        pattern_id=decided.pattern_id,
        family_id=decided.family_id or decided.pattern_id,
        version=decided.hash or "",
        task=decided.family_id or decided.pattern_id,
        injected=injected,
        probability=decided.probability or 1.0,
        succeeded=run.failure is None,
        failed_commands=run.failed_commands,
        turns=run.turns or None,
        tokens=run.tokens.total if run.tokens else None,
        seconds=run.seconds,
        adherence=decided.adherence if injected else None,
        conditions=Conditions(
            agent=run.executor,
            agent_version=run.executor_version or "",
            model=run.model or "",
            channel=decided.channel,
        ),
    )


def _is_conclusive(run: Run) -> bool:
    spec = EXECUTORS.get(run.executor)
    is_agent = spec is None or spec.is_agent
    if not is_agent or not run.ended or run.status in _NO_VERDICT:
        return False
    if run.failure is None:
        return True
    return run.failure.code not in _NOT_THE_AGENTS and exit_code_of(run.failure) not in _ELSEWHERE
