"""Tasks in German, Spanish, French and Chinese meet patterns that English tasks taught."""

import sqlite3
from contextlib import closing

import pytest

from crossrun.patterns.retrieval.decision import Choice, choose
from crossrun.patterns.retrieval.values import IndexedPattern
from crossrun.patterns.retrieval.words import read_task
from crossrun.store import pattern_index
from crossrun.store.steps import PATTERN_INDEX

CONVERT = IndexedPattern(
    "convert",
    "Convert orders.csv to JSON, with numbers as numbers",
    "python3 convert.py orders.csv orders.json; python3 -m json.tool orders.json",
    "code",
    "shop",
)
RENAME = IndexedPattern(
    "rename",
    "Rename the photos in the folder pictures after the date on which they were taken",
    "sh rename.sh pictures; ls pictures",
    "code",
    "shop",
)
SAME_JOB = {
    "Wandle kunden.csv in JSON um; Zahlen sollen Zahlen bleiben": "convert",
    "Convierte clientes.csv a JSON, con números como números": "convert",
    "Convertis les clients de clients.csv en JSON, avec des nombres": "convert",
    "把 customers.csv 转换成 JSON 数字保持为数字": "convert",
    "Benenne die Fotos im Ordner bilder nach ihrem Aufnahmedatum um": "rename",
    "Renombra las fotos de la carpeta imagenes según la fecha": "rename",
    "Renomme les photos du dossier images d'après leur date": "rename",
    "按日期重命名 pictures 文件夹里的照片": "rename",
}
ANOTHER_JOB = (
    "Schreibe ein Gedicht über den Herbst",
    "Elimina las fotos de la carpeta imagenes",
    "Compte les lignes de clients.csv",
    "推荐三本关于唐朝历史的书",
)


def choice(task: str, *patterns: IndexedPattern) -> Choice:
    with closing(sqlite3.connect(":memory:")) as opened:
        opened.executescript(PATTERN_INDEX)
        pattern_index.put(opened, patterns)
        return choose(pattern_index.candidates(opened, task, task_type="code"), task_type="code")


@pytest.mark.parametrize(("task", "pattern"), SAME_JOB.items())
def test_a_task_in_another_language_gets_its_pattern(task: str, pattern: str) -> None:
    chosen = choice(task, CONVERT, RENAME).chosen
    assert chosen is not None
    assert chosen.candidate.id == pattern


@pytest.mark.parametrize("task", ANOTHER_JOB)
def test_another_job_in_another_language_gets_none(task: str) -> None:
    assert choice(task, CONVERT, RENAME).chosen is None


def test_an_english_task_gets_a_pattern_that_a_german_one_taught() -> None:
    german = CONVERT._replace(task="Wandle die Datei bestellungen.csv in JSON um, mit Zahlen")
    chosen = choice("Convert orders.csv to a JSON file with numbers", german).chosen
    assert chosen is not None


def test_a_pattern_is_found_by_any_of_its_tasks() -> None:
    both = RENAME._replace(task=f"{CONVERT.task}\n{RENAME.task}")
    for task in (CONVERT.task, RENAME.task):
        chosen = choice(task, both).chosen
        assert chosen is not None


def test_words_that_no_list_has_are_silent_in_another_language_only() -> None:
    german = read_task("Zeichne ein Diagramm der Wasserstände in pegel.csv")
    assert {"ein", "der"} < german.silent
    assert "plot" in german.words
    russian = read_task("Преобразуй orders.csv в JSON")
    assert russian.silent == {"преобразуй", "в"}
    assert read_task("Draw a chart of the water levels in gauge.csv").silent == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "Make an image in a folder",
        "Print the page as PDF and trim the margins",
        "Find out who was in the office on May 3",
        "Die erste",
    ],
)
def test_english_and_what_is_too_short_to_tell_stays_as_it_is(text: str) -> None:
    assert read_task(text).silent == frozenset()
