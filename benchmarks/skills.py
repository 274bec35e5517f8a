"""Whether public skills come back whole, and whether tasks find the skills that were made for them.

    python benchmarks/skills.py FOLDER [--each]

FOLDER is a clone of a set with tasks and their skills: `tasks/*/instruction.md` and, below
`tasks/*/environment/skills`, folders with a `SKILL.md`. The skills in a task's folder are its
labels, those of one folder name are one skill. Every skill is imported into an empty store,
exported again and compared byte by byte; then each task is asked for with its whole text, as
`crossrun patterns search` does and as the choice for a run does. `--each` lists the tasks and the
places of their skills.

The baseline is FTS5's own bm25, an OR of all words, over name, description and body.
"""

import argparse
import re
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from timing import machine

from crossrun.config.sources import load
from crossrun.memory.blocks import BlockWriter
from crossrun.memory.imports import StoredImport, add, export_skill, of_skill, stored
from crossrun.memory.references import ReferenceFolders
from crossrun.memory.selection import Chooser
from crossrun.memory.skill_folders import SkillFolder, read_folder
from crossrun.model.requests import RunRequest
from crossrun.patterns import Person
from crossrun.patterns.formats.block import Layout
from crossrun.patterns.retrieval.ranking import rank
from crossrun.store import Store

AT = "2026-01-01T00:00:00.000000Z"


class LabelledTask(NamedTuple):
    """A task's text, and the names of the skills that were made for it."""

    name: str
    text: str
    skills: frozenset[str]


class Answer(NamedTuple):
    """The names of the skills for a task, best first, and how long it took to find them."""

    names: list[str]
    seconds: float
    chosen: str | None = None


def read_set(folder: Path) -> tuple[list[Path], list[LabelledTask]]:
    """The folders of all skills, and the tasks that have some."""
    skills: list[Path] = []
    tasks = []
    for task in sorted((folder / "tasks").iterdir()):
        own = sorted({file.parent for file in task.glob("environment/skills/**/SKILL.md")})
        skills += own
        instruction = task / "instruction.md"
        if own and instruction.is_file():
            names = frozenset(skill.name for skill in own)
            tasks.append(LabelledTask(task.name, instruction.read_text(), names))
    return skills, tasks


def imported(store: Store, folders: Sequence[Path]) -> list[StoredImport]:
    drafts = [
        of_skill(read_folder(folder), project_id="default", conceal=str, at=AT)
        for folder in folders
    ]
    items = list(stored(store, drafts))
    add(store, items)
    return items


def changed(store: Store, items: Sequence[StoredImport], target: Path) -> list[Path]:
    """The skills whose export differs from what was imported."""
    differing = []
    for number, item in enumerate(items):
        pattern = store.patterns.exactly(item.pattern_id)
        written = export_skill(store, pattern, target / str(number))
        if snapshot(read_folder(written)) != snapshot(read_folder(item.pattern_import.source)):
            differing.append(item.pattern_import.source)
    return differing


def snapshot(skill: SkillFolder) -> list[tuple[str, bytes, bool]]:
    return [(file.path, file.content, file.executable) for file in skill.files]


def searched(store: Store, task: LabelledTask, names: dict[str, str]) -> Answer:
    begin = time.perf_counter()
    candidates = store.patterns.candidates(task.text, task_type=None, project_id=None)
    ranking = rank(candidates).scored
    seconds = time.perf_counter() - begin
    return Answer(distinct(names[hit.candidate.id] for hit in ranking), seconds)


def chosen_for(store: Store, task: LabelledTask, names: dict[str, str]) -> Answer:
    request = RunRequest(task=task.text, task_type="code", executor="codex")
    nowhere = ReferenceFolders(Path("/nonexistent"))
    blocks = BlockWriter(store, nowhere, person=Person(), layout=Layout())
    begin = time.perf_counter()
    decided = (
        Chooser(store.patterns, lambda: blocks, path=None, top_files=())
        .decide(None, request, channel="developer")
        .decided
    )
    seconds = time.perf_counter() - begin
    best = distinct(names[hit.pattern_id] for hit in decided.candidates if hit.excluded is None)
    winner = names[decided.pattern_id] if decided.pattern_id else None
    return Answer(best, seconds, winner)


def by_bm25(items: Sequence[StoredImport], tasks: Sequence[LabelledTask]) -> list[Answer]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE skills USING fts5(name, text, tokenize = 'porter')")
    for item in items:
        pattern = item.pattern_import.pattern
        text = f"{pattern.task}\n{pattern.workflow.body}"
        name = item.pattern_import.source.name
        connection.execute("INSERT INTO skills VALUES (?, ?)", (name, text))
    answers = []
    for task in tasks:
        begin = time.perf_counter()
        words = dict.fromkeys(re.findall(r"\w+", task.text.lower()))
        query = " OR ".join(f'"{word}"' for word in words)
        rows = connection.execute(
            "SELECT name FROM skills WHERE text MATCH ? ORDER BY rank, name LIMIT 100", [query]
        )
        names = distinct(row[0] for row in rows)
        answers.append(Answer(names, time.perf_counter() - begin))
    return answers


def distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def report(title: str, tasks: Sequence[LabelledTask], answers: Sequence[Answer]) -> None:
    places = [place(task, answer) for task, answer in zip(tasks, answers, strict=True)]
    hit_1 = sum(at == 1 for at in places) / len(places)
    hit_5 = sum(at <= 5 for at in places) / len(places)
    times = sorted(1000 * answer.seconds for answer in answers)
    print(
        f"{title:24} {hit_1:.3f} {hit_5:.3f} {statistics.mean(1 / at for at in places):.3f}"
        f"  {statistics.median(times):6.1f} {times[int(0.95 * len(times))]:6.1f}"
    )


def place(task: LabelledTask, answer: Answer) -> float:
    """The place of the first of the task's skills, from 1."""
    return next((at for at, name in enumerate(answer.names, 1) if name in task.skills), 1e9)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", action="store_true", help="list every task")
    options = parser.parse_args()
    folders, tasks = read_set(options.folder)
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        settings = load(environ={"CROSSRUN_HOME": scratch, "HOME": scratch}, cwd=Path(scratch))
        store = Store(settings.paths)
        items = imported(store, folders)
        names = {item.pattern_id: item.pattern_import.source.name for item in items}
        words = [len(task.text.split()) for task in tasks]
        print(
            f"{len(folders)} skills, {len(set(names.values()))} names, {len(names)} different ones;"
            f" {len(tasks)} tasks of {min(words)} to {max(words)} words,"
            f" median {statistics.median(words):.0f}"
        )
        differing = changed(store, items, Path(scratch, "exported"))
        print(f"{len(folders) - len(differing)} of {len(folders)} come back byte for byte")
        for folder in differing:
            print(f"  {folder}")
        search = [searched(store, task, names) for task in tasks]
        choice = [chosen_for(store, task, names) for task in tasks]
        print(f"\n{'':24} hit@1 hit@5   MRR  ms p50    p95")
        report("plain bm25 over bodies", tasks, by_bm25(items, tasks))
        report("patterns search", tasks, search)
        report("the choice's ranking", tasks, choice)
        decided = [(task, answer.chosen) for task, answer in zip(tasks, choice, strict=True)]
        taken = [(task, name) for task, name in decided if name is not None]
        right = sum(name in task.skills for task, name in taken)
        print(f"by choice {len(taken)} of {len(tasks)} tasks get a skill, {right} a right one")
        if options.each:
            for task, answer in zip(tasks, search, strict=True):
                print(f"{place(task, answer):6.0f}  {task.name}: {', '.join(answer.names[:5])}")


if __name__ == "__main__":
    main()
