"""Hints name a command that helps, with the ids that the user would have to look up."""

import shlex

import pytest
from conftest import Crossrun
from test_diff import run_of

from crossrun.model.failures import TIMED_OUT


def hint_of(crossrun: Crossrun, *words: str) -> str:
    result = crossrun(*words, "--json")
    assert result.code != 0
    return str(result.json["error"]["hint"])


def test_the_hint_of_a_failed_run_names_the_run(crossrun: Crossrun) -> None:
    run = crossrun("run", "--executor", "shell", "echo nope; exit 3", "--json").json
    assert run["failure"]["hint"] == f"see its output: crossrun steps {run['id']}"
    assert "nope" in crossrun(*shlex.split(run["failure"]["hint"])[4:]).out


def test_a_limit_that_was_reached_is_raised_by_the_command_of_the_hint() -> None:
    hint = TIMED_OUT.of_run("k7f3abcd").hint
    assert hint == "continue it: crossrun resume k7f3abcd --timeout 1h; or split the task"


def test_a_path_that_is_not_there_is_answered_with_the_list_of_this_run(crossrun: Crossrun) -> None:
    run = run_of(crossrun, "mkdir d; : > d/there")
    run_of(crossrun, ": > elsewhere")
    listing = f"crossrun files {run} --all"
    for words in (("files", run, "nope"), ("get", run, "nope")):
        hint = crossrun(*words).err.splitlines()[-1]
        assert hint == f"hint: list the files: {listing} · links are not followed"
    assert "there" in crossrun(*listing.split()[1:]).out


def test_a_binary_file_is_copied_by_the_command_of_the_hint(crossrun: Crossrun) -> None:
    run = run_of(crossrun, r"mkdir 'a b'; printf 'a\0b' > 'a b/c d'")
    refused = crossrun("files", run, "a b/c d")
    command = refused.err.splitlines()[-1].removeprefix("hint: copy it out: ")
    assert command == f"crossrun get {run} 'a b/c d' -o 'c d'"
    assert crossrun(*shlex.split(command)[1:]).code == 0
    assert (crossrun.cwd / "c d").read_bytes() == b"a\0b"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("config", "set", "run.source", "never"), "see: crossrun help settings"),
        (
            ("config", "set", "--project", "verify", "make test"),
            (
                "it would apply to everyone who copies the repository; set it for yourself: "
                "crossrun config set verify 'make test'"
            ),
        ),
        (
            ("run", "x", "--var", "a=b"),
            "name the template that has the variable; list them: crossrun templates",
        ),
    ],
)
def test_a_refused_value_comes_with_what_to_do(
    crossrun: Crossrun, words: tuple[str, ...], hint: str
) -> None:
    assert hint_of(crossrun, *words) == hint


def test_a_template_that_cannot_be_a_script_says_why(crossrun: Crossrun) -> None:
    folder = crossrun.home / "templates"
    folder.mkdir(parents=True)
    (folder / "nested.yaml").write_text(
        "summary: s\ninstructions: echo $(ls {f})\nvariables: {f: {type: text, default: x}}\n"
    )
    refused = crossrun("run", "--template", "nested", "--executor", "shell")
    assert refused.code == 2
    assert "template nested cannot run as a script (--executor shell)" in refused.err
