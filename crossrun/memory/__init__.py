"""Pattern memory on the store: it chooses a pattern when a run begins, and learns when it ends."""

import time
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from crossrun.config.tasktypes import TaskType
from crossrun.events import (
    Channel,
    CommandRan,
    Event,
    PatternLearned,
    UsageReported,
    Warned,
    decode,
)
from crossrun.model.failures import Failure
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Run
from crossrun.model.workflows import Workflow
from crossrun.patterns import Injection, Person
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.system.background import Background
from crossrun.system.cancellation import CancelToken
from crossrun.system.commandlines import bare_command

if TYPE_CHECKING:
    from crossrun.memory.blocks import BlockWriter
    from crossrun.patterns.learning.redaction import Scrub
    from crossrun.planning.wording import Reworded, Rewriter
    from crossrun.store.pattern_vectors import EncodedTask

_ACTS = ("command_ran", "file_changed", "tool_called")
_TICK = 0.05
_LONGEST_WAIT = 5.0
"""Seconds that a run waits for others that learn; then it does not wait, which costs at worst a
second pattern of the same kind."""


class LessonPolicy(NamedTuple):
    """What happens to what a run taught.

    `writer` words it; None: rules do. `waits`: the user looks at it before it is used; then it
    keeps the words of the rules.
    """

    writer: "Rewriter | None" = None
    waits: bool = False


class StoredMemory:
    """The user's pattern memory, on the ledger.

    Args:
        store: the ledger.
        task_type: of the runs that are chosen for and learned from.
        person: whose names and folders must not be learned.
        path: the directories in which programs are looked for, as in `PATH`.
        redactor: takes secrets out of files that are learned.
        references: where the files of patterns lie for agents.
        policy: what happens to what a run taught.
    """

    def __init__(
        self,
        store: Store,
        task_type: TaskType,
        *,
        person: Person,
        path: str | None,
        redactor: Redactor,
        references: Path,
        policy: LessonPolicy = LessonPolicy(),  # noqa: B008  it is frozen
    ) -> None:
        self._store = store
        self._task_type = task_type
        self._person = person
        self._path = path
        self._redactor = redactor
        self._references = references
        self._writer = policy.writer
        self._lessons_wait = policy.waits

    def decide(
        self,
        run_id: str | None,
        request: RunRequest,
        *,
        channel: Channel,
        top_files: Sequence[str],
        names: Sequence[str] = (),
    ) -> Injection:
        """Chooses a pattern, or none, for a run that begins."""
        from crossrun.memory.selection import Chooser

        def encode(task: str) -> "EncodedTask | None":
            return self._encoded(task, waits_for_agent=run_id is not None)

        def writer() -> "BlockWriter":
            from crossrun.memory.blocks import BlockWriter, layout_of
            from crossrun.memory.references import ReferenceFolders

            return BlockWriter(
                self._store,
                ReferenceFolders(self._references),
                person=self._person,
                layout=layout_of(request.memory),
            )

        chooser = Chooser(
            self._store.patterns, writer, path=self._path, top_files=top_files, encode=encode
        )
        injection = chooser.decide(run_id, request, channel=channel)
        if request.memory.compiled == "never" or request.memory.carried_on_from is not None:
            return injection
        from crossrun.memory.compiling import with_script

        return with_script(injection, self._store, request, names=names, path=self._path)

    def _encoded(self, task: str, *, waits_for_agent: bool) -> "EncodedTask | None":
        from crossrun.memory import vectors

        limit = vectors.AT_CHOICE if waits_for_agent else vectors.AT_LEISURE
        return vectors.encoded_task(self._store, task, limit=limit)

    def get_ready(self) -> None:
        """Imports what learning needs, which takes some hundredths of a second."""
        from crossrun.memory import learning as _learning  # noqa: F401  loaded from now on

    def remember(
        self, run_id: str, request: RunRequest, failure: Failure | None, stop: CancelToken
    ) -> Iterator[Event | None]:
        """What a run teaches that is about to end.

        Its events are read and compared before anybody is kept waiting; only finding the pattern
        that they belong to and storing what comes of it is done by one process at a time.
        """
        yield None
        if request.memory.in_experiment or (failure is None and self._did_one_word(run_id)):
            return
        from crossrun.memory.learning import Learner

        run = self._store.read.run(run_id)
        learner = Learner(
            self._store,
            self._task_type,
            scope=request.memory.scope,
            person=self._person,
            path=self._path,
            redactor=self._redactor,
        )
        material = learner.material(run, failure)
        if material is None:
            return
        if self._lessons_wait:
            yield learner.waiting(run, material)
            return
        draft = learner.learned(run, material) if self._writer else None
        worded = yield from self._reword(draft, run, stop)
        with self._store.learning() as tries:
            yield from _wait_for_turn(tries, stop)
            learned = learner.learned(run, material)
            if learned is not None:
                yield _in_words(learned, worded)
                yield None
        from crossrun.memory.vectors import encode_patterns

        encode_patterns(self._store)

    def _did_one_word(self, run_id: str) -> bool:
        """Whether the run was one command without arguments: too little to load learning for."""
        acts = list(islice(self._store.read.events(run_id, types=_ACTS), 2))
        if len(acts) != 1:
            return False
        event = decode(acts[0].body)
        return isinstance(event, CommandRan) and len(bare_command(event.command).split()) <= 1

    def credit(
        self, run_id: str, failure: Failure | None, *, seconds: float | None
    ) -> Iterator[Event | None]:
        """What a run that is about to end says about the pattern that was decided on."""
        yield None
        run = self._store.read.run(run_id)
        if run.pattern is not None and run.pattern.pattern_id is not None:
            from crossrun.memory.evaluation import judge_pattern

            yield from judge_pattern(self._store, replace(run, duration_s=seconds), failure)

    def _reword(
        self, draft: PatternLearned | None, run: Run, stop: CancelToken
    ) -> Generator[Event | None, None, PatternLearned | None]:
        """The draft in a model's words, if there is a model; no other run waits for it."""
        writer = self._writer
        if writer is None or draft is None or draft.made_by is None:
            return None
        from crossrun.patterns.learning.redaction import Scrub

        scrub = Scrub(self._person, run.workspace)
        wording = yield from _ask_writer(writer, draft.workflow, scrub(run.task), stop)
        if wording is None:
            return None
        if wording.tokens is not None:
            yield UsageReported(source="planner", tokens=wording.tokens)
        if wording.trouble is None and _is_private(wording.workflow, scrub):
            wording = replace(wording, trouble="the model named people or places")
        if wording.trouble is not None:
            yield Warned(message=f"the pattern keeps its own words: {wording.trouble}")
            return None
        return replace(draft, workflow=wording.workflow)


def _wait_for_turn(tries: Iterator[bool], stop: CancelToken) -> Iterator[None]:
    """Waits for the turn to learn; the run's events are shown meanwhile."""
    until = time.monotonic() + _LONGEST_WAIT
    for has_turn in tries:
        if has_turn or stop or time.monotonic() > until:
            return
        yield None
        time.sleep(_TICK)


def _ask_writer(
    writer: "Rewriter", workflow: Workflow, task: str, stop: CancelToken
) -> "Generator[None, None, Reworded | None]":
    """Asks the model; None if the run is stopped before it answers."""
    background = Background(lambda: writer.reword(workflow, task))
    while not background.done(_TICK):
        yield None
        if stop:
            return None
    return background.value()


def _is_private(workflow: Workflow, scrub: "Scrub") -> bool:
    texts = (workflow.summary, *(step.instruction for step in workflow.steps))
    return any(scrub(text) != text for text in texts)


def _in_words(learned: PatternLearned, worded: PatternLearned | None) -> PatternLearned:
    """What was learned in a model's words, where it still says what the model was shown."""
    from crossrun.patterns.formats.block import is_command
    from crossrun.patterns.formats.fingerprints import fingerprint
    from crossrun.patterns.learning.budget import within_budget

    if worded is None or _what(learned) != _what(worded):
        return learned
    steps = zip(learned.workflow.steps, worded.workflow.steps, strict=False)
    workflow = within_budget(
        replace(
            learned.workflow,
            summary=worded.workflow.summary,
            steps=tuple(
                step if is_command(step) else replace(step, instruction=reworded.instruction)
                for step, reworded in steps
            ),
        )
    )
    return replace(learned, workflow=workflow, hash=fingerprint(workflow))


def _what(learned: PatternLearned) -> tuple[str, int, str]:
    return learned.pattern_id, learned.version, learned.rules_hash
