"""A template as a value, and how it is filled in."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from crossrun.config.placeholders import filled
from crossrun.config.templates.variables import TemplateVariable

PROJECT_FOLDER = Path(".crossrun", "templates")

Origin = Literal["user", "project", "shipped"]


class Template(Struct, frozen=True, kw_only=True):
    """A task that comes again, with what differs each time as variables.

    `limits` are settings by name, with their values. `warnings` say what of the file is ignored.
    """

    name: str
    instructions: str
    summary: str = ""
    task_type: str | None = None
    variables: dict[str, TemplateVariable] = {}
    verify: str | None = None
    limits: dict[str, float] = {}
    tags: tuple[str, ...] = ()
    origin: Origin = "shipped"
    path: str | None = None
    warnings: tuple[str, ...] = ()

    def task(
        self, values: dict[str, str], further: str | None = None, *, in_shell: bool = False
    ) -> str:
        """The task with the values of the variables.

        Args:
            values: of all variables.
            further: what the user adds for this run.
            in_shell: whether the task is a script, in which each value is one word.
        """
        text = filled(self.instructions, values, in_shell=in_shell)
        return f"{text.rstrip()}\n\n{further}" if further else text

    def check(self, values: dict[str, str]) -> str | None:
        """The command that has to exit 0, in which each value is one word or a part of it."""
        return self.verify and filled(self.verify, values, in_shell=True)
