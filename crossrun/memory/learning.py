"""Learning from a run that ends: a workflow from a success, a caution from a failure."""

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from msgspec.structs import replace

from crossrun.config.tasktypes import TaskType
from crossrun.events import Event, PatternLearned, StepPlanned, WorkspacePrepared, decode, type_of
from crossrun.memory.placement import Placement
from crossrun.memory.run_layers import LentFile, RunLayers
from crossrun.memory.vectors import Meanings
from crossrun.model.failures import Failure
from crossrun.model.queries import RunFilter
from crossrun.model.runs import Run
from crossrun.model.workflows import Act, Caution, Pattern, Preconditions, Trace, Variable, Workflow
from crossrun.patterns import Person
from crossrun.patterns.formats.fingerprints import fingerprint, without_examples
from crossrun.patterns.learning import workflow_of
from crossrun.patterns.learning.borrowing import with_copies, without_folder
from crossrun.patterns.learning.cautions import TEACHING, caution_of
from crossrun.patterns.learning.extractors import extracted
from crossrun.patterns.learning.families import Belonging, tasks_odds
from crossrun.patterns.learning.features import code_words
from crossrun.patterns.learning.redaction import EchoGuard, Scrub
from crossrun.patterns.learning.requirements import required_markers, required_tools
from crossrun.patterns.learning.traces import material_of
from crossrun.patterns.learning.variables import shared_values
from crossrun.patterns.learning.weights import is_trivial
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.store.ids import ALPHABET
from crossrun.store.patterns import PatternReader

ENDS_READ = 5_000
"""Of a very long run, so many events of its beginning and of its end are looked at."""
_TRACES = 50
"""So many runs of a pattern are compared, the newest."""
_FAILED_LOOKED_AT = 20
_MOST_TEXTS = 12
"""So many files that a run wrote are compared with those of others."""
_ID_LENGTH = 6
_ACTS = (
    "step_planned", "plan_updated", "command_ran", "file_changed", "tool_called", "agent_spoke",
    "agent_reasoned",
)  # fmt: skip
_TROUBLE = ("command_ran", "verified")
LOOKED_AT = frozenset((*_ACTS, *_TROUBLE))
"""The types of events that show what a run did."""
NumberedEvent = tuple[int, Event]
"""An event with its number in the run."""


class Learner:
    """Learns from one run.

    Args:
        store: the ledger.
        task_type: the run's.
        scope: whether only patterns of the run's project are looked at.
        person: whose names and folders must not be learned.
        path: the directories in which programs are looked for.
        redactor: takes secrets out of files.
        patterns: those that the run is compared with; None: those of the ledger.
    """

    def __init__(
        self,
        store: Store,
        task_type: TaskType,
        *,
        scope: str,
        person: Person,
        path: str | None,
        redactor: Redactor,
        patterns: PatternReader | None = None,
    ) -> None:
        self._store = store
        self._patterns = patterns or store.patterns
        self._task_type = task_type
        self._person = person
        self._path = path
        self._redactor = redactor
        self._contents: dict[str, str] = {}
        """Of files of the run, by hash."""
        self._unstored: dict[str, Sequence[NumberedEvent]] = {}
        """Events of runs that are not in the ledger yet."""
        self._placement = Placement(
            self._patterns, Meanings(store.cache, self._patterns), scope=scope
        )

    def material(
        self,
        run: Run,
        failure: Failure | None,
        *,
        events: Sequence[NumberedEvent] | None = None,
    ) -> Trace | Caution | None:
        """What the run itself has to teach, if anything: all that is read from its events.

        Args:
            run: the run.
            failure: why it failed, if so.
            events: those of its events that are looked at; None: they are in the ledger.
        """
        if events is not None:
            self._unstored = {run.id: events}
        if run.pattern is not None and run.pattern.compiled:
            return None  # a script did what earlier runs did
        if failure is None and not _is_contradicted(run):
            return self._trace(run)
        return self._caution(run) if failure is None or failure.code in TEACHING else None

    def waiting(
        self, run: Run, material: Trace | Caution, *, why: str = ""
    ) -> PatternLearned | None:
        """What it teaches by itself, for the user to look at before it is used."""
        if isinstance(material, Trace):
            learned = self._new(run, material, Belonging(), self._earlier_cautions(run))
        else:
            placed = self.learned(run, material)
            if placed is None:
                return None
            learned = placed
        return replace(learned, waits=True, why=why)

    def learned(
        self,
        run: Run,
        material: Trace | Caution,
        *,
        placed: Belonging | None = None,
        cautions: Iterable[Caution] | None = None,
    ) -> PatternLearned | None:
        """What it teaches beside all that is stored already.

        Args:
            run: the run.
            material: what it has to teach.
            placed: where the user put it, if so.
            cautions: those that a new pattern begins with; None: those of earlier failures.
        """
        if isinstance(material, Caution):
            task = Scrub(self._person, run.workspace)(run.task)
            place = placed or Belonging()
            pattern = (
                self._patterns.find(place.pattern_id)
                if place.pattern_id
                else self._placement.concerned(run, task)
            )
            return None if pattern is None else self._next(pattern, caution=material)
        place = placed or self._placement.place(run, material)
        pattern = self._patterns.find(place.pattern_id) if place.pattern_id else None
        material = self._placement.without_echoes(run, material, place)
        if pattern is None:
            earlier = self._earlier_cautions(run) if cautions is None else cautions
            return self._new(run, material, place, earlier)
        return self._next(pattern, trace=material)

    def _new(
        self, run: Run, trace: Trace, place: Belonging, earlier: Iterable[Caution]
    ) -> PatternLearned:
        cautions = tuple(earlier)
        workflow = workflow_of([trace], [caution.text for caution in cautions])
        pattern_id = place.pattern_id or new_pattern_id(run.id, self._patterns)
        return PatternLearned(
            pattern_id=pattern_id,
            family_id=place.family_id or pattern_id,
            project_id=run.project_id,
            task_type=run.task_type,
            lesson="workflow",
            made_by="run",
            version=1,
            hash=fingerprint(workflow),
            rules_hash=without_examples(workflow),
            workflow=workflow,
            trace=trace,
            cautions=cautions,
            contents=self._new_contents(trace),
        )

    def _new_contents(self, trace: Trace | None) -> tuple[str, ...]:
        """Contents of the run's files that are not stored yet."""
        hashes = [file.sha256 for file in trace.files] if trace else []
        if not hashes:
            return ()
        stored = self._store.patterns.contents(hashes)
        missing = (sha256 for sha256 in dict.fromkeys(hashes) if sha256 not in stored)
        return tuple(self._contents[sha256] for sha256 in missing if sha256 in self._contents)

    def _next(
        self, pattern: Pattern, *, trace: Trace | None = None, caution: Caution | None = None
    ) -> PatternLearned:
        """The pattern with one more run; what the user wrote or imported stays as it is."""
        patterns = self._patterns
        current = patterns.versions(pattern.id)[-1]
        traces = [*patterns.traces(pattern.id, newest=_TRACES), *([trace] if trace else [])]
        cautions = [*patterns.cautions(pattern.id), *([caution.text] if caution else [])]
        learned = PatternLearned(
            pattern_id=pattern.id,
            family_id=pattern.family_id,
            project_id=pattern.project_id,
            task_type=pattern.task_type,
            lesson="workflow" if trace else "caution",
            made_by=None,
            version=current.version,
            hash=current.hash,
            rules_hash=current.rules_hash,
            workflow=current.workflow,
            trace=trace,
            cautions=(caution,) if caution else (),
            contents=self._new_contents(trace),
        )
        if not traces or not pattern.own or current.made_by == "user":
            return learned
        return _with_workflow(learned, workflow_of(traces, cautions))

    def _trace(self, run: Run) -> Trace | None:
        guard, scrub = self._guard(run), self._scrub(run)
        parts = [part for part in self._lineage(run) if part.task == run.task]
        materials = [
            material_of(part.id, self._events(part, _ACTS), task=run.task, scrub=scrub, guard=guard)
            for part in parts
        ]
        lent = self._lent(run)
        layers = RunLayers(
            run,
            lambda types: self._events(run, types),
            scrub=scrub,
            redactor=self._redactor,
            lent=lent,
        )
        acts = with_copies((layers.marked(act) for each in materials for act in each.acts), lent)
        if is_trivial(acts):
            return None
        task = scrub(run.task)
        commands = [act.command for act in acts]
        findings = extracted(self._task_type.finders, task, commands)
        cures = tuple(without_folder(cure) for material in materials for cure in material.cures)
        files = layers.kept_files(acts)
        self._contents |= {each.file.sha256: each.content for each in files}
        return Trace(
            run_id=run.id,
            task=task,
            acts=acts,
            verified=run.verify is not None,
            found=(*findings, *shared_values(task, commands, {f.value for f in findings})),
            preconditions=self._preconditions(run, acts),
            files=tuple(each.file for each in files),
            cures=cures,
            check=layers.check(acts),
            facts=layers.facts(acts, cures),
            words=_written_words(acts, layers.files.text),
            grade=None if run.proof is None else run.proof.grade,
            whole_commands=True,
        )

    def _lineage(self, run: Run) -> list[Run]:
        """The run with those that it continues; tasks of one session stand for themselves."""
        return [run] if run.imported_from else self._store.read.lineage(run)

    def _scrub(self, run: Run) -> Scrub:
        """Takes out what is private, and the place where the pattern's files lay."""
        folder = run.pattern.folder if run.pattern is not None else None
        return Scrub(self._person, run.workspace, reference=folder or "")

    def _preconditions(self, run: Run, acts: Iterable[Act]) -> Preconditions:
        prepared = next((event for _, event in self._events(run, ["workspace_prepared"])), None)
        present = prepared.top_files if isinstance(prepared, WorkspacePrepared) else ()
        return Preconditions(
            os=None if run.imported_from else sys.platform,
            tools=required_tools(
                acts, lambda name: shutil.which(name, path=self._path) is not None
            ),
            markers=required_markers(acts, present),
        )

    def _guard(self, run: Run) -> EchoGuard:
        return EchoGuard(self._instructions(run), self._injected(run))

    def _instructions(self, run: Run) -> list[str]:
        """All that agent and planner were told besides the task."""
        return [
            text
            for _, event in self._events(run, ["step_planned"])
            if isinstance(event, StepPlanned)
            for text in (event.instructions, event.prompt)
        ]

    def _injected(self, run: Run) -> list[str]:
        """The steps that the agent was shown, with values and with variables."""
        shown = self._shown(run)
        steps = shown.steps if shown is not None else ()
        return [text for step in steps for text in (step.instruction, step.command) if text]

    def _lent(self, run: Run) -> dict[str, LentFile]:
        """The texts that lay in the folder of the run's pattern, by their paths there."""
        shown = self._shown(run)
        if shown is None or run.pattern is None or run.pattern.folder is None:
            return {}
        contents = self._store.patterns.contents(file.sha256 for file in shown.files)
        return {
            file.path: LentFile(contents[file.sha256].decode(errors="replace"), file.executable)
            for file in shown.files
            if file.sha256 in contents
        }

    def _shown(self, run: Run) -> Workflow | None:
        """What the agent was shown of a pattern."""
        decided = run.pattern
        if decided is None or decided.pattern_id is None or decided.decision == "withheld":
            return None
        versions = self._store.patterns.versions(decided.pattern_id)
        shown = (each.workflow for each in versions if each.version == decided.version)
        return next(shown, None)

    def _earlier_cautions(self, run: Run) -> Iterator[Caution]:
        """Of runs that failed at the same task before one succeeded, the oldest first.

        Imported runs stand for themselves.
        """
        if run.imported_from:
            return
        wanted = RunFilter(
            project_id=run.project_id,
            status="failed",
            task_type=run.task_type,
            limit=_FAILED_LOOKED_AT,
        )
        unseen = self._store.reviews.not_accepted()
        for failed in reversed(self._store.read.runs(wanted)):
            teaches = failed.failure is not None and failed.failure.code in TEACHING
            if failed.imported_from or failed.id in unseen:
                continue
            is_earlier = failed.created_at < run.created_at
            if teaches and is_earlier and tasks_odds(failed.task, run.task) > 0:
                caution = self._caution(failed)
                if caution is not None:
                    yield caution

    def _caution(self, run: Run) -> Caution | None:
        events = (event for _, event in self._events(run, _TROUBLE))
        scrub = self._scrub(run)
        text = caution_of(events, scrub, self._guard(run))
        return Caution(run.id, text) if text else None

    def _events(self, run: Run, types: Iterable[str]) -> Iterator[tuple[int, Event]]:
        """The run's events; of a very long run the first and the last ones."""
        if run.id in self._unstored:
            wanted = set(types)
            yield from (each for each in self._unstored[run.id] if type_of(each[1]) in wanted)
            return
        last = self._store.read.last_seq(run.id)
        skipped = range(ENDS_READ, max(last - ENDS_READ, ENDS_READ))
        for after in (0, skipped.stop) if skipped else (0,):
            for stored in self._store.read.events(run.id, after=after, types=tuple(types)):
                if skipped and not after and stored.seq > skipped.start:
                    break
                yield stored.seq, decode(stored.body)


def _is_contradicted(run: Run) -> bool:
    """Whether the ledger says otherwise than the agent: such a run shows nothing that works."""
    return run.proof is not None and run.proof.grade == "contradicted"


def new_pattern_id(run_id: str, patterns: PatternReader) -> str:
    """Made from the id of the run that teaches it, so that the same log gives the same patterns."""
    digest = hashlib.sha256(f"pattern\0{run_id}".encode()).digest()
    letters = "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest)
    length = _ID_LENGTH
    while patterns.find(letters[:length]) is not None:
        length += 1
    return letters[:length]


def _written_words(acts: Iterable[Act], read: Callable[[str], str | None]) -> tuple[str, ...]:
    """The words of the texts that the run wrote by its patch tool, as they are now."""
    paths = dict.fromkeys(
        act.target for act in acts if act.command == f"write {act.target}" and act.target
    )
    texts = (read(path) or "" for path in islice(paths, _MOST_TEXTS))
    return tuple(sorted(code_words("\n".join(texts))))


def _with_workflow(learned: PatternLearned, made: Workflow) -> PatternLearned:
    """What rules make of the runs now: a new version where it says something else."""
    rules = without_examples(made)
    if rules == learned.rules_hash:
        return replace(learned, workflow=_with_evidence(learned.workflow, made))
    return replace(
        learned,
        made_by="merge" if learned.lesson == "workflow" else "caution",
        version=learned.version + 1,
        hash=fingerprint(made),
        rules_hash=rules,
        workflow=made,
    )


def _with_evidence(worded: Workflow, made: Workflow) -> Workflow:
    """The same words, a model's perhaps, with what all runs show by now."""
    if len(worded.steps) != len(made.steps):
        return worded
    steps = zip(worded.steps, made.steps, strict=True)
    return replace(
        worded,
        steps=tuple(replace(step, evidence=new.evidence) for step, new in steps),
        variables={
            name: replace(kind, values=_other_values(kind, made.variables.get(name)))
            for name, kind in worded.variables.items()
        },
        preconditions=made.preconditions,
    )


def _other_values(kind: Variable, new: Variable | None) -> tuple[str, ...]:
    values = () if new is None else (new.example, *new.values)
    return tuple(value for value in dict.fromkeys(values) if value != kind.example)
