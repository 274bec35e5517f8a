"""A store that a newer version wrote to: values unknown to this one are shown as they are."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Crossrun, clean_environ
from faults.in_process import InProcess

Words = tuple[str, ...]

COMMANDS: tuple[Words, ...] = (
    ("runs",),
    ("runs", "--json"),
    ("show",),
    ("show", "--json"),
    ("show", "--instructions"),
    ("steps",),
    ("steps", "--json"),
    ("events",),
    ("events", "--json"),
    ("watch",),
    ("watch", "--jsonl"),
    ("wait",),
    ("diff",),
    ("diff", "--stat"),
    ("files",),
    ("artifacts",),
    ("patterns",),
    ("patterns", "--json"),
    ("patterns", "show"),
    ("patterns", "show", "--json"),
    ("patterns", "search", "convert notes"),
    ("patterns", "stats"),
    ("projects",),
    ("stats",),
    ("stats", "--json"),
    ("cleanup", "--dry-run"),
    ("cancel", "last"),
    ("apply", "--dry-run", "--to", "FOLDER"),
    ("resume", "last", "Go on"),
    ("retry", "last"),
    ("run", "Convert notes", "--offline", "--task-type", "data_analysis"),
    ("patterns", "disable"),
    ("patterns", "enable"),
    ("cleanup", "--older-than", "0"),
)


def replaced(table: str, column: str, old: str, new: str) -> str:
    """An UPDATE that puts another text into a column of a table."""
    changed = f"replace({column}, '{old}', '{new}')"
    return f"UPDATE {table} SET {column} = {changed} WHERE {column} LIKE '%{old}%'"  # noqa: S608


def in_events(old: str, new: str) -> str:
    return replaced("events", "body", old, new)


NEWER: dict[str, str] = {
    "an event type": "UPDATE events SET type = 'sung', body = '{\"type\": \"sung\"}' WHERE seq = 3",
    "a type instead of the measured change": (
        "UPDATE events SET type = 'sung', body = '{\"type\": \"sung\"}'"
        " WHERE type = 'workspace_changed'"
    ),
    "a file's change, in an event": in_events('"change":"added"', '"change":"linked"'),
    "a measured change, in an event": in_events('"status":"added"', '"status":"linked"'),
    "an executor, in an event": in_events('"executor":"replay"', '"executor":"other"'),
    "a planner, in an event": in_events('"planner":"direct"', '"planner":"other"'),
    "a sandbox, in an event": in_events('"workspace-write"', '"vm"'),
    "a scope, in an event": in_events('"scope":"user"', '"scope":"team"'),
    "a decision, in an event": in_events('"abstained"', '"tossed"'),
    "a channel, in an event": in_events('"channel":"developer"', '"channel":"wire"'),
    "a lesson, in an event": in_events('"lesson":"workflow"', '"lesson":"tune"'),
    "an intent, in an event": in_events('"intent":"', '"intent":"over'),
    "a status, in an event": in_events('"status":"succeeded"', '"status":"paused"'),
    "a status": "UPDATE runs SET status = 'paused'",
    "an executor": "UPDATE runs SET executor = 'other'",
    "a planner": "UPDATE runs SET planner = 'other'",
    "a change": replaced("runs", "changes", "added", "linked"),
    "a decision": replaced("runs", "pattern", "abstained", "tossed"),
    "a failure": (
        "UPDATE runs SET status = 'failed', exit_code = 1,"
        ' failure = \'{"code": "SUNG", "message": "m", "hint": "h"}\''
    ),
    "a source": 'UPDATE runs SET source = \'{"kind": "archive", "path": "/x", "base": ""}\'',
    "a pattern's state": "UPDATE patterns SET state = 'paused'",
    "a maker of versions": "UPDATE pattern_versions SET made_by = 'nobody'",
    "an intent": replaced("pattern_versions", "workflow", '"intent":"', '"intent":"over'),
    "an intent in a trace": replaced("pattern_runs", "trace", '"intent":"', '"intent":"over'),
    "a lesson": "UPDATE pattern_runs SET lesson = 'tune'",
    "a kind of artifact": "UPDATE artifacts SET kind = 'song'",
}
"""SQL that stores what a newer version might."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a store with a run and the pattern that it taught."""
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


def written(sound: Path, folder: Path, change: str) -> Path:
    """A copy of a home to whose store a newer version wrote."""
    home = shutil.copytree(sound, folder / "home")
    with closing(sqlite3.connect(home / "crossrun.db")) as connection:
        assert connection.execute(change).rowcount > 0
        connection.commit()
    return home


@pytest.mark.parametrize("change", NEWER.values(), ids=list(NEWER))
def test_a_value_of_a_newer_version_is_neither_damage_nor_a_bug(
    sound: Path, crossrun: InProcess, tmp_path: Path, change: str
) -> None:
    home = written(sound, tmp_path, change)
    (tmp_path / "to").mkdir()
    for words in COMMANDS:
        command = [str(tmp_path / "to") if word == "FOLDER" else word for word in words]
        result = crossrun(*command, "--home", str(home), "--yes")
        for error in ("STORE_DAMAGED", "INTERNAL", "Traceback"):
            assert error not in result.err, (words, result)


SHOWN: tuple[tuple[str, Words, str], ...] = (
    ("an event type", ("steps",), "sung"),
    ("an event type", ("watch",), "an event of a newer crossrun: sung"),
    ("an event type", ("watch", "--jsonl"), '"type": "sung"'),
    ("an event type", ("events", "--jsonl"), '"type": "sung"'),
    ("a file's change, in an event", ("steps", "--json"), '"change": "linked"'),
    ("a file's change, in an event", ("watch",), "an event of a newer crossrun: file_changed"),
    ("a measured change, in an event", ("diff", "--json"), '"status": "linked"'),
    ("an executor, in an event", ("events", "--json"), '"executor": "other"'),
    ("a decision, in an event", ("patterns", "why"), "tossed: "),
    ("a status, in an event", ("watch",), "paused"),
    ("a status", ("runs",), " paused "),
    ("a status", ("runs", "--json"), '"status": "paused"'),
    ("a status", ("show",), "paused"),
    ("a status", ("stats",), "1 paused"),
    ("a status", ("stats", "--json"), '"paused": 1'),
    ("an executor", ("show", "--json"), '"executor": "other"'),
    ("a planner", ("show", "--json"), '"planner": "other"'),
    ("a change", ("show",), "? "),
    ("a decision", ("show",), "tossed"),
    ("a failure", ("show", "--json"), '"code": "SUNG"'),
    ("a source", ("show", "--json"), '"kind": "archive"'),
    ("a pattern's state", ("patterns",), "paused"),
    ("a pattern's state", ("patterns", "show"), "paused"),
    ("an intent", ("patterns", "show", "--json"), '"intent": "over'),
    ("a kind of artifact", ("artifacts",), "song"),
)


@pytest.mark.parametrize(("name", "words", "text"), SHOWN)
def test_a_value_of_a_newer_version_is_shown_as_it_is(
    sound: Path, crossrun: InProcess, tmp_path: Path, name: str, words: Words, text: str
) -> None:
    home = written(sound, tmp_path, NEWER[name])
    assert text in crossrun(*words, "--home", str(home)).out


@pytest.mark.parametrize("command", ["resume", "retry"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("a sandbox, in an event", "RUN_NEWER"),
        ("an executor, in an event", "EXECUTOR_UNKNOWN"),
        ("a planner, in an event", "PLANNER_UNKNOWN"),
    ],
)
def test_a_request_with_values_of_a_newer_version_is_not_guessed_at(
    sound: Path, crossrun: InProcess, tmp_path: Path, command: str, value: str, code: str
) -> None:
    home = written(sound, tmp_path, NEWER[value])
    result = crossrun(command, "last", "Go on", "--home", str(home))
    assert (result.code, f"error[{code}]" in result.err) == (3, True), result


def test_steps_show_what_a_newer_crossrun_recorded(
    sound: Path, crossrun: InProcess, tmp_path: Path
) -> None:
    home = shutil.copytree(sound, tmp_path / "home")
    body = '{"type": "sung", "key": "C", "seq": 7}'
    with closing(sqlite3.connect(home / "crossrun.db")) as connection:
        connection.execute("UPDATE events SET type = 'sung', body = ? WHERE seq = 3", [body])
        (at,) = connection.execute("SELECT at FROM events WHERE seq = 3").fetchone()
        connection.commit()
    steps = crossrun("steps", "--json", "--home", str(home)).json["steps"]
    assert steps[0] == {"seq": 3, "at": at, "kind": "sung", "key": "C"}
    assert crossrun("steps", "--home", str(home)).out.startswith("   3  sung\n")
