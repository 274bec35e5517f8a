"""What a history of runs says, on one screen: sentences, each with the runs behind it."""

import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from crossrun.insights.findings import HistoryFinding
from crossrun.services.history import PastInsights
from crossrun.views.terminal import Terminal, command_lines, fit
from crossrun.views.unseen import clean, visible
from crossrun.views.words import count, first_line, plural, short_command

_SECTIONS = {
    "Time and tokens": ("total", "time_by_project", "time_by_task_type", "tokens_by_task_type"),
    "Commands": ("command_time", "repeated_failure"),
    "Tasks that come back": ("returning_task",),
    "Patterns": ("patterns",),
    "Results": ("not_applied", "unchecked"),
}
_LONGEST_TASK = 60
_LONGEST_TEXT = 160
_RUNS_NAMED = 3


def insight_lines(history: PastInsights, terminal: Terminal) -> Iterator[str]:
    """The whole screen."""
    shown: set[str] = set()
    for title, kinds in _SECTIONS.items():
        findings = [each for each in history.findings if each.kind in kinds]
        if not findings:
            continue
        if shown:
            yield ""
        shown.add(title)
        yield terminal.style(title, "bold")
        for finding in findings:
            yield from _paragraph(finding, terminal)
    yield ""
    yield from command_lines([*_next_commands(history)], terminal)


def not_enough(history: PastInsights) -> str:
    """That there is too little to say anything."""
    ended = "no run has ended" if not history.runs else f"{plural(history.runs, 'run')} ended"
    return f"not enough history yet: {ended}, and insights need {history.needed}"


def sentence(finding: HistoryFinding) -> str:
    """What a finding says."""
    say = _SENTENCES.get(finding.kind)
    return "" if say is None else say(finding.subject, finding.figures)


def _paragraph(finding: HistoryFinding, terminal: Terminal) -> Iterator[str]:
    """The sentence, and the runs behind it on a line of their own."""
    yield from (
        f"  {line}"
        for line in textwrap.wrap(
            sentence(finding), terminal.text_width - 2, break_on_hyphens=False
        )
    )
    named = finding.run_ids[:_RUNS_NAMED]
    more = finding.figures["runs"] - len(named)
    runs = ", ".join(named) + (f" and {more} more" if more > 0 else "")
    yield terminal.style(fit(f"    {runs}", terminal.width), "dim")


def _next_commands(history: PastInsights) -> Iterator[str]:
    for finding in history.findings[:1]:
        yield f"crossrun show {finding.run_ids[0]}"
    kinds = {finding.kind: finding for finding in history.findings}
    if "not_applied" in kinds:
        yield f"crossrun apply {kinds['not_applied'].run_ids[0]}"
    if "patterns" in kinds:
        yield "crossrun patterns stats"


def _total(_subject: str, figures: dict[str, Any]) -> str:
    tokens = "" if figures["tokens"] is None else f" and {count(figures['tokens'])} tokens"
    return (
        f"{plural(figures['runs'], 'run')} took {_time(figures['seconds'])}{tokens};"
        f" {figures['succeeded'] / figures['runs']:.0%} succeeded."
    )


def _time_by_project(subject: str, figures: dict[str, Any]) -> str:
    return (
        f"The project {first_line(subject)} took {figures['share']:.0%} of that time:"
        f" {_time(figures['amount'])} in {plural(figures['runs'], 'run')}."
    )


def _time_by_task_type(subject: str, figures: dict[str, Any]) -> str:
    return (
        f"Of the task types, {first_line(subject)} took the most time: {_time(figures['amount'])},"
        f" {figures['share']:.0%} of all."
    )


def _tokens_by_task_type(subject: str, figures: dict[str, Any]) -> str:
    return (
        f"The most tokens went into {first_line(subject)}: {count(round(figures['amount']))},"
        f" {figures['share']:.0%} of all."
    )


def _command_time(subject: str, figures: dict[str, Any]) -> str:
    return (
        f"`{short_command(subject)}` took {_time(figures['seconds'])} in"
        f" {plural(figures['calls'], 'call')}, {figures['share']:.0%} of the time of all runs."
    )


def _repeated_failure(subject: str, figures: dict[str, Any]) -> str:
    often = "once" if figures["failures"] == 1 else f"{figures['failures']} times"
    text = f"`{short_command(subject)}` failed {often} in {figures['runs']} runs"
    if figures["error"]:
        text += f", for example with `{_short(figures['error'])}`"
    if figures["cured_by"]:
        return f"{text}. What repaired it: {_short(figures['cured_by'])}."
    if figures["repaired_runs"] == 0:
        return f"{text}, and never worked afterwards in the same run."
    return f"{text}; it worked again later in {figures['repaired_runs']} of them."


def _returning_task(subject: str, figures: dict[str, Any]) -> str:
    task = fit(first_line(subject), _LONGEST_TASK)
    text = (
        f"You asked {figures['runs']} times for something like “{task}”."
        f" {figures['succeeded']} of these runs succeeded"
    )
    if figures["pattern_id"]:
        return f"{text}; pattern {first_line(figures['pattern_id'])} covers them."
    return f"{text}; no pattern covers them yet."


def _patterns(_subject: str, figures: dict[str, Any]) -> str:
    parts = []
    if figures["with"]:
        parts.append(
            f"With a pattern that fits, {figures['with_succeeded']} of"
            f" {plural(figures['with'], 'run')} succeeded"
        )
    if figures["without"]:
        withheld = f"{figures['without_succeeded']} of {figures['without']} succeeded"
        parts.append(f"when one fitted but was withheld by chance, {withheld}")
    if figures["chosen"]:
        parts.append(f"in {plural(figures['chosen'], 'run')} you named the pattern yourself")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _not_applied(_subject: str, figures: dict[str, Any]) -> str:
    return (
        f"The changes of {plural(figures['runs'], 'successful run')}"
        f" ({plural(figures['files'], 'file')}) were never applied to your files."
    )


def _unchecked(_subject: str, figures: dict[str, Any]) -> str:
    return (
        f"Of {plural(figures['of'], 'successful run')} that changed files, {figures['runs']} had"
        " no check. To make the next one safer, give a command that checks the result: --verify."
    )


def _time(seconds: float) -> str:
    """`3 h 20 min`, `12 min`, `45 s`."""
    minutes = round(seconds / 60)
    if seconds < 120:  # noqa: PLR2004  two minutes
        return f"{seconds:.0f} s"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def _short(text: str) -> str:
    return fit(visible(first_line(clean(text))), _LONGEST_TEXT)


_SENTENCES: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "total": _total,
    "time_by_project": _time_by_project,
    "time_by_task_type": _time_by_task_type,
    "tokens_by_task_type": _tokens_by_task_type,
    "command_time": _command_time,
    "repeated_failure": _repeated_failure,
    "returning_task": _returning_task,
    "patterns": _patterns,
    "not_applied": _not_applied,
    "unchecked": _unchecked,
}
