"""`crossrun artifacts`: the files that runs produced."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from crossrun.cli.arguments import Json, NoPager, Output, Pick, ProjectId, RunReference
from crossrun.cli.globals import current
from crossrun.cli.groups import group
from crossrun.cli.picking import chosen_run
from crossrun.errors import NotFoundError
from crossrun.model.runs import Artifact
from crossrun.projections.documents import document, plain_object
from crossrun.services.app import App
from crossrun.services.changes import Changes
from crossrun.views.terminal import Column, table
from crossrun.views.unseen import visible
from crossrun.views.words import size

_HELP = """List, show and get the files that runs produced: transcripts, patches, reports, charts.

\b
Examples:
  crossrun artifacts k7f3
  crossrun artifacts list k7f3 --json
  crossrun artifacts show k7f3abcd-4
  crossrun artifacts get k7f3abcd-2 -o changes.patch
"""
_SHOWN_OF_DIGEST = 12
_PICTURES = (".svg", ".svgz")
"""Endings of pictures that are text, which nobody wants to read."""
_GET = "crossrun artifacts get"

Id = Annotated[str, typer.Argument(metavar="ID", help="As listed.")]


def list_artifacts(
    run: RunReference = None, project_id: ProjectId = None, pick: Pick = False, json: Json = False
) -> None:
    """List the artifacts of a run."""
    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    artifacts = app.store.read.artifacts(chosen.id)
    if json:
        objects = [plain_object(each) for each in artifacts]
        content = {"run_id": chosen.id, "artifacts": objects, "total": len(objects)}
        options.out.emit(document(content))
    elif artifacts:
        columns = [
            Column("ARTIFACT", style="bold"),
            Column("KIND"),
            Column("SIZE", align="right"),
            Column("SHA256", style="dim", essential=False),
            Column("NAME"),
        ]
        rows = [
            [
                each.id,
                each.kind,
                size(each.size),
                each.sha256[:_SHOWN_OF_DIGEST],
                visible(each.name),
            ]
            for each in artifacts
        ]
        options.out.write(table(columns, rows, options.out))
    else:
        options.say(f"run {chosen.id} has no artifacts")


def show_artifact(artifact: Id, no_pager: NoPager = False, json: Json = False) -> None:
    """Show the beginning of an artifact: Markdown, tables and JSON formatted, secrets masked.

    \b
    Examples:
      crossrun artifacts show k7f3abcd-4
      crossrun artifacts show k7f3abcd-4 --json
    """
    from crossrun.cli.contents import readable
    from crossrun.cli.paging import show
    from crossrun.views.previews import BEGINNING, Beginning, preview, unpacked

    options = current()
    app = options.open_app()
    chosen = app.store.read.artifact(artifact)
    if json:
        options.out.emit(document(plain_object(chosen)))
        return
    with _opened(app, chosen) as content:
        stored = content.read(BEGINNING)
        length = os.fstat(content.fileno()).st_size
    if length != chosen.size:
        options.say(f"note: {visible(chosen.name)} has changed since the run")
    name, beginning = unpacked(chosen.name, stored)
    if b"\0" in beginning or name.lower().endswith(_PICTURES):
        options.out.write([f"{visible(chosen.name)}  {chosen.kind}, {size(length)}, {_what(name)}"])
        options.say(f"to open it in another program, copy it out: {_GET} {chosen.id} -o FILE")
        return
    whole = length <= len(stored) and len(beginning) < BEGINNING
    text, secrets = app.redactor(readable(beginning, whole=whole))
    lines = preview(Beginning(name, text, whole=whole), options.out)
    show(options, lines, pager=not no_pager)
    if not whole:
        options.say(
            f"this is the beginning of {size(length)}; to get all of it: {_GET} {chosen.id}"
        )
    if secrets:
        options.say("note: secrets are masked here, not in the file")


def _what(name: str) -> str:
    return "a picture (SVG)" if name.lower().endswith(_PICTURES) else "not a text file"


def get_artifact(
    artifact: Id,
    output: Output = None,
) -> None:
    """Write an artifact's content to a file or to standard output.

    \b
    Examples:
      crossrun artifacts get k7f3abcd-2 -o changes.patch
      crossrun artifacts get k7f3abcd-1 | gunzip
    """
    from crossrun.cli.contents import copy_command, copy_out, digest, pipe_out, show_text

    options = current()
    app = options.open_app()
    chosen = app.store.read.artifact(artifact)
    with _opened(app, chosen) as content:
        if output is not None:
            copy_out(content, output, options)
        elif options.out.on_screen:
            name = visible(chosen.name)
            otherwise = copy_command("artifacts", "get", chosen.id, name=name)
            show_text(content, name, options, app.redactor, otherwise=otherwise, pager=False)
        else:
            pipe_out(content, options)
        if digest(content) != chosen.sha256:
            options.say(f"note: {visible(chosen.name)} has changed since the run")


@contextmanager
def _opened(app: App, chosen: Artifact) -> Iterator[IO[bytes]]:
    """The content of an artifact, which is saved on its own or lies in the run's workspace."""
    from crossrun.workspace.snapshots.files import inside

    run = app.store.read.run(chosen.run_id)
    with ExitStack() as held:
        try:
            if Path(chosen.path).is_relative_to(run.workspace):
                files = held.enter_context(Changes(app).files(run)).files
                content = held.enter_context(files.reading(inside(chosen.name)))
            else:
                content = held.enter_context(_saved(chosen.path))
        except (OSError, NotFoundError) as error:
            raise NotFoundError(
                "ARTIFACT_GONE",
                f"the artifact {chosen.id} is no longer at {chosen.path}",
                hint="its record is kept; the file was removed",
            ) from error
        yield content


def _saved(path: str) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")


artifacts_app = group("artifacts", _HELP, list=list_artifacts, show=show_artifact, get=get_artifact)
