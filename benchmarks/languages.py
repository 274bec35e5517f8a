"""How often a task in other words, or in another language, gets its pattern; with the extra or not.

    python benchmarks/languages.py [--families FILE] [--stored NUMBER] [--without] [--misses]

The families are in `data/languages.yaml` and in `data/blind.yaml`. All of a file are stored
together with tasks of `data/rephrasings.yaml`, each is asked in all its forms, and what is chosen
is compared with what ought to be: the family's own pattern, or none for another job on the same
files and for unrelated tasks. Families of the part `reported` were never looked at when weights
were made.

Without the extra `embeddings`, or with `--without`, only words decide.
"""

import argparse
import random
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import gettempdir
from typing import Any, NamedTuple

import yaml
from rephrasings import tasks
from retrieval_set import indexed
from timing import machine

from crossrun.memory.encoding import Encoder, ready_encoder
from crossrun.patterns.retrieval.decision import choose
from crossrun.patterns.retrieval.ranking import IndexedPattern
from crossrun.store import pattern_index, pattern_vectors
from crossrun.store.pattern_vectors import EncodedTask
from crossrun.store.steps import MIGRATIONS

FAMILIES = Path(__file__).parent / "data" / "languages.yaml"
CACHE = Path(gettempdir()) / "crossrun-benchmarks"
KINDS = ("again", "different", "languages", "near", "unrelated")
PARTS = ("fitted", "reported")


class Question(NamedTuple):
    """A task, and the pattern that it ought to get."""

    part: str
    kind: str
    text: str
    task_type: str
    right: str | None


class Answer(NamedTuple):
    """What a question got."""

    question: Question
    chosen: str | None
    reason: str

    @property
    def own(self) -> bool:
        """Whether it got the pattern that it ought to get."""
        return self.chosen is not None and self.chosen == self.question.right

    @property
    def wrong(self) -> bool:
        """Whether it got another one."""
        return self.chosen is not None and self.chosen != self.question.right


class Patterns:
    """A store of patterns in memory."""

    def __init__(self, patterns: list[IndexedPattern], encoder: Encoder | None) -> None:
        self._encoder = encoder
        self.connection = indexed(patterns)
        self.connection.executescript(dict(MIGRATIONS)["0011_pattern_contents"])
        if encoder is not None:
            texts = {pattern.id: pattern_vectors.texts_of(pattern.task) for pattern in patterns}
            every = sorted({text for lines in texts.values() for text in lines})
            vectors = dict(zip(every, encoder.encode(every), strict=True))
            pattern_vectors.put(self.connection, encoder.name, texts, vectors)

    def answer(self, question: Question) -> Answer:
        """What a question gets."""
        encoded = self._encoded(question.text)
        near = pattern_vectors.nearest(self.connection, encoded) if encoded else []
        candidates = pattern_index.candidates(
            self.connection, question.text, task_type=question.task_type, also=near
        )
        if encoded:
            ids = [candidate.id for candidate in candidates.candidates]
            cosines = pattern_vectors.similarities(self.connection, encoded, ids)
            candidates = candidates._replace(semantic=cosines)
        choice = choose(candidates, task_type=question.task_type)
        chosen = choice.chosen.candidate.id if choice.chosen else None
        return Answer(question, chosen, choice.reason)

    def _encoded(self, text: str) -> EncodedTask | None:
        if self._encoder is None:
            return None
        return EncodedTask(self._encoder.name, self._encoder.encode([text])[0], CACHE / "vectors")


def stored(families: list[dict[str, Any]], size: int | None) -> list[IndexedPattern]:
    """The families' patterns, and those among which they must be found; `size` together."""
    own = [own_pattern(number, item) for number, item in enumerate(families)]
    others = [other.entry for other in tasks().stored]
    random.Random(1).shuffle(others)  # noqa: S311  reproducible, not secret
    return [*own, *others][:size]


def own_pattern(number: int, item: dict[str, Any]) -> IndexedPattern:
    done = "\n".join(item["workflow"])
    return IndexedPattern(f"family-{number:02}", item["task"], done, item["type"], "default")


def questions(content: dict[str, Any]) -> Iterator[Question]:
    for number, item in enumerate(content["stored"]):
        part, kind, own = item["part"], item["type"], f"family-{number:02}"
        yield from (Question(part, "again", text, kind, own) for text in item["again"])
        yield from (Question(part, "different", text, kind, own) for text in item["different"])
        for text in item["languages"].values():
            yield Question(part, "languages", text, kind, own)
        yield from (Question(part, "near", text, kind, None) for text in item["near"])
    for part in PARTS:
        for text in content["unrelated"]:
            yield Question(part, "unrelated", text, "code", None)


def report(answers: list[Answer]) -> None:
    for part in PARTS:
        print(f"\n{part:12} own pattern / none / a wrong one")
        for kind in KINDS:
            print(f"{kind:12} {counted(a for a in answers if here(a, part, kind))}")


def here(answer: Answer, part: str, kind: str) -> bool:
    return (answer.question.part, answer.question.kind) == (part, kind)


def counted(answers: Iterable[Answer]) -> str:
    every = list(answers)
    own, wrong = sum(answer.own for answer in every), sum(answer.wrong for answer in every)
    return f"{own:3} / {len(every) - own - wrong:3} / {wrong:3}   of {len(every)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--families", type=Path, default=FAMILIES, metavar="FILE")
    parser.add_argument("--stored", type=int, metavar="NUMBER", help="patterns stored together")
    parser.add_argument("--without", action="store_true", help="as without the extra")
    parser.add_argument("--misses", action="store_true", help="list what went wrong (fitted only)")
    arguments = parser.parse_args()
    print(machine())
    encoder = None if arguments.without else ready_encoder(CACHE)
    print("with" if encoder else "without", "the extra")
    content = yaml.safe_load(arguments.families.read_text(encoding="utf-8"))
    patterns = Patterns(stored(content["stored"], arguments.stored), encoder)
    with closing(patterns.connection):
        answers = [patterns.answer(question) for question in questions(content)]
    report(answers)
    for answer in filter(missed, answers if arguments.misses else ()):
        print(f"{answer.question.kind}: {answer.question.text[:90]}\n      {answer.reason}")


def missed(answer: Answer) -> bool:
    """Whether it is wrong, and may be looked at."""
    expected = answer.own if answer.question.right else not answer.wrong
    return answer.question.part == PARTS[0] and not expected


if __name__ == "__main__":
    main()
