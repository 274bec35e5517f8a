"""The proof of a run that is about to end."""

from collections.abc import Iterable, Iterator
from itertools import islice

from crossrun.events import Event, Verified
from crossrun.model.proof import Proof, ProofFinding
from crossrun.proof.prefilter import NO_CHECK, has_nothing_to_assess

EVENTS = (
    "run_started", "agent_spoke", "command_started", "command_ran", "file_changed", "tool_called",
    "workspace_changed", "verified", "warned",
)  # fmt: skip
"""The types of events that a proof is read from."""
_MOST_EVENTS = 20_000
"""Of a run with more of them, only the check from outside counts, so that memory is bounded."""


def assess_run(events: Iterable[tuple[int, Event]], patch: bytes) -> Proof:
    """The proof sheet of a run.

    The rules are loaded only if there is something to judge: a plain command does not wait.

    Args:
        events: those of its events that `EVENTS` names, with their numbers, in order.
        patch: the measured change, in git's format.
    """
    remaining = iter(events)
    recorded = list(islice(remaining, _MOST_EVENTS))
    if len(recorded) == _MOST_EVENTS:
        return _assess_long_run(remaining)
    if has_nothing_to_assess(recorded, patch):
        return Proof("unchecked", (NO_CHECK,))
    from crossrun.proof.sheet import assess

    return assess(recorded, patch)


def _assess_long_run(remaining: Iterator[tuple[int, Event]]) -> Proof:
    """The proof of a run with too many events; its check comes after all of them."""
    finding = ProofFinding(
        "not_assessed", f"the run has more than {_MOST_EVENTS:,} events: only --verify counts"
    )
    verified = [event for _, event in remaining if isinstance(event, Verified)]
    passed = bool(verified) and verified[-1].exit_code == 0
    return Proof("proven" if passed else "unchecked", (finding,))


def preload_rules() -> None:
    """Loads the rules, which takes some tenths of a second."""
    from crossrun.proof import sheet as _sheet  # noqa: F401  loaded from now on
