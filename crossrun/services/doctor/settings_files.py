"""Whether the files that the user writes are valid."""

from collections.abc import Iterator

from crossrun.config.settings import Settings
from crossrun.config.tasktypes import read
from crossrun.errors import CrossrunError
from crossrun.model.diagnoses import Diagnosis

_SUBJECT = "Settings"


def examine(settings: Settings) -> Iterator[Diagnosis]:
    """What would be ignored in the settings files, and broken task types.

    That a settings file cannot be read at all is found by the one that reads it.
    """
    for warning in settings.warnings:
        yield Diagnosis("settings.names", "warning", _SUBJECT, warning, "crossrun config edit")
    for file in sorted(settings.paths.task_types.glob("*.yaml")):
        try:
            warnings = read(file).warnings
        except CrossrunError as error:
            yield Diagnosis("settings.task_types", "error", _SUBJECT, error.message, error.hint)
            continue
        for warning in warnings:
            yield Diagnosis("settings.task_types", "warning", _SUBJECT, warning, f"edit {file}")
    if settings.notify.webhook is not None and settings.notify.webhook_secret is None:
        yield Diagnosis(
            "settings.webhook",
            "warning",
            _SUBJECT,
            "notify.webhook is set and notify.webhook_secret is not, so nothing is sent",
            "crossrun config set notify.webhook_secret SECRET",
        )
    changed = sum(origin != "default" for origin in settings.origins.values())
    yield Diagnosis(
        "settings.values", "ok", _SUBJECT, f"{changed} changed by you; the rest are defaults"
    )
