"""Whatever is wrong inside of a store, reading it ends with a clear error and the way back."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Crossrun, clean_environ
from faults.in_process import InProcess

Words = tuple[str, ...]

OF_A_RUN = (("runs",), ("runs", "--json"), ("show",))
OF_EVENTS = (("events",), ("steps",), ("events", "--jsonl"), ("watch",))
OF_PATTERNS = (("patterns",), ("patterns", "--json"), ("patterns", "show"))

NAMED_IN_NO_UTF8 = (
    "PRAGMA writable_schema = ON;"
    "UPDATE sqlite_master SET sql = replace(sql, 'workspace', CAST(x'77ff' AS TEXT))"
    " WHERE name = 'runs'"
)
"""The name of a column."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a store with a run, a pattern and a backup."""
    folder = tmp_path_factory.mktemp("sound")
    crossrun = Crossrun(folder / "home", folder, clean_environ(folder / "user"))
    place = ("--task-type", "data_analysis", "--home", str(crossrun.home))
    assert crossrun("run", "Convert notes", "--offline", *place).code == 0
    return crossrun.home


@pytest.fixture(scope="module")
def crossrun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    """All commands in one process, which saves minutes."""
    made = InProcess(tmp_path_factory.mktemp("user"))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("spoilt", "commands"),
    [
        ("UPDATE runs SET status = 'Suczeeded'", OF_A_RUN),
        ("UPDATE runs SET tokens = '{\"input\": 1'", OF_A_RUN),
        ("UPDATE runs SET created_at = '2026-13-45T99'", OF_A_RUN),
        ("UPDATE runs SET started_at = '2026-01-02'", OF_A_RUN),
        ("UPDATE runs SET task = CAST(x'ff41' AS TEXT)", OF_A_RUN),
        ("UPDATE runs SET task = x'ff41'", OF_A_RUN),
        ("UPDATE runs SET exit_code = 1099511627776", (("show",), ("watch",), ("wait",))),
        ("UPDATE runs SET failure = '[1]'", (("show",), ("runs", "--json"))),
        ("UPDATE runs SET tags = 'x'", (("show",), ("runs", "--tag", "x"))),
        ("ALTER TABLE runs DROP COLUMN planner", (("runs", "--json"), ("show",))),
        ("DROP TABLE runs", OF_A_RUN),
        (NAMED_IN_NO_UTF8, (("runs", "--json"), ("show",))),
        ("DROP TABLE events", OF_EVENTS),
        ("UPDATE events SET body = 'x' WHERE type = 'step_planned'", OF_EVENTS),
        ("UPDATE events SET body = CAST(x'ff41' AS TEXT)", OF_EVENTS),
        ("UPDATE events SET at = 'then'", OF_EVENTS),
        ("UPDATE events SET type = 'warned' WHERE type = 'command_ran'", OF_EVENTS),
        (
            "UPDATE events SET body = replace(body, 'prompt', 'bromp')",
            (*OF_EVENTS, ("show", "--instructions")),
        ),
        ("DELETE FROM events WHERE seq = 3", (("events",), ("watch",))),
        ("UPDATE artifacts SET size = 'large'", (("artifacts",),)),
        ("UPDATE projects SET created_at = 'then'", (("projects",), ("projects", "--json"))),
        ("UPDATE patterns SET state = 7, stats = 'x'", OF_PATTERNS),
        ("UPDATE pattern_versions SET workflow = 'x'", OF_PATTERNS),
        ("UPDATE pattern_versions SET made_by = x'ff'", (("patterns", "diff", "PATTERN"),)),
        ("DELETE FROM shelf_totals", (("patterns", "search", "convert notes"),)),
        ("PRAGMA user_version = 1", (("migrate",),)),
        ("PRAGMA user_version = -1", (("runs",), ("migrate",))),
    ],
)
def test_what_cannot_have_been_stored_is_damage(
    sound: Path, crossrun: InProcess, tmp_path: Path, spoilt: str, commands: tuple[Words, ...]
) -> None:
    home = shutil.copytree(sound, tmp_path / "home")
    with closing(sqlite3.connect(home / "crossrun.db")) as connection:
        (pattern,) = connection.execute("SELECT id FROM patterns").fetchone()
        connection.executescript(spoilt)

    for words in commands:
        chosen = [pattern if word == "PATTERN" else word for word in words]
        result = crossrun(*chosen, "--home", str(home))
        assert (result.code, "error[STORE_DAMAGED]" in result.err) == (3, True), (words, result)
        assert "hint: restore the backup from" in result.err
        assert "Traceback" not in result.err
    assert crossrun("migrate", "--restore", "--yes", "--home", str(home)).code == 0
    for words in commands:
        if "PATTERN" not in words:
            assert crossrun(*words, "--home", str(home)).code == 0, words
