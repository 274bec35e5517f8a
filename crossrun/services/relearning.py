"""Learning all patterns again, by the rules of this version."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache

from crossrun.config.tasktypes import load as load_task_type
from crossrun.errors import ConfigurationError, CrossrunError
from crossrun.memory.learning import Learner
from crossrun.memory.relearning import RebuildDifference, Relearned, relearn
from crossrun.services.app import App
from crossrun.services.assembly import person
from crossrun.store import Store
from crossrun.system.folders import make_private
from crossrun.workspace.files.atomic import scratch

_TICK = 0.05
"""Seconds between two tries to get the turn to learn."""


class PlannedRebuild:
    """What learning all runs again would change; nothing has changed yet.

    Args:
        app: where the patterns are.
        relearned: what was worked out.
        has_turn: whether this process has the turn to learn.
    """

    def __init__(self, app: App, relearned: Relearned, *, has_turn: bool) -> None:
        self._app = app
        self._relearned = relearned
        self._has_turn = has_turn

    @property
    def difference(self) -> RebuildDifference:
        """What changes."""
        return self._relearned.difference

    def carry_out(self) -> None:
        """Stores it: all of it or nothing.

        Raises:
            ConfigurationError: runs have learned meanwhile.
        """
        _, change, lessons = self._relearned
        with nullcontext() if self._has_turn else turn_to_learn(self._app.store):
            done = self._app.store.change_patterns(
                lambda patterns: patterns.regroup(change, unless_changed=lessons)
            )
        if not done:
            raise ConfigurationError(
                "PATTERNS_CHANGED",
                "a run has learned something in the meantime; nothing was changed",
                hint="run the command again",
            )


@contextmanager
def rebuild(app: App, *, at_once: bool = False) -> Iterator[PlannedRebuild]:
    """Learns all runs again, beside the store; what comes of it can be carried out.

    Args:
        app: where the patterns are.
        at_once: nobody is asked before it is carried out, so no run is to learn meanwhile.

    Yields:
        The plan.
    """
    with ExitStack() as resources:
        if at_once:
            resources.enter_context(turn_to_learn(app.store))
        paths = app.settings.paths
        make_private(paths.references)  # where cleanup removes what a killed process leaves
        folder = resources.enter_context(scratch(paths.references / "rebuild"))
        beside = Store(paths._replace(database=folder / "patterns.db", state=folder))
        beside.open_for_writing()
        relearned = relearn(
            app.store,
            beside,
            database=folder / "patterns.db",
            learner_of=cache(lambda task_type: learner_for(app, task_type, beside)),
            nothing_new=app.settings.patterns.review == "always",
        )
        yield PlannedRebuild(app, relearned, has_turn=at_once)


@contextmanager
def turn_to_learn(store: Store) -> Iterator[None]:
    """Waits until no run learns, and keeps others from it."""
    with store.learning() as tries:
        for has_turn in tries:
            if has_turn:
                break
            time.sleep(_TICK)
        yield


def learner_for(app: App, task_type: str, beside: Store | None = None) -> Learner:
    """Learns runs of a task type; without its finders if that is gone.

    Args:
        app: has the ledger.
        task_type: the name of the task type.
        beside: the store whose patterns the runs are compared with; None: the ledger.
    """
    settings = app.settings
    try:
        loaded = load_task_type(task_type, settings.paths.task_types)
    except CrossrunError:
        loaded = load_task_type("code", settings.paths.task_types)
    return Learner(
        app.store,
        loaded,
        scope=settings.patterns.scope,
        person=person(settings),
        path=settings.environ.get("PATH"),
        redactor=app.redactor,
        patterns=None if beside is None else beside.patterns,
    )
