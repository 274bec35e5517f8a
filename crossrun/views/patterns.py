"""Patterns on the screen: the list, one pattern, and its effect."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crossrun.model.queries import PatternLine
from crossrun.views.terminal import Column, Terminal, cell_len, command_lines, fit, table
from crossrun.views.unseen import clean
from crossrun.views.words import first_line, plural

if TYPE_CHECKING:
    from crossrun.model.workflows import Pattern, Stats, Workflow

STATE_STYLES = {
    "active": "good",
    "resting": "dim",
    "quarantined": "warn",
    "retired": "bad",
    "disabled": "dim",
}
UNKNOWN = "not enough evidence yet"
NOT_KNOWN = "not known yet"
"""The same, in a table."""
_FILES_SHOWN = 8
_BAR = 31
_BAR_REACH = 0.6
"""The bar of a lift reaches from -0.6 to +0.6."""


def pattern_table(patterns: Sequence[PatternLine], terminal: Terminal) -> Iterator[str]:
    """One line for each pattern."""
    columns = [
        Column("PATTERN", style="bold"),
        Column("STEPS", align="right", essential=False),
        Column("VARS", align="right", essential=False),
        Column("RUNS", align="right", essential=False),
        Column("TYPE", essential=False),
        Column("LIFT"),
        Column(
            "STATE",
            style=lambda state: STATE_STYLES.get(state.split(maxsplit=1)[0], ""),
            flexible=True,
        ),
        Column("WHAT WORKED", flexible=True),
    ]
    return table(columns, [_pattern_row(line) for line in patterns], terminal)


def _pattern_row(line: PatternLine) -> list[str]:
    return [
        f"{line.id} v{line.version}",
        str(line.steps),
        str(line.variables),
        str(line.used),
        first_line(line.task_type),
        NOT_KNOWN if line.lift is None else lift_words(line.lift, line.low, line.high),
        line.state if line.own else f"{line.state} (imported)",
        first_line(line.summary),
    ]


def memory_line(memory: "Mapping[str, Any] | None", terminal: Terminal) -> Iterator[str]:
    """What all patterns together are worth, once that is known at all."""
    if memory is None or memory["lift"] is None:
        return
    yield ""
    yield from hanging("", f"{memory['verdict']}.", terminal)
    yield from command_lines(["crossrun patterns stats"], terminal)


def hit_table(hits: "Sequence[tuple[float, Pattern]]", terminal: Terminal) -> Iterator[str]:
    """Search results with their scores."""
    columns = [
        Column("PATTERN", style="bold"),
        Column("SCORE", align="right"),
        Column("TYPE", essential=False),
        Column("STATE", style=lambda state: STATE_STYLES.get(state, "")),
        Column("WHAT WORKED", flexible=True),
    ]
    rows = [
        [
            f"{pattern.id} v{pattern.version}",
            f"{score:.2f}",
            first_line(pattern.task_type),
            pattern.state,
            first_line(pattern.workflow.summary),
        ]
        for score, pattern in hits
    ]
    return table(columns, rows, terminal)


def lift_words(lift: float | None, low: float | None, high: float | None) -> str:
    """The lift in success with its interval, in points of 100."""
    if lift is None or low is None or high is None:
        return UNKNOWN
    points = (round(100 * value) for value in (lift, low, high))
    return "{:+d} pts ({:+d} to {:+d})".format(*points)


def pattern_details(pattern: "Pattern", terminal: Terminal) -> Iterator[str]:
    """One pattern on one screen."""
    yield from pattern_head(pattern, terminal)
    yield ""
    yield from workflow_lines(pattern.workflow, terminal)
    yield ""
    yield from _stats_lines(pattern.stats, terminal)
    yield ""
    commands = [f"crossrun patterns {verb} {pattern.id}" for verb in ("stats", "edit")]
    yield from command_lines(commands, terminal)


def pattern_head(pattern: "Pattern", terminal: Terminal) -> Iterator[str]:
    """Id, summary and origin of a pattern, and its state with the reason."""
    named = f"{pattern.id} v{pattern.version}  "
    yield from hanging(named, first_line(pattern.workflow.summary), terminal, style="bold")
    of, project = first_line(pattern.task_type), first_line(pattern.project_id)
    where = f"{of} · {project} · {_origin(pattern)}"
    yield from (terminal.style(line, "dim") for line in hanging("", where, terminal))
    state = f"{pattern.state} · "
    style = STATE_STYLES.get(pattern.state, "")
    yield from hanging(state, pattern.reason, terminal, style=style)


def workflow_lines(workflow: "Workflow", terminal: Terminal) -> Iterator[str]:
    """Steps or the text of a skill, variables, and what is known beside them."""
    if workflow.name:
        lines = len(workflow.body.splitlines())
        text = f"{workflow.name}, {plural(lines, 'line')} of text"
        yield from hanging("  skill    ", text, terminal)
    for number, step in enumerate(workflow.steps, 1):
        mark = "recovery" if step.recovery else ""
        yield from hanging(f"  {number:>2}  ", step.instruction, terminal, mark=mark)
    if workflow.variables:
        yield ""
        variables = [
            (name, first_line(variable.type), first_line(variable.example))
            for name, variable in workflow.variables.items()
        ]
        widest = max(len(name) for name, _, _ in variables)
        kinds = max(cell_len(kind) for _, kind, _ in variables)
        for name, kind, example in variables:
            room = terminal.width - widest - kinds - 8
            styled = terminal.style(f"{kind:<{kinds}}", "dim")
            named = terminal.style(f"{name:<{widest}}", "accent")
            yield f"  {named}  {styled}  {fit(example, room)}"
    yield from _layer_lines(workflow, terminal)


def _layer_lines(workflow: "Workflow", terminal: Terminal) -> Iterator[str]:
    """Files by path and hash, cures, the check, facts and cautions, each with its label."""
    check = workflow.check
    shown = workflow.files[:_FILES_SHOWN]
    files = [f"{file.path}  {file.kind}, {file.size:,} bytes" for file in shown]
    if len(workflow.files) > _FILES_SHOWN:
        files.append(f"and {len(workflow.files) - _FILES_SHOWN} more")
    cures = (f"{cure.error or cure.failed} -> {cure.cured_by}" for cure in workflow.cures)
    checks = [f"{check.command}  {check.done}"] if check is not None else []
    labelled = [
        ("file", files),
        ("cured", cures),
        ("check", checks),
        ("fact", workflow.facts),
        ("careful", workflow.cautions),
    ]
    lines = [(label, text) for label, texts in labelled for text in texts]
    if lines:
        yield ""
    for label, text in lines:
        yield from hanging(f"  {label:<7}  ", text, terminal)


def hanging(
    first: str, text: str, terminal: Terminal, *, mark: str = "", style: str = "dim"
) -> Iterator[str]:
    """Text wrapped beside a label, with a mark after its first line.

    Control characters are removed, since text of others must not steer the terminal.
    """
    room = max(terminal.text_width - cell_len(first) - (len(mark) and len(mark) + 2), 20)
    lines = textwrap.wrap(clean(text), room, break_on_hyphens=False) or [""]
    suffix = f"  {terminal.style(mark, 'accent')}" if mark else ""
    yield f"{terminal.style(first, style)}{lines[0]}{suffix}"
    yield from (" " * min(cell_len(first), 12) + line for line in lines[1:])


def _origin(pattern: "Pattern") -> str:
    runs = pattern.source_run_ids
    if not runs:
        return "imported" if not pattern.own else "made by hand"
    more = f" and {len(runs) - 4} more" if len(runs) > 4 else ""  # noqa: PLR2004
    return f"learned from {', '.join(runs[:4])}{more}"


def _stats_lines(stats: "Stats", terminal: Terminal) -> Iterator[str]:
    runs = f"{plural(stats.runs_with, 'run')} with it, {stats.runs_without} without, to compare"
    if stats.experiment_runs:
        runs += f" ({stats.experiment_runs} of experiments)"
    yield f"  {terminal.style('runs   ', 'dim')}  {runs}"
    low, high = stats.lift_interval or (None, None)
    proved = ", proved" if stats.proved else ""
    yield f"  {terminal.style('success', 'dim')}  {lift_words(stats.lift, low, high)}{proved}"
    if stats.lift is not None and low is not None and high is not None:
        yield f"           {lift_bar(low, stats.lift, high, terminal)}  P(hurt) {stats.p_hurt:.2f}"


def lift_bar(low: float, mean: float, high: float, terminal: Terminal) -> str:
    """The interval on a scale from -60 to +60 points, with zero marked."""
    cells = ["·"] * _BAR
    for at in range(_cell(low), _cell(high) + 1):
        cells[at] = "─"
    cells[_BAR // 2] = "│" if cells[_BAR // 2] == "·" else "┼"
    cells[_cell(mean)] = "●"
    style = "good" if low > 0 else "bad" if high < 0 else ""
    ends = f"{-100 * _BAR_REACH:.0f} ", f" {100 * _BAR_REACH:+.0f}"
    return f"{ends[0]}{terminal.style(''.join(cells), style)}{ends[1]}"


def _cell(value: float) -> int:
    share = (max(-_BAR_REACH, min(_BAR_REACH, value)) + _BAR_REACH) / (2 * _BAR_REACH)
    return round(share * (_BAR - 1))
