"""Schedules as timers of the user's systemd: a timer and a service for each."""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from crossrun.errors import ConfigurationError
from crossrun.scheduling import Schedule, decoded, encoded, refused
from crossrun.scheduling.cron import CronTimes
from crossrun.system.programs import run_program

_TIMEOUT = 20.0
_DATA = "Schedule="
_LINGER = Path("/var/lib/systemd/linger")


class Systemd:
    """The user's instance of systemd.

    Args:
        environ: the environment of `systemctl`.
        folder: where the user's units are.
        user: the name of the user.
    """

    name = "systemd"

    def __init__(self, environ: Mapping[str, str], folder: Path, user: str) -> None:
        self._environ = environ
        self._folder = folder
        self._user = user

    def is_available(self) -> bool:
        """Whether the user's instance answers."""
        return self._call("show-environment") is None

    def schedules(self) -> list[Schedule]:
        """The entries that crossrun wrote."""
        result = []
        for service in sorted(self._folder.glob("crossrun-*.service")):
            schedule = _schedule_in(service)
            if schedule is not None and self._timer(schedule).is_file():
                result.append(replace(schedule, changed=self._differs(schedule)))
        return result

    def write(self, schedule: Schedule) -> None:
        """Writes timer and service, or replaces them."""
        timer, service = self._timer(schedule), self._service(schedule)
        units = {service: _service_text(schedule), timer: _timer_text(schedule)}
        before = {file: file.read_bytes() if file.is_file() else None for file in units}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for file, text in units.items():
                file.write_text(text, encoding="utf-8")
            self._require("daemon-reload")
            self._require("disable" if schedule.paused else "enable", timer.name)
            self._require("stop" if schedule.paused else "restart", timer.name)
        except (OSError, ConfigurationError) as error:
            for file, content in before.items():
                if content is None:
                    file.unlink(missing_ok=True)
                else:
                    file.write_bytes(content)
            self._call("daemon-reload")
            if isinstance(error, OSError):
                raise refused(self.name, ["write", str(timer)], str(error)) from error
            raise

    def remove(self, schedule: Schedule) -> None:
        """Removes timer and service."""
        timer = self._timer(schedule)
        self._require("disable", "--now", timer.name)
        timer.unlink(missing_ok=True)
        self._service(schedule).unlink(missing_ok=True)
        self._require("daemon-reload")

    def limitation(self) -> str | None:
        """Timers of a user run only while the user is logged in, unless the user lingers."""
        if (_LINGER / self._user).exists():
            return None
        return "it runs while you are logged in; for always: loginctl enable-linger"

    def _timer(self, schedule: Schedule) -> Path:
        return self._folder / f"crossrun-{schedule.name}.timer"

    def _service(self, schedule: Schedule) -> Path:
        return self._folder / f"crossrun-{schedule.name}.service"

    def _differs(self, schedule: Schedule) -> bool:
        units = {
            self._timer(schedule): _timer_text(schedule),
            self._service(schedule): _service_text(schedule),
        }
        return any(file.read_text(errors="replace") != text for file, text in units.items())

    def _call(self, *words: str) -> str | None:
        """Calls systemctl; the error that it reports."""
        command = ["systemctl", "--user", *words]
        result = run_program(command, environ=self._environ, timeout=_TIMEOUT)
        return None if result.exit_code == 0 else result.error

    def _require(self, *words: str) -> None:
        error = self._call(*words)
        if error is not None:
            raise refused(self.name, ["systemctl", "--user", *words], error)


def _schedule_in(service: Path) -> Schedule | None:
    try:
        lines = service.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    data = next((line for line in lines if line.startswith(_DATA)), None)
    return None if data is None else decoded(data.removeprefix(_DATA))


def _timer_text(schedule: Schedule) -> str:
    times = "".join(f"OnCalendar={each}\n" for each in CronTimes(schedule.when).on_calendar())
    return f"""\
# crossrun: {schedule.name}
[Unit]
Description=crossrun schedule {schedule.name}

[Timer]
{times}AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def _service_text(schedule: Schedule) -> str:
    environ = "".join(
        f"Environment={_quoted(f'{name}={value}')}\n" for name, value in schedule.environ.items()
    )
    command = " ".join(_quoted(word.replace("$", "$$")) for word in schedule.command())
    return f"""\
# crossrun: {schedule.name}
[Unit]
Description=crossrun schedule {schedule.name}

[Service]
Type=oneshot
WorkingDirectory={_without_specifiers(schedule.folder)}
{environ}ExecStart={command}
StandardOutput=append:{_without_specifiers(schedule.log)}
StandardError=append:{_without_specifiers(schedule.log)}

[X-Crossrun]
{_DATA}{encoded(schedule)}
"""


def _quoted(word: str) -> str:
    """A word as systemd reads it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_without_specifiers(escaped)}"'


def _without_specifiers(text: str) -> str:
    return text.replace("%", "%%")
