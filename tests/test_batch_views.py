"""Batches on screens of any width, live and as lines, and never at the mercy of hostile text."""

import fcntl
import io
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace
from test_views import BAD_SIGNS, EVIL, parts_of
from test_views import run_of as run_from

from crossrun.batches.progress import RowState, Usage, states
from crossrun.errors import NotFoundError
from crossrun.events import (
    AgentSpoke,
    CommandRan,
    CommandStarted,
    Event,
    EventRecord,
    FileChanged,
    RunStarted,
    TurnStarted,
    Warned,
    WorkspacePrepared,
)
from crossrun.model.batches import Batch, BatchOptions, BatchRow
from crossrun.model.failures import Failure
from crossrun.model.proof import Proof, ProofFinding
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.model.tokens import Tokens
from crossrun.services.batches.engine import RowChange
from crossrun.views.batch_views import ClosingBatchView, LineBatchView, LiveBatchView, activity
from crossrun.views.batches import (
    BatchFacts,
    batch_closing,
    batch_details,
    batch_header,
    batch_table,
    plan_lines,
)
from crossrun.views.terminal import Terminal, cell_len

NAMES = ("SOP-001", "SOP-002", "a very long name of a row that nobody can read in full", "last")


def terminal(width: int, *, color: bool = False) -> Terminal:
    return Terminal(io.StringIO(), width=width, color=color, live=False, unicode=True)


def row(number: int, name: str, status: Status | None = None, **fields: object) -> BatchRow:
    request = RunRequest(task=f"Convert {name}", executor="shell")
    made = BatchRow(number=number, name=name, request=request, status=status)
    run_id = None if status is None else f"run{number:05}"
    return replace(made, run_id=run_id, attempt=int(status is not None), **fields)


ENDED = Batch(
    id="k7f3abcd",
    kind="batch",
    project_id="sops",
    created_at="2026-01-02T03:04:05.000000Z",
    name="rows.csv",
    options=BatchOptions(jobs=4),
    rows=(
        row(1, NAMES[0], Status.SUCCEEDED),
        row(2, NAMES[1], Status.FAILED),
        row(3, NAMES[2], Status.TIMED_OUT),
        row(4, NAMES[3], after=("SOP-002",)),
    ),
    state=Status.FAILED,
    reason="SOP-002 did not succeed",
    seconds=151.0,
)


def run_of(run_id: str) -> Run:
    number = int(run_id[-1])
    by_number = {1: Status.SUCCEEDED, 2: Status.FAILED, 3: Status.TIMED_OUT, 4: Status.RUNNING}
    status = by_number[number]
    failed = status in (Status.FAILED, Status.TIMED_OUT)
    return replace(
        run_from(RunStarted(request=RunRequest(task="x"), workspace="/w", crossrun_version="1")),
        id=run_id,
        status=status,
        started_at="2026-01-02T03:04:05.000000Z",
        ended_at=None if status is Status.RUNNING else "2026-01-02T03:05:57.000000Z",
        tokens=Tokens(input=13000, output=500),
        answer="Converted it.\nAnd more." if status is Status.SUCCEEDED else None,
        failure=Failure("VERIFY_FAILED", "the check failed", "see it") if failed else None,
    )


FACTS = BatchFacts(run=run_of, used=lambda: (40_500, 0.0), newest_events=lambda _: [])


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_a_batch_ends_with_what_failed_and_what_to_do() -> None:
    assert list(batch_closing(ENDED, FACTS, terminal(80))) == [
        "",
        "failed after 2:31 · 1 succeeded, 1 failed, 1 timed out, 1 skipped · 40.5k tokens",
        "",
        "  failed     SOP-002                  1:52   13.5k  run00002  the check failed",
        "  timed out  a very long name of a…   1:52   13.5k  run00003  the check failed",
        "",
        "  crossrun batch show k7f3abcd",
        "  crossrun show run00002",
        "  crossrun batch resume k7f3abcd --retry-failed",
        "  crossrun batch results k7f3abcd",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    screen = terminal(width)
    active = replace(ENDED, state=None, reason=None)

    shown = [
        *batch_details(ENDED, FACTS, screen, is_active=False),
        *batch_details(active, FACTS, screen, is_active=True),
        *plan_lines(ENDED, screen),
    ]

    tables = [line for line in shown if " · " not in line and "crossrun batch" not in line]
    assert len(tables) > 10
    assert [line for line in tables if cell_len(line) > width] == []


def test_a_batch_is_shown_with_all_rows() -> None:
    shown = list(batch_details(ENDED, FACTS, terminal(120), is_active=False))

    assert shown[0] == "k7f3abcd  rows.csv · 4 rows · 4 jobs"
    assert [line.split("  ")[0] for line in shown[3:7]] == list(NAMES)
    assert "failed · 2:31 · 1 succeeded, 1 failed, 1 timed out, 1 skipped · 40.5k" in shown[8]
    assert shown[-1].split(" · ")[0].strip() == "crossrun show run00002"


def test_an_active_batch_can_be_cancelled_and_an_interrupted_one_continued() -> None:
    rows = (row(1, "a", Status.SUCCEEDED), row(2, "b", Status.INTERRUPTED), row(3, "c"))
    batch = replace(ENDED, state=None, reason=None, rows=rows)

    active = list(batch_details(batch, FACTS, terminal(80), is_active=True))
    interrupted = list(batch_details(batch, FACTS, terminal(80), is_active=False))

    assert active[-1] == "  crossrun batch cancel k7f3abcd"
    assert "crossrun batch resume k7f3abcd ·" in interrupted[-1]
    assert [line.split()[0] for line in (active[-3], interrupted[-3])] == ["running", "interrupted"]


def test_batches_are_listed() -> None:
    from crossrun.batches.progress import Usage

    shown = list(batch_table([(ENDED, Usage(40_500), False)], terminal(100)))

    assert shown[0].split() == [
        "BATCH", "CREATED", "STATE", "ROWS", "DONE", "TIME", "TOKENS", "NAME"
    ]  # fmt: skip
    assert shown[1].split()[-6:] == ["failed", "4", "1", "2:31", "40.5k", "rows.csv"]


def changes() -> Iterator[RowChange]:
    """One row that ends, one that runs, and one that never starts."""
    batch = replace(ENDED, state=None, reason=None, rows=tuple(
        replace(each, status=None, run_id=None, attempt=0) for each in ENDED.rows
    ))  # fmt: skip
    for number, status in ((1, "running"), (2, "running"), (1, "succeeded"), (2, "failed")):
        rows = tuple(
            row(number, each.name, Status(status)) if each.number == number else each
            for each in batch.rows
        )
        batch = replace(batch, rows=rows)
        yield RowChange(batch, batch.rows[number - 1], RowState(status))


def test_lines_off_a_terminal_say_what_starts_and_what_ends() -> None:
    stream = io.StringIO()
    view = LineBatchView(Terminal(stream, 100, color=False, live=False, unicode=True), FACTS)

    view.open(ENDED)
    for change in changes():
        view.show(change)
    view.show(None)

    shown = lines(stream.getvalue())
    assert shown[0] == "k7f3abcd  rows.csv · 4 rows · 1 done before · 4 jobs"
    assert [line.split()[:2] for line in shown[2:]] == [
        ["running", "SOP-001"], ["running", "SOP-002"],
        ["succeeded", "SOP-001"], ["failed", "SOP-002"],
    ]  # fmt: skip
    assert shown[-1].endswith("run00002  the check failed")


def test_rows_that_never_start_are_not_listed_when_a_batch_was_cancelled() -> None:
    stream = io.StringIO()
    view = LineBatchView(Terminal(stream, 100, color=False, live=False, unicode=True), FACTS)
    cancelled = replace(ENDED, state=Status.CANCELLED)

    for batch in (cancelled, replace(ENDED, state=None)):
        view.show(RowChange(batch, ENDED.rows[3], states(batch)[4]))

    assert len(lines(stream.getvalue())) == 1


def test_a_quiet_view_says_only_what_failed() -> None:
    stream = io.StringIO()
    screen = Terminal(stream, 100, color=False, live=False, unicode=True)
    view = ClosingBatchView(screen, FACTS, failures_only=True)

    view.close(ENDED)

    assert [line.split()[0] for line in lines(stream.getvalue())] == ["failed", "timed"]


def test_another_closing_can_take_the_place_of_the_last_lines() -> None:
    stream = io.StringIO()
    screen = Terminal(stream, 100, color=False, live=False, unicode=True)

    ClosingBatchView(screen, FACTS, lambda batch: [f"end of {batch.id}"]).close(ENDED)

    assert stream.getvalue() == "end of k7f3abcd\n"


def test_rows_move_on_a_terminal_and_stay_when_they_have_ended() -> None:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    clock = iter(range(1000))
    with os.fdopen(follower, "w") as stream:
        screen = Terminal.of(stream, {"TERM": "xterm", "NO_COLOR": "1"})
        view = LiveBatchView(screen, FACTS, now=lambda: float(next(clock)))
        view.open(replace(ENDED, state=None))
        for change in changes():
            view.show(change)
        view.close(ENDED)
    shown = "".join(parts_of(leader))
    final = on_screen(shown)

    assert "running    SOP-002" in shown
    assert "1 of 4 ended" in shown
    assert "\x1b[?25l" in shown
    assert shown.endswith("results k7f3abcd\r\n")
    assert [line.split()[:2] for line in final[2:4]] == [
        ["succeeded", "SOP-001"], ["failed", "SOP-002"]
    ]  # fmt: skip
    assert final[5].startswith("failed after 2:31")


def on_screen(shown: str) -> list[str]:
    """The lines that are left of what was written, if the screen is high enough."""
    rows, at = [""], 0
    for part in re.split(r"(\r\n|\r|\x1b\[2K|\x1b\[1A|\x1b\[\?25[lh])", shown):
        if part == "\r\n":
            at += 1
            rows += [""] * (at == len(rows))
        elif part == "\x1b[2K":
            rows[at] = ""
        elif part == "\x1b[1A":
            at -= 1
        elif part != "\r" and not part.startswith("\x1b[?"):
            rows[at] += part
    return rows


def recorded(*events: Event) -> Sequence[EventRecord]:
    return [
        EventRecord("r", seq, "2026-01-02T03:04:05Z", event) for seq, event in enumerate(events)
    ]


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], ""),
        ([WorkspacePrepared(path="/w", baseline="x")], "choosing a pattern"),
        ([TurnStarted(), Warned(message="x")], "waiting for the model"),
        ([CommandStarted(command="pytest -q")], "$ pytest -q"),
        (
            [
                AgentSpoke(text="I look.\nNow."),
                CommandStarted(command="ls"),
                CommandRan(command="ls", exit_code=0),
            ],
            "> I look.",
        ),
        ([FileChanged(path="a.md", change="added")], "+ a.md"),
    ],
)
def test_a_running_row_says_what_it_does(events: Sequence[Event], words: str) -> None:
    assert activity(recorded(*events)) == words


def test_hostile_text_reaches_no_terminal() -> None:
    def evil_run(run_id: str) -> Run:
        failure = Failure(EVIL, EVIL, EVIL)
        return replace(run_of(run_id), answer=EVIL, failure=failure)

    facts = FACTS._replace(run=evil_run)
    rows = tuple(replace(each, name=EVIL, after=(EVIL,)) for each in ENDED.rows[:1])
    request = replace(rows[0].request, task=EVIL)
    batch = replace(
        ENDED, name=EVIL, reason=EVIL, rows=(replace(rows[0], request=request, after=()),)
    )
    screen = terminal(100)

    shown = [
        *batch_details(batch, facts, screen, is_active=False),
        *batch_closing(batch, facts, screen),
        *plan_lines(batch, screen),
        *(activity(recorded(AgentSpoke(text=EVIL))), activity(recorded(CommandStarted(EVIL)))),
        activity(recorded(FileChanged(path=EVIL, change="added"))),
    ]

    assert BAD_SIGNS.findall("\n".join(shown)) == []


def test_a_run_that_was_forgotten_leaves_its_row() -> None:
    def forgotten(run_id: str) -> Run:
        raise NotFoundError("RUN_NOT_FOUND", f"there is no run {run_id!r}")

    shown = list(
        batch_details(ENDED, FACTS._replace(run=forgotten), terminal(100), is_active=False)
    )

    assert [line.split()[1] for line in shown[3:5]] == ["succeeded", "failed"]


def test_a_run_that_the_ledger_contradicts_is_shown_although_it_succeeded() -> None:
    claim = "“I ran the tests”, but no command of the run was a test"
    proof = Proof("contradicted", (ProofFinding("command_claim_false", claim, 5),))
    facts = BatchFacts(lambda i: replace(run_of(i), proof=proof), lambda: (0, 0.0), lambda _: ())
    batch = replace(ENDED, rows=ENDED.rows[:1], state=Status.SUCCEEDED)
    shown = "\n".join(batch_closing(batch, facts, terminal(80)))
    assert f"run00001\n      contradicted: {claim}\n" in shown
    assert "contradicted: “I ran" in "\n".join(
        batch_details(batch, facts, terminal(100), is_active=False)
    )


def test_a_row_without_a_name_is_shown_with_its_task() -> None:
    unnamed = replace(row(1, "1"), request=RunRequest(task="Collect figures on Oslo"))
    facts = BatchFacts(run_of, lambda: (0, 0.0), lambda _: ())
    shown = list(
        batch_details(replace(ENDED, rows=(unnamed,)), facts, terminal(80), is_active=False)
    )
    assert shown[3].startswith("1  Collect figures on Oslo  ")


def test_attempts_are_listed_by_their_task_and_what_an_experiment_ran_counts_as_done() -> None:
    attempts = replace(ENDED, kind="attempts", name=None)
    listed = list(batch_table([(attempts, Usage(0, 0.0, 0.0), False)], terminal(100)))
    assert listed[1].endswith("Convert SOP-001")
    experiment = replace(ENDED, kind="experiment")
    header = next(iter(batch_header(experiment, terminal(100), continued=True)))
    assert "4 runs · 3 done before" in header
