"""A workflow within its limits: what says least goes first, a recovery step never."""

from msgspec.structs import replace

from crossrun.model.workflows import (
    MOST_CAUTIONS,
    MOST_STEPS,
    MOST_TOKENS,
    Step,
    Variable,
    Workflow,
)
from crossrun.patterns.formats.block import RECOVERY, size
from crossrun.patterns.learning.clipping import clipped
from crossrun.patterns.learning.traces import weight

_LONGEST_EXAMPLE = 60
_ONLY_IN_STEPS = (
    "command", "folder", "glob", "identifier", "name", "number", "path", "range", "text", "url",
    "version",
)  # fmt: skip
_MOST_VARIABLES = 8
_SHORTER = (72, 36, 18)
"""Characters of a text where all of them together are still too long."""


def clamped(workflow: Workflow) -> Workflow:
    """The workflow with at most `MOST_STEPS` steps, in a block of at most `MOST_TOKENS`."""
    workflow = replace(
        workflow,
        summary=_unmarked(clipped(workflow.summary)),
        steps=tuple(map(_plain, workflow.steps)),
        cautions=tuple(_unmarked(clipped(one)) for one in workflow.cautions[-MOST_CAUTIONS:]),
    )
    while len(workflow.steps) > MOST_STEPS:
        workflow = _without_least(workflow)
    workflow = _with_variables(workflow)
    while size(workflow) > MOST_TOKENS and _droppable(workflow):
        workflow = _with_variables(_without_least(workflow))
    for limit in _SHORTER:
        if size(workflow) > MOST_TOKENS:
            workflow = _with_variables(_shortened(workflow, limit))
    return workflow


def _plain(step: Step) -> Step:
    return replace(step, instruction=_unmarked(clipped(step.instruction)))


def _unmarked(text: str) -> str:
    """What marks a recovery in the block is no part of a text."""
    while text.startswith(RECOVERY.strip()):
        text = text.removeprefix(RECOVERY.strip()).lstrip()
    return text or "…"


def _droppable(workflow: Workflow) -> list[int]:
    steps = workflow.steps
    few = len(steps) <= 1
    return [] if few else [at for at, step in enumerate(steps) if not step.recovery]


def _without_least(workflow: Workflow) -> Workflow:
    """Drops the step that says least: by its intent, then by how seldom it was seen, then late."""
    steps = workflow.steps
    weights = [weight(step.intent) for step in steps]
    least = min(
        _droppable(workflow) or range(len(steps)),
        key=lambda at: (weights[at], len(steps[at].evidence), -at),
    )
    return replace(workflow, steps=(*steps[:least], *steps[least + 1 :]))


def _with_variables(workflow: Workflow) -> Workflow:
    """Only variables that are there to be filled in, and those that the task itself told."""
    texts = [workflow.summary, *(step.instruction for step in workflow.steps)]
    used = {
        name: variable
        for name, variable in workflow.variables.items()
        if any(f"{{{name}}}" in text for text in texts)
    }
    others = {n: v for n, v in workflow.variables.items() if n not in used and _is_told(v)}
    kept = dict([*used.items(), *others.items()][: max(_MOST_VARIABLES, len(used))])
    return replace(
        workflow,
        variables={
            name: replace(variable, example=clipped(variable.example, _LONGEST_EXAMPLE))
            for name, variable in workflow.variables.items()
            if name in kept
        },
    )


def _is_told(variable: Variable) -> bool:
    """Whether it says something about the task where no step names it."""
    return variable.type not in _ONLY_IN_STEPS


def _shortened(workflow: Workflow, limit: int) -> Workflow:
    """The same in fewer characters: all texts, as signs that are escaped take more room."""
    return replace(
        workflow,
        summary=clipped(workflow.summary, limit),
        steps=tuple(
            replace(step, instruction=clipped(step.instruction, limit)) for step in workflow.steps
        ),
        variables={
            name: replace(variable, example=clipped(variable.example, limit // 2))
            for name, variable in workflow.variables.items()
        },
        cautions=tuple(clipped(caution, limit) for caution in workflow.cautions),
    )
