"""`crossrun schedule`: runs at fixed times."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import click
import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import Globals, current
from crossrun.cli.groups import group
from crossrun.errors import ConfigurationError, ConsentNeeded, UsageError
from crossrun.projections.documents import document
from crossrun.services.app import App

_HELP = """Run tasks at fixed times, with your system's scheduler.

\b
Examples:
  crossrun schedule add "0 7 * * 1-5" -- run --template dependencies
  crossrun schedule
  crossrun schedule run dependencies
"""

ScheduleName = Annotated[str, typer.Argument(metavar="NAME", help="The schedule.")]


def list_schedules(json: Json = False) -> None:
    """List schedules, with their next time and their newest run."""
    from crossrun.services.schedules import all_entries

    options = current()
    app = options.open_app()
    entries = all_entries(app)
    if json:
        objects = [entry.plain() for entry in entries]
        options.out.emit(document({"schedules": objects, "total": len(objects)}))
    elif entries:
        from crossrun.views.schedules import schedule_table

        options.out.write(schedule_table(entries, options.out))
    else:
        options.say(
            "no schedules yet; for example:",
            '  crossrun schedule add "0 7 * * 1-5" -- run --template lint',
        )


def add(
    when: Annotated[
        str,
        typer.Argument(
            metavar="WHEN", help="Minute, hour, day of month, month, day of week, as in cron."
        ),
    ],
    command: Annotated[
        list[str],
        typer.Argument(metavar="-- run ...", help="What to run, as on the command line."),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="A name. (the name of the template)")
    ] = None,
    json: Json = False,
) -> None:
    """Run something at fixed times, in the current folder.

    It becomes an entry of systemd, cron or launchd. Its runs have the tag `scheduled`. If one
    fails, you get a notification.

    \b
    Examples:
      crossrun schedule add "0 7 * * 1-5" -- run --template dependencies
      crossrun schedule add @weekly --name audit -- run --template security
      crossrun schedule add "*/30 9-17 * * *" -- run -f task.md -p inbox
    """
    from crossrun.scheduling.cron import CronTimes
    from crossrun.services.schedules import add_schedule

    options = current()
    CronTimes(when)
    arguments = _arguments_of_run(command)
    home = _check(arguments, options) or options.home
    app = options.app()
    entry = add_schedule(when, arguments, name=name, home=home, app=app)
    if json:
        options.out.emit(document(entry.plain()))
    from crossrun.views.schedules import next_time

    options.say(
        f"added {entry.schedule.name} to {entry.scheduler}; next: {next_time(entry)}",
        f"  crossrun schedule run {entry.schedule.name}",
        f"  crossrun schedule rm {entry.schedule.name}",
    )


def _arguments_of_run(command: Sequence[str]) -> list[str]:
    words = list(command)
    if words[:1] == ["crossrun"]:
        words = words[1:]
    if words[:1] != ["run"]:
        raise UsageError(
            "SCHEDULE_INVALID",
            f"{' '.join(words[:1]) or 'nothing'!r} cannot be scheduled: a schedule starts runs",
            hint='crossrun schedule add "0 7 * * *" -- run "your task"',
        )
    asked = {"-h", "--help", "--help-all"}.intersection(words)
    if asked:
        raise UsageError(
            "SCHEDULE_INVALID", f"{asked.pop()} cannot be used in a schedule", hint="leave it out"
        )
    return words[1:]


def _check(arguments: Sequence[str], options: Globals) -> Path | None:
    """Parses the arguments as the command line would, and makes the request; runs nothing.

    Returns:
        The value of `--home` among them.
    """
    from msgspec.structs import replace

    from crossrun.cli.parsing import options_from
    from crossrun.cli.tasks import read_task
    from crossrun.services.options import RunOptions
    from crossrun.services.requests import run_request

    root = click.get_current_context().find_root().command
    inner = Globals(json=options.json)
    inner.home = options.home
    outer = click.Context(root, info_name="crossrun", obj=inner)
    command = root.get_command(outer, "run") if isinstance(root, click.Group) else None
    if command is None:
        raise ValueError("there is no command run")
    given = _with_paths(command.make_context("run", list(arguments), parent=outer).params)
    _require_unattended(given)
    run_options = options_from(RunOptions, given)
    task = read_task(given["task"], given["file"])
    app = App(inner.settings())
    app.store.open_for_reading()
    try:
        run_request(replace(run_options, task=task, consent=inner.yes), app)
    except ConsentNeeded as needed:
        raise UsageError(
            needed.code, needed.message, hint="nobody can confirm it later; add --yes after run"
        ) from needed
    return inner.home


def _with_paths(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as the function `run` gets them: typer makes paths only when it calls it."""
    single = {name: Path(given[name]) for name in ("file", "workspace") if given.get(name)}
    lists = {
        name: [Path(path) for path in given[name]]
        for name in ("add_dirs", "images")
        if given.get(name)
    }
    return {**given, **single, **lists}


def _require_unattended(given: dict[str, object]) -> None:
    if given.get("task") == "-":
        raise UsageError(
            "SCHEDULE_INVALID",
            "a scheduled run has no standard input",
            hint="name a file instead: -f FILE",
        )
    for name in ("detach", "dry_run", "jsonl"):
        if given.get(name):
            raise UsageError(
                "SCHEDULE_INVALID",
                f"--{name.replace('_', '-')} cannot be used in a schedule",
                hint="leave it out",
            )


def rm(name: ScheduleName, json: Json = False) -> None:
    """Remove a schedule. Its runs stay."""
    from crossrun.services.schedules import remove_schedule

    options = current()
    removed = remove_schedule(name, options.settings())
    if json:
        options.out.emit(document({"removed": removed.name}))
    options.say(f"removed {removed.name}")


def run(name: ScheduleName) -> None:
    """Run a schedule now, in the foreground."""
    from crossrun.services.schedules import named_schedule

    options = current()
    settings = options.settings()
    schedule, _ = named_schedule(name, settings)
    command = schedule.command(unattended=False)
    try:
        os.chdir(schedule.folder)
        os.execve(command[0], command, {**settings.environ, **schedule.environ})  # noqa: S606  it has none on purpose
    except OSError as error:
        raise ConfigurationError(
            "SCHEDULE_BROKEN",
            f"the schedule {name} cannot be run: {error.strerror}: {error.filename}",
            hint=f"remove it and add it again: crossrun schedule rm {name}",
        ) from error


def pause(name: ScheduleName, json: Json = False) -> None:
    """Keep a schedule, but do not run it."""
    _pause(name, paused=True, json=json)


def resume(name: ScheduleName, json: Json = False) -> None:
    """Let a paused schedule run again."""
    _pause(name, paused=False, json=json)


def _pause(name: str, *, paused: bool, json: bool) -> None:
    from crossrun.services.schedules import pause_schedule
    from crossrun.views.schedules import next_time

    options = current()
    entry = pause_schedule(name, options.settings(), paused=paused)
    if json:
        options.out.emit(document(entry.plain()))
    options.say(f"{name}: {'paused' if paused else f'next: {next_time(entry)}'}")


schedule_app = group(
    "schedule",
    _HELP,
    list=list_schedules,
    add=add,
    rm=rm,
    run=run,
    pause=pause,
    resume=resume,
)
