"""What waits to be looked at before it is learned."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from crossrun.views.patterns import hanging, workflow_lines
from crossrun.views.terminal import Column, Terminal, table
from crossrun.views.words import first_line, moment, plural

if TYPE_CHECKING:
    from crossrun.services.reviewing import Lesson

_DAY = 10
"""Characters of a date."""


def lesson_table(lessons: "Sequence[Lesson]", terminal: Terminal) -> Iterator[str]:
    """A line for each lesson: the run, what it would become, and what was done."""
    columns = [
        Column("RUN", style="bold"),
        Column("WHEN", essential=False),
        Column("PROJECT", flexible=True, essential=False),
        Column("STEPS", align="right"),
        Column("PATTERN"),
        Column("WHAT WORKED", flexible=True),
    ]
    rows = [
        [
            lesson.run.id,
            moment(lesson.run.created_at)[:_DAY],
            first_line(lesson.run.project_id),
            str(len(lesson.waiting.learned.workflow.steps)),
            lesson.pattern.id if lesson.pattern else "new",
            first_line(lesson.waiting.learned.workflow.summary),
        ]
        for lesson in lessons
    ]
    return table(columns, rows, terminal)


def lesson_details(lesson: "Lesson", terminal: Terminal) -> Iterator[str]:
    """One lesson: where it is from, why it counts, and what would be stored."""
    run, learned = lesson.run, lesson.learned
    by = f"imported from {run.imported_from}" if run.imported_from else f"by {run.executor}"
    head = f"{by} · {first_line(run.project_id)} · {moment(run.created_at)}"
    yield from hanging(f"{run.id}  ", first_line(run.task), terminal, style="bold")
    yield from (terminal.style(line, "dim") for line in hanging("", head, terminal))
    if learned.why:
        yield from hanging("  counts as success: ", first_line(learned.why), terminal)
    if lesson.pattern is not None:
        runs = plural(len(lesson.pattern.source_run_ids), "run")
        text = f"{lesson.pattern.id}, learned from {runs}; with this run it says:"
        yield from hanging("  becomes a part of the pattern ", text, terminal)
    if learned.lesson == "caution":
        yield from hanging("  careful: ", first_line(learned.cautions[-1].text), terminal)
        return
    yield from hanging("  what worked: ", first_line(learned.workflow.summary), terminal)
    yield from workflow_lines(learned.workflow, terminal)
