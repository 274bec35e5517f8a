"""What has to hold of a store, whatever happened to the runs in it."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from crossrun.config.sources import load
from crossrun.events import EventRecord, decode
from crossrun.model.queries import RunFilter
from crossrun.model.runs import Run
from crossrun.projections.run import advance
from crossrun.store import Store


def told_runs(home: Path, environ: Mapping[str, str] | None = None) -> dict[str, Run]:
    """All runs of a store, by id.

    Raises:
        AssertionError: SQLite finds something wrong, the events of a run have a gap, or its row
            says something else than its events.
    """
    paths = load(flags={}, environ=dict(environ or {}), cwd=home.parent, home=home).paths
    with closing(sqlite3.connect(paths.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    reader = Store(paths).read
    runs = {run.id: run for run in reader.runs(RunFilter(limit=10_000))}
    for run_id, run in runs.items():
        folded: Run | None = None
        for number, event in enumerate(reader.events(run_id), 1):
            assert event.seq == number, f"event {number} of {run_id} is missing"
            recorded = EventRecord(run_id, event.seq, event.at, decode(event.body))
            folded = advance(folded, recorded)
        assert folded == run, f"the row of {run_id} says something else than its events"
    return runs
