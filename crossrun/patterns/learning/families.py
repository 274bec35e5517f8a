"""Which pattern a run belongs to: the same workflow again, another way to do the task, or new."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from crossrun.model.workflows import Act, Pattern, Trace
from crossrun.patterns.learning.alignment import likeness
from crossrun.patterns.retrieval.words import content_words, task_words

_CHOSEN = 0.5
"""How alike the tasks are at least when the choice found that the pattern fits."""
COMPARED = 2
"""So many of a pattern's runs are compared, the newest."""


class Relative(NamedTuple):
    """A pattern that the run may belong to, with runs of it."""

    pattern_id: str
    family_id: str
    traces: Sequence[Trace]
    chosen: bool = False
    """Whether it was chosen for the run as one that fits."""


class Belonging(NamedTuple):
    """Where a run belongs among the stored patterns; both None: it is something new."""

    pattern_id: str | None = None
    """It is one more run of this pattern."""
    family_id: str | None = None
    """It is of this family."""


def belonging(trace: Trace, relatives: Iterable[Relative]) -> Belonging:
    """The pattern whose task and workflow are most like those of the run, if they are enough."""
    measured = [(*_measured(trace, relative), relative) for relative in relatives]
    measured.sort(key=lambda m: (-(m[0] + m[1]), m[2].pattern_id))
    for task, work, relative in measured:
        if _is_same(task, work):
            return Belonging(relative.pattern_id, relative.family_id)
    for task, _, relative in measured:
        if task >= 0.5:  # noqa: PLR2004
            return Belonging(None, relative.family_id)
    return Belonging()


def tasks_alike(one: str, other: str) -> float:
    """The share of content words that two tasks have in common, from 0 to 1."""
    left, right = set(content_words(task_words(one))), set(content_words(task_words(other)))
    return len(left & right) / max(len(left | right), 1)


def as_trace(pattern: Pattern) -> Trace:
    """A pattern that no run here taught, as if one had done what it says."""
    examples = {name: variable.example for name, variable in pattern.workflow.variables.items()}
    return Trace(
        run_id="",
        task=pattern.task,
        acts=tuple(
            Act(
                intent=step.intent,
                target=step.target,
                command=_filled(step.command or step.instruction, examples),
                occurrences=step.evidence,
                recovery=step.recovery,
            )
            for step in pattern.workflow.steps
        ),
    )


def _filled(text: str, examples: Mapping[str, str]) -> str:
    for name, example in examples.items():
        text = text.replace(f"{{{name}}}", example)
    return text


def _measured(trace: Trace, relative: Relative) -> tuple[float, float]:
    runs = relative.traces[-COMPARED:]
    task = max((tasks_alike(trace.task, run.task) for run in runs), default=0.0)
    return (
        max(task, _CHOSEN) if relative.chosen else task,
        max((likeness(trace, run) for run in runs), default=0.0),
    )


def _is_same(task: float, work: float) -> bool:
    """The more the tasks say the same, the less the commands have to."""
    return (
        (task >= 0.9 and work >= 0.3)  # noqa: PLR2004
        or (task >= 0.25 and work >= 0.5)  # noqa: PLR2004
        or (task >= 0.1 and work >= 0.7)  # noqa: PLR2004
    )
