"""The documents say what the program does: commands, links, error codes and reference pages."""

import ast
import contextlib
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import msgspec
import pytest
from conftest import Crossrun
from test_layers import LAYERS

from crossrun import errors
from crossrun.cli import root
from crossrun.cli.globals import Globals
from crossrun.cli.groups import GroupWithDefault
from crossrun.config import templates
from crossrun.config.tasktypes import SHIPPED, load
from crossrun.model.failures import FAILURES
from crossrun.model.runs import Application, Decided, Run
from crossrun.model.workflows import Pattern, Stats, Workflow
from crossrun.patterns.evaluation.credit import Credit
from crossrun.patterns.learning import extractors as finders

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "crossrun"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
REFERENCE = ROOT / "docs" / "reference"
ERRORS = REFERENCE / "errors.md"

_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(crossrun [^`]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_OPERATOR = re.compile(r"[();<>|&]+")


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def blocks(document: Path, language: str) -> Iterator[str]:
    for found, content in _BLOCK.findall(document.read_text()):
        if found == language:
            yield content.replace("\\\n", " ")


def shell_lines(document: Path) -> Iterator[str]:
    """What a reader would type: shell blocks, prompts of consoles, commands within the text."""
    for block in blocks(document, "sh"):
        yield from block.splitlines()
    for block in blocks(document, "console"):
        yield from (line.removeprefix("$ ") for line in block.splitlines() if line[:2] == "$ ")
    yield from _INLINE.findall(_BLOCK.sub("", document.read_text()))


def commands(line: str) -> Iterator[list[str]]:
    """The arguments of each call of crossrun in a line of shell."""
    for quoted in re.findall(r'"\$\((crossrun [^)]*)\)', line):
        yield from commands(quoted)
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] | None = None
    for token in [*lexer, ";"]:
        if _OPERATOR.fullmatch(token):
            if words is not None:
                yield words
            words = None
        elif words is not None:
            words.append(token)
        elif token.rsplit("/", 1)[-1] == "crossrun":
            words = []


def named_commands() -> list[Any]:
    return [
        pytest.param(words, id=f"{name_of(document)}: {' '.join(words)[:70]}")
        for document in DOCUMENTS
        for line in shell_lines(document)
        for words in commands(line)
    ]


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Parses words as the program would; carries nothing out.

    Raises:
        click.UsageError: there is no such command, option or argument.
    """
    if isinstance(command, click.Group):
        context = click.Context(command, info_name="crossrun", parent=parent, obj=Globals())
        known = command.list_commands(context)
        if isinstance(command, GroupWithDefault) and words[:1] not in [[name] for name in known]:
            words = [command.default_for(words), *words]
        if words and not words[0].startswith("-"):
            _, below, others = command.resolve_command(context, words)
            assert below is not None
            parse(below, others, context)
            return
    with contextlib.suppress(click.exceptions.Exit):  # --help and --version end the program
        command.make_context(command.name or "crossrun", list(words), parent=parent, obj=Globals())


def test_documents_name_commands_at_all() -> None:
    assert len(named_commands()) > 100


@pytest.mark.parametrize("words", named_commands())
def test_every_named_command_and_option_exists(words: list[str]) -> None:
    parse(root(), words)


@pytest.mark.parametrize(
    "line",
    [
        "crossrun revert k7f3",
        "id=$(crossrun run x --no-such) || exit",
        "crossrun runs --jsonl | jq .",
        "crossrun projects drop x",
        "crossrun show a b",
        'cat "$(crossrun paths --nowhere)"',
    ],
)
def test_a_wrong_command_would_be_noticed(line: str) -> None:
    (words,) = commands(line)

    with pytest.raises(click.UsageError):
        parse(root(), words)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "generate_reference", ROOT / "docs" / "generate_reference.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.process
def test_generated_pages_are_up_to_date() -> None:
    pages = generator().pages()

    assert set(pages) == {"commands.md", "events.md", "options.md", "settings.md"}
    for name, text in pages.items():
        written = (REFERENCE / name).read_text()
        if made_with(written) == made_with(text):
            assert written == text, "run docs/generate_reference.py"
        else:
            assert names(written) == names(text), "run docs/generate_reference.py"


def test_the_shipped_task_types_are_those_of_the_yaml_files() -> None:
    assert SHIPPED.read_bytes() == generator().shipped_task_types(), (
        "run docs/generate_reference.py"
    )


def test_the_shipped_templates_are_those_of_the_yaml_files() -> None:
    assert templates.SHIPPED.read_bytes() == generator().shipped_templates(), (
        "run docs/generate_reference.py"
    )


def made_with(page: str) -> list[str]:
    """The versions of click and typer, which lay help out: not every user has the same ones."""
    return re.findall(r"^<!-- click .+ -->$", page, re.MULTILINE)


def names(page: str) -> list[str]:
    """What a page of help names, however it is laid out."""
    return re.findall(r"^#+ .+$|^ +(?:-\w, )?--[\w-]+", page, re.MULTILINE)


def headings(document: Path) -> list[str]:
    text = _BLOCK.sub("", document.read_text())
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """The anchors of headings, as GitHub makes them."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings(document))
    return {word.replace(" ", "-") for word in words}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_between_documents_resolve(document: Path) -> None:
    broken = []
    for link in _LINK.findall(_BLOCK.sub("", document.read_text())):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_document_can_be_found_from_the_readme() -> None:
    seen, pending = set[Path](), [ROOT / "README.md"]
    while pending:
        document = pending.pop()
        if document in seen or document.suffix != ".md":
            continue
        seen.add(document)
        links = _LINK.findall(_BLOCK.sub("", document.read_text()))
        pending += [
            (document.parent / link.split("#")[0]).resolve() for link in links if "://" not in link
        ]
    assert set(DOCUMENTS) - seen - {ROOT / "AGENTS.md"} == set()


def raised() -> dict[str, set[int]]:
    """The codes that the source raises, with their exit codes."""
    found: dict[str, set[int]] = {}
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(code)), *_]):
                    error = getattr(errors, name, None)
                    if isinstance(error, type) and issubclass(error, errors.CrossrunError):
                        found.setdefault(code, set()).add(int(error.exit_code))
                case _:
                    pass
    return found


def in_the_source() -> dict[str, set[int]]:
    found = raised()
    for code, (_, exit_code) in FAILURES.items():
        found.setdefault(code, set()).add(int(exit_code))
    found["USAGE"] = {errors.Exit.USAGE}
    found["INTERNAL"].add(errors.Exit.INTERNAL)
    return found


def documented() -> dict[str, set[int]]:
    sections = re.findall(r"^### (\w+)\n\nExit code (.+?)\. ", ERRORS.read_text(), re.MULTILINE)
    return {code: set(map(int, re.findall(r"\d+", told))) for code, told in sections}


def test_every_error_code_is_documented_with_its_exit_code_and_the_other_way_round() -> None:
    assert documented() == in_the_source()


def test_every_error_says_what_to_do() -> None:
    sections = ERRORS.read_text().split("\n### ")[1:]
    assert [text.split()[0] for text in sections if "\nWhat to do: " not in text] == []


def test_the_codes_that_the_edge_gives_are_the_ones_documented_beside_the_classes() -> None:
    edge = (SOURCE / "cli" / "error_boundary.py").read_text()
    found = re.findall(r'(?:_tell|CrossrunError)\(\s*"(\w+)"', edge)
    assert set(found) == {"USAGE", "INTERNAL"}


def test_every_exit_code_is_in_the_table() -> None:
    table = ERRORS.read_text().split("## Command line")[0]
    codes = {int(code) for code in errors.Exit} - {errors.Exit.SIGNAL_BASE}
    assert {code for code in codes if f"| {code} |" not in table} == set()


def fields_of(section: str) -> list[str]:
    """The fields that a section of the page on JSON has rows for."""
    text = (REFERENCE / "json.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| ", text, re.MULTILINE)
    return sorted(field for row in rows for field in re.findall(r"`(\w+)`", row))


@pytest.mark.parametrize(
    ("section", "parts"),
    [
        ("Run", [Run]),
        ("Application", [Application]),
        ("Pattern of a run", [Decided]),
        ("Pattern", [Pattern, Workflow]),
        ("Credit", [Credit]),
    ],
)
def test_every_field_is_documented_once(section: str, parts: list[type[msgspec.Struct]]) -> None:
    fields = {field.name for part in parts for field in msgspec.structs.fields(part)}
    assert fields_of(section) == sorted(fields - {"workflow"})


def test_a_pattern_in_json_has_the_documented_fields(crossrun: Crossrun) -> None:
    crossrun("quickstart")
    (pattern,) = crossrun.json("patterns")["patterns"]
    assert sorted(pattern) == fields_of("Pattern")
    assert sorted(pattern["stats"]) == sorted(field.name for field in msgspec.structs.fields(Stats))
    shown = crossrun.json("patterns", "show", pattern["id"])
    assert shown == {"schema_version": 1, **pattern}


def test_the_architecture_names_the_layers_as_they_are_tested() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| \d+ \| (.+?) \| ", text, re.MULTILINE)
    assert [set(re.findall(r"`([\w.]+)`", row)) for row in rows] == LAYERS


def test_the_example_of_a_recording_plays(crossrun: Crossrun) -> None:
    example = next(blocks(REFERENCE / "recordings.md", "yaml"))
    (crossrun.cwd / "session.yaml").write_text(example)

    result = crossrun("run", "count", "--recording", "session.yaml", "--yes", "--json")
    assert (result.code, result.json["answer"]) == (0, "notes.txt has three words.")


def test_the_example_of_a_task_type_is_one(crossrun: Crossrun) -> None:
    example = next(blocks(ROOT / "docs" / "how-to" / "own-task-types.md", "yaml"))
    folder = Path(crossrun.json("paths")["config"]) / "task_types"
    folder.mkdir(parents=True)
    (folder / "changelog.yaml").write_text(example)

    words = ("run", "true", "--task-type", "changelog", "--executor", "shell")
    assert crossrun.json(*words)["task_type"] == "changelog"


def test_the_example_of_finders_finds_what_is_said(tmp_path: Path) -> None:
    document = ROOT / "docs" / "how-to" / "own-task-types.md"
    (tmp_path / "own.yaml").write_text(list(blocks(document, "yaml"))[1])
    sentence = re.search(r'^In "([^"]+)" they find', document.read_text(), re.MULTILINE)
    assert sentence

    findings = finders.extracted(load("own", tmp_path).finders, sentence[1], ["make -j2 all && ls"])
    assert [(finding.name, finding.value) for finding in findings] == [
        ("ticket", "DOC-17"),
        ("ticket_2", "#8"),
        ("language", "German"),
        ("build_command", "make -j2 all"),
    ]


def test_the_examples_of_settings_are_settings(crossrun: Crossrun) -> None:
    crossrun.home.mkdir(parents=True)
    for document in (REFERENCE / "settings.md", ROOT / "docs" / "how-to" / "local-models.md"):
        for example in blocks(document, "yaml"):
            (crossrun.home / "config.yaml").write_text(example)
            result = crossrun("paths", "--json")
            assert (result.code, result.err) == (0, "")
