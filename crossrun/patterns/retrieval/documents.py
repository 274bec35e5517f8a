"""What of a pattern is searched: the tasks that it was learned from, and what was done."""

import re
from collections.abc import Iterator

from crossrun.model.workflows import Workflow
from crossrun.patterns.retrieval.values import IndexedPattern

_VARIABLE = re.compile(r"\{\w+\}")


def indexed_pattern(
    pattern_id: str, task: str, workflow: Workflow, *, task_type: str, project_id: str
) -> IndexedPattern:
    """The pattern as it is put into the index; names of variables are no words of it.

    Of a skill, what is done is its text, after the headings of its references: those name in few
    words what the skill is about.

    Args:
        pattern_id: its id.
        task: the tasks of its runs, one per line.
        workflow: that of its current version.
        task_type: its type.
        project_id: where it comes from.
    """
    wordings = list(dict.fromkeys(filter(None, map(_one_line, task.splitlines()))))
    summary = _one_line(workflow.summary)
    if not any(wording.startswith(summary) for wording in wordings):
        wordings.append(summary)
    done = _VARIABLE.sub(" ", "\n".join(filter(None, _texts(workflow))))
    return IndexedPattern(pattern_id, "\n".join(wordings), done, task_type, project_id)


def _texts(workflow: Workflow) -> Iterator[str]:
    """What was done, the most telling first: the index keeps a bounded number of words."""
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
