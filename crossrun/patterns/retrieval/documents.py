"""The indexed text of a pattern: the tasks that it was learned from, and what was done."""

import re
from collections.abc import Iterator

from crossrun.model.workflows import Workflow
from crossrun.patterns.retrieval.values import IndexedPattern

_VARIABLE = re.compile(r"\{\w+\}")


def indexed_pattern(
    pattern_id: str, task: str, workflow: Workflow, *, task_type: str, project_id: str
) -> IndexedPattern:
    """The pattern as it is indexed, without names of variables.

    For a skill, the workflow column has the headings of its references, which say concisely what it
    is about, and then its text.

    Args:
        pattern_id: its id.
        task: the tasks of its runs, one per line.
        workflow: the workflow of its current version.
        task_type: its task type.
        project_id: its project.
    """
    wordings = list(dict.fromkeys(filter(None, map(_one_line, task.splitlines()))))
    summary = _one_line(workflow.summary)
    if not any(wording.startswith(summary) for wording in wordings):
        wordings.append(summary)
    done = _VARIABLE.sub(" ", "\n".join(filter(None, _texts(workflow))))
    return IndexedPattern(pattern_id, "\n".join(wordings), done, task_type, project_id)


def _texts(workflow: Workflow) -> Iterator[str]:
    """What was done, the most informative first: the index has a bounded number of words."""
    for step in workflow.steps:
        yield step.command or step.instruction
    for file in workflow.files:
        if file.kind != "resource":
            yield file.path
    for cure in workflow.cures:
        yield cure.cured_by
    if workflow.check:
        yield workflow.check.command
    yield from workflow.facts
    yield from workflow.outline
    yield workflow.body


def _one_line(text: str) -> str:
    return " ".join(text.split())
