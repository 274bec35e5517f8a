"""A pattern as a skill: a folder that agents look for under `.agents/skills`, and back."""

import re
from typing import Any

import yaml

from crossrun.errors import UsageError
from crossrun.model.workflows import LONGEST_STEP, MOST_STEPS, Pattern
from crossrun.patterns.formats.yaml_form import FORMAT, Form, StepForm, checked
from crossrun.system.commandlines import one_line

SKILL_FILE = "SKILL.md"
PATTERN_FILE = "pattern.yaml"
_LONGEST_NAME = 48
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_ITEM = re.compile(r"^\s{0,3}(?:\d+[.)]|[-*])\s+(\S.*)$", re.MULTILINE)


def folder_name(pattern: Pattern) -> str:
    """The skill's name: words of what worked, and the pattern's id."""
    words = re.findall(r"[a-z0-9]+", pattern.workflow.summary.lower())
    name = ""
    for word in words:
        if len(name) + len(word) >= _LONGEST_NAME:
            break
        name += f"{word}-"
    return f"{name or 'pattern-'}{pattern.id}"


def written(pattern: Pattern) -> str:
    """The text of the skill's `SKILL.md`."""
    workflow = pattern.workflow
    head = {
        "name": folder_name(pattern),
        "description": f"{workflow.summary}. What worked in earlier runs of this kind of task.",
    }
    lines = ["---", yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(), "---", ""]
    lines += [f"# {workflow.summary}", "", "Apply the sequence where it fits the task.", ""]
    for number, step in enumerate(workflow.steps, 1):
        mark = "(a repair) " if step.recovery else ""
        lines.append(f"{number}. {mark}{step.instruction}")
    if workflow.variables:
        lines += ["", "## Variables", ""]
        lines += [
            f"- `{{{name}}}`: {variable.type}, for example {variable.example}"
            for name, variable in workflow.variables.items()
        ]
    if workflow.cautions:
        lines += ["", "## Cautions", "", *(f"- {caution}" for caution in workflow.cautions)]
    return "\n".join([*lines, ""])


def read(text: str, source: str) -> Form:
    """A skill that somebody wrote by hand: its description, and the items of its first list.

    Raises:
        UsageError: it has no front matter, or no list to take steps from.
    """
    found = _FRONT_MATTER.match(text)
    head = _front_matter(found[1]) if found else {}
    steps = [_clipped(item) for item in _first_list(found[2] if found else "")]
    description = str(head.get("description") or head.get("name") or "")
    if not steps or not description.strip():
        raise UsageError(
            "PATTERN_INVALID",
            f"{source} is no skill with a description and a list of steps",
            hint="import a folder that  crossrun patterns export --skill  made, or a YAML file",
        )
    form = Form(
        pattern=FORMAT,
        summary=_clipped(description),
        task=one_line(description),
        task_type="code",
        steps=[StepForm(instruction=step) for step in steps[:MOST_STEPS]],
    )
    return checked(form, source)


def _first_list(text: str) -> list[str]:
    """The items of the first list: those before the next heading."""
    sections = re.split(r"^#+\s.*$", text, flags=re.MULTILINE)
    return next((items for section in sections if (items := _ITEM.findall(section))), [])


def _front_matter(text: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _clipped(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= LONGEST_STEP else line[: LONGEST_STEP - 1].rstrip() + "…"
