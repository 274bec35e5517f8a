"""`<reference_workflow>` blocks as text: rendering and parsing.

The text of runs is untrusted data. Commands stand unescaped between fences that are longer than any
in them. All other text is escaped where it could be a tag, and stands on one line, so that it
cannot begin a section.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct, field

from crossrun.model.workflows import Variable
from crossrun.system.commandlines import one_line

_CLOSING = (
    "Apply the same sequence where it fits this task: put the values of this task into it, run it "
    "once, then check; stop when it is right. It is a record of earlier work, not an order: "
    "adapt it or leave it where it does not fit."
)
RECOVERY = "[recovery] "
_OPENING = re.compile(r'<reference_workflow id="([^"]*)" version="(\d+)">')
_STEP = re.compile(r"\d+\. (\[recovery\] )?(.*)")
_VARIABLE = re.compile(r"- (\w+): (.*?) \(ex: (.*?)(?:; also: (.*))?\)")
_CURE = re.compile(r"- (.*?) -> (.*)")
_TAG = re.compile(r"<(?=[A-Za-z/!?|_\\])|&(?=(?:amp|lt|gt);)")
_FENCE = re.compile(r"^[^\S\n]*(`{3,})", re.MULTILINE)


class Block(Struct, frozen=True, kw_only=True):
    """The content of a block. Its instructions are either `sequence`, `steps` or `body`."""

    pattern_id: str
    version: int
    summary: str
    not_for: str = ""
    sequence: str = ""
    """Lines of a shell script."""
    steps: tuple[tuple[str, bool], ...] = ()
    """Each instruction, and whether it is a recovery."""
    body: str = ""
    files: tuple[str, ...] = ()
    cures: tuple[tuple[str, str], ...] = ()
    """The error, and what cured it."""
    check: str = ""
    facts: tuple[str, ...] = ()
    variables: dict[str, Variable] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()


def rendered(block: Block) -> str:
    """The text that is injected."""
    lines = [
        f'<reference_workflow id="{block.pattern_id}" version="{block.version}">',
        f"What worked before: {escaped(block.summary)}",
    ]
    if block.not_for:
        lines.append(f"Not for: {escaped(block.not_for)}")
    lines += ["", *_instruction_lines(block)]
    for title, items in _other_sections(block):
        lines += ["", title, *items]
    return "\n".join([*lines, "", _CLOSING, "</reference_workflow>"])


def parsed(text: str) -> Block:
    """The block that `rendered` made the text from.

    Raises:
        ValueError: it is not such a text.
    """
    lines = text.split("\n")
    opening = _OPENING.fullmatch(lines[0])
    if opening is None or lines[-1] != "</reference_workflow>":
        raise ValueError("this is not a reference workflow")
    lines, fenced = _without_fenced(lines[1:-2])
    sections = _sections(["", *lines])
    check = sections.get("Check:", [])
    return Block(
        pattern_id=opening[1],
        version=int(opening[2]),
        summary=_unescaped(lines[0].removeprefix("What worked before: ")),
        not_for=_unescaped("".join(_after("Not for: ", lines[1:2]))),
        sequence=fenced.get("Sequence:", ""),
        steps=tuple(map(_step, sections.get("Sequence:", []))),
        body=fenced.get("Skill:", ""),
        files=tuple(_unescaped(line[2:]) for line in sections.get("Files:", [])),
        cures=tuple(map(_parsed_cure, sections.get("What failed:", []))),
        check=_unescaped(check[0][2:]) if check else "",
        facts=tuple(_unescaped(line[2:]) for line in sections.get("Facts:", [])),
        variables=dict(map(_variable, sections.get("Variables:", []))),
        cautions=tuple(_unescaped(line[2:]) for line in sections.get("Cautions:", [])),
    )


def _instruction_lines(block: Block) -> list[str]:
    if block.body:
        return _fenced("Skill:", "markdown", block.body)
    if block.sequence:
        return _fenced("Sequence:", "bash", block.sequence)
    numbered = enumerate(block.steps, 1)
    return [
        "Sequence:",
        *(f"{n}. {RECOVERY if recovery else ''}{escaped(t)}" for n, (t, recovery) in numbered),
    ]


def _fenced(title: str, language: str, text: str) -> list[str]:
    """A text between fences that are longer than any in it."""
    longest = max((len(match[1]) for match in _FENCE.finditer(text)), default=2)
    fence = "`" * max(longest + 1, 3)
    return [title, f"{fence}{language}", text, fence]


def _other_sections(block: Block) -> Iterator[tuple[str, list[str]]]:
    checks = [block.check] if block.check else []
    sections: list[tuple[str, Iterable[str]]] = [
        ("Files:", map(escaped, block.files)),
        ("What failed:", (f"{escaped(what)} -> {escaped(by)}" for what, by in block.cures)),
        ("Check:", map(escaped, checks)),
        ("Facts:", map(escaped, block.facts)),
        ("Variables:", (_variable_line(*item) for item in block.variables.items())),
        ("Cautions:", map(escaped, block.cautions)),
    ]
    for title, items in sections:
        lines = [f"- {item}" for item in items]
        if lines:
            yield title, lines


def _variable_line(name: str, variable: Variable) -> str:
    others = f"; also: {escaped(', '.join(variable.values))}" if variable.values else ""
    return f"{name}: {escaped(variable.type)} (ex: {escaped(variable.example)}{others})"


def escaped(text: str) -> str:
    """The text on one line and without tags: a second barrier behind the checks of input."""
    text = _TAG.sub(lambda match: "&lt;" if match[0] == "<" else "&amp;", one_line(text))
    return text.replace("]]>", "]]&gt;")


def _unescaped(text: str) -> str:
    return text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")


def _without_fenced(lines: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The lines outside of fences, and the text within them by the title above."""
    outside: list[str] = []
    inside: dict[str, str] = {}
    fence, title, text = "", "", list[str]()
    for line in lines:
        opening = re.fullmatch(r"(`{3,})(?:bash|markdown)", line)
        if fence:
            if line == fence:
                inside[title], fence = "\n".join(text), ""
            else:
                text.append(line)
        elif opening is not None and outside and outside[-1] in ("Sequence:", "Skill:"):
            fence, title, text = opening[1], outside[-1], []
        else:
            outside.append(line)
    return outside, inside


def _after(prefix: str, lines: Iterable[str]) -> list[str]:
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


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
    match = _STEP.fullmatch(line)
    if match is None:
        raise ValueError(f"this is not a step: {line}")
    return _unescaped(match[2]), bool(match[1])


def _parsed_cure(line: str) -> tuple[str, str]:
    match = _CURE.fullmatch(line)
    if match is None:
        raise ValueError(f"this is not a cure: {line}")
    return _unescaped(match[1]), _unescaped(match[2])


def _variable(line: str) -> tuple[str, Variable]:
    match = _VARIABLE.fullmatch(line)
    if match is None:
        raise ValueError(f"this is not a variable: {line}")
    others = tuple(match[4].split(", ")) if match[4] else ()
    values = tuple(map(_unescaped, others))
    return match[1], Variable(_unescaped(match[2]), _unescaped(match[3]), values)
