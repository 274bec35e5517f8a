"""Looks at the surroundings: whether runs can work here, and what to do if not.

Each module checks one subject. Checks run at the same time, each in a thread with a deadline, so a
folder on a server that does not answer delays no other check. Nothing is created but temporary
files, and with `fix` nothing of the user's is deleted.
"""

import threading
from collections.abc import Callable, Iterator
from functools import partial

from crossrun.config.settings import Settings
from crossrun.errors import CrossrunError
from crossrun.model.diagnoses import Diagnosis
from crossrun.model.executors import DEFAULT_EXECUTOR
from crossrun.services.doctor import (
    clock,
    disk,
    file_systems,
    folders,
    git,
    leftovers,
    python,
    settings_files,
    sqlite,
    store,
)

Check = Callable[[], Iterator[Diagnosis]]
_PATIENCE = 30.0
"""Seconds that each check may take."""


def examine(settings: Settings, *, fix: bool = False) -> Iterator[Diagnosis]:
    """All findings, by subject.

    Args:
        settings: those that apply, or the defaults if the files are broken.
        fix: whether to fix what can be fixed without any loss.
    """
    yield from _in_time(
        {
            "Codex": partial(_executor, settings),
            "git": git.examine,
            "SQLite": sqlite.examine,
            "Store": partial(store.examine, settings.paths, fix=fix),
            "Folders": partial(folders.examine, settings.paths, fix=fix),
            "File system": partial(file_systems.examine, settings.paths),
            "Disk": partial(disk.examine, settings.paths),
            "Left behind": partial(leftovers.examine, settings, fix=fix),
            "Settings": partial(settings_files.examine, settings),
            "Python": python.examine,
            "Clock": partial(clock.examine, settings.paths),
        }
    )


def _executor(settings: Settings) -> Iterator[Diagnosis]:
    from crossrun.executors import registry
    from crossrun.services.assembly import agents_environ

    is_used = settings.executor == DEFAULT_EXECUTOR
    for finding in registry.examine(DEFAULT_EXECUTOR, settings, agents_environ(settings)):
        is_milder = finding.level == "error" and not is_used
        yield finding._replace(level="warning") if is_milder else finding


def _in_time(checks: dict[str, Check]) -> Iterator[Diagnosis]:
    """The findings of all checks in their order; a warning for one that does not end."""
    results: dict[str, list[Diagnosis]] = {}
    threads = {}
    for subject, check in checks.items():
        thread = threading.Thread(target=_carry_out, args=(subject, check, results), daemon=True)
        thread.start()
        threads[subject] = thread
    for subject, thread in threads.items():
        thread.join(_PATIENCE)
        yield from results.get(subject, [_unanswered(subject)])


def _carry_out(subject: str, check: Check, results: dict[str, list[Diagnosis]]) -> None:
    name = subject.lower().replace(" ", "_")
    findings: list[Diagnosis] = []
    try:
        findings.extend(check())
    except CrossrunError as error:
        findings.append(Diagnosis(f"{name}.check", "error", subject, error.message, error.hint))
    except OSError as error:
        message = f"{error.filename or 'the check'}: {error.strerror}"
        remedy = "check its permissions and its file system"
        findings.append(Diagnosis(f"{name}.check", "error", subject, message, remedy))
    except Exception as error:  # noqa: BLE001  a check that fails must not hide the others
        message = f"this check failed: {type(error).__name__}: {error}"
        findings.append(Diagnosis(f"{name}.check", "warning", subject, message))
    results[subject] = findings


def _unanswered(subject: str) -> Diagnosis:
    return Diagnosis(
        f"{subject.lower().replace(' ', '_')}.check",
        "warning",
        subject,
        f"no answer within {_PATIENCE:g} s",
        "a network file system or a program may be hanging",
    )
