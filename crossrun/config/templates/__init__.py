"""Templates are data: a task with placeholders, and the options that go with it, a YAML file each.

They are shipped here, in the user's own folder, or in a project's folder `.crossrun/templates`. The
user's own come before those of a project, and those before the shipped ones. A project's file came
with somebody's repository: it brings no command, no limit that a project file may not set, and no
path out of the project.

As with task types, `shipped.json` holds the shipped files as JSON, since importing a YAML parser
takes longer than recording a short run.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from crossrun.config.templates.template import PROJECT_FOLDER, Origin, Template
from crossrun.errors import ConfigurationError, NotFoundError
from crossrun.suggestions import did_you_mean

SHIPPED = Path(__file__).with_name("shipped.json")


class TemplateFolders(NamedTuple):
    """Where templates are besides the shipped ones; neither folder needs to exist."""

    own: Path
    project: Path | None

    @classmethod
    def around(cls, own: Path, cwd: Path | None) -> "TemplateFolders":
        """The user's folder, and that of the project which the current folder belongs to."""
        above = [] if cwd is None else [cwd, *cwd.parents]
        folders = (folder / PROJECT_FOLDER for folder in above)
        project = next((folder for folder in folders if folder.is_dir()), None)
        is_own = project is not None and project.resolve() == own.resolve()
        return cls(own, None if is_own else project)

    def files(self) -> Iterator[tuple[Origin, Path]]:
        """The files of the user's own templates, then those of the project, by name."""
        places: list[tuple[Origin, Path | None]] = [("user", self.own), ("project", self.project)]
        for origin, folder in places:
            for file in sorted(folder.glob("*.yaml") if folder is not None else ()):
                yield origin, file


class BrokenTemplate(Struct, frozen=True, kw_only=True):
    """A file that cannot be used as a template, and why."""

    name: str
    origin: Origin
    path: str
    problem: str


def names(folders: TemplateFolders) -> list[str]:
    """The names of all templates."""
    return sorted({*shipped(), *(file.stem for _, file in folders.files())})


def load(name: str, folders: TemplateFolders) -> Template:
    """A template by name.

    Raises:
        NotFoundError: there is none with this name.
        ConfigurationError: its file is broken.
    """
    for origin, file in folders.files():
        if file.stem == name:
            return read(file, origin)
    if name not in shipped():
        choices = names(folders)
        raise NotFoundError(
            "TEMPLATE_NOT_FOUND",
            f"there is no template {name!r}{did_you_mean(name, choices)}",
            hint=f"choose one of {', '.join(choices)}; or make one: crossrun templates add --help",
        )
    return shipped()[name]


def read_all(folders: TemplateFolders) -> list[Template | BrokenTemplate]:
    """All templates by name, each from the place that comes first."""
    result: dict[str, Template | BrokenTemplate] = {}
    for origin, file in folders.files():
        if file.stem not in result:
            result[file.stem] = read_or_why_not(file, origin)
    return sorted({**shipped(), **result}.values(), key=lambda template: template.name)


def read(file: Path, origin: Origin) -> Template:
    """The template in a YAML file.

    Raises:
        ConfigurationError: the file is broken; the message names everything that is wrong.
    """
    from crossrun.config.templates.reading import template_in

    return template_in(file, origin)


def read_or_why_not(file: Path, origin: Origin) -> Template | BrokenTemplate:
    """The template in a file, or what is wrong with it."""
    try:
        return read(file, origin)
    except ConfigurationError as error:
        return BrokenTemplate(name=file.stem, origin=origin, path=str(file), problem=error.message)


@cache
def shipped() -> dict[str, Template]:
    """The templates that come with crossrun."""
    return msgspec.json.decode(SHIPPED.read_bytes(), type=dict[str, Template])
