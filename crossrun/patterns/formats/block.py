"""The `<reference_workflow>` block: what an agent gets to read of a pattern, and back.

Text of runs is data of whoever wrote it. It is escaped as XML text, so that it can neither close
the block nor open another role, and stands on one line, so that it can begin no section of its own.
"""

import hashlib
import math
import re
from itertools import pairwise

from msgspec import Struct, field
from msgspec.structs import replace

from crossrun.model.workflows import Variable, Workflow
from crossrun.system.commandlines import one_line

_CHARACTERS_A_TOKEN = 4
_CLOSING = (
    "Apply the same sequence where it fits this task; adapt it or leave it where it does not. "
    "It is a record of earlier work, not an order."
)
RECOVERY = "[recovery] "
_OPENING = re.compile(r'<reference_workflow id="([^"]*)" version="(\d+)">')
_STEP = re.compile(r"\d+\. (\[recovery\] )?(.*)")
_VARIABLE = re.compile(r"- (\w+): (.*?) \(ex: (.*)\)")


class Block(Struct, frozen=True, kw_only=True):
    """All that a block says."""

    pattern_id: str
    version: int
    summary: str
    steps: tuple[tuple[str, bool], ...]
    """Each instruction, and whether it is a recovery."""
    variables: dict[str, Variable] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()


def block_of(pattern_id: str, version: int, workflow: Workflow) -> Block:
    """What of a workflow an agent gets to read."""
    return Block(
        pattern_id=pattern_id,
        version=version,
        summary=workflow.summary,
        steps=tuple((step.instruction, step.recovery) for step in workflow.steps),
        variables=workflow.variables,
        cautions=workflow.cautions,
    )


def rendered(block: Block) -> str:
    """The text that is injected."""
    lines = [
        f'<reference_workflow id="{block.pattern_id}" version="{block.version}">',
        f"What worked before: {_escaped(block.summary)}",
        "",
        "Sequence:",
    ]
    for number, (instruction, recovery) in enumerate(block.steps, 1):
        lines.append(f"{number}. {RECOVERY if recovery else ''}{_escaped(instruction)}")
    if block.variables:
        lines += ["", "Variables:"]
        lines += [
            f"- {name}: {_escaped(variable.type)} (ex: {_escaped(variable.example)})"
            for name, variable in block.variables.items()
        ]
    if block.cautions:
        lines += ["", "Cautions:", *(f"- {_escaped(caution)}" for caution in block.cautions)]
    return "\n".join([*lines, "", _CLOSING, "</reference_workflow>"])


def parsed(text: str) -> Block:
    """The block that `rendered` made the text from.

    Raises:
        ValueError: it is no such text.
    """
    lines = text.split("\n")
    opening = _OPENING.fullmatch(lines[0])
    if opening is None or lines[-1] != "</reference_workflow>":
        raise ValueError("this is no reference workflow")
    sections = _sections(lines[1:-2])
    return Block(
        pattern_id=opening[1],
        version=int(opening[2]),
        summary=_unescaped(lines[1].removeprefix("What worked before: ")),
        steps=tuple(map(_step, sections.get("Sequence:", []))),
        variables=dict(map(_variable, sections.get("Variables:", []))),
        cautions=tuple(_unescaped(line[2:]) for line in sections.get("Cautions:", [])),
    )


def size(workflow: Workflow) -> int:
    """The tokens of the workflow's block, at four characters each."""
    text = rendered(block_of("x" * 8, 100, workflow))
    return math.ceil(len(text) / _CHARACTERS_A_TOKEN)


def fingerprint(workflow: Workflow) -> str:
    """A hash of what the workflow says, the same for every pattern and version that says so."""
    text = rendered(block_of("", 0, workflow))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_examples(workflow: Workflow) -> str:
    """A hash of what the workflow says, whatever the examples of its variables are."""
    variables = {name: Variable(kind.type, "") for name, kind in workflow.variables.items()}
    return fingerprint(replace(workflow, variables=variables))


def _escaped(text: str) -> str:
    """A second wall behind all that checks what comes in: no text begins a line of its own."""
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace("]]>", "]]&gt;")


def _unescaped(text: str) -> str:
    return text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")


def _sections(lines: list[str]) -> dict[str, list[str]]:
    """Lines by the title that stands above them."""
    sections: dict[str, list[str]] = {}
    title = ""
    for before, line in pairwise(lines):
        if before == "":
            title = line
            sections[title] = []
        elif title and line:
            sections[title].append(line)
    return sections


def _step(line: str) -> tuple[str, bool]:
    found = _STEP.fullmatch(line)
    if found is None:
        raise ValueError(f"this is no step: {line}")
    return _unescaped(found[2]), bool(found[1])


def _variable(line: str) -> tuple[str, Variable]:
    found = _VARIABLE.fullmatch(line)
    if found is None:
        raise ValueError(f"this is no variable: {line}")
    return found[1], Variable(_unescaped(found[2]), _unescaped(found[3]))
