"""What of a pattern is looked for: the task that it was learned from, and what was done."""

import re

from crossrun.model.workflows import Workflow
from crossrun.patterns.retrieval.ranking import IndexedPattern

_VARIABLE = re.compile(r"\{\w+\}")


def indexed_pattern(
    pattern_id: str, task: str, workflow: Workflow, *, task_type: str, project_id: str
) -> IndexedPattern:
    """The pattern as it is put on the shelf; names of variables are no words of it.

    Of a skill, what is done is its text, after the headings of its references: those name in few
    words what the skill is about.
    """
    steps = (step.command or step.instruction for step in workflow.steps)
    done = "\n".join((*steps, *workflow.outline, workflow.body))
    return IndexedPattern(pattern_id, task, _VARIABLE.sub(" ", done), task_type, project_id)
