"""Announces the end of runs and batches: to whom, and without holding anything up."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

from crossrun.config.settings import NotifySettings
from crossrun.model.choices import NOTIFY_CHANNELS, SCHEDULED_TAG, NotifyChannel
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.services.notices import Notice

if TYPE_CHECKING:
    from crossrun.errors import CrossrunError
    from crossrun.model.batches import Batch
    from crossrun.model.runs import Run
    from crossrun.notifications import Notification

Write = Callable[[str], None]
"""Writes to the terminal of the user."""
Send = Callable[[], str | None]
"""Sends a notification; why it did not work."""

_DEADLINE = 10.0
"""Seconds that a command waits for its notifications at most."""
_UNATTENDED: tuple[NotifyChannel, ...] = ("desktop",)
"""How a scheduled run that failed is announced if the settings name nothing."""
_NOT_A_FAILURE = (Status.SUCCEEDED, Status.CANCELLED)


def announce_run(
    app: App, run: "Run", given: Sequence[str] = (), write: Write | None = None
) -> None:
    """Announces a run that has ended, as its options or the settings say.

    What does not work is a warning. A scheduled run that failed is always announced.

    Args:
        app: has the settings, and presents warnings.
        run: the run.
        given: what `--notify` says.
        write: writes to the user's terminal; None: there is none.
    """
    settings, failed = app.settings.notify, run.status not in _NOT_A_FAILURE
    channels = _given(given)
    if channels is None and failed and SCHEDULED_TAG in run.tags:
        channels = _configured(app, run.project_id) or _UNATTENDED
    if channels is None:
        wanted = _is_wanted(settings, failed=failed, seconds=run.duration_s)
        channels = _configured(app, run.project_id) if wanted else ()
    if channels:
        from crossrun.notifications.messages import of_run

        _announce(of_run(run), channels, app, write)


def announce_batch(
    app: App, batch: "Batch", given: Sequence[str] = (), write: Write | None = None
) -> None:
    """Announces a batch that has ended; see `announce_run`."""
    settings = app.settings.notify
    failed = batch.state not in _NOT_A_FAILURE
    channels = _given(given)
    if channels is None:
        wanted = _is_wanted(settings, failed=failed, seconds=batch.seconds)
        channels = _configured(app, batch.project_id) if wanted else ()
    if channels:
        from crossrun.notifications.messages import of_batch

        statuses = [row.status for row in batch.rows if row.status is not None]
        succeeded = statuses.count(Status.SUCCEEDED)
        _announce(of_batch(batch, len(statuses), succeeded), channels, app, write)


def announce_unattended_error(app: App, tags: Sequence[str], error: "CrossrunError") -> None:
    """Announces that a scheduled run could not begin: nobody reads the error."""
    if SCHEDULED_TAG not in tags:
        return
    from crossrun.notifications.messages import of_unattended_error

    names = [tag.partition(":")[2] for tag in tags if tag.startswith("schedule:")]
    channels = _of_settings(app.settings.notify) or _UNATTENDED
    _announce(of_unattended_error("".join(names[:1]), error), channels, app, None)


def _given(texts: Sequence[str]) -> tuple[NotifyChannel, ...] | None:
    """The channels of `--notify`; None if it was not given."""
    words = {word for text in texts for word in text.split(",")}
    return tuple(channel for channel in NOTIFY_CHANNELS if channel in words) if words else None


def _configured(app: App, project_id: str) -> tuple[NotifyChannel, ...]:
    """The channels that were set for a project, or else those of the settings."""
    project = app.store.read.project(project_id)
    if project is not None and project.notify is not None:
        return _given([project.notify]) or ()
    return _of_settings(app.settings.notify)


def _of_settings(settings: NotifySettings) -> tuple[NotifyChannel, ...]:
    return tuple(channel for channel in NOTIFY_CHANNELS if getattr(settings, channel))


def _is_wanted(settings: NotifySettings, *, failed: bool, seconds: float | None) -> bool:
    match settings.when:
        case "always":
            return True
        case "failed":
            return failed
        case "long":
            return (seconds or 0) >= settings.after


def _announce(
    notification: "Notification",
    channels: Sequence[NotifyChannel],
    app: App,
    write: Write | None,
) -> None:
    """Uses all channels at once, and waits for them until the deadline."""
    problems: dict[str, str | None] = {}
    threads = {}
    for channel in channels:
        send = _sender(channel, notification, app, write)
        thread = Thread(target=partial(_record, channel, send, problems), daemon=True)
        threads[channel] = thread
        thread.start()
    end = time.monotonic() + _DEADLINE
    for channel, thread in threads.items():
        thread.join(max(end - time.monotonic(), 0))
        problem = problems.get(channel, f"it took longer than {_DEADLINE:g} seconds")
        if problem is not None:
            message = f"no notification by {channel}: {problem}"
            app.notify(Notice(app.redactor(message)[0], warning=True))


def _record(channel: str, send: Send, problems: dict[str, str | None]) -> None:
    try:
        problems[channel] = send()
    except Exception as error:  # noqa: BLE001  a notification never fails a run
        problems[channel] = f"{type(error).__name__}: {error}"


def _sender(
    channel: NotifyChannel, notification: "Notification", app: App, write: Write | None
) -> Send:
    settings, environ = app.settings.notify, app.settings.environ
    match channel:
        case "desktop":
            from crossrun.notifications import desktop

            return partial(desktop.show, notification, environ)
        case "bell" | "terminal":
            from crossrun.notifications import terminal

            signs = terminal.BELL
            if channel == "terminal":
                signs = terminal.sequence(notification, environ)
            return partial(_written, signs, write)
        case "command":
            from crossrun.notifications.command import run_command

            if settings.command is None:
                return lambda: "the setting notify.command is not set"
            return partial(run_command, settings.command, notification, environ)
        case "webhook":
            from crossrun.notifications.webhook import deliver

            if settings.webhook is None or settings.webhook_secret is None:
                missing = "webhook" if settings.webhook is None else "webhook_secret"
                name = f"notify.{missing}"
                return lambda: f"the setting {name} is not set: crossrun config set {name} VALUE"
            return partial(deliver, settings.webhook, settings.webhook_secret, notification)


def _written(signs: str, write: Write | None) -> None:
    """A file or a pipe gets no signs for terminals."""
    if write is not None:
        write(signs)
