"""The review inbox: what runs taught waits here until the user accepts or drops it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from crossrun.errors import NotFoundError
from crossrun.events import PatternLearned, SessionRead
from crossrun.memory.learning import Learner
from crossrun.model.runs import Run
from crossrun.model.workflows import Pattern, Workflow
from crossrun.services.app import App
from crossrun.services.relearning import learner_for, turn_to_learn
from crossrun.store.reviews import WaitingLesson


class Lesson(Struct, frozen=True, kw_only=True):
    """A waiting lesson with the run that taught it.

    `pattern` is the stored pattern that the lesson would become a part of; None: it becomes a
    pattern by itself. `learned` is what would be stored. `session` says where an imported run comes
    from.
    """

    run: Run
    waiting: WaitingLesson
    learned: PatternLearned
    pattern: Pattern | None
    session: SessionRead | None

    @property
    def as_pattern(self) -> Pattern:
        """The pattern as it would be, to show it and to edit it."""
        own, learned = self.pattern, self.learned
        if own is not None:
            return replace(own, workflow=learned.workflow)
        return Pattern(
            id=learned.pattern_id,
            family_id=learned.family_id,
            version=learned.version,
            hash=learned.hash,
            state="candidate",
            reason="",
            own=True,
            kept_by_user=False,
            project_id=learned.project_id,
            task_type=learned.task_type,
            task=learned.trace.task if learned.trace else self.run.task,
            created_at=self.waiting.at,
            updated_at=self.waiting.at,
            workflow=learned.workflow,
            source_run_ids=(self.run.id,),
        )


class Accepted(Struct, frozen=True, kw_only=True):
    """What became of a lesson. `pattern_id`: None if there was nothing left to add it to."""

    run_id: str
    pattern_id: str | None
    is_new: bool = False


class Inbox:
    """What waits.

    Args:
        app: has the ledger and the patterns.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._learner = cache(lambda task_type: learner_for(app, task_type))

    def ids(self, references: Sequence[str]) -> list[str]:
        """The runs with waiting lessons that are meant by ids or their beginnings.

        Raises:
            NotFoundError: one fits none, or more than one.
        """
        return [self._id(reference) for reference in references]

    def _id(self, reference: str) -> str:
        matches = self._app.store.reviews.waiting_like(reference) if reference else []
        if reference in matches:
            return reference
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise NotFoundError(
                "RUN_AMBIGUOUS",
                f"{reference!r} matches more than one run: {', '.join(matches)}",
                hint="give more characters of the id",
            )
        raise NotFoundError(
            "REVIEW_NOT_FOUND",
            f"no lesson of a run {reference!r} waits for a review",
            hint="list what waits: crossrun patterns review",
        )

    def lessons(self, run_ids: Sequence[str] = (), *, limit: int = -1) -> Iterator[Lesson]:
        """What waits, the oldest first: of these runs, or all."""
        for waiting in self._app.store.reviews.waiting(run_ids, limit=limit):
            run = self._app.store.read.find(waiting.run_id)
            if run is not None:
                yield self._lesson(run, waiting)

    def _lesson(self, run: Run, waiting: WaitingLesson) -> Lesson:
        learned = self._learned(run, waiting)
        pattern = None if learned is None else self._app.store.patterns.find(learned.pattern_id)
        return Lesson(
            run=run,
            waiting=waiting,
            learned=learned or waiting.learned,
            pattern=pattern,
            session=self._app.store.read.last_event(run.id, SessionRead),
        )

    def _learned(self, run: Run, waiting: WaitingLesson) -> PatternLearned | None:
        """What comes of a lesson beside all that is stored now."""
        lesson = waiting.learned
        learner: Learner = self._learner(run.task_type)
        material = lesson.trace or (lesson.cautions[-1] if lesson.cautions else None)
        if material is None:
            return None
        learned = learner.learned(run, material, cautions=lesson.cautions)
        if learned is None:
            return None
        return replace(learned, contents=lesson.contents, why=lesson.why)

    def accept(self, run_ids: Sequence[str]) -> Iterator[Accepted]:
        """Learns waiting lessons, one after the other: what is accepted stays if one fails."""
        with self._deciding():
            for run_id in run_ids:
                yield self._accept(run_id, edited=None)

    def accept_edited(self, run_id: str, workflow: Workflow) -> Accepted:
        """Learns a lesson in the user's words."""
        with self._deciding():
            return self._accept(run_id, edited=workflow)

    def _accept(self, run_id: str, *, edited: Workflow | None) -> Accepted:
        lesson = next(self.lessons([run_id]), None)
        if lesson is None:
            self._id(run_id)
            self._app.store.reviews.drop([run_id])
            return Accepted(run_id=run_id, pattern_id=None)
        learned = self._learned(lesson.run, lesson.waiting)
        if learned is None:
            self._app.store.reviews.drop([run_id])
            return Accepted(run_id=run_id, pattern_id=None)
        self._app.store.reviews.accept(run_id, learned, edited=edited)
        return Accepted(run_id=run_id, pattern_id=learned.pattern_id, is_new=lesson.pattern is None)

    def drop(self, run_ids: Sequence[str]) -> None:
        """Decides that lessons are not to be learned."""
        self._app.store.reviews.drop(run_ids)

    @contextmanager
    def _deciding(self) -> Iterator[None]:
        from crossrun.memory.vectors import encode_patterns

        with turn_to_learn(self._app.store):
            yield
        encode_patterns(self._app.store)
