"""What people see: short, aligned, and never at the mercy of an agent's text."""

import codecs
import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from conftest import Crossrun, send
from contracts import ViewContract
from examples import EVENTS, event_of, recorded
from msgspec import convert, to_builtins
from msgspec.structs import replace
from rich.cells import cell_len

from crossrun.events import (
    AgentReasoned,
    AgentSpoke,
    CancelRequested,
    CommandRan,
    CommandStarted,
    Event,
    EventRecord,
    FileChanged,
    PatternCandidate,
    PatternDecided,
    PatternJudged,
    PatternLearned,
    PlanItem,
    PlannerReplied,
    PlanUpdated,
    RunFinished,
    RunStarted,
    ScriptFinished,
    StepFinished,
    StepPlanned,
    ThreadStarted,
    ToolCalled,
    TurnFailed,
    TurnStarted,
    Unrecognised,
    UsageReported,
    Verified,
    Warned,
    WorkspaceChanged,
    decode,
    encode,
)
from crossrun.model.failures import Failure
from crossrun.model.queries import PatternLine
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Change, Run
from crossrun.model.status import Status
from crossrun.model.tokens import Tokens
from crossrun.model.workflows import Pattern, Workflow
from crossrun.patterns.evaluation.credit import Credit
from crossrun.patterns.evaluation.evidence import credits_of
from crossrun.patterns.evaluation.trials import Conditions, Trial
from crossrun.projections.run import advance
from crossrun.system.commandlines import bare_command
from crossrun.views.choices import choice_lines, score_lines
from crossrun.views.credits import credit_details, credit_table, kind_table
from crossrun.views.live import (
    JsonLinesView,
    LineView,
    LiveView,
    MultiView,
    NullView,
    RunView,
    SummaryView,
    View,
    event_lines,
    follow,
    view_for,
)
from crossrun.views.patterns import hit_table, pattern_details, pattern_table
from crossrun.views.phrases import failure_phrases, phrases
from crossrun.views.progress import RunProgress
from crossrun.views.summary import closing, details, header
from crossrun.views.terminal import Column, Terminal, fit, lines, table, wrap
from crossrun.views.unseen import clean
from crossrun.views.words import Phrase, clock, count, plural, size

SGR = re.compile(r"\x1b\[[0-9;]*m")
"""Escape sequences that set a style."""


class Paper(io.TextIOWrapper):
    """A stream that keeps what is written to it."""

    def __init__(self, encoding: str = "utf-8", *, is_terminal: bool = False) -> None:
        self.content = io.BytesIO()
        self._is_terminal = is_terminal
        super().__init__(self.content, encoding, newline="\n", write_through=True)

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def text(self) -> str:
        return self.content.getvalue().decode(self.encoding)


def terminal(
    width: int = 80, *, paper: Paper | None = None, color: bool = False, live: bool = False
) -> Terminal:
    stream = paper or Paper()
    unicode = stream.encoding == "utf-8"
    return Terminal(stream=stream, width=width, color=color, live=live, unicode=unicode)


# --- phrases


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (AgentSpoke(text="On it.\n\nSoon."), [Phrase("say", "On it.\n\nSoon.")]),
        (AgentSpoke(text=" \n"), []),
        (AgentReasoned(text="**Looking** around\nmore"), [Phrase("think", "Looking around")]),
        (
            CommandRan(command="bash -lc 'pytest -q'", exit_code=0, output="", duration_s=1.24),
            [Phrase("command", "$ pytest -q", "ok   1.2s")],
        ),
        (CommandRan(command="ls", exit_code=0), [Phrase("command", "$ ls", "ok")]),
        (
            CommandRan(command="ls\npwd\n", exit_code=2, output="a\n\nb\nc\nd\n", duration_s=100),
            [
                Phrase("command", "$ ls", "+1 line  exit 2 100.0s", good=False),
                Phrase("output", "b", "1 earlier line"),
                Phrase("output", "c"),
                Phrase("output", "d"),
            ],
        ),
        (
            CommandRan(command="seq 5", exit_code=0, output="1\n2\n3\n4\n5\n"),
            [
                Phrase("command", "$ seq 5", "ok"),
                Phrase("output", "1"),
                Phrase("output", "2"),
                Phrase("output", "3", "2 more lines"),
            ],
        ),
        (CommandRan(command="x"), [Phrase("command", "$ x", "unfinished", good=False)]),
        (FileChanged(path="a.py", change="added"), [Phrase("file", "+ a.py")]),
        (FileChanged(path="a.py", change="modified"), [Phrase("file", "~ a.py")]),
        (
            FileChanged(path="a.py", change="deleted", ok=False),
            [Phrase("file", "- a.py", "refused", good=False)],
        ),
        (ToolCalled(tool="docs.search"), [Phrase("command", "* docs.search", "ok")]),
        (
            ToolCalled(tool="docs.search", error="no\nanswer"),
            [Phrase("command", "* docs.search", "no", good=False)],
        ),
        (
            PlanUpdated(items=(PlanItem("a", completed=True), PlanItem("b", completed=False))),
            [Phrase("plan", "plan 1/2 b")],
        ),
        (PlanUpdated(items=(PlanItem("a", completed=True),)), [Phrase("plan", "plan 1/1 done")]),
        (PlanUpdated(items=()), [Phrase("plan", "plan 0/0 done")]),
        (StepPlanned(prompt="\nFix it.\n\nNow.\nPlease."), [Phrase("step", "Fix it.", "+2 lines")]),
        (Warned(message="no key"), [Phrase("warn", "no key")]),
        (Unrecognised(raw='{"x": 1}'), [Phrase("warn", 'not understood: {"x": 1}')]),
        (TurnFailed(message="too many\nrequests"), [Phrase("bad", "too many")]),
        (
            Verified(command="pytest", exit_code=1, output="boom"),
            [Phrase("command", "verify: pytest", "exit 1", good=False), Phrase("output", "boom")],
        ),
        (CancelRequested(by="SIGTERM"), [Phrase("warn", "stopping, requested by SIGTERM")]),
        (
            event_of(PatternDecided),
            [
                Phrase(
                    "plan",
                    "pattern    9c1xyz v3  Fix a module and test it",
                    "injected (p 0.70)",
                ),
                Phrase("note", "its script was not used: no task is like that"),
            ],
        ),
        (
            replace(event_of(PatternDecided), decision="forced", probability=1.0, not_compiled=""),
            [
                Phrase("plan", "pattern    9c1xyz v3  Fix a module and test it", "forced"),
                Phrase("note", "its script does the task"),
            ],
        ),
        (
            event_of(ScriptFinished),
            [Phrase("warn", "the agent takes over from the script: a step ended with exit code 1")],
        ),
        (
            ScriptFinished(steps=3, ran=3),
            [Phrase("note", "script     3 of 3 steps: its check passed")],
        ),
        (
            PatternDecided(
                decision="abstained", reason="none fits", probability=1.0, channel="prompt"
            ),
            [Phrase("note", "pattern    none")],
        ),
        (
            replace(event_of(PatternLearned), waits=False),
            [
                Phrase(
                    "plan",
                    "learned    6e4qpn v2  Fix a module and test it",
                    "2 steps, 1 variable",
                )
            ],
        ),
        (
            replace(event_of(PatternLearned), lesson="caution", waits=False),
            [Phrase("plan", "learned    6e4qpn v2  careful: `make test` fails: no rule")],
        ),
        (
            event_of(PatternJudged),
            [Phrase("note", "pattern 9c1xyz is now quarantined: It lowers success.")],
        ),
        (replace(event_of(PatternJudged), before="quarantined"), []),
    ],
)
def test_an_event_is_told_in_short_phrases(event: Event, said: list[Phrase]) -> None:
    assert phrases(event) == said


_UNSAID = {
    "AgentLaunched", "ApplyFinished", "ArtifactSaved", "CommandStarted", "ItemStarted",
    "PlannerReplied",
    "ProofAssessed", "RunDequeued", "RunFinished", "RunStarted", "StepFinished", "ThreadStarted",
    "TurnStarted",
    "UsageReported", "WorkspaceChanged", "WorkspacePrepared",
}  # fmt: skip


def test_only_events_that_people_care_for_are_told() -> None:
    unsaid = {type(event).__name__ for event in EVENTS if not phrases(event)}
    assert unsaid == _UNSAID


def test_a_failure_is_what_happened_and_what_to_do() -> None:
    assert failure_phrases(Failure("X", "it \x1b[31mbroke", "mend it")) == [
        Phrase("bad", "it broke"),
        Phrase("note", "mend it"),
    ]


@pytest.mark.parametrize(
    ("command", "bare"),
    [
        ("bash -lc 'pytest -q'", "pytest -q"),
        ("/bin/zsh -c 'a && b'", "a && b"),
        ("bash -lc 'a' b", "bash -lc 'a' b"),
        ("bash script.sh -c", "bash script.sh -c"),
        ("python -c 'x'", "python -c 'x'"),
        ("bash -lc 'unclosed", "bash -lc 'unclosed"),
        ("", ""),
    ],
)
def test_the_shell_around_a_command_is_left_out(command: str, bare: str) -> None:
    assert bare_command(command) == bare


def test_numbers_are_told_in_few_signs() -> None:
    assert [clock(s) for s in (0, 26.9, 62, 3723)] == ["0:00", "0:26", "1:02", "1:02:03"]
    assert [count(n) for n in (0, 950, 12_400, 1_200_000)] == ["0", "950", "12.4k", "1.2M"]
    assert [size(n) for n in (0, 312, 4_100, 2_000_000)] == ["0 B", "312 B", "4.1 KB", "2.0 MB"]
    assert [plural(n, "file") for n in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


# --- text of agents

EVIL = (
    "\x1b[2J\x1b[1;1H"  # clears the screen
    "\x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\"  # title, link
    "\x1b]52;c;ZXZpbA==\x07"  # clipboard
    "\x1bP+q544e\x1b\\\x1b_x\x1b\\"  # queries that the terminal answers
    "\x1b[31mred\x1b[0m\x1b[?25l\x1bc\x1b7\x1b#8"
    "\x9b31m\x9d0;t\x9c"  # the same in one sign
    "a\rb\x08\x08c\x07\x0b\x0c\x7f\x00\x0e"
)
BAD_SIGNS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def test_no_control_sign_survives_cleaning() -> None:
    cleaned = clean(f"1{EVIL}2\r\n3\t4")
    assert BAD_SIGNS.findall(cleaned) == []
    assert cleaned.startswith("1")
    assert "red" in cleaned
    assert cleaned.endswith("2\n3   4")


NOT_FREE = {
    "type", "change", "status", "source", "channel", "executor", "planner", "sandbox", "code",
    "workspace", "executor_version", "crossrun_version", "by", "project_id", "task_type", "model",
    "planner_model", "tags", "thread_id", "scope", "decision", "lesson", "state", "before",
    "intent", "pattern_id", "reference_run_id", "made_by", "kind", "follow_links",
}  # fmt: skip
"""Fields that take certain words only, that crossrun fills in itself, or that are tested apart."""


def with_text(value: Any, text: str) -> Any:  # noqa: ANN401  any JSON
    """The same JSON with a text added to every string that is free."""
    match value:
        case str():
            return value + text
        case list():
            return [with_text(item, text) for item in value]
        case dict():
            return {k: v if k in NOT_FREE else with_text(v, text) for k, v in value.items()}
        case _:
            return value


def evil(event: Event) -> Event:
    return decode(json.dumps(with_text(json.loads(encode(event)), EVIL)))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_no_escape_sequence_of_an_event_reaches_the_terminal(event: Event) -> None:
    plain = "\n".join(event_lines(recorded(evil(event)), terminal()))
    assert BAD_SIGNS.findall(plain) == []
    coloured = "\n".join(event_lines(recorded(evil(event)), terminal(color=True)))
    assert BAD_SIGNS.findall(re.sub(r"\x1b\[(?:[0-9]|3[0-9])m", "", coloured)) == []


def run_of(*events: Event) -> Run:
    run = None
    for seq, event in enumerate(events, 1):
        run = advance(run, recorded(event, seq, f"2026-01-02T03:04:{seq:02}.000000Z"))
    assert run is not None
    return run


def test_no_escape_sequence_of_a_run_reaches_the_terminal() -> None:
    run = run_of(*map(evil, EVENTS))
    for part in (header, closing, details):
        assert BAD_SIGNS.findall("\n".join(part(run, terminal()))) == []


def evil_pattern() -> Pattern:
    """A pattern of a file that somebody else wrote; names of variables are checked there."""
    learned = event_of(PatternLearned)
    pattern = Pattern(
        id="9c1xyz",
        family_id="9c1xyz",
        version=1,
        hash=learned.hash,
        state="candidate",
        reason=f"Imported.{EVIL}",
        own=False,
        kept_by_user=False,
        project_id=EVIL,
        task_type=EVIL,
        task=EVIL,
        created_at="2026-01-02T03:04:05.000000Z",
        updated_at="2026-01-02T03:04:05.000000Z",
        workflow=learned.workflow,
        source_run_ids=(),
    )
    said = with_text(to_builtins(learned.workflow), EVIL)
    return replace(pattern, workflow=convert(said, Workflow))


def evil_credit() -> Credit:
    """Runs with and without the pattern; a project file chose their models."""
    trials = [
        Trial(
            run_id=f"r{number}",
            pattern_id="9c1xyz",
            family_id="9c1xyz",
            version="v",
            at=f"{number:02d}",
            kind=f"code{EVIL}\0{number % 3}{EVIL}",
            injected=number % 2 == 0,
            probability=0.5,
            succeeded=number % 3 == 0,
            conditions=Conditions(model=f"{number % 4 < 2}{EVIL}"),
        )
        for number in range(40)
    ]
    return credits_of(trials)["9c1xyz"]


def test_no_escape_sequence_of_a_pattern_reaches_the_terminal() -> None:
    pattern, credit, decided = evil_pattern(), evil_credit(), evil(event_of(PatternDecided))
    assert isinstance(decided, PatternDecided)
    line = PatternLine(
        "9c1xyz", 1, "candidate", own=False, project_id=EVIL, task_type=EVIL, summary=EVIL,
        steps=2, variables=1, used=9, lift=None, low=None, high=None,
    )  # fmt: skip
    shown = {
        "choice": choice_lines(decided, terminal()),
        "details": pattern_details(pattern, terminal()),
        "table": pattern_table([line], terminal()),
        "hits": hit_table([(1.0, pattern)], terminal()),
        "credits": credit_table([(line, credit)], terminal(200)),
        "credit": credit_details(pattern, credit, terminal()),
        "kinds": kind_table(credit, terminal(200)),
    }
    texts = {name: "\n".join(lines) for name, lines in shown.items()}
    assert {name: BAD_SIGNS.findall(text) for name, text in texts.items()} == {
        name: [] for name in shown
    }
    assert {name for name, text in texts.items() if "red" not in text} == set()


CANDIDATE = PatternCandidate(
    pattern_id="9c1xyz", version=2, task_type="code", score=0.5, signals={"words": 1.0}
)
SENTENCES = {
    "injected": "The agent gets 9c1xyz v2 (Convert sales.csv). One fits."
    " With --no-pattern, the agent works without it.",
    "withheld": "9c1xyz v2 (Convert sales.csv) fits, but the agent works without it, to measure"
    " what it does. One fits."
    " With --pattern 9c1xyz, the agent gets it; the setting patterns.holdout limits how many runs"
    " go without.",
    "abstained": "The agent gets no pattern. One fits. With --pattern 9c1xyz, the agent gets it.",
    "disabled": "The agent gets no pattern. One fits.",
    "forced": "The agent gets 9c1xyz v2 (Convert sales.csv). One fits."
    " Without the option that names it, crossrun chooses according to the task.",
}


@pytest.mark.parametrize(("decision", "sentences"), SENTENCES.items())
def test_a_decision_is_said_in_plain_sentences(decision: str, sentences: str) -> None:
    decided = PatternDecided(
        decision=decision,
        pattern_id="9c1xyz",
        version=2,
        summary="Convert sales.csv",
        probability=0.7,
        reason="one fits",
        channel="prompt",
        candidates=(CANDIDATE,),
    )
    assert " ".join(choice_lines(decided, terminal(200))) == sentences
    assert "9c1xyz v2   0.50   1.00" in "\n".join(score_lines(decided, terminal(200)))


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_decision_about_a_pattern_fits_the_terminal(width: int) -> None:
    reason = "the best of 3 candidates is right with probability 0.04 only, where 0.58 is asked for"
    decided = PatternDecided(
        decision="withheld",
        pattern_id="9c1xyz",
        version=1,
        probability=0.3,
        reason=reason,
        channel="none",
    )
    run = run_of(event_of(RunStarted), decided)
    screen = terminal(width, live=True)
    for shown in (details(run, screen), choice_lines(decided, screen)):
        lines = list(shown)
        assert max(map(len, lines)) <= width
        assert reason in " ".join(line.strip() for line in lines).replace("The best", "the best")


@pytest.mark.parametrize(
    "asked",
    [
        {"project_id": EVIL},
        pytest.param({"model": EVIL}),
        pytest.param({"planner": "openai", "planner_model": EVIL}),
        pytest.param({"tags": (EVIL,)}),
        {"name": EVIL},
        {"task": EVIL},
        {"verify": EVIL},
    ],
    ids=lambda asked: list(asked)[-1],
)
def test_no_escape_sequence_of_a_project_file_reaches_the_terminal(asked: dict[str, Any]) -> None:
    request = RunRequest(**{"task": "x", **asked})
    begun = RunStarted(request=request, workspace="/w", crossrun_version="0")
    verified = Verified(command=request.verify or "true", exit_code=0)
    run = run_of(begun, verified, RunFinished(status=Status.SUCCEEDED))
    assert BAD_SIGNS.findall("\n".join(details(run, terminal()))) == []


def test_no_escape_sequence_of_a_thread_reaches_the_terminal() -> None:
    run = run_of(event_of(RunStarted), ThreadStarted(thread_id=EVIL))
    assert BAD_SIGNS.findall("\n".join(details(run, terminal()))) == []


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(
            FileChanged(path="a\nsucceeded", change="added"),
        ),
        pytest.param(
            ToolCalled(tool="a\nsucceeded"),
        ),
        CommandRan(command="a\nsucceeded", exit_code=0),
        PlanUpdated(items=(PlanItem("a\nsucceeded", completed=False),)),
        Warned(message="a\nsucceeded"),
        Unrecognised(raw="a\nsucceeded"),
        TurnFailed(message="a\nsucceeded"),
        AgentReasoned(text="a\nsucceeded"),
        StepPlanned(prompt="a\nsucceeded"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_agent_cannot_forge_a_line(event: Event) -> None:
    shown = event_lines(recorded(event), terminal())
    assert len(shown) == 1
    assert "\n" not in shown[0]


# --- widths


def widths(shown: Sequence[str]) -> list[int]:
    return [cell_len(SGR.sub("", line)) for line in shown]


@pytest.mark.parametrize(
    ("text", "width", "cut"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("abcd", 0, ""),
        ("漢字漢字", 8, "漢字漢字"),
        ("漢字漢字", 7, "漢字漢…"),
        ("漢字漢字", 6, "漢字…"),
        ("漢字漢字", 2, "…"),
        ("ab  cd", 4, "ab…"),
    ],
)
def test_a_text_is_cut_to_cells(text: str, width: int, cut: str) -> None:
    assert fit(text, width) == cut
    assert cell_len(cut) <= max(width, 0)


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("color", [False, True])
def test_a_phrase_keeps_to_the_width(width: int, color: bool) -> None:  # noqa: FBT001  a parameter
    screen = terminal(width, color=color)
    long = "word " * 100
    wide = "漢字" * 200
    said = [
        Phrase(kind, text, right, good=good)
        for kind in ("think", "command", "output", "file", "plan", "step", "warn")
        for text in ("short", long, wide)
        for right in ("", "exit 1   3.4s", long, wide)
        for good in (True, False)
    ]
    shown = list(lines(said, screen))
    assert len(shown) == len(said)
    assert max(widths(shown)) <= width
    right = [line for line, phrase in zip(shown, said, strict=True) if phrase.right]
    assert set(widths(right)) <= {min(width, 120), min(width, 120) - 1}


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_message_is_wrapped_to_the_width(width: int) -> None:
    text = "A long sentence that goes on. " * 20 + "\n\n    indented code stays\n- item\n"
    shown = list(lines([Phrase("say", text)], terminal(width)))
    assert max(widths(shown)) <= min(width, 120)
    assert shown[0].startswith("> A long sentence")
    assert all(line.startswith("  ") for line in shown[1:] if line)
    assert shown[-2:] == ["      indented code stays", "  - item"]
    words = " ".join(shown).replace(">", "").split()
    assert words == text.split()


@pytest.mark.parametrize("width", [60, 80])
def test_a_message_of_wide_signs_is_wrapped_to_the_width(width: int) -> None:
    shown = list(lines([Phrase("say", "文章は長い。" * 30)], terminal(width)))
    assert max(widths(shown)) <= width


def test_a_very_long_message_is_cut() -> None:
    shown = list(lines([Phrase("say", "\n".join(map(str, range(100))))], terminal()))
    assert len(shown) == 41
    assert (shown[0], shown[39], shown[40]) == ("> 0", "  39", "  … 60 more lines")


@pytest.mark.parametrize(
    ("text", "wrapped"),
    [
        ("", []),
        ("\n\na\n", ["a"]),
        ("a\n\nb", ["a", "", "b"]),
        ("    one two three four", ["    one two", "    three", "    four"]),
        ("unbreakableword", ["unbreakablew", "ord"]),
    ],
)
def test_lines_are_wrapped_each_by_itself(text: str, wrapped: list[str]) -> None:
    assert list(wrap(text, 12)) == wrapped


COLUMNS = [
    Column("RUN", style="bold"),
    Column("PROJECT", flexible=True),
    Column("STATUS", style=lambda cell: "good" if cell == "succeeded" else "bad"),
    Column("TOKENS", align="right"),
    Column("TASK", flexible=True),
]
ROWS = [
    ["k7f3abcd", "sop-migration", "succeeded", "13.5k", "Convert SOP-001 to the new template"],
    ["m2q9abcd", "作物の収量の研究", "failed (5)", "950", "作物の収量を読み込んで箱ひげ図を描く"],
    ["a81cabcd", "p", "interrupted", "", ""],
]


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (
            54,
            """\
RUN       PROJECT        STATUS       TOKENS  TASK
k7f3abcd  sop-migration  succeeded     13.5k  Convert…
m2q9abcd  作物の収量の…  failed (5)      950  作物の…
a81cabcd  p              interrupted
""",
        ),
        (
            60,
            """\
RUN       PROJECT           STATUS       TOKENS  TASK
k7f3abcd  sop-migration     succeeded     13.5k  Convert SO…
m2q9abcd  作物の収量の研究  failed (5)      950  作物の収量…
a81cabcd  p                 interrupted
""",
        ),
        (
            80,
            """\
RUN       PROJECT           STATUS       TOKENS  TASK
k7f3abcd  sop-migration     succeeded     13.5k  Convert SOP-001 to the new tem…
m2q9abcd  作物の収量の研究  failed (5)      950  作物の収量を読み込んで箱ひげ図…
a81cabcd  p                 interrupted
""",
        ),
        (
            200,
            """\
RUN       PROJECT           STATUS       TOKENS  TASK
k7f3abcd  sop-migration     succeeded     13.5k  Convert SOP-001 to the new template
m2q9abcd  作物の収量の研究  failed (5)      950  作物の収量を読み込んで箱ひげ図を描く
a81cabcd  p                 interrupted
""",
        ),
    ],
)
def test_a_table_is_aligned_and_cut_where_it_may_be(width: int, shown: str) -> None:
    assert list(table(COLUMNS, ROWS, terminal(width))) == shown.splitlines()
    coloured = list(table(COLUMNS, ROWS, terminal(width, color=True)))
    assert [SGR.sub("", line) for line in coloured] == shown.splitlines()
    assert coloured != shown.splitlines()
    assert max(widths(shown.splitlines())) <= width


def test_a_narrow_table_leaves_out_what_is_not_essential() -> None:
    columns = [Column("A"), Column("B", essential=False), Column("C", flexible=True)]
    rows = [["a", "b", "c" * 100]]
    assert list(table(columns, rows, terminal(40))) == ["A  C", "a  " + "c" * 36 + "…"]
    assert list(table(columns, rows, terminal(80))) == ["A  B  C", "a  b  " + "c" * 73 + "…"]


def test_the_list_of_runs_is_aligned_and_keeps_to_the_width(crossrun: Crossrun) -> None:
    shell = ("--executor", "shell")
    crossrun("run", "true # " + "a long task " * 30, *shell, "--project-id", "a-long-project-name")
    crossrun("run", "true # " + "長い仕事" * 40, *shell, "--name", "名前" * 40)
    crossrun("run", "sleep 9", *shell, "--timeout", "0.2s")
    for width in (40, 60, 80, 200):
        for environ in ({}, {"FORCE_COLOR": "1"}):
            shown = crossrun("runs", COLUMNS=str(width), **environ).out.splitlines()
            assert max(widths(shown)) <= width
            bare = [SGR.sub("", line) for line in shown]
            statuses = ("STATUS", "timed out", "succeeded", "succeeded")
            places = [line.index(told) for line, told in zip(bare, statuses, strict=True)]
            assert places == [places[0]] * 4


def counts_at(shown: Sequence[str]) -> set[int]:
    """Where the counts of lines stand that follow the names of files."""
    found = [re.search(r" [+-][0-9]+(?: -[0-9]+)?$", line) for line in shown]
    return {cell_len(match.string[: match.start()]) for match in found if match}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_closing_is_aligned(width: int) -> None:
    changes = (
        Change("new.py", "added", None, 3, 0),
        Change("a/" + "long/" * 60 + "x.py", "modified", None, 1, 2),
        Change("old.py", "deleted", None, 0, 7),
    )
    changed = WorkspaceChanged(tree="t", changes=changes, shortstat="", stat="")
    spoke = AgentSpoke(text="It is done. " * 40)
    run = run_of(event_of(RunStarted), changed, spoke, event_of(RunFinished))
    shown = list(closing(run, terminal(width)))
    assert max(widths(shown)) <= width
    assert len(counts_at(shown)) == 1
    assert [sum(line.endswith(end) for line in shown) for end in ("  +3", "…  +1 -2", "  -7")] == [
        1,
        1,
        1,
    ]


def test_the_closing_is_aligned_with_wide_names() -> None:
    changes = (Change("新しい.py", "added", None, 3), Change("plain.py", "added", None, 4))
    changed = WorkspaceChanged(tree="t", changes=changes, shortstat="", stat="")
    run = run_of(event_of(RunStarted), changed, RunFinished(status=Status.SUCCEEDED))
    shown = list(closing(run, terminal()))
    assert "  changed   + 新しい.py  +3" in shown
    assert len(counts_at(shown)) == 1


def test_many_changes_are_counted_instead_of_shown() -> None:
    changes = tuple(Change(f"{n:02}.py", "added", None, 1) for n in range(20))
    changed = WorkspaceChanged(tree="t", changes=changes, shortstat="", stat="")
    run = run_of(event_of(RunStarted), changed, RunFinished(status=Status.SUCCEEDED))
    shown = list(closing(run, terminal()))
    assert sum(".py" in line for line in shown) == 14
    assert "              …      6 new files  +6" in shown
    assert "            all of it: crossrun diff k7f3abcd --stat" in shown


def test_a_run_begins_and_ends_on_the_screen_like_this() -> None:
    run = run_of(
        RunStarted(
            request=RunRequest(task="Fix it", executor="codex", model="gpt-5.1-codex", name="fix"),
            workspace="/w/default/k7f3abcd",
            crossrun_version="0.1.0",
            executor_version="0.58.0",
        ),
        UsageReported(source="agent", tokens=Tokens(12_400, 9_100, 1_100, 0)),
        AgentSpoke(text="Fixed.\nTests pass."),
        WorkspaceChanged(
            tree="t",
            changes=(
                Change("a.py", "modified", None, 31, 2),
                Change("old.py", "deleted", None, 0, 9),
            ),
            shortstat="",
            stat="",
        ),
        Verified(command="pytest -q", exit_code=1, output="boom"),
        RunFinished(
            status=Status.FAILED, failure=Failure("VERIFY_FAILED", "the check failed", "look at it")
        ),
    )
    assert [*header(run, terminal()), *closing(run, terminal())] == [
        "k7f3abcd  default · code · codex 0.58.0 · gpt-5.1-codex",
        "name       fix",
        "workspace  /w/default/k7f3abcd",
        "",
        "",
        "failed after 0:05 · 13.5k tokens · VERIFY_FAILED",
        "  the check failed",
        "  look at it",
        "",
        "  Fixed.",
        "  Tests pass.",
        "",
        "  changed   ~ a.py    +31 -2",
        "            - old.py  -9",
        "  verify    pytest -q  exit 1",
        "",
        "  next      crossrun resume k7f3abcd           continue where it stopped",
        "            crossrun get k7f3abcd a.py         copy the file to this folder",
        "            crossrun apply k7f3abcd --to DIR   copy the files to a folder",
        "            crossrun diff k7f3abcd             see what changed",
        "            crossrun steps k7f3abcd            see what the agent did",
    ]


# --- plain twins


def test_a_stream_without_unicode_gets_plain_signs() -> None:
    paper = Paper("ascii")
    terminal(paper=paper).write(["a · b … › ×", "漢字 ✓ é", "\x1b[1mbold\x1b[0m"])
    assert paper.text == "a - b ~ > x\n?? ? ?\n\x1b[1mbold\x1b[0m\n"


def test_a_whole_run_can_be_shown_without_unicode() -> None:
    for view_of in (LineView, LiveView):
        paper = Paper("ascii")
        follow_in(view_of(terminal(60, paper=paper)), *EVENTS)
        assert "thesis - research - shell" in paper.text
        assert "failed after 0:12" in paper.text


def test_a_command_writes_plain_signs_where_there_is_no_unicode(crossrun: Crossrun) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    result = crossrun("run", "echo é › 漢字", "--executor", "shell", **ascii_only)
    assert result.code == 0
    assert result.err.isascii()
    assert "> echo ? > ??" in result.err
    assert crossrun("show", **ascii_only).out.isascii()


def test_data_stays_whole_where_there_is_no_unicode(crossrun: Crossrun) -> None:
    crossrun("run", "true # é 漢字", "--executor", "shell")
    assert crossrun.json("show", PYTHONIOENCODING="ascii")["task"] == "true # é 漢字"


def test_a_patch_of_any_bytes_can_be_shown(crossrun: Crossrun) -> None:
    crossrun("run", "printf 'caf\\351\\n' > a.txt", "--executor", "shell")
    done = subprocess.run(
        crossrun.command("diff"),
        env={**crossrun.environ, "PYTHONIOENCODING": "utf-8:strict"},  # as in any UTF-8 locale
        cwd=crossrun.cwd,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\n+caf\xe9\n" in done.stdout


# --- what a stream can show


@pytest.mark.parametrize(
    ("environ", "color", "live"),
    [
        ({}, True, True),
        ({"NO_COLOR": "1"}, False, True),
        ({"NO_COLOR": ""}, True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, False),
    ],
)
def test_a_terminal_is_looked_at(environ: dict[str, str], color: bool, live: bool) -> None:  # noqa: FBT001  parameters
    screen = Paper(is_terminal=True)
    assert Terminal.of(screen, {"COLUMNS": "77", **environ}) == Terminal(
        stream=screen, width=77, color=color, live=live, unicode=True
    )
    assert Terminal.of(screen, environ, color=False).color is False


def test_a_pipe_is_no_terminal() -> None:
    pipe = Paper("ascii")
    assert Terminal.of(pipe, {}) == Terminal(pipe, 100, color=False, live=False, unicode=False)
    assert Terminal.of(pipe, {"FORCE_COLOR": "1"}).color is True
    assert isinstance(view_for(Terminal.of(pipe, {})), LineView)
    assert isinstance(view_for(Terminal.of(Paper(is_terminal=True), {})), LiveView)


@pytest.mark.parametrize(
    ("columns", "width"), [("3", 40), ("200", 200), ("0", 100), ("", 100), ("x", 100)]
)
def test_the_width_is_what_columns_says_but_never_too_little(columns: str, width: int) -> None:
    assert Terminal.of(Paper(), {"COLUMNS": columns}).width == width


# --- following a run

BEGUN = event_of(RunStarted)
SUCCEEDED = RunFinished(status=Status.SUCCEEDED)


def follow_in(view: Any, *events: Event | None) -> Run:  # noqa: ANN401  any view
    items = [None if e is None else recorded(e, seq) for seq, e in enumerate(events, 1)]
    return follow(items, view)


def test_following_gives_the_run_as_its_last_event_left_it() -> None:
    events = (BEGUN, None, AgentSpoke(text="Done."), RunFinished(status=Status.SUCCEEDED))
    run = follow_in(NullView(), *events)
    assert (run.answer, run.status) == ("Done.", Status.SUCCEEDED)
    with pytest.raises(ValueError, match="no event"):
        follow_in(NullView())


def test_the_answer_is_shown_once_in_the_closing() -> None:
    paper = Paper()
    follow_in(
        LineView(terminal(paper=paper)),
        BEGUN,
        AgentSpoke(text="First I look."),
        CommandRan(command="ls", exit_code=0),
        AgentSpoke(text="All is well."),
        UsageReported(source="agent", tokens=Tokens(1, 0, 1, 0)),
        StepFinished(),
        RunFinished(status=Status.SUCCEEDED),
    )
    shown = paper.text
    assert shown.count("First I look.") == shown.count("All is well.") == 1
    assert shown.index("> First I look.") < shown.index("$ ls") < shown.index("succeeded after")
    assert shown.index("succeeded after") < shown.index("  All is well.")


def test_why_a_turn_failed_is_not_repeated_after_the_same_warning() -> None:
    paper = Paper()
    why = "unexpected status 401 Unauthorized"
    events = (Warned(message=why), TurnFailed(message=why), TurnFailed(message="another reason"))
    follow_in(LineView(terminal(paper=paper)), BEGUN, *events)
    assert paper.text.count(why) == 1
    assert "another reason" in paper.text


def test_a_plan_that_did_not_change_is_shown_once() -> None:
    plan = PlanUpdated(items=(PlanItem("a", completed=False),))
    further = PlanUpdated(items=(PlanItem("a", completed=True),))
    paper = Paper()
    follow_in(LineView(terminal(paper=paper)), BEGUN, plan, plan, further, further)
    assert (paper.text.count("plan 0/1 a"), paper.text.count("plan 1/1")) == (1, 1)


def test_json_lines_are_the_events_and_nothing_else() -> None:
    paper = Paper("ascii")
    follow_in(MultiView([JsonLinesView(terminal(paper=paper)), NullView()]), *EVENTS, None)
    objects = [json.loads(line) for line in paper.content.getvalue().split(b"\n") if line]
    assert [(o["seq"], o["type"], o["run_id"], o["schema_version"]) for o in objects] == [
        (seq, event.__struct_config__.tag, "k7f3abcd", 1) for seq, event in enumerate(EVENTS, 1)
    ]
    turn = next(one for one in objects if one["type"] == "turn_started")
    assert set(turn) == {"schema_version", "run_id", "seq", "at", "type"}


def test_the_moving_line_tells_stage_time_command_and_tokens() -> None:
    clock_at = [100.0]
    progress = RunProgress(now=lambda: clock_at[0])
    seen = [progress.line()]

    def see(after: float, event: Event) -> None:
        clock_at[0] += after
        progress.see(recorded(event))
        clock_at[0] += 2
        seen.append(progress.line())

    see(1, BEGUN)
    see(1, event_of(PlannerReplied))
    see(1, event_of(StepPlanned))
    see(1, TurnStarted())
    see(60, CommandStarted(command="bash -lc 'pytest -q\n# all'"))
    see(1, UsageReported(source="agent", tokens=Tokens(12_400, 9_100, 1_100, 0)))
    see(1, CommandRan(command="bash -lc 'pytest -q\n# all'", exit_code=1))
    see(1, event_of(WorkspaceChanged))
    tokens = "12.4k tokens in (9.1k cached), 1.1k out"
    assert seen == [
        "starting · 0:00 · last event 0s ago",
        "preparing · 0:03 · last event 2s ago",
        "planning · 0:06 · last event 2s ago",
        "starting the agent · 0:09 · last event 2s ago",
        "executing · 0:12 · last event 2s ago",
        "executing · 1:14 · last event 2s ago · $ pytest -q",
        f"executing · 1:17 · last event 2s ago · {tokens} · $ pytest -q",
        f"executing · 1:20 · last event 2s ago · {tokens}",
        f"finishing · 1:23 · last event 2s ago · {tokens}",
    ]
    assert (progress.commands, progress.failed_commands) == (1, 1)


class FloodedView:
    """A live view whose clock the test sets, and the commands that each drawing of it showed."""

    def __init__(self) -> None:
        self.paper = Paper()
        self.now = 100.0
        self._view = LiveView(terminal(live=True, paper=self.paper), lambda: self.now)
        self._view.show(recorded(BEGUN))
        self._commands = 0

    def flood(self, commands: int) -> str:
        """Shows so many commands, then what is drawn with one more a tenth of a second later."""
        before = len(self.paper.text)
        for _ in range(commands):
            self._show()
        assert len(self.paper.text) == before, "drawn too soon"
        self.now += 0.1
        self._show()
        return self.paper.text[before:]

    def _show(self) -> None:
        self._commands += 1
        event = CommandRan(command=f"echo {self._commands}", exit_code=0)
        self._view.show(recorded(event, self._commands + 1))

    @staticmethod
    def commands_in(drawn: str) -> list[int]:
        return [int(number) for number in re.findall(r"\$ echo (\d+)", drawn)]


def test_events_are_drawn_ten_times_a_second_at_most() -> None:
    view = FloodedView()
    assert view.commands_in(view.flood(19)) == list(range(1, 21))
    assert view.commands_in(view.flood(0)) == [21]
    assert "not shown" not in view.paper.text


def test_of_a_flood_the_first_and_the_last_events_are_drawn() -> None:
    view = FloodedView()
    drawn = view.flood(59)
    assert (view.commands_in(drawn), "not shown" in drawn) == ([*range(1, 61)], False)
    drawn = view.flood(60)
    assert view.commands_in(drawn) == [*range(61, 91), *range(92, 122)]
    assert "… 1 event not shown, see: crossrun events k7f3abcd" in drawn
    drawn = view.flood(9_999)
    assert view.commands_in(drawn) == [*range(122, 152), *range(10_092, 10_122)]
    assert "… 9940 events not shown, see: crossrun events k7f3abcd" in drawn


def test_what_is_drawn_at_the_end_is_all_that_was_waiting() -> None:
    paper = Paper()
    events: list[Event] = [BEGUN]
    events += [CommandRan(command=f"echo {n}", exit_code=0) for n in range(20)]
    view = LiveView(terminal(live=True, paper=paper))
    follow_in(view, *events, AgentSpoke(text="Bye."), event_of(RunFinished))
    shown = SGR.sub("", paper.text)
    places = [shown.index(f"$ echo {n}\x20") for n in range(20)]
    assert places == sorted(places)
    assert shown.index("failed after") > places[-1]
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def stopping_short() -> Iterator[EventRecord]:
    yield recorded(BEGUN)
    raise RuntimeError


def test_the_cursor_comes_back_whatever_happens() -> None:
    paper = Paper()
    with pytest.raises(RuntimeError):
        follow(stopping_short(), LiveView(terminal(live=True, paper=paper)))
    assert paper.text.rindex("\x1b[?25h") > paper.text.rindex("\x1b[?25l")


class Gone(NullView):
    """Nobody looks any more."""

    def show(self, recorded: EventRecord | None) -> None:  # noqa: ARG002  part of the protocol
        raise BrokenPipeError

    def close(self, run: Run | None) -> None:  # noqa: ARG002  part of the protocol
        raise BrokenPipeError


def test_a_run_goes_on_when_nobody_looks_any_more() -> None:
    paper = Paper()
    views = MultiView([Gone(), LineView(terminal(paper=paper))])
    for view in (Gone(), views):
        run = follow_in(view, BEGUN, CommandRan(command="ls", exit_code=0), SUCCEEDED)
        assert run.status is Status.SUCCEEDED
    assert "$ ls" in paper.text
    assert "succeeded after" in paper.text


# --- a real terminal


def start_in_terminal(
    crossrun: Crossrun, *words: str, columns: int = 80, environ: Mapping[str, str] | None = None
) -> "tuple[subprocess.Popen[bytes], Iterator[str]]":
    """A command whose input, output and errors are a terminal; and what it writes, as it comes."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {k: v for k, v in crossrun.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        crossrun.command(*words),
        cwd=crossrun.cwd,
        env={**inherited, "TERM": "xterm-256color", **(environ or {})},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    return process, parts_of(leader)


def parts_of(leader: int) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while part := os.read(leader, 65536):
            yield decoder.decode(part)
    except OSError:
        pass  # Linux says so when the last one has closed the other end
    finally:
        os.close(leader)


def in_terminal(
    crossrun: Crossrun, *words: str, columns: int = 80, environ: Mapping[str, str] | None = None
) -> str:
    """All that a command writes to a terminal; it must succeed."""
    process, parts = start_in_terminal(crossrun, *words, columns=columns, environ=environ)
    shown = "".join(parts)
    assert process.wait(timeout=30) == 0, shown
    return shown


SCRIPT = "echo one; sleep 0.3; echo two > two.txt; printf '\\033[2Jthree\\n'"


def test_a_run_in_a_terminal_shows_header_commands_and_closing(crossrun: Crossrun) -> None:
    shown = in_terminal(crossrun, "run", SCRIPT, "--executor", "shell", "--verify", "true")
    run_id = crossrun.json("show")["id"]
    bare = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n")
    parts = [
        f"{run_id}  default · code · shell",
        "workspace  ",
        "› echo one; sleep 0.3",
        "last event 0s ago",
        "$ echo one; sleep 0.3",
        "  one",
        "  three",
        "verify: true",
        "succeeded after",
        "changed   + two.txt  +1",
        f"crossrun diff {run_id}",
        "crossrun patterns show ",
    ]
    assert [part for part in parts if part not in bare] == []
    places = [bare.index(parts[i]) for i in (0, 1, 2, 4, 5, 6, 7, 8, 9, 10)]
    assert places == sorted(places)
    assert "\x1b[2J" not in shown
    assert "\x1b[32m" in shown
    assert run_id not in bare.split("\n")
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_the_moving_line_is_gone_when_the_run_is_over(crossrun: Crossrun) -> None:
    shown = in_terminal(crossrun, "run", "sleep 0.5", "--executor", "shell")
    drawn = [m.start() for m in re.finditer("last event", shown)]
    assert 2 <= len(drawn) <= 100  # ten a second, however long a busy machine takes
    assert "\x1b[2K" in shown[drawn[-1] :]


def test_the_cursor_comes_back_when_watching_is_broken_off(crossrun: Crossrun) -> None:
    run = crossrun.start("run", "sleep 60", "--executor", "shell")
    assert run.stdout is not None
    run_id = run.stdout.readline().decode().strip()
    watching, parts = start_in_terminal(crossrun, "watch", run_id)
    shown = ""
    while "last event" not in shown:
        shown += next(parts)
    watching.send_signal(signal.SIGINT)
    shown += "".join(parts)
    assert watching.wait(timeout=20) == 130
    assert send(run, signal.SIGTERM).code == 143
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


@pytest.mark.parametrize(
    "quiet", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb terminal"]
)
def test_without_colour_no_style_is_written(crossrun: Crossrun, quiet: dict[str, str]) -> None:
    ran = in_terminal(crossrun, "run", SCRIPT, "--executor", "shell", environ=quiet)
    listed = in_terminal(crossrun, "runs", environ=quiet)
    details_shown = in_terminal(crossrun, "show", environ=quiet)
    change = in_terminal(crossrun, "diff", "--no-pager", environ=quiet)  # less has its own styles
    for shown in (ran, listed, details_shown, change):
        assert SGR.findall(shown) == []
        assert "\x1b]" not in shown
    assert "succeeded" in ran
    if "TERM" in quiet:
        assert "\x1b" not in ran


def test_no_color_works_as_a_flag_before_and_after_the_command(crossrun: Crossrun) -> None:
    before = in_terminal(crossrun, "--no-color", "run", SCRIPT, "--executor", "shell")
    after = in_terminal(crossrun, "runs", "--no-color")
    assert SGR.findall(before) == SGR.findall(after) == []


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_lines_in_a_terminal_keep_to_its_width(crossrun: Crossrun, columns: int) -> None:
    long = "echo " + "many words " * 30 + "; seq 10"
    shown = in_terminal(crossrun, "run", long, "--executor", "shell", columns=columns)
    bare = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    kept = [line for line in re.split(r"[\r\n]+", bare) if not line.startswith("workspace")]
    assert max(map(cell_len, kept)) <= columns
    assert any(line.endswith("ok") for line in kept)


EVIL_SCRIPT = (
    "printf '\\033[2J\\033]0;t\\007\\n' > e.txt; cat e.txt; cp e.txt \"$(printf 'a\\033[2Jb')\""
)


def test_nothing_that_a_run_left_moves_the_cursor(crossrun: Crossrun) -> None:
    shown = {"run": in_terminal(crossrun, "run", EVIL_SCRIPT, "--executor", "shell")}
    for words in (
        "runs", "show", "steps", "events", "artifacts", "watch", "diff", "diff --stat",
    ):  # fmt: skip
        shown[words] = in_terminal(crossrun, *words.split())
    moved = [words for words, text in shown.items() if "\x1b[2J" in text or "\x1b]0;" in text]
    assert moved == []
    assert "e.txt" in shown["diff --stat"]


def test_no_name_of_a_file_moves_the_cursor(crossrun: Crossrun) -> None:
    crossrun("run", EVIL_SCRIPT, "--executor", "shell")
    shown = in_terminal(crossrun, "diff", "--name-only")
    assert "e.txt" in shown
    assert "\x1b[2J" not in shown


@pytest.mark.parametrize("part", ["--answer", "--instructions"])
def test_no_part_of_a_run_moves_the_cursor(crossrun: Crossrun, part: str) -> None:
    recording = crossrun.cwd / "evil.yaml"
    said = {"type": "agent_spoke", "text": "\x1b[2Jevil"}
    recording.write_text(json.dumps({"recording": 1, "events": [said]}))
    crossrun(
        "run", "say \x1b[2Jevil", "--recording", str(recording), "--yes", "--executor", "replay"
    )
    shown = in_terminal(crossrun, "show", part)
    assert "evil" in shown
    assert "\x1b[2J" not in shown


def test_no_name_in_a_project_file_moves_the_cursor(crossrun: Crossrun) -> None:
    (crossrun.cwd / ".crossrun.yaml").write_text('"evil\\e[2J": 1\n')
    shown = in_terminal(crossrun, "runs")
    assert "unknown setting" in shown
    assert "\x1b[2J" not in shown


def test_a_pipe_gets_lines_without_any_escape_sequence(crossrun: Crossrun) -> None:
    result = crossrun("run", SCRIPT, "--executor", "shell")
    assert (result.code, "\x1b" in result.err, "\x1b" in result.out) == (0, False, False)
    assert result.out == crossrun.json("show")["id"] + "\n"
    assert "$ echo one" in result.err


def test_quiet_says_nothing_but_data(crossrun: Crossrun) -> None:
    result = crossrun("run", "echo one", "--executor", "shell", "--quiet")
    assert (result.code, result.err) == (0, "")
    assert result.out == crossrun.json("show")["id"] + "\n"


class TestNullViewKeepsTheContract(ViewContract):
    def view(self, terminal: Terminal) -> View:  # noqa: ARG002  it writes nothing
        return NullView()


class TestLineViewKeepsTheContract(ViewContract):
    def view(self, terminal: Terminal) -> View:
        return LineView(terminal)


class TestLiveViewKeepsTheContract(ViewContract):
    def view(self, terminal: Terminal) -> View:
        return LiveView(terminal)


class TestJsonLinesViewKeepsTheContract(ViewContract):
    def view(self, terminal: Terminal) -> View:
        return JsonLinesView(terminal)


class TestRunViewKeepsTheContract(ViewContract):
    def view(self, terminal: Terminal) -> View:
        return RunView(terminal)


class TestSummaryViewKeepsTheContract(ViewContract):
    def view(self, terminal: Terminal) -> View:
        return SummaryView(terminal, failures_only=False)


class TestMultiViewKeepsTheContract(ViewContract):
    def view(self, terminal: Terminal) -> View:
        return MultiView([LineView(terminal), RunView(terminal)])
