"""What of a pattern is looked for: the task that it was learned from, and what was done."""

import re

from crossrun.model.workflows import Workflow
from crossrun.patterns.retrieval.ranking import IndexedPattern

_VARIABLE = re.compile(r"\{\w+\}")


def indexed_pattern(
    pattern_id: str, task: str, workflow: Workflow, *, task_type: str, project_id: str
) -> IndexedPattern:
    """The pattern as it is put on the shelf; names of variables are no words of it."""
    done = "\n".join(step.command or step.instruction for step in workflow.steps)
    return IndexedPattern(pattern_id, task, _VARIABLE.sub(" ", done), task_type, project_id)
