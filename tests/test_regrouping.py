"""Runs that are split from a pattern, patterns that are merged, and all patterns learned again."""

import json
import re
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import Any

import pytest
from conftest import Crossrun
from learned_runs import Ledger
from msgspec.structs import replace

from crossrun.config.sources import load
from crossrun.errors import ConfigurationError
from crossrun.events import PatternDecided, RunFinished, RunStarted
from crossrun.memory.regrouping import columns
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.model.workflows import Version
from crossrun.redaction import Redactor
from crossrun.store.pattern_regrouping import PatternGroup, Regrouping

RESIZE = ["mogrify -path web -resize 1600x -quality 80 photos/*.jpg", "identify web/a.jpg"]
AGAIN = ["mogrify -path small -resize 900x -quality 75 pics/*.jpg", "identify small/b.jpg"]
SLOWEST_START = 30
SOUND = ["ffmpeg -i talk.mp4 -vn -af loudnorm talk.mp3", "ffprobe talk.mp3"]


@pytest.fixture
def ledger(crossrun: Crossrun) -> Ledger:
    """The ledger that the commands see."""
    settings = load(flags={}, environ=crossrun.environ, cwd=crossrun.cwd)
    return Ledger(crossrun.cwd, settings.paths)


def resized(ledger: Ledger) -> list[str]:
    """Two runs of one pattern."""
    runs = [
        ledger.learn("Resize the photos for the web", RESIZE),
        ledger.learn("Resize the pictures for the web", AGAIN),
    ]
    assert ledger.pattern_of(runs[0]) == ledger.pattern_of(runs[1])
    return runs


def table(ledger: Ledger, name: str) -> list[Any]:
    with closing(sqlite3.connect(ledger.database)) as connection:
        return connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()  # noqa: S608


def everything(ledger: Ledger) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(ledger.database)) as connection:
        connection.execute("INSERT INTO shelf_words (shelf_words) VALUES ('integrity-check')")
    names = (
        "patterns",
        "pattern_versions",
        "pattern_runs",
        "shelf",
        "shelf_terms",
        "pattern_heirs",
    )
    return {name: table(ledger, name) for name in names}


def edited(ledger: Ledger, pattern_id: str) -> None:
    """The user's own words for a pattern."""
    pattern = ledger.store.patterns.exactly(pattern_id)
    workflow = replace(pattern.workflow, summary="My own words")
    version = Version(
        pattern_id=pattern_id,
        version=0,
        hash="mine",
        rules_hash="mine",
        made_by="user",
        run_id=None,
        at="2100-01-01T00:00:00.000000Z",
        workflow=workflow,
    )
    ledger.store.change_patterns(lambda patterns: patterns.add_version(version))


# ------------------------------------------------------------------ split and merge


def test_runs_that_are_split_off_make_a_separate_pattern(
    crossrun: Crossrun, ledger: Ledger
) -> None:
    first, second = resized(ledger)
    pattern = ledger.pattern_of(first)
    shown = crossrun.json("patterns", "split", pattern, second)["patterns"]
    new = ledger.pattern_of(second)
    assert [one["id"] for one in shown] == [pattern, new]
    assert ledger.members() == {pattern: (first,), new: (second,)}
    assert "1600x" in shown[0]["steps"][0]["instruction"]
    assert "900x" in shown[1]["steps"][0]["instruction"]
    assert shown[0]["family_id"] != shown[1]["family_id"]
    assert crossrun.json("show", second)["learned_pattern_id"] == new


def test_a_merge_can_be_split_again(crossrun: Crossrun, ledger: Ledger) -> None:
    photos = ledger.learn("Resize the photos for the web", RESIZE)
    sound = ledger.learn("Extract the sound of the talk", SOUND)
    into, gone = ledger.pattern_of(photos), ledger.pattern_of(sound)
    assert into != gone
    edited(ledger, gone)
    before = crossrun.json("patterns", "show", gone)
    crossrun("patterns", "merge", into, gone)
    assert ledger.members() == {into: (photos, sound)}
    assert crossrun("patterns", "show", gone).code == 6
    crossrun("patterns", "split", into, sound)
    assert ledger.members() == {into: (photos,), gone: (sound,)}
    after = crossrun.json("patterns", "show", gone)
    assert (after["summary"], after["version"]) == ("My own words", before["version"])
    assert table(ledger, "pattern_heirs") == []


def test_what_was_decided_on_a_merged_pattern_counts_for_its_heir(
    crossrun: Crossrun, ledger: Ledger
) -> None:
    first = ledger.pattern_of(ledger.learn("Resize the photos for the web", RESIZE))
    other = ledger.pattern_of(ledger.learn("Extract the sound of the talk", SOUND))
    for pattern in (first, other, other):
        used(ledger, pattern)
    crossrun("patterns", "merge", first, other)
    assert crossrun.json("patterns", "stats", first)["credit"]["runs_with"] == 3
    assert ledger.store.patterns.exactly(first).stats.runs_with == 3
    assert crossrun("patterns").out.splitlines()[1].split()[4] == "3"
    crossrun("patterns", "split", first, *ledger.members()[first][1:])
    assert crossrun.json("patterns", "stats", first)["credit"]["runs_with"] == 1
    assert crossrun.json("patterns", "stats", other)["credit"]["runs_with"] == 2
    stored = [ledger.store.patterns.exactly(pattern).stats.runs_with for pattern in (first, other)]
    assert stored == [1, 2]


def used(ledger: Ledger, pattern_id: str) -> None:
    """A run that got a pattern and did next to nothing."""
    pattern = ledger.store.patterns.exactly(pattern_id)
    decided = PatternDecided(
        decision="injected",
        reason="",
        probability=0.7,
        channel="developer",
        pattern_id=pattern.id,
        version=pattern.version,
        hash=pattern.hash,
        family_id=pattern.family_id,
        share_withheld=0.3,
    )
    start = RunStarted(request=RunRequest(task="x"), workspace="/w", crossrun_version="0")
    with ledger.store.owning() as run_id:
        events = (event for event in (start, decided, RunFinished(status=Status.SUCCEEDED)))
        for _ in ledger.store.recording(run_id, events, Redactor()):
            pass


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("split", "{0}", "{3}"), "RUN_NOT_IN_PATTERN"),
        (("split", "{0}", "{1}", "{2}"), "SPLIT_ALL"),
        (("split", "{0}", "nothing"), "RUN_NOT_FOUND"),
        (("merge", "{0}", "{0}"), "MERGE_SAME"),
        (("merge", "{0}", "nothing"), "PATTERN_NOT_FOUND"),
    ],
)
def test_what_cannot_be_regrouped_is_refused_and_nothing_changes(
    crossrun: Crossrun, ledger: Ledger, words: tuple[str, ...], code: str
) -> None:
    first, second = resized(ledger)
    stranger = ledger.learn("Extract the sound of the talk", SOUND)
    before = everything(ledger)
    values = (ledger.pattern_of(first), first, second, stranger)
    result = crossrun("patterns", *(word.format(*values) for word in words))
    assert f"error[{code}]" in result.err
    assert "hint:" in result.err
    assert everything(ledger) == before


def test_a_change_that_fails_half_way_leaves_everything_as_it_was(ledger: Ledger) -> None:
    first, second = resized(ledger)
    pattern = ledger.store.patterns.exactly(ledger.pattern_of(first))
    lessons = ledger.store.patterns.lessons()
    row = columns(pattern, at=pattern.updated_at)
    good = PatternGroup(pattern=row, lessons=tuple(lessons[:1]))
    bad = PatternGroup(pattern={**row, "id": "nobody", "task": None}, lessons=tuple(lessons[1:]))
    before = everything(ledger)
    with pytest.raises(ConfigurationError):
        ledger.store.change_patterns(
            lambda patterns: patterns.regroup(
                Regrouping(groups=(good, bad), placements={second: "nobody"}),
                unless_changed=lessons,
            )
        )
    assert everything(ledger) == before


def test_a_change_that_a_run_overtook_is_not_carried_out(ledger: Ledger) -> None:
    first, _ = resized(ledger)
    lessons = ledger.store.patterns.lessons()
    pattern = ledger.store.patterns.exactly(ledger.pattern_of(first))
    ledger.learn("Extract the sound of the talk", SOUND)
    before = everything(ledger)
    group = PatternGroup(pattern=columns(pattern, at=pattern.updated_at), lessons=())
    assert not ledger.store.change_patterns(
        lambda patterns: patterns.regroup(Regrouping(groups=(group,)), unless_changed=lessons)
    )
    assert everything(ledger) == before


# ------------------------------------------------------------------ rebuild


def test_learning_all_again_changes_nothing_where_nothing_is_different(
    crossrun: Crossrun, ledger: Ledger
) -> None:
    resized(ledger)
    ledger.learn("Extract the sound of the talk", SOUND)
    before = everything(ledger)
    difference = crossrun.json("patterns", "rebuild", "--yes")
    assert (difference["changes"], difference["done"]) == ([], False)
    assert everything(ledger) == before


def test_what_an_older_version_merged_by_mistake_is_taken_apart(
    crossrun: Crossrun, ledger: Ledger
) -> None:
    first = ledger.learn("Resize the photos for the web", RESIZE)
    stranger = ledger.learn("Extract the sound of the talk", SOUND)
    pattern, right = ledger.pattern_of(first), ledger.pattern_of(stranger)
    good = ledger.members()
    with closing(sqlite3.connect(ledger.database)) as connection:  # as it was once learned
        connection.execute("UPDATE pattern_runs SET pattern_id = ?", [pattern])
        connection.execute("DELETE FROM patterns WHERE id = ?", [right])
        connection.execute("UPDATE runs SET learned_pattern_id = ?", [pattern])
        connection.commit()
    mistaken = everything(ledger)
    planned = crossrun.json("patterns", "rebuild", "--dry-run")
    assert [(one["what"], one["pattern_id"]) for one in planned["changes"]] == [
        ("changed", pattern),
        ("new", right),
    ]
    assert everything(ledger) == mistaken
    assert "error[CONSENT_NEEDED]" in crossrun("patterns", "rebuild").err
    assert everything(ledger) == mistaken
    assert crossrun.json("patterns", "rebuild", "--yes")["done"] is True
    assert ledger.members() == good
    assert crossrun.json("patterns", "rebuild", "--yes")["changes"] == []


def test_what_the_user_did_stays_when_all_is_learned_again(
    crossrun: Crossrun, ledger: Ledger
) -> None:
    first, second = resized(ledger)
    pattern = ledger.pattern_of(first)
    edited(ledger, pattern)
    crossrun("patterns", "split", pattern, second)
    crossrun("patterns", "disable", ledger.pattern_of(second))
    removed = ledger.pattern_of(ledger.learn("Extract the sound of the talk", SOUND))
    crossrun("patterns", "rm", removed, "--yes")
    members = ledger.members()
    crossrun("patterns", "rebuild", "--yes")
    assert ledger.members() == members
    assert crossrun.json("patterns", "show", pattern)["summary"] == "My own words"
    assert crossrun.json("patterns", "show", ledger.pattern_of(second))["state"] == "disabled"
    assert crossrun("patterns", "show", removed).code == 6


def test_what_can_no_longer_be_read_is_kept(crossrun: Crossrun, ledger: Ledger) -> None:
    run = ledger.learn(
        "Report the hottest days",
        [
            {
                "write": "hot.py",
                "content": "import statistics\nstatistics.quantiles(days)\n",
            },
            "python3 hot.py",
        ],
    )
    pattern = ledger.pattern_of(run)
    (trace,) = ledger.store.patterns.traces(pattern, newest=1)
    assert "quantiles" in trace.words
    (ledger.workspace(run) / "hot.py").unlink()
    crossrun("patterns", "rebuild", "--yes")
    assert ledger.store.patterns.traces(pattern, newest=1) == [trace]
    ledger.store.forget([run])
    crossrun("patterns", "rebuild", "--yes")
    assert ledger.store.patterns.traces(pattern, newest=1) == [trace]


def test_learning_again_gives_the_same_each_time(crossrun: Crossrun, ledger: Ledger) -> None:
    resized(ledger)
    ledger.learn("Extract the sound of the talk", SOUND)
    with closing(sqlite3.connect(ledger.database)) as connection:
        for name in ("patterns", "pattern_versions", "pattern_runs"):
            connection.execute(f"DELETE FROM {name}")  # noqa: S608
        connection.execute("UPDATE runs SET learned_pattern_id = NULL")
        connection.commit()
    outcomes = [crossrun.json("patterns", "rebuild", "--dry-run") for _ in range(2)]
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]["changes"]) == 2


def test_what_a_killed_rebuild_leaves_is_removed_by_cleanup(
    crossrun: Crossrun, ledger: Ledger
) -> None:
    for number in range(30):
        ledger.learn(f"Extract the sound of talk {number}", [f"{SOUND[0]}{number}", SOUND[1]])
    before = everything(ledger)
    folder = load(flags={}, environ=crossrun.environ, cwd=crossrun.cwd).paths.references
    process = crossrun.start("patterns", "rebuild", "--yes")
    deadline = time.monotonic() + 30
    while not list(folder.glob(".*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert list(folder.glob(".*"))
    assert everything(ledger) == before
    assert crossrun("cleanup", "--older-than", "100d", "--yes").code == 0
    assert list(folder.iterdir()) == []


# ------------------------------------------------------------------ patterns of older versions

QUERY = """python3 -c "import sqlite3; print(sqlite3.connect('{0}.db').execute('select 1'))\""""


def learned_by_an_older_version(ledger: Ledger, run: str) -> None:
    """The run as versions before `whole_commands` stored it: pieces, nothing beside them."""
    with closing(sqlite3.connect(ledger.database)) as connection:
        (text,) = connection.execute(
            "SELECT trace FROM pattern_runs WHERE run_id = ?", [run]
        ).fetchone()
        trace = json.loads(text)
        trace = {name: trace[name] for name in ("run_id", "task", "acts", "found", "verified")}
        for act in trace["acts"]:
            act["command"] = re.sub(r"-c .*", "-c …", act["command"])
            del act["why"], act["edited"], act["proved"]
        connection.execute(
            "UPDATE pattern_runs SET trace = ? WHERE run_id = ?", [json.dumps(trace), run]
        )
        connection.commit()


def queried(ledger: Ledger, name: str) -> str:
    loaded = f"sqlite3 {name}.db '.import --csv {name}.csv t'"
    return ledger.learn(
        f"Load {name}.csv into an SQLite database and query it", [loaded, QUERY.format(name)]
    )


def test_whole_commands_of_a_new_run_are_not_measured_by_pieces_of_older_ones(
    ledger: Ledger,
) -> None:
    runs = [queried(ledger, name) for name in ("june", "july", "august")]
    for run in runs:
        learned_by_an_older_version(ledger, run)
    runs.append(queried(ledger, "may"))
    (pattern,) = {ledger.pattern_of(run) for run in runs}
    steps = ledger.store.patterns.exactly(pattern).workflow.steps
    assert steps[-1].instruction == QUERY.format("may")


def test_pieces_that_an_older_version_stored_become_whole_when_all_is_learned_again(
    crossrun: Crossrun, ledger: Ledger
) -> None:
    runs = [queried(ledger, name) for name in ("june", "july")]
    pattern = ledger.pattern_of(runs[0])
    good = ledger.store.patterns.traces(pattern, newest=9)
    for run in runs:
        learned_by_an_older_version(ledger, run)
    assert ledger.store.patterns.traces(pattern, newest=9) != good
    assert crossrun.json("patterns", "rebuild", "--yes")["done"] is True
    assert ledger.store.patterns.traces(pattern, newest=9) == good
    assert crossrun.json("patterns", "rebuild", "--yes")["done"] is False


def mixed_up(ledger: Ledger) -> dict[str, list[Any]]:
    """All runs in one pattern, as an older version may have learned them."""
    first = ledger.learn("Resize the photos for the web", RESIZE)
    for task, did in (("Extract the sound of the talk", SOUND), ("Resize the pictures", AGAIN)):
        ledger.learn(task, did)
    with closing(sqlite3.connect(ledger.database)) as connection:
        connection.execute("UPDATE pattern_runs SET pattern_id = ?", [ledger.pattern_of(first)])
        connection.commit()
    return everything(ledger)


@pytest.mark.process
def test_a_rebuild_that_is_killed_leaves_the_old_state_or_the_new_one(
    crossrun: Crossrun, ledger: Ledger
) -> None:
    old = mixed_up(ledger)
    planned = crossrun.json("patterns", "rebuild", "--dry-run")["changes"]
    assert planned
    seconds, outcomes = 0.05, []
    while "new" not in outcomes:
        process = crossrun.start("patterns", "rebuild", "--yes")
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        seconds *= 1.4
        assert seconds < SLOWEST_START
        if everything(ledger) == old:
            outcomes.append("old")
        else:
            outcomes.append("new")
            assert crossrun.json("patterns", "rebuild", "--dry-run")["changes"] == []
    assert outcomes[0] == "old"


@pytest.mark.process
def test_a_rebuild_waits_for_a_run_that_learns(crossrun: Crossrun, ledger: Ledger) -> None:
    old = mixed_up(ledger)
    with ledger.store.learning() as tries:
        assert next(tries)
        process = crossrun.start("patterns", "rebuild", "--yes")
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=3)
        assert everything(ledger) == old
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, (out, err)
    assert everything(ledger) != old
