"""`crossrun report`: runs as one file, for people who do not have crossrun."""

from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from crossrun.cli.arguments import ProjectId
from crossrun.cli.globals import application, current
from crossrun.cli.parsing import Parsed
from crossrun.config.values import one_of
from crossrun.store.reading import LAST

ReportForm = Literal["html", "md"]
_FORMS: tuple[ReportForm, ...] = get_args(ReportForm)


def report(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="By default the newest run.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this file; - is stdout."),
    ] = None,
    form: Annotated[
        ReportForm | None,
        typer.Option(
            "--format",
            metavar="|".join(_FORMS),
            click_type=Parsed(one_of(*_FORMS)),
            help="The format. (from the name of FILE, or html)",
        ),
    ] = None,
    open_it: Annotated[
        bool, typer.Option("--open", help="Open the file when it is written.")
    ] = False,
    project_id: ProjectId = None,
) -> None:
    """Write a report of runs as one file: the task, the change, the proof and what happened.

    Without -o, a terminal gets the file crossrun-report-RUN.html, and a pipe the report itself.

    \b
    Examples:
      crossrun report --open
      crossrun report k7f3 -o fix.html
      crossrun report k7f3 m2q9 -o both.md
    """
    from io import BytesIO

    from crossrun.cli.contents import copy_out, form_by_name
    from crossrun.services.reports import render_report

    options = current()
    app = options.open_app()
    chosen = [app.run(reference, project_id) for reference in runs or [LAST]]
    is_file = output is not None and str(output) != "-"
    form = form or form_by_name(output if is_file else None, _FORMS, "html")
    if output is None and (options.out.on_screen or open_it):
        output = Path(f"crossrun-report-{chosen[0].id}.{form}")
    text = render_report(app, chosen, form)
    if output is None or str(output) == "-":
        options.out.emit(text)
        return
    copy_out(BytesIO(text.encode("utf-8", "replace")), output, options)
    if open_it:
        typer.launch(str(output))


report_app = application("report", report)
