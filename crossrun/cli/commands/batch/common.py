"""What the commands for batches share."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.parsing import Parsed
from crossrun.config.values import amount, duration, positive
from crossrun.services.app import App

if TYPE_CHECKING:
    from crossrun.events import EventRecord
    from crossrun.views.batches import BatchFacts

KIND = "batch"
_NEWEST_EVENTS = 10

BatchReference = Annotated[
    str | None,
    typer.Argument(metavar="[BATCH]", help="An id, the beginning of one, or last."),
]
BudgetTokens = Annotated[
    int | None,
    typer.Option(
        metavar="N", click_type=Parsed(positive), help="Start no more runs after so many tokens."
    ),
]
BudgetCost = Annotated[
    float | None,
    typer.Option(metavar="N", click_type=Parsed(amount), help="The same for what the runs cost."),
]
BudgetTime = Annotated[
    float | None,
    typer.Option(
        metavar="TIME", click_type=Parsed(duration), help="The same for the time: 90s, 5m, 2h."
    ),
]


def facts_of(app: App, batch_id: str) -> "BatchFacts":
    """Reads what views show of a batch."""
    from crossrun.views.batches import BatchFacts

    return BatchFacts(
        run=app.run,
        used=partial(app.store.batches.used, batch_id),
        newest_events=partial(_newest_events, app),
    )


def _newest_events(app: App, run_id: str) -> "list[EventRecord]":
    from crossrun.services.runs import events_between

    after = max(app.store.read.last_seq(run_id) - _NEWEST_EVENTS, 0)
    return list(events_between(app, run_id, after))
