"""Hashes of workflows, which tell versions apart."""

import hashlib
import json
from collections.abc import Mapping

from crossrun.model.workflows import Workflow


def fingerprint(workflow: Workflow) -> str:
    """A hash of the workflow's content, independent of pattern and version."""
    return _digest(
        [workflow.summary, workflow.body, list(workflow.cautions), list(workflow.facts)],
        [[step.instruction, step.command, step.recovery] for step in workflow.steps],
        {name: [kind.type, kind.example] for name, kind in workflow.variables.items()},
        [[file.path, file.sha256, file.executable] for file in workflow.files],
        [[cure.failed, cure.error, cure.cured_by, cure.why] for cure in workflow.cures],
        workflow.check and [workflow.check.command, workflow.check.done],
    )


def without_examples(workflow: Workflow) -> str:
    """A hash of the workflow's content, independent of the values of its variables."""
    values = {kind.example: name for name, kind in workflow.variables.items()}
    return _digest(
        [_general(text, values) for text in (workflow.summary, workflow.body, *workflow.cautions)],
        [
            [_general(step.command or step.instruction, values), step.recovery]
            for step in workflow.steps
        ],
        {name: kind.type for name, kind in workflow.variables.items()},
        [[_general(file.path, values), file.sha256] for file in workflow.files],
        [
            [_general(text, values) for text in (cure.failed, cure.error, cure.cured_by)]
            for cure in workflow.cures
        ],
        workflow.check and _general(workflow.check.command, values),
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()[:16]


def _general(text: str, values: Mapping[str, str]) -> str:
    for value in sorted(filter(None, values), key=lambda value: (-len(value), value)):
        text = text.replace(value, f"{{{values[value]}}}")
    return text
