"""`crossrun experiment list`, `show`, `report` and `cancel`: what experiments have shown."""

from typing import Annotated, Literal

import typer

from crossrun.cli.arguments import Json, Limit, Output
from crossrun.cli.commands.experiment.common import KIND, ExperimentReference, experiment_of
from crossrun.cli.globals import current
from crossrun.cli.parsing import Parsed
from crossrun.config.values import one_of
from crossrun.errors import Exit
from crossrun.projections.documents import document

ReportForm = Literal["md", "svg", "csv", "json"]
_FORMS: tuple[ReportForm, ...] = ("md", "svg", "csv", "json")


def list_experiments(
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List experiments, the newest first."""
    from crossrun.services.experiments.reading import experiment_object, read_experiment

    options = current()
    app = options.open_app()
    batches = app.store.batches.batches(kind=KIND, limit=limit)
    experiments = [read_experiment(app, batch) for batch in batches]
    if json:
        objects = [experiment_object(app, experiment) for experiment in experiments]
        total = app.store.batches.count(kind=KIND)
        options.out.emit(document({"experiments": objects, "total": total}))
    elif experiments:
        from crossrun.views.experiments import experiment_table

        active = [app.store.batches.is_active(batch.id) for batch in batches]
        pairs = zip(experiments, active, strict=True)
        options.out.write(experiment_table(pairs, options.out))
    else:
        options.say("no experiments yet", "see how to start one: crossrun experiment --help")


def show(experiment: ExperimentReference = None, json: Json = False) -> None:
    """Show an experiment and its results so far.

    \b
    Examples:
      crossrun experiment show
      crossrun experiment show k7f3 --json | jq '.comparisons[] | {a, b, difference, interval}'
    """
    options = current()
    app = options.open_app()
    chosen = experiment_of(app, experiment)
    if json:
        from crossrun.services.experiments.reading import experiment_object

        options.out.emit(document(experiment_object(app, chosen)))
    else:
        from crossrun.views.experiments import experiment_details

        is_active = app.store.batches.is_active(chosen.batch.id)
        options.out.write(experiment_details(chosen, options.out, is_active=is_active))


def report(
    experiment: ExperimentReference = None,
    form: Annotated[
        ReportForm | None,
        typer.Option(
            "--format",
            metavar="|".join(_FORMS),
            click_type=Parsed(one_of(*_FORMS)),
            help="The format. (from the name of FILE, or Markdown)",
        ),
    ] = None,
    output: Output = None,
    json: Json = False,
) -> None:
    """Write the results as Markdown, SVG, CSV or JSON.

    CSV has one line per run; the other formats have the results.

    \b
    Examples:
      crossrun experiment report --format svg -o result.svg
      crossrun experiment report k7f3 -o result.md
      crossrun experiment report k7f3 --format csv | cut -d, -f1-5
    """
    from io import BytesIO

    from crossrun.cli.contents import copy_out, form_by_name
    from crossrun.services.experiments.reading import render_report

    options = current()
    app = options.open_app()
    chosen = experiment_of(app, experiment)
    form = "json" if json else form or form_by_name(output, _FORMS, "md")
    text = render_report(app, chosen, form)
    if output is None:
        options.out.emit(text)
    else:
        copy_out(BytesIO(text.encode("utf-8", "surrogateescape")), output, options)


def cancel(experiment: ExperimentReference = None, json: Json = False) -> None:
    """Cancel an experiment; `resume` continues it.

    \b
    Examples:
      crossrun experiment cancel
    """
    from crossrun.services.batches.cancelling import cancel_batch
    from crossrun.services.experiments.reading import experiment_object, read_experiment

    options = current()
    app = options.open_app()
    batch = cancel_batch(app, experiment_of(app, experiment).batch.id)
    if json:
        options.out.emit(document(experiment_object(app, read_experiment(app, batch))))
    state = "still ending" if batch.state is None else str(batch.state).replace("_", " ")
    options.say(f"experiment {batch.id} is {state}")
    raise typer.Exit(Exit.STILL_RUNNING if batch.state is None else Exit.OK)
