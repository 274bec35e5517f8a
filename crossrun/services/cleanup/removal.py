"""Removal of workspaces while others may want them: claimed first, then put aside, then freed.

Killed at any point, a workspace is there or gone. What was put aside and not freed has a name that
says so, and the rows of runs go last, so the next removal finishes what this one began.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from crossrun.config.settings import Paths
from crossrun.errors import ConfigurationError
from crossrun.model.retention import Holding, Plan, Rules, planned
from crossrun.services.cleanup.inventory import (
    EVERYTHING,
    WITH_WORKSPACE,
    Kind,
    Piece,
    Stray,
    leftovers,
    pieces,
    size_of,
    strays,
    survey,
)
from crossrun.store import Store
from crossrun.workspace.files.guarded import Place, put_aside, remove


class Wanted(NamedTuple):
    """What the user wants to go: workspaces by rules, and what else with them.

    `unknown`: also what the ledger does not know. `dropping_records`: the rows of their runs.
    """

    rules: Rules
    dropping_artifacts: bool = False
    dropping_records: bool = False
    unknown: bool = False

    @property
    def kinds(self) -> Sequence[Kind]:
        """What goes with a workspace."""
        return EVERYTHING if self.dropping_artifacts or self.dropping_records else WITH_WORKSPACE


class Found(NamedTuple):
    """What there is to remove. `strays` go only where they are wanted; sizes in bytes."""

    plan: Plan
    strays: list[Stray]
    leftovers: list[Place]
    leftover_size: int

    def size(self, wanted: Wanted) -> int:
        """Bytes that will be free."""
        unknown = sum(stray.size for stray in self.strays) if wanted.unknown else 0
        return self.plan.size + self.leftover_size + unknown

    def count(self, wanted: Wanted) -> int:
        """How many things go."""
        unknown = len(self.strays) if wanted.unknown else 0
        return len(self.plan.going) + len(self.leftovers) + unknown


class Done(NamedTuple):
    """What came of a removal. `taken_up`: runs went on in these workspaces meanwhile."""

    removed: list[Holding]
    taken_up: list[Holding]
    failures: list[ConfigurationError]
    freed: int


def find(
    store: Store, paths: Paths, wanted: Wanted, measure: Callable[[Place], int] | None
) -> Found:
    """Looks at the disk and decides; nothing is changed."""
    occupants = store.occupants()
    gone = wanted.dropping_records
    holdings = survey(occupants, paths, wanted.kinds, measure=measure, gone=gone)
    abandoned = leftovers(paths)
    return Found(
        planned(holdings, wanted.rules, datetime.now(UTC)),
        strays((run.id for run in occupants), paths),
        abandoned,
        size_of(abandoned),
    )


def remove_found(
    store: Store,
    paths: Paths,
    wanted: Wanted,
    found: Found,
    progress: Callable[[int, int], None] = lambda _number, _freed: None,
) -> Done:
    """Removes what was found, whatever of it cannot be removed.

    Args:
        store: the ledger; where no rows go, it is only read.
        paths: where things are.
        wanted: what `found` was found by.
        found: what goes.
        progress: told how many workspaces are removed, and the bytes that were free then.
    """
    done = Done([], [], [], 0)
    for number, (holding, _) in enumerate(found.plan.going):
        progress(number, done.freed)
        with _kept(done.failures):
            removed = remove_holding(store, holding, paths, wanted)
            (done.removed if removed else done.taken_up).append(holding)
            done = done._replace(freed=done.freed + holding.size * removed)
    for stray in found.strays if wanted.unknown else []:
        with _kept(done.failures):
            done = done._replace(freed=done.freed + stray.size * remove_stray(store, stray))
    for place in found.leftovers:
        with _kept(done.failures):
            size = size_of([place])
            remove(place)
            done = done._replace(freed=done.freed + size)
    return done


def remove_holding(store: Store, holding: Holding, paths: Paths, wanted: Wanted) -> bool:
    """Removes a workspace and what belongs to it.

    Returns:
        False when a run has taken it up since it was looked at; then nothing happened.

    Raises:
        ConfigurationError: something cannot be removed, or the store not be written. What was put
            aside already is removed the next time.
    """
    run_id = holding.newest.id
    with store.taking_over(run_id) as free:
        ids = [run.id for run in holding.runs]
        if not free or [run.id for run in store.occupants(run_id)] != ids:
            return False
        aside = _all_put_aside(pieces(holding, paths, wanted.kinds))
        if wanted.dropping_records:
            store.forget(ids)
    for place in aside:
        remove(place)
    return True


def remove_stray(store: Store, stray: Stray) -> bool:
    """Removes what a run left that the ledger does not know; see `remove_holding`."""
    with store.taking_over(stray.run_id) as free:
        if not free or store.occupants(stray.run_id):
            return False
        aside = _all_put_aside(stray.pieces)
    for place in aside:
        remove(place)
    return True


@contextmanager
def _kept(failures: list[ConfigurationError]) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        failures.append(error)


def _all_put_aside(found: Iterable[Piece]) -> list[Place]:
    places = [put_aside(piece.place) for piece in found]
    return [place for place in places if place is not None]
