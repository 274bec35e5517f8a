"""How well the right pattern is found and the wrong one left out, beside plain bm25.

    python benchmarks/retrieval.py FOLDER [--fit] [--curve retrieval.svg] [--scale 100000,1000000]

FOLDER holds `corpus.jsonl` (id, text, workflow), `queries.jsonl` (id, text, answerable) and
`qrels.tsv` (query, document, grade; a header). Plain bm25 is FTS5's own, Porter stems, an OR of all
words over the task's text. A query counts as found when any judged document comes up.

What is fitted (the two probabilities) is cross-validated: ten folds over the queries, three times
with other folds, the mean of the three. Each query is asked of the whole corpus and of small stores
made from it (1 to 1,000 entries; half of them with a document that fits), and all rows of a query
are in one fold. The folds use the same ridge and features as the shipped weights, which `--fit`
prints, together with the threshold. On the folder that the shipped weights were fitted on, figures
that use them are not held out; on any other they are.

`--scale` makes stores of many entries out of the corpus, with words exchanged, and measures how
long looking up and ranking take, and how many of an exhaustive search's best five are candidates.
"""

import argparse
import json
import math
import random
import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from curves import at_shares, auroc, curve, precision_point, precisions
from fitting import fitted
from retrieval_set import Document, Folder, Query, entry, indexed, look_up, read
from scale import measure_scale
from timing import machine

from crossrun.patterns.retrieval.decision import thresholds
from crossrun.patterns.retrieval.ranking import Features, LogisticModel, Ranking
from crossrun.store import pattern_index

SMALL_STORES = (1, 2, 5, 20, 100, 1000)
SHARED_FROM = 100
SMALL_STORE_WEIGHT = 0.1
FOLDS, REPEATS = 10, 3


class Row(NamedTuple):
    """One query asked of one store: what was there to go by, and what was true."""

    query: int
    small: int
    """The entries of a small store; 0 for the whole corpus."""
    evidence: Features
    fits: bool
    right: bool
    shipped: float
    """The probability of being right by the weights as shipped."""


# plain bm25


def plain(folder: Folder) -> list[tuple[list[str], float]]:
    """For each query the ids of FTS5's 100 best, and the size of the first one's bm25."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE plain USING fts5(text, tokenize='porter')")
        connection.executemany(
            "INSERT INTO plain VALUES (?)", [[document.text] for document in folder.documents]
        )
        return [search(connection, folder, query) for query in folder.queries]


def search(connection: sqlite3.Connection, folder: Folder, query: Query) -> tuple[list[str], float]:
    words = dict.fromkeys(re.findall(r"[^\W_]+", query.text.lower()))
    rows = connection.execute(
        "SELECT rowid, -rank FROM plain WHERE plain MATCH ? ORDER BY rank LIMIT 100",
        [" OR ".join(f'"{word}"' for word in words)],
    ).fetchall()
    return [folder.documents[row[0] - 1].id for row in rows], rows[0][1] if rows else 0.0


# measures


def placed(folder: Folder, orders: Sequence[Sequence[str]]) -> str:
    """Recall@1, recall@5 and mean reciprocal rank over the answerable queries."""
    ranks = [
        next((n for n, found in enumerate(order, 1) if found in query.right), math.inf)
        for query, order in zip(folder.queries, orders, strict=True)
        if query.right
    ]
    first, five = (sum(rank <= top for rank in ranks) / len(ranks) for top in (1, 5))
    return f"{first:.3f}  {five:.3f}  {sum(1 / rank for rank in ranks) / len(ranks):.3f}"


# rows to fit on


def rows_of(folder: Folder, rankings: Sequence[Ranking]) -> list[Row]:
    """The whole corpus' rows, and those of small stores."""
    rows = [
        row(number, query, ranking, small=0, fits=bool(query.right))
        for number, (query, ranking) in enumerate(zip(folder.queries, rankings, strict=True))
    ]
    return [r for r in (rows + small_rows(folder, rankings)) if r is not None]


def row(number: int, query: Query, ranking: Ranking, *, small: int, fits: bool) -> Row | None:
    """None when nothing shares a word with the query: there is nothing to decide."""
    if ranking.evidence is None:
        return None
    won = ranking.scored[0].candidate.id in query.right
    return Row(number, small, ranking.evidence, fits, won, ranking.right)


def small_rows(folder: Folder, rankings: Sequence[Ranking]) -> list[Row | None]:
    """A quarter of a small store's other entries, ten at most, are near to the query."""
    chance = random.Random(1)  # noqa: S311  reproducible, not secret
    by_id = {document.id: document for document in folder.documents}
    rows: list[Row | None] = []
    for size in SMALL_STORES:
        shared = (
            indexed(map(entry, chance.sample(folder.documents, size)))
            if size >= SHARED_FROM
            else None
        )
        for number, (query, ranking) in enumerate(zip(folder.queries, rankings, strict=True)):
            wanted = [by_id[chance.choice(sorted(query.right))]] if query.right else []
            wanted = wanted if chance.random() < 0.5 else []
            near = [scored.candidate.id for scored in ranking.scored[20:]]
            near = [name for name in near if name not in query.right]
            count = min(len(near), (size - len(wanted) + chance.randrange(4)) // 4, 10)
            others = [by_id[name] for name in chance.sample(near, count)]
            fits = bool(wanted)
            if shared is None:
                rest = size - len(wanted) - count
                others += [
                    d for d in chance.sample(folder.documents, rest) if d.id not in query.right
                ]
                with closing(indexed(map(entry, wanted + others))) as store:
                    found = look_up(store, query)
            else:
                found, fits = look_up_with(shared, query, wanted + others)
            rows.append(row(number, query, found, small=size, fits=fits))
    return rows


def look_up_with(
    store: sqlite3.Connection, query: Query, documents: list[Document]
) -> tuple[Ranking, bool]:
    """Looks up with documents added, and says whether one that fits is there."""
    store.execute("BEGIN")
    pattern_index.put(store, map(entry, documents))
    found = look_up(store, query)
    ids = json.dumps(sorted(query.right))
    there = store.execute(
        "SELECT count(*) FROM shelf WHERE id IN (SELECT value FROM json_each(?))",
        [ids],
    ).fetchone()[0]
    store.execute("ROLLBACK")
    return found, there > 0


# fitting


def model_of(rows: Sequence[Row], truth: Callable[[Row], bool]) -> LogisticModel:
    """A logistic model; small stores weigh little."""
    return fitted(
        [r.evidence for r in rows],
        [truth(r) for r in rows],
        [SMALL_STORE_WEIGHT if r.small else 1.0 for r in rows],
    )


def held_out(rows: Sequence[Row], truth: Callable[[Row], bool]) -> list[float]:
    """For each row the probability by models that never saw its query."""
    scores = [0.0] * len(rows)
    queries = sorted({r.query for r in rows})
    for repeat in range(REPEATS):
        random.Random(repeat).shuffle(queries)  # noqa: S311
        fold = {query: place % FOLDS for place, query in enumerate(queries)}
        for number in range(FOLDS):
            model = model_of([r for r in rows if fold[r.query] != number], truth)
            for at, r in enumerate(rows):
                if fold[r.query] == number:
                    scores[at] += model.probability(r.evidence) / REPEATS
    return scores


def of_whole(folder: Folder, rows: Sequence[Row], scores: Sequence[float]) -> list[float]:
    """The scores of the queries asked of the whole corpus; 0 where nothing was found."""
    by_query = {r.query: score for r, score in zip(rows, scores, strict=True) if not r.small}
    return [by_query.get(number, 0.0) for number in range(len(folder.queries))]


# the report


def report(folder: Folder, picture: Path, *, fit: bool) -> None:
    """Prints all figures."""
    bm25 = plain(folder)
    with closing(indexed(map(entry, folder.documents))) as store:
        rankings = [look_up(store, query) for query in folder.queries]
    rows = rows_of(folder, rankings)
    answerable = [bool(query.right) for query in folder.queries]
    orders = [[scored.candidate.id for scored in ranking.scored] for ranking in rankings]
    plain_right = won(folder, [order for order, _ in bm25])
    our_right = won(folder, orders)
    sizes = [size for _, size in bm25]
    fits = of_whole(folder, rows, held_out(rows, said_fits))
    right_rows = held_out(rows, said_right)
    right = of_whole(folder, rows, right_rows)
    shipped = [ranking.right for ranking in rankings]
    curves = {
        "plain bm25": ("#999", precisions(sizes, plain_right)),
        "ours": ("#06c", precisions(right, our_right)),
    }
    print(f"{len(folder.documents)} documents, {len(folder.queries)} queries,", end=" ")
    print(f"{sum(answerable)} of them answerable\n")
    print(f"{'answerable queries':34} R@1    R@5    MRR")
    print(f"{'plain FTS5 bm25':34} {placed(folder, [order for order, _ in bm25])}")
    print(f"{'ours (nothing fitted)':34} {placed(folder, orders)}\n")
    print(f"{'something fits':34} AUROC")
    print(f"{'plain FTS5 bm25, its size':34} {auroc(sizes, answerable):.3f}")
    print(f"{f'ours, {FOLDS}-fold cross-validated':34} {auroc(fits, answerable):.3f}")
    shipped_fits = [ranking.fits for ranking in rankings]
    print(f"{'ours, weights as shipped':34} {auroc(shipped_fits, answerable):.3f}\n")
    print(f"{'precision when injected into':34} 10%    20%    30% of all queries")
    print(f"{'plain FTS5 bm25, its size':34} {at_shares(curves['plain bm25'][1])}")
    print(f"{f'ours, {FOLDS}-fold cross-validated':34} {at_shares(curves['ours'][1])}")
    print(f"{'ours, weights as shipped':34} {at_shares(precisions(shipped, our_right))}\n")
    threshold = thresholds(len(folder.documents)).own
    for name, scores in (("cross-validated", right), ("weights as shipped", shipped)):
        print(f"threshold {threshold:.3f}, {name}: {above(scores, our_right, threshold)}")
    picture.write_text(curve(curves))
    print(f"the whole curve: {picture}\n")
    report_small(rows)
    if fit:
        report_fit(rows, right_rows)


def won(folder: Folder, orders: Sequence[Sequence[str]]) -> list[bool]:
    return [
        bool(order) and order[0] in query.right
        for query, order in zip(folder.queries, orders, strict=True)
    ]


def above(scores: Sequence[float], right: Sequence[bool], threshold: float) -> str:
    chosen = [true for score, true in zip(scores, right, strict=True) if score >= threshold]
    precision = sum(chosen) / len(chosen) if chosen else math.nan
    return f"precision {precision:.3f}, coverage {len(chosen) / len(right):.3f} of all queries"


def said_fits(r: Row) -> bool:
    return r.fits


def said_right(r: Row) -> bool:
    return r.right


def report_small(rows: Sequence[Row]) -> None:
    """Prints how the shipped weights and thresholds do in small stores."""
    print("small stores, as shipped: entries, threshold, precision, share of what fits chosen")
    for size in SMALL_STORES:
        here = [r for r in rows if r.small == size]
        threshold = thresholds(size).own
        chosen = [r.right for r in here if r.shipped >= threshold]
        share = sum(chosen) / max(1, sum(r.fits for r in here))
        print(
            f"{size:>9,}   {threshold:.3f}   {sum(chosen) / max(1, len(chosen)):.3f}   {share:.3f}"
        )
    print()


def report_fit(rows: Sequence[Row], scores: Sequence[float]) -> None:
    """Prints what `recall.py` and `choice.py` ship."""
    for name, truth in (("FITS", said_fits), ("RIGHT", said_right)):
        model = model_of(rows, truth)
        print(f"{name}: intercept {model.intercept:.3f}")
        for field, weight in zip(Features._fields, model.weights, strict=True):
            print(f"    {field}={weight:.3f},")
    print("THRESHOLDS: entries, threshold, threshold for another task type")
    for name, sizes in (("small", SMALL_STORES), ("whole", (0,))):
        here = [n for n, r in enumerate(rows) if r.small in sizes]
        own, other = (
            precision_point([scores[n] for n in here], [rows[n].right for n in here], goal)
            for goal in (0.8, 0.9)
        )
        print(f"    {name:9} {own:.3f}  {other:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fit", action="store_true", help="print the weights to ship")
    parser.add_argument("--curve", type=Path, default=Path("retrieval.svg"))
    parser.add_argument("--scale", default="", help="numbers of entries, with commas")
    parser.add_argument("--only-scale", action="store_true", help="no figures of quality")
    arguments = parser.parse_args()
    folder = read(arguments.folder)
    print(machine())
    if not arguments.only_scale:
        report(folder, arguments.curve, fit=arguments.fit)
    for size in filter(None, arguments.scale.split(",")):
        measure_scale(folder, int(size))


if __name__ == "__main__":
    main()
