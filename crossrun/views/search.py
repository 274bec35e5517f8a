"""The results of a search: runs, and below each the lines that match."""

from collections.abc import Iterator, Sequence

from crossrun.model.queries import RunMatches, StepMatch
from crossrun.views.runs import ago, status_words, title_of
from crossrun.views.terminal import Terminal, fit
from crossrun.views.unseen import clean
from crossrun.views.words import first_line, status_style

_KINDS = {
    "run_started": "task",
    "step_planned": "asked",
    "agent_spoke": "said",
    "agent_reasoned": "thought",
    "plan_updated": "planned",
    "command_declined": "declined",
    "setup_ran": "setup",
    "verified": "verify",
    "file_changed": "file",
    "tool_called": "tool",
    "turn_failed": "failed",
    "warned": "warning",
    "run_finished": "end",
}
_BEGIN, _END = "\ue000", "\ue001"
"""Around a match while its line is made harmless and cut; no font has them."""


def search_lines(runs: Sequence[RunMatches], terminal: Terminal) -> Iterator[str]:
    """Runs with their steps; the number is what `crossrun steps RUN --step` takes."""
    for matches in runs:
        yield _heading(matches, terminal)
        widest = max(len(str(step.seq)) for step in matches.steps)
        for step in matches.steps:
            yield _step_line(step, widest, terminal)
        if matches.more:
            yield terminal.style("  … more steps match", "dim")
        yield ""


def _heading(matches: RunMatches, terminal: Terminal) -> str:
    run = matches.run
    status = status_words(run)
    facts = f"{ago(run.created_at)} · {first_line(run.project_id)} · "
    room = terminal.width - len(run.id) - len(facts) - len(status) - 4
    title = fit(title_of(run), max(room, 8))
    return (
        f"{terminal.style(run.id, 'bold')}  {terminal.style(facts, 'dim')}"
        f"{terminal.style(status, status_style(run.status))}  {title}"
    )


def _step_line(step: StepMatch, widest: int, terminal: Terminal) -> str:
    kind = _KINDS.get(step.kind, "$" if step.field == "commands" else "output")
    label = f"  {step.seq:>{widest}}  {kind:<8} "
    line = fit(" ".join(clean(_with_marks(step)).split()), terminal.width - len(label))
    text = ""
    for piece in line.split(_BEGIN):
        match, end, after = piece.partition(_END)
        text += (terminal.style(match, "match") if end else match) + after
    return terminal.style(label, "dim") + text


def _with_marks(step: StepMatch) -> str:
    text, at = "", 0
    for begin, end in step.highlights:
        text += f"{step.excerpt[at:begin]}{_BEGIN}{step.excerpt[begin:end]}{_END}"
        at = end
    return text + step.excerpt[at:]
