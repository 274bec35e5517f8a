"""`crossrun doctor`: whether runs can work here, and what to do if not."""

import textwrap
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import Globals, application, current
from crossrun.config import sources
from crossrun.errors import CrossrunError, Exit
from crossrun.model.diagnoses import Diagnosis, Level, worst
from crossrun.projections.documents import document
from crossrun.views.terminal import Terminal
from crossrun.views.unseen import clean

if TYPE_CHECKING:
    from crossrun.config.settings import Settings

_STYLES: dict[Level, str] = {"ok": "good", "note": "dim", "warning": "warn", "error": "bad"}
_NARROWEST = 20
_READABLE = 60
"""Columns that tables and the live view need."""


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Fix what can be fixed without losing anything.")
    ] = False,
    json: Json = False,
) -> None:
    """Check whether runs can work here: Codex, git, the store, folders, settings.

    The exit code is 3 if there is an error, otherwise 0.

    \b
    Examples:
      crossrun doctor
      crossrun doctor --fix
      crossrun doctor --json | jq -r '.findings[] | select(.level == "error").remedy'
    """
    from crossrun.services.doctor import examine

    options = current()
    settings, problems = _settings(options)
    findings = [*problems]
    if settings is not None:
        findings += examine(settings, fix=fix)
    findings.append(_terminal(options.out))
    level = worst(findings)
    if json:
        shown = {"findings": [each._asdict() for each in findings], "worst": level}
        options.out.emit(document(shown))
    else:
        options.out.write(_lines(findings, options.out))
        options.say("", _summary(findings))
    raise typer.Exit(Exit.CONFIGURATION if level == "error" else Exit.OK)


def _settings(options: Globals) -> "tuple[Settings | None, list[Diagnosis]]":
    """The settings, or if they are broken the defaults, and what is wrong."""
    try:
        return sources.load(home=options.home), []
    except CrossrunError as error:
        problem = Diagnosis("settings.files", "error", "Settings", error.message, error.hint)
    try:
        return sources.defaults(home=options.home), [problem]
    except CrossrunError:
        return None, [problem]


def _terminal(terminal: Terminal) -> Diagnosis:
    if not terminal.on_screen:
        return Diagnosis("terminal", "note", "Terminal", "standard output is not a terminal")
    colors = "colours" if terminal.color else "no colours"
    glyphs = "Unicode" if terminal.unicode else "no Unicode"
    message = f"{terminal.width} columns, {colors}, {glyphs}"
    if terminal.width < _READABLE:
        return Diagnosis("terminal", "warning", "Terminal", message, f"widen it to {_READABLE}")
    if not terminal.unicode:
        return Diagnosis("terminal", "note", "Terminal", message, "export LC_ALL=C.UTF-8")
    return Diagnosis("terminal", "ok", "Terminal", message)


def _lines(findings: list[Diagnosis], terminal: Terminal) -> list[str]:
    """A line for each finding below its subject, and its remedy in the next."""
    lines: list[str] = []
    width = max(len(finding.subject) for finding in findings)
    for subject, group in groupby(findings, attrgetter("subject")):
        heading = f"{subject:<{width}}"
        for finding in group:
            level = "fixed" if finding.fixed else finding.level
            mark = terminal.style(f"{level:<7}", _STYLES[finding.level])
            indent = " " * (width + 11)
            first, *rest = _wrapped(finding.message, len(indent), terminal)
            lines.append(f"{terminal.style(heading, 'bold')}  {mark}  {first}")
            lines += [f"{indent}{line}" for line in rest]
            if finding.remedy:
                first, *rest = _wrapped(finding.remedy, len(indent) + 4, terminal)
                lines.append(f"{indent}{terminal.style('do:', 'accent')} {first}")
                lines += [f"{indent}    {line}" for line in rest]
            heading = " " * width
    return [terminal.plain(line) for line in lines]


def _wrapped(text: str, indent: int, terminal: Terminal) -> list[str]:
    """Lines that fit beside an indent; off a terminal a single one."""
    if not terminal.on_screen:
        return [clean(text)]
    width = max(terminal.text_width - indent, _NARROWEST)
    return textwrap.wrap(clean(text), width, break_on_hyphens=False, break_long_words=False) or [""]


def _summary(findings: list[Diagnosis]) -> str:
    numbers = {
        level: sum(finding.level == level for finding in findings) for level in ("error", "warning")
    }
    parts = [f"{number} {level}{'s' * (number > 1)}" for level, number in numbers.items() if number]
    fixed = sum(finding.fixed for finding in findings)
    parts += [f"{fixed} fixed"] if fixed else []
    return " · ".join(parts) if parts else "everything is fine"


doctor_app = application("doctor", doctor)
