"""The program: `python -m crossrun` and the `crossrun` command."""

import gc
import os
import sys

from crossrun.system import inherited, streams

_COLLECT_AFTER = 50_000
"""Objects. Starting is importing, and a collection every 700 new objects takes a tenth of it."""


def main() -> None:
    """Carries out the command line and ends the process with its exit code, at once."""
    inherited.put_in_order()
    gc.set_threshold(_COLLECT_AFTER)
    code = _carried_out()
    os._exit(code)  # everything is stored and closed; taking modules apart would only take time


def _carried_out() -> int:
    try:
        if sys.argv[1:2] == ["__complete"]:  # a shell asks; nobody waits for the imports below
            from crossrun.completion import answer

            sys.stdout.write(answer(sys.argv[2:]))
            streams.flush()
            return 0
        if sys.argv[1:] in (["--version"], ["-V"]):
            from crossrun import __version__

            sys.stdout.write(f"crossrun {__version__}\n")
            streams.flush()
            return 0
        from crossrun.cli import root
        from crossrun.cli.error_boundary import run_command_line

        code = run_command_line(root(), sys.argv[1:])
        streams.flush()
    except (KeyboardInterrupt, inherited.Interrupted) as interrupt:
        return inherited.exit_code(interrupt)
    return code


if __name__ == "__main__":
    main()
