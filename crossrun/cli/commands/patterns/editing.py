"""`crossrun patterns edit`: the user's own words for a pattern."""

from typing import TYPE_CHECKING

from crossrun.cli.arguments import Json
from crossrun.cli.commands.patterns.changes import PatternNamed
from crossrun.cli.commands.patterns.files import cleaned, read_text, tell
from crossrun.cli.editing import edited
from crossrun.cli.globals import current
from crossrun.system.clock import now

if TYPE_CHECKING:
    from crossrun.model.workflows import Pattern, Version, Workflow


def edit(pattern: PatternNamed, json: Json = False) -> None:
    """Open a pattern in your editor; what you save is its next version.

    \b
    Examples:
      EDITOR=nano crossrun patterns edit 9c1xyz
    """
    from crossrun.patterns.formats import yaml_form as forms

    options = current()
    app = options.open_app()
    chosen = app.store.patterns.pattern(pattern)
    message = "nothing was changed"
    with edited(forms.written(chosen), f"{chosen.id}.yaml", app.settings.environ) as file:
        form = cleaned(forms.read(read_text(file), str(file)), app)
        if (form.workflow, form.task, form.task_type) != _what(chosen):
            from crossrun.config.tasktypes import load as load_task_type
            from crossrun.memory.vectors import encode_patterns

            load_task_type(form.task_type, app.settings.paths.task_types)
            version = _next(chosen, form.workflow)
            app.store.change_patterns(
                lambda patterns: patterns.add_version(
                    version, task=form.task, task_type=form.task_type
                )
            )
            encode_patterns(app.store)
            message = "{id} is now v{version}; new runs use it"
    tell(app.store, chosen.id, options, json=json, message=message)


def _what(pattern: "Pattern") -> "tuple[Workflow, str, str]":
    return pattern.workflow, pattern.task, pattern.task_type


def _next(pattern: "Pattern", workflow: "Workflow") -> "Version":
    from crossrun.model.workflows import Version
    from crossrun.patterns.formats.fingerprints import fingerprint

    digest = fingerprint(workflow)
    return Version(
        pattern_id=pattern.id,
        version=pattern.version + 1,
        hash=digest,
        rules_hash=digest,
        made_by="user",
        run_id=None,
        at=now(),
        workflow=workflow,
    )
