"""Faults on purpose: each list is carried out, counted, and has to be without a failure.

    python tests/faults                     the short form, about ten minutes on two cores
    python tests/faults --long              the long form, some hours
    python tests/faults kill stop           only these lists
    python tests/faults kill --only 17      one trial again, to look into a failure

Takes the crossrun of the Python that runs it, and the real Codex: CODEX_PATH, or one on the PATH.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from faults.batches import BATCHES
from faults.damage import DAMAGE
from faults.endings import ENDINGS
from faults.filesystems import FILESYSTEMS
from faults.floods import FLOODS
from faults.full import FULL
from faults.kill import KILL
from faults.lines import LINES
from faults.lists import FaultList, Trial
from faults.load import LOAD
from faults.recovery import RECOVERY
from faults.repositories import REPOSITORIES
from faults.stop import STOP
from faults.surroundings import SURROUNDINGS

LISTS: tuple[FaultList, ...] = (
    FLOODS,
    KILL,
    BATCHES,
    STOP,
    ENDINGS,
    FULL,
    LINES,
    DAMAGE,
    RECOVERY,
    FILESYSTEMS,
    REPOSITORIES,
    SURROUNDINGS,
    LOAD,
)


def main() -> int:
    """Carries the chosen lists out and prints a table; 1 when there was a failure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lists", nargs="*", metavar="LIST", help=", ".join(x.name for x in LISTS))
    parser.add_argument("--long", action="store_true", help="as many trials as the long form has")
    parser.add_argument("--only", type=int, metavar="N", help="only this trial")
    chosen = parser.parse_args()
    lists = [each for each in LISTS if not chosen.lists or each.name in chosen.lists]
    print(f"{'LIST':<12} {'TRIALS':>7} {'FAILED':>7} {'TIME':>7}  WHAT", flush=True)
    possible = [each for each in lists if _is_possible(each)]
    failed = 0
    for alone in (False, True):
        taken = [each for each in possible if each.alone is alone]
        failed += _carried_out(taken, chosen, at_once=1 if alone else os.cpu_count())
    return 1 if failed else 0


def _is_possible(each: FaultList) -> bool:
    """Whether this machine can carry a list out; prints what it lacks."""
    missing = each.lacks()
    if missing is not None:
        line = f"{each.name:<12} {'-':>7} {'-':>7} {'-':>7}  not possible here: {missing}"
        print(line, flush=True)
    return missing is None


def _numbers(each: FaultList, chosen: argparse.Namespace) -> Sequence[int]:
    if chosen.only is not None:
        return [chosen.only]
    return range(each.long if chosen.long else each.short)


class _Outcome(NamedTuple):
    """What came of a trial, and when in seconds."""

    number: int
    began: float
    ended: float
    failure: str | None


def _carried_out(
    lists: Sequence[FaultList], chosen: argparse.Namespace, *, at_once: int | None
) -> int:
    """Carries lists out, so many trials at once, of two lists where one ends; counts failures."""
    with ThreadPoolExecutor(at_once) as pool:
        try:
            begun = [
                (each, [pool.submit(_outcome, each, n) for n in _numbers(each, chosen)])
                for each in lists
            ]
            return sum(_print(each, [trial.result() for trial in trials]) for each, trials in begun)
        finally:
            pool.shutdown(cancel_futures=True)


def _print(each: FaultList, outcomes: Sequence[_Outcome]) -> int:
    """Prints a list's line, with every failure below it; counts them."""
    failures = [outcome for outcome in outcomes if outcome.failure]
    took = max(o.ended for o in outcomes) - min(o.began for o in outcomes)
    line = f"{each.name:<12} {len(outcomes):>7} {len(failures):>7} {took:>6.0f}s  {each.about}"
    print(line, *(f"  {o.number}: {o.failure}" for o in failures), sep="\n", flush=True)
    return len(failures)


def _outcome(each: FaultList, number: int) -> _Outcome:
    """Makes a trial; its folder is removed in any case."""
    began = time.monotonic()
    chance = random.Random(f"{each.name} {number}")  # noqa: S311  the same each time
    with tempfile.TemporaryDirectory(prefix="crossrun-fault-") as folder:
        failure = _failure(each, Trial(number, Path(folder), chance))
    return _Outcome(number, began, time.monotonic(), failure)


def _failure(each: FaultList, trial: Trial) -> str | None:
    """What went wrong in a trial."""
    try:
        each.carry_out(trial)
    except Exception as error:  # noqa: BLE001  whatever it was, the other trials go on
        return f"{type(error).__name__}: {error}".strip()[:1000]
    return None


if __name__ == "__main__":
    sys.exit(main())
