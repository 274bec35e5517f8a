"""Templates on the screen: the list, and one with everything that it says."""

import shlex
from collections.abc import Iterator, Sequence

from crossrun.config.templates import BrokenTemplate
from crossrun.config.templates.template import Template
from crossrun.config.templates.variables import TemplateVariable
from crossrun.services.templates.files import TemplateCheck
from crossrun.views.terminal import Column, Terminal, command_lines, table, wrap
from crossrun.views.unseen import clean, visible

_LABEL = 12


def template_table(
    templates: Sequence[Template | BrokenTemplate], terminal: Terminal
) -> Iterator[str]:
    """Name, required variables, origin and summary of each template."""
    columns = [
        Column("TEMPLATE", style="bold"),
        Column("NEEDS", flexible=True, essential=False),
        Column("FROM", style="dim"),
        Column("WHAT IT DOES", flexible=True),
    ]
    rows = [
        [visible(each.name), _required(each), each.origin, visible(_summary(each))]
        for each in templates
    ]
    yield from table(columns, rows, terminal)


def _required(template: Template | BrokenTemplate) -> str:
    if isinstance(template, BrokenTemplate):
        return ""
    return " ".join(name for name, variable in template.variables.items() if variable.is_required)


def _summary(template: Template | BrokenTemplate) -> str:
    if isinstance(template, BrokenTemplate):
        return f"cannot be used: {template.problem}"
    return template.summary


def template_details(template: Template, terminal: Terminal) -> Iterator[str]:
    """Everything that a template says, and how to run it."""
    facts = {
        "template": template.name,
        "summary": template.summary,
        "from": template.path or "crossrun",
        "task type": template.task_type or "",
        "verify": template.verify or "",
        "limits": ", ".join(f"{name} {value:g}" for name, value in template.limits.items()),
        "tags": ", ".join(template.tags),
    }
    for label, text in facts.items():
        if text:
            yield f"{terminal.style(f'{label:<{_LABEL}}', 'dim')}{visible(text)}"
    if template.variables:
        yield ""
        for name, variable in template.variables.items():
            yield from _variable_lines(name, variable, terminal)
    yield ""
    yield from wrap(clean(template.instructions), terminal.text_width)
    yield ""
    yield from command_lines([example_command(template)], terminal)


def example_command(template: Template) -> str:
    """The shortest command that runs a template."""
    values = [
        f"--var {shlex.quote(f'{name}={variable.shown_example}')}"
        for name, variable in template.variables.items()
        if variable.is_required
    ]
    return visible(" ".join(["crossrun run --template", template.name, *values]))


def _variable_lines(name: str, variable: TemplateVariable, terminal: Terminal) -> Iterator[str]:
    kind = ", ".join(variable.choices) or variable.type
    default = "required" if variable.is_required else f"default: {variable.default or 'empty'}"
    head = f"  {terminal.style(visible(name), 'bold')}  {visible(f'{kind} · {default}')}"
    yield head.replace("·", "·" if terminal.unicode else "-")
    for line in wrap(visible(variable.description), terminal.width - 4):
        yield terminal.style(f"    {line}", "dim")


def check_lines(checks: Sequence[TemplateCheck], terminal: Terminal) -> Iterator[str]:
    """One line for each template, and one for each thing that is wrong with it."""
    for check in checks:
        verdict, style = ("broken", "bad") if check.problems else ("ok", "good")
        place = f"  {visible(check.path)}" if check.path else ""
        yield f"{terminal.style(f'{verdict:<7}', style)}{visible(check.name)}" + terminal.style(
            place, "dim"
        )
        for problem in check.problems:
            yield from (f"       {line}" for line in wrap(visible(problem), terminal.width - 7))
        for warning in check.warnings:
            yield from (
                f"       {line}"
                for line in wrap(f"warning: {visible(warning)}", terminal.width - 7)
            )
