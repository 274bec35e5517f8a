"""Skills that an experiment tries: imported as patterns that only runs which name them get."""

from pathlib import Path

from msgspec.structs import replace

from crossrun.errors import ConsentNeeded, UsageError
from crossrun.memory.imports import StoredImport, add, of_skill, stored
from crossrun.memory.skill_folders import is_skill, read_folder
from crossrun.services.app import App
from crossrun.system.clock import now

_REASON = "Imported for an experiment; only runs that name it get it."


def import_skill(path: Path, app: App, *, project_id: str, consent: bool) -> str:
    """The id of the pattern that a skill is in the store, where it may have to be put first.

    Raises:
        ConsentNeeded: a review of its files found something dangerous.
        UsageError: there is no skill.
    """
    item = _import(path, app, project_id)
    if item.is_new:
        dangers = item.pattern_import.dangers
        if dangers and not consent:
            kinds = ", ".join(sorted({danger.kind for danger in dangers}))
            raise ConsentNeeded(
                "CONSENT_NEEDED",
                f"Try the skill {path} despite what its review found ({kinds})?",
                hint=f"look at them: crossrun patterns import {path} --dry-run; then use --yes",
            )
        add(app.store, [item])
    return item.pattern_id


def _import(path: Path, app: App, project_id: str) -> StoredImport:
    folder = path.parent if path.is_file() else path
    if not is_skill(folder):
        raise UsageError(
            "PATTERN_UNREADABLE",
            f"{path} is not a skill: there is no SKILL.md in it",
            hint="give the folder of a skill",
        )
    new = of_skill(
        read_folder(folder.resolve()),
        project_id=project_id,
        conceal=lambda text: app.redactor(text)[0],
        at=now(),
    )
    pattern = replace(new.pattern, state="disabled", reason=_REASON)
    return next(stored(app.store, [replace(new, pattern=pattern)]))
