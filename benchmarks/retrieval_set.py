"""A folder of tasks to choose for: stored documents, queries, and which of them are right."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from crossrun.patterns.retrieval.ranking import IndexedPattern, Ranking, rank
from crossrun.store import pattern_index
from crossrun.store.steps import PATTERN_INDEX


class Document(NamedTuple):
    """An entry of the corpus."""

    id: str
    text: str
    workflow: str


class Query(NamedTuple):
    """A task that is asked, and the documents that would do."""

    id: str
    text: str
    right: frozenset[str]


class Folder(NamedTuple):
    """A data set."""

    documents: list[Document]
    queries: list[Query]


def read(folder: Path) -> Folder:
    """Reads a folder; sources, kinds and references are not even looked at."""
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
        Query(item["id"], item["text"], frozenset(right.get(item["id"], ())))
        for item in lines(folder / "queries.jsonl")
    ]
    return Folder(documents, queries)


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
    return IndexedPattern(document.id, document.text, document.workflow, "code", "default")


def look_up(connection: sqlite3.Connection, query: Query) -> Ranking:
    return rank(pattern_index.candidates(connection, query.text, task_type="code"))
