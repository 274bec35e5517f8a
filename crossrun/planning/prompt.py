"""Prompts and instructions for the planner and the agent."""

import json
from collections.abc import Iterable

from crossrun.config.tasktypes import TaskType
from crossrun.planning import StepReport

TOOL = {
    "type": "function",
    "function": {
        "name": "codex_exec",
        "description": (
            "Has a coding agent carry out one step in the workspace. The agent sees the files "
            "there and remembers its earlier steps. Returns its last message, the files that "
            "changed and the commands that failed."
        ),
        "parameters": {
            "type": "object",
            "properties": {
                "prompt": {
                    "type": "string",
                    "description": "What to do in this step, complete and concrete.",
                }
            },
            "required": ["prompt"],
            "additionalProperties": False,
        },
    },
}
"""The planner's only tool, in the chat format."""

_PLANNER_ROLE = """\
You plan work that a coding agent carries out. You cannot touch files yourself: call codex_exec with
a prompt, read what came of it, and decide on the next step. Give small tasks to the agent in one
step; split large ones. When the task is done, or cannot be done, answer in plain text with a short
and honest summary and call nothing."""

_AGENT_ROLE = """\
You work unattended in a folder of your own, the workspace; nobody can answer questions. Keep all
that you make inside it. Check your result before you end. Your last message is what the user reads:
say what you did, what you left out and what failed, in a few lines."""


_GO_ON = """\
You were interrupted while you did the following. Look at what you have done already, also at what
may be half done, and go on until it is finished:

"""

_REPAIR = """\
Your work was checked with a command, and the check failed. Find out why and correct it, without
weakening the check.

"""


_PROVE = """\
Your work is done, but nothing shows that it is right. Run the project's tests, or anything else
that checks this work, after your last change, and correct what fails, without weakening any test.
Then say what was done and what was checked, and nothing that is not true. Findings:
"""


_AFTER_SCRIPT = """\
The commands that did such tasks before were run for this one as a script. It did not do as
expected, and you take over in the same folder. Look at what is there, keep what is right, correct
or undo what is not, and finish the task.
"""


def after_script(prompt: str, report: str) -> str:
    """The prompt for an agent that takes over from a script; `report` says what was done."""
    return f"{prompt}\n\n{_AFTER_SCRIPT}\n{report}"


def to_go_on(prompt: str) -> str:
    """The prompt for an agent that was interrupted while following another. Idempotent."""
    return prompt if prompt.startswith(_GO_ON) else _GO_ON + prompt


def to_repair(command: str, exit_code: int | None, output: str) -> str:
    """The prompt for an agent whose work failed the user's check."""
    return f"{_REPAIR}$ {command}\n{output}\n(exit code {exit_code})"


def to_prove(findings: Iterable[str]) -> str:
    """The prompt for an agent whose run ended without the proof that the user requires."""
    return "\n".join([_PROVE, *(f"- {finding}" for finding in findings)])


def for_planner(task_type: TaskType, reference: str = "") -> str:
    """The planner's instructions, with the block of a pattern if one matches."""
    return _joined(_PLANNER_ROLE, task_type.planner, reference)


def for_agent(task_type: TaskType, reference: str = "") -> str:
    """The agent's instructions, with the block of a pattern if one matches."""
    return _joined(_AGENT_ROLE, task_type.agent, reference)


def report(step: StepReport) -> str:
    """A step's result as the planner reads it: JSON text."""
    failed = [
        {"command": command, "exit_code": exit_code, "output": output}
        for command, exit_code, output in step.failed_commands
    ]
    result = {
        "last_message": step.answer,
        "changed_files": list(step.changed_files),
        "failed_commands": failed,
    }
    return json.dumps(result, ensure_ascii=False)


def _joined(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())
