"""The index in which patterns are searched: full-text search and counts, updated with each pattern.

The tables hold nothing that cannot be made again from the patterns themselves; texts stand there as
their stemmed words, so the index is small and a removal can name them. Functions work on a
connection that the caller owns, and neither begin nor end a transaction. Reading never writes.

The cost of a search is the number of postings that are read. So the rarest words of a task are
looked for first, and no more of them than a budget of postings allows. When some are left out, more
matches than needed are taken, and those stay that are closest by all words.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from crossrun.patterns.retrieval.ranking import (
    Candidate,
    CandidateSet,
    Frequency,
    IndexedPattern,
    closest,
)
from crossrun.patterns.retrieval.words import (
    PAIRED,
    content_words,
    pairs,
    read_task,
    wordings,
    workflow_words,
)

LIMIT = 100
_BUDGET, _BUDGET_SHARE = 10_000, 1 / 18
"""Postings read for one task: so many, and this share of the entries. One takes about 0.7
microseconds on the machine that this was set on."""
_DEPTH, _DEPTH_SHARE = 100, 1 / 1_500
"""When words were left out, so many more matches than candidates, and this share of the entries,
are compared by all words: the larger the store, the more words are left out."""
_FEWEST_TERMS, _MOST_TERMS = 2, 24
_OTHERS = 20
"""So many candidates of other task types at most, beside those of the task's own."""
_LOOKED_THROUGH = 20_000
"""So many matches are looked through, best first, for those of the task type and project."""
_COMMANDS = 250
"""So many command words of the candidates are asked about, the most frequent first."""
_AT_ONCE = 5_000
"""Entries put in one go; bounds memory."""


def put(connection: sqlite3.Connection, entries: Iterable[IndexedPattern]) -> None:
    """Adds entries. One whose id is there already takes its place."""
    waiting: dict[str, IndexedPattern] = {}
    for entry in entries:
        waiting[entry.id] = entry
        if len(waiting) == _AT_ONCE:
            _put(connection, waiting)
            waiting = {}
    _put(connection, waiting)


def remove(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Forgets entries and all that was counted for them. Unknown ids are no error."""
    rows = connection.execute(
        "SELECT number, id, task_type, project_id, task, workflow FROM shelf"
        " WHERE id IN (SELECT value FROM json_each(?))",
        [json.dumps(list(ids))],
    ).fetchall()
    gone = [_Row(*row) for row in rows]
    connection.executemany(
        "INSERT INTO shelf_words (shelf_words, rowid, task, workflow) VALUES ('delete', ?, ?, ?)",
        [(row.number, row.task, row.workflow) for row in gone],
    )
    connection.executemany("DELETE FROM shelf WHERE number = ?", [(row.number,) for row in gone])
    _count(connection, gone, sign=-1)


def candidates(
    connection: sqlite3.Connection,
    task: str,
    *,
    task_type: str | None = None,
    project_id: str | None = None,
    limit: int = LIMIT,
    budget: int | None = None,
    also: Sequence[str] = (),
) -> CandidateSet:
    """What there is to choose from for a task, and all counts that the choice needs.

    Args:
        connection: to a store; reading is enough.
        task: what the user asks for; any text.
        task_type: candidates of this type come first; `limit` of them, and a few of other types
            that are found on the way. None: all alike.
        project_id: only patterns of this project. None: of all.
        limit: the number of candidates.
        budget: the number of postings to read; None: by the number of entries.
        also: ids of patterns that are candidates in any case.
    """
    asked = read_task(task)
    entries, total = connection.execute("SELECT entries, words FROM shelf_totals").fetchone()
    by_term = _rows_of(connection, asked.words)
    words = tuple(w for w in asked.words if w in by_term or w not in asked.silent)
    if budget is None:
        budget = _BUDGET + int(entries * _BUDGET_SHARE)
    terms = _affordable(by_term, budget)
    deeper = 0 if len(terms) == len(by_term) else _DEPTH + int(entries * _DEPTH_SHARE)
    own, others = _numbers(
        connection, terms, task_type=task_type, project_id=project_id, limit=limit + deeper
    )
    frequencies = {term: row.frequency for term, row in by_term.items()}
    result = CandidateSet(words, _candidates(connection, own), entries, total, frequencies, {})
    chosen = closest(result, limit).candidates + _candidates(connection, others)
    chosen += _others(connection, also, chosen)
    texts = {word for candidate in chosen for word in (*candidate.task, *candidate.workflow)}
    by_term |= _rows_of(connection, sorted(texts - by_term.keys()))
    return result._replace(
        candidates=chosen,
        frequencies={term: row.frequency for term, row in by_term.items()},
        cooccurrences=_cooccurrences(connection, words, chosen, by_term),
    )


class _Row(NamedTuple):
    """An entry as it is stored; its texts are stemmed words with a space between."""

    number: int
    id: str
    task_type: str
    project_id: str
    task: str
    workflow: str


class _Term(NamedTuple):
    number: int
    frequency: Frequency


def _put(connection: sqlite3.Connection, entries: Mapping[str, IndexedPattern]) -> None:
    remove(connection, entries)
    last = connection.execute("SELECT coalesce(max(number), 0) FROM shelf").fetchone()[0]
    rows = [
        _Row(
            number,
            entry.id,
            entry.task_type,
            entry.project_id,
            "\n".join(map(" ".join, wordings(entry.task))),
            " ".join(workflow_words(entry.workflow)),
        )
        for number, entry in enumerate(entries.values(), last + 1)
    ]
    connection.executemany(
        "INSERT INTO shelf (number, id, task_type, project_id, task, workflow)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )
    connection.executemany(
        "INSERT INTO shelf_words (rowid, task, workflow) VALUES (?, ?, ?)",
        [(row.number, row.task, row.workflow) for row in rows],
    )
    _count(connection, rows, sign=1)


def _count(connection: sqlite3.Connection, rows: Sequence[_Row], *, sign: int) -> None:
    """Adds the words of rows to all counts, or subtracts them; counts of 0 are deleted."""
    anywhere: Counter[str] = Counter()
    in_task: Counter[str] = Counter()
    in_workflow: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    words = 0
    for row in rows:
        task, workflow = row.task.split(), row.workflow.split()
        words += len(task) + len(workflow)
        anywhere.update({*task, *workflow})
        in_task.update(set(task))
        in_workflow.update(set(workflow))
        together.update(pairs(task, workflow))
    connection.execute(
        "UPDATE shelf_totals SET entries = entries + ?, words = words + ?",
        [sign * len(rows), sign * words],
    )
    connection.executemany(
        "INSERT INTO shelf_terms (term, anywhere, in_task, in_workflow) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (term) DO UPDATE SET anywhere = anywhere + excluded.anywhere,"
        " in_task = in_task + excluded.in_task, in_workflow = in_workflow + excluded.in_workflow",
        [
            (term, sign * anywhere[term], sign * in_task[term], sign * in_workflow[term])
            for term in sorted(anywhere)
        ],
    )
    numbers = {term: row.number for term, row in _rows_of(connection, sorted(anywhere)).items()}
    pair_changes = sorted(
        (numbers[word], numbers[command], sign * count)
        for (word, command), count in together.items()
    )
    connection.executemany(
        "INSERT INTO shelf_pairs (word, command, together) VALUES (?, ?, ?)"
        " ON CONFLICT (word, command) DO UPDATE SET together = together + excluded.together",
        pair_changes,
    )
    if sign < 0:
        _drop_empty_counts(connection, numbers.values(), pair_changes)


def _drop_empty_counts(
    connection: sqlite3.Connection,
    terms: Iterable[int],
    pair_changes: Iterable[tuple[int, int, int]],
) -> None:
    connection.executemany(
        "DELETE FROM shelf_pairs WHERE word = ? AND command = ? AND together <= 0",
        [change[:2] for change in pair_changes],
    )
    connection.executemany(
        "DELETE FROM shelf_terms WHERE number = ? AND anywhere <= 0",
        [(number,) for number in terms],
    )


def _rows_of(connection: sqlite3.Connection, terms: Sequence[str]) -> dict[str, _Term]:
    rows = connection.execute(
        "SELECT term, number, anywhere, in_task, in_workflow FROM json_each(?)"
        " CROSS JOIN shelf_terms ON term = value",
        [json.dumps(list(dict.fromkeys(terms)))],
    )
    return {row[0]: _Term(row[1], Frequency(*row[2:])) for row in rows}


def _affordable(by_term: Mapping[str, _Term], budget: int) -> list[str]:
    """The rarest terms whose postings the budget allows, and two at least."""
    chosen: list[str] = []
    for term in sorted(by_term, key=lambda term: (by_term[term].frequency.anywhere, term)):
        budget -= by_term[term].frequency.anywhere
        if len(chosen) >= _MOST_TERMS or (budget < 0 and len(chosen) >= _FEWEST_TERMS):
            break
        chosen.append(term)
    return chosen


def _numbers(
    connection: sqlite3.Connection,
    terms: Sequence[str],
    *,
    task_type: str | None,
    project_id: str | None,
    limit: int,
) -> tuple[list[int], list[int]]:
    """The best matches of the task type and of others."""
    if not terms:
        return [], []
    matches = connection.execute(
        "SELECT number, task_type FROM"
        " (SELECT rowid AS match FROM shelf_words WHERE shelf_words MATCH ? ORDER BY rank LIMIT ?)"
        " CROSS JOIN shelf ON number = match WHERE ? IS NULL OR project_id = ?",
        [" OR ".join(f'"{term}"' for term in terms), _LOOKED_THROUGH, project_id, project_id],
    )
    own: list[int] = []
    others: list[int] = []
    for number, match_type in matches:
        if task_type is None or match_type == task_type:
            own.append(number)
            if len(own) == limit:
                break
        elif len(others) < _OTHERS:
            others.append(number)
    matches.close()
    return own, others


def _candidates(connection: sqlite3.Connection, numbers: Sequence[int]) -> tuple[Candidate, ...]:
    rows = connection.execute(
        "SELECT shelf.id, task, workflow, task_type, project_id FROM json_each(?)"
        " CROSS JOIN shelf ON number = value",
        [json.dumps(numbers)],
    )
    return tuple(_candidate(*row) for row in rows)


def _candidate(
    pattern_id: str, task: str, workflow: str, task_type: str, project_id: str
) -> Candidate:
    lines = task.split("\n")
    return Candidate(
        pattern_id,
        tuple(task.split()),
        tuple(workflow.split()),
        task_type,
        project_id,
        tuple(tuple(line.split()) for line in lines) if len(lines) > 1 else (),
    )


def _others(
    connection: sqlite3.Connection, ids: Sequence[str], candidates: Sequence[Candidate]
) -> tuple[Candidate, ...]:
    """The candidates of these ids that are not among the candidates."""
    missing = set(ids) - {candidate.id for candidate in candidates}
    rows = connection.execute(
        "SELECT number FROM json_each(?) CROSS JOIN shelf ON shelf.id = value",
        [json.dumps([pattern_id for pattern_id in ids if pattern_id in missing])],
    )
    return _candidates(connection, [row[0] for row in rows])


def _cooccurrences(
    connection: sqlite3.Connection,
    words: Sequence[str],
    candidates: Sequence[Candidate],
    by_term: Mapping[str, _Term],
) -> dict[str, dict[str, int]]:
    often = Counter(
        command
        for candidate in candidates
        for command in list(dict.fromkeys(candidate.workflow))[:PAIRED]
        if command in by_term and by_term[command].frequency.workflow > 1
    )
    commands = {by_term[command].number: command for command, _ in often.most_common(_COMMANDS)}
    asked = [
        word
        for word in content_words(words)
        if word in by_term and by_term[word].frequency.task > 1
    ]
    asked.sort(key=lambda word: (by_term[word].frequency.task, word))
    together: dict[str, dict[str, int]] = {}
    for word in asked[:PAIRED]:
        rows = connection.execute(
            "SELECT command, together FROM json_each(?)"
            " CROSS JOIN shelf_pairs ON word = ? AND command = value WHERE together > 1",
            [json.dumps(sorted(commands)), by_term[word].number],
        )
        together[word] = {commands[command]: count for command, count in rows}
    return together
