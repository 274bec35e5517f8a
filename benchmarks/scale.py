"""How long looking up takes among many entries, and how much of the best it finds."""

import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from retrieval_set import Folder, Query

from crossrun.patterns.retrieval.ranking import IndexedPattern, rank
from crossrun.patterns.retrieval.words import task_words
from crossrun.store import pattern_index
from crossrun.store.steps import PATTERN_INDEX


def measure_scale(folder: Folder, size: int) -> None:
    """Prints lookup times in a store of so many made-up entries, in a file."""
    with (
        tempfile.TemporaryDirectory() as place,
        closing(sqlite3.connect(Path(place) / "scale.db")) as connection,
    ):
        connection.executescript(f"PRAGMA journal_mode = WAL; {PATTERN_INDEX}")
        began = time.perf_counter()
        pattern_index.put(connection, made_up(folder, size))
        connection.commit()
        built = time.perf_counter() - began
        queries = random.Random(2).sample(folder.queries, min(200, len(folder.queries)))  # noqa: S311
        found, whole, cpu = [], [], []
        for query in queries:
            began, cpu_began = time.perf_counter(), time.process_time()
            at_hand = pattern_index.candidates(connection, query.text, task_type="code")
            found.append(time.perf_counter() - began)
            rank(at_hand)
            whole.append(time.perf_counter() - began)
            cpu.append(time.process_time() - cpu_began)
        asked = queries[: 200 if size <= 200_000 else 40]
        best, plain = zip(*(best_of_all(connection, query) for query in asked), strict=True)
        kept = statistics.fmean(map(partial(kept_of, connection), asked, best))
    print(f"{size:>9,} entries, made in {built:.0f} s; milliseconds p50 / p95:")
    print(f"          candidates {percentiles(found)}, with ranking {percentiles(whole)}")
    print(f"          CPU time with ranking {percentiles(cpu)}")
    print(f"          beside it, bm25 over an OR of all words: {percentiles(plain)}")
    print(f"          of its top 5 among the candidates: {kept:.3f} ({len(asked)} queries)")


def percentiles(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p50, p95 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.95))
    return f"{p50:.1f} / {p95:.1f}"


def made_up(folder: Folder, size: int) -> Iterator[IndexedPattern]:
    """Documents of the corpus with three of ten words exchanged, one of thirty for a new one."""
    chance = random.Random(3)  # noqa: S311
    texts = [document.text.split() for document in folder.documents]
    commands = [document.workflow.split() for document in folder.documents]
    words = [word for text in texts for word in text]
    options = [word for workflow in commands for word in workflow] or words

    def exchanged(text: list[str], others: list[str]) -> str:
        return " ".join(
            word
            if (draw := chance.random()) > 0.3
            else chance.choice(others)
            if draw > 0.03
            else f"w{chance.randrange(size)}"
            for word in text
        )

    for number in range(size):
        at = chance.randrange(len(texts))
        yield IndexedPattern(
            f"m{number}",
            exchanged(texts[at], words),
            exchanged(commands[at], options),
            "code",
            "default",
        )


def best_of_all(connection: sqlite3.Connection, query: Query) -> tuple[list[str], float]:
    """The five best of an OR of all words, and the seconds that it takes to find them."""
    words = dict.fromkeys(task_words(query.text))
    began = time.perf_counter()
    rows = connection.execute(
        "SELECT id FROM (SELECT rowid AS match FROM shelf_words WHERE shelf_words MATCH ?"
        " ORDER BY rank LIMIT 5) CROSS JOIN shelf ON number = match",
        [" OR ".join(f'"{word}"' for word in words)],
    ).fetchall()
    return [row[0] for row in rows], time.perf_counter() - began


def kept_of(connection: sqlite3.Connection, query: Query, best: Sequence[str]) -> float:
    """The share of these that are among the candidates."""
    found = pattern_index.candidates(connection, query.text, task_type="code").candidates
    names = {candidate.id for candidate in found}
    return sum(one in names for one in best) / len(best) if best else 1.0
