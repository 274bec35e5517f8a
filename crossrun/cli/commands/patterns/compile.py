"""`crossrun patterns compile`: a pattern as a shell script."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.commands.patterns.changes import PatternReference
from crossrun.cli.commands.patterns.files import write_new
from crossrun.cli.globals import current
from crossrun.errors import NotFoundError
from crossrun.projections.documents import document

if TYPE_CHECKING:
    from crossrun.patterns.compiling.values import Compiled


def compile_(
    pattern: PatternReference = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE|DIR", help="Write it to a file, or into a folder."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Print a pattern as a shell script, if three of its runs did the same.

    The script takes the values that differ as arguments, and ends with the check of the runs. It
    stops at the first command that fails. What cannot be compiled says why.

    \b
    Examples:
      crossrun patterns compile 9c1xyz
      crossrun patterns compile 9c1xyz -o convert.sh && sh convert.sh --help
      crossrun run "Convert june.csv to JSON" --pattern 9c1xyz --compiled --source .
    """
    from crossrun.memory.compiling import compiled_pattern
    from crossrun.patterns.compiling.script import script_text
    from crossrun.patterns.compiling.values import NotCompiled

    options = current()
    store = options.open_app().store
    chosen = store.patterns.pattern(pattern)
    result = compiled_pattern(store, chosen)
    if isinstance(result, NotCompiled):
        raise NotFoundError(
            "PATTERN_NOT_COMPILED",
            f"the pattern {chosen.id} cannot be compiled: {result.reason}",
            hint=result.remedy,
        )
    text = script_text(result)
    if output is not None:
        file = output / f"{chosen.id}.sh" if output.is_dir() else output
        write_new(file, text, executable=True)
        options.say(f"wrote {file}")
    if json:
        options.out.emit(document(_object(result, text)))
    elif output is None:
        options.out.emit(text)


def _object(compiled: "Compiled", text: str) -> dict[str, Any]:
    """A script as scripts read it."""
    return {
        "id": compiled.pattern_id,
        "version": compiled.version,
        "summary": compiled.summary,
        "variables": {
            argument.name: {"type": argument.type, "example": argument.examples[0]}
            for argument in compiled.arguments
        },
        "steps": [step.shown for step in compiled.steps],
        "check": compiled.check.shown,
        "source_run_ids": list(compiled.run_ids),
        "interpreter": "bash" if compiled.needs_bash else "sh",
        "script": text,
    }
