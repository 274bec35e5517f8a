"""How often a task in other words gets its pattern from a small store, and another task gets none.

    python benchmarks/rephrasings.py [--misses] [--fit FOLDER]

Jobs are in `data/jobs.yaml`: each is stored as a run would teach it, beside patterns of other jobs,
and asked for again: the same words, other files, very different words, four other languages, the
same files with another aim, unrelated tasks, and two jobs in one. Every second job is held out.

Older tasks are in `data/rephrasings.yaml`. Around each stored task a store of each size is made,
the others drawn by chance. It is asked for both rephrasings (right is only the pattern of their own
task), for another job on the same files, and for all unrelated tasks (right is none). All are asked
as of the task type of the stored task, which is harder for those that ought to get none.

`--fit` prints the weights that `ranking.LEXICAL` ships. It pairs tasks of both files with stored
tasks, and queries of FOLDER (see `retrieval.py`) with documents, so that the weights know more than
one kind of text.
Every third stored task is held out: `--fit` and `--misses` do not look at it. But the word lists
and the tasks have the same author, so the fairest figures are those of the `blind` tasks, which
were written last and in very different words; see the data file.
"""

import argparse
import random
import sqlite3
import statistics
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from cosines import installed_cosines
from fitting import fitted
from jobs_set import KINDS, LANGUAGES, JobSet, Question, job_set
from retrieval_set import entry, indexed, read
from timing import machine

from crossrun.patterns.retrieval.decision import Choice, choose
from crossrun.patterns.retrieval.lexical import lexical_similarities
from crossrun.patterns.retrieval.ranking import Candidate, IndexedPattern, LexicalSimilarity
from crossrun.patterns.retrieval.words import task_words, workflow_words
from crossrun.store import pattern_index

TASKS = Path(__file__).parent / "data" / "rephrasings.yaml"
SIZES = (1, 3, 10, 30, 60)
PARTS = ("tuned on", "held out", "written later", "blind")
RIGHT_WEIGHTS = {
    "identical": 1.0,
    "files": 3.0,
    "words": 1.5,
    "near": 1.0,
    **dict.fromkeys(LANGUAGES, 1.5),
}
NEAR_WEIGHT = 5.0
"""How much a right pair of a kind counts, and another aim with the pattern of the same files."""
AGAIN, ANOTHER, UNRELATED = "again", "another", "unrelated"


class Stored(NamedTuple):
    """A stored task and what is asked of it."""

    entry: IndexedPattern
    part: str
    again: tuple[str, ...]
    another: str


class Tasks(NamedTuple):
    """The data file."""

    stored: list[Stored]
    unrelated: list[str]


class Asked(NamedTuple):
    """One task asked of one store."""

    kind: str
    text: str
    stored: Stored
    size: int
    choice: Choice

    @property
    def got(self) -> str | None:
        """The pattern that was chosen."""
        return self.choice.chosen.candidate.id if self.choice.chosen else None

    @property
    def right(self) -> bool:
        """Whether that is the pattern of the stored task."""
        return self.got == self.stored.entry.id


def tasks() -> Tasks:
    content = yaml.safe_load(TASKS.read_text(encoding="utf-8"))
    return Tasks(
        [stored(number, item) for number, item in enumerate(content["stored"])],
        content["unrelated"],
    )


def stored(number: int, item: dict[str, Any]) -> Stored:
    workflow = "; ".join(item["workflow"])
    part = item.get("part") or PARTS[number % 3 == 2]
    return Stored(
        IndexedPattern(str(number), item["task"], workflow, item["type"], "default"),
        part,
        tuple(item["again"]),
        item["another"],
    )


# asking


def asked(known: Tasks, size: int) -> Iterator[Asked]:
    chance = random.Random(size)  # noqa: S311  reproducible, not secret
    for one in known.stored:
        others = [other.entry for other in known.stored if other is not one]
        with closing(indexed([one.entry, *chance.sample(others, size - 1)])) as store:
            for kind, text in questions(known, one):
                found = pattern_index.candidates(store, text, task_type=one.entry.task_type)
                choice = choose(found, task_type=one.entry.task_type)
                yield Asked(kind, text, one, size, choice)


def questions(known: Tasks, one: Stored) -> Iterator[tuple[str, str]]:
    yield from ((AGAIN, text) for text in one.again)
    yield ANOTHER, one.another
    yield from ((UNRELATED, text) for text in known.unrelated)


def report(known: Tasks, *, misses: bool) -> None:
    answers = [answer for size in SIZES for answer in asked(known, size)]
    for part in PARTS:
        here = [answer for answer in answers if answer.stored.part == part]
        if here:
            print(f"\n{part}: {len({answer.stored.entry.id for answer in here})} stored tasks")
            print("entries   rephrased: its own   a wrong one   another job: any   unrelated: any")
            for size in SIZES:
                print(line(size, [answer for answer in here if answer.size == size]))
    if misses:
        for answer in answers:
            if answer.stored.part == PARTS[0] and missed(answer):
                print(f"{answer.size:3} {answer.kind}: {answer.text[:90]}")
                print(f"      {answer.stored.entry.task}: {answer.choice.reason}")


def line(size: int, answers: Sequence[Asked]) -> str:
    again, another, unrelated = (
        [answer for answer in answers if answer.kind == kind]
        for kind in (AGAIN, ANOTHER, UNRELATED)
    )
    shares = (
        share(answer.right for answer in again),
        share(answer.got is not None and not answer.right for answer in again),
        share(answer.got is not None for answer in another),
        share(answer.got is not None for answer in unrelated),
    )
    return f"{size:>7}   {'             '.join(shares)}"


def missed(answer: Asked) -> bool:
    return not answer.right if answer.kind == AGAIN else answer.got is not None


def share(hits: Iterable[bool]) -> str:
    return f"{statistics.fmean(hits):6.1%}"


# fitting


# jobs


class Answer(NamedTuple):
    """What a question got."""

    question: Question
    choice: Choice

    @property
    def verdict(self) -> str:
        """`right`, `wrong` or `none`."""
        if self.choice.chosen is None:
            return "none"
        return "right" if self.choice.chosen.candidate.id in self.question.right else "wrong"


def report_jobs(jobs: JobSet, *, misses: bool) -> None:
    """Prints what each kind of question got."""
    stored = [job.pattern for job in jobs.jobs] + jobs.distractors
    with closing(indexed(stored)) as store:
        for name, tuned in (("looked at", True), ("held out", False)):
            answers = [answer(store, question) for question in jobs.part(tuned=tuned)]
            print(f"\njobs {name}, {len(stored)} patterns: right / none / wrong")
            for kind in KINDS:
                here = [a.verdict for a in answers if a.question.kind == kind]
                counts = " / ".join(f"{here.count(v):>2}" for v in ("right", "none", "wrong"))
                print(f"  {kind:10} {counts}")
            if misses and tuned:
                for missed_one in filter(is_missed, answers):
                    print(f"{missed_one.question.kind}: {missed_one.question.text[:90]}")
                    print(f"      {missed_one.question.job}: {missed_one.choice.reason}")


def answer(store: sqlite3.Connection, question: Question) -> Answer:
    candidates = pattern_index.candidates(store, question.text, task_type="code")
    return Answer(question, choose(candidates, task_type="code"))


def is_missed(given: Answer) -> bool:
    if given.verdict == "none":
        return bool(given.question.right)
    return given.verdict == "wrong"


class Pair(NamedTuple):
    """A task, something stored, whether it is right, and how much that counts."""

    similarity: LexicalSimilarity
    right: bool
    importance: float
    task: str
    wordings: str
    """The stored task; a line for each wording."""


def report_fit(known: Tasks, folder: Path) -> None:
    """Prints the weights. Right and wrong pairs count about the same, hard ones the most."""
    rows = [*job_pairs(job_set()), *own_pairs(known), *folder_pairs(folder)]
    print_model("LEXICAL", rows, [row.similarity[:-1] for row in rows])
    if cosines := installed_cosines():
        near = [cosines.of(row.task, row.wordings) for row in rows]
        with_cosine = [(*row.similarity[:-1], x) for row, x in zip(rows, near, strict=True)]
        print_model("LEXICAL with the extra", rows, with_cosine)


def print_model(name: str, rows: list[Pair], features: Sequence[Sequence[float]]) -> None:
    model = fitted(features, [row.right for row in rows], [row.importance for row in rows])
    print(f"{name}: intercept {model.intercept:.3f}")
    for field, weight in zip(LexicalSimilarity._fields, model.weights, strict=False):
        print(f"    {field}={weight:.3f},")


def job_pairs(jobs: JobSet) -> Iterator[Pair]:
    """Each question of the jobs that were looked at, with each of these and the other patterns."""
    stored = [job.pattern for job in jobs.jobs if job.tuned]
    for question in jobs.part(tuned=True):
        if question.kind == "two":
            continue
        for there in stored:
            if there.id in question.right:
                yield pair(
                    question.text, there, right=True, importance=RIGHT_WEIGHTS[question.kind]
                )
            else:
                hard = question.kind == "near" and there.id == question.job
                yield pair(
                    question.text, there, right=False, importance=NEAR_WEIGHT if hard else 0.1
                )
        for there in jobs.distractors:
            yield pair(question.text, there, right=False, importance=0.05)


def own_pairs(known: Tasks) -> Iterator[Pair]:
    tuned = [one for one in known.stored if one.part == PARTS[0]]
    for one in tuned:
        yield pair(one.entry.task, one.entry, right=True, importance=1)
        yield from (pair(text, one.entry, right=True, importance=3.5) for text in one.again)
        yield pair(one.another, one.entry, right=False, importance=3)
        for other in tuned:
            if other is not one:
                for text in (*one.again, one.another):
                    yield pair(text, other.entry, right=False, importance=0.05)
        for text in known.unrelated:
            yield pair(text, one.entry, right=False, importance=0.1)


def folder_pairs(folder: Path) -> Iterator[Pair]:
    """Each query with one document that is right, and with six others."""
    chance = random.Random(5)  # noqa: S311
    documents, queries = read(folder)
    by_id = {document.id: document for document in documents}
    for query in queries:
        if query.right:
            document = by_id[chance.choice(sorted(query.right))]
            yield pair(query.text, entry(document), right=True, importance=0.2)
        for document in chance.sample(documents, 6):
            if document.id not in query.right:
                yield pair(query.text, entry(document), right=False, importance=0.03)


def pair(task: str, there: IndexedPattern, *, right: bool, importance: float) -> Pair:
    words = task_words(there.task), workflow_words(there.workflow)
    candidate = Candidate(there.id, *words, there.task_type, there.project_id)
    similarity = lexical_similarities(task_words(task), candidate)[0]
    return Pair(similarity, right, importance, task, there.task)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--misses", action="store_true", help="list what went wrong")
    parser.add_argument("--fit", type=Path, metavar="FOLDER", help="print the weights to ship")
    arguments = parser.parse_args()
    print(machine())
    known = tasks()
    if arguments.fit:
        report_fit(known, arguments.fit)
    report_jobs(job_set(), misses=arguments.misses)
    report(known, misses=arguments.misses)


if __name__ == "__main__":
    main()
