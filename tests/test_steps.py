"""`steps` and answers: folded and formatted for people, complete and unchanged for programs."""

import io
import os
import pty
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Crossrun
from homes import Home
from test_search import ran, record

from crossrun.events import AgentSpoke
from crossrun.views.markdown import answer_lines
from crossrun.views.steps import step_lines
from crossrun.views.terminal import Terminal

ANSWER = """\
# Result

It is **done**, see [the page](https://example.com/a).

| Method | Value |
|---|---|
| dry | 12 |

```python
print("x")
```
"""


def screen(width: int = 80, *, color: bool = True, live: bool = True) -> Terminal:
    return Terminal(io.StringIO(), width, color=color, live=live, unicode=True)


def plain(lines: Iterator[str]) -> list[str]:
    import re

    return [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in lines if line.strip()]


def test_an_answer_is_formatted_on_a_terminal_with_colours_only() -> None:
    formatted = list(answer_lines(ANSWER, screen(), indent="  "))
    assert "\x1b[" in formatted[0]
    assert plain(iter(formatted))[:2] == [
        "Result", "It is done, see the page (https://example.com/a).",
    ]  # fmt: skip
    assert all(line.startswith("  ") for line in formatted if line)
    for terminal in (screen(color=False), screen(live=False)):
        assert list(answer_lines(ANSWER, terminal)) == ANSWER.rstrip().split("\n")


def test_hostile_answers_stay_text() -> None:
    hostile = "\x1b]8;;http://evil\x07a\x1b]8;;\x07 \x1b[2J \u202e [x](\x1b]0;t\x07file:///etc)"
    text = "".join(answer_lines(hostile, screen()))
    assert "\x1b]" not in text
    assert "\x1b[2J" not in text
    assert "<U+202E>" in text


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_formatted_line_is_too_wide(width: int) -> None:
    wide = f"{ANSWER}\n{'word ' * 100}\n\n- {'x' * 300}\n\n|a|b|\n|-|-|\n|{'cell ' * 60}|y|\n"
    from crossrun.views.terminal import cell_len

    assert max(map(cell_len, plain(answer_lines(wide, screen(width))))) <= width


def step(kind: str, seq: int = 5, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  any event's
    return {"seq": seq, "at": "2026-01-01T00:00:00Z", "kind": kind, **fields}


def lines_of(*steps: dict[str, Any], folded: bool = True) -> list[str]:
    return plain(step_lines(steps, screen(), folded=folded))


def test_long_outputs_are_folded_at_the_end_that_matters() -> None:
    output = "\n".join(f"line {number}" for number in range(40))
    good = step("command_ran", command="make", exit_code=0, output=output, duration_s=1.25)
    bad = step("command_ran", command="make", exit_code=2, output=output, duration_s=None)
    assert lines_of(good)[:2] == ["5  $ make  (1.2s)", "line 0"]
    assert lines_of(good)[-1] == "… 28 more lines"
    assert lines_of(bad)[:2] == ["5  $ make  (exit 2)", "… 28 earlier lines"]
    assert lines_of(bad)[-1] == "line 39"
    assert len(lines_of(good, folded=False)) == 41


def test_a_plan_is_shown_as_what_changed() -> None:
    def plan(**items: bool) -> dict[str, Any]:
        each = [{"text": text, "completed": completed} for text, completed in items.items()]
        return step("plan_updated", items=each)

    assert lines_of(plan(look=False, fix=False), plan(look=True, test=False)) == [
        "5  planned, 0 of 2 done", "[ ] look", "[ ] fix",
        "5  planned, 1 of 2 done", "[x] look", "[ ] test", "[-] fix",
    ]  # fmt: skip


def test_calls_of_tools_are_readable() -> None:
    call = step(
        "tool_called",
        tool="web_search",
        arguments={"query": "soil", "limit": 3},
        result={"content": [{"type": "text", "text": "one\ntwo"}]},
        error=None,
    )
    failed = step("tool_called", tool="db", arguments=None, result=None, error="no such table")
    assert lines_of(call, failed) == [
        "5  used web_search", "query: soil", "limit: 3", "one", "two",
        "5  used db  (failed)", "no such table",
    ]  # fmt: skip


def test_words_are_wrapped_and_not_broken() -> None:
    text = lines_of(step("step_planned", prompt="seventeen letters " * 20))
    assert all(len(line) <= 80 for line in text)
    assert set(" ".join(text[1:]).split()) == {"seventeen", "letters"}


def test_one_step_is_shown_in_full(crossrun: Crossrun) -> None:
    run = crossrun.json("run", "--executor", "shell", "seq 100")["id"]
    (shown,) = (each["seq"] for each in crossrun.json("steps", run)["steps"] if "output" in each)
    assert crossrun("steps", run, "--step", str(shown)).out.count("\n") == 102
    assert crossrun.json("steps", run, "--step", "1")["steps"][0]["request"]["task"] == "seq 100"
    assert crossrun("steps", run, "--step", "1").out.split() == ["1", "task", "seq", "100"]
    result = crossrun("steps", run, "--step", "99")
    assert (result.code, "STEP_NOT_FOUND" in result.err) == (6, True)


def on_terminal(crossrun: Crossrun, *words: str, **environ: str) -> str:
    """What a command writes to a terminal of 80 columns."""
    import subprocess

    reading, writing = pty.openpty()
    subprocess.run(
        crossrun.command(*words),
        stdout=writing,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**crossrun.environ, "COLUMNS": "80", "TERM": "xterm", "PAGER": "cat", **environ},
        check=True,
    )
    os.close(writing)
    text = b""
    try:
        while piece := os.read(reading, 65536):
            text += piece
    except OSError:
        pass
    os.close(reading)
    return text.decode()


def test_an_answer_is_formatted_by_show_on_a_terminal_and_raw_in_a_pipe(
    crossrun: Crossrun,
) -> None:
    home = Home(crossrun.home)
    run = record(home, "x", ran("seq 30", "\n".join(map(str, range(30)))), AgentSpoke(text=ANSWER))
    assert crossrun("show", run, "--answer").out == f"{ANSWER}\n"
    formatted = on_terminal(crossrun, "show", run, "--answer")
    assert "**done**" not in formatted
    assert "\x1b[1;4mResult" in formatted
    assert "**done**" in on_terminal(crossrun, "show", run, "--answer", NO_COLOR="1")
    assert "**done**" in on_terminal(crossrun, "show", run, "--answer", TERM="dumb")
    assert "**done**" not in on_terminal(crossrun, "show", run)
    steps = on_terminal(crossrun, "steps", run)
    assert "… 18 more lines" in steps
    assert "**done**" not in steps
    assert "more lines" not in on_terminal(crossrun, "steps", run, "--full")
    assert "more lines" not in crossrun("steps", run).out


def test_a_picture_in_text_form_is_not_printed(crossrun: Crossrun) -> None:
    script = "mkdir -p charts; echo '<svg xmlns=\"http://www.w3.org/2000/svg\"/>' > chart.svg"
    run = crossrun.json("run", "--executor", "shell", script)["id"]
    pictures = [
        each
        for each in crossrun.json("artifacts", run)["artifacts"]
        if each["name"].endswith(".svg")
    ]
    for picture in pictures:
        assert "a picture (SVG)" in crossrun("artifacts", "show", picture["id"]).out
