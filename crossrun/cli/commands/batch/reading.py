"""`crossrun batch list`, `show`, `results` and `cancel`: what batches do and did."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from crossrun.cli.arguments import Json, Limit, Output
from crossrun.cli.batch_options import facts_of
from crossrun.cli.commands.batch.arguments import KIND, BatchReference
from crossrun.cli.globals import current
from crossrun.cli.parsing import Parsed
from crossrun.config.values import one_of
from crossrun.errors import Exit, NotFoundError
from crossrun.projections.documents import document
from crossrun.store.batches import LAST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crossrun.model.batches import Batch

ResultForm = Literal["csv", "jsonl"]
_FORMS: tuple[ResultForm, ...] = ("csv", "jsonl")


def list_batches(
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List batches, the newest first."""
    none = "no batches yet; start one:\n  crossrun batch tasks.yaml --jobs 4"
    list_of_kind(KIND, limit=limit, json=json, none=none)


def list_of_kind(kind: str, *, limit: int, json: bool, none: str) -> None:
    """Lists batches of a kind; `none` is said if there are none."""
    from crossrun.services.batches.results import document_of, usage_of

    options = current()
    app = options.open_app()
    batches = app.store.batches.batches(kind=kind, limit=limit)
    if json:
        objects = [document_of(app, batch) for batch in batches]
        total = app.store.batches.count(kind=kind)
        options.out.emit(document({"batches": objects, "total": total}))
    elif batches:
        from crossrun.views.batches import batch_table

        lines = [
            (batch, usage_of(app, batch), app.store.batches.is_active(batch.id))
            for batch in batches
        ]
        options.out.write(batch_table(lines, options.out, kind=kind))
    else:
        options.say(none)


def show(batch: BatchReference = None, json: Json = False) -> None:
    """Show a batch with all its rows.

    \b
    Examples:
      crossrun batch show
      crossrun batch show k7f3 --json | jq -r '.rows[] | select(.status == "failed").run_id'
    """
    options = current()
    app = options.open_app()
    chosen = app.store.batches.batch(batch or LAST, kind=None if batch else KIND)
    if json:
        from crossrun.services.batches.results import document_of

        options.out.emit(document(document_of(app, chosen)))
    else:
        from crossrun.views.batches import batch_details

        is_active = app.store.batches.is_active(chosen.id)
        facts = facts_of(app, chosen.id)
        options.out.write(batch_details(chosen, facts, options.out, is_active=is_active))


def results(
    batch: BatchReference = None,
    form: Annotated[
        ResultForm | None,
        typer.Option(
            "--format",
            metavar="csv|jsonl",
            click_type=Parsed(one_of(*_FORMS)),
            help="The format. (from the name of FILE, or CSV)",
        ),
    ] = None,
    output: Output = None,
    json: Json = False,
) -> None:
    """Print the result of each row: answer, status, files, figures, ids.

    \b
    Examples:
      crossrun batch results -o results.csv
      crossrun batch results k7f3 --format jsonl | jq -r 'select(.status == "succeeded").answer'
    """
    from io import BytesIO

    from crossrun.cli.contents import copy_out, form_by_name
    from crossrun.services.batches import results as services

    options = current()
    app = options.open_app()
    chosen = app.store.batches.batch(batch or LAST, kind=None if batch else KIND)
    rows = list(services.results(app, chosen))
    if json:
        options.out.emit(document({"id": chosen.id, "results": rows, "total": len(rows)}))
        return
    text = services.render_results(rows, form or form_by_name(output, _FORMS, "csv"))
    if output is None:
        options.out.emit(text)
    else:
        copy_out(BytesIO(text.encode("utf-8", "surrogateescape")), output, options)


def cancel(
    batch: BatchReference = None,
    row: Annotated[
        list[str] | None,
        typer.Option("--row", metavar="NAME", help="Only this row, by name; repeatable."),
    ] = None,
    json: Json = False,
) -> None:
    """Cancel a batch with all its runs, or only some of its rows.

    \b
    Examples:
      crossrun batch cancel
      crossrun batch cancel k7f3 --row SOP-014
    """
    from crossrun.batches.progress import has_ended
    from crossrun.services.batches.cancelling import cancel_batch, cancel_rows
    from crossrun.services.batches.results import document_of

    options = current()
    app = options.open_app()
    chosen = app.store.batches.batch(batch or LAST, kind=None if batch else KIND)
    if row:
        ended = [each.name for each in chosen.rows if each.name in row and has_ended(each)]
        open_rows = [name for name in row if name not in ended]
        cancel_rows(app, chosen.id, _numbers(chosen, open_rows))
        chosen = app.store.batches.batch(chosen.id)
        messages = {"cancelled": open_rows, "ended already": ended}
        message = "; ".join(
            f"{state}: {', '.join(names)}" for state, names in messages.items() if names
        )
    else:
        chosen = cancel_batch(app, chosen.id)
        state = "still ending" if chosen.state is None else str(chosen.state).replace("_", " ")
        message = f"batch {chosen.id} is {state}"
    if json:
        options.out.emit(document(document_of(app, chosen)))
    options.say(message)
    is_done = chosen.state is not None or row
    raise typer.Exit(Exit.OK if is_done else Exit.STILL_RUNNING)


def _numbers(batch: "Batch", names: "Sequence[str]") -> list[int]:
    """The numbers of rows by their names."""
    from crossrun.suggestions import did_you_mean

    numbers = {row.name: row.number for row in batch.rows}
    for name in names:
        if name not in numbers:
            suggestion = did_you_mean(name, numbers, shown=repr)
            raise NotFoundError(
                "ROW_NOT_FOUND",
                f"the batch {batch.id} has no row {name!r}{suggestion}",
                hint=f"list them: crossrun batch show {batch.id}",
            )
    return [numbers[name] for name in names]
