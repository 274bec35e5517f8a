"""What applied to a run, on one screen."""

import textwrap
from collections.abc import Iterator, Sequence

from crossrun.model.runs import Run
from crossrun.services.explanation import Explanation
from crossrun.services.origins import DEFAULT, AppliedSetting
from crossrun.views.choices import choice_lines, score_lines
from crossrun.views.expectations import forecast_words, shortfall_words
from crossrun.views.summary import source_words
from crossrun.views.terminal import Column, Terminal, cell_len, fit, table
from crossrun.views.unseen import visible
from crossrun.views.words import first_line, setting_duration

_LABEL = 10
_DURATIONS = ("timeout", "idle_timeout", "wait_for_quota")
_SOURCE = "source"


def explanation_lines(
    explanation: Explanation, terminal: Terminal, *, is_gone: bool, with_scores: bool
) -> Iterator[str]:
    """The pattern, the agent, and the settings with their origins.

    Args:
        explanation: what applied.
        terminal: where it is shown.
        is_gone: the pattern to name has been removed.
        with_scores: also show the candidates with their scores.
    """
    run, decided = explanation.run, explanation.decided
    task = fit(first_line(run.task), terminal.text_width - cell_len(run.id) - 2)
    yield f"{terminal.style(run.id, 'bold')}  {task}"
    yield ""
    if decided is None:
        yield from _fact("pattern", ["The run ended before a pattern was decided on."], terminal)
    else:
        narrow = terminal._replace(width=terminal.text_width - _LABEL - 2)
        yield from _fact("pattern", list(choice_lines(decided, narrow, is_gone=is_gone)), terminal)
        if with_scores:
            yield ""
            yield from score_lines(decided, terminal)
            yield ""
    yield from _fact("template", [first_line(run.template or "none")], terminal)
    yield from _fact("agent", [_agent(run)], terminal)
    for label, text in (("source", _source(explanation)), ("origin", _origin(run))):
        if text:
            yield from _fact(label, [text], terminal)
    if explanation.forecast is not None:
        made = explanation.forecast
        words = [forecast_words(made.forecast), *map(shortfall_words, made.shortfalls)]
        yield from _fact("forecast", words, terminal)
    yield ""
    yield from _settings(explanation, terminal)


def _settings(explanation: Explanation, terminal: Terminal) -> Iterator[str]:
    settings = explanation.settings
    is_recorded = explanation.request.origins is not None
    if not is_recorded:
        note = "Where these values came from was not recorded: the run is older, or was imported."
        yield from textwrap.wrap(note, terminal.text_width)
        yield ""
    named = [each for each in settings if each.origin != DEFAULT]
    if named:
        columns = [
            Column("SETTING", style="bold"),
            Column("VALUE", flexible=True),
            Column("FROM", style="dim", essential=False),
        ]
        in_batch = explanation.run.batch_id is not None
        rows = [
            [
                each.name,
                setting_words(each.name, each.value),
                _from(each, in_batch=in_batch) if is_recorded else "",
            ]
            for each in named
        ]
        yield from table(columns, rows, terminal)
    defaults = [each for each in settings if each.origin == DEFAULT]
    if defaults:
        if named:
            yield ""
        yield from _defaults(defaults, terminal)


def _defaults(settings: Sequence[AppliedSetting], terminal: Terminal) -> Iterator[str]:
    parts = (
        f"{each.name} {setting_words(each.name, each.value)}"
        for each in settings
        if each.name != _SOURCE
    )
    for line in textwrap.wrap(f"By default: {', '.join(parts)}.", terminal.text_width):
        yield terminal.style(line, "dim")


def _fact(label: str, lines: Sequence[str], terminal: Terminal) -> Iterator[str]:
    for line in lines:
        wrapped = textwrap.wrap(line, terminal.text_width - _LABEL - 2, break_on_hyphens=False)
        for part in wrapped or [""]:
            yield f"{terminal.style(f'{label:<{_LABEL}}', 'dim')}  {part}".rstrip()
            label = ""


def _agent(run: Run) -> str:
    version = f" {run.executor_version}" if run.executor_version else ""
    parts = [f"{run.executor}{version}"]
    if run.model:
        parts.append(first_line(run.model))
    if run.planner_model:
        parts.append(f"planned by {first_line(run.planner_model)}")
    return " · ".join(parts)


def _source(explanation: Explanation) -> str:
    words = source_words(explanation.run)
    by_default = explanation.request.begin_with.by_default
    return f"{words}; by default, since you were in it" if words and by_default else words


def _origin(run: Run) -> str:
    if run.resumed_from is not None:
        return f"continues {first_line(run.resumed_from)}, with the same request"
    if run.retry_of is not None:
        return f"repeats {first_line(run.retry_of)}, with the same request"
    return "" if run.batch_id is None else f"row {run.batch_row} of {first_line(run.batch_id)}"


def _from(setting: AppliedSetting, *, in_batch: bool) -> str:
    if setting.origin == "flag" and in_batch:
        return "batch"
    return first_line(setting.origin or "not recorded")


def setting_words(name: str, value: object) -> str:
    """A value as it is written in settings; `-` if there is none."""
    if value is None:
        return "-"
    if name in _DURATIONS and isinstance(value, int | float):
        return setting_duration(float(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return visible(", ".join(map(first_line, value)))
    return visible(first_line(str(value)))
