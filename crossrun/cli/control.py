"""`crossrun wait` and `crossrun cancel`: runs of other terminals, awaited or stopped."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import application, current
from crossrun.cli.ledger import open_app
from crossrun.config.values import duration
from crossrun.errors import Exit, UsageError
from crossrun.projections.documents import document, run_object
from crossrun.services import runs as services
from crossrun.services.app import App
from crossrun.store.reading import LAST

if TYPE_CHECKING:
    from crossrun.model.runs import Run

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
    app = open_app(options, settings)
    ended = services.wait_for(app, _ids(runs or [LAST], app), longest)
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
    app = open_app(options, options.settings())
    ended = services.cancel(app, _ids(runs, app))
    if json:
        options.out.emit(document({"runs": [run_object(run) for run in ended]}))
    for run in ended:
        options.say(f"{run.id} is {str(run.status).replace('_', ' ')}")
    raise typer.Exit(Exit.OK if all(run.ended for run in ended) else Exit.STILL_RUNNING)


def _ids(references: Sequence[str], app: App) -> list[str]:
    return list(dict.fromkeys(app.run(reference).id for reference in references))


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except ValueError as error:
        raise UsageError(
            "OPTION_INVALID", f"--timeout: {text!r} {error}", hint="see  crossrun wait --help"
        ) from error


def _highest(runs: "Sequence[Run]") -> int:
    if not all(run.ended for run in runs):
        return Exit.STILL_RUNNING
    return max(run.exit_code or Exit.OK for run in runs)


wait_app = application("wait", wait)
cancel_app = application("cancel", cancel)
