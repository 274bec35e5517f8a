"""Patterns as YAML, for the user's editor and for export, with provenance."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

import msgspec
import yaml

from crossrun.errors import UsageError
from crossrun.model.workflows import (
    LONGEST_COMMAND,
    LONGEST_STEP,
    MOST_CAUTIONS,
    MOST_TOKENS,
    STORED_STEPS,
    Check,
    Cure,
    Intent,
    Occurrence,
    Pattern,
    PatternFile,
    Preconditions,
    Step,
    Variable,
    Workflow,
)
from crossrun.patterns.formats.block import is_command, size

FORMAT = 1
_NAME = re.compile(r"[a-z_]\w{0,39}")
_TYPE = re.compile(r"[\w][\w.-]{0,63}")
_LONGEST_TASK = 100_000
_LONGEST_BODY = 100_000
_LAYERS = ("files", "cures", "check", "facts", "body", "name", "first_line", "outline", "contents")
"""What a pattern may do without."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE_PATH = re.compile(r"(?!/)(?!(?:.*/)?\.\.?(?:/|\Z))[^\0\n\\]{1,400}")
_UNKNOWN = re.compile(r"unknown field `(\w+)`")
_KIND = re.compile(r"[\w][\w -]{0,39}")
_EVIDENCE = re.compile(r"([\w.-]{1,64}):(\d{1,12})(?::(-?\d{1,12}))?")
_PLACE = re.compile(r"\.(\w+)|\[(\d+)\]|\[\.\.\.\]")


class StepForm(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A step; `evidence` as `run:event:exit code`."""

    instruction: str
    intent: Intent = "run"
    target: str = ""
    command: str | None = None
    recovery: bool = False
    why: str = ""
    evidence: list[str] = []


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The provenance of a pattern."""

    pattern_id: str = ""
    version: int = 1
    hash: str = ""
    project_id: str = ""
    learned_from: tuple[str, ...] = ()
    learned_at: str = ""


class Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A pattern in its YAML form."""

    pattern: int
    summary: str
    task: str
    task_type: str
    steps: list[StepForm]
    variables: dict[str, Variable] = {}
    cautions: list[str] = []
    preconditions: Preconditions = Preconditions()
    files: list[PatternFile] = []
    cures: list[Cure] = []
    check: Check | None = None
    facts: list[str] = []
    body: str = ""
    name: str = ""
    first_line: int = 0
    outline: list[str] = []
    contents: dict[str, str] = {}
    """Texts of files, by their hash, where the pattern is handed on as one file."""
    provenance: Provenance = Provenance()

    @property
    def workflow(self) -> Workflow:
        """The workflow of the form."""
        return Workflow(
            summary=self.summary,
            steps=tuple(map(_step, self.steps)),
            variables=self.variables,
            cautions=tuple(self.cautions),
            preconditions=self.preconditions,
            files=tuple(self.files),
            cures=tuple(self.cures),
            check=self.check,
            facts=tuple(self.facts),
            body=self.body,
            name=self.name,
            first_line=self.first_line or 1,
            outline=tuple(self.outline),
        )


def written(pattern: Pattern, contents: Mapping[str, bytes] | None = None) -> str:
    """The pattern as YAML.

    Args:
        pattern: the pattern.
        contents: the contents of its files, by hash, if the export includes them.
    """
    workflow = pattern.workflow
    form = Form(
        pattern=FORMAT,
        summary=workflow.summary,
        task=pattern.task,
        task_type=pattern.task_type,
        steps=[_step_form(step) for step in workflow.steps],
        variables=workflow.variables,
        cautions=list(workflow.cautions),
        preconditions=workflow.preconditions,
        files=list(workflow.files),
        cures=list(workflow.cures),
        check=workflow.check,
        facts=list(workflow.facts),
        body=workflow.body,
        name=workflow.name,
        first_line=workflow.first_line if workflow.body else 0,
        outline=list(workflow.outline),
        contents=dict(_texts(contents or {})),
        provenance=Provenance(
            pattern_id=pattern.id,
            version=pattern.version,
            hash=pattern.hash,
            project_id=pattern.project_id,
            learned_from=pattern.source_run_ids,
            learned_at=pattern.created_at,
        ),
    )
    content = msgspec.to_builtins(form)
    content = {name: value for name, value in content.items() if value or name not in _LAYERS}
    return yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )


def _texts(contents: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    for sha256, content in sorted(contents.items()):
        with suppress(UnicodeDecodeError):
            yield sha256, content.decode()


class _Dumper(yaml.SafeDumper):
    """A YAML dumper that writes multi-line text as literal blocks."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def read(text: str, source: str) -> Form:
    """Parses a form.

    Args:
        text: YAML.
        source: what the text is called in errors.

    Raises:
        UsageError: the text is invalid, or exceeds a limit; the message names the line.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or "it is not YAML"
        raise _invalid(source, mark.line + 1 if mark else None, why) from error
    except RecursionError as error:
        raise _invalid(source, None, "it is nested too deeply") from error
    try:
        form = msgspec.convert(content, Form)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `")
        unknown = _UNKNOWN.search(what)
        path = f"{path.rstrip('`') or '$'}.{unknown[1]}" if unknown else path
        raise _invalid(source, _line(node, path.rstrip("`")), what) from error
    return checked(form, source, node)


def checked(form: Form, source: str, node: Any = None) -> Form:  # noqa: ANN401  see `_line`
    """Returns the form if it is within all limits.

    Raises:
        UsageError: it is not; the message names the first place, with its line in `node`.
    """
    for path, what in _objections(form):
        raise _invalid(source, _line(node, path), what)
    return form


def _objections(form: Form) -> list[tuple[str, str]]:
    """Errors in a well-formed form: place and message."""
    objections = []
    if form.pattern != FORMAT:
        objections.append(("$.pattern", f"format {form.pattern} is not known, only {FORMAT}"))
    if not (form.steps or form.body) or len(form.steps) > STORED_STEPS:
        objections.append(("$.steps", f"there have to be 1 to {STORED_STEPS} steps"))
    if len(form.body) > _LONGEST_BODY:
        objections.append(("$.body", f"it has more than {_LONGEST_BODY:,} characters"))
    objections += [
        (f"$.files[{at}]", "a file needs a relative path and the SHA-256 of its content")
        for at, file in enumerate(form.files)
        if not (_SHA256.fullmatch(file.sha256) and _FILE_PATH.fullmatch(file.path))
    ]
    commands = ((path, _command_objection(text)) for path, text in _commands(form))
    objections += [(path, what) for path, what in commands if what]
    if len(form.cautions) > MOST_CAUTIONS:
        objections.append(("$.cautions", f"there may be {MOST_CAUTIONS} cautions at most"))
    objections += [(path, what) for path, text in _lines(form) if (what := _text_objection(text))]
    if len(form.task) > _LONGEST_TASK:
        objections.append(("$.task", f"it has more than {_LONGEST_TASK:,} characters"))
    if not _TYPE.fullmatch(form.task_type):
        objections.append(("$.task_type", "it has to be the name of a task type"))
    objections += [
        (f"$.variables.{name}", "its type has to be a word or two")
        for name, variable in form.variables.items()
        if not _KIND.fullmatch(variable.type)
    ]
    objections += [
        (f"$.variables.{name}", f"{name!r} is not a name of lower-case letters, digits and _")
        for name in form.variables
        if not _NAME.fullmatch(name)
    ]
    objections += [
        (f"$.steps[{at}].evidence", "evidence is written as RUN:EVENT or RUN:EVENT:EXIT_CODE")
        for at, step in enumerate(form.steps)
        if not all(map(_occurrence, step.evidence))
    ]
    if not objections and size(form.workflow) > MOST_TOKENS:
        objections.append(("$.steps", f"the block would have more than {MOST_TOKENS} tokens"))
    return objections


def _lines(form: Form) -> list[tuple[str, str]]:
    """All single-line texts: place and text."""
    lines = [("$.summary", form.summary)]
    for at, step in enumerate(form.steps):
        if not is_command(_step(step)):
            lines.append((f"$.steps[{at}].instruction", step.instruction))
        lines += [(f"$.steps[{at}].{k}", v) for k, v in (("target", step.target),) if v]
    lines += [(f"$.cautions[{at}]", text) for at, text in enumerate(form.cautions)]
    for name, variable in form.variables.items():
        lines += [(f"$.variables.{name}", text) for text in (variable.type, variable.example)]
    needed = form.preconditions
    lines += [("$.preconditions", text) for text in (*needed.tools, *needed.markers)]
    return lines


def _commands(form: Form) -> list[tuple[str, str]]:
    """All commands, which may be multi-line: place and text."""
    return [
        (f"$.steps[{at}].instruction", step.instruction)
        for at, step in enumerate(form.steps)
        if is_command(_step(step))
    ]


def _command_objection(text: str) -> str | None:
    if not text.strip():
        return "there is no text"
    if len(text) > LONGEST_COMMAND:
        return f"it has {len(text):,} characters, {LONGEST_COMMAND:,} are allowed for a command"
    is_plain = text.replace("\n", "").replace("\t", "").isprintable()
    return None if is_plain else "it has characters that are not printed"


def _text_objection(text: str) -> str | None:
    if not text.strip():
        return "there is no text"
    if len(text) > LONGEST_STEP:
        return f"it has {len(text)} characters, {LONGEST_STEP} are allowed"
    if not text.isprintable() or text != " ".join(text.split()):
        return "it has to be one line of plain text, with single spaces"
    return "it may not begin with [recovery]" if text.startswith("[recovery]") else None


def _step(form: StepForm) -> Step:
    return Step(
        instruction=form.instruction,
        intent=form.intent,
        target=form.target,
        command=form.command,
        recovery=form.recovery,
        why=form.why,
        evidence=tuple(filter(None, map(_occurrence, form.evidence))),
    )


def _step_form(step: Step) -> StepForm:
    return StepForm(
        instruction=step.instruction,
        intent=cast("Intent", step.intent),  # a later version may know more
        target=step.target,
        command=step.command,
        recovery=step.recovery,
        why=step.why,
        evidence=list(map(_written, step.evidence)),
    )


def _written(place: Occurrence) -> str:
    ended = "" if place.exit_code is None else f":{place.exit_code}"
    return f"{place.run_id}:{place.seq}{ended}"


def _occurrence(text: str) -> Occurrence | None:
    match = _EVIDENCE.fullmatch(text)
    if match is None:
        return None
    return Occurrence(match[1], int(match[2]), int(match[3]) if match[3] else None)


def _line(node: Any, path: str) -> int | None:  # noqa: ANN401  nodes of yaml have no types
    """The line of a place such as `$.steps[2].intent`, or of what is nearest above it."""
    if node is None:
        return None
    line: int = node.start_mark.line
    for name, index in _PLACE.findall(path):
        if isinstance(node, yaml.MappingNode) and name:
            entry = next((pair for pair in node.value if pair[0].value == name), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line, entry[1]
        elif isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
            node = node.value[int(index)]
            line = node.start_mark.line
        else:
            break
    return line + 1


def _invalid(source: str, line: int | None, why: str) -> UsageError:
    where = f", line {line}" if line else ""
    return UsageError(
        "PATTERN_INVALID",
        f"{source}{where}: {why}",
        hint="correct it there; see the form: crossrun patterns export",
    )
