"""`crossrun diff`: what a run changed, as it was measured when the run ended."""

import json as json_module
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from crossrun.cli.arguments import Json, ProjectId, RunReference
from crossrun.cli.globals import application, current
from crossrun.cli.ledger import chosen_run, open_ledger
from crossrun.errors import NotFoundError, StillRunningError
from crossrun.runs import Run
from crossrun.schema import document
from crossrun.store import Store
from crossrun.views.terminal import Terminal
from crossrun.views.words import clean

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
    if json:
        options.out.write(
            [document({"run_id": chosen.id, **measured, "patch": _patch(store, chosen)})]
        )
    elif not measured["changes"]:
        options.say(f"run {chosen.id} changed nothing")
    elif name_only:
        options.out.write(clean(change["path"]) for change in measured["changes"])
    elif stat and not patch:
        options.out.write(measured["stat"].splitlines())
    else:
        options.out.write(_coloured(_patch(store, chosen), options.out))


def _measured(store: Store, run: Run) -> dict[str, Any]:
    for event in store.read.events(run.id, types=["workspace_changed"]):
        found = json_module.loads(event.body)
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


def _patch(store: Store, run: Run) -> str:
    for artifact in store.read.artifacts(run.id):
        if artifact.kind == "patch":
            try:
                content = Path(artifact.path).read_bytes()
            except OSError as error:
                raise NotFoundError(
                    "ARTIFACT_GONE",
                    f"the patch of run {run.id} is no longer at {artifact.path}",
                    hint=f"its summary is kept: crossrun diff {run.id} --stat",
                ) from error
            return content.decode("utf-8", "surrogateescape")
    return ""


def _coloured(patch: str, terminal: Terminal) -> Iterator[str]:
    for line in patch.removesuffix("\n").split("\n"):
        yield terminal.style(line, _style(line)) if terminal.color else line


def _style(line: str) -> str:
    for beginning, style in _LINE_STYLES:
        if line.startswith(beginning):
            return style
    return {"+": "good", "-": "bad"}.get(line[:1], "")


diff_app = application("diff", diff)
