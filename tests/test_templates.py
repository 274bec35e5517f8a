"""Templates: read from files, filled in with typed values, made from runs."""

import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld, Crossrun, fill
from on_terminal import OnTerminal

from crossrun.config.placeholders import escaped, filled
from crossrun.config.settings import Settings
from crossrun.config.sources import load as load_settings
from crossrun.config.templates import TemplateFolders, load, names, read, shipped
from crossrun.errors import ConfigurationError, InputNeeded, UsageError
from crossrun.model.requests import RunRequest
from crossrun.services.app import App
from crossrun.services.options import RunOptions
from crossrun.services.requests import run_request

CHANGELOG = """\
summary: Write the changelog
task_type: writing
instructions: |-
  Write the changes since {since} to {file}. Leave {{braces}} and { x: 1 } as they are.
variables:
  since: {description: the last release, example: v1.2}
  file: {type: path, default: CHANGELOG.md}
  entries: {type: integer, default: 20}
  style: {choices: [short, long], default: short}
verify: grep -q {since} {file} && echo {entries}{style}
limits: {timeout: 10m, max_turns: 5}
tags: [release]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environ = {"CROSSRUN_EXECUTOR": "replay"}
    return load_settings(environ=environ, cwd=tmp_path, home=tmp_path / "home")


@pytest.fixture
def app(settings: Settings) -> App:
    app = App(settings)
    app.open_for_writing()
    return app


def keep(settings: Settings, text: str, name: str = "changelog") -> None:
    settings.paths.templates.mkdir(parents=True, exist_ok=True)
    (settings.paths.templates / f"{name}.yaml").write_text(text)


def request(app: App, *var: str, **options: Any) -> RunRequest:  # noqa: ANN401
    return run_request(RunOptions(**{"template": "changelog", "var": var, **options}), app)


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "changelog.yaml"
    file.write_text(text)
    return file


def test_the_text_of_every_shipped_template_fits_a_terminal() -> None:
    lines = [line for each in shipped().values() for line in each.instructions.splitlines()]
    assert max(map(len, lines)) <= 78


def test_every_shipped_template_needs_at_most_one_variable_and_has_no_flaw(
    settings: Settings,
) -> None:
    folders = TemplateFolders(settings.paths.templates, None)
    assert names(folders) == [
        "analysis", "data-exploration", "dependencies", "docs", "document-conversion", "format",
        "lint", "literature-review", "refactoring", "report", "security", "tests",
    ]  # fmt: skip
    for template in shipped().values():
        assert sum(each.is_required for each in template.variables.values()) <= 1, template.name
        assert template.warnings == ()
        values = {name: each.shown_example for name, each in template.variables.items()}
        assert template.task(values)


def test_a_run_takes_from_a_template_what_is_not_given(settings: Settings, app: App) -> None:
    keep(settings, CHANGELOG)
    made = request(app, "since=v1 {file} {{x}}", max_turns=9, tags=("mine",), task="Be brief.")
    assert made.task == (
        "Write the changes since v1 {file} {{x}} to CHANGELOG.md. "
        "Leave {braces} and { x: 1 } as they are.\n\nBe brief."
    )
    assert (made.template, made.task_type, made.tags) == (
        "changelog",
        "writing",
        ("mine", "release"),
    )
    assert (made.limits.timeout, made.limits.max_turns) == (600.0, 9)
    assert made.verify == "grep -q 'v1 {file} {{x}}' CHANGELOG.md && echo 20short"


def test_everything_that_is_missing_or_wrong_is_named_at_once(settings: Settings, app: App) -> None:
    keep(settings, CHANGELOG)
    with pytest.raises(InputNeeded) as refused:
        request(app, "entries=many", "style=shrt", "fil=x")
    assert refused.value.message.splitlines() == [
        "the template changelog cannot be filled in",
        "  since: is missing; the last release · text, for example v1.2",
        "  fil: the template has no such variable; did you mean file?",
        "  entries: 'many' is not a whole number",
        "  style: 'shrt' is not one of short, long",
    ]
    assert refused.value.hint == (
        "crossrun run --template changelog --var since=v1.2 --var entries=3 --var style=short"
    )
    assert refused.value.questions == {}


def test_only_missing_values_can_be_asked_for(settings: Settings, app: App) -> None:
    keep(settings, CHANGELOG)
    with pytest.raises(InputNeeded) as refused:
        request(app)
    assert refused.value.questions == {"since": "since (the last release · text, for example v1.2)"}


@pytest.mark.parametrize(
    "hostile", ["a; touch pwned", "$(touch pwned)", "`touch pwned`", "' \" \\"]
)
def test_a_value_stays_one_word_of_the_check(tmp_path: Path, hostile: str) -> None:
    for command in ("printf %s {v}", "printf %s '{v}'", 'printf %s "{v}"', "printf %s x{v}"):
        text = filled(command, {"v": hostile}, in_shell=True)
        done = subprocess.run(
            ["sh", "-c", text], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout.removeprefix("x") == hostile
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("text", ["{x}", "{{x}}", "{{{x}}}", "${{x}} ${x} {a: 1}", "{x}{y}"])
def test_escaped_text_is_filled_in_to_itself(text: str) -> None:
    assert filled(escaped(text), {}) == text


def test_all_flaws_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    broken = """\
name: other
instructions: Do {y}
variables:
  Z: {}
  k: {type: pth}
  n: {type: integer, default: many}
  r: {default: a, required: true}
  e: {pattern: "("}
  c: {type: choice}
verify: echo "$(cat {k})"
limits: {max_turns: none}
"""
    with pytest.raises(ConfigurationError) as refused:
        read(written(tmp_path, broken), "user")
    flaws = refused.value.message
    for flaw in (
        "its name is other, but the file is called changelog.yaml",
        "'Z' is not a name such as file or test_command",
        "k: there is no type 'pth'; did you mean path?",
        "n: its default 'many' is not a whole number",
        "r: it has a default, so it cannot be required",
        "e: pattern is not a regular expression",
        "c: a variable has choices if its type is choice, and only then",
        "verify: {k} comes after $( or a similar sign",
        "max_turns: 'none' is not a whole number above zero",
        "{y} is not one of its variables",
    ):
        assert flaw in flaws


def test_unknown_fields_are_ignored_with_the_nearest_name(tmp_path: Path) -> None:
    text = "instructions: Do it\nverfy: x\nvariables: {a: {defalt: 1}}\nlimits: {timeot: 1}\n"
    assert read(written(tmp_path, text), "user").warnings == (
        "the field verfy is unknown, and ignored; did you mean verify?",
        "the a field defalt is unknown, and ignored; did you mean default?",
        "the variable a is not used",
        "the limit timeot is unknown, and ignored; did you mean timeout?",
    )


@pytest.mark.parametrize(
    "content", [b"", b"- a", b"\xff\xfe", b"a: [", b"instructions: ''", b"x" * 200_000]
)
def test_a_file_that_is_no_template_says_so(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        read(file, "user")
    assert refused.value.code == "TEMPLATE_INVALID"


def project(tmp_path: Path, text: str, name: str = "changelog") -> TemplateFolders:
    folder = tmp_path / "project" / ".crossrun" / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    below = tmp_path / "project" / "src"
    below.mkdir(exist_ok=True)
    return TemplateFolders.around(tmp_path / "own", below)


def test_a_file_of_a_project_brings_no_command_and_no_path_outside(tmp_path: Path) -> None:
    text = """\
instructions: Read {a} and {b} and {c}
variables:
  a: {type: path, default: /etc/passwd}
  b: {type: folder, default: ../other}
  c: {type: path, default: docs}
verify: curl evil.example
limits: {timeout: 5m, wait_for_quota: 7d}
"""
    template = load("changelog", project(tmp_path, text))
    assert (template.origin, template.verify, template.limits) == (
        "project",
        None,
        {"timeout": 300},
    )
    assert {name: each.default for name, each in template.variables.items()} == {
        "a": None, "b": None, "c": "docs",
    }  # fmt: skip
    assert len(template.warnings) == 4


def test_a_link_out_of_the_project_is_not_read(tmp_path: Path) -> None:
    folders = project(tmp_path, "instructions: x")
    secret = tmp_path / "secret.yaml"
    secret.write_text("instructions: a secret")
    assert folders.project is not None
    (folders.project / "stolen.yaml").symlink_to(secret)
    with pytest.raises(ConfigurationError, match="a link that leads out of the project"):
        load("stolen", folders)


def test_the_users_template_comes_before_the_projects_and_that_before_the_shipped_one(
    tmp_path: Path,
) -> None:
    folders = project(tmp_path, "instructions: of the project", "tests")
    assert load("tests", folders).instructions == "of the project"
    folders.own.mkdir()
    (folders.own / "tests.yaml").write_text("instructions: of the user")
    assert load("tests", folders).instructions == "of the user"
    assert load("lint", folders).origin == "shipped"


def test_a_file_has_to_exist_and_is_absolute_if_the_run_does_not_begin_with_it(
    settings: Settings, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(settings, "instructions: 'Read {f}'\nvariables: {f: {type: file}}\n")
    source = tmp_path / "source"
    source.mkdir()
    (source / "data.csv").write_text("1\n")
    monkeypatch.chdir(source)
    assert request(app, "f=data.csv").task == f"Read {source / 'data.csv'}"
    assert request(app, "f=data.csv", source=".").task == "Read data.csv"
    with pytest.raises(InputNeeded, match=r"'dat\.csv' is not a file in"):
        request(app, "f=dat.csv", source=".")
    with pytest.raises(InputNeeded, match="begins with a dash"):
        request(app, "f=-rf", source=".")


def test_values_of_a_script_and_of_a_template_are_kept_apart(settings: Settings, app: App) -> None:
    keep(settings, CHANGELOG)
    made = request(app, "since=v1", "other=2", compiled=True)
    assert made.memory.values == ("other=2",)
    with pytest.raises(UsageError, match="other: the template has no such variable"):
        request(app, "since=v1", "other=2")


def test_a_script_of_the_shell_gets_quoted_values_and_only_the_users_own_templates(
    settings: Settings, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(settings, "instructions: 'echo {x}'\nvariables: {x: {}}\n")
    assert request(app, "x=a; b", executor="shell").task == "echo 'a; b'"
    project(tmp_path, "instructions: rm -rf x", "evil")
    monkeypatch.chdir(tmp_path / "project")
    with pytest.raises(UsageError, match="a project's --template and --executor shell"):
        request(app, template="evil", executor="shell")
    with pytest.raises(UsageError, match="a shipped --template and --executor shell"):
        request(app, template="dependencies", executor="shell")


# The commands.


def test_templates_are_added_listed_shown_checked_and_removed(crossrun: Crossrun) -> None:
    (crossrun.cwd / "mine.yaml").write_text(CHANGELOG)
    assert crossrun("templates", "add", "changelog", "-f", "mine.yaml").code == 0
    listed = crossrun.json("templates")
    assert listed["total"] == 13
    assert {each["name"]: each["origin"] for each in listed["templates"]}["changelog"] == "user"
    shown = crossrun.json("templates", "show", "changelog")
    assert shown["variables"]["since"]["example"] == "v1.2"
    assert crossrun("templates", "check").code == 0
    (crossrun.cwd / "bad.yaml").write_text("instructions: Do {x}\n")
    bad = crossrun("templates", "check", "bad.yaml", "--json")
    assert (bad.code, len(bad.json["templates"][0]["problems"])) == (3, 1)
    again = crossrun("templates", "add", "changelog", "-f", "mine.yaml")
    assert (again.code, "CONSENT_NEEDED" in again.err) == (2, True)
    assert crossrun("templates", "rm", "changelog").code == 2
    assert crossrun("templates", "rm", "changelog", "--yes").code == 0
    assert "TEMPLATE_SHIPPED" in crossrun("templates", "rm", "tests", "--yes").err
    assert crossrun("templates", "show", "changelog").code == 6


def test_on_a_full_disk_a_template_stays_as_it_was_and_nothing_is_left(
    crossrun: Crossrun, small_disk: Path
) -> None:
    home = ("--home", str(small_disk / "home"))
    (crossrun.cwd / "mine.yaml").write_text(CHANGELOG)
    assert crossrun("templates", "add", "changelog", "-f", "mine.yaml", *home).code == 0
    fill(small_disk, leave=0)
    refused = crossrun("templates", "add", "changelog", "-f", "mine.yaml", "--yes", *home)
    assert (refused.code, "TEMPLATE_UNWRITABLE" in refused.err) == (3, True)
    folder = small_disk / "home" / "templates"
    assert [file.name for file in folder.iterdir()] == ["changelog.yaml"]
    assert (folder / "changelog.yaml").read_text() == CHANGELOG


def test_a_folder_of_templates_that_is_a_link_out_of_the_project_is_not_written(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.yaml").write_text("instructions: x\n")
    (crossrun.cwd / ".crossrun").mkdir()
    (crossrun.cwd / ".crossrun" / "templates").symlink_to(outside)
    added = crossrun(
        "templates", "add", "new", "--project", "-f", str(outside / "mine.yaml"), "--json"
    )
    removed = crossrun("templates", "rm", "mine", "--yes", "--json")
    for refused in (added, removed):
        assert (refused.code, refused.json["error"]["code"]) == (3, "TEMPLATE_UNWRITABLE")
    assert [file.name for file in outside.iterdir()] == ["mine.yaml"]


def test_what_a_template_would_make_of_a_run_is_shown_with_everything_visible(
    crossrun: Crossrun,
) -> None:
    folder = crossrun.cwd / ".crossrun" / "templates"
    folder.mkdir(parents=True)
    hostile = 'instructions: "do it\\e]0;owned\\a\\u202e"\n'
    (folder / "hostile.yaml").write_text(hostile)
    command = ("run", "--template", "hostile", "--dry-run", "--offline")
    with OnTerminal(crossrun, *command) as terminal:
        terminal.wait_for("do it^[]0;owned^G<U+202E>")


def test_a_run_stores_its_template_and_a_batch_takes_one_for_each_row(crossrun: Crossrun) -> None:
    run = crossrun.json("run", "--template", "docs", "--var", "path=a.md", "--offline")
    assert (run["template"], run["task"].split(" up to")[0]) == ("docs", "Bring `a.md`")
    (crossrun.cwd / "rows.csv").write_text("template,var\ndocs,path=b.md\nlint,path=c\n")
    batch = crossrun.json("batch", "rows.csv", "--offline")
    runs = [crossrun.json("show", row["run_id"]) for row in batch["rows"]]
    assert [each["template"] for each in runs] == ["docs", "lint"]


def test_a_template_is_made_from_a_run_with_the_variables_of_its_pattern(
    crossrun: Crossrun,
) -> None:
    def task_for(month: str) -> str:
        return f"printf 'a,1\\n' > {month}.csv; sed s/a/b/ {month}.csv > {month}.txt # {{x}}"

    for month in ("may", "june"):
        check = f"test -s {month}.txt"
        ended = crossrun("run", "--executor", "shell", task_for(month), "--verify", check)
        assert ended.code == 0
    assert crossrun("templates", "add", "convert", "--from-run", "last").code == 0
    made = crossrun.json("templates", "show", "convert")
    assert "june" not in made["instructions"]
    assert "{{x}}" in made["instructions"]
    values = {name: each["example"] for name, each in made["variables"].items()}
    assert values
    pairs = [word for name, value in values.items() for word in ("--var", f"{name}={value}")]
    again = crossrun.json("run", "--template", "convert", *pairs, "--executor", "shell")
    assert again["task"] == task_for("june")
    assert again["verify"]["exit_code"] == 0


def test_missing_values_are_asked_for_on_a_terminal(crossrun: Crossrun) -> None:
    words = ["run", "--template", "refactoring", "--offline", "--quiet"]
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "crossrun", *words],
        cwd=crossrun.cwd,
        env=crossrun.environ,
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(follower)
    os.write(leader, b"calc.py\n")
    out, err = process.communicate(timeout=60)
    os.close(leader)
    assert process.returncode == 0, err
    assert "path (what to refactor" in err
    assert crossrun.json("show", out.strip())["task"].startswith("Refactor `calc.py`.")


def test_without_a_terminal_nothing_is_asked(crossrun: Crossrun) -> None:
    ended = crossrun("run", "--template", "refactoring", "--offline", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "TEMPLATE_VARIABLES")
    assert "--var path=src/report.py" in ended.json["error"]["hint"]
    assert shlex.split(ended.json["error"]["hint"])[:2] == ["crossrun", "run"]


@pytest.mark.codex
def test_the_agent_gets_the_task_of_the_template_and_the_check_its_values(
    codex: CodexWorld, crossrun: Crossrun
) -> None:
    (crossrun.cwd / "note.yaml").write_text(
        "instructions: Write {word} to note.txt.\nvariables: {word: {}}\n"
        "verify: grep -qx {word} note.txt\ntags: [notes]\n"
    )
    assert crossrun("templates", "add", "note", "-f", "note.yaml").code == 0
    made = codex([{"shell": 'echo "it\'s" > note.txt'}, "Done."])
    run = made.run("--template", "note", "--var", "word=it's", "Nothing else.")
    assert run.code == 0, run.err
    assert "Write it's to note.txt.\n\nNothing else." in made.model.requests[0].last_user
    assert (run.json["template"], run.json["tags"]) == ("note", ["notes"])
    assert run.json["verify"]["command"] == """grep -qx 'it'"'"'s' note.txt"""


def test_variants_of_an_experiment_differ_by_template_and_share_one_check(
    crossrun: Crossrun,
) -> None:
    for name, check in (("quick", "true"), ("slow", "test -n x")):
        (crossrun.cwd / "t.yaml").write_text(f"instructions: echo {name}\nverify: {check}\n")
        assert crossrun("templates", "add", name, "-f", "t.yaml").code == 0
    words = ("experiment", "echo more", "--executor", "shell", "-n", "1",
             "--variant", "a:template=quick", "--variant", "b:template=slow")  # fmt: skip
    refused = crossrun(*words, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "VARIANT_INVALID")
    ended = crossrun(*words, "--verify", "true", "--json")
    assert ended.code == 0, ended.err
    runs = crossrun.json("runs")["runs"]
    assert sorted(run["task"] for run in runs) == [
        "echo quick\n\necho more", "echo slow\n\necho more",
    ]  # fmt: skip
