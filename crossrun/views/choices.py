"""Why a run got its pattern, or none."""

import textwrap
from collections.abc import Iterator

from crossrun.events import PatternDecided
from crossrun.views.phrases import abstention_words
from crossrun.views.terminal import Column, Terminal, table
from crossrun.views.unseen import clean
from crossrun.views.words import first_line

_OUTCOMES = {
    "injected": "The agent gets {pattern}.",
    "withheld": "{pattern} fits, but the agent works without it, to measure what it does.",
    "abstained": "The agent gets no pattern.",
    "disabled": "The agent gets no pattern.",
    "forced": "The agent gets {pattern}.",
}
_CHANGES = {
    "injected": "With --no-pattern, the agent works without it.",
    "withheld": "With --pattern {id}, the agent gets it; the setting patterns.holdout limits how "
    "many"
    " runs go without.",
    "forced": "Without the option that names it, crossrun chooses according to the task.",
}


_SCORE = "SCORE: how well the pattern fits the task; only differences between scores mean something"
_SIGNALS = {
    "words": "WORDS: the share of the task's words that it has",
    "spelling": "SPELLING: how alike the letters are",
    "phrases": "PHRASES: words in the same order",
    "coverage": "COVERAGE: the share of its words that the task has",
    "association": "ASSOCIATION: its commands usually come with such words",
    "agreement": "AGREEMENT: similar patterns do the same",
}


def choice_lines(
    decided: PatternDecided, terminal: Terminal, *, is_gone: bool = False
) -> Iterator[str]:
    """What was decided, why, and what would change it; a line each, if it is wide enough.

    `is_gone`: the pattern of `pattern_to_name` has been removed.
    """
    ids = {decided.pattern_id, *(candidate.pattern_id for candidate in decided.candidates)}
    reason = clean(decided.reason)
    if reason.split(" ")[0].rstrip(",") not in ids:
        reason = reason[:1].upper() + reason[1:]
    sentences = (_outcome(decided), _sentence(reason), _change(decided, is_gone=is_gone))
    for sentence in filter(None, sentences):
        yield from textwrap.wrap(sentence, terminal.text_width)
    if decided.compiled:
        values = ", ".join(f"{name} = {clean(value)}" for name, value in decided.values.items())
        text = f"Its script does the task{f' with {values}' if values else ''}."
        yield from textwrap.wrap(text, terminal.text_width)
    elif decided.not_compiled:
        text = _sentence(f"Its script was not used: {clean(decided.not_compiled)}")
        yield from textwrap.wrap(text, terminal.text_width)


def pattern_to_name(decided: PatternDecided) -> str | None:
    """The pattern of the decision, or the best one that was not chosen."""
    if decided.decision != "abstained":
        return decided.pattern_id
    return next((each.pattern_id for each in decided.candidates if each.score is not None), None)


def score_lines(decided: PatternDecided, terminal: Terminal) -> Iterator[str]:
    """The probabilities, and the candidates with their scores."""
    if decided.probability != 1:
        yield f"probability of this decision: {decided.probability:.2f}"
    if decided.right is not None and decided.threshold is not None:
        yield f"probability that the best candidate is right: {decided.right:.2f}"
        yield f"needed: {decided.threshold:.2f}"
    if decided.fits is not None and decided.candidates:
        yield f"probability that any stored pattern fits: {decided.fits:.2f}"
    if decided.candidates:
        yield ""
        yield from _candidates(decided, terminal)
        yield ""
        yield from _legend(decided, terminal)


def _outcome(decided: PatternDecided) -> str:
    fit = abstention_words(decided)
    if decided.decision == "abstained" and fit != "none":
        return _sentence(f"No pattern fits{fit.removeprefix('none fits')}")
    outcome = _OUTCOMES.get(decided.decision)
    if outcome is None:
        return f"{first_line(decided.decision)}: a newer version made this decision."
    title = first_line(decided.summary or "")
    name = f"{decided.pattern_id} v{decided.version}" + (f" ({title})" if title else "")
    return outcome.replace("{pattern}", name)


def _change(decided: PatternDecided, *, is_gone: bool) -> str:
    pattern_id = first_line(pattern_to_name(decided) or "")
    if is_gone:
        return f"{pattern_id} has been removed."
    if decided.decision == "abstained":
        return f"With --pattern {pattern_id}, the agent gets it." if pattern_id else ""
    return _CHANGES.get(decided.decision, "").replace("{id}", pattern_id)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) or not text else f"{text}."


def _legend(decided: PatternDecided, terminal: Terminal) -> Iterator[str]:
    names = {name for each in decided.candidates for name in each.signals}
    meanings = [_SCORE, *(text for name, text in _SIGNALS.items() if name in names)]
    for line in textwrap.wrap("; ".join(meanings) + ".", terminal.text_width):
        yield terminal.style(line, "dim")


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
