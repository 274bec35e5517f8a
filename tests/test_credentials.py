"""Secrets that only their place gives away are not learned; everyday commands pass unchanged."""

import time
from pathlib import Path

import pytest
from lessons import ANNA, WORKSPACE

from crossrun.patterns.learning.redaction import Scrub
from crossrun.redaction import Redactor

DATA = Path(__file__).parent / "data"
SECRET = "tUlip"
"""How the secrets of `secret_shapes.txt` begin."""


def lines_of(name: str) -> list[str]:
    return (DATA / name).read_text().splitlines()


@pytest.fixture(scope="module")
def scrub() -> Scrub:
    return Scrub(ANNA, WORKSPACE)


def test_everyday_commands_pass_unchanged(scrub: Scrub) -> None:
    commands = lines_of("everyday_commands.txt")
    assert len(commands) >= 300
    assert [scrub(command) for command in commands] == commands
    assert [Redactor()(command)[0] for command in commands] == commands


def test_everyday_commands_pass_unchanged_in_the_shell_that_ran_them(scrub: Scrub) -> None:
    wrapped = [
        f"bash -lc '{line}'" for line in lines_of("everyday_commands.txt") if "'" not in line
    ]
    assert [scrub(command) for command in wrapped] == wrapped


def test_code_and_prose_about_secrets_pass_unchanged(scrub: Scrub) -> None:
    lines = lines_of("everyday_code.txt")
    assert [scrub(line) for line in lines] == lines


def test_secrets_do_not_get_through(scrub: Scrub) -> None:
    shapes = [line.replace("\\n", "\n") for line in lines_of("secret_shapes.txt")]
    assert len(shapes) >= 40
    assert all(SECRET in shape for shape in shapes)
    assert [shape for shape in shapes if SECRET in scrub(shape)] == []


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("git checkout -b x && curl -b sid=tUlip h", "git checkout -b x && curl -b … h"),
        ("docker run -u 1:1 i; curl -u a:tUlip h", "docker run -u 1:1 i; curl -u … h"),
        ("mysql -u a -ptUlip db < a.sql", "mysql -u a -p… db < a.sql"),
        (
            "cat >a <<E\nhtpasswd -cb f me tUlip\nE\nsh a",
            "cat >a <<E\nhtpasswd -cb f me …\nE\nsh a",
        ),
        ("vault login\nvault status", "vault login\nvault status"),
        ("TOKEN=tUlip make PASS=2", "TOKEN=… make PASS=2"),
        ("sort -b a | curl -b 'a=tUlip' -d @- h", "sort -b a | curl -b '…' -d @- h"),
        ("app --token-limit=5 --token tUlip -v", "app --token-limit=5 --token … -v"),
        ("ssh deploy@h.example.com 'curl -u a:tUlip x'", "ssh deploy@h.example.com 'curl -u … x'"),
    ],
)
def test_only_the_secret_goes(scrub: Scrub, command: str, kept: str) -> None:
    assert scrub(command) == kept


@pytest.mark.parametrize(
    "text",
    ["token=", 'curl "', "curl -u ", "echo a |", "-password", "authorization:", "qpdf --encrypt "],
)
def test_no_text_takes_long(scrub: Scrub, text: str) -> None:
    began = time.process_time()
    scrub(text * (20_000 // len(text)))
    assert time.process_time() - began < 2
