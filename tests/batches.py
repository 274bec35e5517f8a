"""Batches of small commands, planned in a store, and a program that carries one out.

python tests/batches.py HOME BATCH JOBS [retry]
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from crossrun.config.sources import load
from crossrun.executors.survivors import adopting_orphans
from crossrun.model.batches import Batch, BatchOptions, BatchRow
from crossrun.model.requests import MemoryOptions, RunRequest
from crossrun.services.app import App
from crossrun.services.batches.engine import RowChange, carry_out, never_stop
from crossrun.system.cancellation import CancelToken
from crossrun.system.clock import now

DEFAULT = BatchOptions()


def opened(home: Path, **environ: str) -> App:
    """A user's crossrun, ready to write."""
    path = "/usr/local/bin:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(home.parent), **environ}
    home.mkdir(parents=True, exist_ok=True)
    app = App(load(flags={}, environ=environment, cwd=home.parent, home=home))
    app.open_for_writing()
    return app


def row(
    number: int,
    script: str = "true",
    *,
    after: Sequence[str] = (),
    from_row: str | None = None,
    request: RunRequest | None = None,
) -> BatchRow:
    """The row `rN`, which runs a script."""
    plain = RunRequest(task=script, executor="shell", memory=MemoryOptions(off=True))
    return BatchRow(
        number=number,
        name=f"r{number}",
        request=request or plain,
        after=tuple(after),
        from_row=from_row,
    )


def unstored(*rows: BatchRow, options: BatchOptions = DEFAULT, kind: str = "batch") -> Batch:
    """A batch of these rows."""
    return Batch(
        id="", kind=kind, project_id="default", created_at=now(), rows=rows, options=options
    )


def planned(
    app: App, *rows: BatchRow, options: BatchOptions = DEFAULT, kind: str = "batch"
) -> Batch:
    """A batch of these rows, which is stored."""
    return app.store.batches.add(unstored(*rows, options=options, kind=kind), app.redactor)


def carried_out(
    app: App,
    batch: Batch,
    *,
    jobs: int = 4,
    stop: CancelToken | None = None,
    retry_failed: bool = False,
    stopping_rule: Callable[[Batch], str | None] = never_stop,
    seen: Callable[[RowChange | None], None] = lambda _change: None,
) -> Batch:
    """Carries a batch out; the batch as it is stored then."""
    changes = carry_out(
        app,
        batch.id,
        jobs=jobs,
        stop=CancelToken() if stop is None else stop,
        retry_failed=retry_failed,
        stopping_rule=stopping_rule,
    )
    with closing(changes):
        for change in changes:
            seen(change)
    return app.store.batches.batch(batch.id)


def with_options(app: App, batch: Batch, options: BatchOptions) -> None:
    """Changes how a stored batch is carried out."""
    app.store.batches.update(replace(batch, options=options), app.redactor)


def statuses(batch: Batch) -> dict[str, str]:
    """The status of each row that has one, by name."""
    return {each.name: str(each.status) for each in batch.rows if each.status is not None}


def main(home: str, batch_id: str, jobs: str, *words: str) -> None:
    app = opened(Path(home))
    batch = app.store.batches.batch(batch_id)
    with adopting_orphans():
        carried_out(app, batch, jobs=int(jobs), retry_failed="retry" in words)


if __name__ == "__main__":
    main(*sys.argv[1:])
