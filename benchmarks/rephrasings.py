"""How often a task in other words gets its pattern from a small store, and another task gets none.

    python benchmarks/rephrasings.py [--misses] [--fit FOLDER]

The tasks are in `data/rephrasings.yaml`. Around each stored task a store of each size is made, the
others drawn by chance. It is asked for both rephrasings (right is only the pattern of their own
task), for another job on the same files, and for all unrelated tasks (right is none). All are asked
as of the task type of the stored task, which is harder for those that ought to get none.

`--fit` prints the weights that `ranking.LEXICAL` ships. It pairs tasks with stored tasks, and
queries of FOLDER (see `retrieval.py`) with documents, so that the weights know more than one kind
of text.
Every third stored task is held out: `--fit` and `--misses` do not look at it. But the word lists
and the tasks have the same author, so the fairest figures are those of the `blind` tasks, which
were written last and in very different words; see the data file.
"""

import argparse
import random
import statistics
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from fitting import fitted
from retrieval_set import entry, indexed, read
from timing import machine

from crossrun.patterns.retrieval.decision import Choice, choose
from crossrun.patterns.retrieval.lexical import lexical_similarity
from crossrun.patterns.retrieval.ranking import Candidate, IndexedPattern, LexicalSimilarity
from crossrun.patterns.retrieval.words import task_words, workflow_words
from crossrun.store import pattern_index

TASKS = Path(__file__).parent / "data" / "rephrasings.yaml"
SIZES = (1, 3, 10, 30, 60)
PARTS = ("tuned on", "held out", "written later", "blind")
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


class Pair(NamedTuple):
    """A task, something stored, whether it is right, and how much that counts."""

    evidence: LexicalSimilarity
    right: bool
    importance: float


def report_fit(known: Tasks, folder: Path) -> None:
    """Prints the weights. Right and wrong pairs count about the same, hard ones the most."""
    rows = [*own_pairs(known), *folder_pairs(folder)]
    model = fitted(
        [row.evidence for row in rows],
        [row.right for row in rows],
        [row.importance for row in rows],
    )
    print(f"LEXICAL: intercept {model.intercept:.3f}")
    for field, weight in zip(LexicalSimilarity._fields, model.weights, strict=True):
        print(f"    {field}={weight:.3f},")


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
    return Pair(lexical_similarity(task_words(task), candidate), right, importance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--misses", action="store_true", help="list what went wrong")
    parser.add_argument("--fit", type=Path, metavar="FOLDER", help="print the weights to ship")
    arguments = parser.parse_args()
    print(machine())
    known = tasks()
    if arguments.fit:
        report_fit(known, arguments.fit)
    report(known, misses=arguments.misses)


if __name__ == "__main__":
    main()
