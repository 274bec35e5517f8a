"""The results of a search: runs, and below each the lines that match."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

from crossrun.model.queries import RunMatches, StepMatch
from crossrun.views.runs import ago, status_words, title_of
from crossrun.views.terminal import Terminal, cell_len, fit
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
    room = terminal.width - len(label)
    line = terminal.style(label, "dim")
    for text, is_match in _pieces(step):
        shown = fit(text, room)
        line += terminal.style(shown, "match") if is_match else shown
        room -= cell_len(shown)
    return line.rstrip()


def _pieces(step: StepMatch) -> Iterator[tuple[str, bool]]:
    """The excerpt in harmless pieces, and whether they are matches."""
    ends = [0, *chain.from_iterable(step.highlights), len(step.excerpt)]
    for place, (begin, end) in enumerate(pairwise(ends)):
        yield re.sub(r"\s+", " ", clean(step.excerpt[begin:end])), place % 2 == 1
