"""`crossrun wait`: waits for runs of any terminal to end."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import application, current
from crossrun.cli.parsing import Parsed
from crossrun.cli.picking import chosen_ids
from crossrun.config.values import duration
from crossrun.errors import Exit
from crossrun.projections.documents import document, run_object
from crossrun.services.runs import wait_for
from crossrun.store.reading import LAST

if TYPE_CHECKING:
    from crossrun.model.runs import Run


def wait(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Default: the newest.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="TIME",
            click_type=Parsed(duration),
            help="Stop waiting after this time: 90s, 5m, 2h.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Wait until runs have ended. Exits with the highest of their exit codes, with 8 on a timeout.

    \b
    Examples:
      crossrun wait
      crossrun wait k7f3 m2q9 --timeout 2h && crossrun diff k7f3
    """
    options = current()
    app = options.open_app()
    ids = chosen_ids(app, runs or [LAST])
    if options.err.live:
        options.say(f"waiting for {', '.join(ids)}; Ctrl-C stops waiting; the runs continue")
    ended = wait_for(app, ids, timeout)
    if json:
        objects = [run_object(run) for run in ended]
        options.out.emit(document({"runs": objects, "total": len(objects)}))
    raise typer.Exit(_highest_exit_code(ended))


def _highest_exit_code(runs: "Sequence[Run]") -> int:
    if not all(run.ended for run in runs):
        return Exit.STILL_RUNNING
    return max(run.exit_code or Exit.OK for run in runs)


wait_app = application("wait", wait)
