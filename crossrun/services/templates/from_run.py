"""Makes a template of a run: its task, in which the variables of its pattern take values again."""

import re
from collections.abc import Mapping

from crossrun.config.placeholders import escaped, placeholder_in_nested_shell
from crossrun.config.settings import DEFAULTS
from crossrun.config.templates.reading import LIMITS
from crossrun.config.templates.template import Template
from crossrun.config.templates.variables import TemplateVariable, VariableType
from crossrun.errors import UsageError
from crossrun.events import RunStarted
from crossrun.model.runs import Run
from crossrun.model.workflows import Variable
from crossrun.redaction import MASK
from crossrun.services.app import App
from crossrun.services.lineage import around_mask

_TYPES: dict[str, VariableType] = {
    "path": "path",
    "file": "path",
    "folder": "path",
    "number": "number",
}
"""Types of variables of patterns that say more than text."""


def template_from_run(name: str, reference: str, app: App) -> Template:
    """A template for runs like an earlier one.

    Args:
        name: of the template.
        reference: the run.
        app: has the run and its pattern.

    Raises:
        CrossrunError: there is no such run, or its task contained a secret.
    """
    run = app.store.read.run(reference)
    started = app.store.read.first_event(run.id, RunStarted)
    if started is None or MASK in started.request.task:
        shown = "" if started is None else f": {around_mask(started.request.task)}"
        raise UsageError(
            "REQUEST_REDACTED",
            f"the task of run {run.id} is not stored in full{shown}",
            hint=f"write the file yourself: crossrun templates add {name} -f FILE",
        )
    request = started.request
    found_values = _values_in(request.task, _variables(run, app))
    verify = request.verify if request.verify and MASK not in request.verify else None
    limits = {
        limit: value
        for limit in LIMITS
        if (value := getattr(request.limits, limit)) not in (None, DEFAULTS[limit])
    }
    return Template(
        name=name,
        summary=_summary(run, app),
        instructions=_with_placeholders(request.task, found_values),
        task_type=request.task_type,
        variables={
            variable: _template_variable(described, value)
            for value, (variable, described) in found_values.items()
        },
        verify=verify and _command(verify, found_values),
        limits=limits,
        tags=request.tags,
        origin="user",
    )


def _pattern_id(run: Run) -> str | None:
    used = run.pattern.pattern_id if run.pattern is not None else None
    return run.learned_pattern_id or used


def _variables(run: Run, app: App) -> Mapping[str, Variable]:
    pattern_id = _pattern_id(run)
    pattern = app.store.patterns.find(pattern_id) if pattern_id is not None else None
    return {} if pattern is None else pattern.workflow.variables


def _summary(run: Run, app: App) -> str:
    pattern_id = _pattern_id(run)
    pattern = app.store.patterns.find(pattern_id) if pattern_id is not None else None
    return run.name or ("" if pattern is None else pattern.workflow.summary)


def _values_in(task: str, variables: Mapping[str, Variable]) -> dict[str, tuple[str, Variable]]:
    """The values in a task, each with the variable that it is a value of."""
    values = {}
    for name, variable in variables.items():
        candidates = sorted({variable.example, *variable.values}, key=len, reverse=True)
        value = next((text for text in candidates if text and _of(text).search(task)), None)
        if value is not None and value not in values:
            values[value] = (name, variable)
    return values


def _of(*values: str) -> re.Pattern[str]:
    """Finds values as whole words, the longest first."""
    words = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)")


def _with_placeholders(text: str, values: Mapping[str, tuple[str, Variable]]) -> str:
    """The text with a placeholder for each value; braces that are there already stay text."""
    if not values:
        return escaped(text)
    parts, at = [], 0
    for match in _of(*values).finditer(text):
        parts += [escaped(text[at : match.start()]), f"{{{values[match[0]][0]}}}"]
        at = match.end()
    return "".join([*parts, escaped(text[at:])])


def _command(verify: str, values: Mapping[str, tuple[str, Variable]]) -> str:
    command = _with_placeholders(verify, values)
    return escaped(verify) if placeholder_in_nested_shell(command) is not None else command


def _template_variable(variable: Variable, value: str) -> TemplateVariable:
    kind = _TYPES.get(variable.type, "text")
    typed = TemplateVariable(type=kind, example=value)
    try:
        typed.checked(value)
    except ValueError:
        kind = "text"
    description = variable.type if variable.type not in ("text", *_TYPES) else ""
    return TemplateVariable(type=kind, description=description, example=value)
