"""Conversion of values to rows and back: plain columns, and JSON text for nested values.

Reading raises ValueError (msgspec.ValidationError is one) if a row is not as crossrun writes it.
"""

import json
import sqlite3
from typing import Any

import msgspec

from crossrun.model.queries import StoredEvent
from crossrun.model.runs import Application, Artifact, Project, Run
from crossrun.model.workflows import Pattern, Version
from crossrun.store.access import require_moment

_NESTED = (
    "tags",
    "tokens",
    "failure",
    "changes",
    "verify",
    "pattern",
    "source",
    "commits",
    "proof",
    "applied",
)
_LISTS = ("left_out", "refs")
"""Columns of an application: JSON text, NULL if they are empty."""
_EXIT_CODES = range(256)


def run_row(run: Run) -> dict[str, Any]:
    """The columns of a run."""
    row: dict[str, Any] = msgspec.to_builtins(run)
    for name in _NESTED:
        row[name] = None if row[name] is None else json.dumps(row[name], ensure_ascii=False)
    row["pattern_id"] = run.pattern and run.pattern.pattern_id
    return row


def run_of(row: sqlite3.Row) -> Run:
    """The run in a row."""
    values = dict(row)
    del values["pattern_id"]
    for name in _NESTED:
        values[name] = None if values[name] is None else json.loads(values[name])
    run = msgspec.convert(values, Run)
    for moment in (run.created_at, run.started_at, run.ended_at):
        if moment is not None:
            require_moment(moment)
    if run.exit_code is not None and run.exit_code not in _EXIT_CODES:
        raise ValueError(f"{run.exit_code} is not an exit code")
    _require_path(run.workspace)
    return run


def event_of(row: sqlite3.Row) -> StoredEvent:
    """The event in a row, even if only a newer crossrun knows its type."""
    from crossrun.events import decode, type_of

    stored = StoredEvent(*row)
    require_moment(stored.at)
    kind = type_of(decode(stored.body))
    if kind != stored.type:
        raise ValueError(f"event {stored.seq} is {kind} and not {stored.type}")
    return stored


def artifact_of(row: sqlite3.Row) -> Artifact:
    """The artifact in a row."""
    artifact = msgspec.convert(dict(row), Artifact)
    _require_path(artifact.path)
    return artifact


def application_row(application: Application) -> dict[str, Any]:
    """The columns of an application."""
    row: dict[str, Any] = msgspec.to_builtins(application)
    for name in _LISTS:
        row[name] = json.dumps(row[name], ensure_ascii=False) if row[name] else None
    return row


def application_of(row: sqlite3.Row) -> Application:
    """The application in a row."""
    values = dict(row)
    for name in _LISTS:
        values[name] = json.loads(values[name] or "[]")
    application = msgspec.convert(values, Application)
    for moment in (application.at, application.finished_at, application.undone_at):
        if moment is not None:
            require_moment(moment)
    _require_path(application.path)
    return application


def project_of(row: sqlite3.Row) -> Project:
    """The project in a row."""
    project = msgspec.convert(dict(row), Project)
    for moment in (project.created_at, project.last_run_at):
        if moment is not None:
            require_moment(moment)
    return project


def pattern_of(row: sqlite3.Row) -> Pattern:
    """The pattern in a row, which includes its current version."""
    values = dict(row)
    values["source_run_ids"] = json.loads(values.pop("sources"))
    for name in ("own", "kept_by_user"):
        values[name] = bool(values[name])
    for name in ("workflow", "stats"):
        values[name] = json.loads(values[name])
    return msgspec.convert(values, Pattern)


def version_of(row: sqlite3.Row) -> Version:
    """The version of a pattern in a row."""
    return msgspec.convert({**dict(row), "workflow": json.loads(row["workflow"])}, Version)


def _require_path(text: str) -> None:
    if "\0" in text:
        raise ValueError(f"{text!r} is not a path")
