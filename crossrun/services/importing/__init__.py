"""Imports the session histories of other agent programs: finds, shows, makes runs, learns."""

from crossrun.services.importing.finding import (
    FoundSession,
    SessionHistory,
    SkippedFile,
    find_history,
    history_folder,
)
from crossrun.services.importing.recording import (
    ImportOptions,
    ImportProgress,
    ImportResult,
    import_history,
)

__all__ = [
    "FoundSession",
    "ImportOptions",
    "ImportProgress",
    "ImportResult",
    "SessionHistory",
    "SkippedFile",
    "find_history",
    "history_folder",
    "import_history",
]
