"""Collects what reports of runs show; what is too long is cut, and secrets are removed again."""

import json
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from crossrun.errors import CrossrunError
from crossrun.model.runs import Run
from crossrun.projections.documents import step_objects
from crossrun.report import ReportedRun, as_html, as_markdown, report_blocks, report_title
from crossrun.services.app import App
from crossrun.services.changes import Changes
from crossrun.system.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_STEPS, _LAST_STEPS = 300, 200
_LONGEST_TEXT, _LONGEST_PATCH = 20_000, 400_000
"""Characters of one text of a step, and of a patch."""


def render_report(app: App, runs: Sequence[Run], form: str) -> str:
    """A report of runs as `html` or `md`."""
    reported = [_collect(app, run) for run in runs]
    blocks = report_blocks(reported)
    made_by = f"Made by crossrun {runs[0].crossrun_version} at {now()[:16].replace('T', ' ')} UTC."
    parts: Iterator[str]
    if form == "html":
        parts = as_html(report_title(reported), blocks, made_by=made_by)
    else:
        parts = as_markdown(blocks, made_by=made_by)
    return app.redactor("".join(parts))[0]


def _collect(app: App, run: Run) -> ReportedRun:
    steps, left_out = _steps(app, run)
    patch, note = _patch(app, run)
    return ReportedRun(
        run,
        steps,
        left_out,
        patch,
        note,
        _pattern(app, run),
        app.store.read.applications(run.id),
    )


def _steps(app: App, run: Run) -> tuple[list[dict[str, Any]], int]:
    """The steps of a run, or the first and last ones, and how many are left out."""
    transcript = step_objects(app.store.read.events(run.id))
    first = list(map(_shortened, islice(transcript, _FIRST_STEPS)))
    last: deque[dict[str, Any]] = deque(maxlen=_LAST_STEPS)
    others = 0
    for step in transcript:
        last.append(step)
        others += 1
    return [*first, *map(_shortened, last)], others - len(last)


def _shortened(step: dict[str, Any]) -> dict[str, Any]:
    """A step whose texts have only their beginning and end if they are very long."""
    half = _LONGEST_TEXT // 2

    def cut(value: object) -> object:
        if isinstance(value, dict | list):
            text = json.dumps(value, indent=2, ensure_ascii=False)
            return value if len(text) <= _LONGEST_TEXT else cut(text)
        if not isinstance(value, str) or len(value) <= _LONGEST_TEXT:
            return value
        return f"{value[:half]}\n… {len(value) - 2 * half:,} characters left out …\n{value[-half:]}"

    return {name: value if name == "items" else cut(value) for name, value in step.items()}


def _patch(app: App, run: Run) -> tuple[str, str]:
    """The patch of a run, and a note if it is not there or not whole."""
    if not run.changes:
        return "", ""
    try:
        patch = Changes(app).of_run(run).patch.decode("utf-8", "replace")
    except CrossrunError as error:
        return "", f"The change itself is no longer recorded: {error.message}."
    if len(patch) <= _LONGEST_PATCH:
        return patch, ""
    beginning = patch[: patch.rfind("\n", 0, _LONGEST_PATCH)]
    return beginning, f"This is the beginning of {len(patch):,} characters."


def _pattern(app: App, run: Run) -> str:
    """What the pattern is for that the agent got."""
    from crossrun.events import PatternDecided

    decided = app.store.read.last_event(run.id, PatternDecided)
    got_it = decided is not None and decided.decision in ("injected", "forced")
    return decided.summary if decided is not None and got_it else ""
