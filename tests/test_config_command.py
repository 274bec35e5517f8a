"""`crossrun config`: what applies, where it comes from, and changes that keep the file."""

import json
import re
import stat
import sys
from pathlib import Path

import pytest
from conftest import Crossrun
from test_views import in_terminal

from crossrun.config.editing import line_of, set_value, unset_value
from crossrun.config.settings import DEFAULTS, SETTINGS
from crossrun.config.sources import load
from crossrun.errors import CrossrunError

FILE = """\
# my settings
model: "gpt-5"   # the fast one

# limits
timeout: 2h
codex:
    # where it is
    path: /opt/codex
# about patterns
patterns:
    holdout: 30%
    # after the holdout
    scope: 'user'

# the end
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    return path


def changed(file: Path) -> tuple[set[str], set[str]]:
    """The lines that are gone, and the new ones."""
    before, after = FILE.splitlines(), file.read_text().splitlines()
    return set(before) - set(after), set(after) - set(before)


@pytest.mark.parametrize(
    ("key", "value", "gone", "new"),
    [
        ("model", "gpt-6", {FILE.splitlines()[1]}, {'model: "gpt-6"   # the fast one'}),
        ("timeout", "90", {"timeout: 2h"}, {"timeout: 90"}),
        ("patterns.scope", "project", {"    scope: 'user'"}, {"    scope: 'project'"}),
        ("patterns.max_steps", "5", set(), {"    max_steps: 5"}),
        ("cleanup.keep_last", "3", set(), {"cleanup:", "    keep_last: 3"}),
        ("project_id", "007", set(), {'project_id: "007"'}),
        ("project_id", "no", set(), {'project_id: "no"'}),
        ("project_id", "1:30", set(), {'project_id: "1:30"'}),
        ("verify", "make: all # x", set(), {'verify: "make: all # x"'}),
        ("network", "on", set(), {"network: true"}),
        (
            "prices",
            '{"gpt": {"input": 1, "output": 2}}',
            set(),
            {"prices:", "    gpt: {input: 1, output: 2}"},
        ),
        (
            "prices",
            "{gpt: {input: 1, output: 2}}",
            set(),
            {"prices:", "    gpt: {input: 1, output: 2}"},
        ),
    ],
)
def test_a_setting_is_changed_and_everything_else_stays(
    file: Path, key: str, value: str, gone: set[str], new: set[str]
) -> None:
    set_value(file, key, value)
    assert changed(file) == (gone, new)
    assert file.read_text().endswith("\n# the end\n")
    read = load(environ={"CROSSRUN_HOME": str(file.parent)}, cwd=file.parent)
    assert read.places[key] == str(file)
    assert read.project_id in ("default", value)


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        ("model", {FILE.splitlines()[1]}),
        ("timeout", {"timeout: 2h"}),
        ("codex.path", {"codex:", "    # where it is", "    path: /opt/codex"}),
        ("patterns.holdout", {"    holdout: 30%"}),
        ("patterns.scope", {"    scope: 'user'"}),
    ],
)
def test_a_setting_is_removed_and_the_comments_around_it_stay(
    file: Path, key: str, gone: set[str]
) -> None:
    assert unset_value(file, key)
    assert changed(file) == (gone, set())
    assert not unset_value(file, key)


def test_a_file_without_any_setting_left_keeps_its_comments(file: Path) -> None:
    for key in ("model", "timeout", "codex.path", "patterns.holdout", "patterns.scope"):
        assert unset_value(file, key)
    comments = [line.strip() for line in file.read_text().splitlines() if line.strip()]
    assert comments[0] == "# my settings"
    assert comments[-1] == "# the end"
    set_value(file, "model", "x")
    assert "\nmodel: x\n" in file.read_text()


@pytest.mark.parametrize("text", ["", "# only a comment", "---\n", "codex:\n", "a.b: 1\r\n"])
def test_a_setting_is_added_to_a_file_with_nothing_in_it(file: Path, text: str) -> None:
    file.write_bytes(text.encode())
    set_value(file, "codex.path", "/x")
    assert "path: /x" in file.read_text()
    assert text.strip() in file.read_bytes().decode()
    assert ("\r\n" in text) == (b"\r\n" in file.read_bytes())


@pytest.mark.parametrize("key", list(SETTINGS))
def test_every_setting_can_be_set_and_removed(tmp_path: Path, key: str) -> None:
    value = {
        "timeout": "5m", "wait_for_quota": "1h", "cleanup.older_than": "7d", "max_cost": "1.5",
        "cleanup.max_size": "5GB", "prices": '{"m": {"input": 1, "output": 2}}',
        "require_proof": "checked", "patterns.holdout": "25%",
        "notify.webhook": "https://example.org/hook",
    }.get(key, "7")  # fmt: skip
    default = DEFAULTS[key]
    if isinstance(default, bool):
        value = "true"
    elif isinstance(default, str) and key not in ("project_id", "planner_model"):
        value = default
    elif isinstance(default, float) and key != "patterns.holdout":
        value = "10m"
    file = tmp_path / "config.yaml"
    set_value(file, key, value)
    settings = load(environ={"CROSSRUN_HOME": str(tmp_path)}, cwd=tmp_path)
    assert settings.origins[key] == "user file"
    assert line_of(file, key) in (1, 2)
    assert unset_value(file, key)


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_turns", "0"), ("timeout", "soon"), ("network", "maybe"), ("prices", "[1]"),
     ("planner", "swarm"), ("patterns.holdout", "200%")],
)  # fmt: skip
def test_an_invalid_value_is_refused_before_anything_is_written(
    file: Path, key: str, value: str
) -> None:
    with pytest.raises(CrossrunError) as refused:
        set_value(file, key, value)
    assert refused.value.code == "SETTING_VALUE"
    assert key in refused.value.message
    assert file.read_text() == FILE


def test_a_name_that_stands_twice_is_refused(file: Path) -> None:
    file.write_text("model: a\nmodel: b\n")
    with pytest.raises(CrossrunError) as refused:
        set_value(file, "timeout", "5m")
    assert refused.value.message.endswith("line 2: there is a name that is used twice")


def test_a_linked_file_stays_a_link_and_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "crossrun.yaml"
    target.parent.mkdir()
    target.write_text("model: a\n")
    target.chmod(0o640)
    link = tmp_path / "config.yaml"
    link.symlink_to(target)
    set_value(link, "model", "b")
    assert link.is_symlink()
    assert target.read_text() == "model: b\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert list(target.parent.iterdir()) == [target]


def test_a_new_file_is_only_for_its_owner(crossrun: Crossrun) -> None:
    assert crossrun("config", "set", "max_turns", "3").code == 0
    file = crossrun.home / "config.yaml"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("max_turns: 3\n", 0o600)


def test_show_names_file_and_line_or_variable_of_each_value(crossrun: Crossrun) -> None:
    crossrun("config", "set", "max_turns", "3")
    crossrun("config", "set", "--project", "patterns.scope", "project")
    shown = crossrun("config", "show", "--origin", "max_turns", "patterns.scope", "model",
                     CROSSRUN_MODEL="m", HOME="/nowhere")  # fmt: skip
    rows = [line.split() for line in shown.out.splitlines()]
    assert rows == [
        ["SETTING", "VALUE", "ORIGIN"],
        ["max_turns", "3", f"{crossrun.home / 'config.yaml'}:1"],
        ["patterns.scope", "project", f"{crossrun.cwd / '.crossrun.yaml'}:2"],
        ["model", "m", "CROSSRUN_MODEL"],
    ]


def test_show_says_of_keys_only_whether_they_are_set(crossrun: Crossrun) -> None:
    crossrun.environ["OPENAI_API_KEY"] = "sk-very-secret"
    shown = crossrun.json("config", "show")
    assert shown["keys"] == [
        {"name": "OPENAI_API_KEY", "is_set": True},
        {"name": "CODEX_API_KEY", "is_set": False},
    ]
    assert shown["total"] == len(SETTINGS)
    text = crossrun("config")
    assert [line.split() for line in text.out.splitlines()][-2:] == [
        ["OPENAI_API_KEY", "set"],
        ["CODEX_API_KEY", "not", "set"],
    ]
    assert "sk-very-secret" not in text.out + json.dumps(shown)


def test_get_prints_what_set_accepts(crossrun: Crossrun) -> None:
    for key, value in (("idle_timeout", "30m"), ("cleanup.max_size", "5GB"), ("network", "true")):
        assert crossrun("config", "set", key, value).code == 0
        assert crossrun("config", "get", key).out == f"{value}\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("config", "get", "max_turn"), "SETTING_UNKNOWN", "did you mean max_turns?"),
        (("config", "show", "patern"), "SETTING_UNKNOWN", "there is no setting 'patern'"),
        (("config", "set", "modle", "x"), "SETTING_UNKNOWN", "did you mean model?"),
        (("config", "set", "--project", "verify", "make"), "SETTING_NOT_FOR_PROJECTS", "verify"),
        (("config", "set", "max_turns", "x"), "SETTING_VALUE", "max_turns: 'x' is not a whole"),
    ],
)
def test_what_cannot_be_set_is_a_usage_error(
    crossrun: Crossrun, words: tuple[str, ...], code: str, message: str
) -> None:
    result = crossrun(*words, "--json")
    assert (result.code, result.json["error"]["code"]) == (2, code)
    assert message in result.json["error"]["message"]
    assert result.json["error"]["hint"]


def test_set_says_if_another_source_takes_precedence(crossrun: Crossrun) -> None:
    result = crossrun("config", "set", "model", "a", CROSSRUN_MODEL="b")
    assert (
        result.err.splitlines()[-1] == "note: CROSSRUN_MODEL also sets model and takes precedence"
    )


def editor(folder: Path, script: str) -> str:
    """An editor that is a script of Python, in which `file` is the file to edit."""
    program = folder / "editor.py"
    program.write_text(f"import sys, pathlib\nfile = pathlib.Path(sys.argv[-1])\n{script}\n")
    return f"{sys.executable} {program}"


def test_edit_saves_what_is_valid(crossrun: Crossrun, tmp_path: Path) -> None:
    program = editor(tmp_path, "file.write_text(file.read_text() + 'max_turns: 4\\n')")
    result = crossrun("config", "edit", EDITOR=program)
    assert result.code == 0, result.err
    assert crossrun("config", "get", "max_turns").out == "4\n"


def test_edit_repairs_a_broken_file(crossrun: Crossrun, tmp_path: Path) -> None:
    file = crossrun.home / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("max_turns: [1\n")
    assert crossrun("runs").code == 3
    program = editor(tmp_path, "file.write_text(file.read_text().replace('[', ''))")
    assert crossrun("config", "edit", VISUAL=program, EDITOR="false").code == 0
    assert crossrun("config", "get", "max_turns").out == "1\n"


def test_edit_keeps_what_is_invalid_beside(crossrun: Crossrun, tmp_path: Path) -> None:
    crossrun("config", "set", "max_turns", "3")
    program = editor(tmp_path, "file.write_text('max_turns: many\\n')")
    result = crossrun("config", "edit", EDITOR=program)
    assert result.code == 3
    assert (crossrun.home / "config.yaml").read_text() == "max_turns: 3\n"
    draft = Path(result.err.split("your text is in ")[1].strip())
    assert draft.read_text() == "max_turns: many\n"


def test_a_misspelt_field_of_a_task_type_is_a_warning_of_the_run(crossrun: Crossrun) -> None:
    folder = crossrun.home / "task_types"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("title: Mine\nagnet: Be kind.\n")
    words = ("run", "true", "--executor", "shell", "--task-type", "mine")
    result = crossrun(*words)
    message = "task type mine: unknown field agnet; did you mean agent?"
    assert (result.code, message in result.err) == (0, True), result.err
    assert [e["message"] for e in crossrun.events() if e["type"] == "warned"] == [message]
    assert f"warning: {message}" in crossrun(*words, "--dry-run").err


def test_set_is_safe_beside_others(crossrun: Crossrun) -> None:
    keys = ["max_turns", "max_tokens", "patterns.max_steps", "runs.max_parallel"]
    started = [crossrun.start("config", "set", key, "5") for key in keys]
    assert [process.communicate()[1] and process.returncode for process in started] == [0] * 4
    values = [crossrun("config", "get", key).out for key in keys]
    assert values == ["5\n"] * 4
    assert [path.name for path in crossrun.home.iterdir()] == ["config.yaml"]


def test_the_columns_stand_below_their_titles_in_colour_too(crossrun: Crossrun) -> None:
    crossrun("config", "set", "max_turns", "30")
    shown = in_terminal(crossrun, "config", "show", "--origin", columns=120)
    assert "\x1b[" in shown
    header, *rows = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
    starts = [match.start() for match in re.finditer(r"\S+", header)]
    turns = next(row for row in rows if row.startswith("max_turns"))
    assert [match.start() for match in re.finditer(r"\S+", turns)] == starts
