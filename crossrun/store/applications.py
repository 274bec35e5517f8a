"""Applications: what was brought into the user's files, and taken out again."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from crossrun.store.ids import random_id
from crossrun.system.clock import now

if TYPE_CHECKING:
    from crossrun.model.runs import Application
    from crossrun.store.writing import StoreWriter


class ApplicationLedger:
    """Records applications before and after files change, so that a killed process can be mended.

    Args:
        writing: opens the store for writing.
    """

    def __init__(self, writing: "Callable[[], AbstractContextManager[StoreWriter]]") -> None:
        self._writing = writing

    @staticmethod
    def new_id() -> str:
        """An id for an application, if something is kept under it before it is recorded."""
        return random_id()

    def begin(self, application: "Application") -> "Application":
        """Records that an application begins; returns it with an id."""
        from msgspec.structs import replace

        recorded = application if application.id else replace(application, id=random_id())
        with self._writing() as writer:
            writer.add_application(recorded)
        return recorded

    def finish(self, application: "Application") -> "Application":
        """Records that an application is complete."""
        return self._changed(application, finished_at=now())

    def begin_undo(self, application: "Application", *, before: str, after: str) -> "Application":
        """Records that an undo begins, between these two states."""
        return self._changed(application, undo_before=before, undo_after=after)

    def abandon_undo(self, application: "Application") -> "Application":
        """Records that an undo was given up, and that files are as they were before it."""
        return self._changed(application, undo_before=None, undo_after=None)

    def finish_undo(
        self, application: "Application", *, also: "Sequence[Application]" = ()
    ) -> "Application":
        """Records that an undo is complete, and what that changes for other applications."""
        return self._changed(application, *also, undone_at=now())

    def _changed(
        self, application: "Application", *others: "Application", **values: str | None
    ) -> "Application":
        from msgspec.structs import replace

        changed = replace(application, **values)
        with self._writing() as writer:
            writer.change_applications([changed, *others])
        return changed
