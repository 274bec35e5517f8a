"""Recall: the right pattern is found, in a store of one as in a store of many, or none is."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from crossrun.patterns.retrieval.decision import THRESHOLDS, Choice, choose, thresholds
from crossrun.patterns.retrieval.ranking import (
    Candidate,
    CandidateSet,
    Frequency,
    IndexedPattern,
    Ranking,
    rank,
)
from crossrun.patterns.retrieval.words import (
    TASK_WORDS,
    WORKFLOW_WORDS,
    content_words,
    pairs,
    stem,
    task_words,
    workflow_words,
)
from crossrun.store import pattern_index
from crossrun.store.steps import PATTERN_INDEX

CSV = IndexedPattern(
    "csv",
    "Convert data/sales.csv to JSON and check the number of rows",
    "python convert.py data/sales.csv out.json; wc -l out.json",
    "code",
    "shop",
)
TESTS = IndexedPattern(
    "tests",
    "Fix the failing test in tests/test_parser.py and run the test suite",
    "pytest -x tests/test_parser.py; edit parser.py; pytest",
    "code",
    "shop",
)
RELEASE = IndexedPattern(
    "release",
    "Add a CHANGELOG entry for the new release and bump the version",
    "edit CHANGELOG.md; sed -i s/0.1/0.2/ pyproject.toml; git commit",
    "code",
    "blog",
)
ESSAY = IndexedPattern(
    "essay",
    "Write an essay about the history of lighthouses for sailors",
    "outline; draft essay.md; proofread essay.md",
    "writing",
    "blog",
)
ALL = (CSV, TESTS, RELEASE, ESSAY)

SIMILAR = {
    "csv": "Turn the CSV file data/orders.csv into JSON and verify the row count",
    "tests": "Repair the broken test in tests/test_lexer.py, then run all the tests",
    "release": "Update the changelog and raise the version for release 1.3",
}
UNRELATED = (
    "Write a haiku about autumn",
    "Explain how the scheduler works",
    "Delete the old branches of the repository",
    "Draw a plot of the temperature in Berlin",
)
HOSTILE = (
    "",
    "   ",
    '"',
    'csv" OR "json',
    "csv NEAR(json, 3) AND NOT json",
    "csv* ^json task:csv -task:json {task workflow}: json",
    "csv'; DROP TABLE shelf; --",
    "csv\x00json",
    "\ud800 csv \udfff",
    "naïve café NAÏVE CAFÉ ½ ² Ⅷ",
    "Переведи файл CSV в JSON",
    "データを変換する 河流长度",
    "🚢🚢🚢",
    "-- - --- -x --long-option",
    "%s %d ? :name @x $1",
    " ".join(f"word{number} csv" for number in range(5_000)),
    "x" * 1_000_000,
    "(" * 10_000,
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(indexed()) as opened:
        yield opened


def indexed(*entries: IndexedPattern) -> sqlite3.Connection:
    opened = sqlite3.connect(":memory:")
    opened.executescript(PATTERN_INDEX)
    pattern_index.put(opened, entries)
    return opened


def decided(entries: tuple[IndexedPattern, ...], task: str, *, task_type: str = "code") -> Choice:
    with closing(indexed(*entries)) as opened:
        found = pattern_index.candidates(opened, task, task_type=task_type)
        return choose(found, task_type=task_type)


def chosen(
    entries: tuple[IndexedPattern, ...], task: str, *, task_type: str = "code"
) -> str | None:
    choice = decided(entries, task, task_type=task_type)
    return choice.chosen.candidate.id if choice.chosen else None


def contents(opened: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """All that the index holds, without its own numbers."""
    queries = {
        "entries": "SELECT id, task_type, project_id, task, workflow FROM shelf ORDER BY id",
        "terms": "SELECT term, anywhere, in_task, in_workflow FROM shelf_terms ORDER BY term",
        "pairs": "SELECT w.term, c.term, together FROM shelf_pairs JOIN shelf_terms w"
        " ON w.number = word JOIN shelf_terms c ON c.number = command ORDER BY 1, 2",
        "number of pairs": "SELECT count(*) FROM shelf_pairs",
        "totals": "SELECT entries, words FROM shelf_totals",
        "postings": "SELECT term, col, count(*) FROM postings GROUP BY 1, 2 ORDER BY 1, 2",
    }
    opened.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.postings"
        " USING fts5vocab('main', 'shelf_words', 'instance')"
    )
    opened.execute("INSERT INTO shelf_words (shelf_words, rank) VALUES ('integrity-check', 1)")
    return {name: opened.execute(query).fetchall() for name, query in queries.items()}


def made_up(count: int, *, seed: int = 1) -> list[IndexedPattern]:
    chance = random.Random(seed)  # noqa: S311  the same each time
    words = [f"{a}{b}" for a in ("lor", "ips", "dol", "sit") for b in ("am", "on", "ix", "ul")]
    return [
        IndexedPattern(
            f"m{number}",
            " ".join(chance.choices(words, k=8)),
            " ".join(chance.choices(["git", "sed", "-n", "tar", "--all"], k=4)),
            "code",
            "shop",
        )
        for number in range(count)
    ]


def test_forms_of_a_word_meet_in_one_stem() -> None:
    forms = (
        ("test", "tests", "testing", "tested"),
        ("convert", "converts", "converting", "converted"),
        ("directory", "directories"),
        ("file", "files"),
        ("run", "runs", "running"),
        ("status",),
        ("ls",),
        ("v2",),
    )
    assert [{stem(word) for word in family} for family in forms] == [
        {"test"},
        {"convert"},
        {"directori"},
        {"fil"},
        {"run"},
        {"status"},
        {"ls"},
        {"v2"},
    ]


def test_a_task_becomes_its_stemmed_words_in_order() -> None:
    assert task_words("Fix parseHTTPHeader in src/http_parser.py: it drops 2 headers!") == (
        *("fix", "pars", "httphead", "in", "src", "http", "pars", "py"),
        *("it", "drop", "2", "head"),
    )


def test_a_workflow_keeps_options_as_words_of_their_own() -> None:
    assert workflow_words("grep -rn --include=*.py foo | wc -l") == (
        *("grep", "-rn", "rn", "--include", "includ", "py", "foo", "wc", "-l", "l"),
    )


def test_scripts_without_spaces_become_pairs_of_signs() -> None:
    assert task_words("河流长度 csv 字") == ("河流", "流长", "长度", "csv", "字")


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert task_words("cafe\u0301") == task_words("caf\u00e9") == ("café",)


def test_long_texts_are_cut() -> None:
    text = " ".join(f"w{number}" for number in range(10_000))
    assert len(task_words(text)) == TASK_WORDS
    assert len(workflow_words(text)) == WORKFLOW_WORDS


def test_pairs_leave_out_stop_words_of_the_task() -> None:
    assert content_words(("list", "the", "fil", "list")) == ["list", "fil"]
    assert pairs(("list", "the", "fil"), ("ls", "-l")) == [
        ("list", "ls"),
        ("list", "-l"),
        ("fil", "ls"),
        ("fil", "-l"),
    ]


@pytest.mark.parametrize("entry", [CSV, TESTS, RELEASE], ids=lambda entry: entry.id)
def test_a_single_stored_pattern_is_chosen_for_a_similar_task_in_other_words(
    entry: IndexedPattern,
) -> None:
    assert chosen((entry,), SIMILAR[entry.id]) == entry.id


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.id)
def test_a_single_stored_pattern_is_chosen_for_its_own_task(entry: IndexedPattern) -> None:
    assert chosen((entry,), entry.task, task_type=entry.task_type) == entry.id


@pytest.mark.parametrize("task", UNRELATED)
def test_nothing_is_chosen_for_an_unrelated_task(task: str) -> None:
    assert [chosen((entry,), task) for entry in ALL] == [None] * 4
    assert chosen(ALL, task) is None


@pytest.mark.parametrize("name", ["csv", "tests"])
def test_the_right_one_of_several_is_chosen(name: str) -> None:
    assert chosen(ALL, SIMILAR[name]) == name


def test_an_empty_store_gives_no_pattern_and_says_so() -> None:
    assert decided((), "Convert a file") == Choice(
        None, "no pattern is stored yet", Ranking(), THRESHOLDS[0][1].own
    )


def test_a_task_that_shares_no_word_gives_no_pattern_and_says_so() -> None:
    choice = decided((CSV,), "zzz qqq")
    assert choice.chosen is None
    assert choice.reason == "no stored pattern that may be used shares a word with the task"


def test_a_candidate_that_only_an_encoder_recalls_has_no_vote() -> None:
    with closing(indexed(CSV, ESSAY)) as opened:
        recalled = pattern_index.candidates(opened, f"{CSV.task} lighthouses", task_type="code")
    assert len(recalled.candidates) == 2
    ranked = rank(recalled._replace(task=("convert", "csv")))
    assert [scored.candidate.id for scored in ranked.scored] == ["csv", "essay"]


def test_the_reason_names_pattern_probability_and_bound() -> None:
    choice = decided((CSV,), CSV.task)
    assert choice.reason == (
        f"csv, the best of one candidate, is right with a probability of"
        f" {choice.ranking.right:.2f}; {choice.threshold:.2f} is needed"
    )
    refused = decided((CSV, TESTS), "Explain the test")
    assert refused.reason == (
        f"tests, the best of 2 candidates, is right with a probability of only"
        f" {refused.ranking.right:.2f}; {refused.threshold:.2f} is needed"
    )


def test_another_task_type_is_chosen_only_when_it_clearly_fits() -> None:
    assert chosen(ALL, ESSAY.task, task_type="code") == "essay"
    related = "Write a story about lighthouses for young sailors"
    assert chosen(ALL, related, task_type="writing") == "essay"
    assert chosen(ALL, related, task_type="code") is None


def test_the_own_task_type_goes_before_a_better_one_of_another(
    connection: sqlite3.Connection,
) -> None:
    twin = CSV._replace(id="twin", task=SIMILAR["csv"], task_type="data_analysis")
    pattern_index.put(connection, [CSV, twin])
    found = pattern_index.candidates(connection, SIMILAR["csv"], task_type="code")
    assert [candidate.id for candidate in found.candidates] == ["csv", "twin"]
    choice = choose(found, task_type="code")
    assert choice.chosen is not None
    assert choice.chosen.candidate.id == "csv"


def test_another_projects_patterns_can_be_left_out(connection: sqlite3.Connection) -> None:
    pattern_index.put(connection, ALL)
    found = pattern_index.candidates(connection, RELEASE.task, project_id="shop")
    assert {candidate.project_id for candidate in found.candidates} == {"shop"}


@pytest.mark.parametrize("entries", [(CSV,), ALL], ids=["alone", "of four"])
def test_a_pattern_just_below_the_bound_is_not_chosen(entries: tuple[IndexedPattern, ...]) -> None:
    choice = decided(entries, "List the rows of sales.csv")
    assert choice.threshold - 0.12 < choice.ranking.right < choice.threshold
    assert choice.chosen is None


def test_bounds_rise_with_the_number_of_entries() -> None:
    sizes = [0, 1, 3, 10, 50, 300, 5_000, 13_623, 10**6]
    found = [thresholds(size) for size in sizes]
    assert found == sorted(found)
    assert found[0] == found[1] == THRESHOLDS[0][1]
    assert found[-1] == found[-2] == THRESHOLDS[-1][1]
    assert all(bound.own < bound.other for bound in found)


def test_ranking_nothing_is_no_ranking() -> None:
    assert rank(CandidateSet(("csv",), (), 0, 0, {}, {})) == Ranking()
    lonely = Candidate("a", ("csv",), (), "code", "shop")
    assert rank(CandidateSet((), (lonely,), 1, 1, {}, {})) == Ranking()


def test_ranking_needs_no_count_to_be_there() -> None:
    lonely = Candidate("a", ("csv",), ("wc",), "code", "shop")
    ranking = rank(CandidateSet(("csv",), (lonely,), 0, 0, {}, {}))
    assert [scored.candidate for scored in ranking.scored] == [lonely]


def test_the_index_has_all_counts_of_task_and_candidates(connection: sqlite3.Connection) -> None:
    entries = [IndexedPattern(name, "list files", "ls", "code", "shop") for name in ("a", "b")]
    pattern_index.put(connection, [*entries, IndexedPattern("c", "unlike", "ls", "code", "shop")])
    assert pattern_index.candidates(connection, "list the files", task_type="code") == CandidateSet(
        task=("list", "the", "fil"),
        candidates=tuple(
            Candidate(name, ("list", "fil"), ("ls",), "code", "shop") for name in ("a", "b")
        ),
        entries=3,
        words=8,
        frequencies={
            "list": Frequency(2, 2, 0),
            "fil": Frequency(2, 2, 0),
            "ls": Frequency(3, 0, 3),
        },
        cooccurrences={"list": {"ls": 2}, "fil": {"ls": 2}},
    )


def test_looking_up_gives_the_same_each_time(connection: sqlite3.Connection) -> None:
    pattern_index.put(connection, [*ALL, *made_up(200)])
    for task in (*SIMILAR.values(), "loram ipson dolix situl"):
        first, second = (
            choose(pattern_index.candidates(connection, task, task_type="code"), task_type="code")
            for _ in range(2)
        )
        assert first == second


def test_the_order_of_candidates_does_not_matter() -> None:
    with closing(indexed(*made_up(60))) as opened:
        found = pattern_index.candidates(opened, "loram ipson dolix situl")
    turned = found._replace(candidates=found.candidates[::-1])
    assert rank(turned) == rank(found)


@pytest.mark.parametrize("task", HOSTILE, ids=lambda task: repr(task[:20]))
def test_no_text_is_read_as_a_search_expression(task: str) -> None:
    with closing(indexed(*ALL)) as opened:
        before = contents(opened)
        found = pattern_index.candidates(opened, task, task_type="code")
        assert choose(found, task_type="code").ranking.right <= 1
        assert ("csv" in [c.id for c in found.candidates]) == ("csv" in task_words(task))
        assert contents(opened) == before


@pytest.mark.parametrize("text", HOSTILE, ids=lambda task: repr(task[:20]))
def test_any_text_can_be_stored_found_and_forgotten(text: str) -> None:
    with closing(indexed(CSV)) as opened:
        before = contents(opened)
        pattern_index.put(opened, [IndexedPattern("odd", text, text, "code", "shop")])
        names = [c.id for c in pattern_index.candidates(opened, text).candidates]
        assert ("odd" in names) == bool(task_words(text))
        pattern_index.remove(opened, ["odd"])
        assert contents(opened) == before


def test_a_removed_pattern_leaves_nothing_behind(connection: sqlite3.Connection) -> None:
    empty = contents(connection)
    pattern_index.put(connection, ALL)
    pattern_index.remove(connection, ["csv", "nobody", "tests"])
    with closing(indexed(RELEASE, ESSAY)) as fresh:
        assert contents(connection) == contents(fresh)
    pattern_index.remove(connection, ["release", "essay"])
    assert contents(connection) == empty
    assert pattern_index.candidates(connection, CSV.task) == CandidateSet(
        task_words(CSV.task), (), 0, 0, {}, {}
    )


def test_adding_one_by_one_equals_building_from_scratch(connection: sqlite3.Connection) -> None:
    entries = [*ALL, *made_up(100)]
    for entry in entries:
        pattern_index.put(connection, [entry])
    with closing(indexed(*reversed(entries))) as scratch:
        assert contents(connection) == contents(scratch)


def test_random_edits_equal_building_from_scratch(connection: sqlite3.Connection) -> None:
    chance = random.Random(7)  # noqa: S311  the same each time
    pool = [*made_up(30), *made_up(30, seed=2)]
    kept: dict[str, IndexedPattern] = {}
    for _ in range(200):
        entry = chance.choice(pool)
        if chance.random() < 0.6:
            kept[entry.id] = entry
            pattern_index.put(connection, [entry])
        else:
            kept.pop(entry.id, None)
            pattern_index.remove(connection, [entry.id])
    with closing(indexed(*kept.values())) as scratch:
        assert contents(connection) == contents(scratch)


def test_the_same_id_takes_the_place_of_what_was_there(connection: sqlite3.Connection) -> None:
    changed = RELEASE._replace(id="csv")
    pattern_index.put(connection, [CSV, CSV])
    pattern_index.put(connection, [CSV, changed])
    with closing(indexed(changed)) as fresh:
        assert contents(connection) == contents(fresh)


def test_candidates_that_share_no_word_with_the_task_are_ranked_too() -> None:
    """The nearest by meaning may share none."""
    strange = Candidate("strange", ("tar", "gz"), ("tar",), "code", "p")
    stranger = strange._replace(id="stranger", task=("zip",), workflow=("zip",))
    ranking = rank(CandidateSet(("csv",), (strange, stranger), 2, 6, {}, {}))
    assert {scored.candidate.id for scored in ranking.scored} == {"strange", "stranger"}


def test_twins_do_not_keep_one_from_being_chosen() -> None:
    twins = tuple(CSV._replace(id=f"twin{number}") for number in range(4))
    assert chosen((*twins, TESTS), SIMILAR["csv"]) == "twin0"


def test_the_rarest_words_are_looked_for_when_the_budget_is_small(
    connection: sqlite3.Connection,
) -> None:
    pattern_index.put(connection, [*made_up(500), CSV])
    task = "loram ipson dolix situl convert sales"
    found = pattern_index.candidates(connection, task, budget=0)
    assert [candidate.id for candidate in found.candidates] == ["csv"]
    assert len(pattern_index.candidates(connection, task, limit=10).candidates) == 10


def test_looking_up_needs_no_right_to_write(connection: sqlite3.Connection) -> None:
    pattern_index.put(connection, ALL)
    connection.commit()
    connection.execute("PRAGMA query_only = 1")
    assert len(pattern_index.candidates(connection, CSV.task, task_type="code").candidates) > 0
