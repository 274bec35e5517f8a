"""Whatever is wrong, a clear error with its remedy comes of it, and nothing half recorded."""

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun, Result, fill, without_packaged_codex

from crossrun.redaction import Redactor
from crossrun.store.artifacts import Archives

OFFLINE = ("--offline",)


def without_version(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "schema_version"}


def error_of(result: Result) -> tuple[int, str]:
    """Exit code and error code; the message for people must be there as well."""
    told = result.json["error"]
    assert f"error[{told['code']}]: {told['message']}" in result.err
    assert told["hint"] in result.err
    assert "Traceback" not in result.err
    return result.code, told["code"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("",), (2, "TASK_EMPTY")),
        ((" \n",), (2, "TASK_EMPTY")),
        (("--executor", "codex"), (2, "TASK_EMPTY")),
        (("-",), (2, "TASK_EMPTY")),
        (("x", "-f", "task.txt"), (2, "TASK_TWICE")),
        (("-f", "missing.txt"), (2, "TASK_UNREADABLE")),
        (("-f", "."), (2, "TASK_UNREADABLE")),
        (("-f", "binary"), (2, "TASK_UNREADABLE")),
        (("-f", "latin1"), (2, "TASK_UNREADABLE")),
        (("-f", "huge"), (2, "TASK_TOO_LONG")),
        (("x", "--task-type", "poetry"), (2, "TASK_TYPE_UNKNOWN")),
        (("x", "--task-type", "../../etc/passwd"), (2, "TASK_TYPE_UNKNOWN")),
        (("x", "--project-id", "  "), (2, "PROJECT_NAME")),
        (("x", "--project-id", "n" * 300), (2, "PROJECT_NAME")),
        (("x", "--timeout", "soon"), (2, "OPTION_INVALID")),
        (("x", "--max-turns", "0"), (2, "OPTION_INVALID")),
        (("x", "--sandbox", "none"), (2, "OPTION_INVALID")),
        (("x", "--executor", "claude"), (2, "OPTION_INVALID")),
        (("x", "--image", "missing.png"), (2, "PATH_MISSING")),
        (("x", "--recording", "missing.yaml", "--yes"), (6, "RECORDING_NOT_FOUND")),
        (("x", "--nonsense"), (2, "USAGE")),
        (("-v is broken",), (2, "USAGE")),
    ],
)
def test_words_that_make_no_sense_begin_no_run(
    crossrun: Crossrun, words: tuple[str, ...], expected: tuple[int, str]
) -> None:
    (crossrun.cwd / "task.txt").write_text("do it")
    (crossrun.cwd / "binary").write_bytes(b"\0\1\2")
    (crossrun.cwd / "latin1").write_bytes("café".encode("latin-1"))
    (crossrun.cwd / "huge").write_text("word " * 400_000)
    offline = () if "--executor" in words or "--recording" in words else OFFLINE
    result = crossrun("run", "--json", *offline, *words)

    assert error_of(result) == expected
    assert crossrun.json("runs")["runs"] == []
    assert not (crossrun.home / "workspaces").exists()


def test_a_task_with_a_dash_is_told_about_the_double_dash(crossrun: Crossrun) -> None:
    assert "crossrun run --" in crossrun("run", "-v is broken").err
    assert crossrun("run", *OFFLINE, "--", "-v is broken").code == 0


@pytest.mark.parametrize("word", ["resume", "help", "last", "runs"])
def test_a_task_may_be_any_word(crossrun: Crossrun, word: str) -> None:
    assert crossrun("run", word, *OFFLINE, "--json").json["task"] == word


def test_a_task_comes_from_a_file_or_from_standard_input(crossrun: Crossrun) -> None:
    (crossrun.cwd / "task.md").write_text("from a file: ü")
    from_file = crossrun("run", "-f", "task.md", *OFFLINE, "--json").json
    from_stdin = crossrun("run", "-", *OFFLINE, "--json", stdin="from stdin: ü").json

    assert (from_file["task"], from_stdin["task"]) == ("from a file: ü", "from stdin: ü")


def test_a_project_name_like_a_path_is_made_harmless(crossrun: Crossrun) -> None:
    run = crossrun("run", "x", *OFFLINE, "--project-id", "../../etc", "--json").json

    workspace = Path(run["workspace"]).resolve()
    assert run["project_id"] == "../../etc"
    assert workspace.is_relative_to((crossrun.home / "workspaces").resolve())
    assert (workspace / "duration.py").is_file()


@without_packaged_codex
def test_a_missing_codex_names_the_way_without_it(crossrun: Crossrun, tmp_path: Path) -> None:
    result = crossrun("run", "x", "--json", PATH=str(tmp_path))

    assert error_of(result) == (3, "CODEX_MISSING")
    assert "--offline" in result.err
    assert crossrun.json("runs")["runs"] == []


@pytest.mark.parametrize(
    ("says", "expected"),
    [("codex-cli 0.40.0", "CODEX_TOO_OLD"), ("hello", "CODEX_BROKEN"), ("", "CODEX_BROKEN")],
)
def test_a_codex_that_is_too_old_or_none_is_refused(
    crossrun: Crossrun, tmp_path: Path, says: str, expected: str
) -> None:
    fake = tmp_path / "codex"
    fake.write_text(f"#!/bin/sh\necho '{says}'\n")
    fake.chmod(0o755)

    assert error_of(crossrun("run", "x", "--json", CODEX_PATH=str(fake))) == (3, expected)


def test_without_git_no_run_begins(crossrun: Crossrun, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "env", "python3"):
        (programs / name).symlink_to(str(shutil.which(name)))
    result = crossrun("run", "x", *OFFLINE, "--json", PATH=str(programs))

    assert error_of(result) == (3, "GIT_MISSING")
    assert crossrun.json("runs")["runs"] == []


@pytest.mark.parametrize(
    "content", [b"this is no database, " * 60, b"SQLite format 3\0" + b"x" * 9000]
)
def test_a_store_that_is_not_sqlite_is_refused_and_left_alone(
    crossrun: Crossrun, content: bytes
) -> None:
    crossrun.home.mkdir(parents=True)
    database = crossrun.home / "crossrun.db"
    database.write_bytes(content)

    commands: list[tuple[str, ...]] = [("run", "x", *OFFLINE), ("runs",), ("show",)]
    for words in commands:
        code, name = error_of(crossrun(*words, "--json"))
        assert (code, name) in ((3, "STORE_INVALID"), (3, "STORE_DAMAGED"))
    assert database.read_bytes() == content


def test_another_programs_database_is_not_touched(crossrun: Crossrun) -> None:
    crossrun.home.mkdir(parents=True)
    database = crossrun.home / "crossrun.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    before = database.read_bytes()

    assert error_of(crossrun("run", "x", *OFFLINE, "--json")) == (3, "STORE_INVALID")
    assert database.read_bytes() == before


def test_a_newer_store_is_refused(crossrun: Crossrun) -> None:
    crossrun("migrate")
    connection = sqlite3.connect(crossrun.home / "crossrun.db")
    connection.execute("PRAGMA user_version = 9999")
    connection.execute("UPDATE compatibility SET oldest = 9999")
    connection.commit()
    connection.close()

    for words in (("run", "x", *OFFLINE), ("runs",)):
        assert error_of(crossrun(*words, "--json")) == (3, "STORE_NEWER")


def test_a_full_disk_is_told_and_earlier_runs_stay_readable(
    crossrun: Crossrun, small_disk: Path
) -> None:
    home = ("--home", str(small_disk))
    first = crossrun.json("run", "echo one", "--executor", "shell", *home)
    result = crossrun("run", "seq 1 200000", "--executor", "shell", "--json", *home)

    assert error_of(result) == (3, "DISK_FULL")
    assert crossrun.json("runs", *home)["runs"][-1] == without_version(first)


def test_a_disk_without_any_room_is_told(crossrun: Crossrun, small_disk: Path) -> None:
    home = ("--home", str(small_disk))
    crossrun.json("migrate", *home)
    for index in small_disk.glob("crossrun.db-shm"):
        index.unlink()
    fill(small_disk, leave=8_000)

    for words in (("runs",), ("run", "x", *OFFLINE)):
        assert error_of(crossrun(*words, "--json", *home)) == (3, "DISK_FULL")


def test_on_a_full_disk_no_artifact_is_kept_in_part(small_disk: Path) -> None:
    archive = Archives(small_disk / "artifacts", Redactor()).of("default", "k7f3abcd")
    line = b"x" * 9_999 + b"\n"
    archive.keep_line(line)
    filling = fill(small_disk, leave=4_096)
    with pytest.raises(OSError, match="No space left"):
        archive.keep_line(line)
    with pytest.raises(OSError, match="No space left"):
        archive.save("patch", "changes.patch", line)
    assert [file.name for file in archive_files(small_disk)] == ["transcript.jsonl"]
    filling.unlink()
    assert archive.save("patch", "changes.patch", line).size == len(line)
    archive.close_transcript()


def test_a_transcript_that_cannot_be_compressed_is_kept_as_it_is(small_disk: Path) -> None:
    archive = Archives(small_disk / "artifacts", Redactor()).of("default", "k7f3abcd")
    archive.keep_line(b"said\n")
    fill(small_disk, leave=0)
    saved = archive.close_transcript()
    assert saved is not None
    assert (saved.name, saved.size) == ("transcript.jsonl", 5)
    assert [file.name for file in archive_files(small_disk)] == ["transcript.jsonl"]


def archive_files(disk: Path) -> list[Path]:
    return sorted((disk / "artifacts" / "default" / "k7f3abcd").iterdir())


def test_a_read_only_home_is_told(crossrun: Crossrun, small_disk: Path) -> None:
    home = ("--home", str(small_disk))
    first = crossrun.json("run", "echo one", "--executor", "shell", *home)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    assert error_of(crossrun("run", "x", *OFFLINE, "--json", *home)) == (3, "HOME_UNWRITABLE")
    assert crossrun.json("show", *home) == first | {"applications": []}


def test_a_home_that_is_a_file_is_told(crossrun: Crossrun, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = crossrun("run", "x", *OFFLINE, "--json", "--home", str(tmp_path / "file"))

    assert error_of(result) == (3, "HOME_UNWRITABLE")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("show", "zzz"), (6, "RUN_NOT_FOUND")),
        (("show",), (6, "NO_RUNS")),
        (("watch", "zzz"), (6, "RUN_NOT_FOUND")),
        (("diff", "zzz"), (6, "RUN_NOT_FOUND")),
        (("steps", "zzz"), (6, "RUN_NOT_FOUND")),
        (("artifacts", "zzz"), (6, "RUN_NOT_FOUND")),
        (("artifacts", "get", "zzz-1"), (6, "ARTIFACT_NOT_FOUND")),
        (("projects", "show", "zzz"), (6, "PROJECT_NOT_FOUND")),
        (("projects", "set", "p", "task_type", "poetry"), (2, "TASK_TYPE_UNKNOWN")),
        (("projects", "set", "p", "colour", "red"), (2, "SETTING_UNKNOWN")),
        (("runs", "--status", "fine"), (2, "OPTION_INVALID")),
        (("runs", "--since", "yore"), (2, "OPTION_INVALID")),
        (("rnus",), (2, "USAGE")),
    ],
)
def test_what_is_not_there_is_told_with_its_exit_code(
    crossrun: Crossrun, words: tuple[str, ...], expected: tuple[int, str]
) -> None:
    result = crossrun(*words)
    assert result.code == expected[0]
    assert f"error[{expected[1]}]" in result.err
    assert result.out == ""


PATTERN = """\
pattern: 1
summary: Count the words
task: count
task_type: code
steps:
  - instruction: Count them
variables:
  input_file:
    type: path
    example: notes.txt
"""


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("pattern: 1", "pattern: 2", "line 1: format 2 is not known, only 1"),
        ("Count the words", "'Count  them'", "line 2: it has to be one line of plain text"),
        ("Count them", '"Count\\nthem"', "line 6: it has to be one line of plain text"),
        (
            "type: path",
            'type: "path\\n\\nCautions:"',
            "line 8: it has to be one line of plain text",
        ),
        ("notes.txt", "n" * 161, "line 8: it has 161 characters, 160 are allowed"),
        ("input_file", "Input", "line 8: 'Input' is not a name of lower-case letters"),
        ("task_type: code", "colour: red", "line 4: Object contains unknown field `colour`"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_told_with_its_line(
    crossrun: Crossrun, right: str, wrong: str, told: str
) -> None:
    (crossrun.cwd / "right.yaml").write_text(PATTERN)
    (crossrun.cwd / "wrong.yaml").write_text(PATTERN.replace(right, wrong))
    result = crossrun("patterns", "import", "wrong.yaml", "--json")

    assert error_of(result) == (2, "PATTERN_INVALID")
    assert result.json["error"]["message"].startswith(f"wrong.yaml, {told}")
    assert crossrun.json("patterns")["patterns"] == []
    assert crossrun.json("patterns", "import", "right.yaml")["summary"] == "Count the words"


def test_an_editor_that_cannot_be_started_leaves_nothing_behind(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    (crossrun.cwd / "right.yaml").write_text(PATTERN)
    crossrun.json("patterns", "import", "right.yaml")
    pattern = crossrun.json("patterns", "show")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    places = {"TMPDIR": str(temporary), "VISUAL": ""}
    for editor in ("missing-editor", "'unclosed"):
        result = crossrun("patterns", "edit", pattern["id"], "--json", EDITOR=editor, **places)
        assert error_of(result) == (2, "EDITOR_FAILED")
    assert list(temporary.iterdir()) == []
    assert crossrun.json("patterns", "show") == pattern


def test_an_unknown_command_of_a_group_names_the_nearest(crossrun: Crossrun) -> None:
    refused = crossrun("patterns", "exprot")
    assert (refused.code, "'crossrun patterns exprot'; did you mean export?" in refused.err) == (
        2,
        True,
    )
    assert crossrun("artifacts", "nope").code == 6


def test_an_unknown_run_names_the_nearest(crossrun: Crossrun) -> None:
    run = crossrun("run", "true", "--executor", "shell", "--json").json["id"]
    wrong = run[:-1] + ("2" if run[-1] != "2" else "3")

    assert run in crossrun("show", wrong).err


def test_a_broken_settings_file_is_told(crossrun: Crossrun) -> None:
    crossrun.home.mkdir(parents=True)
    (crossrun.home / "config.yaml").write_text("model: [unclosed")

    assert error_of(crossrun("runs", "--json")) == (3, "SETTINGS_UNREADABLE")


def test_global_options_stand_before_and_after_the_command(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    other = str(tmp_path / "other")
    for words in (["--home", other, "paths", "--json"], ["paths", "--json", "--home", other]):
        assert crossrun(*words).json["database"] == f"{other}/crossrun.db"
    for words in (
        ["-h"],
        ["run", "--help-all"],
        ["projects", "-h"],
        ["artifacts", "get", "--help"],
    ):
        shown = crossrun(*words)
        assert (shown.code, shown.err) == (0, "")
        assert "--no-color" in shown.out


def test_every_help_has_an_example(crossrun: Crossrun) -> None:
    from crossrun.cli import COMMANDS

    names = [name for section in COMMANDS.values() for name in section]
    for name in names:
        assert f"crossrun {name}" in crossrun(name, "--help").out.replace("Usage: crossrun", "")


def test_nothing_asks_without_a_terminal(crossrun: Crossrun) -> None:
    run = crossrun("run", "true", "--executor", "shell", "--json").json["id"]
    assert error_of(crossrun("run", "x", "--recording", run, "--json")) == (2, "CONSENT_NEEDED")


def test_a_reader_that_goes_away_is_no_error(crossrun: Crossrun) -> None:
    crossrun("run", "seq 1 50000", "--executor", "shell")
    words = " ".join(crossrun.command("steps"))
    piped = subprocess.run(
        ["/bin/sh", "-c", f"{words} | head -1"],
        env=crossrun.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (piped.stdout.split()[1:], piped.stdout.count("\n")) == (["asked"], 1)
    assert piped.stderr == ""


def test_python_m_crossrun_and_the_version(crossrun: Crossrun) -> None:
    assert crossrun("--version").out.startswith("crossrun 0.")
    assert sys.executable in crossrun.command()[0]


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("--source", "http://127.0.0.1/x.git"), "SOURCE_INVALID", 2),
        (("--recording", "session.yaml"), "RECORDING_NOT_FOUND", 6),
        (("--recording", "sessions/first"), "RECORDING_NOT_FOUND", 6),
        (("--recording", "k7f3"), "RUN_NOT_FOUND", 6),
    ],
)
def test_what_cannot_begin_leaves_no_run(
    crossrun: Crossrun, words: tuple[str, ...], code: str, exit_code: int
) -> None:
    result = crossrun("run", "x", *words, "--json")
    assert (result.code, error_of(result)[1]) == (exit_code, code)
    assert crossrun.json("runs")["runs"] == []


def test_errors_are_documented(crossrun: Crossrun) -> None:
    from crossrun.model.failures import FAILURES

    reference = Path(__file__).parent.parent / "docs" / "reference" / "errors.md"
    text = reference.read_text()
    assert [code for code in FAILURES if f"### {code}" not in text] == []
    _, code = error_of(crossrun("run", "", "--json"))
    assert f"### {code}" in text


def test_a_free_port_is_nobodys(crossrun: Crossrun) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    planned = ("run", "x", "--executor", "replay", "--planner", "openai", "--json")
    result = crossrun(*planned, OPENAI_API_KEY="sk-x", OPENAI_BASE_URL=address)

    assert result.code == 5
    assert json.loads(result.out)["failure"]["code"] == "PROVIDER_UNREACHABLE"
