"""`crossrun wait` and `crossrun cancel`: runs of other terminals, awaited or stopped."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.ledger import open_ledger, tell_interrupted
from crossrun.config.settings import Settings
from crossrun.config.values import duration
from crossrun.errors import Exit, UsageError
from crossrun.projections.documents import document, run_object
from crossrun.store.reading import LAST

if TYPE_CHECKING:
    from crossrun.model.runs import Run
    from crossrun.store import Store

_POLL = 0.1
_CHECK_ALIVE = 20
"""How many polls until somebody looks whether the runs' processes still live."""
_LONGEST_STOP = 30.0
"""Seconds that a run gets to end in order after it was asked to."""

Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, or the beginning of them.")]


def wait(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Default: the newest.")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Give up after so long: 90s, 5m, 2h.")
    ] = None,
    json: Json = False,
) -> None:
    """Wait until runs have ended; exits with the highest of their exit codes, 8 when it gives up.

    \b
    Examples:
      crossrun wait
      crossrun wait k7f3 m2q9 --timeout 2h && crossrun diff k7f3
    """
    options = current()
    settings = options.settings()
    longest = None if timeout is None else _seconds(timeout)
    store = open_ledger(options, settings)
    ended = _awaited(_ids(runs or [LAST], store), longest, store, settings, options)
    if json:
        options.out.emit(document({"runs": [run_object(run) for run in ended]}))
    raise typer.Exit(_highest(ended))


def cancel(runs: Runs, json: Json = False) -> None:
    """Stop runs from another terminal. Their workspaces and events are kept.

    \b
    Examples:
      crossrun cancel last
      crossrun cancel k7f3 m2q9
    """
    options = current()
    settings = options.settings()
    store = open_ledger(options, settings)
    ids = _ids(runs, store)
    for run_id in ids:
        store.ask_to_stop(run_id)
    ended = _awaited(ids, _LONGEST_STOP, store, settings, options)
    if json:
        options.out.emit(document({"runs": [run_object(run) for run in ended]}))
    for run in ended:
        options.say(f"{run.id} is {str(run.status).replace('_', ' ')}")
    raise typer.Exit(Exit.OK if all(run.status.ended for run in ended) else Exit.STILL_RUNNING)


def _ids(references: Sequence[str], store: "Store") -> list[str]:
    return list(dict.fromkeys(store.read.run(reference).id for reference in references))


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except ValueError as error:
        raise UsageError(
            "OPTION_INVALID", f"--timeout: {text!r} {error}", hint="see  crossrun wait --help"
        ) from error


def _awaited(
    ids: Sequence[str],
    longest: float | None,
    store: "Store",
    settings: Settings,
    options: Globals,
) -> "list[Run]":
    """The runs when all of them have ended, or when the time is up."""
    until = None if longest is None else time.monotonic() + longest
    polls = 0
    while True:
        found = [store.read.run(run_id) for run_id in ids]
        late = until is not None and time.monotonic() >= until
        if late or all(run.status.ended for run in found):
            return found
        polls += 1
        if polls % _CHECK_ALIVE == 0:
            tell_interrupted(options, settings, store)
        time.sleep(_POLL)


def _highest(runs: "Sequence[Run]") -> int:
    if not all(run.status.ended for run in runs):
        return Exit.STILL_RUNNING
    return max(run.exit_code or Exit.OK for run in runs)


wait_app = application("wait", wait)
cancel_app = application("cancel", cancel)
