"""`crossrun templates`: reusable tasks with variables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import current
from crossrun.cli.groups import group
from crossrun.errors import ConsentNeeded, Exit, UsageError
from crossrun.projections.documents import document, plain_object

if TYPE_CHECKING:
    from crossrun.config.templates.template import Template
    from crossrun.services.app import App

_HELP = """Show and manage templates: reusable tasks with variables.

\b
Examples:
  crossrun templates
  crossrun templates show dependencies
  crossrun run --template dependencies --var scope=patch
  crossrun templates add changelog --from-run last
"""

TemplateName = Annotated[str, typer.Argument(metavar="NAME", help="The template.")]
ToProject = Annotated[
    bool,
    typer.Option(
        "--project", help="Store it in .crossrun/templates, for everyone who uses the project."
    ),
]


def list_templates(json: Json = False) -> None:
    """List templates: yours, those of the project, and those that come with crossrun."""
    from crossrun.services.templates.files import all_templates

    options = current()
    templates = all_templates(options.settings().paths)
    if json:
        objects = [plain_object(each) for each in templates]
        options.out.emit(document({"templates": objects, "total": len(objects)}))
        return
    from crossrun.views.templates import template_table

    options.out.write(template_table(templates, options.out))


def show(name: TemplateName, json: Json = False) -> None:
    """Show a template: its variables, its instructions and what else it sets."""
    from crossrun.services.templates.files import template

    options = current()
    chosen = template(name, options.settings().paths)
    if json:
        options.out.emit(document(plain_object(chosen)))
        return
    from crossrun.views.templates import template_details

    options.out.write(template_details(chosen, options.out))
    options.say(*(f"warning: {warning}" for warning in chosen.warnings))


def add(
    name: TemplateName,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="FILE", help="A YAML file to add.")
    ] = None,
    from_run: Annotated[
        str | None,
        typer.Option(
            "--from-run",
            metavar="RUN",
            help="Make it from the task of this run, with the variables of its pattern.",
        ),
    ] = None,
    project: ToProject = False,
    json: Json = False,
) -> None:
    """Add a template, from a file or from a run.

    \b
    Examples:
      crossrun templates add changelog -f changelog.yaml
      crossrun templates add monthly-report --from-run k7f3
      crossrun templates add release --from-run last --project
    """
    from crossrun.services.templates.files import add_template

    options = current()
    app = options.app()
    text = _text(name, file, from_run, app)
    paths = app.settings.paths
    try:
        added = add_template(name, text, paths, to_project=project, consent=options.yes)
    except ConsentNeeded as needed:
        options.confirm(needed.question, hint=needed.hint)
        added = add_template(name, text, paths, to_project=project, consent=True)
    _report(added, json=json)


def _text(name: str, file: Path | None, from_run: str | None, app: "App") -> str:
    if (file is None) == (from_run is None):
        raise UsageError(
            "OPTION_INVALID",
            "a template is made from a file or from a run",
            hint=f"crossrun templates add {name} -f FILE, or --from-run RUN",
        )
    if file is not None:
        from crossrun.cli.tasks import read_task

        return read_task(None, file) or ""
    from crossrun.config.templates.writing import template_text
    from crossrun.services.templates.from_run import template_from_run

    app.open_for_reading()
    return template_text(template_from_run(name, from_run or "", app))


def _report(added: "Template", *, json: bool) -> None:
    from crossrun.views.templates import example_command

    options = current()
    if json:
        options.out.emit(document(plain_object(added)))
    options.say(
        f"added {added.path}",
        *(f"warning: {warning}" for warning in added.warnings),
        example_command(added),
    )


def rm(name: TemplateName, json: Json = False) -> None:
    """Remove one of your templates or of the project's."""
    from crossrun.services.templates.files import remove_template

    options = current()
    paths = options.settings().paths
    try:
        file = remove_template(name, paths, consent=options.yes)
    except ConsentNeeded as needed:
        options.confirm(needed.question, hint=needed.hint)
        file = remove_template(name, paths, consent=True)
    if json:
        options.out.emit(document({"name": name, "path": str(file)}))
    options.say(f"removed {file}")


def check(
    template: Annotated[
        str | None,
        typer.Argument(metavar="[FILE|NAME]", help="A file or a template; by default, all."),
    ] = None,
    json: Json = False,
) -> None:
    """Check whether templates can be used. Exits with 3 if one cannot."""
    from crossrun.services.templates.files import checks

    options = current()
    results = checks(template, options.settings().paths)
    if json:
        objects = [plain_object(each) for each in results]
        options.out.emit(document({"templates": objects, "total": len(objects)}))
    else:
        from crossrun.views.templates import check_lines

        options.out.write(check_lines(results, options.out))
    if any(each.problems for each in results):
        raise typer.Exit(Exit.CONFIGURATION)


templates_app = group(
    "templates", _HELP, list=list_templates, show=show, add=add, rm=rm, check=check
)
