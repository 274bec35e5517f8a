"""Two runs side by side on a screen."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from crossrun.model.runs import Run
from crossrun.services.run_comparison import ComparedFiles, DifferingSetting
from crossrun.views.attempts import change_words, check_words
from crossrun.views.explanation import setting_words
from crossrun.views.terminal import Terminal, cell_len, command_lines, fit
from crossrun.views.unseen import visible
from crossrun.views.words import clock, count, first_line, plural, status_style

_LABEL = 9
_MOST_FILES = 10
_SHOWN_ABOVE = ("project_id", "executor", "model")


class _Fact(NamedTuple):
    label: str
    words: Callable[[Run], str]
    style: Callable[[Run], str] = lambda _run: ""


def comparison_lines(
    first: Run,
    second: Run,
    settings: Sequence[DifferingSetting],
    files: ComparedFiles,
    terminal: Terminal,
) -> Iterator[str]:
    """What two runs were asked, how they ended, and how their changes differ."""
    yield from _heads(first, second, terminal)
    for fact in _FACTS:
        cells = [fact.words(run) for run in (first, second)]
        if any(cells):
            yield _line(fact, cells, (first, second), terminal)
    differing = [each for each in settings if each.name not in _SHOWN_ABOVE]
    if differing:
        yield ""
        yield terminal.style("  settings that differ", "dim")
        yield from _settings(differing, terminal)
    yield ""
    lines = list(_files(first, second, files, terminal))
    yield from lines or ["  neither changed a file"]
    yield ""
    yield from command_lines([f"crossrun diff {first.id} {second.id}"], terminal)


def _heads(first: Run, second: Run, terminal: Terminal) -> Iterator[str]:
    """The task, on one line if both had the same."""
    if first.task == second.task:
        task = fit(first_line(first.task), terminal.text_width - _LABEL - 3)
        yield f"  {terminal.style(f'{_TASK.label:<{_LABEL}}', 'dim')} {task}"
        return
    yield _line(_TASK, [_TASK.words(run) for run in (first, second)], (first, second), terminal)


def _line(fact: _Fact, cells: Sequence[str], runs: tuple[Run, Run], terminal: Terminal) -> str:
    width = max((terminal.text_width - _LABEL - 6) // 2, 8)
    left, right = (fit(cell or "-", width) for cell in cells)
    gap = " " * (width - cell_len(left) + 2)
    left, right = (
        terminal.style(cell, fact.style(run)) for cell, run in zip((left, right), runs, strict=True)
    )
    return f"  {terminal.style(f'{fact.label:<{_LABEL}}', 'dim')} {left}{gap}{right}".rstrip()


def _settings(settings: Sequence[DifferingSetting], terminal: Terminal) -> Iterator[str]:
    """A line each, with both values."""
    widest = max(cell_len(each.name) for each in settings)
    room = max((terminal.text_width - widest - 6) // 2, 8)
    for each in settings:
        left, right = (fit(setting_words(each.name, value), room) for value in each.values)
        gap = " " * (room - cell_len(left) + 2)
        yield f"  {terminal.style(f'{each.name:<{widest}}', 'dim')}  {left}{gap}{right}".rstrip()


def _files(first: Run, second: Run, files: ComparedFiles, terminal: Terminal) -> Iterator[str]:
    """The files of each kind, the first of them by name."""
    kinds = {
        f"only {first.id}": files.only_first,
        f"only {second.id}": files.only_second,
        "different": files.different,
        "identical": files.same,
        "in both": files.unknown,
    }
    widest = max((len(kind) for kind, paths in kinds.items() if paths), default=0)
    for kind, paths in kinds.items():
        label = kind
        for path in paths[:_MOST_FILES]:
            shown = fit(visible(path), terminal.width - widest - 5)
            yield f"  {terminal.style(f'{label:<{widest}}', 'dim')}  {shown}"
            label = ""
        if len(paths) > _MOST_FILES:
            yield f"  {'':<{widest}}  … {len(paths) - _MOST_FILES} more"


def _status(run: Run) -> str:
    code = "" if run.failure is None else run.failure.code
    shown = f" ({code})" if code.lower() not in ("", str(run.status)) else ""
    return str(run.status).replace("_", " ") + shown


def _tokens(run: Run) -> str:
    if run.tokens is None:
        return ""
    return f"{count(run.tokens.input)} in, {count(run.tokens.output)} out"


def _steps(run: Run) -> str:
    failed = f", {run.failed_commands} failed" if run.failed_commands else ""
    turns = f" in {plural(run.turns, 'turn')}" if run.turns else ""
    return f"{plural(run.commands, 'command')}{turns}{failed}"


def _pattern(run: Run) -> str:
    if run.pattern is None:
        return ""
    named = f" {run.pattern.pattern_id} v{run.pattern.version}" if run.pattern.pattern_id else ""
    return f"{run.pattern.decision}{named}"


def _check(run: Run) -> str:
    return "" if run.verify is None else check_words(run)


def _check_style(run: Run) -> str:
    return "good" if _check(run) == "ok" else "bad"


_TASK = _Fact("task", lambda run: first_line(run.task))
_FACTS = (
    _Fact("run", lambda run: run.id, lambda _run: "bold"),
    _Fact("project", lambda run: first_line(run.project_id)),
    _Fact("template", lambda run: first_line(run.template or "")),
    _Fact("by", lambda run: first_line(f"{run.executor} {run.model or ''}".strip())),
    _Fact("status", _status, lambda run: status_style(run.status)),
    _Fact("verify", _check, _check_style),
    _Fact("proof", lambda run: "" if run.proof is None else first_line(run.proof.grade)),
    _Fact("change", change_words),
    _Fact("tokens", _tokens),
    _Fact("cost", lambda run: f"{run.cost:.4g}" if run.cost else ""),
    _Fact("time", lambda run: "" if run.seconds is None else clock(run.seconds)),
    _Fact("steps", _steps),
    _Fact("pattern", _pattern),
)
