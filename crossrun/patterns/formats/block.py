"""What an agent gets to read of a pattern, within the bounds of the layout.

A procedure is the commands that worked, as one bash block with the values of an earlier run: what
a model can run, it runs. Everything else follows, the most useful first. A command that names the
block's own tag, or a role, is not shown; see `block_text` for the text.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from crossrun.model.workflows import (
    FILES_FOLDER,
    MOST_STEPS,
    MOST_TOKENS,
    Check,
    Cure,
    PatternFile,
    Step,
    Variable,
    Workflow,
)
from crossrun.patterns.formats.assignments import with_assignments
from crossrun.patterns.formats.block_text import Block, escaped, rendered
from crossrun.patterns.formats.skill_text import shown_body
from crossrun.system.commandlines import one_line

_CHARACTERS_A_TOKEN = 4
TRANSCRIPT = "transcript.md"
_LONGEST_TEXT = 240
"""Characters of a text other than a command."""
_MOST_VALUES = 3
_MOST_NAMES = 12
"""Of files of a skill."""
_FRAME = 800
"""Characters around the text of a skill."""
_LOOKS = ("read", "search", "plan")
_NOT_SHOWN = re.compile(r"<(?:[^\w<]|_)*reference[\W_]*workflow|<\|[\w-]{1,40}\|>", re.IGNORECASE)
_PLAIN = re.compile(r"[\w./@+-]*")
_COPYABLE = re.compile(r"(?![/-])(?!(?:.*/)?\.\.?(?:/|\Z))[\w@+.,=/ -]{1,200}(?<![/ ])")
_NO_COMMAND = ("write", "delete", "use")
"""First words of acts that are no commands."""
_COMMENT = re.compile(r"(?:^|[\s;(])#")
_OWN_SHELL = re.compile(
    r"(?:^|[;&|({\n])[^\S\n]*(?:cd|pushd|popd|exit|exec|set|trap|shopt)(?=\s|$)"
)


class Layout(Struct, frozen=True, kw_only=True):
    """The form of a block, and its bounds.

    `procedure`: everything. `assignments`: the same, with shell variables in the commands and
    assignments before them. `commands`: the commands, the files and what failed. `steps`: numbered
    steps, as a person would list them.
    """

    form: str = "procedure"
    max_steps: int = MOST_STEPS
    max_tokens: int = MOST_TOKENS


_WORTH = ("cures", "cautions", "check", "not_for", "facts", "variables")
"""The parts other than commands and files, the most useful first."""
_BESIDE: dict[str, frozenset[str]] = {
    "procedure": frozenset(_WORTH),
    "commands": frozenset(["cures"]),
    "steps": frozenset(["cautions", "variables"]),
}


def is_command(step: Step) -> bool:
    """Whether a step's instruction can be run as it is.

    False for descriptions of acts, and for commands with a part masked or cut.
    """
    if not step.command or step.command.partition(" ")[0] in _NO_COMMAND:
        return False
    template = step.command.removeprefix("… ")[:40]
    return "…" not in step.instruction and f": {template}" not in step.instruction


def block_of(
    pattern_id: str,
    version: int,
    workflow: Workflow,
    *,
    layout: Layout | None = None,
    not_for: str = "",
    folder: str = "",
) -> Block:
    """The block of a workflow, within the bounds of the layout.

    Args:
        pattern_id: the pattern.
        version: the version of the pattern.
        workflow: the workflow of that version.
        layout: form and bounds; None: the defaults.
        not_for: jobs that the pattern is mistaken for.
        folder: the reference folder with the pattern's files, or "".
    """
    layout = layout or Layout()
    whole = Block(
        pattern_id=pattern_id,
        version=version,
        summary=with_examples(workflow.summary, workflow.variables),
        not_for=_clipped(not_for),
        cures=tuple(map(_cure, workflow.cures)),
        check=_check(workflow.check),
        facts=tuple(_clipped(fact) for fact in workflow.facts),
        variables={
            name: _one_line_variable(variable) for name, variable in workflow.variables.items()
        },
        cautions=tuple(one_line(caution) for caution in workflow.cautions),
    )
    beside = _BESIDE.get(layout.form, _BESIDE["procedure"])
    for part in _WORTH:
        if part not in beside:
            whole = _without(whole, part)
    return _fitted(whole, workflow, layout, folder)


def tokens(block: Block) -> int:
    """The block's size, at four characters a token."""
    return math.ceil(len(rendered(block)) / _CHARACTERS_A_TOKEN)


def size(workflow: Workflow, layout: Layout | None = None) -> int:
    """The tokens of the workflow's block within the layout's bounds."""
    return tokens(block_of("x" * 8, 100, workflow, layout=layout))


def _fitted(whole: Block, workflow: Workflow, layout: Layout, folder: str) -> Block:
    """The block within its bounds: the least useful parts go first, commands last and whole."""
    steps = _within_limit(workflow.steps, layout.max_steps)
    block = _with_instructions(whole, workflow, steps, layout, folder)
    for part in (*reversed(_WORTH), "files"):
        if tokens(block) <= layout.max_tokens:
            return block
        block = _shortest_without(block, part, layout.max_tokens)
    while tokens(block) > layout.max_tokens and len(steps) > 1:
        steps = _within_limit(steps, len(steps) - 1)
        block = replace(_with_instructions(block, workflow, steps, layout, folder), files=())
    return block


def _shortest_without(block: Block, part: str, limit: int) -> Block:
    """The block with as many leading items of one part as fit."""
    value = getattr(block, part)
    if isinstance(value, str):
        return _without(block, part)
    items = list(value.items()) if isinstance(value, dict) else list(value)
    for count in reversed(range(len(items))):
        some = items[:count]
        block = replace(block, **{part: dict(some) if isinstance(value, dict) else tuple(some)})
        if tokens(block) <= limit:
            break
    return block


def _without(block: Block, part: str) -> Block:
    return replace(block, **{part: type(getattr(block, part))()})


def _within_limit(steps: Sequence[Step], limit: int) -> tuple[Step, ...]:
    """At most `limit` steps: drops looks first, then descriptions, then late steps."""
    steps = tuple(steps)
    while len(steps) > max(limit, 1):
        order = [(_priority(step), -at) for at, step in enumerate(steps)]
        least = order.index(min(order))
        steps = (*steps[:least], *steps[least + 1 :])
    return steps


def _priority(step: Step) -> int:
    """The priority of a step; recoveries, and copies that other steps run, have the highest."""
    if step.recovery or FILES_FOLDER in (step.command or ""):
        return 3
    if step.intent in _LOOKS:
        return 0
    return 2 if is_command(step) else 1


def _with_instructions(
    block: Block, workflow: Workflow, steps: Sequence[Step], layout: Layout, folder: str
) -> Block:
    """The block with its instructions: the text of a skill, commands, or numbered steps."""
    files = tuple(_files(workflow, steps, folder))
    block = replace(block, variables=_used_in(block.variables, workflow, steps))
    if workflow.body:
        room = max(layout.max_tokens * _CHARACTERS_A_TOKEN - _FRAME, _FRAME)
        body = _NOT_SHOWN.sub(lambda tag: f"&lt;{tag[0][1:]}", workflow.body)
        shown = shown_body(body, room, folder, workflow.first_line)
        return replace(block, body=shown, files=files)
    if layout.form == "steps" or not any(map(is_command, steps)):
        numbered = tuple((_placed(step.instruction, folder), step.recovery) for step in steps)
        return replace(block, steps=tuple((one_line(t), r) for t, r in numbered), files=files)
    variables = workflow.variables if layout.form == "assignments" else {}
    script = _script(steps, variables, folder)
    return replace(block, sequence="\n".join(script), files=files)


def _used_in(
    variables: Mapping[str, Variable], workflow: Workflow, steps: Sequence[Step]
) -> dict[str, Variable]:
    """The variables that occur in shown commands, and those that no step uses."""
    shown = [step.command or step.instruction for step in steps if step.intent not in _LOOKS]
    anywhere = [step.command or step.instruction for step in workflow.steps]
    return {
        name: kind
        for name, kind in variables.items()
        if any(f"{{{name}}}" in text for text in shown)
        or not any(f"{{{name}}}" in text for text in anywhere)
    }


def _script(steps: Sequence[Step], variables: Mapping[str, Variable], folder: str) -> Iterator[str]:
    """Assignments of variables, then commands to run one after the other.

    Looks are left out if there are other commands.
    """
    only_looks = all(step.intent in _LOOKS for step in steps if is_command(step))
    shown = [
        step
        for step in steps
        if only_looks or step.intent not in _LOOKS or not _is_shown_as_command(step)
    ]
    commands = filter(_is_shown_as_command, shown)
    assignments, scripted = with_assignments(tuple(commands), variables)
    yield from assignments
    texts = iter(scripted)
    for step in shown:
        if _is_shown_as_command(step):
            yield _in_own_shell(_placed(next(texts).instruction, folder).strip("\n"))
        else:
            yield f"# {escaped(_placed(step.instruction, folder))}"


def _is_shown_as_command(step: Step) -> bool:
    return is_command(step) and not _NOT_SHOWN.search(step.instruction)


def _in_own_shell(command: str) -> str:
    """Runs a command that changes the shell in a subshell, as agents do."""
    if not _OWN_SHELL.search(command) or _is_subshell(command):
        return command
    if "\n" in command or _COMMENT.search(command):
        return f"(\n{command}\n)"
    return f"({command})"


def _is_subshell(command: str) -> bool:
    """Whether one pair of parentheses is around the whole command."""
    depth = 0
    for at, sign in enumerate(command):
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and at < len(command) - 1:
            return False
    return depth == 0 and command.startswith("(")


def _files(workflow: Workflow, steps: Sequence[Step], folder: str) -> Iterator[str]:
    """The files in the folder, with a line that copies a file if no command does."""
    if not folder or not workflow.files:
        return
    if workflow.body:
        yield _skill_files(workflow, folder)
        return
    for file in workflow.files:
        if file.kind == "resource" or not is_copyable(file.path):
            continue
        path = f"{FILES_FOLDER}/{file.path}"
        is_used = any(path in step.instruction for step in steps)
        line = file.path if is_used else copy_line(file.path)
        yield f"{_placed(line, folder)} ({_described(file)})"
    yield f"{folder}: these files, and {TRANSCRIPT}, the earlier run command by command"


def _skill_files(workflow: Workflow, folder: str) -> str:
    """The folder of a skill, and its other files."""
    names = [file.path for file in workflow.files if is_copyable(file.path)]
    more = len(names) - _MOST_NAMES
    others = f" and {more} more" if more > 0 else ""
    return f"{folder}: {', '.join(names[:_MOST_NAMES])}{others}"


def _described(file: PatternFile) -> str:
    return f"{file.kind}, {file.size:,} bytes"


def is_copyable(path: str) -> bool:
    """Whether a command can name the file: a relative path without shell metacharacters."""
    return _COPYABLE.fullmatch(path) is not None


def copy_line(path: str, *, makes_folder: bool = True) -> str:
    """The command that copies a file of a pattern into the workspace and makes it writable."""
    name = path if _PLAIN.fullmatch(path) else f'"{path}"'
    parent = path.rpartition("/")[0]
    folder = parent if _PLAIN.fullmatch(parent) else f'"{parent}"'
    made = f"mkdir -p {folder} && " if parent and makes_folder else ""
    return f'{made}cp "{FILES_FOLDER}/{path}" {name} && chmod u+w {name}'


def _placed(text: str, folder: str) -> str:
    """The text with the path of the folder, escaped for double quotes."""
    if not folder:
        return text
    return text.replace(FILES_FOLDER, re.sub(r'([\\"$`])', r"\\\1", folder))


def _cure(cure: Cure) -> tuple[str, str]:
    """The error and its cure. The command that failed is not shown: models run what they read."""
    why = f" ({one_line(cure.why)})" if cure.why else ""
    error = one_line(cure.error) or f"{one_line(cure.failed).partition(' ')[0]} failed"
    return _clipped(error.replace(" -> ", " - > ")), _clipped(f"{one_line(cure.cured_by)}{why}")


def _check(check: Check | None) -> str:
    if check is None:
        return ""
    done = f" - done: {one_line(check.done)}" if check.done else ""
    return _clipped(f"`{one_line(check.command)}`{done}")


def _one_line_variable(variable: Variable) -> Variable:
    """The variable on one line, with the values that differ from the example."""
    values = (one_line(v).replace(", ", ",") for v in variable.values if v != variable.example)
    others = tuple(dict.fromkeys(value for value in values if value))[:_MOST_VALUES]
    return Variable(one_line(variable.type), one_line(variable.example), others)


def with_examples(text: str, variables: Mapping[str, Variable]) -> str:
    """The text with the values of an earlier run, since models do not act on placeholders."""
    for name, variable in variables.items():
        text = text.replace(f"{{{name}}}", variable.example)
    return one_line(text)


def _clipped(text: str, limit: int = _LONGEST_TEXT) -> str:
    text = one_line(text)
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
