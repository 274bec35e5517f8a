"""Options of the commands that carry many runs out, and what their views read."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossrun.cli.parsing import Parsed
from crossrun.config.values import amount, duration, positive, up_to
from crossrun.model.choices import MOST_JOBS
from crossrun.services.app import App

if TYPE_CHECKING:
    from crossrun.events import EventRecord
    from crossrun.model.batches import BatchOptions
    from crossrun.views.batches import BatchFacts

_NEWEST_EVENTS = 10

Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        click_type=Parsed(up_to(MOST_JOBS)),
        help="Runs at the same time. (1)",
    ),
]
KeepGoing = Annotated[
    bool | None,
    typer.Option(
        "--keep-going/--stop-on-failure", help="Continue with other rows after one has failed."
    ),
]
BudgetTokens = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        click_type=Parsed(positive),
        help="Start no more runs after this many tokens.",
    ),
]
BudgetCost = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        click_type=Parsed(amount),
        help="Start no more runs after spending this much.",
    ),
]
BudgetTime = Annotated[
    float | None,
    typer.Option(
        metavar="TIME",
        click_type=Parsed(duration),
        help="Start no more runs after this time: 90s, 5m, 2h.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print the batch as one JSON object at the end.")
]
JsonLines = Annotated[
    bool, typer.Option("--jsonl", help="Print a line of JSON for each change of a row, live.")
]


def batch_options(arguments: Mapping[str, Any], otherwise: "BatchOptions") -> "BatchOptions":
    """How a batch is carried out, as far as the arguments say it."""
    from msgspec.structs import replace

    given = {
        "tokens": arguments.get("budget_tokens"),
        "cost": arguments.get("budget_cost"),
        "seconds": arguments.get("budget_time"),
    }
    keep_going = arguments.get("keep_going")
    return replace(
        otherwise,
        jobs=arguments.get("jobs") or otherwise.jobs,
        keep_going=otherwise.keep_going if keep_going is None else keep_going,
        budget=replace(otherwise.budget, **{name: value for name, value in given.items() if value}),
    )


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
