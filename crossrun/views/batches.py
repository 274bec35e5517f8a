"""Batches on screens: their rows, how they ended, lists of them, and what they would do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from crossrun.batches.continuing import resume_command
from crossrun.batches.documents import BatchTotals, state_of, totals_of
from crossrun.batches.progress import RowState, Usage, states
from crossrun.errors import CrossrunError
from crossrun.events import EventRecord
from crossrun.model.batches import Batch, BatchRow
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.views.terminal import Column, Terminal, cell_len, command_lines, fit, table, wrap
from crossrun.views.words import clock, count, first_line, moment, plural

_MOST_PROBLEMS = 10
_LEAST_TEXT = 16
_NARROWEST_NAME, _STATE_CELLS, _ID_CELLS = 8, 9, 8
_WITH_NOTE, _WITHOUT_NOTE = 40, 29
"""Cells of the other columns and the gaps between them."""
_SHORT = {"limit_reached": "over limit"}
_RUN_ONCE = (Status.SUCCEEDED, Status.FAILED, Status.TIMED_OUT, Status.LIMIT_REACHED)
"""What the runs of an experiment may end as and still count."""
_CONTRADICTIONS = ("file_claim_false", "command_claim_false")
_FAILED = ("failed", "timed_out", "limit_reached")
_NOUNS = {"attempts": "attempt", "experiment": "run"}
"""What the rows of batches are, by kind."""
ACTIVE_STATES = ("queued", "running")
IDLE_STATES = ("waiting", *ACTIVE_STATES)


class BatchFacts(NamedTuple):
    """Reads from the ledger what a view needs to know about a batch.

    Attributes:
        run: a run by its id.
        used: the tokens and the cost of all runs so far.
        newest_events: the newest events of a run by its id, in their order.
    """

    run: Callable[[str], Run]
    used: Callable[[], tuple[int, float]]
    newest_events: Callable[[str], Sequence[EventRecord]]


class RowLine(NamedTuple):
    """A row on one line: the columns that the terminal has room for."""

    state: str
    name: str
    time: str
    tokens: str
    run_id: str
    note: str
    name_cells: int

    def text(self, terminal: Terminal) -> str:
        """The line without a style."""
        return "".join(self._parts(terminal)).rstrip()

    def styled(self, terminal: Terminal) -> str:
        """The line with its state and its note in colour."""
        state, middle, note = self._parts(terminal)
        style = state_style(self.state)
        return (terminal.style(state, style) + middle + terminal.style(note, "dim")).rstrip()

    def _parts(self, terminal: Terminal) -> tuple[str, str, str]:
        state = f"{_words(_SHORT.get(self.state, self.state)):<{_STATE_CELLS}}"
        name = fit(self.name, self.name_cells)
        middle = f"  {name}{' ' * (self.name_cells - cell_len(name))}  {self.time:>5}"
        wide = f"{middle}  {self.tokens:>6}  {self.run_id:<{_ID_CELLS}}  "
        room = terminal.width - len(state) - cell_len(wide) - 1
        if room >= _LEAST_TEXT:
            return state, wide, fit(self.note, room)
        return state, f"{middle}  {self.run_id:<{_ID_CELLS}}", ""


def batch_header(batch: Batch, terminal: Terminal, *, continued: bool = False) -> Iterator[str]:
    """What the batch is; `continued`: and how much of it was done before."""
    counted = _RUN_ONCE if batch.kind == "experiment" else (Status.SUCCEEDED,)
    done = sum(row.status in counted for row in batch.rows)
    parts = [
        *([first_line(batch.name)] if batch.name else []),
        plural(len(batch.rows), _NOUNS.get(batch.kind, "row")),
        *([f"{done} done before"] if done and continued else []),
        plural(batch.options.jobs, "job"),
    ]
    yield terminal.style(batch.id, "bold") + terminal.style(f"  {' · '.join(parts)}", "dim")
    yield ""


def batch_closing(batch: Batch, facts: BatchFacts, terminal: Terminal) -> Iterator[str]:
    """How the batch ended, what did not succeed, and the next commands."""
    row_states = states(batch)
    totals = totals_of(row_states, Usage(*facts.used(), batch.seconds))
    yield ""
    state = state_of(batch, is_active=False)
    yield from _verdict(state, f" after {clock(batch.seconds)} · {_counted(totals)}", terminal)
    yield from _reason(batch)
    problems = list(problem_lines(batch, facts, terminal))
    if problems:
        yield ""
        yield from problems
    yield ""
    yield from command_lines(_next_commands(batch, row_states), terminal)


def _verdict(state: str, figures: str, terminal: Terminal) -> Iterator[str]:
    """How a batch stands: its state, and figures that go on below it where the screen is narrow."""
    words = _words(state)
    first, *others = wrap(f"{words}{figures}", terminal.width)
    yield terminal.style(words, state_style(state)) + terminal.style(first[len(words) :], "dim")
    yield from (terminal.style(f"  {line}", "dim") for line in others)


def totals_line(totals: BatchTotals) -> str:
    """`2:31 · 4 of 20 ended · 1 failed · 4 running · 11 waiting · 54.1k tokens`."""
    parts = [clock(totals.seconds), f"{totals.ended} of {totals.rows} ended"]
    parts += [
        f"{number} {_words(state)}"
        for state, number in totals.states.items()
        if state != "succeeded"
    ]
    return " · ".join([*parts, *_used(totals)])


def batch_details(
    batch: Batch, facts: BatchFacts, terminal: Terminal, *, is_active: bool
) -> Iterator[str]:
    """A batch with all of its rows."""
    row_states = states(batch)
    totals = totals_of(row_states, Usage(*facts.used(), batch.seconds))
    yield from batch_header(batch, terminal)
    yield from _row_table(batch, row_states, facts, terminal)
    yield ""
    state = state_of(batch, is_active=is_active)
    yield from _verdict(state, f" · {clock(batch.seconds)} · {_counted(totals)}", terminal)
    yield from _reason(batch)
    yield ""
    yield from command_lines(_next_commands(batch, row_states, state=state), terminal)


def batch_table(
    batches: Sequence[tuple[Batch, Usage, bool]], terminal: Terminal, *, kind: str = "batch"
) -> Iterator[str]:
    """A list of batches of a kind, each with what its runs used and whether it runs now."""
    columns = [
        Column(kind.upper(), style="bold"),
        Column("CREATED", essential=False),
        Column("STATE", style=state_style),
        Column("ROWS", align="right"),
        Column("DONE", align="right"),
        Column("TIME", align="right", essential=False),
        Column("TOKENS", align="right", essential=False),
        Column("NAME", flexible=True),
    ]
    cells = [_batch_cells(*each) for each in batches]
    return table(columns, cells, terminal)


def plan_lines(batch: Batch, terminal: Terminal) -> Iterator[str]:
    """What a batch would do, and in which order."""
    columns = [
        Column("ROW", style="bold", flexible=True),
        Column("AFTER", flexible=True),
        Column("EXECUTOR", essential=False),
        Column("BEGINS WITH", flexible=True, essential=False),
        Column("TASK", flexible=True),
    ]
    yield from table(columns, [_plan_cells(row) for row in batch.rows], terminal)
    yield ""
    parts = [plural(len(batch.rows), "row"), plural(batch.options.jobs, "job")]
    yield terminal.style(" · ".join(parts), "dim")


def _plan_cells(row: BatchRow) -> list[str]:
    begin = row.request.begin_with
    if row.from_row is not None:
        base = f"row {first_line(row.from_row)}"
    else:
        base = begin.path or begin.url or begin.in_place or begin.run_id or "empty folder"
    return [
        first_line(row.name),
        ", ".join(map(first_line, row.after)),
        row.request.executor,
        first_line(base),
        first_line(row.request.task),
    ]


def _batch_cells(batch: Batch, usage: Usage, is_active: bool) -> list[str]:  # noqa: FBT001  a cell
    done = sum(row.status is Status.SUCCEEDED for row in batch.rows)
    return [
        batch.id,
        moment(batch.created_at),
        _words(state_of(batch, is_active=is_active)),
        str(len(batch.rows)),
        str(done),
        clock(batch.seconds),
        count(usage.tokens) if usage.tokens else "",
        first_line(batch.name or _shared_task(batch)),
    ]


def _shared_task(batch: Batch) -> str:
    """The task of attempts, which have no name unless it was given."""
    return batch.rows[0].request.task if batch.kind == "attempts" and batch.rows else ""


def _row_table(
    batch: Batch, row_states: Mapping[int, RowState], facts: BatchFacts, terminal: Terminal
) -> Iterator[str]:
    columns = [
        Column("ROW", style="bold", flexible=True),
        Column("STATE", style=state_style),
        Column("RUN"),
        Column("TIME", align="right", essential=False),
        Column("TOKENS", align="right", essential=False),
        Column("AFTER", flexible=True, essential=False),
        Column("RESULT", flexible=True),
    ]
    return table(
        columns, [_cells(row, row_states[row.number], facts) for row in batch.rows], terminal
    )


def _cells(row: BatchRow, state: RowState, facts: BatchFacts) -> list[str]:
    line = row_line(row, state, facts, 0)
    after = [*row.after, *([f"from {row.from_row}"] if row.from_row else [])]
    return [
        line.name,
        _words(line.state),
        line.run_id,
        line.time,
        line.tokens,
        ", ".join(map(first_line, after)),
        line.note,
    ]


def row_line(row: BatchRow, state: RowState, facts: BatchFacts, name_cells: int) -> RowLine:
    """What a row became, on one line."""
    run = None if row.run_id is None else run_of(row.run_id, facts)
    took = None if run is None or not run.ended else run.seconds
    tokens = None if run is None or run.tokens is None else run.tokens.total
    return RowLine(
        state.name,
        row_name(row),
        "" if took is None else clock(took),
        "" if tokens is None else count(tokens),
        row.run_id or "",
        _note(run, state),
        name_cells,
    )


def row_name(row: BatchRow) -> str:
    """The name of a row; one that is called by its number has its task beside it."""
    if row.name != str(row.number):
        return first_line(row.name)
    return f"{row.number}  {first_line(row.request.task)}"


def run_of(run_id: str, facts: BatchFacts) -> Run | None:
    """The run of a row; None if it was forgotten meanwhile."""
    with suppress(CrossrunError):
        return facts.run(run_id)
    return None


def _reason(batch: Batch) -> Iterator[str]:
    """Why the batch ended as it did, unless its rows say so."""
    if batch.reason and batch.state in (Status.SUCCEEDED, Status.LIMIT_REACHED):
        yield f"  {first_line(batch.reason)}"


def _note(run: Run | None, state: RowState) -> str:
    """What the row says in a few words: its answer, or why it did not succeed."""
    if state.name in ACTIVE_STATES:
        return ""
    if run is not None and run.failure is not None and state.name != "succeeded":
        return first_line(run.failure.message)
    if state.why:
        return first_line(state.why)
    if run is not None and (claim := _false_claim(run)):
        return f"contradicted: {first_line(claim)}"
    return first_line(run.answer) if run is not None and run.answer else ""


def _false_claim(run: Run) -> str | None:
    """What the ledger says to what the agent of a run has claimed, if it contradicts it."""
    if run.proof is None or run.proof.grade != "contradicted":
        return None
    texts = (each.text for each in run.proof.findings if each.kind in _CONTRADICTIONS)
    return next(texts, "see the proof of the run")


def problem_lines(batch: Batch, facts: BatchFacts, terminal: Terminal) -> Iterator[str]:
    """The rows that did not succeed, and those whose agents the ledger contradicts."""
    row_states = states(batch)
    ended = [
        row
        for row in batch.rows
        if row_states[row.number].name not in ("succeeded", "skipped", *IDLE_STATES)
        or _is_contradicted(row, facts)
    ]
    shown = ended[:_MOST_PROBLEMS]
    indented = terminal._replace(width=terminal.width - 2)
    cells = name_cells(shown, indented)
    for row in shown:
        yield from _problem(row_line(row, row_states[row.number], facts, cells), indented)
    if len(ended) > len(shown):
        more = f"  … {len(ended) - len(shown)} more, see: crossrun batch show {batch.id}"
        yield terminal.style(more, "dim")


def _is_contradicted(row: BatchRow, facts: BatchFacts) -> bool:
    if row.status is not Status.SUCCEEDED or row.run_id is None:
        return False
    run = run_of(row.run_id, facts)
    return run is not None and _false_claim(run) is not None


def _problem(line: RowLine, terminal: Terminal) -> Iterator[str]:
    """A row that did not succeed, with the reason in full, below it if it is long."""
    whole = line.text(terminal)
    if line.note in whole:
        yield f"  {line.styled(terminal)}"
        return
    yield f"  {line._replace(note='').styled(terminal)}"
    for part in wrap(line.note, terminal.text_width - 4):
        yield f"      {terminal.style(part, 'dim')}"


def _next_commands(
    batch: Batch, row_states: Mapping[int, RowState], *, state: str | None = None
) -> list[str]:
    """What to do now; `state` is given where the batch itself is already shown."""
    if state == "running":
        return [f"crossrun batch cancel {batch.id}"]
    failed = next((row.run_id for row in batch.rows if _has_failed(row, row_states)), None)
    commands = [
        f"crossrun batch show {batch.id}" if state is None else None,
        f"crossrun show {failed}" if failed else None,
        resume_command(batch),
        f"crossrun batch results {batch.id}",
    ]
    return [command for command in commands if command is not None]


def _has_failed(row: BatchRow, row_states: Mapping[int, RowState]) -> bool:
    return row_states[row.number].name in _FAILED


def _counted(totals: BatchTotals) -> str:
    """`17 succeeded, 2 failed, 1 skipped · 154.1k tokens`."""
    rows = ", ".join(f"{number} {_words(state)}" for state, number in totals.states.items())
    return " · ".join([rows, *_used(totals)])


def _used(totals: BatchTotals) -> list[str]:
    parts = [f"{count(totals.tokens)} tokens"] if totals.tokens else []
    return [*parts, f"cost {totals.cost:.4g}"] if totals.cost else parts


def _words(state: str) -> str:
    return state.replace("_", " ")


def state_style(state: str) -> str:
    """The style of a row's or a batch's state."""
    match state.replace(" ", "_"):
        case "succeeded":
            return "good"
        case "running" | "queued":
            return "accent"
        case "waiting" | "skipped":
            return "dim"
        case _:
            return "bad"


def name_cells(rows: Sequence[BatchRow], terminal: Terminal) -> int:
    """The width of the names, which leaves room for a note unless the screen is narrow."""
    widest = max((cell_len(row_name(row)) for row in rows), default=0)
    room = terminal.width - _WITH_NOTE - _LEAST_TEXT
    if room < _LEAST_TEXT:
        room = terminal.width - _WITHOUT_NOTE
    return max(min(widest, room), _NARROWEST_NAME)
