"""Search: what runs were asked, said, did and printed is found, and removed runs are not."""

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Crossrun
from homes import Home

from crossrun.errors import UsageError
from crossrun.events import (
    AgentSpoke,
    CommandRan,
    Event,
    FileChanged,
    RunFinished,
    RunStarted,
    StepPlanned,
    ToolCalled,
)
from crossrun.model.failures import Failure
from crossrun.model.queries import RunFilter, SearchField, SearchQuery
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.services.app import App
from crossrun.services.notices import Notice
from crossrun.services.search import catch_up, index_after_run, parse_query, search, with_matches


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def record(home: Home, task: str, *events: Event, project: str = "default") -> str:
    """Records a run that ends at once, unless its last event is an end; its id."""
    request = RunRequest(task=task, project_id=project)
    beginning = RunStarted(request=request, workspace="/w", crossrun_version="0")
    ending = [] if events and isinstance(events[-1], RunFinished) else [succeeded()]

    def facts() -> Generator[Event | None]:
        yield from (beginning, StepPlanned(prompt=task), *events, *ending)

    with home.store.owning() as run_id:
        for _ in home.store.recording(run_id, facts(), Redactor(["hunter2-secret"])):
            pass
    return run_id


def succeeded() -> RunFinished:
    return RunFinished(status=Status.SUCCEEDED)


def ran(command: str, output: str = "") -> CommandRan:
    return CommandRan(command=command, exit_code=0, output=output)


def found(home: Home, *words: str, fields: tuple[SearchField, ...] = ()) -> list[tuple[str, int]]:
    """The run and the number of each step that matches."""
    result = search(
        App(home.settings), parse_query(words, fields), RunFilter(limit=50), lambda _: None
    )
    assert result.obstacle == ""
    return [(step.run_id, step.seq) for run in result.runs for step in run.steps]


def test_each_kind_of_step_is_found_where_it_is(home: Home) -> None:
    run = record(
        home,
        "Convert the turnip report",
        AgentSpoke(text="I look at the radish first."),
        ran("grep carrot notes.txt", "celery is listed\nparsnip too"),
        FileChanged(path="src/leek.py", change="added"),
        ToolCalled(tool="web_search", arguments={"query": "fennel"}, result=["chicory"]),
        RunFinished(status=Status.FAILED, failure=Failure("E_KALE", "it broke", "h")),
    )
    places = {"turnip": 1, "radish": 3, "carrot": 4, "parsnip": 4, "leek": 5, "fennel": 6}
    places |= {"chicory": 6, "E_KALE": 7}
    assert {word: found(home, word) for word in places} == {
        word: [(run, seq)] for word, seq in places.items()
    }
    assert found(home, "parsnip", fields=("commands",)) == []
    assert found(home, "parsnip", fields=("output", "tasks")) == [(run, 4)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("see src/pkg/a_file.py:12 now", ["src/pkg/a_file.py"]),
        ("error[E0432]: unresolved import", ["E0432"]),
        ("error[E0432]: unresolved import", ["error[E0432]: unresolved"]),
        ("KeyError: 'revision'", ["keyerror"]),
        ("Zürich Straße", ["zurich"]),
        ("设计文档在这里", ["文档"]),
        ("ユーザー設定を読む", ["設定"]),
        ("설정파일을 읽었다", ["파일"]),
        ("รายงานฉบับใหม่", ["ฉบับ"]),
        ("all done ✅🚀", ["🚀"]),
        ("all done✅", ["done ✅"]),
        ("deploy --no-verify -x", ["--no-verify"]),
        ("100% of (a OR b) AND NOT c*", ["OR", "NOT"]),
        ('he said "stop" twice', ['"stop" twice']),
        ("C:\\Users\\me\\x.txt", ["C:\\Users\\me"]),
        ("migration of the tables", ["migr*"]),
        ("exit code 1 again", ["exit code 1"]),
        ("exit code 1 again", ["again", "exit"]),
        ("null\x00byte in it", ["byte"]),
        ("half an emoji \\ud83d here", ["half", "here"]),
    ],
)
def test_text_of_any_kind_is_found(home: Home, text: str, words: list[str]) -> None:
    run = record(home, "x", ran("true", text))
    assert found(home, *words) == [(run, 3)]


@pytest.mark.parametrize(
    "words",
    [
        ['"'], ["''"], ["*"], ["()"], ["NEAR(a b)"], ["a AND"], ["NOT"], ["{task}: x"], ["^a"],
        ["a" * 10_000], ["\x00"], ["\ud800"], ["-"], ["--"], ['"a'], ["a*b*"], ["💥"], ["task:x"],
        ['a"b"c'], ["%", "_"], ["\N{ZERO WIDTH SPACE}"], ["a", "-b", "-c d"], ["…", "x"],
    ],
)  # fmt: skip
def test_odd_words_are_no_error(home: Home, words: list[str]) -> None:
    record(home, "something else entirely")
    try:
        assert found(home, *words) == []
    except UsageError as error:
        assert error.code == "SEARCH_EMPTY"  # noqa: PT017  either is right


def test_arguments_are_words_phrases_and_exclusions() -> None:
    assert parse_query(["exit code", "x*", "-y", 'a "b c"* -"d e" f']) == SearchQuery(
        ("exit code", "x*", "a", "b c*", "f"), ("y", "d e")
    )
    with pytest.raises(UsageError, match="no word to search for"):
        parse_query(["-only", "=="])


def test_a_phrase_keeps_its_order_and_an_excluded_word_its_step_away(home: Home) -> None:
    run = record(home, "x", ran("a", "alpha beta"), ran("b", "beta alpha"), ran("c", "alpha gamma"))
    assert found(home, "alpha beta") == [(run, 3)]
    assert found(home, "alpha", "-gamma") == [(run, 3), (run, 4)]
    assert found(home, "alpha", '-"beta alpha"') == [(run, 3), (run, 5)]


def test_the_newest_run_comes_first_and_filters_hold(home: Home) -> None:
    first = record(home, "lichen one", project="moss")
    second = record(home, "lichen two")
    third = record(
        home, "lichen three", RunFinished(status=Status.FAILED, failure=Failure("X", "m", "h"))
    )
    assert [run for run, _ in found(home, "lichen")] == [third, second, first]
    app, query = App(home.settings), SearchQuery(("lichen",))

    def ids(wanted: RunFilter) -> list[str]:
        return [each.run.id for each in search(app, query, wanted, lambda _: None).runs]

    assert ids(RunFilter(project_id="moss")) == [first]
    assert ids(RunFilter(status="failed")) == [third]
    assert ids(RunFilter(since="2999-01-01")) == []
    result = search(app, query, RunFilter(limit=2), lambda _: None)
    assert ([each.run.id for each in result.runs], result.more) == ([third, second], True)
    assert with_matches(app, RunFilter(search="lichen"), lambda _: None).ids == (
        third, second, first,
    )  # fmt: skip


def test_runs_with_very_many_matches_show_their_first_ones(home: Home) -> None:
    busy = [record(home, "x", *[ran("true", "heather")] * 700) for _ in range(3)]
    result = search(App(home.settings), SearchQuery(("heather",)), RunFilter(), lambda _: None)
    assert [each.run.id for each in result.runs] == busy[::-1]
    assert all(each.more for each in result.runs)
    assert [[step.seq for step in each.steps] for each in result.runs] == [[3, 4, 5, 6, 7]] * 3


def test_an_excerpt_is_the_line_of_the_match_with_its_places(home: Home) -> None:
    record(home, "x", ran("a", f"first\n{'wide ' * 80}日本の thistle and Thistle\nlast"))
    result = search(App(home.settings), SearchQuery(("thistle",)), RunFilter(), lambda _: None)
    (step,) = result.runs[0].steps
    assert [step.excerpt[begin:end] for begin, end in step.highlights] == ["thistle", "Thistle"]
    assert step.excerpt.startswith("…")
    assert step.excerpt.endswith("日本の thistle and Thistle")


@pytest.mark.parametrize(
    ("words", "excerpt"),
    [(("pytest",), "pytest -q 'a b'"), (("bash",), """/bin/bash -lc "pytest -q 'a b'\"""")],
)
def test_a_command_is_shown_without_its_shell_unless_that_matches(
    home: Home, words: tuple[str, ...], excerpt: str
) -> None:
    record(home, "x", ran("""/bin/bash -lc "pytest -q 'a b'\""""))
    result = search(App(home.settings), SearchQuery(words), RunFilter(), lambda _: None)
    (step,) = result.runs[0].steps
    assert step.excerpt == excerpt
    assert [step.excerpt[begin:end] for begin, end in step.highlights] == [*words]


def test_secrets_are_not_found(home: Home) -> None:
    record(home, "x", ran("login hunter2-secret", "token hunter2-secret accepted"))
    assert found(home, "hunter2") == []
    assert len(found(home, "accepted")) == 1


def words_in_index(home: Home) -> list[str]:
    with closing(sqlite3.connect(home.paths.database)) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE temp.terms USING fts5vocab('main', 'search_words', 'row')"
        )
        return [row[0] for row in connection.execute("SELECT term FROM terms")]


def test_removed_runs_leave_no_word_behind(home: Home) -> None:
    gone = record(home, "gorse", ran("broom", "bracken"))
    kept = record(home, "heath")
    catch_up(home.store, lambda _: None)
    home.store.forget([gone])
    assert found(home, "gorse") == []
    assert found(home, "heath") == [(kept, 1)]
    assert words_in_index(home) == ["heath"]


def test_a_run_is_indexed_when_it_has_ended_and_an_active_one_so_far(home: Home) -> None:
    request = RunRequest(task="sedge")
    beginning = RunStarted(request=request, workspace="/w", crossrun_version="0")

    def facts() -> Generator[Event | None]:
        yield beginning
        yield None
        assert found(home, "sedge") == [(run_id, 1)]
        yield AgentSpoke(text="rush")
        yield None
        assert found(home, "rush") == [(run_id, 2)]
        yield succeeded()

    with home.store.owning() as run_id:
        for _ in home.store.recording(run_id, facts(), Redactor([])):
            pass
    index_after_run(home.store)
    assert home.store.search.pending() == {}


def test_catching_up_can_stop_anywhere_and_nothing_is_indexed_twice(home: Home) -> None:
    run = record(home, "x", *[ran("true", f"fern{number}") for number in range(5_000)])
    left = []
    for remaining in home.store.index():
        left.append(remaining)
        break
    assert left == [5_003 - 1_000]
    with pytest.raises(KeyboardInterrupt):
        catch_up(home.store, interrupt)
    assert list(home.store.search.pending()) == [run]
    assert found(home, "fern4999") == [(run, 5_002)]
    with closing(sqlite3.connect(home.paths.database)) as connection:
        rows = connection.execute("SELECT count(*) FROM search_words WHERE search_words MATCH 'x'")
        assert rows.fetchone() == (2,)  # the task and the prompt
        connection.execute("INSERT INTO search_words (search_words) VALUES ('integrity-check')")


def interrupt(_left: int) -> None:
    raise KeyboardInterrupt


def test_a_store_that_cannot_be_written_is_searched_as_far_as_it_is_indexed(home: Home) -> None:
    first = record(home, "bramble one")
    catch_up(home.store, lambda _: None)
    record(home, "bramble two")
    database = home.paths.database
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("BEGIN IMMEDIATE")  # another program keeps it locked
        notices: list[Notice] = []
        app = App(home.settings, notices.append)
        result = search(app, SearchQuery(("bramble",)), RunFilter(), lambda _: None)
        filters = with_matches(app, RunFilter(search="bramble"), lambda _: None)
    assert [each.run.id for each in result.runs] == [first]
    assert result.unindexed == 3
    assert "locked" in result.obstacle
    assert filters.ids == (first,)
    assert [str(notice) for notice in notices] == [
        f"warning: 3 events could not be searched: {result.obstacle}"
    ]


@pytest.mark.process
def test_an_older_store_is_indexed_by_the_first_search(crossrun: Crossrun) -> None:
    crossrun("run", "--executor", "shell", "echo willow")
    crossrun("run", "--executor", "shell", "echo alder")
    with closing(sqlite3.connect(crossrun.home / "crossrun.db")) as connection:
        connection.executescript(
            "DROP TABLE search_words; DROP TABLE search_runs;"
            "ALTER TABLE applications DROP COLUMN part; DROP TABLE pattern_reviews;"
            "DROP TABLE imported_files; DROP TABLE imported_runs;"
            "ALTER TABLE runs DROP COLUMN applied; ALTER TABLE projects DROP COLUMN notify;"
            "PRAGMA user_version = 13"
        )
    listed = crossrun.json("runs", "--search", "willow")["runs"]
    assert len(listed) == 1
    matches = crossrun.json("search", "willow", "--in", "output")
    assert [match["excerpt"] for match in matches["matches"]] == ["willow"]
    assert (matches["total"], matches["unindexed_events"]) == (1, 0)


def test_the_command_shows_runs_with_their_steps(crossrun: Crossrun) -> None:
    run = crossrun.json("run", "--executor", "shell", "echo 'poplar \x1b[31mred'; echo aspen")["id"]
    result = crossrun("search", "poplar", "-oak", "--in", "output")
    heading, step, *_ = result.out.splitlines()
    assert heading.startswith(f"{run}  just now · default · succeeded")
    (match,) = crossrun.json("search", "poplar", "--in", "output")["matches"]
    assert step.split() == [str(match["seq"]), "output", "poplar", "red"]
    assert f"crossrun steps {run} --step {match['seq']}" in result.err
    assert crossrun("search", "--in", "pictures", "x").code == 2
    assert crossrun("search", "--limti", "x").code == 2
    assert crossrun("search", "zelkova").out == ""
