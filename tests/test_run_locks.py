"""The lock files of runs: whoever holds one has the file that others find under its name."""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from crossrun.store.locks import RunLocks


@contextmanager
def before_the_next_flock(act: Callable[[], None]) -> Iterator[None]:
    """Acts once, at the moment when this thread is about to lock a file that it has opened."""

    def profiler(_frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and called is fcntl.flock:
            sys.setprofile(None)
            act()

    earlier = sys.getprofile()
    sys.setprofile(profiler)
    try:
        yield
    finally:
        sys.setprofile(earlier)


def test_a_lock_file_that_was_swept_before_it_was_locked_is_not_taken(tmp_path: Path) -> None:
    locks, sweeper = RunLocks(tmp_path), RunLocks(tmp_path)

    def sweep() -> None:
        with sweeper.claim("k7f3") as mine:
            assert mine

    with before_the_next_flock(sweep), pytest.raises(FileExistsError):
        locks.create("k7f3")
    assert locks.names() == set()

    held = locks.create("k7f3")
    assert locks.held() == ["k7f3"]
    locks.release("k7f3", held)
    assert locks.held() == []


def test_a_claimed_file_that_another_removed_is_not_taken(tmp_path: Path) -> None:
    locks = RunLocks(tmp_path)
    (tmp_path / "k7f3.lock").touch()

    with before_the_next_flock((tmp_path / "k7f3.lock").unlink), locks.claim("k7f3") as mine:
        assert not mine
    with locks.claim("k7f3") as mine:
        assert mine


def test_a_run_whose_lock_is_held_cannot_be_claimed_or_created(tmp_path: Path) -> None:
    locks = RunLocks(tmp_path)
    held = locks.create("k7f3")
    with locks.claim("k7f3") as mine:
        assert not mine
    with pytest.raises(FileExistsError):
        locks.create("k7f3")
    os.close(held)
    with locks.claim("k7f3") as mine:
        assert mine
