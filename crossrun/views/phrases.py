"""Events as short phrases for people. Pure, so every view uses the same words."""

from collections.abc import Callable, Mapping
from typing import Any

from crossrun.events import (
    AgentReasoned,
    AgentSpoke,
    CancelRequested,
    CommandDeclined,
    CommandRan,
    CopyProgressed,
    Event,
    FileChanged,
    ForecastMade,
    PatternDecided,
    PatternJudged,
    PatternLearned,
    PlannerReplied,
    PlanUpdated,
    RunQueued,
    ScriptFinished,
    SessionRead,
    SetupRan,
    SnapshotProgressed,
    SourceCopied,
    StepPlanned,
    ToolCalled,
    TurnFailed,
    UnknownEvent,
    Unrecognised,
    Verified,
    WaitBegan,
    Warned,
)
from crossrun.model.failures import Failure
from crossrun.system.commandlines import bare_command
from crossrun.views.expectations import forecast_words, shortfall_words
from crossrun.views.unseen import clean, printed_lines, visible
from crossrun.views.words import (
    Phrase,
    change_mark,
    first_line,
    moment,
    plural,
    short_command,
    short_source,
    size,
)

_EXCERPT_LINES = 3
_NAMES_SHOWN = 3


def phrases(event: Event) -> list[Phrase]:
    """The phrases for an event; many events have none."""
    phrases_of = _PHRASES.get(type(event))
    return [] if phrases_of is None else phrases_of(event)


def failure_phrases(failure: Failure) -> list[Phrase]:
    """What happened and what to do."""
    return [Phrase("bad", clean(failure.message)), Phrase("note", clean(failure.hint))]


def _message(event: AgentSpoke) -> list[Phrase]:
    return [Phrase("say", clean(event.text))] if event.text.strip() else []


def _reasoning(event: AgentReasoned) -> list[Phrase]:
    return [Phrase("think", first_line(event.text).replace("**", ""))]


def _command(event: CommandRan) -> list[Phrase]:
    command = f"$ {bare_command(event.command)}"
    return _ran(command, event.exit_code, event.output, event.duration_s)


def _declined(event: CommandDeclined) -> list[Phrase]:
    command = short_command(f"$ {bare_command(event.command)}")
    return [Phrase("command", command, "declined", good=False)]


def _file(event: FileChanged) -> list[Phrase]:
    text = f"{change_mark(event.change)} {visible(event.path)}"
    return [Phrase("file", text, "" if event.ok else "refused", good=event.ok)]


def _tool(event: ToolCalled) -> list[Phrase]:
    result = "ok" if event.error is None else first_line(event.error)
    return [Phrase("command", f"* {visible(event.tool)}", result, good=event.error is None)]


def _plan(event: PlanUpdated) -> list[Phrase]:
    completed = sum(item.completed for item in event.items)
    next_up = next((item.text for item in event.items if not item.completed), "done")
    return [Phrase("plan", f"plan {completed}/{len(event.items)} {first_line(next_up)}")]


def _step(event: StepPlanned) -> list[Phrase]:
    label = f"step {event.number}  " if event.number else ""
    return [Phrase("step", f"{label}{first_line(event.prompt)}", _more_lines(event.prompt))]


def _planner(event: PlannerReplied) -> list[Phrase]:
    """The planning model's conclusion; what it wants done is shown as a step."""
    text = event.reply.get("content")
    if event.reply.get("tool_calls") or not isinstance(text, str) or not text.strip():
        return []
    return [Phrase("note", f"planner: {clean(text).strip()}")]


def _warning(event: Warned) -> list[Phrase]:
    return [Phrase("warn", first_line(event.message))]


def _unrecognised(event: Unrecognised) -> list[Phrase]:
    kind = event.kind
    problem = "not understood" if kind is None else f"of an unknown kind ({first_line(kind)})"
    return [Phrase("warn", f"{problem}: {first_line(event.raw)}")]


def _unknown(event: UnknownEvent) -> list[Phrase]:
    return [Phrase("note", f"an event of a newer crossrun: {first_line(event.kind)}")]


def _turn_failed(event: TurnFailed) -> list[Phrase]:
    return [Phrase("bad", first_line(event.message))]


def _verified(event: Verified) -> list[Phrase]:
    return _ran(f"verify: {event.command}", event.exit_code, event.output, None)


def _set_up(event: SetupRan) -> list[Phrase]:
    return _ran(f"setup: {event.command}", event.exit_code, event.output, event.duration_s)


def _copying(event: CopyProgressed) -> list[Phrase]:
    count = plural(event.total or event.files, "file")
    files = f"{event.files} of {count}" if event.total else count
    return [Phrase("note", f"copying: {files}, {size(event.bytes)}")]


def _recording_state(event: SnapshotProgressed) -> list[Phrase]:
    if event.total:
        so_far = f": {event.files} of {plural(event.total, 'file')}"
    else:
        so_far = f": {plural(event.files, 'file')}" if event.files else ""
    return [Phrase("note", f"recording the state{so_far}")]


def _queued(event: RunQueued) -> list[Phrase]:
    running = "one run is" if event.limit == 1 else f"{event.limit} runs are"
    ahead = f", {event.ahead} more ahead of it" if event.ahead else ""
    return [Phrase("note", f"queued: {running} already active{ahead}")]


def _waiting(event: WaitBegan) -> list[Phrase]:
    return [Phrase("warn", f"waiting for the provider's quota until {moment(event.until)}")]


def _stopping(event: CancelRequested) -> list[Phrase]:
    hint = "; press Ctrl-C again to stop at once" if event.by == "SIGINT" else ""
    return [Phrase("warn", f"stopping, requested by {event.by}{hint}")]


def _copied(event: SourceCopied) -> list[Phrase]:
    """Where the files came from, and what is missing or incomplete in the copy."""
    work = event.staged + event.unstaged + event.untracked
    name = short_source(
        event.kind,
        event.path,
        branch=event.branch,
        commit=event.commit,
        uncommitted=0 if event.clean else work,
    )
    copied = f"{plural(event.files, 'file')}, {size(event.bytes)}"
    source = Phrase("plan", f"source     {name}", copied)
    detached = tuple(each for each in event.detached if each not in event.submodules)
    notes = [
        (work and event.clean, f"{plural(work, 'uncommitted file')} left out"),
        (event.subfolder, f"the agent works in {visible(event.subfolder)}"),
        (event.home, f"without the repository around your home: {visible(event.home or '')}"),
        (event.operation, f"in progress, and copied too: {visible(event.operation or '')}"),
        (event.shallow, "its history is shallow"),
        (event.partial, "a partial clone: objects that only its remote has are missing"),
        (event.submodules, f"submodules without their history: {_some(event.submodules)}"),
        (
            event.lfs_pointers,
            f"pointers whose content Git LFS has not fetched: {_some(event.lfs_pointers)}",
        ),
        (event.filtered, f"as git stores them, without filters: {_some(event.filtered)}"),
        (detached, f"repositories stored elsewhere, left out: {_some(detached)}"),
        (event.skipped, f"not regular files, left out: {_some(event.skipped)}"),
        (event.redirected, f"links redirected into the copy: {_some(event.redirected)}"),
        (event.outward, f"links that point outside: {_some(event.outward)}"),
        (event.lost, f"not preserved by the copy: {_some(event.lost)}"),
    ]
    return [source] + [Phrase("note", f"           {note}") for applies, note in notes if applies]


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(map(visible, names[:_NAMES_SHOWN]))
    hidden = len(names) - _NAMES_SHOWN
    return f"{shown} and {hidden} more" if hidden > 0 else shown


def _decided(event: PatternDecided) -> list[Phrase]:
    if event.decision == "abstained":
        return [Phrase("note", f"pattern    {abstention_words(event)}")]
    if event.pattern_id is None:
        return [Phrase("note", f"pattern    none: {first_line(event.reason)}")]
    probability = "" if event.probability == 1 else f" (p {event.probability:.2f})"
    text = f"pattern    {event.pattern_id} v{event.version}  {first_line(event.summary)}"
    decision = Phrase("plan", text, f"{event.decision}{probability}")
    if event.not_compiled:
        return [
            decision,
            Phrase("note", f"its script was not used: {first_line(event.not_compiled)}"),
        ]
    return [decision, *([Phrase("note", "its script does the task")] if event.compiled else [])]


def _forecast(event: ForecastMade) -> list[Phrase]:
    expected = Phrase("note", f"forecast   {forecast_words(event.forecast)}")
    return [expected, *(Phrase("warn", shortfall_words(each)) for each in event.shortfalls)]


def abstention_words(event: PatternDecided) -> str:
    """`none fits (best 0.10, needs 0.70)`, or `none` if there was nothing to choose from."""
    is_ranked = any(each.score is not None for each in event.candidates)
    if event.right is None or event.threshold is None or not is_ranked:
        return "none"
    return f"none fits (best {event.right:.2f}, needs {event.threshold:.2f})"


def _script(event: ScriptFinished) -> list[Phrase]:
    if event.handed_over:
        return [Phrase("warn", f"the agent takes over from the script: {first_line(event.reason)}")]
    ran = f"{event.ran} of {plural(event.steps, 'step')}"
    return [Phrase("note", f"script     {ran}: {first_line(event.reason) or 'its check passed'}")]


def _learned(event: PatternLearned) -> list[Phrase]:
    """What the run taught: a caution, or a workflow."""
    workflow = event.workflow
    if event.waits:
        waiting = f"waiting for your review: {first_line(event.workflow.summary)}"
        return [Phrase("plan", waiting, "crossrun patterns review")]
    label = f"learned    {event.pattern_id} v{event.version}"
    if event.lesson == "caution":
        return [Phrase("plan", f"{label}  careful: {first_line(event.cautions[-1].text)}")]
    extent = plural(len(workflow.steps), "step")
    if workflow.variables:
        extent += f", {plural(len(workflow.variables), 'variable')}"
    return [Phrase("plan", f"{label}  {first_line(workflow.summary)}", extent)]


def _read(event: SessionRead) -> list[Phrase]:
    text = f"task {event.task} of session {first_line(event.session_id)}"
    return [Phrase("note", text), Phrase("note", first_line(event.reason))]


def _judged(event: PatternJudged) -> list[Phrase]:
    if event.state == event.before:
        return []
    text = f"pattern {event.pattern_id} is now {event.state}: {first_line(event.reason)}"
    return [Phrase("note", text)]


def _ran(command: str, code: int | None, output: str, duration: float | None) -> list[Phrase]:
    result = "ok" if code == 0 else "unfinished" if code is None else f"exit {code}"
    time = "" if duration is None else f"{duration:.1f}s".rjust(7)
    right = f"{_more_lines(command)}  {result}{time}".strip()
    head = Phrase("command", short_command(command), right, good=code == 0)
    return [head, *_excerpt(output, failed=code != 0)]


def _excerpt(output: str, *, failed: bool) -> list[Phrase]:
    """The first lines of a command's output, or the last ones if it failed."""
    lines = [line for line in printed_lines(output) if line.strip()]
    shown = list(map(clean, lines[-_EXCERPT_LINES:] if failed else lines[:_EXCERPT_LINES]))
    hidden = len(lines) - len(shown)
    notes = [""] * len(shown)
    if hidden:
        notes[0 if failed else -1] = plural(hidden, "earlier line" if failed else "more line")
    return [Phrase("output", line, note) for line, note in zip(shown, notes, strict=True)]


def _more_lines(text: str) -> str:
    more = len([line for line in text.splitlines() if line.strip()]) - 1
    return f"+{plural(more, 'line')}" if more > 0 else ""


_PHRASES: Mapping[type, Callable[[Any], list[Phrase]]] = {
    AgentReasoned: _reasoning,
    AgentSpoke: _message,
    CancelRequested: _stopping,
    CommandDeclined: _declined,
    CommandRan: _command,
    CopyProgressed: _copying,
    FileChanged: _file,
    ForecastMade: _forecast,
    PatternDecided: _decided,
    PatternJudged: _judged,
    PatternLearned: _learned,
    SessionRead: _read,
    PlannerReplied: _planner,
    PlanUpdated: _plan,
    RunQueued: _queued,
    ScriptFinished: _script,
    SetupRan: _set_up,
    SnapshotProgressed: _recording_state,
    SourceCopied: _copied,
    StepPlanned: _step,
    ToolCalled: _tool,
    TurnFailed: _turn_failed,
    UnknownEvent: _unknown,
    Unrecognised: _unrecognised,
    Verified: _verified,
    WaitBegan: _waiting,
    Warned: _warning,
}
"""A test names the events that have none, so a new event is not forgotten here."""
