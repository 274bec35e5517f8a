"""The transcript of a run for people: long texts are folded, plans shown as changes."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from crossrun.system.commandlines import bare_command
from crossrun.views.markdown import answer_lines
from crossrun.views.terminal import Terminal, wrap
from crossrun.views.unseen import clean, printed, visible, visible_command
from crossrun.views.words import plural

_MOST_OUTPUT, _MOST_PROMPT, _MOST_COMMAND = 12, 20, 6
"""Lines that are left of a folded output, of a prompt, and of a command."""
_LONGEST_LINE = 300
"""Characters that are left of a line of a folded output."""
_INDENT = " " * 6
"""Below the title, which comes after the number."""


class StepText(NamedTuple):
    """A step in words: what happened, how it ended, and the text that belongs to it.

    `most` is how many lines of the text are shown if it is folded, `longest` how many characters of
    a line; 0: all. `from_end`: the last lines. `markdown`: it is formatted on a terminal.
    """

    title: str
    result: str = ""
    good: bool = True
    text: str = ""
    most: int = 0
    longest: int = 0
    from_end: bool = False
    markdown: bool = False


def step_lines(
    steps: Iterable[Mapping[str, Any]], terminal: Terminal, *, folded: bool
) -> Iterator[str]:
    """The lines of a transcript as it comes, each step headed by its number."""
    plan: Mapping[str, bool] = {}
    for each in steps:
        if each["kind"] == "plan_updated":
            step = _planned(each, plan)
            plan = {item["text"]: item["completed"] for item in each["items"]}
        else:
            step = _step(each)
        yield from _lines(each["seq"], step, terminal, folded=folded)


def _lines(number: int, step: StepText, terminal: Terminal, *, folded: bool) -> Iterator[str]:
    first, *others = step.title.split("\n")
    style = "bold" if step.good else "bad"
    result = f"  ({step.result})" if step.result else ""
    yield f"{terminal.style(f'{number:>4}', 'dim')}  {terminal.style(first + result, style)}"
    hidden = len(others) - _MOST_COMMAND if folded else 0
    for line in others[:_MOST_COMMAND] if hidden > 0 else others:
        yield from _wrapped(line, terminal, longest=_LONGEST_LINE if folded else 0)
    if hidden > 0:
        yield terminal.style(f"{_INDENT}… {plural(hidden, 'more line')}", "dim")
    yield from _text(step, terminal, folded=folded)
    yield ""


def _text(step: StepText, terminal: Terminal, *, folded: bool) -> Iterator[str]:
    text = step.text.rstrip()
    if not text:
        return
    if step.markdown:
        yield from answer_lines(text, terminal, indent=_INDENT)
        return
    lines = text.split("\n")
    hidden = len(lines) - step.most if folded and step.most else 0
    if hidden > 0 and step.from_end:
        yield terminal.style(f"{_INDENT}… {plural(hidden, 'earlier line')}", "dim")
        lines = lines[hidden:]
    for line in islice(lines, step.most) if hidden > 0 else lines:
        yield from _wrapped(line, terminal, longest=step.longest if folded else 0)
    if hidden > 0 and not step.from_end:
        yield terminal.style(f"{_INDENT}… {plural(hidden, 'more line')}", "dim")


def _wrapped(line: str, terminal: Terminal, *, longest: int) -> Iterator[str]:
    """A line in the width of a terminal; unchanged for programs."""
    if not terminal.live or not line:
        yield f"{_INDENT}{line}".rstrip()
        return
    cut = len(line) - longest if longest else 0
    shown = line[:longest] if cut > 0 else line
    for part in wrap(shown, terminal.text_width - len(_INDENT)):
        yield f"{_INDENT}{part}"
    if cut > 0:
        yield terminal.style(f"{_INDENT}… {plural(cut, 'more character')}", "dim")


def _step(step: Mapping[str, Any]) -> StepText:
    match step["kind"]:
        case "run_started":
            return StepText("task", text=clean(step["request"]["task"]))
        case "step_planned":
            return StepText("asked", text=clean(step["prompt"]), most=_MOST_PROMPT)
        case "agent_spoke":
            return StepText("said", text=step["text"], markdown=True)
        case "agent_reasoned":
            return StepText("thought", text=step["text"], markdown=True)
        case "command_ran" | "verified" | "setup_ran" as kind:
            return _ran(step, {"verified": "verify:", "setup_ran": "setup:"}.get(kind, "$"))
        case "command_declined":
            return StepText(_command("$", step), "declined", good=False)
        case "file_changed":
            return StepText(f"{step['change']} {visible(step['path'])}")
        case "tool_called":
            return _called(step)
        case "run_finished":
            failure = step.get("failure")
            text = f"{failure['message']}\n{failure['hint']}" if failure else ""
            return StepText(f"ended: {step['status']}", good=failure is None, text=clean(text))
        case kind:
            return StepText(str(kind).replace("_", " "), text=clean(str(step.get("message") or "")))


def _ran(step: Mapping[str, Any], sign: str) -> StepText:
    code = step["exit_code"]
    took = step.get("duration_s")
    parts = [] if code == 0 else ["no end" if code is None else f"exit {code}"]
    parts += [] if took is None else [f"{took:.1f}s"]
    return StepText(
        _command(sign, step),
        ", ".join(parts),
        good=code in (0, None),
        text=printed(step["output"]),
        most=_MOST_OUTPUT,
        longest=_LONGEST_LINE,
        from_end=code not in (0, None),
    )


def _command(sign: str, step: Mapping[str, Any]) -> str:
    return f"{sign} {visible_command(bare_command(step['command']))}"


def _called(step: Mapping[str, Any]) -> StepText:
    """A call of a tool: its arguments by name, and the text of its result."""
    arguments, error = step["arguments"], step["error"]
    given = arguments.items() if isinstance(arguments, dict) else []
    lines = [f"{name}: {_plain(value)}" for name, value in given]
    if arguments and not given:
        lines.append(_plain(arguments))
    result = _plain(step["result"]) if error is None else _plain(error)
    return StepText(
        f"used {visible(step['tool'])}",
        "" if error is None else "failed",
        good=error is None,
        text=clean("\n".join([*lines, *([result] if result else [])])),
        most=_MOST_OUTPUT,
        longest=_LONGEST_LINE,
    )


def _plain(value: object) -> str:
    """A value of a tool as text; MCP servers wrap theirs in parts of a message."""
    match value:
        case None:
            return ""
        case str():
            return value
        case {"content": list() as parts} | list(parts) if parts and all(map(_is_text, parts)):
            return "\n".join(part["text"] for part in parts)
        case _:
            return json.dumps(value, indent=2, ensure_ascii=False)


def _is_text(part: object) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _planned(step: Mapping[str, Any], before: Mapping[str, bool]) -> StepText:
    """The whole plan at first, then what became of it."""
    items = {item["text"]: item["completed"] for item in step["items"]}
    changed = [text for text, completed in items.items() if before.get(text) != completed]
    lines = [f"[{'x' if items[text] else ' '}] {text}" for text in changed]
    lines += [f"[-] {text}" for text in before if text not in items]
    completed = f"{sum(items.values())} of {len(items)} done"
    return StepText(f"planned, {completed}", text=clean("\n".join(lines)))
