"""Agent Skills: the `SKILL.md` that Codex, Claude Code and Gemini read.

Pure: texts and bytes in, texts out. The text of a skill is untrusted: front matter is read as plain
text fields and never constructed, so that neither its size nor its form can do harm.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import yaml

from crossrun.model.workflows import (
    FILES_FOLDER,
    LONGEST_STEP,
    Pattern,
    PatternFile,
    Workflow,
)
from crossrun.patterns.formats.block import Layout, block_of
from crossrun.patterns.formats.block_text import Block
from crossrun.patterns.formats.skill_text import headings
from crossrun.system.commandlines import one_line

SKILL_FILE = "SKILL.md"
PATTERN_FILE = "pattern.yaml"
LONGEST_BODY = 100_000
"""Characters of a body that are read in the block and in searches; the file keeps all of them."""
_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1_024
"""Bounds of the format for the skill's name and description."""
_LONGEST_FIELD = 20_000
_LONGEST_OUTLINE = 1_000
_FRONT_MATTER = re.compile(
    r"\A\s{0,9}---[ \t]*\n(?:(.{0,32000}?)\n)??---[ \t]*(?:\n|\Z)", re.DOTALL
)
_FIELD = re.compile(r"^(name|description)[ \t]*:[ \t]*(.*(?:\n[ \t]+.*){0,99})", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s|(?<=[\u3002\uff01\uff1f])")
_PATTERN = re.compile(rb"^pattern:[ \t]*\d", re.MULTILINE)
_FOLDERS = {"program": "scripts"}
_OTHER_FOLDER = "assets"
_WHOLE = Layout(max_steps=100, max_tokens=20_000)


class SkillText(NamedTuple):
    """A parsed `SKILL.md`.

    `first_line` is the line of the file, from 1, on which the body begins.
    """

    name: str
    description: str
    body: str
    first_line: int


def decoded(content: bytes) -> str:
    """The text of a file in any of the usual encodings, with line feeds at the ends of lines."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(content: bytes, folder: str) -> SkillText:
    """Parses a `SKILL.md`, however malformed.

    Args:
        content: the bytes of the file.
        folder: the name of its folder, which is the skill's name if it has none.
    """
    text = decoded(content)
    front = _FRONT_MATTER.match(text)
    fields = _fields(front[1] or "") if front else {}
    body = text[front.end() :] if front else text
    first_line = text.count("\n", 0, front.end()) + 1 if front else 1
    name = one_line(fields.get("name", ""))[:_LONGEST_NAME].strip() or one_line(folder)
    description = one_line(fields.get("description", "")) or _opening(body) or name
    return SkillText(name, description, body, first_line)


def is_exported(content: bytes, *, is_skill: bool) -> bool:
    """Whether a `pattern.yaml` is an exported pattern, and not some file of a skill."""
    return not is_skill or _PATTERN.search(content[:_LONGEST_FIELD]) is not None


def summary_of(description: str) -> str:
    """The first sentence of a description, bounded in length."""
    line = one_line(description)
    if len(line) > LONGEST_STEP:
        line = _SENTENCE_END.split(line, maxsplit=1)[0]
    return line if len(line) <= LONGEST_STEP else f"{line[: LONGEST_STEP - 1].rstrip()}…"


def outline(path: str, content: bytes) -> str:
    """A reference on one line: its path and its headings."""
    titles = "; ".join(heading.text for heading in headings(decoded(content)))
    return one_line(f"{path}: {titles}")[:_LONGEST_OUTLINE]


def with_body(content: bytes, body: str) -> bytes:
    """A `SKILL.md` with its front matter and another body."""
    text = decoded(content)
    front = _FRONT_MATTER.match(text)
    return (text[: front.end()] if front else "").encode() + body.encode()


def folder_name(pattern: Pattern) -> str:
    """The name of the skill's folder: lower-case letters, digits and single hyphens, 64 at most.

    An imported skill keeps its name; a learned pattern gets words of its summary and its id.
    """
    workflow = pattern.workflow
    if workflow.name:
        return _hyphenated(workflow.name, _LONGEST_NAME) or f"skill-{pattern.id}"
    words = _hyphenated(workflow.summary, _LONGEST_NAME - len(pattern.id) - 1)
    return f"{words or 'pattern'}-{pattern.id}"


def place_of(file: PatternFile) -> str:
    """The path of a learned pattern's file in the skill's folder."""
    return f"{_FOLDERS.get(file.kind, _OTHER_FOLDER)}/{file.path}"


def written(pattern: Pattern) -> str:
    """The `SKILL.md` of a learned pattern."""
    workflow = pattern.workflow
    block = block_of(pattern.id, pattern.version, workflow, layout=_WHOLE)
    head = {"name": folder_name(pattern), "description": _description(pattern, block.summary)}
    front_matter = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=10_000)
    sections = [f"---\n{front_matter}---", f"# {block.summary}", *_sections(workflow, block)]
    return "\n\n".join(sections) + "\n"


def _sections(workflow: Workflow, block: Block) -> Iterator[str]:
    if workflow.body:
        yield workflow.body.strip("\n")
        return
    yield "It worked like this before. Apply the same sequence where it fits the task."
    if block.sequence:
        yield f"## Sequence\n\n{_code(_in_skill(block.sequence, workflow.files))}"
    else:
        numbered = enumerate(block.steps, 1)
        lines = [f"{n}. {'(a repair) ' if repair else ''}{text}" for n, (text, repair) in numbered]
        yield _section("Sequence", lines)
    if workflow.files:
        yield _section("Files", ["Their paths are relative to this skill's folder.", ""])
        yield "\n".join(f"- `{place_of(file)}`: {file.kind}" for file in workflow.files)
    cures = [f"- {failed}: cured by {cured_by}" for failed, cured_by in block.cures]
    variables = [
        f"- {name}: {variable.type}, for example {variable.example}"
        for name, variable in block.variables.items()
    ]
    yield from (
        _section(title, lines)
        for title, lines in (
            ("What failed", cures),
            ("Check", [block.check] if block.check else []),
            ("Facts", [f"- {fact}" for fact in block.facts]),
            ("What differs from task to task", variables),
            ("Cautions", [f"- {caution}" for caution in block.cautions]),
        )
        if lines
    )


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines]).rstrip("\n")


def _in_skill(text: str, files: Sequence[PatternFile]) -> str:
    """The text with the places of files in the skill's folder, the longest paths first."""
    for file in sorted(files, key=lambda file: -len(file.path)):
        text = text.replace(f"{FILES_FOLDER}/{file.path}", place_of(file))
    return text


def _description(pattern: Pattern, summary: str) -> str:
    """What the skill does and when to use it, from the summary and the task."""
    summary = summary.rstrip(".")
    task = one_line(pattern.task).rstrip(".")
    text = f"{summary}. What worked in earlier runs of this kind of task."
    if task and task != summary:
        text += f" Use when the task is like: {task}."
    if len(text) > _LONGEST_DESCRIPTION:
        text = f"{text[: _LONGEST_DESCRIPTION - 1].rstrip()}…"
    return text.replace("<", "(").replace(">", ")")  # the format allows no tags there


def _code(text: str) -> str:
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return "\n".join([f"{fence}bash", text, fence])


def _hyphenated(text: str, longest: int) -> str:
    """The leading words of a text that fit, joined by hyphens."""
    name = ""
    for word in re.findall(r"[a-z0-9]+", text.lower()):
        longer = f"{name}-{word}" if name else word
        if len(longer) > longest:
            break
        name = longer
    return name


def _fields(text: str) -> dict[str, str]:
    """The plain fields of front matter; invalid YAML is read line by line.

    Nodes are composed but not constructed: merged keys and aliases cannot multiply.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        node = None
    if not isinstance(node, yaml.MappingNode):
        pairs = [(match[1], match[2]) for match in _FIELD.finditer(text)]
        return {key: _unquoted(value)[:_LONGEST_FIELD] for key, value in reversed(pairs)}
    return {
        key.value.lower(): value.value[:_LONGEST_FIELD]
        for key, value in node.value
        if isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)
    }


def _unquoted(value: str) -> str:
    value = re.sub(r"\A[|>][+-]?\d?[ \t]*\n", "", value).strip()
    quote = value[:1]
    return value[1:-1] if quote in "\"'" and len(value) > 1 and value.endswith(quote) else value


def _opening(body: str) -> str:
    """The first text of a body: of a paragraph if there is one, else of a heading."""
    lines = [line.strip() for line in body.split("\n")[:200] if line.strip()]
    paragraph = next((line for line in lines if not re.match(r"[#<`~|=-]", line)), "")
    heading = next((line.lstrip("# ") for line in lines if line.startswith("#")), "")
    return one_line(paragraph or heading)[:_LONGEST_DESCRIPTION]
