"""Pattern memory on the store: chooses for a run that begins, learns from one that ends."""

from collections.abc import Generator, Iterator, Sequence

from msgspec.structs import replace

from crossrun.events import Channel, Event, PatternLearned, UsageReported, Warned
from crossrun.failures import Failure
from crossrun.patterns import Injection
from crossrun.patterns.learning.privacy import Person
from crossrun.planning.wording import Writer
from crossrun.runs import RunRequest
from crossrun.store import Store
from crossrun.tasktypes import TaskType
from crossrun.workflows import Workflow


class StoredMemory:
    """What earlier runs of this user taught.

    Args:
        store: the ledger.
        task_type: of the runs that are chosen for and learned from.
        person: whose names and folders must not be learned.
        path: the directories in which programs are looked for, as in `PATH`.
        writer: words what was learned; None: rules do.
    """

    def __init__(
        self,
        store: Store,
        task_type: TaskType,
        *,
        person: Person,
        path: str | None,
        writer: Writer | None = None,
    ) -> None:
        self._store = store
        self._task_type = task_type
        self._person = person
        self._path = path
        self._writer = writer

    def decide(
        self, run_id: str, request: RunRequest, *, channel: Channel, top_files: Sequence[str]
    ) -> Injection:
        """One pattern or none for a run that begins."""
        from crossrun.memory.choosing import Chooser

        chooser = Chooser(self._store.patterns, path=self._path, top_files=top_files)
        return chooser.decide(run_id, request, channel=channel)

    def remember(
        self, run_id: str, request: RunRequest, failure: Failure | None
    ) -> Iterator[Event | None]:
        """What a run teaches that is about to end, and what it says about its pattern."""
        from crossrun.memory.crediting import judged
        from crossrun.memory.learning import Learner

        yield None
        run = self._store.read.run(run_id)
        learner = Learner(
            self._store,
            self._task_type,
            scope=request.memory.scope,
            person=self._person,
            path=self._path,
        )
        draft = learner.learn(run, failure) if self._writer else None
        worded = yield from self._worded(draft, run.task)
        with self._store.learning():
            learned = learner.learn(run, failure)
            if learned is not None and draft is not None and learned.rules_hash == draft.rules_hash:
                learned = _in_words(learned, worded)
            if learned is not None:
                yield learned
                yield None
            yield from judged(self._store, run, failure)
            yield None

    def _worded(
        self, draft: PatternLearned | None, task: str
    ) -> Generator[Event | None, None, Workflow | None]:
        """What is new in a model's words, if there is a model; nobody has to wait for it."""
        if self._writer is None or draft is None:
            return None
        known = self._store.patterns.known(draft.pattern_id)
        if known is not None and known.version == draft.version:
            return None
        kept = self._writer.reword(draft.workflow, task)
        if kept.tokens is not None:
            yield UsageReported(source="planner", tokens=kept.tokens)
        if kept.trouble is not None:
            yield Warned(message=f"the pattern keeps its own words: {kept.trouble}")
            return None
        return kept.workflow


def _in_words(learned: PatternLearned, worded: Workflow | None) -> PatternLearned:
    """What was learned in a model's words, where it still says what the model was shown."""
    from crossrun.patterns.learning.clamping import clamped
    from crossrun.patterns.rendering import fingerprint

    if worded is None or learned.hash != learned.rules_hash:
        return learned
    steps = zip(learned.workflow.steps, worded.steps, strict=False)
    workflow = clamped(
        replace(
            learned.workflow,
            summary=worded.summary,
            steps=tuple(replace(step, instruction=said.instruction) for step, said in steps),
        )
    )
    return replace(learned, workflow=workflow, hash=fingerprint(workflow))
