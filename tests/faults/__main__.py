"""Faults on purpose: each list is carried out, counted, and has to be without a failure.

    python tests/faults                     the short form, about ten minutes
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

sys.path.insert(0, str(Path(__file__).parent.parent))

from faults.damage import DAMAGE
from faults.endings import ENDINGS
from faults.floods import FLOODS
from faults.full import FULL
from faults.kill import KILL
from faults.lines import LINES
from faults.lists import FaultList, Trial
from faults.load import LOAD
from faults.stop import STOP

LISTS: tuple[FaultList, ...] = (KILL, STOP, ENDINGS, FULL, LINES, FLOODS, DAMAGE, LOAD)


def main() -> int:
    """Carries the chosen lists out and prints a table; 1 when there was a failure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lists", nargs="*", metavar="LIST", help=", ".join(x.name for x in LISTS))
    parser.add_argument("--long", action="store_true", help="as many trials as the long form has")
    parser.add_argument("--only", type=int, metavar="N", help="only this trial")
    chosen = parser.parse_args()
    lists = [each for each in LISTS if not chosen.lists or each.name in chosen.lists]
    print(f"{'LIST':<10} {'TRIALS':>7} {'FAILED':>7} {'TIME':>7}  WHAT", flush=True)
    failed = [_carried_out(each, _numbers(each, chosen)) for each in lists]
    return 1 if any(failed) else 0


def _numbers(each: FaultList, chosen: argparse.Namespace) -> Sequence[int]:
    if chosen.only is not None:
        return [chosen.only]
    return range(each.long if chosen.long else each.short)


def _carried_out(each: FaultList, numbers: Sequence[int]) -> int:
    """Carries a list out and prints its line, with every failure below it."""
    missing = each.lacks()
    if missing is not None:
        print(
            f"{each.name:<10} {'-':>7} {'-':>7} {'-':>7}  not possible here: {missing}", flush=True
        )
        return 0
    began = time.monotonic()
    with ThreadPoolExecutor(1 if each.alone else os.cpu_count()) as pool:
        reasons = list(pool.map(lambda number: _failure(each, number), numbers))
    failures = [(number, why) for number, why in zip(numbers, reasons, strict=True) if why]
    took = time.monotonic() - began
    line = f"{each.name:<10} {len(numbers):>7} {len(failures):>7} {took:>6.0f}s  {each.about}"
    print(line, *(f"  {number}: {why}" for number, why in failures), sep="\n", flush=True)
    return len(failures)


def _failure(each: FaultList, number: int) -> str | None:
    """What went wrong in a trial; its folder is removed in any case."""
    with tempfile.TemporaryDirectory(prefix="crossrun-fault-") as folder:
        try:
            each.carry_out(Trial(number, Path(folder), random.Random(f"{each.name} {number}")))  # noqa: S311
        except Exception as error:  # noqa: BLE001  whatever it was, the other trials go on
            return f"{type(error).__name__}: {error}".strip()[:1000]
    return None


if __name__ == "__main__":
    sys.exit(main())
