"""Schedules as launch agents of macOS: a property list for each."""

import os
import plistlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from crossrun.errors import ConfigurationError
from crossrun.scheduling import Schedule, decoded, encoded, refused
from crossrun.scheduling.cron import CronTimes
from crossrun.system.programs import run_program

_TIMEOUT = 20.0
_PREFIX = "dev.crossrun."
_DATA = "CrossrunSchedule"


class Launchd:
    """The launch agents of this user.

    Args:
        environ: the environment of `launchctl`.
        folder: where the user's launch agents are.
    """

    name = "launchd"

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ = environ
        self._folder = folder
        self._domain = f"gui/{os.getuid()}"

    def is_available(self) -> bool:
        """Whether there is a program `launchctl`."""
        import shutil

        return shutil.which("launchctl", path=self._environ.get("PATH")) is not None

    def schedules(self) -> list[Schedule]:
        """The entries that crossrun wrote."""
        result = []
        for file in sorted(self._folder.glob(f"{_PREFIX}*.plist")):
            content = _content(file)
            schedule = decoded(str(content.get(_DATA, "")))
            if schedule is not None:
                result.append(replace(schedule, changed=content != _agent(schedule)))
        return result

    def write(self, schedule: Schedule) -> None:
        """Writes a launch agent, or replaces it."""
        content = plistlib.dumps(_agent(schedule))
        file = self._file(schedule)
        before = file.read_bytes() if file.is_file() else None
        self._call("bootout", f"{self._domain}/{_PREFIX}{schedule.name}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            if not schedule.paused:
                self._require("bootstrap", self._domain, str(file))
        except (OSError, ConfigurationError) as error:
            if before is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(before)
            if isinstance(error, OSError):
                raise refused(self.name, ["write", str(file)], str(error)) from error
            raise

    def remove(self, schedule: Schedule) -> None:
        """Removes a launch agent."""
        self._call("bootout", f"{self._domain}/{_PREFIX}{schedule.name}")
        self._file(schedule).unlink(missing_ok=True)

    def limitation(self) -> str | None:
        """Launch agents belong to the session of a user."""
        return "it runs while you are logged in"

    def _file(self, schedule: Schedule) -> Path:
        return self._folder / f"{_PREFIX}{schedule.name}.plist"

    def _call(self, *words: str) -> str | None:
        """Calls launchctl; the error that it reports."""
        result = run_program(["launchctl", *words], environ=self._environ, timeout=_TIMEOUT)
        return None if result.exit_code == 0 else result.error

    def _require(self, *words: str) -> None:
        error = self._call(*words)
        if error is not None:
            raise refused(self.name, ["launchctl", *words], error)


def _content(file: Path) -> dict[str, Any]:
    try:
        content = plistlib.loads(file.read_bytes())
    except (OSError, ValueError, plistlib.InvalidFileException):
        return {}
    return content if isinstance(content, dict) else {}


def _agent(schedule: Schedule) -> dict[str, Any]:
    """A paused agent is disabled, so that it also stays so after the next login."""
    return {
        "Label": f"{_PREFIX}{schedule.name}",
        "ProgramArguments": schedule.command(),
        "WorkingDirectory": schedule.folder,
        "EnvironmentVariables": schedule.environ,
        "StandardOutPath": schedule.log,
        "StandardErrorPath": schedule.log,
        "StartCalendarInterval": CronTimes(schedule.when).calendar_intervals(),
        "Disabled": schedule.paused,
        _DATA: encoded(schedule),
    }
