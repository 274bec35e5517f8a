"""The end of a run whose process is gone, recorded by the first command that notices.

Only columns that change are written, so the store may be of an older or a newer version.
"""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec.structs import replace

from crossrun.events import EventRecord, RunFinished, encode
from crossrun.model.queries import StoredEvent
from crossrun.model.runs import Run
from crossrun.projections.run import advance
from crossrun.redaction import MASK, Redactor
from crossrun.store.rows import run_row
from crossrun.store.writing import StoreWriter
from crossrun.system.clock import now

_BUSY_MS = 2_000
"""No command waits longer for another program: the next one will notice the run again."""


def add_end(
    database: Path,
    run: Run,
    events: Iterable[StoredEvent],
    ending: RunFinished,
    redactor: Redactor,
) -> None:
    """Records the last event of a run, and the run as it is from then on.

    Args:
        database: the store.
        run: the run as it is stored.
        events: its events, in order.
        ending: its last event, without the number of secrets removed from all of them.
        redactor: removes secrets from the last event.

    Raises:
        ConfigurationError: the store cannot be written; nothing was changed.
    """
    seq, at, removed = 0, "", 0
    for event in events:
        seq, at = event.seq, event.at
        removed += event.body.count(MASK)
    body, redactions = redactor(encode(ending))
    ending = replace(msgspec.json.decode(body, type=RunFinished), redactions=removed + redactions)
    recorded = EventRecord(run.id, seq + 1, max(at, now()), ending)
    before, after = run_row(run), run_row(advance(run, recorded))
    changed = {name: value for name, value in after.items() if value != before[name]}
    row = {
        "run_id": run.id,
        "seq": recorded.seq,
        "at": recorded.at,
        "type": "run_finished",
        "body": encode(ending),
    }
    with closing(StoreWriter(database, busy_ms=_BUSY_MS)) as writer:
        writer.add_end(row, changed)
