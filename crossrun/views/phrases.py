"""From events to short phrases for people: pure, so that every view says the same."""

from typing import assert_never

from crossrun.events import (
    AgentLaunched,
    AgentReasoned,
    AgentSpoke,
    ArtifactSaved,
    CancelRequested,
    CommandDeclined,
    CommandRan,
    CommandStarted,
    CopyProgressed,
    Event,
    FileChanged,
    ItemStarted,
    PatternDecided,
    PatternJudged,
    PatternLearned,
    PlannerReplied,
    PlanUpdated,
    RunDequeued,
    RunFinished,
    RunQueued,
    RunStarted,
    SetupRan,
    SnapshotProgressed,
    SourceCopied,
    StepFinished,
    StepPlanned,
    ThreadStarted,
    ToolCalled,
    TurnFailed,
    TurnStarted,
    UnknownEvent,
    Unrecognised,
    UsageReported,
    Verified,
    WaitBegan,
    Warned,
    WorkspaceChanged,
    WorkspacePrepared,
)
from crossrun.model.failures import Failure
from crossrun.system.commandlines import bare_command
from crossrun.views.unseen import clean, printed, visible
from crossrun.views.words import (
    CHANGE_MARKS,
    Phrase,
    first_line,
    moment,
    plural,
    short_command,
    size,
)

_EXCERPT = 3


def phrases(event: Event) -> list[Phrase]:
    """What there is to say about an event; often nothing."""
    match event:
        case AgentSpoke(text=text):
            return [Phrase("say", clean(text))] if text.strip() else []
        case AgentReasoned(text=text):
            return [Phrase("think", first_line(text).replace("**", ""))]
        case CommandRan():
            return _command(event)
        case CommandDeclined(command=command):
            said = f"$ {bare_command(command)}"
            return [Phrase("command", short_command(said), "declined", good=False)]
        case FileChanged(path=path, change=change, ok=ok):
            right = "" if ok else "refused"
            return [Phrase("file", f"{CHANGE_MARKS[change]} {visible(path)}", right, good=ok)]
        case ToolCalled(tool=tool, error=error):
            right = "ok" if error is None else first_line(error)
            return [Phrase("command", f"* {visible(tool)}", right, good=error is None)]
        case PlanUpdated(items=items):
            done = sum(item.completed for item in items)
            next_up = next((item.text for item in items if not item.completed), "done")
            return [Phrase("plan", f"plan {done}/{len(items)} {first_line(next_up)}")]
        case StepPlanned(prompt=prompt):
            return [Phrase("step", first_line(prompt), _more_lines(prompt))]
        case Warned(message=message):
            return [Phrase("warn", first_line(message))]
        case Unrecognised(raw=raw, kind=kind):
            said = "not understood" if kind is None else f"of an unknown kind ({first_line(kind)})"
            return [Phrase("warn", f"{said}: {first_line(raw)}")]
        case UnknownEvent(kind=kind):
            return [Phrase("note", f"an event of a newer crossrun: {first_line(kind)}")]
        case TurnFailed(message=message):
            return [Phrase("bad", first_line(message))]
        case Verified(command=command, exit_code=code, output=output):
            return _ran(f"verify: {command}", code, output, None)
        case PatternDecided():
            return [_decided(event)]
        case PatternLearned():
            return [_learned(event)]
        case PatternJudged(state=state, before=before, reason=reason) if state != before:
            return [
                Phrase("note", f"pattern {event.pattern_id} is {state} now: {first_line(reason)}")
            ]
        case CopyProgressed(files=files, bytes=count):
            return [Phrase("note", f"copying: {plural(files, 'file')}, {size(count)}")]
        case SnapshotProgressed(files=files):
            so_far = f": {plural(files, 'file')}" if files else ""
            return [Phrase("note", f"recording the state{so_far}")]
        case SourceCopied():
            return _copied(event)
        case SetupRan(command=command, exit_code=code, output=output, duration_s=duration):
            return _ran(f"setup: {command}", code, output, duration)
        case RunQueued(limit=limit, ahead=ahead):
            going = "one run goes" if limit == 1 else f"{limit} runs go"
            others = f", {ahead} wait before it" if ahead else ""
            return [Phrase("note", f"queued: {going} on already{others}")]
        case WaitBegan(until=until):
            return [Phrase("warn", f"waiting for the provider's quota until {moment(until)}")]
        case CancelRequested(by=by):
            more = "; Ctrl-C again stops at once" if by == "SIGINT" else ""
            return [Phrase("warn", f"stopping, asked by {by}{more}")]
        case (
            AgentLaunched()
            | ArtifactSaved()
            | CommandStarted()
            | ItemStarted()
            | PatternJudged()
            | PlannerReplied()
            | RunDequeued()
            | RunFinished()
            | RunStarted()
            | StepFinished()
            | ThreadStarted()
            | TurnStarted()
            | UsageReported()
            | WorkspaceChanged()
            | WorkspacePrepared()
        ):
            return []
        case _ as never:
            assert_never(never)


def _copied(event: SourceCopied) -> list[Phrase]:
    """Where the files came from, and what of it is not there or not whole."""
    at = f" at {visible(event.commit[:10])}" if event.commit else ""
    on = f" on {visible(event.branch)}" if event.branch else ""
    head = f"source     {visible(event.path)}{on}{at}"
    told = [Phrase("plan", head, f"{plural(event.files, 'file')}, {size(event.bytes)}")]
    work = event.staged + event.unstaged + event.untracked
    notes = [
        (work, f"{plural(work, 'uncommitted file')} {'left out' if event.clean else 'came along'}"),
        (event.subfolder, f"the agent works in {visible(event.subfolder)}"),
        (event.home, f"without the repository around your home: {visible(event.home or '')}"),
        (event.operation, f"under way in it: {visible(event.operation or '')}, which came along"),
        (event.shallow, "its history is shallow"),
        (event.partial, "a partial clone: objects that only its remote has are missing"),
        (event.submodules, f"submodules without their history: {_some(event.submodules)}"),
        (event.lfs_pointers, f"only pointers, not fetched by Git LFS: {_some(event.lfs_pointers)}"),
        (event.filtered, f"as git stores them, no filter was run: {_some(event.filtered)}"),
        (event.detached, f"repositories that lie elsewhere, left out: {_some(event.detached)}"),
        (event.skipped, f"no files, left out: {_some(event.skipped)}"),
        (event.redirected, f"links into it that lead into the copy: {_some(event.redirected)}"),
        (event.outward, f"links that lead out of it: {_some(event.outward)}"),
        (event.lost, f"not kept by the copy: {_some(event.lost)}"),
    ]
    return told + [Phrase("note", f"           {note}") for there, note in notes if there]


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(map(visible, names[:3]))
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown  # noqa: PLR2004


def _decided(event: PatternDecided) -> Phrase:
    """One line: which pattern, and what became of it."""
    if event.pattern_id is None:
        return Phrase("note", f"pattern    none: {first_line(event.reason)}")
    chance = "" if event.probability == 1 else f" (p {event.probability:.2f})"
    named = f"{event.pattern_id} v{event.version}"
    return Phrase(
        "plan", f"pattern    {named}  {first_line(event.summary)}", f"{event.decision}{chance}"
    )


def _learned(event: PatternLearned) -> Phrase:
    """One line: what the run taught."""
    workflow = event.workflow
    named = f"{event.pattern_id} v{event.version}"
    if event.lesson == "caution":
        return Phrase("plan", f"learned    {named}  careful: {first_line(event.cautions[-1].text)}")
    counted = plural(len(workflow.steps), "step")
    if workflow.variables:
        counted += f", {plural(len(workflow.variables), 'variable')}"
    return Phrase("plan", f"learned    {named}  {first_line(workflow.summary)}", counted)


def failure_phrases(failure: Failure) -> list[Phrase]:
    """What happened and what to do."""
    return [Phrase("bad", clean(failure.message)), Phrase("note", clean(failure.hint))]


def _command(ran: CommandRan) -> list[Phrase]:
    return _ran(f"$ {bare_command(ran.command)}", ran.exit_code, ran.output, ran.duration_s)


def _ran(said: str, code: int | None, output: str, duration: float | None) -> list[Phrase]:
    ended = "ok" if code == 0 else "no end" if code is None else f"exit {code}"
    took = "" if duration is None else f"{duration:.1f}s".rjust(7)
    more = _more_lines(said)
    head = Phrase(
        "command",
        short_command(said),
        f"{more}  {ended}{took}".strip(),
        good=code == 0,
    )
    return [head, *_excerpt(output, failed=code != 0)]


def _excerpt(output: str, *, failed: bool) -> list[Phrase]:
    """The first lines of a command's output, the last ones of a failed command's."""
    lines = [line for line in printed(output).split("\n") if line.strip()]
    shown = lines[-_EXCERPT:] if failed else lines[:_EXCERPT]
    hidden = len(lines) - len(shown)
    notes = [""] * len(shown)
    if hidden:
        notes[0 if failed else -1] = plural(hidden, "earlier line" if failed else "more line")
    return [Phrase("output", line, note) for line, note in zip(shown, notes, strict=True)]


def _more_lines(text: str) -> str:
    more = len([line for line in text.splitlines() if line.strip()]) - 1
    return f"+{plural(more, 'line')}" if more > 0 else ""
