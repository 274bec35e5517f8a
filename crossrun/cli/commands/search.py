"""`crossrun search`: where something was said, done or printed. It imports as little as `runs`."""

import re
from typing import Annotated, Any

import click
import typer

from crossrun.cli.arguments import Json, OfProject
from crossrun.cli.catching_up import CatchUpLine
from crossrun.cli.globals import Command, Globals, application, current
from crossrun.cli.parsing import require_status, since_moment
from crossrun.errors import UsageError
from crossrun.model.queries import SEARCH_FIELDS, RunFilter, SearchField
from crossrun.model.status import Status
from crossrun.projections.documents import document
from crossrun.services.search import SearchResult, parse_query
from crossrun.services.search import search as find
from crossrun.views.search import search_lines

_EXCLUDED = re.compile(r"-[^-\s].+")
"""A word with a minus sign, which is not an option: those have two, or one letter."""


class _SearchCommand(Command):
    """Lets words be excluded by a minus sign."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        excluded = [arg for arg in args[:at] if _EXCLUDED.fullmatch(arg)]
        others = [arg for arg in args[:at] if not _EXCLUDED.fullmatch(arg)]
        words = [*excluded, *args[at + 1 :]]
        return super().parse_args(ctx, [*others, "--", *words] if words else others)


def search(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS...",
            help="Words that one step must contain. With spaces: a phrase; word*: any word that "
            "starts with it; -word: not this word.",
        ),
    ],
    inside: Annotated[
        list[str] | None,
        typer.Option(
            "--in", metavar="WHERE", help=f"Only in {', '.join(SEARCH_FIELDS)}. Repeatable."
        ),
    ] = None,
    project_id: OfProject = None,
    status: Annotated[
        str | None,
        typer.Option(metavar="STATUS", help=f"Only runs with this status: {', '.join(Status)}."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only from this time on: 2h or 7d ago, or a date."),
    ] = None,
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", min=1, metavar="N", help="Show at most this many runs."),
    ] = 10,
    json: Json = False,
) -> None:
    """Search what runs were asked, said, did and printed, the newest first.

    \b
    Examples:
      crossrun search KeyError
      crossrun search "exit code 1" --in output --since 7d
      crossrun search src/calc.py -pytest --json | jq '.matches[] | {run_id, seq}'
    """
    options = current()
    require_status(status)
    query = parse_query(words, _fields(inside or []))
    app = options.open_app()
    filters = RunFilter(
        project_id=project_id, status=status, since=since_moment(since), limit=limit
    )
    with CatchUpLine(options) as line:
        result = find(app, query, filters, line)
    if json:
        options.out.emit(document(_content(result)))
    else:
        options.out.write(search_lines(result.runs, options.out))
    _explain(result, options, json=json)


def _fields(names: list[str]) -> list[SearchField]:
    for name in names:
        if name not in SEARCH_FIELDS:
            raise UsageError(
                "OPTION_INVALID",
                f"--in: {name!r} cannot be searched",
                hint=f"choose from {', '.join(SEARCH_FIELDS)}",
            )
    return [field for field in SEARCH_FIELDS if field in names]


def _content(result: SearchResult) -> dict[str, Any]:
    matches = [step._asdict() for each in result.runs for step in each.steps]
    is_complete = not result.more and not any(each.more for each in result.runs)
    return {
        "matches": matches,
        "total": len(matches) if is_complete and not result.unindexed else None,
        "unindexed_events": result.unindexed,
    }


def _explain(result: SearchResult, options: Globals, *, json: bool) -> None:
    if result.unindexed:
        options.say(
            f"warning: {result.unindexed:,} events could not be searched: {result.obstacle}"
        )
    if json:
        return
    if not result.runs:
        options.say("nothing matches; word* also finds longer words")
        return
    first = result.runs[0]
    more = "more runs match; see them with --limit · " if result.more else ""
    options.say(f"{more}show a step: crossrun steps {first.run.id} --step {first.steps[0].seq}")


search_app = application("search", search, command=_SearchCommand)
