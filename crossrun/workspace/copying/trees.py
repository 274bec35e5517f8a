"""Copies of trees: as fast as the file system allows, and complete or not there at all.

The source is only read. Every file and folder is opened by its name in a folder that is open
already, and links are never followed, so that a folder that is swapped for a link in the middle of
the copy leads nowhere.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from crossrun.errors import ConfigurationError
from crossrun.model.failures import CANCELLED, RunFailed
from crossrun.system.background import Background, checkpoint
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.links import Links, Redirected
from crossrun.workspace.copying.worker import (
    FirstNames,
    Halted,
    LeaveOut,
    Lost,
    Skipped,
    Task,
    Worker,
)
from crossrun.workspace.files.atomic import building
from crossrun.workspace.files.dirfd import opened, reason, shown

_THREADS = max(2, min(4, os.cpu_count() or 2))
"""More than there are cores get in each other's way."""
_TICK = 0.1
"""Seconds between looks at the stop flag, and between words of progress."""
_COUNTED_AFTER = 0.5
"""Seconds after which it is worth knowing how many files there are."""
_NAMED = 3
"""How many of the files that cannot be read an error names."""


class Progress(Struct, frozen=True):
    """How far a copy has come."""

    files: int
    bytes: int
    total: int = 0
    """Files to copy; 0: they are not counted yet."""


class Copied(Struct, frozen=True):
    """What a copy consists of. Paths are relative to its top."""

    files: int
    bytes: int
    shared: int
    """Bytes whose blocks are shared with the source, until either is written."""
    folders: int
    links: int
    outward: tuple[str, ...]
    """Links that lead out of the tree: what is written through them lands elsewhere."""
    skipped: tuple[Skipped, ...]
    redirected: tuple[Redirected, ...] = ()
    """Links that led into the source by its whole path, and lead into the copy now."""
    lost: tuple[Lost, ...] = ()


Copying = Generator[Progress, None, Copied]


def nothing(_path: str) -> bool:
    """Leaves nothing out."""
    return False


def copy_tree(
    source: Path, target: Path, stop: CancelToken, *, leave_out: LeaveOut = nothing
) -> Copying:
    """Copies a folder to a path where nothing is yet. Closing the generator leaves nothing there.

    Modes, times, hard links within the tree, extended attributes and, where the system permits it,
    owners are kept; what is not is reported. The top folder is private to the user.

    Raises:
        RunFailed: it was asked to stop.
        ConfigurationError: something cannot be read or written.
    """
    with building(target) as folder:
        return (yield from copy_into(source, folder, stop, leave_out=leave_out))


def copy_into(
    source: Path, target: Path, stop: CancelToken, *, leave_out: LeaveOut = nothing
) -> Copying:
    """Copies what is in a folder into another that has none of it. Otherwise as `copy_tree`."""
    try:
        with opened(source) as reading, opened(target) as writing:
            links, hard_links = Links(source), FirstNames()
            workers = [
                Worker(reading, writing, leave_out, links, hard_links) for _ in range(_THREADS)
            ]
            yield from _all_done(workers, stop, lambda: _count(source, leave_out))
            for worker in workers:
                worker.link()
            unsettled = [folder for worker in workers for folder in worker.unsettled]
            for folder in sorted(unsettled, key=lambda each: -len(each.folder)):
                workers[0].settle(folder)
    except OSError as error:
        raise ConfigurationError(
            "COPY_FAILED",
            f"{source} cannot be copied: {reason(error)}",
            hint="check the disk's free space and the permissions of both folders",
        ) from error
    if unreadable := sorted(path for worker in workers for path in worker.unreadable):
        raise _unreadable(source, unreadable)
    return _total(workers)


def _all_done(
    workers: Sequence[Worker], stop: CancelToken, count: Callable[[], int]
) -> Generator[Progress]:
    """Hands out tasks until none is left. A copy that takes long is also counted."""
    counting = Background(count, start=False)
    try:
        with _threads(workers) as (tasks, results):
            yield from _handed_out(tasks, results, workers, stop, counting)
    finally:
        counting.cancelled = True


def _handed_out(
    tasks: "Tasks",
    results: "Results",
    workers: Sequence[Worker],
    stop: CancelToken,
    counting: Background[int],
) -> Generator[Progress]:
    tasks.put(Task(()))
    waiting, reported_at, began = 1, 0.0, time.monotonic()
    while waiting:
        try:
            result = results.get(timeout=_TICK)
        except queue.Empty:
            result = None
        if isinstance(result, Exception):
            raise result
        if result is not None:
            for task in result:
                tasks.put(task)
            waiting += len(result) - 1
        if time.monotonic() - reported_at > _TICK:
            if stop:
                raise RunFailed(CANCELLED)
            if reported_at < began + _COUNTED_AFTER <= time.monotonic():
                counting.start()
            reported_at = time.monotonic()
            yield _progress(workers, counting.value() if counting.done(0) else 0)


Tasks = queue.SimpleQueue[Task | None]
Results = queue.SimpleQueue[list[Task] | Exception]


@contextmanager
def _threads(workers: Sequence[Worker]) -> Iterator[tuple[Tasks, Results]]:
    """A thread for each worker. All of them have ended when the block is left."""
    tasks, results = Tasks(), Results()
    threads = [
        threading.Thread(target=_work, args=(worker, tasks, results), daemon=True)
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    try:
        yield tasks, results
    finally:
        for worker in workers:
            worker.halted = True
            tasks.put(None)
        for thread in threads:
            thread.join()


def _work(worker: Worker, tasks: Tasks, results: Results) -> None:
    while not worker.halted and (task := tasks.get()) is not None:
        try:
            results.put(worker.carry_out(task))
        except Halted:
            return
        except Exception as error:  # noqa: BLE001  it is raised again in the waiting thread
            results.put(error)


def _count(source: Path, leave_out: LeaveOut) -> int:
    """The files that a copy will have, as far as they can be listed."""
    files, pending = 0, [""]
    while pending:
        checkpoint()
        prefix = pending.pop()
        with suppress(OSError), os.scandir(source / prefix) as entries:
            for entry in entries:
                path = prefix + entry.name
                if leave_out(path):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{path}/")
                elif entry.is_file(follow_symlinks=False):
                    files += 1
    return files


def _progress(workers: Sequence[Worker], total: int) -> Progress:
    files, size = sum(each.files for each in workers), sum(each.bytes for each in workers)
    return Progress(files, size, total)


def _total(workers: Sequence[Worker]) -> Copied:
    return Copied(
        files=sum(worker.files for worker in workers),
        bytes=sum(worker.bytes for worker in workers),
        shared=sum(worker.shared for worker in workers),
        folders=sum(worker.folders for worker in workers),
        links=sum(worker.links for worker in workers),
        outward=tuple(sorted(path for worker in workers for path in worker.outward)),
        skipped=tuple(
            Skipped(shown(path), kind)
            for path, kind in sorted(entry for worker in workers for entry in worker.skipped)
        ),
        redirected=tuple(sorted(link for worker in workers for link in worker.redirected)),
        lost=tuple(
            Lost(shown(path), what)
            for path, what in sorted(entry for worker in workers for entry in worker.lost)
        ),
    )


def _unreadable(source: Path, paths: Sequence[str]) -> ConfigurationError:
    """A copy that has less than its source would look as if somebody had removed something."""
    named = ", ".join(repr(path) for path in paths[:_NAMED])
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ConfigurationError(
        "SOURCE_UNREADABLE",
        f"{source} contains files that you may not read: {named}{more}",
        hint="make it readable, move it away, or ignore it in a .gitignore",
    )
