"""Searches the events of runs: the newest run first, and within a run in order.

The index has no copy of the texts. So the events that match are read, and the words are marked in
them by the same means: in an index of their own, in memory.
"""

import re
import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby, islice
from typing import NamedTuple

from crossrun.model.queries import (
    SEARCH_FIELDS,
    RunFilter,
    SearchField,
    SearchQuery,
    StepMatch,
)
from crossrun.store.access import ReadAccess
from crossrun.store.reading import chosen_runs
from crossrun.store.search_index import PENDING, document_number, run_and_event
from crossrun.store.search_texts import SEPARATOR, EventTexts, separated, texts_of
from crossrun.store.steps import SEARCH_INDEX
from crossrun.system.commandlines import bare_command

_COLUMNS: dict[SearchField, str] = dict(zip(SEARCH_FIELDS, EventTexts._fields, strict=True))
_BEGIN, _END = "\x02", "\x03"
"""Around a match."""
_AFTER_ALL = 1 << 30
"""More than any number of a run."""
_MOST_READ = 300
"""Matches of one run that are read one by one."""
_LONGEST_EXCERPT, _BEFORE_MATCH = 240, 60
"""Characters of an excerpt, and of what precedes the first match in it."""


class MatchingRun(NamedTuple):
    """A run with the first of its steps that match; `more`: there are others."""

    run_id: str
    steps: tuple[StepMatch, ...]
    more: bool


class SearchReader:
    """Searches a store."""

    def __init__(self, access: ReadAccess) -> None:
        self._access = access

    def pending(self) -> dict[str, int]:
        """How many events of which runs are not in the index yet; the newest runs first."""
        rows = self._access.rows(PENDING)
        left = {row["id"]: (row["newest"] or 0) - row["indexed"] for row in rows}
        return {run_id: events for run_id, events in left.items() if events > 0}

    def run_ids(self, query: SearchQuery, wanted: RunFilter) -> list[str]:
        """The runs with a step that matches, the newest first."""
        with self._access.connection() as connection:
            if connection is None:
                return []
            matches = _Matcher(connection, query, wanted).matches(steps=1)
            return [_run_id(connection, number) for number, _ in matches]

    def matches(self, query: SearchQuery, wanted: RunFilter, *, steps: int) -> list[MatchingRun]:
        """The newest runs that match, each with so many of its steps."""
        with self._access.connection() as connection:
            if connection is None:
                return []
            matcher = _Matcher(connection, query, wanted)
            runs = [
                (_run_id(connection, number), events)
                for number, events in matcher.matches(steps=steps + 1)
            ]
            shown = [(run_id, seq) for run_id, events in runs for seq in events[:steps]]
            marked = _marked(connection, shown, matcher.expression)
        return [
            MatchingRun(
                run_id,
                tuple(_without_repetition([marked[run_id, seq] for seq in events[:steps]])),
                more=len(events) > steps,
            )
            for run_id, events in runs
        ]


class _Matcher:
    """One search: its expression, and the numbers of the runs that may match."""

    def __init__(
        self, connection: sqlite3.Connection, query: SearchQuery, wanted: RunFilter
    ) -> None:
        self.expression = _expression(query)
        self._connection = connection
        self._limit = wanted.limit
        self._allowed = _allowed(connection, wanted)

    def matches(self, *, steps: int) -> Iterator[tuple[int, list[int]]]:
        """The numbers of the newest runs that match, with their first events that do.

        The matches of all runs are read in one go. Where a run has very many, the next ones are
        looked up from the next run on that may match.
        """
        left, before = self._limit or -1, _AFTER_ALL
        while before and left:
            documents = self._documents(before)
            before = 0
            for number, of_run in groupby(documents, lambda document: run_and_event(document)[0]):
                read = list(islice(of_run, _MOST_READ))
                is_cut = len(read) == _MOST_READ
                if self._may_match(number):
                    first = self._first_of(number, steps) if is_cut else sorted(read)[:steps]
                    yield number, [run_and_event(document)[1] for document in first]
                    left -= 1
                if not left:
                    return
                if is_cut:
                    before = self._next_allowed(number)
                    break

    def _documents(self, before: int) -> Iterator[int]:
        rows = self._connection.execute(
            "SELECT rowid FROM search_words WHERE search_words MATCH ? AND rowid < ?"
            " ORDER BY rowid DESC",
            [self.expression, document_number(before, 0)],
        )
        return (row[0] for row in rows)

    def _first_of(self, number: int, limit: int) -> list[int]:
        ends = document_number(number, 0), document_number(number + 1, 0) - 1
        rows = self._connection.execute(
            "SELECT rowid FROM search_words WHERE search_words MATCH ?"
            " AND rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?",
            [self.expression, *ends, limit],
        )
        return [row[0] for row in rows]

    def _may_match(self, number: int) -> bool:
        if self._allowed is None:
            return True
        place = bisect_left(self._allowed, number)
        return self._allowed[place : place + 1] == [number]

    def _next_allowed(self, number: int) -> int:
        """A number above the next run that may match; 0 if there is none."""
        if self._allowed is None:
            return number
        place = bisect_left(self._allowed, number)
        return self._allowed[place - 1] + 1 if place else 0


def _allowed(connection: sqlite3.Connection, wanted: RunFilter) -> list[int] | None:
    """The numbers of the runs that a filter chooses, in ascending order; None: of all."""
    where, values = chosen_runs(wanted._replace(search=None))
    if not where:
        return None
    rows = connection.execute(
        "SELECT number FROM search_runs WHERE run_id IN"  # noqa: S608  all of it is ours
        f" (SELECT id FROM runs {where}) ORDER BY number",
        values,
    )
    return [row[0] for row in rows]


def _run_id(connection: sqlite3.Connection, number: int) -> str:
    row = connection.execute("SELECT run_id FROM search_runs WHERE number = ?", [number]).fetchone()
    return str(row[0])


def _expression(query: SearchQuery) -> str:
    """The query as SQLite wants it; each word is quoted, so none can be an operator."""
    expression = " AND ".join(map(_quoted, query.words))
    for word in query.excluded:
        expression = f"({expression}) NOT {_quoted(word)}"
    columns = " ".join(_COLUMNS[field] for field in query.fields)
    return f"{{{columns}}} : ({expression})"


def _quoted(word: str) -> str:
    is_prefix = word.endswith("*")
    text = separated(word.removesuffix("*") if is_prefix else word)
    quoted = text.replace('"', '""').replace("\0", " ")
    return f'"{quoted}"{"*" if is_prefix else ""}'


def _marked(
    connection: sqlite3.Connection, events: Sequence[tuple[str, int]], expression: str
) -> dict[tuple[str, int], StepMatch]:
    """Events with the words of a search, each with the line of the first of them."""
    columns = ", ".join(EventTexts._fields)
    marks = ", ".join(
        f"highlight(words, {place}, '{_BEGIN}', '{_END}')" for place in range(len(_COLUMNS))
    )
    stored = [_event(connection, run_id, seq) for run_id, seq in events]
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.execute(_IN_MEMORY)
        memory.executemany(
            f"INSERT INTO words (rowid, {columns}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608  ours
            [(place, *_unmarked(row)) for place, row in enumerate(stored)],
        )
        rows = memory.execute(
            f"SELECT rowid, {marks} FROM words WHERE words MATCH ?",  # noqa: S608  ours
            [expression],
        ).fetchall()
    return {events[place]: _match(stored[place], texts) for place, *texts in rows}


_IN_MEMORY = SEARCH_INDEX[SEARCH_INDEX.index("CREATE VIRTUAL TABLE") :].replace(
    "search_words", "words"
).replace(" content='', columnsize=0,", "")  # fmt: skip
"""A table that cuts texts into the same words, and keeps them."""


def _event(connection: sqlite3.Connection, run_id: str, seq: int) -> sqlite3.Row:
    row: sqlite3.Row = connection.execute(
        "SELECT run_id, seq, at, type, body FROM events WHERE run_id = ? AND seq = ?", [run_id, seq]
    ).fetchone()
    return row


def _unmarked(row: sqlite3.Row) -> EventTexts:
    texts = texts_of(row["type"], row["body"]) or EventTexts()
    plain = (text.replace(_BEGIN, " ").replace(_END, " ") for text in texts)
    return EventTexts(*plain).prepared()


def _match(row: sqlite3.Row, texts: Sequence[str]) -> StepMatch:
    field, text = next(
        (field, text) for field, text in zip(_COLUMNS, texts, strict=True) if _BEGIN in text
    )
    bare = bare_command(text) if field == "commands" else text
    excerpt, highlights = _excerpt(bare if _BEGIN in bare else text)
    return StepMatch(row["run_id"], row["seq"], row["at"], row["type"], field, excerpt, highlights)


def _excerpt(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The line of the first match, cut around it, and where the matches in it are."""
    first = text.index(_BEGIN)
    end = text.index(_END, first)
    line_begin, line_end = text.rfind("\n", 0, first) + 1, text.find("\n", end)
    line = text[line_begin : line_end if line_end >= 0 else None]
    line = line.replace("\n", " ").replace(SEPARATOR, "")
    before = line.index(_BEGIN)
    if len(line) > _LONGEST_EXCERPT and before > _BEFORE_MATCH:
        line = "…" + line[before - _BEFORE_MATCH :]
    return _taken_apart(line.strip())


def _taken_apart(line: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A line without its marks, and their positions."""
    excerpt, highlights = "", []
    for piece in re.split(f"({_BEGIN}[^{_END}]*{_END})", line):
        plain = piece.strip(_BEGIN + _END)
        if piece.startswith(_BEGIN):
            highlights.append((len(excerpt), len(excerpt) + len(plain)))
        excerpt += plain
    if len(excerpt) > _LONGEST_EXCERPT:
        excerpt = excerpt[:_LONGEST_EXCERPT] + "…"
        highlights = [each for each in highlights if each[1] <= _LONGEST_EXCERPT]
    return excerpt, tuple(highlights)


def _without_repetition(steps: Sequence[StepMatch]) -> Iterator[StepMatch]:
    """Without the prompts that only repeat the task."""
    tasks = {step.excerpt for step in steps if step.field == "tasks"}
    return (step for step in steps if step.kind != "step_planned" or step.excerpt not in tasks)
