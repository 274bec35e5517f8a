"""Completes the options of a run from the template that they name."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.config.placeholders import placeholder_in_nested_shell
from crossrun.config.templates import TemplateFolders, load
from crossrun.config.templates.template import Template
from crossrun.config.templates.variables import PATHS, TemplateVariable
from crossrun.errors import InputNeeded, UsageError
from crossrun.executors.registry import spec_of
from crossrun.model.requests import BeginWith
from crossrun.services.app import App
from crossrun.services.notices import Notice
from crossrun.services.options import RunOptions, conflict
from crossrun.suggestions import did_you_mean
from crossrun.system.folders import current_folder


class _Base(NamedTuple):
    """The folder that the user's paths are relative to, and whether the run begins with it."""

    folder: Path | None
    is_in_workspace: bool


def completed_from_template(
    options: RunOptions, executor: str, begin_with: BeginWith, app: App
) -> RunOptions:
    """The options of a run, completed from their template.

    Options that are given come before what the template says. The task of the options is added to
    that of the template. Of `var`, what belongs to the template is used up; the rest is for the
    script of a pattern.

    Args:
        options: of the new run.
        executor: what carries it out; where that runs the task as a script, values are quoted.
        begin_with: what its workspace begins with.
        app: has the settings, and presents what of the template is ignored.

    Raises:
        InputNeeded: values are missing or wrong; the message names all of them.
        CrossrunError: there is no such template, or it is broken.
    """
    if options.template is None:
        return options
    folders = TemplateFolders.around(app.settings.paths.templates, current_folder())
    template = load(options.template, folders)
    _present(template, app)
    spec = spec_of(executor)
    if spec.runs_task:
        _require_script(template, executor)
    pairs = [pair.partition("=") for pair in options.var]
    given = {name: value for name, _, value in pairs if name in template.variables}
    rest = tuple(f"{name}={value}" for name, _, value in pairs if name not in given)
    takes_rest = options.compiled or spec.runs_patterns
    if takes_rest or app.settings.patterns.compiled != "never":
        values = _values(template, given, (), _base(begin_with))
    else:
        unknown = [name for name, _, _ in pairs if name not in given]
        values, rest = _values(template, given, unknown, _base(begin_with)), ()
    limits = {
        name: value for name, value in template.limits.items() if getattr(options, name) is None
    }
    return replace(
        options,
        task=template.task(values, options.task, in_shell=spec.runs_task),
        task_type=options.task_type or template.task_type,
        verify=options.verify or template.check(values),
        tags=tuple(dict.fromkeys((*options.tags, *template.tags))),
        var=rest,
        **limits,
    )


def _present(template: Template, app: App) -> None:
    if template.origin == "project":
        app.notify(Notice(f"template {template.name}: {template.path}"))
    for warning in template.warnings:
        app.notify(Notice(f"template {template.name}: {warning}", warning=True))


def _require_script(template: Template, executor: str) -> None:
    """Refuses what would run as a command and is not the user's, or cannot be quoted."""
    if template.origin != "user":
        owned = "a project's" if template.origin == "project" else "a shipped"
        raise conflict(f"{owned} --template", f"--executor {executor}, which runs it")
    if placeholder_in_nested_shell(template.instructions) is not None:
        raise UsageError(
            "OPTIONS_CONFLICT",
            f"template {template.name} cannot run as a script (--executor {executor}): it has a "
            "variable after $( or a similar sign, where a value cannot be quoted",
            hint="move the variable out of it, for example into a line NAME={variable} before it",
        )


def _base(begin_with: BeginWith) -> _Base:
    own = begin_with.in_place or begin_with.path
    if own is not None:
        return _Base(Path(own), is_in_workspace=True)
    if begin_with.url or begin_with.run_id:
        return _Base(None, is_in_workspace=True)
    return _Base(current_folder(), is_in_workspace=False)


def _values(
    template: Template, given: Mapping[str, str], unknown: Sequence[str], base: _Base
) -> dict[str, str]:
    """The values of all variables.

    Raises:
        InputNeeded: some are missing, wrong or unknown; the message names all of them.
    """
    values, missing = {}, []
    problems = [
        f"{name}: the template has no such variable{did_you_mean(name, template.variables)}"
        for name in unknown
    ]
    for name, variable in template.variables.items():
        if name not in given:
            values[name] = variable.default or ""
            missing += [name] if variable.is_required else []
            continue
        try:
            values[name] = _located(variable, variable.checked(given[name], base.folder), base)
        except ValueError as error:
            meaning = f"; {variable.description}" if variable.description else ""
            problems.append(f"{name}: {given[name]!r} {error}{meaning}")
    if missing or problems:
        raise _incomplete(template, missing, problems)
    return values


def _located(variable: TemplateVariable, value: str, base: _Base) -> str:
    """A path as the agent can use it: absolute if it lies outside of what the run begins with."""
    if variable.type not in PATHS or base.folder is None or not (base.folder / value).exists():
        return value
    path = (base.folder / value).resolve()
    is_inside = path.is_relative_to(base.folder.resolve())
    return value if base.is_in_workspace and is_inside else str(path)


def _incomplete(template: Template, missing: list[str], problems: list[str]) -> InputNeeded:
    described = {name: _described(template.variables[name]) for name in missing}
    lines = [f"{name}: is missing; {text}" for name, text in described.items()]
    wrong = [line.partition(":")[0] for line in problems]
    needed = [name for name in template.variables if name in missing or name in wrong]
    examples = " ".join(
        f"--var {shlex.quote(f'{name}={template.variables[name].shown_example}')}"
        for name in needed
    )
    return InputNeeded(
        "TEMPLATE_VARIABLES",
        "\n  ".join([f"the template {template.name} cannot be filled in", *lines, *problems]),
        hint=f"crossrun run --template {template.name} {examples}"
        if needed
        else f"see its variables: crossrun templates show {template.name}",
        questions={} if problems else {name: f"{name} ({described[name]})" for name in missing},
    )


def _described(variable: TemplateVariable) -> str:
    kind = f"one of {', '.join(variable.choices)}" if variable.choices else variable.type
    text = f"{variable.description} · " if variable.description else ""
    return f"{text}{kind}, for example {variable.shown_example}"
