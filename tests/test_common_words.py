"""A password that is an ordinary word is removed where it is one, and nowhere else."""

import json

import pytest
from conftest import Crossrun

from crossrun.events import AgentLaunched, ToolCalled, encode
from crossrun.redaction import MASK, Redactor
from crossrun.redaction.words import is_common

WORD = "postgres"
REDACTOR = Redactor.of_environment({"DB_PASSWORD": WORD})


@pytest.mark.parametrize(
    "value",
    [
        "postgres", "changeme", "minioadmin", "admin123", "Winter2024!", "PASSWORD", "12345678",
        "localhost:8080", "auth.example.com", "test-secret", "passwörter",
    ],
)  # fmt: skip
def test_words_are_told_from_secrets_that_occur_nowhere_by_chance(value: str) -> None:
    assert is_common(value)


@pytest.mark.parametrize(
    "value",
    [
        "p4ss_w0rd!", "a1B2c3D4", "xKqJvBtZ", "hunter2hunter2", "sk-abcdefgh12345", "kqz81fbt",
        "qxjzkvwpmb", "123456789012", "9f86d081", "correct horse battery staple",
    ],
)  # fmt: skip
def test_a_secret_that_is_no_word_is_removed_wherever_it_stands(value: str) -> None:
    assert not is_common(value)
    redactor = Redactor.of_environment({"DB_PASSWORD": value})
    assert redactor(f"in x{value}y") == (f"in x{MASK}y", 1)


@pytest.mark.parametrize(
    "text",
    [
        "PGPASSWORD=% psql -U app",
        'export DB_PASSWORD="%"',
        "docker run -e POSTGRES_PASSWORD=% -d db",
        "user=app password=% host=db",
        "password = '%'",
        "'password' => '%'",
        "(password=%, port=5432)",
        "password: %",
        "db:\n  pass: %\n  port: 5432",
        "db:\n  admin: %  # for now",
        '{"db": {"pw": "%"}} follows',
        r"{\"password\":\"%\"}",
        "db://app:%@host/main",
        "db://%@host/main",
        "redis://:%@cache:6379/0",
        "curl -u app:% http://localhost",
        "localhost:5432:main:app:%",
        "psql -p %",
        "mysql -p%",
        "login --password % --quiet",
        "login --password=%",
        "ENV DB_PASSWORD %",
        "machine db login app password %",
        "CREATE USER app WITH PASSWORD '%';",
        "ALTER USER app IDENTIFIED BY '%';",
        "Authorization: Bearer %",
        "<password>%</password>",
        "\x1b[36mpassword\x1b[0m: \x1b[33m%\x1b[0m",
        "ALTER USER app IDENTIFIED WITH mysql_native_password BY '%'",
        "login --pw %",
    ],
)
def test_a_word_is_removed_where_it_stands_as_a_value(text: str) -> None:
    cleaned, count = REDACTOR(text.replace("%", WORD))
    assert (WORD in cleaned, MASK in cleaned, count) == (False, True, 1)


@pytest.mark.parametrize(
    "text",
    [
        "Set up % for the tests",
        "Note: % is down",
        "the '%' user",
        "image: %:16",
        "from %.connection import connect",
        "if name == '%':",
        "psql -U %",
        "mkdir -p %",
        "postgresql://db/%",
        "/usr/lib/%/bin",
        "name: %-dev",
        "host=%.internal",
        '["docker", "run", "%"]',
        "the key % is missing",
        '{"author": "%"}',
    ],
)
def test_a_word_stays_anywhere_else(text: str) -> None:
    text = text.replace("%", WORD)
    assert REDACTOR(text) == (text, 0)


def test_a_name_or_an_option_and_its_value_are_looked_at_together_in_an_event() -> None:
    called = ToolCalled(tool="db", arguments={"password": WORD, "engine": WORD})
    launched = AgentLaunched(command=("db", "--password", WORD, "--engine", WORD))
    cleaned, count = REDACTOR(encode(called))
    assert (json.loads(cleaned)["arguments"], count) == ({"password": MASK, "engine": WORD}, 1)
    cleaned, count = REDACTOR(encode(launched))
    assert (json.loads(cleaned)["command"][1:], count) == (
        ["--password", MASK, "--engine", WORD],
        1,
    )


def test_a_run_keeps_the_word_and_can_be_repeated(crossrun: Crossrun) -> None:
    environ = {"DB_PASSWORD": WORD}
    script = f"echo '{WORD} is up'; echo PGPASSWORD=$(echo post)gres"
    run = crossrun.json("run", script, "--executor", "shell", **environ)
    (command,) = [event for event in crossrun.events() if event["type"] == "command_ran"]
    assert (run["task"], run["redactions"]) == (script, 1)
    assert command["output"] == f"{WORD} is up\nPGPASSWORD={MASK}\n"
    assert crossrun.json("retry", **environ)["status"] == "succeeded"
