"""What users say about a run after it has begun: its name, its tags and a note."""

from collections.abc import Sequence

from crossrun.errors import UsageError
from crossrun.model.runs import Run
from crossrun.services.app import App
from crossrun.services.options import require_text


def rename(app: App, run: Run, name: str) -> Run:
    """Gives a run a name; an empty one removes it."""
    app.store.change_run(run.id, "name", _recordable(app, name, "the name") or None)
    return app.run(run.id)


def note(app: App, run: Run, text: str) -> Run:
    """Writes a note about a run; an empty one removes it."""
    app.store.change_run(run.id, "note", _recordable(app, text, "the note") or None)
    return app.run(run.id)


def tag(app: App, run: Run, *, add: Sequence[str], remove: Sequence[str]) -> Run:
    """Adds tags to a run and removes others.

    Raises:
        UsageError: a tag is empty.
    """
    tags = [_recordable(app, text, "the tag") for text in add]
    if not all(tags):
        raise UsageError("OPTION_INVALID", "a tag cannot be empty", hint="crossrun tag RUN TAG")
    app.store.change_tags(run.id, tags, remove)
    return app.run(run.id)


def _recordable(app: App, text: str, source: str) -> str:
    """A text without secrets."""
    return app.redactor(require_text(text, source).strip())[0]
