"""crossrun: run coding agents and keep a record that you can check."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from crossrun.api import Crossrun as Crossrun
    from crossrun.errors import CrossrunError as CrossrunError
    from crossrun.events import EventRecord as EventRecord
    from crossrun.model.queries import PatternFilter as PatternFilter
    from crossrun.model.queries import RunFilter as RunFilter
    from crossrun.model.runs import Run as Run
    from crossrun.model.workflows import Pattern as Pattern
    from crossrun.services.options import ResumeOptions as ResumeOptions
    from crossrun.services.options import RetryOptions as RetryOptions
    from crossrun.services.options import RunOptions as RunOptions
    from crossrun.services.runs import RunHandle as RunHandle
else:
    _MODULES = {
        "Crossrun": "api",
        "CrossrunError": "errors",
        "EventRecord": "events",
        "Pattern": "model.workflows",
        "PatternFilter": "model.queries",
        "ResumeOptions": "services.options",
        "RetryOptions": "services.options",
        "Run": "model.runs",
        "RunFilter": "model.queries",
        "RunHandle": "services.runs",
        "RunOptions": "services.options",
    }

    def __getattr__(name):  # noqa: ANN001, ANN202  type checkers read the imports above
        """Imports what is used: the command must not load all of this."""
        if name not in _MODULES:
            raise AttributeError(f"module 'crossrun' has no attribute {name!r}")
        return getattr(import_module(f"crossrun.{_MODULES[name]}"), name)
