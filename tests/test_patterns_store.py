"""Patterns in the store: what runs teach, what the user says, and how both are found again."""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from examples import PRECONDITIONS, TRACE, WORKFLOW, event_of
from msgspec.structs import replace
from test_store import SUCCEEDED, another, at_once, let_go, opened, record, said, started

from crossrun.config.sources import load
from crossrun.errors import ConfigurationError, NotFoundError
from crossrun.events import PatternJudged, PatternLearned, encode
from crossrun.model.queries import PatternFilter, PatternLine
from crossrun.model.workflows import Caution, Pattern, Stats, Version, Workflow
from crossrun.store import Store
from crossrun.store.patterns import Eligibility
from crossrun.store.user_changes import PatternSession

LATER = "2100-01-01T00:00:00.000000Z"
NO_EVIDENCE = "Not enough evidence yet: no run was eligible."
LEARNED: PatternLearned = replace(event_of(PatternLearned), version=1, cautions=(), waits=False)
TOLD: Workflow = replace(WORKFLOW, summary="Fix a module, test it, tell why")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Store:
    return opened(home)


def learned(pattern_id: str, run_id: str, **known: Any) -> PatternLearned:  # noqa: ANN401  fields
    """A run's lesson about a pattern; a success unless it is said otherwise."""
    fields = {"pattern_id": pattern_id, "trace": replace(TRACE, run_id=run_id), **known}
    new = "caution" if known.get("lesson") == "caution" else "merge"
    fields.setdefault("made_by", new if known.get("version", 1) > 1 else "run")
    return replace(LEARNED, **fields)


def teach(store: Store, run_id: str, *lessons: PatternLearned | PatternJudged) -> str:
    """A run with these lessons; the time of the first one."""
    recorded = record(store, run_id, started(), None, *lessons, SUCCEEDED)
    return recorded[1].at


def as_learned(pattern_id: str, run_id: str, at: str, **known: Any) -> Pattern:  # noqa: ANN401
    """The pattern that `learned` leaves in the store."""
    fields = {
        "id": pattern_id,
        "family_id": "8b2wvu",
        "version": 1,
        "hash": "0a1b2c3d4e5f6071",
        "state": "candidate",
        "reason": NO_EVIDENCE,
        "own": True,
        "kept_by_user": False,
        "project_id": "thesis",
        "task_type": "research",
        "task": "Fix calc.py\nand test it",
        "created_at": at,
        "updated_at": at,
        "workflow": WORKFLOW,
        "source_run_ids": (run_id,),
        "stats": Stats(),
    }
    return Pattern(**{**fields, **known})


def imported(pattern_id: str = "x1y2z3", **known: Any) -> Pattern:  # noqa: ANN401  fields
    """A pattern that somebody else hands on."""
    at = "2026-01-02T03:04:05.000000Z"
    told = {"own": False, "reason": "Imported.", "family_id": pattern_id, "source_run_ids": ()}
    return as_learned(pattern_id, "", at, **{**told, **known})


def add(store: Store, *patterns: Pattern) -> None:
    def change(session: PatternSession) -> None:
        for pattern in patterns:
            session.add(pattern, made_by="import")

    store.change_patterns(change)


def revised(pattern_id: str, version: int = 2) -> Version:
    return Version(
        pattern_id=pattern_id,
        version=version,
        hash="edited",
        rules_hash="edited",
        made_by="user",
        run_id=None,
        at=LATER,
        workflow=TOLD,
    )


def found(store: Store, task: str = "fix calc.py and test it") -> list[str]:
    """What a run with this task would choose from."""
    told = store.patterns.candidates(task, task_type=None, project_id=None)
    return sorted(one.id for one in told.candidates)


def rows(home: Path) -> dict[str, list[Any]]:
    """All that is stored about patterns, read without crossrun, the index of words included."""
    tables = (
        "patterns", "pattern_versions", "pattern_runs", "shelf", "shelf_terms", "shelf_pairs",
        "shelf_totals",
    )  # fmt: skip
    with closing(sqlite3.connect(home / "crossrun.db")) as connection:
        connection.execute("INSERT INTO shelf_words (shelf_words) VALUES ('integrity-check')")
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()  # noqa: S608
            for table in tables
        }


NOTHING: dict[str, list[Any]] = {
    "patterns": [],
    "pattern_versions": [],
    "pattern_runs": [],
    "shelf": [],
    "shelf_terms": [],
    "shelf_pairs": [],
    "shelf_totals": [(0, 0)],
}


def refusal(store: Store, reference: str | None) -> tuple[str, str, str]:
    with pytest.raises(NotFoundError) as refused:
        store.patterns.pattern(reference)
    return refused.value.code, refused.value.message, refused.value.hint


# --- what runs teach


def test_a_pattern_is_what_its_run_taught(store: Store) -> None:
    at = teach(store, "k7f3abcd", learned("9c1xyz", "k7f3abcd"))

    assert store.patterns.pattern("9c1xyz") == as_learned("9c1xyz", "k7f3abcd", at)
    assert store.patterns.find("9c1xyz") == as_learned("9c1xyz", "k7f3abcd", at)
    assert store.patterns.traces("9c1xyz", newest=9) == [TRACE]
    assert store.patterns.cautions("9c1xyz") == []
    assert store.patterns.versions("9c1xyz") == [
        Version(
            pattern_id="9c1xyz",
            version=1,
            hash="0a1b2c3d4e5f6071",
            rules_hash="71605f4e3d2c1b0a",
            made_by="run",
            run_id="k7f3abcd",
            at=at,
            workflow=WORKFLOW,
        )
    ]
    assert found(store) == ["9c1xyz"]


def test_each_run_that_says_something_new_makes_a_version(store: Store) -> None:
    careful = replace(TOLD, cautions=("`make` fails: no rule",))
    caution = Caution("failed22", "`make` fails: no rule")
    first = teach(store, "first222", learned("9c1xyz", "first222"))
    again = teach(store, "again222", learned("9c1xyz", "again222", made_by=None))
    merged = learned("9c1xyz", "other222", version=2, hash="h2", rules_hash="r2", workflow=TOLD)
    other = teach(store, "other222", merged)
    lesson = replace(
        merged, lesson="caution", version=3, hash="h3", workflow=careful, trace=None,
        cautions=(caution,), made_by="caution",
    )  # fmt: skip
    failed = teach(store, "failed22", lesson)

    assert store.patterns.pattern("9c1xyz") == as_learned(
        "9c1xyz",
        "",
        first,
        version=3,
        hash="h3",
        workflow=careful,
        updated_at=failed,
        source_run_ids=("first222", "again222", "other222"),
    )
    versions = store.patterns.versions("9c1xyz")
    assert [(v.version, v.hash, v.rules_hash, v.made_by, v.run_id, v.at) for v in versions] == [
        (1, "0a1b2c3d4e5f6071", "71605f4e3d2c1b0a", "run", "first222", first),
        (2, "h2", "r2", "merge", "other222", other),
        (3, "h3", "r2", "caution", "failed22", failed),
    ]
    assert [version.workflow for version in versions] == [WORKFLOW, TOLD, careful]
    assert [trace.run_id for trace in store.patterns.traces("9c1xyz", newest=9)] == [
        "first222", "again222", "other222",
    ]  # fmt: skip
    assert first < again < other
    assert store.patterns.cautions("9c1xyz") == ["`make` fails: no rule"]
    assert store.patterns.learned_from("again222") == "9c1xyz"
    assert store.patterns.learned_from("failed22") is None


def test_a_first_run_may_bring_cautions_of_runs_that_failed_before(store: Store) -> None:
    cautions = (Caution("aaaa2222", "a fails"), Caution("bbbb2222", "b fails"))
    teach(store, "cccc2222", learned("9c1xyz", "cccc2222", cautions=cautions))

    assert store.patterns.cautions("9c1xyz") == ["a fails", "b fails"]
    assert store.patterns.pattern("9c1xyz").source_run_ids == ("cccc2222",)
    assert store.patterns.learned_from("aaaa2222") is None


def test_a_judgement_is_the_patterns_standing_from_then_on(store: Store) -> None:
    judged: PatternJudged = event_of(PatternJudged)
    taught = teach(store, "k7f3abcd", learned("9c1xyz", "k7f3abcd"))
    at = teach(store, "m4n5pqrs", judged)

    assert store.patterns.pattern("9c1xyz") == as_learned(
        "9c1xyz",
        "k7f3abcd",
        taught,
        state="quarantined",
        reason="It lowers success.",
        stats=judged.stats,
        updated_at=at,
    )


def test_a_judgement_of_a_pattern_that_was_removed_is_no_error(store: Store, home: Path) -> None:
    teach(store, "k7f3abcd", event_of(PatternJudged))
    assert store.read.run("k7f3abcd").exit_code == 0
    assert rows(home) == NOTHING


# --- which one is meant


def test_a_pattern_is_found_by_its_id_or_the_beginning_of_it(store: Store) -> None:
    teach(store, "aaaa2222", learned("9c1xyz", "aaaa2222"), learned("9d3", "aaaa2222"))
    teach(store, "bbbb2222", learned("9d3xyz", "bbbb2222"))
    for reference, pattern_id in (
        ("9c1xyz", "9c1xyz"), ("9c", "9c1xyz"), ("9d3x", "9d3xyz"), ("9d3", "9d3"),
    ):  # fmt: skip
        assert store.patterns.pattern(reference).id == pattern_id
    assert store.patterns.find("9c") is None


@pytest.mark.parametrize("reference", ["9%", "9_1xyz", "*", "C1XYZ", "9C1XYZ", "c1", "9c1xyz2"])
def test_only_the_beginning_itself_counts(store: Store, reference: str) -> None:
    teach(store, "aaaa2222", learned("9c1xyz", "aaaa2222"))
    assert refusal(store, reference)[0] == "PATTERN_NOT_FOUND"


def test_a_beginning_of_several_is_refused_with_their_ids(store: Store) -> None:
    teach(store, "aaaa2222", *(learned(f"9c{n}", "aaaa2222") for n in range(3)))
    code, message, hint = refusal(store, "9c")
    assert (code, hint) == ("PATTERN_AMBIGUOUS", "give more characters of the id")
    assert message == "'9c' fits more than one pattern: 9c0, 9c1, 9c2"


def test_an_unknown_pattern_is_told_with_the_nearest(store: Store) -> None:
    for pattern_id in ("9c1xyz", "8b2wvu", "abcdef", "ghjkmn"):
        teach(store, f"{pattern_id}22", learned(pattern_id, "r"))
    assert refusal(store, "9c1xyy") == (
        "PATTERN_NOT_FOUND",
        "there is no pattern '9c1xyy'",
        "similar ids: 9c1xyz · list them: crossrun patterns",
    )
    assert refusal(store, "zzz")[2] == (
        "the newest: ghjkmn, abcdef, 8b2wvu · list them: crossrun patterns"
    )


def test_without_patterns_the_way_to_one_is_told(store: Store) -> None:
    assert refusal(store, "9c1") == (
        "PATTERN_NOT_FOUND",
        "there is no pattern '9c1'",
        "list them: crossrun patterns",
    )
    assert refusal(store, None)[:2] == ("NO_PATTERNS", "no pattern is stored yet")


def test_without_an_id_the_one_that_changed_last_is_meant(store: Store) -> None:
    teach(store, "aaaa2222", learned("first2", "aaaa2222"))
    teach(store, "bbbb2222", learned("second", "bbbb2222"))
    assert store.patterns.pattern().id == "second"
    teach(store, "cccc2222", learned("first2", "cccc2222"))
    assert store.patterns.pattern().id == "first2"
    teach(store, "dddd2222", replace(event_of(PatternJudged), pattern_id="second"))
    assert store.patterns.pattern().id == "second"


# --- lists


@pytest.fixture
def three(store: Store) -> Store:
    """`a` of the thesis, `b` of another project and type, `c` was imported and is disabled."""
    teach(store, "aaaa2222", learned("a", "aaaa2222"))
    other = {"project_id": "crops", "task_type": "code", "workflow": TOLD}
    teach(store, "bbbb2222", learned("b", "bbbb2222", **other))
    stats = Stats(9, 4, -0.125, (-0.25, 0.0), 0.875)
    add(store, imported("c", state="disabled", updated_at=LATER, stats=stats))
    return store


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (PatternFilter(), "cba"),
        (PatternFilter(limit=2), "cb"),
        (PatternFilter(project_id="thesis"), "ca"),
        (PatternFilter(project_id="thes"), ""),
        (PatternFilter(task_type="code"), "b"),
        (PatternFilter(state="candidate"), "ba"),
        (PatternFilter(state="disabled", project_id="thesis", task_type="research"), "c"),
        (PatternFilter(state="disabled", project_id="crops"), ""),
    ],
)
def test_a_filter_chooses_patterns_that_changed_last_first(
    three: Store, wanted: PatternFilter, ids: str
) -> None:
    assert [pattern.id for pattern in three.patterns.patterns(wanted)] == list(ids)
    assert [line.id for line in three.patterns.lines(wanted)] == list(ids)


def test_a_line_of_the_list_says_the_same_as_the_pattern(three: Store) -> None:
    def line(pattern: Pattern) -> PatternLine:
        low, high = pattern.stats.lift_interval or (None, None)
        return PatternLine(
            id=pattern.id,
            version=pattern.version,
            state=pattern.state,
            own=pattern.own,
            project_id=pattern.project_id,
            task_type=pattern.task_type,
            summary=pattern.workflow.summary,
            steps=len(pattern.workflow.steps),
            variables=len(pattern.workflow.variables),
            used=0,
            lift=pattern.stats.lift,
            low=low,
            high=high,
        )

    patterns = three.patterns.patterns(PatternFilter())
    assert three.patterns.lines(PatternFilter()) == list(map(line, patterns))
    assert [pattern.own for pattern in patterns] == [False, True, True]


def test_what_decides_on_eligibility_is_that_of_the_current_version(three: Store) -> None:
    free = replace(TOLD, preconditions=Workflow(summary="", steps=()).preconditions)
    teach(three, "dddd2222", learned("a", "dddd2222", version=2, hash="h2", workflow=free))
    own = Eligibility(
        version=2,
        hash="h2",
        family_id="8b2wvu",
        project_id="thesis",
        state="candidate",
        own=True,
        preconditions=free.preconditions,
        kept_by_user=False,
        stats=Stats(),
        updated_at=three.patterns.pattern("a").updated_at,
    )
    others = Eligibility(
        version=1,
        hash="0a1b2c3d4e5f6071",
        family_id="c",
        project_id="thesis",
        state="disabled",
        own=False,
        preconditions=PRECONDITIONS,
        kept_by_user=three.patterns.pattern("c").kept_by_user,
        stats=three.patterns.pattern("c").stats,
        updated_at=three.patterns.pattern("c").updated_at,
    )
    assert three.patterns.eligibility(["a", "c", "gone"]) == {"a": own, "c": others}
    assert three.patterns.eligibility([]) == {}


# --- what the user says


def test_an_imported_pattern_is_stored_as_it_is(store: Store) -> None:
    pattern = imported(kept_by_user=True, stats=Stats(3, 1))
    add(store, pattern)

    assert store.patterns.pattern("x1y2z3") == pattern
    assert store.patterns.versions("x1y2z3") == [
        Version(
            pattern_id="x1y2z3",
            version=1,
            hash="0a1b2c3d4e5f6071",
            rules_hash="0a1b2c3d4e5f6071",
            made_by="import",
            run_id=None,
            at=pattern.created_at,
            workflow=WORKFLOW,
        )
    ]
    assert (store.patterns.traces("x1y2z3", newest=9), found(store)) == ([], ["x1y2z3"])


def test_a_pattern_that_is_there_already_stays_as_it_is(store: Store, home: Path) -> None:
    add(store, imported())
    before = rows(home)
    add(store, imported(state="disabled", workflow=TOLD, version=7))
    assert rows(home) == before


def test_an_edited_version_is_the_current_one(store: Store) -> None:
    at = teach(store, "k7f3abcd", learned("9c1xyz", "k7f3abcd"))
    edited = replace(TOLD, steps=(replace(TOLD.steps[0], command="tabulate"), *TOLD.steps[1:]))
    store.change_patterns(lambda one: one.add_version(replace(revised("9c1xyz"), workflow=edited)))

    assert store.patterns.pattern("9c1xyz") == as_learned(
        "9c1xyz", "k7f3abcd", at, version=2, hash="edited", workflow=edited, updated_at=LATER
    )
    last = store.patterns.versions("9c1xyz")[-1]
    assert last == replace(revised("9c1xyz"), workflow=edited)
    assert found(store, "tabulate") == ["9c1xyz"]


def test_a_version_that_was_learned_while_the_user_edited_stays(store: Store) -> None:
    teach(store, "aaaa2222", learned("9c1xyz", "aaaa2222"))
    begun = revised("9c1xyz", store.patterns.pattern("9c1xyz").version + 1)
    teach(store, "bbbb2222", learned("9c1xyz", "bbbb2222", version=2, hash="h2"))
    store.change_patterns(lambda session: session.add_version(begun))

    told = [(one.version, one.hash, one.made_by) for one in store.patterns.versions("9c1xyz")]
    assert told == [
        (1, "0a1b2c3d4e5f6071", "run"), (2, "h2", "merge"), (3, "edited", "user"),
    ]  # fmt: skip
    assert store.patterns.pattern("9c1xyz").version == 3


def test_the_user_says_where_a_pattern_stands(store: Store) -> None:
    at = teach(store, "k7f3abcd", learned("9c1xyz", "k7f3abcd"))
    store.change_patterns(
        lambda one: one.set_state("9c1xyz", "active", "The user's word.", kept=True, at=LATER)
    )
    assert store.patterns.pattern("9c1xyz") == as_learned(
        "9c1xyz",
        "k7f3abcd",
        at,
        state="active",
        reason="The user's word.",
        kept_by_user=True,
        updated_at=LATER,
    )


def test_a_removed_pattern_leaves_nothing_but_the_events(store: Store, home: Path) -> None:
    lesson = learned("9c1xyz", "k7f3abcd", cautions=(Caution("aaaa2222", "a fails"),))
    teach(store, "k7f3abcd", lesson)
    store.change_patterns(lambda session: session.add_version(revised("9c1xyz")))
    assert all(rows(home).values())
    store.change_patterns(lambda session: session.remove("9c1xyz"))

    assert rows(home) == NOTHING
    assert (found(store), store.patterns.find("9c1xyz")) == ([], None)
    (event,) = store.read.events("k7f3abcd", types=["pattern_learned"])
    assert event.body == encode(lesson)
    assert store.read.run("k7f3abcd").learned_pattern_id == "9c1xyz"


def test_the_other_patterns_stay_as_they_are_when_one_is_removed(store: Store, home: Path) -> None:
    add(store, imported("x1"))
    before = rows(home)
    add(store, imported("x2", task="Convert a report", workflow=TOLD))
    store.change_patterns(lambda session: session.remove("x2"))
    assert rows(home) == before
    assert found(store) == ["x1"]


def test_a_change_is_carried_out_whole_or_not_at_all(store: Store, home: Path) -> None:
    teach(store, "k7f3abcd", learned("9c1xyz", "k7f3abcd"))
    before = rows(home)

    def change(session: PatternSession) -> None:
        session.add(imported(), made_by="import")
        session.add_version(revised("9c1xyz"))
        session.set_state("9c1xyz", "active", "r", kept=True, at=LATER)
        session.remove("9c1xyz")
        session.remove("x1y2z3")
        session.add(imported("x9"), made_by="user")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.change_patterns(change)
    assert rows(home) == before
    assert found(store) == ["9c1xyz"]


def test_a_change_of_a_pattern_that_is_gone_is_refused(store: Store, home: Path) -> None:
    add(store, imported())
    before = rows(home)
    for change in (
        lambda session: session.add_version(revised("gone")),
        lambda session: session.set_state("gone", "active", "r", kept=True, at=LATER),
        lambda session: session.remove("gone"),
    ):
        with pytest.raises(NotFoundError, match="the pattern gone was removed in the meantime"):
            store.change_patterns(change)
    assert rows(home) == before


# --- many processes


def lesson_in_lines(rounds: int) -> list[str]:
    """Lines of Python that teach a pattern so many times, as a run does that builds on it."""
    return [
        "from msgspec.structs import replace",
        "from crossrun.events import decode",
        "from crossrun.model.status import Status",
        f"lesson = decode({encode(learned('9c1xyz', 'r'))!r})",
        "def facts(run_id):",
        "    yield RunStarted(request=RunRequest(task='x'), workspace='/w', crossrun_version='0')",
        "    yield None",
        "    with store.learning() as tries:",
        "        next(turn for turn in tries if turn or time.sleep(0.001))",
        "        known = store.patterns.find('9c1xyz')",
        "        version = known.version + 1 if known else 1",
        "        time.sleep(0.01)",
        "        trace = replace(lesson.trace, run_id=run_id)",
        "        made_by = 'merge' if known else 'run'",
        "        told = {'version': version, 'hash': run_id, 'trace': trace, 'made_by': made_by}",
        "        yield replace(lesson, **told)",
        "        yield None",
        "    yield RunFinished(status=Status.SUCCEEDED)",
        f"for _ in range({rounds}):",
        "    with store.owning() as run_id:",
        "        list(store.recording(run_id, facts(run_id), Redactor()))",
    ]


@pytest.mark.process
def test_processes_that_learn_at_once_build_on_each_other(home: Path) -> None:
    store = opened(home)
    at_once(home, 4, *lesson_in_lines(5))

    versions = store.patterns.versions("9c1xyz")
    assert [one.version for one in versions] == list(range(1, 21))
    assert [one.made_by for one in versions] == ["run"] + ["merge"] * 19
    assert [one.hash for one in versions] == [one.run_id for one in versions]
    pattern = store.patterns.pattern("9c1xyz")
    assert (pattern.version, pattern.hash) == (20, versions[-1].run_id)
    assert pattern.source_run_ids == tuple(one.run_id for one in versions)
    assert len(rows(home)["shelf"]) == 1


@pytest.mark.process
def test_what_the_user_wrote_stays_while_runs_learn(home: Path) -> None:
    store = opened(home)
    teach(store, "k7f3abcd", learned("9c1xyz", "k7f3abcd"))
    edits = [
        "from crossrun.model.workflows import Version",
        "told = {'hash': 'edited', 'rules_hash': 'edited', 'made_by': 'user', 'run_id': None}",
        "workflow = store.patterns.pattern('9c1xyz').workflow",
        "told |= {'pattern_id': '9c1xyz', 'version': 2, 'at': '2026', 'workflow': workflow}",
        "for _ in range(5):",
        "    store.change_patterns(lambda session: session.add_version(Version(**told)))",
        "    time.sleep(0.02)",
    ]
    processes = [another(home, *lines) for lines in (edits, lesson_in_lines(5))]
    assert [said(process) for process in processes] == ["ready", "ready"]
    for process in processes:
        let_go(process)
    assert [process.communicate(timeout=60) for process in processes] == [("", ""), ("", "")]

    versions = store.patterns.versions("9c1xyz")
    made_by = [one.made_by for one in versions]
    before = made_by.index("user")
    assert [one.version for one in versions] == list(range(1, before + 6))
    assert made_by == ["run"] + ["merge"] * (before - 1) + ["user"] * 5
    assert len(store.patterns.pattern("9c1xyz").source_run_ids) == 6


# --- who may only look


def looked_at(store: Store) -> list[Any]:
    """All that reading tells of the pattern `x1y2z3`."""
    patterns = store.patterns
    return [
        patterns.pattern("x1"), patterns.pattern(), patterns.find("x1y2z3"),
        patterns.patterns(PatternFilter()), patterns.lines(PatternFilter()),
        patterns.versions("x1y2z3"), patterns.traces("x1y2z3", newest=9),
        patterns.cautions("x1y2z3"),
        patterns.learned_from("k7f3abcd"), patterns.eligibility(["x1y2z3"]),
        patterns.candidates("fix calc.py", task_type="research", project_id="thesis"),
    ]  # fmt: skip


def only_to_read(home: Path) -> Store:
    store = Store(load(flags={}, environ={}, cwd=home.parent, home=home).paths)
    store.open_for_reading()
    return store


@pytest.mark.parametrize("files", ["crossrun.db", "crossrun.db*"])
def test_patterns_are_read_from_a_disk_that_cannot_be_written(
    home: Path, small_disk: Path, files: str
) -> None:
    """Without the log of SQLite beside the store, and with it, as a killed process leaves it."""
    store = opened(home)
    other = sqlite3.connect(home / "crossrun.db")
    other.execute("SELECT id FROM patterns").fetchall()  # the log stays as long as this is open
    teach(store, "k7f3abcd", learned("x1y2z3", "k7f3abcd"))
    expected = looked_at(store)
    if files == "crossrun.db":
        other.close()
    copied = {Path(shutil.copy(file, small_disk)).name for file in home.glob(files)}
    assert ("crossrun.db-wal" in copied) is (files == "crossrun.db*")
    other.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    reader = only_to_read(small_disk)
    assert looked_at(reader) == expected
    with pytest.raises(ConfigurationError) as refused:
        reader.change_patterns(lambda session: session.remove("x1y2z3"))
    assert refused.value.code == "HOME_UNWRITABLE"
    assert looked_at(reader) == expected


def test_reading_leaves_the_file_as_it_is(home: Path) -> None:
    store = opened(home)
    add(store, imported())
    before = (home / "crossrun.db").read_bytes()
    looked_at(only_to_read(home))
    assert (home / "crossrun.db").read_bytes() == before


def test_without_a_store_there_are_no_patterns(home: Path) -> None:
    patterns = only_to_read(home).patterns
    assert patterns.find("x") is None
    assert patterns.patterns(PatternFilter()) == []
    assert patterns.lines(PatternFilter()) == []
    assert (patterns.versions("x"), patterns.traces("x", newest=9), patterns.cautions("x")) == (
        [],
        [],
        [],
    )
    assert (patterns.learned_from("x"), patterns.eligibility(["x"])) == (None, {})
    told = patterns.candidates("fix calc.py", task_type=None, project_id=None)
    assert (told.candidates, told.entries) == ((), 0)
    assert not home.exists()
