"""Lists of runs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crossrun.model.queries import RunLine
from crossrun.model.status import Status
from crossrun.system.clock import now, seconds_between
from crossrun.views.terminal import Column, Terminal, fit, table
from crossrun.views.words import age, clock, count, first_line, grade_style, plural, status_style

if TYPE_CHECKING:
    from crossrun.store.overview import Overview

_ROOM_FOR_PROOF = 72
"""Columns from which on the proof matters more than times and tokens."""
_MOST_WAITING = 3
_FAILED = {
    "AGENT_DIED": "died",
    "AGENT_REFUSED": "refused",
    "ANSWER_CUT": "answer cut",
    "CONTEXT_FULL": "context",
    "REPLAY_DIVERGED": "replay",
    "SCRIPT_UNAVAILABLE": "script",
    "PLANNER_BAD_CALL": "planner",
    "PLANNER_NEVER_ACTED": "planner",
    "SETUP_FAILED": "setup",
    "WORKSPACE_FAILED": "workspace",
    "STORE_FAILED": "store",
    "INTERNAL": "crossrun",
    "CODEX_AUTH": "login",
    "PLANNER_AUTH": "login",
    "QUOTA_EXCEEDED": "quota",
    "RATE_LIMITED": "quota",
    "PROVIDER_UNREACHABLE": "network",
    "PROVIDER_ERROR": "provider",
    "VERIFY_FAILED": "check",
    "PROOF_MISSING": "proof",
}
"""In a word what a run failed for, unless its agent or script itself failed."""


def run_table(lines: Sequence[RunLine], terminal: Terminal) -> Iterator[str]:
    """A row for each run."""
    columns = [
        Column("RUN", style="bold"),
        Column("WHEN", essential=False),
        Column("PROJECT", flexible=True),
        Column("STATUS", style=_status_style),
        Column("PROOF", style=grade_style, essential=terminal.width >= _ROOM_FOR_PROOF),
        Column("TIME", align="right", essential=False),
        Column("TOKENS", align="right", essential=False),
        Column("MEMORY", essential=False),
        Column("TASK", flexible=True),
    ]
    return table(columns, [_run_row(run) for run in lines], terminal)


def overview_lines(overview: "Overview", terminal: Terminal) -> Iterator[str]:
    """What is running, what is new, and what waits for the user."""
    newest = {run.id: run for run in (*overview.active, *overview.newest)}
    yield from run_table(list(newest.values()), terminal)
    yield from _waiting(
        "failed while nobody was watching", "crossrun show", overview.unattended, terminal
    )
    yield from _waiting("not applied yet", "crossrun apply", overview.to_apply, terminal)
    yield from _waiting("applied in part", "crossrun apply", overview.applied_in_part, terminal)
    yield ""
    yield terminal.style("all runs: crossrun runs · help: crossrun --help", "dim")


def ago(at: str) -> str:
    """How long ago something was, as `2h ago`."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    words = age(seconds)
    return "just now" if words == "now" else f"{words} ago"


def status_words(run: RunLine) -> str:
    """`succeeded`, `failed (quota)`."""
    words = str(run.status).replace("_", " ")
    why = _FAILED.get(run.failure_code or "") if run.status is Status.FAILED else None
    return f"{words} ({why})" if why else words


def title_of(run: RunLine) -> str:
    """The name of a run, else its task, on one line."""
    return first_line(run.name) if run.name else first_line(run.task)


def _waiting(what: str, command: str, runs: Sequence[RunLine], terminal: Terminal) -> Iterator[str]:
    """A command for each of the first runs."""
    if not runs:
        return
    yield ""
    yield terminal.style(f"{what}: {plural(len(runs), 'run')}", "bold")
    for run in runs[:_MOST_WAITING]:
        line = f"  {command} {run.id}"
        yield f"{line}  {terminal.style(fit(title_of(run), terminal.width - len(line) - 2), 'dim')}"
    if len(runs) > _MOST_WAITING:
        yield terminal.style(f"  … {len(runs) - _MOST_WAITING} more", "dim")


def _run_row(run: RunLine) -> list[str]:
    took = run.seconds
    if took is None and run.status is Status.RUNNING:
        took = seconds_between(run.started_at, now())
    return [
        run.id,
        ago(run.created_at),
        run.project_id,
        status_words(run),
        first_line(run.grade or ""),
        "" if took is None else clock(took),
        "" if run.tokens is None else count(run.tokens),
        _memory(run),
        f"* {title_of(run)}" if run.has_note else title_of(run),
    ]


def _memory(run: RunLine) -> str:
    """The pattern that the run used, and the one learned from it."""
    used = run.pattern_id if run.decision in ("injected", "forced") else None
    if run.learned_pattern_id is None or run.learned_pattern_id == used:
        return used or ""
    return f"{used or ''}>{run.learned_pattern_id}"


def _status_style(cell: str) -> str:
    return status_style(Status(cell.partition(" (")[0].replace(" ", "_")))
