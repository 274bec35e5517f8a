"""`crossrun attempts`: several attempts at one task, and the best of them."""

from crossrun.cli.commands.attempts.commands import cancel, list_attempts, resume, show, start
from crossrun.cli.groups import group

_HELP = """Try a task several times, each in its own copy of the same state, and keep the best.

`crossrun attempts TASK` starts the attempts (`attempts start --help` lists the options). If a task
has the name of a command below, write `attempts start TASK`.

\b
Examples:
  crossrun attempts "Fix the failing test" -n 4 --source . --verify "pytest -q"
  crossrun attempts show
  crossrun attempts resume --retry-failed
"""

attempts_app = group(
    "attempts",
    _HELP,
    start=start,
    list=list_attempts,
    show=show,
    resume=resume,
    cancel=cancel,
)
