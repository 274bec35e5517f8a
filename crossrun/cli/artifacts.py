"""`crossrun artifacts`: the files that runs left."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from crossrun.cli.arguments import Json, ProjectId, RunReference
from crossrun.cli.globals import current
from crossrun.cli.groups import group
from crossrun.cli.ledger import chosen_run, open_ledger
from crossrun.errors import ConfigurationError, NotFoundError
from crossrun.schema import document, plain_object
from crossrun.views.terminal import Column, table
from crossrun.views.words import size

_HELP = """List and get the files that runs left: transcript, patch, summary of changes.

\b
Examples:
  crossrun artifacts k7f3
  crossrun artifacts list k7f3 --json
  crossrun artifacts get k7f3abcd-2 -o changes.patch
"""


def list_artifacts(
    run: RunReference = None, project_id: ProjectId = None, json: Json = False
) -> None:
    """List the artifacts of a run."""
    options = current()
    store = open_ledger(options, options.settings())
    chosen = chosen_run(store, run, project_id)
    found = store.read.artifacts(chosen.id)
    if json:
        told = {"run_id": chosen.id, "artifacts": [plain_object(one) for one in found]}
        options.out.emit(document(told))
    elif found:
        columns = [
            Column("ARTIFACT", style="bold"),
            Column("KIND"),
            Column("SIZE", align="right"),
            Column("PATH"),
        ]
        rows = [[one.id, one.kind, size(one.size), one.path] for one in found]
        options.out.write(table(columns, rows, options.out))
    else:
        options.say(f"run {chosen.id} left no artifacts")


def get_artifact(
    artifact: Annotated[str, typer.Argument(metavar="ID", help="As listed.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there.")
    ] = None,
) -> None:
    """Write an artifact's content to a file or to standard output."""
    options = current()
    store = open_ledger(options, options.settings())
    found = store.read.artifact(artifact)
    try:
        content = Path(found.path).open("rb")  # noqa: SIM115  closed below
    except OSError as error:
        raise NotFoundError(
            "ARTIFACT_GONE",
            f"the artifact {artifact} is no longer at {found.path}",
            hint="its record is kept; the file was removed",
        ) from error
    with content:
        if output is None:
            shutil.copyfileobj(content, sys.stdout.buffer)
            return
        try:
            with output.open("wb") as file:
                shutil.copyfileobj(content, file)
        except OSError as error:
            raise ConfigurationError(
                "OUTPUT_UNWRITABLE",
                f"{output} cannot be written: {error.strerror}",
                hint="choose another place with -o",
            ) from error
    options.say(f"wrote {output}")


artifacts_app = group("artifacts", _HELP, list=list_artifacts, get=get_artifact)
