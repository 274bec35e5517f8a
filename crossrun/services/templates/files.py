"""The files of templates: listed, added, removed and checked."""

import os
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from crossrun.config.settings import Paths
from crossrun.config.tasktypes import load as load_task_type
from crossrun.config.templates import (
    BrokenTemplate,
    TemplateFolders,
    load,
    read_all,
    read_or_why_not,
    shipped,
)
from crossrun.config.templates.reading import NAME, template_of
from crossrun.config.templates.template import PROJECT_FOLDER, Origin, Template
from crossrun.errors import (
    ConfigurationError,
    ConsentNeeded,
    CrossrunError,
    NotFoundError,
    UsageError,
)
from crossrun.system.folders import current_folder


class TemplateCheck(Struct, frozen=True, kw_only=True):
    """Whether a template can be used; without `problems`, it can."""

    name: str
    origin: Origin
    path: str | None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def folders_of(paths: Paths) -> TemplateFolders:
    """Where templates are, as seen from the current folder."""
    return TemplateFolders.around(paths.templates, current_folder())


def all_templates(paths: Paths) -> list[Template | BrokenTemplate]:
    """All templates by name."""
    return read_all(folders_of(paths))


def template(name: str, paths: Paths) -> Template:
    """A template by name.

    Raises:
        CrossrunError: there is none, or it is broken.
    """
    return load(name, folders_of(paths))


def add_template(
    name: str, text: str, paths: Paths, *, to_project: bool, consent: bool
) -> Template:
    """Keeps a template as a file, once it has proved to be usable.

    Args:
        name: of the template.
        text: the YAML.
        paths: of the user.
        to_project: whether it goes into the project's folder instead of the user's own.
        consent: whether it may replace a template.

    Raises:
        ConsentNeeded: there is such a file already.
        UsageError: the name is not valid.
        ConfigurationError: the template is broken, or the folder cannot be written.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            "TEMPLATE_NAME_INVALID",
            f"{name!r} is not a name for a template",
            hint="take lowercase letters, digits, - and _",
        )
    origin: Origin = "project" if to_project else "user"
    folder = _project_folder(paths) if to_project else paths.templates
    file = folder / f"{name}.yaml"
    added = template_of(text, file, origin)
    if to_project:
        _require_inside(file)
    if file.exists() and not consent:
        raise ConsentNeeded(
            "CONSENT_NEEDED", f"Replace {file}?", hint="choose another name, or use --yes"
        )
    draft = folder / f".{name}-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ConfigurationError(
            "TEMPLATE_UNWRITABLE",
            f"{file} cannot be written: {error.strerror}",
            hint="check its folder's permissions and free space",
        ) from error
    return added


def _project_folder(paths: Paths) -> Path:
    return folders_of(paths).project or Path.cwd() / PROJECT_FOLDER


def _require_inside(file: Path) -> None:
    """Makes sure that a file of the project is in it: a folder on the way may be a link."""
    project = file.parents[len(PROJECT_FOLDER.parts)]
    if not file.parent.resolve().is_relative_to(project.resolve()):
        raise ConfigurationError(
            "TEMPLATE_UNWRITABLE",
            f"{file.parent} is a link that leads out of the project",
            hint="replace it by a folder",
        )


def remove_template(name: str, paths: Paths, *, consent: bool) -> Path:
    """Removes the file of a template: the user's own one or, without one, the project's.

    Raises:
        ConsentNeeded: the user has not agreed.
        NotFoundError: there is no such template.
        UsageError: it is a shipped one.
    """
    folders = folders_of(paths)
    file = next((file for _, file in folders.files() if file.stem == name), None)
    if file is None and name in shipped():
        raise UsageError(
            "TEMPLATE_SHIPPED",
            f"the template {name} comes with crossrun and cannot be removed",
            hint=f"to replace it, add your own template with the same name: crossrun templates "
            f"add {name}"
            " -f FILE",
        )
    if file is None:
        load(name, folders)
        raise NotFoundError("TEMPLATE_NOT_FOUND", f"there is no template {name!r}")
    if folders.project is not None and file.is_relative_to(folders.project):
        _require_inside(file)
    if not consent:
        raise ConsentNeeded("CONSENT_NEEDED", f"Remove {file}?", hint="to agree, use --yes")
    file.unlink()
    return file


def checks(subject: str | None, paths: Paths) -> list[TemplateCheck]:
    """Whether templates can be used: one by its name or file, or all of them.

    Raises:
        NotFoundError: there is no such template.
    """
    if subject is None:
        return [_checked(each, paths) for each in all_templates(paths)]
    file = Path(subject)
    if file.suffix in (".yaml", ".yml") and file.is_file():
        return [_checked(read_or_why_not(file, "user"), paths)]
    named = [each for each in all_templates(paths) if each.name == subject]
    return [_checked(each, paths) for each in named or [load(subject, folders_of(paths))]]


def _checked(template: Template | BrokenTemplate, paths: Paths) -> TemplateCheck:
    result = TemplateCheck(name=template.name, origin=template.origin, path=template.path)
    if isinstance(template, BrokenTemplate):
        return replace(result, problems=(template.problem,))
    problems = _unknown_task_type(template, paths)
    return replace(result, problems=problems, warnings=template.warnings)


def _unknown_task_type(template: Template, paths: Paths) -> tuple[str, ...]:
    if template.task_type is None:
        return ()
    try:
        load_task_type(template.task_type, paths.task_types)
    except CrossrunError as error:
        return (error.message,)
    return ()
