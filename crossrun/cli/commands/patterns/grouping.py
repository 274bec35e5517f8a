"""Which runs belong to which pattern: `crossrun patterns split`, `merge` and `rebuild`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.commands.patterns.changes import PatternNamed
from crossrun.cli.globals import Globals, current
from crossrun.errors import NotFoundError
from crossrun.projections.documents import document, pattern_object
from crossrun.system.clock import now

if TYPE_CHECKING:
    from crossrun.memory.relearning import PatternChange, RebuildDifference
    from crossrun.services.app import App

_MOST_LINES = 20
_MOST_RUNS = 3
Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs that it was learned from.")]
Other = Annotated[str, typer.Argument(metavar="OTHER", help="The pattern to merge into it.")]


def split(pattern: PatternNamed, runs: Runs, json: Json = False) -> None:
    """Make a separate pattern of some of a pattern's runs, which were another job.

    Merge the two to undo it.

    \b
    Examples:
      crossrun patterns split 9c1xyz k7f3abcd m4n5pqrs
    """
    from crossrun.memory.regrouping import split as split_pattern

    options = current()
    app = options.open_app()
    chosen = app.store.patterns.pattern(pattern)
    run_ids = [_run_id(app, run) for run in runs]
    new_id = split_pattern(app.store, chosen, list(dict.fromkeys(run_ids)), at=now())
    _show(
        app,
        options,
        [chosen.id, new_id],
        json=json,
        message=[
            f"{new_id} now has these runs",
            f"see it: crossrun patterns show {new_id}",
            f"undo: crossrun patterns merge {chosen.id} {new_id}",
        ],
    )


def merge(pattern: PatternNamed, other: Other, json: Json = False) -> None:
    """Make one pattern of two that are the same job; the first one stays.

    The evidence of both counts for it. Split it to undo that.

    \b
    Examples:
      crossrun patterns merge 9c1xyz x3b5c7
    """
    from crossrun.memory.regrouping import merge as merge_patterns

    options = current()
    app = options.open_app()
    chosen, gone = app.store.patterns.pattern(pattern), app.store.patterns.pattern(other)
    merge_patterns(app.store, chosen, gone, at=now())
    _show(
        app,
        options,
        [chosen.id],
        json=json,
        message=[
            f"{gone.id} is now part of {chosen.id}",
            f"see it: crossrun patterns show {chosen.id}",
            f"take runs out again: crossrun patterns split {chosen.id} RUN...",
        ],
    )


def rebuild(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; change nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Learn all patterns again from the runs in the ledger, by the rules of this version.

    Shows what changes, and asks before anything does. Your edits, what you disabled, enabled,
    split, merged or removed, and the evidence stay. Patterns whose runs are gone stay as they are.

    \b
    Examples:
      crossrun patterns rebuild --dry-run
      crossrun patterns rebuild --yes
    """
    from crossrun.services.relearning import rebuild as plan_rebuild

    options = current()
    app = options.app()
    if dry_run:
        app.store.open_for_reading()
    else:
        app.open_for_writing()
    with plan_rebuild(app, at_once=options.yes and not dry_run) as planned:
        difference = planned.difference
        if dry_run or not difference.changes:
            _show_difference(difference, options, json=json, done=False)
            return
        if not options.yes:
            _show_lines(difference, options)
        options.confirm(
            f"Replace {_counted(difference.before)} by {difference.after}?",
            hint="use --yes, or only look: crossrun patterns rebuild --dry-run",
        )
        planned.carry_out()
        _show_difference(difference, options, json=json, done=True)


def _run_id(app: "App", reference: str) -> str:
    """A run's id; of a run that is gone from the ledger the whole id is needed."""
    try:
        return app.store.read.run(reference).id
    except NotFoundError:
        if app.store.patterns.learned_from(reference) is None:
            raise
        return reference


def _show(app: "App", options: Globals, ids: list[str], *, json: bool, message: list[str]) -> None:
    if json:
        patterns = [pattern_object(app.store.patterns.exactly(pattern_id)) for pattern_id in ids]
        options.out.emit(document({"patterns": patterns, "total": len(patterns)}))
    else:
        options.say(*message)


def _show_difference(
    difference: "RebuildDifference", options: Globals, *, json: bool, done: bool
) -> None:
    if json:
        options.out.emit(document({**difference_object(difference), "done": done}))
        return
    if not difference.changes:
        options.say(f"nothing changes: {_counted(difference.after)}")
        return
    if done:
        options.say(f"{_counted(difference.after)}, {len(difference.changes)} changed")
    else:
        _show_lines(difference, options)
        options.say("nothing was changed")


def _counted(patterns: int) -> str:
    return "1 pattern" if patterns == 1 else f"{patterns} patterns"


def _show_lines(difference: "RebuildDifference", options: Globals) -> None:
    lines = ["\n".join(_change_lines(change)) for change in difference.changes[:_MOST_LINES]]
    more = len(difference.changes) - len(lines)
    options.out.write([*lines, *([f"... and {more} more"] if more > 0 else [])])


def _change_lines(change: "PatternChange") -> list[str]:
    lines = [f"{change.what:8} {change.pattern_id}  {change.summary}"]
    for sign, runs in (("+", change.runs_added), ("-", change.runs_removed)):
        lines += [f"           {sign} {run}" for run in runs[:_MOST_RUNS]]
        if len(runs) > _MOST_RUNS:
            lines.append(f"           {sign} {len(runs) - _MOST_RUNS} more runs")
    if len(lines) == 1 and change.new_version:
        lines.append("           the same runs, a different workflow")
    return lines


def difference_object(difference: "RebuildDifference") -> dict[str, Any]:
    """What a rebuild changes, for scripts."""
    from msgspec import to_builtins

    plain: dict[str, Any] = to_builtins(difference)
    return plain
