"""Runs at fixed times: checked, written to the system's scheduler, listed, paused and removed."""

import os
import pwd
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from crossrun.config.settings import Settings
from crossrun.errors import ConfigurationError, NotFoundError, UsageError
from crossrun.model.queries import RunFilter
from crossrun.model.runs import Run
from crossrun.scheduling import NAME, Schedule, Scheduler
from crossrun.scheduling.cron import CronTimes
from crossrun.scheduling.crontab import Crontab
from crossrun.scheduling.launchd import Launchd
from crossrun.scheduling.systemd import Systemd
from crossrun.services.app import App
from crossrun.services.notices import Notice
from crossrun.suggestions import did_you_mean
from crossrun.system.clock import utc
from crossrun.system.filelocks import file_locked
from crossrun.system.folders import make_private

_PASSED_ON = ("PATH", "CODEX_HOME", "CODEX_PATH")
"""Variables that the entry gets besides the home of crossrun: places, and no keys."""


class Entry(NamedTuple):
    """A schedule, the scheduler that it is in, its next time and its newest run.

    `next_at` is UTC; None: it is paused.
    """

    schedule: Schedule
    scheduler: str
    next_at: str | None
    last_run: Run | None

    def plain(self) -> dict[str, Any]:
        """As JSON shows it."""
        schedule, last = self.schedule, self.last_run
        return {
            "name": schedule.name,
            "when": schedule.when,
            "next_at": self.next_at,
            "paused": schedule.paused,
            "changed": schedule.changed,
            "scheduler": self.scheduler,
            "arguments": list(schedule.arguments),
            "command": schedule.command(),
            "folder": schedule.folder,
            "log": schedule.log,
            "last_run_id": last and last.id,
            "last_status": last and last.status,
        }


def schedulers(settings: Settings) -> list[Scheduler]:
    """The schedulers of this system that can be used, the best first."""
    environ = settings.environ
    candidates: list[Scheduler]
    if sys.platform == "darwin":
        candidates = [Launchd(environ, settings.user_home / "Library" / "LaunchAgents")]
    else:
        configuration = environ.get("XDG_CONFIG_HOME") or str(settings.user_home / ".config")
        units = Path(configuration) / "systemd" / "user"
        candidates = [
            Systemd(environ, units, pwd.getpwuid(os.getuid()).pw_name),
            Crontab(environ),
        ]
    return [candidate for candidate in candidates if candidate.is_available()]


def add_schedule(
    when: str, arguments: Sequence[str], *, name: str | None, home: Path | None, app: App
) -> Entry:
    """Writes a schedule to the best scheduler of the system.

    Args:
        when: a cron expression.
        arguments: of `crossrun run`, which were checked.
        name: of the schedule; by default one that is free.
        home: the value of `--home`.
        app: has the settings, and presents what limits the scheduler.

    Raises:
        UsageError: the time or the name is not valid, or the arguments contain a secret.
        ConfigurationError: there is no scheduler, or it refuses the entry.
    """
    times = CronTimes(when)
    _require_plain(arguments, app)
    available = _available(app.settings)
    make_private(app.settings.paths.logs)
    with file_locked(app.settings.paths.state / "schedules.lock"):
        used = {each.name for scheduler in available for each in scheduler.schedules()}
        schedule = Schedule(
            name=_free_name(name, arguments, used),
            when=times.expression,
            arguments=tuple(arguments),
            folder=str(Path.cwd()),
            program=(sys.executable, "-m", "crossrun"),
            environ=_environ(app.settings, home),
            log="",
        )
        log = app.settings.paths.logs / f"{schedule.name}.schedule.log"
        schedule = replace(schedule, log=str(log))
        _require_lines(schedule)
        available[0].write(schedule)
    limitation = available[0].limitation()
    if limitation is not None:
        app.notify(Notice(limitation))
    return _entry(schedule, available[0], None)


def all_entries(app: App) -> list[Entry]:
    """All schedules by name.

    Raises:
        ConfigurationError: a scheduler cannot be asked.
    """
    return sorted(
        (
            _entry(schedule, scheduler, _last_run(schedule, app))
            for scheduler in schedulers(app.settings)
            for schedule in scheduler.schedules()
        ),
        key=lambda entry: entry.schedule.name,
    )


def named_schedule(name: str, settings: Settings) -> tuple[Schedule, Scheduler]:
    """A schedule and the scheduler that it is in.

    Raises:
        NotFoundError: there is none with this name.
    """
    entries = {
        schedule.name: (schedule, scheduler)
        for scheduler in schedulers(settings)
        for schedule in scheduler.schedules()
    }
    if name not in entries:
        raise NotFoundError(
            "SCHEDULE_NOT_FOUND",
            f"there is no schedule {name!r}{did_you_mean(name, entries)}",
            hint="list them: crossrun schedule",
        )
    return entries[name]


def remove_schedule(name: str, settings: Settings) -> Schedule:
    """Removes a schedule; its runs stay."""
    with file_locked(settings.paths.state / "schedules.lock"):
        schedule, scheduler = named_schedule(name, settings)
        scheduler.remove(schedule)
    return schedule


def pause_schedule(name: str, settings: Settings, *, paused: bool) -> Entry:
    """Pauses a schedule, or lets it continue."""
    with file_locked(settings.paths.state / "schedules.lock"):
        schedule, scheduler = named_schedule(name, settings)
        schedule = replace(schedule, paused=paused, changed=False)
        scheduler.write(schedule)
    return _entry(schedule, scheduler, None)


def _available(settings: Settings) -> list[Scheduler]:
    available = schedulers(settings)
    if not available:
        raise ConfigurationError(
            "SCHEDULER_MISSING",
            "this system has no scheduler that crossrun can use: `systemctl --user` does not"
            " answer, and there is no `crontab`",
            hint="install cron, or log in so that systemd runs for your user",
        )
    return available


def _require_lines(schedule: Schedule) -> None:
    """Refuses places whose names would break the lines of an entry into several."""
    places = [schedule.folder, schedule.log, *schedule.program, *schedule.environ.values()]
    for place in places:
        if not place.isprintable():
            raise UsageError(
                "SCHEDULE_INVALID",
                f"{place!r} contains characters that a scheduler cannot take",
                hint="rename that folder, or change the variable that names it",
            )


def _require_plain(arguments: Sequence[str], app: App) -> None:
    """Refuses arguments that an entry cannot hold, or must not."""
    if any(not word.isprintable() for word in arguments):
        raise UsageError(
            "SCHEDULE_INVALID",
            "a scheduled command has to be one line of printable characters",
            hint="put the task into a file: -f FILE, or into a template",
        )
    _, removed = app.redactor(" ".join(arguments))
    if removed:
        raise UsageError(
            "SCHEDULE_SECRET",
            "the command contains a secret, which other programs could read in the scheduler",
            hint="put it into the file .env of this folder, or log in: codex login",
        )


def _free_name(name: str | None, arguments: Sequence[str], used: set[str]) -> str:
    if name is None:
        words = list(arguments)
        base = words[words.index("--template") + 1] if "--template" in words[:-1] else "run"
        base = base if NAME.fullmatch(base) else "run"
        numbered = (f"{base}-{number}" for number in range(2, len(used) + 3))
        return next(each for each in (base, *numbered) if each not in used)
    if not NAME.fullmatch(name):
        raise UsageError(
            "SCHEDULE_INVALID",
            f"{name!r} is not a name for a schedule",
            hint="take lowercase letters, digits and -",
        )
    if name in used:
        raise UsageError(
            "SCHEDULE_INVALID",
            f"there is a schedule {name} already",
            hint=f"choose another name, or remove it: crossrun schedule rm {name}",
        )
    return name


def _environ(settings: Settings, home: Path | None) -> dict[str, str]:
    environ: Mapping[str, str] = settings.environ
    passed_on = {name: environ[name] for name in _PASSED_ON if environ.get(name)}
    own_home = str(home.absolute()) if home is not None else environ.get("CROSSRUN_HOME")
    return {**passed_on, **({"CROSSRUN_HOME": str(Path(own_home).absolute())} if own_home else {})}


def _entry(schedule: Schedule, scheduler: Scheduler, last_run: Run | None) -> Entry:
    now = datetime.now()  # noqa: DTZ005  local time, as schedulers have it
    following = CronTimes(schedule.when).next_after(now).astimezone()
    return Entry(schedule, scheduler.name, None if schedule.paused else utc(following), last_run)


def _last_run(schedule: Schedule, app: App) -> Run | None:
    return next(iter(app.store.read.runs(RunFilter(tag=schedule.tag, limit=1))), None)
