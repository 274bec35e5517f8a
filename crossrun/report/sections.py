"""What a report says about runs, as blocks: what was asked, what came of it, and how."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from crossrun.model.runs import Application, Run
from crossrun.report.blocks import (
    Block,
    CodeBlock,
    EventBlock,
    FactsBlock,
    HeadingBlock,
    MessageBlock,
    TableBlock,
    TextBlock,
)
from crossrun.system.clock import seconds_between
from crossrun.system.commandlines import bare_command
from crossrun.views.unseen import clean, printed
from crossrun.views.words import clock, count, first_line, moment, plural

_SHORT, _LONGEST_TITLE = 15, 120
"""Lines that are not folded; characters of a title."""
_GRADES = {
    "proven": "A check from outside passed after the last change.",
    "checked": "A check by the agent itself passed after the last change.",
    "unchecked": "Nothing was checked after the last change, so what the agent says is not proven.",
    "contradicted": "What was recorded contradicts what the agent says.",
}


class ReportedRun(NamedTuple):
    """A run with what a report shows of it.

    `steps` are steps of the transcript; of a long one the first and last, `left_out` in number.
    `patch` may have only its beginning, `patch_note` says so; `pattern` is a summary of the pattern
    that the agent got.
    """

    run: Run
    steps: Sequence[Mapping[str, Any]]
    left_out: int
    patch: str
    patch_note: str
    pattern: str
    applications: Sequence[Application]


def report_title(runs: Sequence[ReportedRun]) -> str:
    """The title of the whole report."""
    return _title(runs[0].run) if len(runs) == 1 else f"{len(runs)} runs"


def report_blocks(runs: Sequence[ReportedRun]) -> Iterator[Block]:
    """The whole report: the runs side by side if there are several, then each of them."""
    if len(runs) > 1:
        yield HeadingBlock(report_title(runs), 1)
        yield _overview([each.run for each in runs])
    for each in runs:
        yield HeadingBlock(_title(each.run), 1 if len(runs) == 1 else 2, each.run.id)
        level = 2 if len(runs) == 1 else 3
        yield from _outcome(each)
        yield HeadingBlock("The task", level)
        yield CodeBlock(clean(each.run.task))
        yield from _answer(each.run, level)
        yield from _changes(each, level)
        yield from _proof(each.run, level)
        yield from _memory(each, level)
        yield from _timeline(each, level)


def _overview(runs: Sequence[Run]) -> TableBlock:
    header = ("Run", "Status", "Took", "Tokens", "Cost", "Commands", "Changed", "Proof", "Task")
    rows = tuple(
        (
            run.id,
            _status(run),
            _took(run),
            count(run.tokens.total) if run.tokens else "",
            "" if run.cost is None else f"{run.cost:.4g}",
            f"{run.commands} ({run.failed_commands} failed)",
            "" if run.changes is None else plural(len(run.changes), "file"),
            run.proof.grade if run.proof else "",
            _title(run),
        )
        for run in runs
    )
    used = [place for place in range(len(header)) if any(row[place] for row in rows)]
    return TableBlock(
        tuple(header[place] for place in used),
        tuple(tuple(row[place] for place in used) for row in rows),
        tuple(run.id for run in runs),
    )


def _outcome(reported: ReportedRun) -> Iterator[Block]:
    run = reported.run
    took = f" after {_took(run)}" if run.ended else ""
    yield TextBlock(f"{_status(run)}{took}", _mood(run))
    if run.failure is not None:
        yield TextBlock(clean(run.failure.message))
    agent = " ".join(filter(None, (run.executor, run.executor_version)))
    tokens = run.tokens
    rows = (
        ("Run", run.id),
        ("Project", first_line(run.project_id)),
        ("Task type", run.task_type.replace("_", " ")),
        ("Agent", f"{agent} · {first_line(run.model)}" if run.model else agent),
        ("Started", moment(run.started_at or run.created_at)),
        ("Tokens", f"{count(tokens.input)} in, {count(tokens.output)} out" if tokens else ""),
        ("Cost", "" if run.cost is None else f"{run.cost:.4g}"),
        ("Tags", ", ".join(map(first_line, run.tags))),
        ("Note", clean(run.note or "")),
        ("Applied", _applied(reported.applications)),
    )
    yield FactsBlock(tuple((name, value) for name, value in rows if value))


def _answer(run: Run, level: int) -> Iterator[Block]:
    if run.answer:
        yield HeadingBlock("What the agent says", level)
        yield MessageBlock(clean(run.answer))


def _changes(reported: ReportedRun, level: int) -> Iterator[Block]:
    changes = reported.run.changes
    yield HeadingBlock("What changed", level)
    if not changes:
        yield TextBlock("Not measured." if changes is None else "No file was changed.")
        return
    rows = tuple(
        (
            clean(f"{change.old_path} → {change.path}" if change.old_path else change.path),
            change.status,
            "binary"
            if change.insertions is None
            else f"+{change.insertions} -{change.deletions or 0}",
        )
        for change in changes
    )
    yield TableBlock(("File", "Change", "Lines"), rows)
    if reported.patch:
        lines = _readable(reported.patch).count("\n")
        summary = f"The change in full: {plural(lines, 'line')}"
        yield CodeBlock(_readable(reported.patch), "diff", summary, folded=lines > _SHORT * 20)
    if reported.patch_note:
        yield TextBlock(reported.patch_note)


def _readable(patch: str) -> str:
    """A patch without what only git reads: object names, and the bytes of binary files."""
    lines, is_binary = [], False
    for line in clean(patch).split("\n"):
        if line.startswith("GIT binary patch"):
            is_binary = True
            lines.append("(binary)")
        elif line.startswith("diff --git "):
            is_binary = False
        if not is_binary and not line.startswith("index "):
            lines.append(line)
    return "\n".join(lines)


def _proof(run: Run, level: int) -> Iterator[Block]:
    yield HeadingBlock("What is proven, and what is only claimed", level)
    if run.verify is not None:
        passed = run.verify.exit_code == 0
        result = "passed" if passed else f"ended with exit code {run.verify.exit_code}"
        yield TextBlock(
            f"The user's check {result}: {clean(run.verify.command)}",
            "good" if passed else "bad",
        )
    if run.proof is None:
        yield TextBlock("The proof of this run was not assessed.")
    else:
        grade = run.proof.grade
        mood: dict[str, Literal["good", "bad"]] = {"proven": "good", "contradicted": "bad"}
        yield TextBlock(
            f"{grade.capitalize()}. {_GRADES.get(grade, '')}".strip(), mood.get(grade, "")
        )
        rows = tuple(
            (clean(finding.text), "" if finding.seq is None else f"step {finding.seq}")
            for finding in run.proof.findings
        )
        if rows:
            yield TableBlock(("Finding", "Shown by"), rows)
    yield TextBlock(
        "Commands, exit codes, outputs, files and times were recorded by crossrun. Messages,"
        " thoughts and plans are the agent's own words."
    )


def _memory(reported: ReportedRun, level: int) -> Iterator[Block]:
    decided = reported.run.pattern
    if decided is None:
        return
    yield HeadingBlock("What earlier runs contributed", level)
    named = f" {decided.pattern_id} v{decided.version}" if decided.pattern_id else ""
    reason = f" ({clean(decided.reason)})" if decided.reason else ""
    yield TextBlock(f"Pattern{named}: {decided.decision}{reason}.")
    if reported.pattern:
        yield TextBlock(clean(reported.pattern))


def _timeline(reported: ReportedRun, level: int) -> Iterator[Block]:
    yield HeadingBlock("What happened", level)
    before = 0
    for step in reported.steps:
        if reported.left_out and before and step["seq"] - before > reported.left_out:
            yield TextBlock(f"… {plural(reported.left_out, 'step')} left out …")
        before = step["seq"]
        yield _event(step, reported.run)


def _event(step: Mapping[str, Any], run: Run) -> EventBlock:
    title, result, mood, details = _words(step)
    seconds = seconds_between(run.started_at or run.created_at, step["at"])
    time = "" if seconds is None else clock(max(seconds, 0))
    return EventBlock(step["seq"], time, title, result, mood, tuple(details))


_Words = tuple[str, str, Literal["", "good", "bad"], list[MessageBlock | CodeBlock]]


def _words(step: Mapping[str, Any]) -> _Words:
    match step["kind"]:
        case "step_planned":
            return "The agent was asked", "", "", [_folded(clean(step["prompt"]), "prompt")]
        case "agent_spoke":
            return "The agent said", "", "", [MessageBlock(clean(step["text"]))]
        case "agent_reasoned":
            return "The agent thought", "", "", [MessageBlock(clean(step["text"]))]
        case "command_ran" | "verified":
            code = step["exit_code"]
            prefix = "Check: " if step["kind"] == "verified" else "$ "
            result = "ok" if code == 0 else "no end" if code is None else f"exit {code}"
            output = printed(step["output"]).rstrip()
            details: list[MessageBlock | CodeBlock] = [_folded(output, "output")] if output else []
            title = prefix + clean(bare_command(step["command"]))
            return title, result, "good" if code == 0 else "bad", details
        case "command_declined":
            return f"$ {clean(bare_command(step['command']))}", "refused", "bad", []
        case "file_changed":
            return f"File {step['change']}: {clean(step['path'])}", "", "", []
        case "tool_called":
            return _called(step)
        case "plan_updated":
            marks = (
                f"[{'x' if each['completed'] else ' '}] {each['text']}" for each in step["items"]
            )
            return "Plan of the agent", "", "", [_folded(clean("\n".join(marks)), "plan")]
        case "warned":
            return "Warning", "", "", [CodeBlock(clean(step["message"]))]
        case kind:
            return (
                str(kind).replace("_", " ").capitalize(),
                "",
                "",
                [_folded(clean(str(step.get("message") or "")), "message")],
            )


def _called(step: Mapping[str, Any]) -> _Words:
    error = step["error"]
    given = json.dumps(step["arguments"], indent=2, ensure_ascii=False)
    result = step["result"] if error is None else error
    text = result if isinstance(result, str) else json.dumps(result, indent=2, ensure_ascii=False)
    return (
        f"Tool {clean(step['tool'])}",
        "" if error is None else "failed",
        "" if error is None else "bad",
        [
            *([] if step["arguments"] is None else [_folded(clean(given), "arguments")]),
            *([] if result is None else [_folded(clean(text), "result")]),
        ],
    )


def _folded(text: str, what: str) -> CodeBlock:
    """A text behind a summary if it is long."""
    lines = text.count("\n") + 1
    return CodeBlock(text, "plain", f"{what}: {plural(lines, 'line')}", folded=lines > _SHORT)


def _title(run: Run) -> str:
    title = first_line(run.name or run.task)
    return title if len(title) <= _LONGEST_TITLE else f"{title[:_LONGEST_TITLE]}…"


def _status(run: Run) -> str:
    return str(run.status).replace("_", " ").capitalize()


def _took(run: Run) -> str:
    return "" if run.seconds is None else clock(run.seconds)


def _mood(run: Run) -> Literal["", "good", "bad"]:
    return "" if not run.ended else "good" if run.failure is None else "bad"


def _applied(applications: Sequence[Application]) -> str:
    live = [each for each in applications if each.undone_at is None]
    places = (f"branch {each.branch} in {each.path}" if each.branch else each.path for each in live)
    return ", ".join(map(first_line, dict.fromkeys(places)))
