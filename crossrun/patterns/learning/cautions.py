"""What a failed run teaches: what was tried, and why it failed."""

from collections.abc import Iterable

from crossrun.commandlines import bare_command, one_line
from crossrun.events import CommandRan, Event, Verified
from crossrun.patterns.learning.clamping import clipped
from crossrun.patterns.learning.privacy import Scrub

TEACHING = frozenset(
    [
        "AGENT_FAILED",
        "CONTEXT_FULL",
        "SCRIPT_FAILED",
        "STALLED",
        "TIMED_OUT",
        "TOKEN_LIMIT",
        "TURN_LIMIT",
        "VERIFY_FAILED",
    ]
)
"""Failures that the way of working had a part in."""

_LONGEST_TRIED = 70


def caution_of(events: Iterable[Event], scrub: Scrub) -> str | None:
    """One line about the last trouble that was not repaired; None where there was none.

    Args:
        events: the run's commands and its check, in order.
        scrub: takes private things out.
    """
    troubles: dict[str, str] = {}
    for event in events:
        match event:
            case CommandRan(command=command, exit_code=code, output=output) if code != 0:
                troubles.pop(command, None)
                troubles[command] = _told(bare_command(command), code, output, scrub)
            case CommandRan(command=command):
                troubles.pop(command, None)
            case Verified(command=command, exit_code=code, output=output) if code != 0:
                troubles[command] = _told(command, code, output, scrub)
            case _:
                pass
    return next(reversed(troubles.values()), None)


def _told(command: str, code: int | None, output: str, scrub: Scrub) -> str:
    tried = clipped(scrub(command), _LONGEST_TRIED)
    ended = "did not end" if code is None else f"ended with exit code {code}"
    lines = [line for line in scrub(output[-2_000:]).splitlines() if line.strip()]
    why = f": {one_line(lines[-1])}" if lines else ""
    return clipped(f"`{tried}` {ended}{why}")
