"""The proof of a run that is about to end."""

from collections.abc import Iterable

from crossrun.events import Event
from crossrun.model.proof import Proof
from crossrun.proof.prefilter import NO_CHECK, has_nothing_to_assess

EVENTS = (
    "run_started", "agent_spoke", "command_started", "command_ran", "file_changed", "tool_called",
    "workspace_changed", "verified", "warned",
)  # fmt: skip
"""The types of events that a proof is read from."""


def assess_run(events: Iterable[tuple[int, Event]], patch: bytes) -> Proof:
    """The proof sheet of a run.

    The rules are loaded only if there is something to judge: a plain command does not wait.

    Args:
        events: those of its events that `EVENTS` names, with their numbers, in order.
        patch: the measured change, in git's format.
    """
    recorded = list(events)
    if has_nothing_to_assess(recorded, patch):
        return Proof("unchecked", (NO_CHECK,))
    from crossrun.proof.sheet import assess

    return assess(recorded, patch)


def preload_rules() -> None:
    """Loads the rules, which takes some tenths of a second."""
    from crossrun.proof import sheet as _sheet  # noqa: F401  loaded from now on
