"""Why a run got its pattern, or none."""

import textwrap
from collections.abc import Iterator

from crossrun.events import PatternDecided
from crossrun.views.terminal import Column, Terminal, table
from crossrun.views.unseen import clean
from crossrun.views.words import first_line

_DECISIONS = {
    "injected": "the agent gets it",
    "withheld": "the agent works without it, to measure its effect",
    "abstained": "the agent gets no pattern",
    "disabled": "the agent gets no pattern",
    "forced": "the agent gets it",
}


def choice_lines(decided: PatternDecided, terminal: Terminal) -> Iterator[str]:
    """The decision, the reason, and the candidates with their scores."""
    named = f" {decided.pattern_id} v{decided.version}" if decided.pattern_id else ""
    chance = "" if decided.probability == 1 else f", with probability {decided.probability:.2f}"
    meaning = f"{_DECISIONS.get(decided.decision, 'a newer version made this decision')}{chance}"
    title = f"{decided.decision}{named}"
    width = max(terminal.text_width, len(title) + 1)
    first, *others = textwrap.wrap(f"{title}: {meaning}", width, subsequent_indent="  ")
    yield terminal.style(title, "bold") + first.removeprefix(title)
    yield from others
    for text in (first_line(decided.summary or ""), clean(decided.reason)):
        yield from textwrap.wrap(
            text, terminal.text_width - 2, initial_indent="  ", subsequent_indent="  "
        )
    if decided.fits is not None and decided.candidates:
        yield f"  the probability that any stored pattern fits is {decided.fits:.2f}"
    if decided.candidates:
        yield ""
        yield from _candidates(decided, terminal)


def _candidates(decided: PatternDecided, terminal: Terminal) -> Iterator[str]:
    signals = list(dict.fromkeys(name for each in decided.candidates for name in each.signals))
    columns = [
        Column("PATTERN", style="bold"),
        Column("SCORE", align="right"),
        *(Column(name.upper(), align="right", essential=False) for name in signals),
        Column("", flexible=True, style="dim"),
    ]
    rows = [
        [
            f"{candidate.pattern_id} v{candidate.version}",
            "" if candidate.score is None else f"{candidate.score:.2f}",
            *(
                "" if name not in candidate.signals else f"{candidate.signals[name]:.2f}"
                for name in signals
            ),
            first_line(candidate.excluded or candidate.task_type),
        ]
        for candidate in decided.candidates
    ]
    yield from table(columns, rows, terminal)
