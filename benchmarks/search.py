"""How fast runs are searched, what the index takes, and what it costs a run.

    python benchmarks/search.py [--events 1000000]

Runs of 1,000 events are recorded by the code that records runs, with texts that are as long as
those of coding agents, words by Zipf's law, and names, paths and numbers that occur once. Goals:
95 of 100 searches within 50 ms of CPU time, and runs that take at most 10% longer with the index.
"""

import argparse
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import accumulate
from pathlib import Path

from timing import machine

from crossrun.config.sources import load
from crossrun.events import AgentSpoke, CommandRan, Event, FileChanged, RunFinished, RunStarted
from crossrun.model.queries import RunFilter
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.services.app import App
from crossrun.services.search import index_after_run, parse_query
from crossrun.services.search import search as find
from crossrun.store import Store

_VOCABULARY = 20_000
_PER_RUN = 1_000


class Texts:
    """Makes up what agents say and programs print."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311
        letters = "etaoinshrdlucmfwypvbgk"
        self.words = [
            "".join(self._chance.choices(letters, k=self._chance.randint(2, 10)))
            for _ in range(_VOCABULARY)
        ]
        self._weights = list(accumulate(1 / (rank + 2) for rank in range(_VOCABULARY)))

    def line(self, length: int) -> str:
        """Words, and a path that occurs once."""
        words = self._chance.choices(self.words, cum_weights=self._weights, k=length)
        words[self._chance.randrange(length)] = f"src/{words[0]}_{self._chance.randrange(10**6)}.py"
        return " ".join(words)

    def events(self, task: str) -> Iterator[Event]:
        """A whole run."""
        yield RunStarted(request=RunRequest(task=task), workspace="/w", crossrun_version="0")
        for number in range(_PER_RUN - 2):
            match number % 5:
                case 0:
                    yield AgentSpoke(text=self.line(30))
                case 1:
                    yield FileChanged(path=f"src/{self.line(1)}", change="modified")
                case _:
                    output = "\n".join(self.line(8) for _ in range(self._chance.randint(1, 8)))
                    yield CommandRan(command=f"pytest {self.line(3)}", exit_code=0, output=output)
        yield RunFinished(status=Status.SUCCEEDED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    runs = parser.parse_args().events // _PER_RUN
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        measure_cost(Path(folder) / "cost")
        app = App(load(flags={}, environ={"PATH": os.defpath}, home=Path(folder) / "large"))
        measure_search(app, runs)


def measure_cost(home: Path) -> None:
    """Seconds that the same runs take without and with the index, in turn."""
    store = Store(load(flags={}, environ={"PATH": os.defpath}, home=home).paths)
    store.open_for_writing()
    texts = Texts(1)
    without, added = 0.0, 0.0
    for number in range(20):
        began = time.perf_counter()
        record(store, texts, number)
        recorded = time.perf_counter()
        index_after_run(store)
        without += recorded - began
        added += time.perf_counter() - recorded
    rate = 20 * _PER_RUN / without
    print(f"recording: {rate:,.0f} events per second (nothing else, made-up text included)")
    print(f"index at the end of a run of {_PER_RUN} events: {added / 20 * 1000:.0f} ms\n")


def record(store: Store, texts: Texts, number: int) -> None:
    """Records a run as fast as it can be."""

    def facts() -> Generator[Event | None]:
        yield from texts.events(f"Task {number}: {texts.line(12)}")

    with store.owning() as run_id:
        for _ in store.recording(run_id, facts(), Redactor([])):
            pass


def measure_search(app: App, runs: int) -> None:
    store, texts = app.store, Texts(2)
    store.open_for_writing()
    for number in range(runs):
        record(store, texts, number)
    database = app.settings.paths.database
    size = compacted(database)
    with measured(f"catching up with {runs * _PER_RUN:,} events"):
        longest, began = 0.0, time.perf_counter()
        for _ in store.index():
            longest = max(longest, time.perf_counter() - began)
            began = time.perf_counter()
    print(f"  longest piece {longest * 1000:.0f} ms")
    with_index = compacted(database)
    print(f"store {size / 1e6:,.0f} MB, index {(with_index - size) / 1e6:,.0f} MB", end="")
    print(f" ({(with_index - size) / size:.0%})\n")
    chance, words = random.Random(3), texts.words  # noqa: S311
    kinds = {
        "a frequent word": [[chance.choice(words[:50])] for _ in range(100)],
        "any word": [[chance.choice(words)] for _ in range(100)],
        "two words": [[chance.choice(words[:1000]), chance.choice(words)] for _ in range(100)],
        "a phrase": [[f"{chance.choice(words[:300])} {chance.choice(words[:300])}"]
                     for _ in range(100)],
        "a path": [[f"src/{words[0]}_{chance.randrange(10**6)}.py"] for _ in range(100)],
        "a beginning": [[f"{chance.choice(words)[:3]}*"] for _ in range(100)],
        "a word and not another": [[chance.choice(words[:200]), f"-{chance.choice(words[:50])}"]
                                   for _ in range(100)],
        "two frequent words": [chance.sample(words[:20], 2) for _ in range(100)],
    }  # fmt: skip
    everything = []
    for name, queries in kinds.items():
        times = sorted(seconds_of(app, query) for query in queries)
        everything += times
        print(f"  {name:<24} p50 {times[50] * 1000:6.1f} ms   p95 {times[95] * 1000:6.1f} ms")
    everything.sort()
    p50, p95 = (everything[int(len(everything) * share)] * 1000 for share in (0.5, 0.95))
    print(f"  {'all':<24} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms (goal 50)")


def seconds_of(app: App, words: list[str]) -> float:
    """CPU time, since everything is in memory and other programs may be busy."""
    began = time.process_time()
    find(app, parse_query(words), RunFilter(limit=10), lambda _: None)
    return time.process_time() - began


def compacted(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database.stat().st_size


@contextmanager
def measured(what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
