"""What the command line adds to notifications: its terminal, and errors that nobody reads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from crossrun.cli.globals import Globals
from crossrun.errors import CrossrunError
from crossrun.services.app import App
from crossrun.services.notifying import announce_unattended_error


def terminal_writer(options: Globals) -> Callable[[str], None] | None:
    """Writes signs to the terminal that standard error is; None if it is something else."""
    stream = options.err.stream
    if not stream.isatty():
        return None

    def write(signs: str) -> None:
        stream.write(signs)
        stream.flush()

    return write


@contextmanager
def announcing_unattended_errors(app: App, tags: Sequence[str]) -> Iterator[None]:
    """Announces the error that keeps a scheduled run from beginning."""
    try:
        yield
    except CrossrunError as error:
        announce_unattended_error(app, tags, error)
        raise
