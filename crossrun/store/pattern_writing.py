"""Writing what runs teach about patterns, as a consequence of their events."""

import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from crossrun.events import EventRecord, PatternJudged, PatternLearned
from crossrun.model.workflows import Stats, Workflow
from crossrun.patterns.formats.fingerprints import fingerprint
from crossrun.patterns.retrieval.documents import indexed_pattern
from crossrun.patterns.retrieval.values import IndexedPattern
from crossrun.store import pattern_index, pattern_vectors
from crossrun.store.statements import (
    PATTERN_CONTENTS,
    PATTERN_REVIEWS,
    PATTERN_RUNS,
    PATTERN_VERSIONS,
    PATTERNS,
)

_LONGEST_TASKS = 20_000
"""Characters of the tasks by which a pattern is found, its own task included."""
_NEW = "Not enough evidence yet: no run was eligible."


def project(connection: sqlite3.Connection, recorded: EventRecord) -> None:
    """Stores what an event says about patterns, if it does."""
    match recorded.event:
        case PatternLearned(waits=True) as learned:
            _put_aside(connection, recorded, learned)
        case PatternLearned() as learned:
            _learn(connection, recorded, learned)
        case PatternJudged() as judged:
            _judge(connection, recorded, judged)
        case _:
            pass


def put_in_index(connection: sqlite3.Connection, row: dict[str, Any], workflow: Workflow) -> None:
    """Makes a pattern findable, as it stands now, by the tasks of all of its runs.

    Args:
        connection: within a transaction.
        row: columns of `patterns`.
        workflow: that of its current version.
    """
    entry = entry_of(connection, row, workflow)
    pattern_index.put(connection, [entry])
    pattern_vectors.forget_other_texts(connection, entry.id, entry.task)


def entry_of(
    connection: sqlite3.Connection, row: Mapping[str, Any], workflow: Workflow
) -> IndexedPattern:
    """What of a pattern is searched; arguments as for `put_in_index`."""
    return indexed_pattern(
        row["id"],
        _searchable_tasks(connection, row["id"], row["task"]),
        workflow,
        task_type=row["task_type"],
        project_id=row["project_id"],
    )


def _searchable_tasks(connection: sqlite3.Connection, pattern_id: str, task: str) -> str:
    """The pattern's own task, then the other tasks of its runs, the newest first, one a line."""
    rows = connection.execute(
        "SELECT json_extract(trace, '$.task') FROM pattern_runs"
        " WHERE pattern_id = ? AND trace IS NOT NULL ORDER BY at DESC, run_id DESC LIMIT 1000",
        [pattern_id],
    )
    tasks = dict.fromkeys([task, *(row[0] for row in rows)])
    length = 0
    searchable: list[str] = []
    for text in tasks:
        length += len(text) + 1
        if searchable and length > _LONGEST_TASKS:
            break
        searchable.append(" ".join(text.split()))
    return "\n".join(searchable)


def _put_aside(
    connection: sqlite3.Connection, recorded: EventRecord, learned: PatternLearned
) -> None:
    """Keeps a lesson for the user to look at; one that the user has decided on stays decided."""
    row = {
        "run_id": recorded.run_id,
        "at": recorded.at,
        "state": "waiting",
        "lesson": learned.lesson,
        "learned": _json(learned),
        "decided_at": None,
    }
    connection.execute(
        "DELETE FROM pattern_reviews WHERE run_id = ? AND state = 'waiting'", [recorded.run_id]
    )
    connection.execute(PATTERN_REVIEWS.insert_missing, row)


def _learn(connection: sqlite3.Connection, recorded: EventRecord, learned: PatternLearned) -> None:
    """Version numbers are given here, since other runs and the user may have added versions."""
    pattern = _row(connection, "SELECT * FROM patterns WHERE id = ?", learned.pattern_id)
    if pattern is None and learned.made_by != "run":
        return  # the user has removed it in the meantime
    pattern = pattern or _new(recorded, learned)
    version = _version(connection, pattern, recorded, learned)
    pattern["updated_at"] = recorded.at
    if version is not None:
        if version["version"] != pattern["version"]:
            pattern |= awakened(pattern)
        pattern["version"] = version["version"]
        connection.execute(PATTERN_VERSIONS.upsert, version)
    if learned.trace is not None and not pattern["task"]:
        pattern["task"] = learned.trace.task
    connection.executemany(PATTERN_CONTENTS.insert_missing, _contents(learned))
    connection.executemany(PATTERN_RUNS.upsert, _sources(recorded, learned))
    connection.execute(PATTERNS.upsert, pattern)
    if version is not None:
        workflow = msgspec.json.decode(version["workflow"], type=Workflow)
        put_in_index(connection, pattern, workflow)


def replace_words(
    connection: sqlite3.Connection, pattern_id: str, workflow: Workflow, *, at: str
) -> None:
    """Makes a workflow that the user wrote the next version of a pattern."""
    pattern = _row(connection, "SELECT * FROM patterns WHERE id = ?", pattern_id)
    if pattern is None:
        return
    digest = fingerprint(workflow)
    pattern |= awakened(pattern)
    pattern |= {"version": _newest_version(connection, pattern_id) + 1, "updated_at": at}
    version = {
        "pattern_id": pattern_id,
        "version": pattern["version"],
        "hash": digest,
        "rules_hash": digest,
        "made_by": "user",
        "run_id": None,
        "at": at,
        "workflow": _json(workflow),
    }
    connection.execute(PATTERN_VERSIONS.upsert, version)
    connection.execute(PATTERNS.upsert, pattern)
    put_in_index(connection, pattern, workflow)


def awakened(pattern: Mapping[str, Any]) -> dict[str, str]:
    """The columns that change when a pattern, given by its columns, has a new version."""
    from crossrun.patterns.evaluation.lifecycle import wake

    transition = wake(pattern["state"])
    if transition is None:
        return {}
    return {"state": transition.state, "reason": transition.reason}


def _version(
    connection: sqlite3.Connection,
    pattern: dict[str, Any],
    recorded: EventRecord,
    learned: PatternLearned,
) -> dict[str, Any] | None:
    """The version that is current from now on; the user's own version is not replaced."""
    current = _row(
        connection,
        "SELECT * FROM pattern_versions WHERE pattern_id = ? AND version = ?",
        pattern["id"],
        pattern["version"],
    )
    by_user = current is not None and current["made_by"] == "user"
    if learned.made_by is not None and not by_user:
        return {
            "pattern_id": pattern["id"],
            "version": _newest_version(connection, pattern["id"]) + 1,
            "hash": learned.hash,
            "rules_hash": learned.rules_hash,
            "made_by": learned.made_by,
            "run_id": recorded.run_id,
            "at": recorded.at,
            "workflow": _json(learned.workflow),
        }
    if current is not None and current["hash"] == learned.hash:
        return {**current, "workflow": _json(learned.workflow)}  # same words, more evidence
    return current


def _new(recorded: EventRecord, learned: PatternLearned) -> dict[str, Any]:
    return {
        "id": learned.pattern_id,
        "family_id": learned.family_id,
        "version": 0,
        "state": "candidate",
        "reason": _NEW,
        "own": True,
        "kept_by_user": False,
        "project_id": learned.project_id,
        "task_type": learned.task_type,
        "task": "",
        "created_at": recorded.at,
        "updated_at": recorded.at,
        "stats": _json(Stats()),
    }


def _newest_version(connection: sqlite3.Connection, pattern_id: str) -> int:
    row = connection.execute(
        "SELECT max(version) FROM pattern_versions WHERE pattern_id = ?", [pattern_id]
    ).fetchone()
    return row[0] or 0


def _sources(recorded: EventRecord, learned: PatternLearned) -> list[dict[str, str | None]]:
    """What runs add: this one its trace, failed runs their cautions."""
    common = {"pattern_id": learned.pattern_id, "at": recorded.at}
    sources: list[dict[str, str | None]] = [
        {
            **common,
            "run_id": caution.run_id,
            "lesson": "caution",
            "trace": None,
            "caution": caution.text,
        }
        for caution in learned.cautions
    ]
    if learned.trace is not None:
        trace = _json(learned.trace)
        sources.append(
            {
                **common,
                "run_id": recorded.run_id,
                "lesson": "workflow",
                "trace": trace,
                "caution": None,
            }
        )
    return sources


def _contents(learned: PatternLearned) -> list[dict[str, Any]]:
    """Contents of the run's files, by the hash of what was stored of them."""
    contents = (content.encode() for content in learned.contents)
    return [{"sha256": hashlib.sha256(text).hexdigest(), "content": text} for text in contents]


def _judge(connection: sqlite3.Connection, recorded: EventRecord, judged: PatternJudged) -> None:
    """Nothing happens if the user has removed the pattern in the meantime."""
    connection.execute(
        "UPDATE patterns SET state = ?, reason = ?, stats = ?, updated_at = max(updated_at, ?)"
        " WHERE id = ?",
        [judged.state, judged.reason, _json(judged.stats), recorded.at, judged.pattern_id],
    )


def _row(connection: sqlite3.Connection, sql: str, *values: object) -> dict[str, Any] | None:
    row = connection.execute(sql, values).fetchone()
    return None if row is None else dict(row)


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
