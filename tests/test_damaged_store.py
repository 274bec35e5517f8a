"""Whatever is wrong inside of a store, reading it ends with a clear error and the way back."""

import sqlite3
from contextlib import closing

import pytest
from conftest import Crossrun

OF_A_RUN = (("runs",), ("runs", "--json"), ("show",))
OF_EVENTS = (("events",), ("steps",), ("events", "--jsonl"), ("watch",))
OF_PATTERNS = (("patterns",), ("patterns", "--json"), ("patterns", "show"))


@pytest.mark.parametrize(
    ("spoilt", "commands"),
    [
        ("UPDATE runs SET status = 'suczeeded'", OF_A_RUN),
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
        ("UPDATE pattern_versions SET made_by = 'nobody'", (("patterns", "diff", "PATTERN"),)),
        ("DELETE FROM shelf_totals", (("patterns", "search", "convert notes"),)),
        ("PRAGMA user_version = 1", (("runs",), ("migrate",))),
        ("PRAGMA user_version = -1", (("runs",), ("migrate",))),
    ],
)
def test_what_cannot_have_been_stored_is_damage(
    crossrun: Crossrun, spoilt: str, commands: tuple[tuple[str, ...], ...]
) -> None:
    crossrun.json("run", "Convert notes", "--offline", "--task-type", "data_analysis")
    pattern = str(crossrun.json("patterns", "show")["id"])
    with closing(sqlite3.connect(crossrun.home / "crossrun.db")) as connection:
        connection.execute(spoilt)
        connection.commit()

    for words in commands:
        chosen = [pattern if word == "PATTERN" else word for word in words]
        result = crossrun(*chosen)
        assert (result.code, "error[STORE_DAMAGED]" in result.err) == (3, True), (words, result)
        assert "hint: crossrun migrate --restore  puts the backup of" in result.err
        assert "Traceback" not in result.err
    assert crossrun("migrate", "--restore", "--yes").code == 0
    for words in commands:
        if "PATTERN" not in words:
            assert crossrun(*words).code == 0, words


def test_an_event_of_a_type_that_is_not_known_yet_is_shown(crossrun: Crossrun) -> None:
    crossrun.json("run", "true", "--executor", "shell")
    with closing(sqlite3.connect(crossrun.home / "crossrun.db")) as connection:
        connection.execute(
            "UPDATE events SET type = 'sung', body = '{\"type\": \"sung\"}' WHERE seq = 3"
        )
        connection.commit()
    assert crossrun.events()[2]["type"] == "sung"
