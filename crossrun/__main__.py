"""The program: `python -m crossrun` and the `crossrun` command."""

import gc
import os
import sys

_COLLECT_AFTER = 50_000
"""Objects. Starting is importing, and a collection every 700 new objects takes a tenth of it."""


def main() -> None:
    """Carries out the command line and ends the process with its exit code, at once."""
    gc.set_threshold(_COLLECT_AFTER)
    from crossrun.cli import root
    from crossrun.cli.edge import run_command_line

    code = run_command_line(root(), sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # everything is stored and closed; taking modules apart would only take time


if __name__ == "__main__":
    main()
