"""Schedules in the user's crontab, three lines for each; other lines stay as they are."""

import re
import shlex
from collections.abc import Mapping

from msgspec.structs import replace

from crossrun.errors import UsageError
from crossrun.scheduling import Schedule, decoded, encoded, refused
from crossrun.scheduling.cron import CronTimes
from crossrun.system.programs import run_program

_BLOCK = re.compile(
    r"^# crossrun: (?P<name>[a-z0-9-]+)\n# crossrun-data: (?P<data>.*)(?:\n|\Z)"
    r"(?:.* --tag schedule:(?P=name) .*(?:\n|\Z))?",
    re.MULTILINE,
)
"""The lines of a schedule. If somebody has removed the last one, the next line is the user's."""

_PAUSED = "# paused: "
_TIMEOUT = 10.0
_LONGEST = 990
"""Characters of a command; some versions of cron refuse 1,000."""


class Crontab:
    """The crontab of this user.

    Args:
        environ: the environment of the program `crontab`.
    """

    name = "crontab"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def is_available(self) -> bool:
        """Whether there is a program `crontab`."""
        import shutil

        return shutil.which("crontab", path=self._environ.get("PATH")) is not None

    def schedules(self) -> list[Schedule]:
        """The entries that crossrun wrote."""
        found_blocks = _BLOCK.finditer(self._text())
        return [
            replace(schedule, changed=match[0] != _block(schedule))
            for match in found_blocks
            if (schedule := decoded(match["data"])) is not None
        ]

    def write(self, schedule: Schedule) -> None:
        """Writes an entry, or replaces it."""
        block, text = _block(schedule), self._text()
        at = next((match for match in _BLOCK.finditer(text) if _is_of(match, schedule)), None)
        if at is None:
            end = "" if not text or text.endswith("\n") else "\n"
            self._install(f"{text}{end}{block}")
        else:
            self._install(text[: at.start()] + block + text[at.end() :])

    def remove(self, schedule: Schedule) -> None:
        """Removes an entry."""
        self._install(
            _BLOCK.sub(lambda match: "" if _is_of(match, schedule) else match[0], self._text())
        )

    def limitation(self) -> str | None:
        """Nothing: cron also works when nobody is logged in."""
        return None

    def _text(self) -> str:
        command = ["crontab", "-l"]
        result = run_program(command, environ=self._environ, timeout=_TIMEOUT)
        if result.exit_code == 0:
            return result.out
        if result.exit_code == 1 and "no crontab" in result.error.lower():
            return ""
        raise refused(self.name, command, result.error)

    def _install(self, text: str) -> None:
        """Replaces the crontab.

        By a file: if crossrun were killed while it writes to a pipe, the rest would be lost.
        """
        import tempfile

        try:
            with tempfile.NamedTemporaryFile(prefix="crossrun-crontab-") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                command = ["crontab", file.name]
                result = run_program(command, environ=self._environ, timeout=_TIMEOUT)
        except OSError as error:
            raise refused(self.name, ["crontab", "-"], error.strerror or str(error)) from error
        if result.exit_code != 0:
            raise refused(self.name, ["crontab", "-"], result.error)


def _is_of(match: re.Match[str], schedule: Schedule) -> bool:
    return match["name"] == schedule.name


def _block(schedule: Schedule) -> str:
    entry = f"{CronTimes(schedule.when).numeric} {_line(schedule)}"
    paused = _PAUSED if schedule.paused else ""
    return f"# crossrun: {schedule.name}\n# crossrun-data: {encoded(schedule)}\n{paused}{entry}\n"


def _line(schedule: Schedule) -> str:
    """The command for the shell of cron, which takes % for a line break unless it is escaped."""
    variables = [f"{name}={value}" for name, value in schedule.environ.items()]
    command = shlex.join(["env", *variables, *schedule.command()])
    log = shlex.quote(schedule.log)
    line = f"cd {shlex.quote(schedule.folder)} && {command} >>{log} 2>&1".replace("%", "\\%")
    if len(line) > _LONGEST:
        raise UsageError(
            "SCHEDULE_TOO_LONG",
            f"the entry for cron would have {len(line)} characters, and {_LONGEST} are allowed",
            hint="put the task into a template or a file (-f FILE), or shorten your PATH",
        )
    return line
