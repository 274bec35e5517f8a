"""The line of runs that wait for one another, kept by locks that die with their processes.

Each waiting run holds the lock on a ticket, whose name tells its place; each active run holds
one of as many places as may be taken. A process that dies loses both, so nobody has to tidy up.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import get_native_id

from crossrun.system.filelocks import is_locked, trying_lock
from crossrun.system.folders import make_private


class RunQueue:
    """One line.

    Args:
        folder: where tickets and places are.
        limit: how many places there are.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self.limit = limit

    @contextmanager
    def line(self) -> Iterator[Iterator[int | None]]:
        """Joins the line, and leaves it or the place that was reached in the end.

        Yields:
            Each time that it is asked: how many wait before this one, None when it is its turn.
        """
        tickets = self._folder / "tickets"
        make_private(tickets)
        ticket = tickets / f"{_next_number(tickets):020}-{get_native_id()}"
        unseen = ticket.with_name(f"new-{ticket.name}")
        with ExitStack() as place, trying_lock(unseen) as tries:
            next(tries)
            unseen.rename(ticket)  # nobody may see it unlocked and take it for left behind
            try:
                yield self._turns(ticket, place)
            finally:
                ticket.unlink(missing_ok=True)

    def _turns(self, ticket: Path, place: ExitStack) -> Iterator[int | None]:
        while True:
            ahead = self._ahead(ticket)
            if not ahead and self._take_place(place):
                break
            yield ahead
        ticket.unlink(missing_ok=True)
        while True:
            yield None

    def _ahead(self, ticket: Path) -> int:
        """How many wait before this one. Tickets of processes that are gone are removed."""
        earlier = (entry for entry in ticket.parent.iterdir() if entry.name < ticket.name)
        waiting = 0
        for other in earlier:
            if is_locked(other):
                waiting += 1
            else:
                other.unlink(missing_ok=True)
        return waiting

    def _take_place(self, place: ExitStack) -> bool:
        for number in range(1, self.limit + 1):
            with ExitStack() as attempt:
                tries = attempt.enter_context(trying_lock(self._folder / f"place-{number}"))
                if next(tries):
                    place.push(attempt.pop_all())
                    return True
        return False


def _next_number(tickets: Path) -> int:
    """Later than all that wait, also where the clock was set back since they came."""
    numbers = (entry.name.partition("-")[0] for entry in tickets.iterdir())
    newest = max((int(number) for number in numbers if number.isdecimal()), default=0)
    return max(time.time_ns(), newest + 1)
