"""`crossrun diff`: what a run changed, as it was measured when the run ended."""

from pathlib import Path
from typing import Annotated, Any

import typer

from crossrun.cli.arguments import Json, ProjectId, RunReference
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.ledger import chosen_run, open_ledger
from crossrun.errors import NotFoundError, StillRunningError
from crossrun.redaction import MASK
from crossrun.runs import Run
from crossrun.schema import document, plain_object
from crossrun.store import Store
from crossrun.views.words import clean, first_line

_LINE_STYLES = (("diff --git", "bold"), ("+++", "bold"), ("---", "bold"), ("@@", "accent"))


def diff(
    run: RunReference = None,
    project_id: ProjectId = None,
    stat: Annotated[bool, typer.Option("--stat", help="Files with counts of lines.")] = False,
    name_only: Annotated[bool, typer.Option("--name-only", help="Names of files.")] = False,
    patch: Annotated[
        bool, typer.Option("--patch", help="The patch (what is shown anyway).")
    ] = False,
    json: Json = False,
) -> None:
    """Show what a run changed, against the state that it began with.

    \b
    Examples:
      crossrun diff
      crossrun diff k7f3 --stat
      crossrun diff k7f3 | git apply
    """
    options = current()
    store = open_ledger(options, options.settings())
    chosen = chosen_run(store, run, project_id)
    measured = _measured(store, chosen)
    content = _patch(store, chosen)
    if json:
        told = {"run_id": chosen.id, **measured, "patch": content.decode("utf-8", "replace")}
        options.out.emit(document(told))
    elif not measured["changes"]:
        options.say(f"run {chosen.id} changed nothing")
    elif name_only:
        shown = first_line if options.out.live else str
        options.out.emit("".join(f"{shown(change['path'])}\n" for change in measured["changes"]))
    elif stat and not patch:
        options.out.write(measured["stat"].splitlines())
    else:
        _show(content, options)


def _show(patch: bytes, options: Globals) -> None:
    """Byte by byte where a program reads it; coloured and harmless on a terminal."""
    if not options.out.live:
        options.out.emit(patch)
    else:
        lines = clean(patch.decode("utf-8", "replace")).removesuffix("\n").split("\n")
        options.out.write(options.out.style(line, _style(line)) for line in lines)
    if MASK.encode() in patch:
        options.say(f"note: secrets were taken out of this patch; it writes {MASK} in their place")


def _measured(store: Store, run: Run) -> dict[str, Any]:
    from crossrun.events import decode

    for event in store.read.events(run.id, types=["workspace_changed"]):
        found = plain_object(decode(event.body))
        return {key: found[key] for key in ("branch", "changes", "shortstat", "stat")}
    if not run.status.ended:
        raise StillRunningError(
            "STILL_RUNNING",
            f"run {run.id} has not ended, its change is not measured yet",
            hint=f"follow it: crossrun watch {run.id}",
        )
    raise NotFoundError(
        "DIFF_MISSING",
        f"the change of run {run.id} was never measured: it is {run.status}",
        hint=f"its files are in {run.workspace}",
    )


def _patch(store: Store, run: Run) -> bytes:
    for artifact in store.read.artifacts(run.id):
        if artifact.kind == "patch":
            try:
                return Path(artifact.path).read_bytes()
            except OSError as error:
                raise NotFoundError(
                    "ARTIFACT_GONE",
                    f"the patch of run {run.id} is no longer at {artifact.path}",
                    hint=f"its summary is kept: crossrun diff {run.id} --stat",
                ) from error
    return b""


def _style(line: str) -> str:
    for beginning, style in _LINE_STYLES:
        if line.startswith(beginning):
            return style
    return {"+": "good", "-": "bad"}.get(line[:1], "")


diff_app = application("diff", diff)
