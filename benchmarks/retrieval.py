"""How well the right pattern is found and the wrong one left out, beside plain bm25.

    python benchmarks/retrieval.py FOLDER... [--fit] [--curve FILE] [--scale 100000,1000000]

A FOLDER holds `corpus.jsonl` (id, text, workflow), `queries.jsonl` (id, text, source) and
`qrels.tsv` (query, document, grade; a header). Several are read as one set. Plain bm25 is FTS5's
own, Porter stems, an OR of all words over the task's text. A query counts as found when any judged
document comes up.

The ranking has no fitted parts. What is fitted (the two probabilities) is cross-validated in two
ways: over the queries, and over their sources, where the models that judge a source have seen
nothing of it. The latter is what a user can expect whose tasks are like none of the set. `in
context` is a source that is made here: tasks among other tasks, in one text. Each query is asked
of the whole corpus, and some of small stores made from it (half of them with a document that fits).

`--fit` prints the weights and thresholds to ship. `--scale` makes stores of many patterns out of
the corpus, with words exchanged, and measures how long looking up and ranking take, and how many of
an exhaustive search's best five are candidates.
"""

import argparse
import json
import math
import random
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cosines import Cosines, installed_cosines
from curves import at_shares, auroc, curve, precision_point, precisions
from fitting import fitted
from retrieval_set import (
    IN_CONTEXT_SOURCE,
    Document,
    Folder,
    Query,
    entry,
    in_context,
    indexed,
    look_up,
    read,
)
from scale import measure_scale
from timing import machine

from crossrun.patterns.retrieval.decision import thresholds
from crossrun.patterns.retrieval.ranking import Features, LogisticModel, Ranking
from crossrun.patterns.retrieval.values import probability
from crossrun.store import pattern_index

SMALL_STORES = (1, 5, 20, 100, 300, 1_000)
SHARED_FROM = 100
ASKED_OF_SMALL = 0.35
"""The share of queries that is asked of each small store."""
SMALL_STORE_WEIGHT = 0.3
IN_CONTEXT = 300
CONTEXT_WEIGHT = 0.5
WITHOUT_LENGTH = Features._fields.index("length")
"""So many features has the model that says whether the winner is right: by the length of a task it
would know its source. Whether anything fits does depend on the length."""
FOLDS = 5
LENGTHS = (0, 15, 50, 150, 10_000)
GOAL, GOAL_OF_OTHERS = 0.8, 0.9
"""The precision that a threshold has to reach; among patterns of other task types."""


class Row(NamedTuple):
    """One query asked of one store: what was there to go by, and what was true."""

    query: int
    source: str
    small: int
    """The patterns of a small store; 0 for the whole corpus."""
    ranking: Ranking
    fits: bool
    right: bool

    @property
    def importance(self) -> float:
        """How much it counts in a fit: where lexical similarity decides, little or nothing."""
        share = 1 - self.ranking.lexical_share
        if self.source == IN_CONTEXT_SOURCE:
            share *= CONTEXT_WEIGHT
        return share * (SMALL_STORE_WEIGHT if self.small else 1.0)


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
    """The whole corpus' rows, and those of small stores, where anything came up at all."""
    rows = [
        Row(number, query.source, 0, ranking, bool(query.right), won_by(query, ranking))
        for number, (query, ranking) in enumerate(zip(folder.queries, rankings, strict=True))
    ]
    rows += small_rows(folder, rankings)
    return [row for row in rows if row.ranking.features is not None]


def won_by(query: Query, ranking: Ranking) -> bool:
    return bool(ranking.scored) and ranking.scored[0].candidate.id in query.right


def small_rows(folder: Folder, rankings: Sequence[Ranking]) -> Iterator[Row]:
    """A quarter of a small store's other patterns, ten at most, are near to the query."""
    chance = random.Random(1)  # noqa: S311  reproducible, not secret
    by_id = {document.id: document for document in folder.documents}
    for size in SMALL_STORES:
        shared = (
            indexed(map(entry, chance.sample(folder.documents, size)))
            if size >= SHARED_FROM
            else None
        )
        for number, (query, ranking) in enumerate(zip(folder.queries, rankings, strict=True)):
            if chance.random() > ASKED_OF_SMALL:
                continue
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
                    result = look_up(store, query)
            else:
                result, fits = look_up_with(shared, query, wanted + others)
            yield Row(number, query.source, size, result, fits, won_by(query, result))


def look_up_with(
    store: sqlite3.Connection, query: Query, documents: list[Document]
) -> tuple[Ranking, bool]:
    """Looks up with documents added, and says whether one that fits is there."""
    store.execute("BEGIN")
    pattern_index.put(store, map(entry, documents))
    result = look_up(store, query)
    ids = json.dumps(sorted(query.right))
    there = store.execute(
        "SELECT count(*) FROM shelf WHERE id IN (SELECT value FROM json_each(?))",
        [ids],
    ).fetchone()[0]
    store.execute("ROLLBACK")
    return result, there > 0


# fitting


def model_of(rows: Sequence[Row], truth: Callable[[Row], bool], width: int) -> LogisticModel:
    """A logistic model of the first features of the rows that count."""
    rows = [row for row in rows if row.importance > 0]
    return fitted(
        [features_of(row)[:width] for row in rows],
        [truth(row) for row in rows],
        [row.importance for row in rows],
    )


def features_of(row: Row) -> tuple[float, ...]:
    """Without the cosine of an encoder."""
    assert row.ranking.features is not None
    plain: tuple[float, ...] = row.ranking.features[:-1]
    return plain


def left_out(
    rows: Sequence[Row],
    truth: Callable[[Row], bool],
    part: Callable[[Row], object],
    *,
    width: int = WITHOUT_LENGTH + 1,
) -> list[float]:
    """For each row the probability by models that saw no row of its part."""
    scores = [0.0] * len(rows)
    for name in sorted({str(part(row)) for row in rows}):
        model = model_of([row for row in rows if str(part(row)) != name], truth, width)
        for number, row in enumerate(rows):
            if str(part(row)) == name:
                scores[number] = combined(model, row)
    return scores


def combined(model: LogisticModel, row: Row) -> float:
    """The probability as `rank` would give it with this model."""
    share = row.ranking.lexical_share
    own = model.odds(features_of(row)[: len(model.weights)])
    return probability(share * row.ranking.lexical_odds + (1 - share) * own)


# the report


class Judged(NamedTuple):
    """All rows, and each one's probabilities by models that saw nothing of it."""

    rows: list[Row]
    fits_by_query: list[float]
    by_query: list[float]
    fits_by_source: list[float]
    by_source: list[float]


def judged(rows: list[Row]) -> Judged:
    """Cross-validates both models over queries and over sources."""
    return Judged(
        rows,
        left_out(rows, is_fitting, fold_of),
        left_out(rows, is_right, fold_of, width=WITHOUT_LENGTH),
        left_out(rows, is_fitting, source_of),
        left_out(rows, is_right, source_of, width=WITHOUT_LENGTH),
    )


def is_fitting(row: Row) -> bool:
    return row.fits


def is_right(row: Row) -> bool:
    return row.right


def fold_of(row: Row) -> int:
    return row.query % FOLDS


def source_of(row: Row) -> str:
    return row.source


def report(folder: Folder, picture: Path, *, fit: bool) -> None:
    """Prints all figures."""
    bm25 = plain(folder)
    with closing(indexed(map(entry, folder.documents))) as store:
        rankings = [look_up(store, query) for query in folder.queries]
        mixes = in_context(folder.queries, chance=random.Random(2), count=IN_CONTEXT)  # noqa: S311
        mixed = [look_up(store, query) for query in mixes]
    report_ranking(folder, bm25, rankings)
    everything = Folder(folder.documents, folder.queries + mixes)
    all_judged = judged(rows_of(everything, rankings + mixed))
    whole = [n for n, row in enumerate(all_judged.rows) if not row.small]
    single = [n for n in whole if all_judged.rows[n].query < len(folder.queries)]
    report_deciding(folder, bm25, all_judged, single, picture)
    report_thresholds(everything, all_judged, whole)
    if fit:
        report_fit(everything, all_judged)


def report_ranking(
    folder: Folder, bm25: list[tuple[list[str], float]], rankings: Sequence[Ranking]
) -> None:
    orders = [[scored.candidate.id for scored in ranking.scored] for ranking in rankings]
    print(f"{len(folder.documents)} documents, {len(folder.queries)} queries,", end=" ")
    print(f"{sum(bool(query.right) for query in folder.queries)} of them answerable\n")
    print(f"{'answerable queries':34} R@1    R@5    MRR")
    print(f"{'plain FTS5 bm25':34} {placed(folder, [order for order, _ in bm25])}")
    print(f"{'ours (nothing fitted)':34} {placed(folder, orders)}")
    for source in sorted({query.source for query in folder.queries if query.right}):
        here = [n for n, query in enumerate(folder.queries) if query.source == source]
        part = Folder([], [folder.queries[n] for n in here])
        print(f"{f'  {source}':34} {placed(part, [orders[n] for n in here])}")


def report_deciding(
    folder: Folder,
    bm25: list[tuple[list[str], float]],
    result: Judged,
    single: list[int],
    picture: Path,
) -> None:
    fits = [result.rows[n].fits for n in single]
    right = [result.rows[n].right for n in single]
    sizes = [size for _, size in bm25]
    plain_right = [
        bool(order) and order[0] in query.right
        for query, (order, _) in zip(folder.queries, bm25, strict=True)
    ]
    answerable = [bool(query.right) for query in folder.queries]
    ways = {
        "cross-validated over queries": (result.fits_by_query, result.by_query),
        "cross-validated over sources": (result.fits_by_source, result.by_source),
        "as shipped": (
            [row.ranking.fits for row in result.rows],
            [row.ranking.right for row in result.rows],
        ),
    }
    curves = {"plain bm25": ("#999", precisions(sizes, plain_right))}
    print(f"\n{'deciding':34} AUROC  precision at 10%, 20%, 30% of all queries")
    print(
        f"{'plain FTS5 bm25, its size':34} {auroc(sizes, answerable):.3f}  "
        f"{at_shares(curves['plain bm25'][1])}"
    )
    for name, (fitting, scores) in ways.items():
        line = precisions([scores[n] for n in single], right)
        print(f"{name:34} {auroc([fitting[n] for n in single], fits):.3f}  {at_shares(line)}")
        curves.setdefault("ours", ("#06c", line))
    picture.write_text(curve(curves))
    print(f"the whole curve: {picture}")


def report_thresholds(folder: Folder, result: Judged, whole: list[int]) -> None:
    """Prints precision and coverage at the shipped thresholds, by models without the source."""
    print(f"\n{'at the shipped thresholds':34} left-out source           as shipped")
    for source in sorted({row.source for row in result.rows}):
        here = [n for n in whole if result.rows[n].source == source]
        print_line(source, here, folder, result)
    for low, high in pairwise(LENGTHS):
        here = [n for n in whole if low <= words_of(folder, result.rows[n]) < high]
        print_line(f"{low} to {high} words", here, folder, result)
    print_line("all", whole, folder, result)
    for size in SMALL_STORES:
        here = [n for n, row in enumerate(result.rows) if row.small == size]
        print_line(f"{size:,} patterns", here, folder, result)


def print_line(name: str, here: list[int], folder: Folder, result: Judged) -> None:
    if here:
        shipped = [row.ranking.right for row in result.rows]
        parts = "   ".join(
            at_threshold(here, s, folder, result) for s in (result.by_source, shipped)
        )
        print(f"{f'  {name} ({len(here)})':34} {parts}")


def at_threshold(here: list[int], scores: list[float], folder: Folder, result: Judged) -> str:
    rows = [result.rows[n] for n in here]
    chosen = [
        row.right
        for n, row in zip(here, rows, strict=True)
        if scores[n] >= thresholds(row.small or len(folder.documents)).own
    ]
    precision = sum(chosen) / len(chosen) if chosen else math.nan
    fitting = sum(chosen) / max(1, sum(row.fits for row in rows))
    return f"{precision:.3f} of {len(chosen) / len(rows):.3f}, {fitting:.3f}"


def words_of(folder: Folder, row: Row) -> int:
    return len(folder.queries[row.query].text.split())


def report_fit(folder: Folder, result: Judged) -> None:
    """Prints what `ranking.py` and `decision.py` ship."""
    for name, truth, width in (
        ("FITS", is_fitting, WITHOUT_LENGTH + 1),
        ("RIGHT", is_right, WITHOUT_LENGTH),
    ):
        print_model(name, model_of(result.rows, truth, width))
        if cosines := installed_cosines():
            model = semantic_model(folder, result.rows, truth, width, cosines)
            print_model(f"{name} with the extra", model)
    print("THRESHOLDS, by models without the source: own task type, another")
    for size in (*SMALL_STORES, 0):
        here = [n for n, row in enumerate(result.rows) if row.small == size]
        own, other = (
            precision_point(
                [result.by_source[n] for n in here], [result.rows[n].right for n in here], goal
            )
            for goal in (GOAL, GOAL_OF_OTHERS)
        )
        print(f"    {size or 'whole':9} {own:.3f}  {other:.3f}")


def semantic_model(
    folder: Folder,
    rows: Sequence[Row],
    truth: Callable[[Row], bool],
    width: int,
    cosines: Cosines,
) -> LogisticModel:
    """With the cosine as the last feature, from the rows of the whole corpus."""
    texts = {document.id: " ".join(document.text.split()) for document in folder.documents}
    rows = [row for row in rows if not row.small]
    features = [
        (
            *features_of(row)[:width],
            *[0.0] * (WITHOUT_LENGTH + 1 - width),
            cosines.of(folder.queries[row.query].text, texts[row.ranking.scored[0].candidate.id]),
        )
        for row in rows
    ]
    return fitted(features, [truth(row) for row in rows], [row.importance for row in rows])


def print_model(name: str, model: LogisticModel) -> None:
    print(f"\n{name}: intercept {model.intercept:.3f}")
    for field, weight in zip(Features._fields, model.weights, strict=False):
        print(f"    {field}={weight:.3f},")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--fit", action="store_true", help="print the weights to ship")
    parser.add_argument("--curve", type=Path, default=Path("retrieval.svg"))
    parser.add_argument("--scale", default="", help="numbers of entries, with commas")
    parser.add_argument("--only-scale", action="store_true", help="no figures of quality")
    arguments = parser.parse_args()
    folder = read(*arguments.folders)
    print(machine())
    if not arguments.only_scale:
        report(folder, arguments.curve, fit=arguments.fit)
    for size in filter(None, arguments.scale.split(",")):
        measure_scale(folder, int(size))


if __name__ == "__main__":
    main()
