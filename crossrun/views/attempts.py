"""Attempts at one task on a screen: their ranking, and what to do with the best."""

from collections.abc import Iterator, Sequence

from crossrun.batches.ranking import TaskAttempt, winner
from crossrun.model.batches import Batch
from crossrun.model.runs import Run
from crossrun.views.batches import batch_header, state_style
from crossrun.views.terminal import Column, Terminal, command_lines, fit, table
from crossrun.views.words import clock, count, first_line, plural

_GRADE_STYLES = {"proven": "good", "checked": "good", "contradicted": "bad"}


def attempts_details(
    batch: Batch, attempts: Sequence[TaskAttempt], terminal: Terminal, *, state: str
) -> Iterator[str]:
    """Attempts with their task; `state` is that of the batch, also while it has not ended."""
    yield from batch_header(batch, terminal)
    task = fit(first_line(batch.rows[0].request.task), terminal.text_width - 2)
    yield from (f"  {task}", "")
    yield from _ranked(batch, attempts, [], terminal, state=state)


def attempts_closing(
    batch: Batch, attempts: Sequence[TaskAttempt], applied: Sequence[str], terminal: Terminal
) -> Iterator[str]:
    """How attempts ended: the verdict, the ranking, what was applied, and the next commands.

    Args:
        batch: as it has ended.
        attempts: the best first.
        applied: what `--apply` did, if it was given.
        terminal: where it is shown.
    """
    yield ""
    yield from _ranked(batch, attempts, applied, terminal, state=str(batch.state))


def _ranked(
    batch: Batch,
    attempts: Sequence[TaskAttempt],
    applied: Sequence[str],
    terminal: Terminal,
    *,
    state: str,
) -> Iterator[str]:
    first, *others = _verdict(batch, attempts, state)
    yield terminal.style(first, state_style(state)) + terminal.style(
        "".join(f" · {other}" for other in others), "dim"
    )
    if state != "running":
        yield f"  {_meaning(attempts)}"
    yield ""
    yield from _table(attempts, terminal)
    if applied:
        yield from ("", *applied)
    yield ""
    commands = _next_commands(batch, attempts, state, applied=bool(applied))
    yield from command_lines(commands, terminal)


def _table(attempts: Sequence[TaskAttempt], terminal: Terminal) -> Iterator[str]:
    columns = [
        Column("ATTEMPT", style="bold"),
        Column("RUN"),
        Column("STATE", style=state_style, flexible=True),
        Column("CHECK", style=_check_style),
        Column("PROOF", style=lambda grade: _GRADE_STYLES.get(grade, "dim"), essential=False),
        Column("CHANGE"),
        Column("TOKENS", align="right", essential=False),
        Column("TIME", align="right", essential=False),
    ]
    return table(columns, [_cells(attempt) for attempt in attempts], terminal)


def change_words(run: Run) -> str:
    """`2 files +8 -1`; empty if the change was not measured."""
    if run.changes is None:
        return ""
    if not run.changes:
        return "nothing"
    added = sum(change.insertions or 0 for change in run.changes)
    removed = sum(change.deletions or 0 for change in run.changes)
    lines = [f"+{added}"] * bool(added) + [f"-{removed}"] * bool(removed)
    return " ".join([plural(len(run.changes), "file"), *lines])


def check_words(run: Run) -> str:
    """What the user's check said of a run."""
    if run.verify is None:
        return "-"
    code = run.verify.exit_code
    return "ok" if code == 0 else "unfinished" if code is None else f"exit {code}"


def _verdict(batch: Batch, attempts: Sequence[TaskAttempt], state: str) -> list[str]:
    tokens = sum(a.run.tokens.total for a in attempts if a.run is not None and a.run.tokens)
    succeeded = sum(attempt.has_succeeded for attempt in attempts)
    return [
        f"{state.replace('_', ' ')} after {clock(batch.seconds)}",
        f"{succeeded} of {len(attempts)} succeeded",
        *([f"{count(tokens)} tokens"] if tokens else []),
    ]


def _meaning(attempts: Sequence[TaskAttempt]) -> str:
    """What the ranking means, in one sentence."""
    names = [attempt.state.name for attempt in attempts]
    unneeded = names.count("cancelled") + names.count("skipped")
    stopped = f"; {unneeded} stopped or not started" if unneeded else ""
    if winner(attempts) is not None:
        name = first_line(attempts[0].name)
        if attempts[0].run is not None and attempts[0].run.changes == ():
            return f"{name} is the first that succeeded; it changed nothing{stopped}"
        return f"{name} is the best{stopped}"
    if any(attempt.has_succeeded for attempt in attempts):
        return "the record contradicts what the best attempt says"
    return f"no attempt succeeded{stopped}"


def _cells(attempt: TaskAttempt) -> list[str]:
    run = attempt.run
    state = attempt.state.name.replace("_", " ")
    if state == "skipped":
        state = "not started"
    if run is None:
        return [first_line(attempt.name), "", state, "", "", "", "", ""]
    return [
        first_line(attempt.name),
        run.id,
        state,
        check_words(run),
        "-" if run.proof is None else first_line(run.proof.grade),
        change_words(run),
        "" if run.tokens is None else count(run.tokens.total),
        "" if run.seconds is None else clock(run.seconds),
    ]


def _check_style(cell: str) -> str:
    return "good" if cell == "ok" else "dim" if cell in ("", "-") else "bad"


def _next_commands(
    batch: Batch, attempts: Sequence[TaskAttempt], state: str, *, applied: bool
) -> list[str]:
    ids = [attempt.run.id for attempt in attempts if attempt.run is not None]
    best = winner(attempts)
    has_changes = attempts[0].run is not None and attempts[0].run.changes != ()
    look = "diff" if has_changes else "show"
    commands = [f"crossrun {look} {ids[0]}"] if ids else []
    if len(ids) > 1:
        commands.append(f"crossrun compare {ids[0]} {ids[1]}")
    if best is not None and has_changes and not applied:
        commands.append(f"crossrun apply {best.id}")
    if state == "running":
        commands.append(f"crossrun attempts cancel {batch.id}")
    elif best is None:
        again = "" if state in ("interrupted", "cancelled") else " --retry-failed"
        commands.append(f"crossrun attempts resume {batch.id}{again}")
    return commands
