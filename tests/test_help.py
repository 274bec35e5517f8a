"""Help: grouped by what people do, short at first, right at every width."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import command_tree
import pytest
from conftest import Crossrun

from crossrun.cli import COMMANDS, root
from crossrun.cli.globals import Globals
from crossrun.cli.help_layout import has_short_help
from crossrun.cli.pages import error_sections, pages, with_topics

MANUAL = Path(__file__).parent.parent / "docs" / "man"
MOST_IN_SHORT = 12
"""Options of `run` that its short help shows."""


def contexts(
    command: click.Command, parent: click.Context | None = None
) -> Iterator[click.Context]:
    """A context for each command and sub-command."""
    context = command.context_class(
        command,
        parent=parent,
        info_name=command.name if parent else "crossrun",
        obj=Globals(),
        max_content_width=100,
        help_option_names=["-h", "--help"],
    )
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from contexts(below, context)


@pytest.fixture(scope="module")
def everything() -> list[click.Context]:
    return list(contexts(root()))


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_of_any_help_is_wider_than_the_terminal(
    everything: list[click.Context], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    too_wide = [
        line
        for context in everything
        for line in context.get_help().splitlines()
        if len(line) > min(width, 100) and " | " not in line
    ]
    assert too_wide == []


def test_an_example_that_is_too_wide_is_continued_so_that_it_can_be_copied(
    crossrun: Crossrun,
) -> None:
    shown = crossrun("run", "--help", COLUMNS="60").out
    assert '  crossrun run "Add a --json flag to report.py" \\\n      --verify' in shown
    whole = shown.replace(" \\\n     ", "")
    assert 'crossrun run "Add a --json flag to report.py" --verify "pytest -q" --apply\n' in whole


def test_short_help_shows_the_few_options_that_matter_and_where_the_others_are(
    crossrun: Crossrun,
) -> None:
    short, whole = crossrun("run", "--help").out, crossrun("run", "--help-all").out
    options = [line for line in short.splitlines() if line.strip().startswith("-")]

    assert 8 <= len(options) - 1 <= MOST_IN_SHORT
    assert "--idle-timeout" not in short
    assert "more options: crossrun run --help-all" in short
    assert "--idle-timeout" in whole
    assert "more options" not in whole


def test_options_are_grouped_and_the_global_ones_come_last(crossrun: Crossrun) -> None:
    shown = crossrun("run", "--help-all").out
    headings = [line[:-1] for line in shown.splitlines() if line.endswith(":") and line[0] != " "]

    assert headings[:3] == ["Examples", "Arguments", "What to do"]
    assert headings[-3:] == ["Output", "Global options", "Values"]


def test_every_option_of_a_command_with_a_short_help_is_in_a_group(
    everything: list[click.Context],
) -> None:
    shared = {
        param.name for context in everything if context.command.name == "run"
        for param in context.command.params
        if isinstance(param, click.Option) and not getattr(param, "rich_help_panel", None)
    }  # fmt: skip
    assert shared == set()
    assert any(has_short_help(context.command) for context in everything)


def test_the_sections_of_the_whole_help_have_every_command_once(crossrun: Crossrun) -> None:
    shown = crossrun("--help").out
    for section, commands in COMMANDS.items():
        assert f"\n{section}:\n" in shown
        for name in commands:
            assert shown.count(f"\n  {name} ") == 1


def test_help_has_colours_only_where_they_are_allowed(crossrun: Crossrun) -> None:
    coloured = crossrun("runs", "--help", FORCE_COLOR="1").out
    assert "\x1b[1mOptions:\x1b[0m" in coloured
    for words, env in (
        (("runs", "--help"), {}),
        (("runs", "--help"), {"FORCE_COLOR": "1", "NO_COLOR": "1"}),
        (("runs", "--help", "--no-color"), {"FORCE_COLOR": "1"}),
    ):
        assert "\x1b" not in crossrun(*words, **env).out


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (("-V",), ("--version",)),
        (("runs", "-n", "1", "-p", "default"), ("runs", "--limit", "1", "--project-id", "default")),
    ],
)
def test_short_forms_mean_the_long_ones(
    crossrun: Crossrun, short: tuple[str, ...], long: tuple[str, ...]
) -> None:
    crossrun("run", "true", "--executor", "shell", "-q", "-y")
    assert crossrun(*short).out == crossrun(*long).out != ""


def test_help_explains_error_codes_topics_and_commands(crossrun: Crossrun) -> None:
    code = crossrun("help", "store_damaged")
    assert code.out.startswith("# STORE_DAMAGED\n\nExit code 3. ")
    assert "### " not in code.out
    assert crossrun("help", "pattern-memory").out.startswith("# Work with pattern memory\n")
    assert "<!--" not in crossrun("help", "skills").out
    shown = crossrun("help", "patterns", "show").out
    assert shown == crossrun("patterns", "show", "--help-all").out


def test_every_error_code_and_every_page_has_an_explanation(crossrun: Crossrun) -> None:
    listed = crossrun.json("help")
    assert {topic["name"] for topic in listed["topics"]} == set(pages())
    assert set(error_sections()) >= {"USAGE", "INTERNAL", "STORE_DAMAGED", "CODEX_MISSING"}
    assert all("What to do: " in section for section in error_sections().values())


def test_a_topic_that_does_not_exist_has_a_suggestion(crossrun: Crossrun) -> None:
    result = crossrun("help", "patern-memory", "--json")
    assert (result.code, result.json["error"]["code"]) == (6, "TOPIC_NOT_FOUND")
    assert "did you mean pattern-memory?" in result.json["error"]["message"]
    assert result.json["error"]["docs_url"] == "crossrun help TOPIC_NOT_FOUND"


def test_links_between_pages_become_topics() -> None:
    text = "See [the proof](../explanation/proof.md#x), [proof](proof.md), [site](https://a.b)."
    assert with_topics(text) == (
        "See the proof (`crossrun help proof`), proof, [site](https://a.b)."
    )


def test_the_manual_pages_are_up_to_date() -> None:
    written = {file.name: file.read_text() for file in MANUAL.glob("*")}
    assert written == command_tree.man_pages(), "run docs/generate_reference.py"


@pytest.mark.process
def test_the_manual_pages_are_sound() -> None:
    mandoc = shutil.which("mandoc")
    if mandoc is None:
        pytest.skip("no mandoc")
    checked = subprocess.run(
        [mandoc, "-T", "lint", "-W", "warning", *sorted(MANUAL.glob("*.1"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout == ""


def test_a_manual_page_has_the_purpose_the_options_and_the_examples() -> None:
    page = (MANUAL / "crossrun-run.1").read_text()
    assert r"crossrun\-run \- have an agent carry out a task" in page
    for part in (".SH SYNOPSIS", ".SH LIMITS AND CHECKS", r"\-\-idle\-timeout TIME", r'run "Plot'):
        assert part in page
    assert r"crossrun\-run (1)" in (MANUAL / "crossrun.1").read_text()
