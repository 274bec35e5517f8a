"""Cautions: what a failed run tried, and why it failed."""

from collections.abc import Iterable

from crossrun.events import CommandRan, Event, Verified
from crossrun.patterns.learning.clipping import clipped
from crossrun.patterns.learning.recoveries import error_line
from crossrun.patterns.learning.redaction import EchoGuard, Scrub
from crossrun.system.commandlines import bare_command

TEACHING = frozenset(
    [
        "AGENT_FAILED",
        "CONTEXT_FULL",
        "PROOF_MISSING",
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
_OUTPUT_READ = 2_000


def caution_of(events: Iterable[Event], scrub: Scrub, guard: EchoGuard) -> str | None:
    """One line about the last command that was not repaired, or else the check that failed.

    None if there is neither.

    Args:
        events: the run's commands and its check, in order.
        scrub: removes private data.
        guard: knows what was injected.
    """
    troubles: dict[str, str] = {}
    check: str | None = None

    def cleaned(output: str) -> str:
        return guard.strip(scrub(output[-_OUTPUT_READ:]))

    for event in events:
        match event:
            case CommandRan(command=command) if guard.holds(command):
                pass
            case CommandRan(command=command, exit_code=code, output=output) if code != 0:
                troubles.pop(command, None)
                troubles[command] = _sentence(
                    bare_command(command), code, guard.strip(scrub(output[-2_000:])), scrub
                )
            case CommandRan(command=command):
                troubles.pop(command, None)
            case Verified(command=command, exit_code=code, output=output) if code != 0:
                check = _sentence(command, code, cleaned(output), scrub)
            case _:
                pass
    return next(reversed(troubles.values()), check)


def _sentence(command: str, code: int | None, output: str, scrub: Scrub) -> str:
    tried = clipped(scrub(command), _LONGEST_TRIED)
    ended = "did not end" if code is None else f"ended with exit code {code}"
    error = error_line(output)
    why = f": {error}" if error else ""
    return clipped(f"`{tried}` {ended}{why}")
