"""Small stores: the same job in other words gets its pattern, another job gets none."""

import sqlite3
from contextlib import closing

import pytest

from crossrun.patterns.retrieval.decision import choose
from crossrun.patterns.retrieval.lexical import lexical_similarities
from crossrun.patterns.retrieval.values import Candidate, IndexedPattern, LexicalSimilarity
from crossrun.patterns.retrieval.words import task_words, workflow_words
from crossrun.store import pattern_index
from crossrun.store.steps import PATTERN_INDEX

CONVERT = IndexedPattern(
    "convert",
    "Convert report.csv to JSON and validate it",
    "python csv_to_json.py report.csv report.json; python -m json.tool report.json",
    "code",
    "shop",
)
FIX = IndexedPattern(
    "fix", "Fix the failing test in calc.py", "pytest -x; edit calc.py; pytest", "code", ""
)
PLOT = IndexedPattern(
    "plot",
    "Load crop_yield.csv and make box plots by region",
    "head -3 crop_yield.csv; python boxplot.py crop_yield.csv; ls plots",
    "code",
    "shop",
)
BIBLIOGRAPHY = IndexedPattern(
    "bibliography",
    "Summarise the three papers in sources/ into an annotated bibliography",
    "ls sources; pdftotext sources/a.pdf; edit bibliography.md",
    "code",
    "shop",
)
DOCKER = IndexedPattern(
    "docker",
    "Create a Dockerfile for the Flask app and build the image",
    "edit Dockerfile; docker build -t app .",
    "code",
    "shop",
)
STORED = (CONVERT, FIX, PLOT, BIBLIOGRAPHY, DOCKER)

SAME_JOB = {
    "Turn the sales.csv file into a JSON document, then check that it is valid": CONVERT,
    "tests in stats.py are red, please repair the code": FIX,
    "Draw box plots of rainfall.csv grouped by station": PLOT,
    "Write an annotated bibliography of the articles under refs/": BIBLIOGRAPHY,
}
ANOTHER_JOB = (
    "Write a limerick about autumn",
    "Rename the function login to sign_in in auth.py",
    "Make a bar chart from report.csv",
)


def chosen(task: str, *entries: IndexedPattern, task_type: str = "code") -> str | None:
    with closing(sqlite3.connect(":memory:")) as opened:
        opened.executescript(PATTERN_INDEX)
        pattern_index.put(opened, entries)
        choice = choose(
            pattern_index.candidates(opened, task, task_type=task_type), task_type=task_type
        )
    return choice.chosen.candidate.id if choice.chosen else None


def kin(task: str, stored: str, workflow: str = "") -> LexicalSimilarity:
    candidate = Candidate("", task_words(stored), workflow_words(workflow), "code", "")
    return lexical_similarities(task_words(task), candidate)[0]


@pytest.mark.parametrize(("task", "entry"), SAME_JOB.items())
def test_a_task_in_other_words_gets_the_only_pattern(task: str, entry: IndexedPattern) -> None:
    assert chosen(task, entry) == entry.id


@pytest.mark.parametrize(("task", "entry"), SAME_JOB.items())
def test_a_task_in_other_words_gets_the_right_one_of_five(task: str, entry: IndexedPattern) -> None:
    assert chosen(task, *STORED) == entry.id


@pytest.mark.parametrize("task", ANOTHER_JOB)
def test_another_job_gets_none_of_five_nor_any_of_them_alone(task: str) -> None:
    alone = [chosen(task, entry) for entry in STORED if entry is not PLOT]
    assert alone == [None] * 4
    assert chosen(task, *STORED) is None


def test_a_bar_chart_is_not_a_box_plot() -> None:
    assert chosen("Make a bar chart from report.csv", PLOT) is None
    assert kin("Draw a bar chart of a.csv", PLOT.task).made == -1
    assert kin("Draw box plots of a.csv", PLOT.task).made == 1


def test_the_direction_of_a_conversion_counts() -> None:
    assert kin("Turn a.csv into JSON", CONVERT.task).made == 1
    assert kin("Convert a.json to CSV", CONVERT.task).made == -3
    assert chosen("Convert report.json to CSV and validate it", CONVERT) is None


def test_acts_that_undo_each_other_are_opposed() -> None:
    assert kin("Split all.csv by month", "Merge the months into all.csv").opposed == 3
    merge = IndexedPattern(
        "merge", "Merge the monthly files in exports/ into one all.csv", "cat", "code", "default"
    )
    assert chosen("Split all.csv into one file per month in exports/", merge) is None


def test_words_of_the_same_sense_meet() -> None:
    assert kin("Repair the parser", "Fix the lexer").acts > 0.5
    assert kin("Repair the parser", "Rename the lexer").acts == 0


def test_an_act_that_the_other_lacks_is_held_against_it() -> None:
    assert kin("Delete the parser", "Test the parser").opposed > 0
    assert kin("Delete the parser", "Remove the parser").opposed == 0


def test_a_files_own_name_counts_for_little() -> None:
    same = kin("Convert report.csv to JSON", "Convert report.csv to JSON")
    other = kin("Convert report.csv to JSON", "Convert sales.csv to JSON")
    assert other.shared > 0.85 * same.shared


def test_what_is_common_in_the_store_counts_for_little() -> None:
    candidate = Candidate("", task_words("Find large files"), (), "code", "")
    task = task_words("Find old files")
    common = dict.fromkeys(task_words("find files"), 0.9)
    assert (
        lexical_similarities(task, candidate, common)[0].shared
        < lexical_similarities(task, candidate)[0].shared
    )


def test_the_workflow_can_have_what_the_task_lacks() -> None:
    with_it = kin("Run ruff on the project", "Check the style", "ruff check src")
    without = kin("Run ruff on the project", "Check the style")
    assert with_it.shared > without.shared


def test_a_long_text_is_not_akin_by_its_length() -> None:
    long = ". ".join(entry.task for entry in STORED[:4]) + ". And thank the team for the party." * 8
    assert chosen(long, DOCKER) is None


@pytest.mark.parametrize("task", ["", "the of and", "csv", "データを変換する", "42 7", "a" * 9_000])
def test_any_text_can_be_compared(task: str) -> None:
    for stored in ("", "csv", task):
        assert 0 <= kin(task, stored).shared <= 1
