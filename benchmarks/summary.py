"""Start-up, what a run adds, and ingest, in one go of less than five minutes.

    CODEX_PATH=.../codex python benchmarks/summary.py [--baseline COMMIT]

The parts are `startup.py`, `run_overhead.py` and `ingest.py`, with fewer rounds.
"""

import argparse

import ingest
import run_overhead
import startup
from timing import machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baseline")
    baseline = parser.parse_args().baseline
    print(f"{machine()}\n\n## Start-up, 15 rounds, medians\n")
    startup.report(rounds=15)
    print("\n## A run, 11 rounds, medians\n")
    run_overhead.report(rounds=11, baseline=baseline)
    print("\n## Ingest\n")
    ingest.report(count=150_000)
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
