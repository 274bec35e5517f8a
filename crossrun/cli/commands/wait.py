"""`crossrun wait`: waits for runs of any terminal to end."""

import time
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
    from crossrun.services.app import App
    from crossrun.views.terminal import Terminal


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
        ended = _waiting_visibly(app, ids, timeout, options.err)
    else:
        ended = wait_for(app, ids, timeout)
    if json:
        objects = [run_object(run) for run in ended]
        options.out.emit(document({"runs": objects, "total": len(objects)}))
    raise typer.Exit(_highest_exit_code(ended))


def _waiting_visibly(
    app: "App", ids: "Sequence[str]", timeout: float | None, terminal: "Terminal"
) -> "list[Run]":
    """Waits with a status line that names the runs which have not ended."""
    from threading import Event

    from crossrun.cli.following import until_end
    from crossrun.cli.suspending import suspendable
    from crossrun.views.moving_line import MovingLine
    from crossrun.views.words import clock

    leave, line, began, drawn = Event(), MovingLine(terminal), time.monotonic(), -1

    def look_up() -> None:
        nonlocal drawn
        suspension.suspend_if_requested(line.cleared)
        seconds = int(time.monotonic() - began)
        if seconds == drawn or line.hidden:
            return
        drawn = seconds
        active = ", ".join(run_id for run_id in ids if not app.run(run_id).ended)
        line.draw((), f"waiting {clock(seconds)}; on Ctrl-C the runs continue: {active}")

    try:
        with suspendable() as suspension:
            return until_end(lambda: wait_for(app, ids, timeout, leave), look_up, leave)
    finally:
        line.clear()


def _highest_exit_code(runs: "Sequence[Run]") -> int:
    if not all(run.ended for run in runs):
        return Exit.STILL_RUNNING
    return max(run.exit_code or Exit.OK for run in runs)


wait_app = application("wait", wait)
