"""`crossrun note`: the user's note about a run."""

from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json, ProjectId, RequiredRun
from crossrun.cli.globals import application, current
from crossrun.errors import UsageError
from crossrun.projections.documents import document, run_object
from crossrun.views.unseen import clean

if TYPE_CHECKING:
    from crossrun.config.settings import Settings
    from crossrun.model.runs import Run


def note(
    run: RequiredRun,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help='"-" reads it from standard input; "" removes it.'),
    ] = None,
    editor: Annotated[
        bool, typer.Option("--editor", "-e", help="Write it in your editor.")
    ] = False,
    project_id: ProjectId = None,
    json: Json = False,
) -> None:
    """Write a note about a run; without a text, show it.

    \b
    Examples:
      crossrun note k7f3 "Right idea, but the tests are too slow"
      crossrun note last -e
      crossrun note k7f3
    """
    options = current()
    app = options.open_app()
    chosen = app.run(run, project_id)
    written = _written(chosen, text, app.settings, editor=editor)
    if written is not None:
        from crossrun.services import run_details

        chosen = run_details.note(app, chosen, written)
    if json:
        options.out.emit(document(run_object(chosen)))
    elif written is None and chosen.note:
        options.out.emit(f"{clean(chosen.note) if options.out.on_screen else chosen.note}\n")
    else:
        options.say(f"run {chosen.id} has {'a' if chosen.note else 'no'} note")


def _written(run: "Run", text: str | None, settings: "Settings", *, editor: bool) -> str | None:
    """The new note; None if it is only to be shown."""
    from crossrun.cli.tasks import read_task

    if not editor:
        return read_task(text, None)
    if text is not None:
        raise UsageError(
            "OPTION_INVALID",
            "a text and --editor cannot be used together",
            hint="use only one of them",
        )
    from crossrun.cli.editing import edited

    with edited(run.note or "", f"{run.id}.md", settings.environ) as file:
        return read_task(None, file)


note_app = application("note", note)
