"""The budget of a stored workflow. What fits into a block is decided in `formats.block`."""

from msgspec.structs import replace

from crossrun.model.workflows import (
    LONGEST_COMMAND,
    LONGEST_STEP,
    MOST_CAUTIONS,
    STORED_STEPS,
    Step,
    Variable,
    Workflow,
)
from crossrun.patterns.formats.block import is_command
from crossrun.patterns.formats.block_text import RECOVERY
from crossrun.patterns.learning.clipping import clipped
from crossrun.patterns.learning.redaction import printable
from crossrun.patterns.learning.weights import weight

_LONGEST_EXAMPLE = 60
_MOST_CURES = 6
_MOST_FACTS = 8
_MOST_VALUES = 8
_ONLY_IN_STEPS = (
    "command", "folder", "glob", "identifier", "name", "number", "path", "range", "text", "url",
    "version",
)  # fmt: skip
_MOST_VARIABLES = 8


def within_budget(workflow: Workflow) -> Workflow:
    """The workflow with at most `STORED_STEPS` steps and bounded texts; no command is cut."""
    workflow = replace(
        workflow,
        summary=_unmarked(clipped(workflow.summary)),
        steps=tuple(map(_plain, workflow.steps)),
        cautions=tuple(_unmarked(clipped(text)) for text in workflow.cautions[-MOST_CAUTIONS:]),
        cures=workflow.cures[-_MOST_CURES:],
        facts=tuple(clipped(fact, 2 * LONGEST_STEP) for fact in workflow.facts[:_MOST_FACTS]),
    )
    while len(workflow.steps) > STORED_STEPS:
        workflow = _without_least(workflow)
    return _with_variables(workflow)


def _plain(step: Step) -> Step:
    """A step with its description on one line; a command stays unless it is too long."""
    if is_command(step):
        text = printable(step.instruction).strip("\n")
        if len(text) <= LONGEST_COMMAND and text:
            return replace(step, instruction=text)
    return replace(step, instruction=_unmarked(clipped(step.instruction)))


def _unmarked(text: str) -> str:
    """The text without the mark that a recovery has in a block."""
    while text.startswith(RECOVERY.strip()):
        text = text.removeprefix(RECOVERY.strip()).lstrip()
    return text or "…"


def _without_least(workflow: Workflow) -> Workflow:
    """Drops the least informative step: by intent, then by rarity, then the latest."""
    steps = workflow.steps
    droppable = [at for at, step in enumerate(steps) if not step.recovery] or range(len(steps))
    least = min(
        droppable,
        key=lambda at: (
            weight(steps[at].intent),
            len(steps[at].evidence),
            -at,
        ),
    )
    return replace(workflow, steps=(*steps[:least], *steps[least + 1 :]))


def _with_variables(workflow: Workflow) -> Workflow:
    """Keeps the variables in use, and some others whose values a task may name."""
    texts = [workflow.summary, *(step.command or step.instruction for step in workflow.steps)]
    used = [n for n in workflow.variables if any(f"{{{n}}}" in text for text in texts)]
    others = [
        name
        for name, variable in workflow.variables.items()
        if name not in used and variable.type not in _ONLY_IN_STEPS
    ]
    names = {*used, *others[: max(_MOST_VARIABLES - len(used), 0)]}
    return replace(
        workflow,
        variables={n: _short(kind) for n, kind in workflow.variables.items() if n in names},
    )


def _short(variable: Variable) -> Variable:
    values = (clipped(value, _LONGEST_EXAMPLE) for value in variable.values if value.strip())
    return Variable(
        variable.type,
        clipped(variable.example, _LONGEST_EXAMPLE),
        tuple(dict.fromkeys(values))[:_MOST_VALUES],
    )
