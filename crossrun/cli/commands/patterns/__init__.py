"""`crossrun patterns`: what was learned from runs, what was chosen, and what it is worth."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossrun.cli.arguments import Json, Limit, ProjectId, RunReference
from crossrun.cli.commands.patterns import changes, exchange, grouping
from crossrun.cli.commands.patterns.changes import PatternReference
from crossrun.cli.commands.patterns.compile import compile_
from crossrun.cli.commands.patterns.editing import edit
from crossrun.cli.commands.patterns.prove import prove
from crossrun.cli.commands.patterns.review import review
from crossrun.cli.globals import Globals, current
from crossrun.cli.groups import group
from crossrun.errors import UsageError
from crossrun.model.queries import PatternFilter
from crossrun.model.status import PATTERN_STATES
from crossrun.projections.documents import document, pattern_object, plain_object

if TYPE_CHECKING:
    from crossrun.memory.evaluation import UptakeCount
    from crossrun.model.workflows import Pattern
    from crossrun.patterns.evaluation.credit import Credit
    from crossrun.store import Store

_HELP = """Show and manage the patterns learned from runs.

Patterns are learned from runs that succeed. A new run gets the pattern that fits, or none.

\b
Examples:
  crossrun patterns
  crossrun patterns show 9c1xyz --block
  crossrun patterns why last
  crossrun patterns stats
  crossrun patterns review
  crossrun patterns compile 9c1xyz
  crossrun patterns prove 9c1xyz
"""
TaskType = Annotated[str | None, typer.Option(metavar="TYPE", help="Only with this task type.")]


def list_patterns(
    project_id: ProjectId = None,
    task_type: TaskType = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help=f"One of {', '.join(PATTERN_STATES)}.")
    ] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List patterns, the most recently changed first."""
    options = current()
    if state is not None and state not in PATTERN_STATES:
        raise UsageError(
            "OPTION_INVALID",
            f"invalid state {state!r}",
            hint=f"choose one of {', '.join(PATTERN_STATES)}",
        )
    app = options.open_app()
    wanted = PatternFilter(project_id=project_id, task_type=task_type, state=state, limit=limit)
    if json:
        patterns = list(map(pattern_object, app.store.patterns.patterns(wanted)))
        total = len(app.store.patterns.lines(wanted._replace(limit=-1)))
        memory = app.store.patterns.memory()
        options.out.emit(document({"patterns": patterns, "total": total, "memory": memory}))
    elif lines := app.store.patterns.lines(wanted):
        from crossrun.views.patterns import memory_line, pattern_table

        options.out.write(pattern_table(lines, options.out))
        options.out.write(memory_line(app.store.patterns.memory(), options.out))
    elif waiting := app.store.reviews.count():
        options.say(f"no patterns in use yet; {waiting} to review: crossrun patterns review")
    else:
        options.say(
            "no patterns yet; they are learned from runs that succeed",
            "see how: crossrun quickstart",
        )


def show(
    pattern: PatternReference = None,
    block: Annotated[
        bool,
        typer.Option("--block", help="Show only the <reference_workflow> block that agents get."),
    ] = False,
    json: Json = False,
) -> None:
    """Show one pattern; without an id, the one that changed last.

    \b
    Examples:
      crossrun patterns show
      crossrun patterns show 9c1xyz --block
      crossrun patterns show 9c1xyz@2
      crossrun patterns show --json | jq '.steps[].instruction'
    """
    options = current()
    app = options.open_app()
    patterns = app.store.patterns
    chosen = patterns.pattern() if pattern is None else patterns.named(pattern)[0]
    if block:
        from crossrun.services.pattern_blocks import block_text

        text = block_text(app, chosen)
        if json:
            options.out.emit(document({"id": chosen.id, "block": text}))
        else:
            options.out.emit(f"{text}\n")
    elif json:
        options.out.emit(document(pattern_object(chosen)))
    else:
        from crossrun.views.patterns import pattern_details

        options.out.write(pattern_details(chosen, options.out))


def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The words of a task.")],
    task_type: TaskType = None,
    project_id: ProjectId = None,
    limit: Limit = 10,
    json: Json = False,
) -> None:
    """Find patterns as a run with this task would, the best first.

    \b
    Examples:
      crossrun patterns search "convert a report to the new template"
    """
    from crossrun.memory.vectors import AT_LEISURE, encoded_task
    from crossrun.patterns.retrieval.ranking import rank

    options = current()
    app = options.open_app()
    encoded = encoded_task(app.store, text, limit=AT_LEISURE)
    candidates = app.store.patterns.candidates(
        text, task_type=task_type, project_id=project_id, encoded=encoded
    )
    scored = [
        hit
        for hit in rank(candidates).scored
        if task_type is None or hit.candidate.task_type == task_type
    ]
    ranking = [(hit, app.store.patterns.find(hit.candidate.id)) for hit in scored[:limit]]
    hits = [(hit.score, pattern) for hit, pattern in ranking if pattern is not None]
    if json:
        objects = [{**pattern_object(pattern), "score": round(hit, 4)} for hit, pattern in hits]
        options.out.emit(document({"patterns": objects, "total": len(scored)}))
    elif hits:
        from crossrun.views.patterns import hit_table

        options.out.write(hit_table(hits, options.out))
    else:
        options.say("no pattern shares a word with it")


def why(
    run: RunReference = None,
    project_id: ProjectId = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="Show all candidates with their scores.")
    ] = False,
    json: Json = False,
) -> None:
    """Explain which pattern a run got, or why none, and what would change that.

    \b
    Examples:
      crossrun patterns why
      crossrun patterns why k7f3abcd --scores
      crossrun patterns why k7f3abcd --json | jq '.candidates[0]'
    """
    from crossrun.services.pattern_decisions import decision_of

    options = current()
    app = options.open_app()
    chosen = app.run(run, project_id)
    decided = decision_of(app.store, chosen)
    if json:
        options.out.emit(document({"run_id": chosen.id, **plain_object(decided)}))
    else:
        from crossrun.views.choices import choice_lines, pattern_to_name, score_lines

        to_name = pattern_to_name(decided)
        is_gone = to_name is not None and app.store.patterns.find(to_name) is None
        options.out.write(choice_lines(decided, options.out, is_gone=is_gone))
        if scores:
            options.out.write(score_lines(decided, options.out))


def stats(
    pattern: PatternReference = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="task", help="Show the effect on each kind of task."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what patterns are worth: runs with and without them, compared.

    \b
    Examples:
      crossrun patterns stats
      crossrun patterns stats 9c1xyz
      crossrun patterns stats 9c1xyz --by task
    """
    options = current()
    if by not in (None, "task") or (by and pattern is None):
        raise UsageError(
            "OPTION_INVALID",
            "--by accepts only the word task, and needs a pattern",
            hint="for example: crossrun patterns stats 9c1xyz --by task",
        )
    app = options.open_app()
    if pattern is not None:
        _show_stats(app.store, pattern, options, by_task=by is not None, json=json)
        return
    from crossrun.memory.evaluation import TrialLog, count_uptake

    evaluation = TrialLog(app.store, sequences=True).evaluation
    credited = {pattern_id: evaluation.credit(pattern_id) for pattern_id in evaluation.patterns}
    memory = evaluation.memory()
    if json:
        patterns = {pattern_id: app.store.patterns.find(pattern_id) for pattern_id in credited}
        objects = [
            _credit_object(
                pattern_id, patterns[pattern_id], credit, count_uptake(app.store, pattern_id)
            )
            for pattern_id, credit in credited.items()
        ]
        content = {"patterns": objects, "total": len(objects), "memory": _memory_object(memory)}
        options.out.emit(document(content))
    elif memory is not None:
        from crossrun.views.credits import credit_legend, credit_table, memory_lines

        lines = app.store.patterns.lines(PatternFilter(ids=tuple(credited), limit=len(credited)))
        rows = [(line, credit) for line in lines if (credit := credited[line.id]) is not None]
        options.out.write(credit_table(rows, options.out))
        options.out.write(credit_legend(options.out))
        options.out.write(memory_lines(memory, options.out))
    else:
        options.say("no run was eligible for a pattern yet; there is nothing to compare")


def diff(
    pattern: PatternReference = None,
    older: Annotated[int | None, typer.Argument(min=1, metavar="[V1]", help="A version.")] = None,
    newer: Annotated[int | None, typer.Argument(min=1, metavar="[V2]", help="A later one.")] = None,
    json: Json = False,
) -> None:
    """Show what differs between two versions of a pattern; by default the last two.

    \b
    Examples:
      crossrun patterns diff 9c1xyz
      crossrun patterns diff 9c1xyz 1 3
    """
    import difflib

    from crossrun.patterns.formats.block import block_of
    from crossrun.patterns.formats.block_text import rendered
    from crossrun.store.patterns import no_such_version

    options = current()
    app = options.open_app()
    chosen = app.store.patterns.pattern(pattern)
    versions = {one.version: one for one in app.store.patterns.versions(chosen.id)}
    last = newer or (chosen.version if older is None or older < chosen.version else older)
    first = older or max(last - 1, 1)
    for number in (first, last):
        if number not in versions:
            raise no_such_version(chosen, number)
    before, after = (
        rendered(block_of(chosen.id, number, versions[number].workflow)).splitlines()[1:]
        for number in (first, last)
    )
    diff = difflib.unified_diff(before, after, f"v{first}", f"v{last}", lineterm="")
    lines = list(diff)
    if json:
        content = {"id": chosen.id, "from": first, "to": last, "diff": "\n".join(lines)}
        options.out.emit(document({**content, "made_by": versions[last].made_by}))
    elif lines:
        styles = {"+": "good", "-": "bad", "@": "accent"}
        options.out.write(options.out.style(line, styles.get(line[:1], "")) for line in lines)
    else:
        options.say(f"{chosen.id} says the same in v{first} and v{last}")


def _show_stats(
    store: "Store", reference: str, options: Globals, *, by_task: bool, json: bool
) -> None:
    from crossrun.memory.compiling import script_counts
    from crossrun.memory.evaluation import TrialLog, count_uptake

    pattern = store.patterns.pattern(reference)
    scripted = script_counts(store, pattern)
    credit = TrialLog(store, sequences=True).evaluation.credit(pattern.id)
    uptake = count_uptake(store, pattern.id)
    if json:
        compiled = {"runs": scripted.runs, "handed_over": scripted.handed_over}
        content = _credit_object(pattern.id, pattern, credit, uptake)
        options.out.emit(document({**content, "compiled": compiled}))
        return
    from crossrun.views.credits import (
        credit_details,
        kind_table,
        more_lines,
        script_lines,
        uptake_lines,
    )

    if by_task:
        options.out.write(kind_table(credit, options.out))
        return
    options.out.write(credit_details(pattern, credit, options.out))
    options.out.write(uptake_lines(uptake, options.out))
    options.out.write(script_lines(scripted))
    options.out.write(more_lines(pattern, credit, options.out))


def _credit_object(
    pattern_id: str, pattern: "Pattern | None", credit: "Credit | None", uptake: "UptakeCount"
) -> dict[str, Any]:
    from crossrun.model.workflows import Stats
    from crossrun.patterns.evaluation.credit import stats as stats_of

    stats = Stats() if credit is None else stats_of(credit)
    return {
        "pattern_id": pattern_id,
        "state": pattern and pattern.state,
        "reason": pattern and pattern.reason,
        "stats": plain_object(stats),
        "credit": None if credit is None else plain_object(credit),
        "uptake": plain_object(uptake),
    }


def _memory_object(memory: "Credit | None") -> dict[str, Any] | None:
    from crossrun.memory.evaluation import memory_stats

    stats = memory_stats(memory)
    if memory is None or stats is None:
        return None
    return {**plain_object(stats), "credit": plain_object(memory)}


patterns_app = group(
    "patterns",
    _HELP,
    list=list_patterns,
    show=show,
    search=search,
    why=why,
    stats=stats,
    diff=diff,
    edit=edit,
    disable=changes.disable,
    enable=changes.enable,
    rm=changes.rm,
    compile_=compile_,
    prove=prove,
    split=grouping.split,
    merge=grouping.merge,
    rebuild=grouping.rebuild,
    review=review,
    export=exchange.export,
    import_=exchange.import_,
)
