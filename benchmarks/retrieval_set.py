"""A folder of tasks to choose for: stored documents, queries, and which of them are right."""

import json
import random
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from crossrun.patterns.retrieval.ranking import IndexedPattern, Ranking, rank
from crossrun.store import pattern_index
from crossrun.store.steps import PATTERN_INDEX

IN_CONTEXT_SOURCE = "in context"
CONTEXT_WORDS = 80
"""So many words of each task in a text with several."""


class Document(NamedTuple):
    """An entry of the corpus."""

    id: str
    text: str
    workflow: str


class Query(NamedTuple):
    """A task that is asked, the documents that would do, and the set that it is from."""

    id: str
    text: str
    right: frozenset[str]
    source: str


class Folder(NamedTuple):
    """A data set."""

    documents: list[Document]
    queries: list[Query]


def read(*folders: Path) -> Folder:
    """Reads folders as one set; kinds and references are not looked at."""
    documents: list[Document] = []
    queries: list[Query] = []
    for folder in folders:
        some, asked = read_one(folder)
        documents += some
        queries += asked
    return Folder(documents, queries)


def read_one(folder: Path) -> Folder:
    documents = [
        Document(item["id"], item["text"], item.get("workflow") or "")
        for item in lines(folder / "corpus.jsonl")
    ]
    known = {document.id for document in documents}
    right: dict[str, set[str]] = {}
    for line in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0 and document in known:
            right.setdefault(query, set()).add(document)
    queries = [
        Query(
            item["id"],
            item["text"],
            frozenset(right.get(item["id"], ())),
            item.get("source") or folder.name,
        )
        for item in lines(folder / "queries.jsonl")
    ]
    return Folder(documents, queries)


def in_context(queries: list[Query], *, chance: random.Random, count: int) -> list[Query]:
    """Queries among other tasks, as in users' files; what is right for any of them is right."""
    return [
        mixed(query, chance.sample(queries, chance.choice([1, 2, 4])), chance)
        for query in chance.sample(queries, count)
    ]


def mixed(query: Query, others: list[Query], chance: random.Random) -> Query:
    parts = chance.sample([query, *others], 1 + len(others))
    return Query(
        f"{query.id} in context",
        " ".join(" ".join(part.text.split()[:CONTEXT_WORDS]) for part in parts),
        frozenset().union(*(part.right for part in parts)),
        IN_CONTEXT_SOURCE,
    )


def lines(file: Path) -> Iterator[dict[str, str]]:
    with file.open() as opened:
        yield from map(json.loads, opened)


def indexed(entries: Iterable[IndexedPattern]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript(PATTERN_INDEX)
    pattern_index.put(connection, entries)
    connection.commit()
    return connection


def entry(document: Document) -> IndexedPattern:
    return IndexedPattern(
        document.id, " ".join(document.text.split()), document.workflow, "code", "default"
    )


def look_up(connection: sqlite3.Connection, query: Query) -> Ranking:
    return rank(pattern_index.candidates(connection, query.text, task_type="code"))
