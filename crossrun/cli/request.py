"""From the words of `crossrun run` to a `RunRequest`: what was said, checked and completed."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from crossrun.cli.globals import Globals
from crossrun.cli.starting import Given
from crossrun.config.settings import Settings
from crossrun.config.values import amount, duration, one_of, positive
from crossrun.errors import NotFoundError, UsageError
from crossrun.model.choices import EXECUTORS, PLANNERS, SANDBOXES, Planner
from crossrun.model.requests import CodexOptions, Limits, MemoryOptions, RunRequest
from crossrun.model.status import Status
from crossrun.services.assembly import recorded_task
from crossrun.services.begin_with import begin_with_of
from crossrun.store import Store

_PATTERN_WORDS = ("--reference-run-id", "--pattern", "--no-pattern")
_LIMITS: dict[str, Callable[[str], Any]] = {
    "timeout": duration,
    "idle_timeout": duration,
    "max_turns": positive,
    "max_tokens": positive,
    "max_cost": amount,
    "wait_for_quota": duration,
}


def settings_of(given: Given, options: Globals) -> Settings:
    """Reads the settings, with the words of the command line above all others.

    Raises:
        UsageError: words that contradict each other or do not parse.
    """
    _refuse_conflicts(given)
    for flag in ("name", "project_id", "model", "verify"):
        _decoded(os.fsencode(given[flag] or ""), f"--{flag.replace('_', '-')}")
    for tag in given["tag"] or ():
        _decoded(os.fsencode(tag), "--tag")
    offline, replay = given["offline"], given["offline"] or given["recording"]
    return options.settings(
        task_type=given["task_type"],
        project_id=given["project_id"],
        executor=_parsed("--executor", given["executor"], one_of(*EXECUTORS))
        or ("replay" if replay else None),
        planner="direct" if offline else _parsed("--planner", given["planner"], one_of(*PLANNERS)),
        planner_model=given["planner_model"],
        model=given["model"],
        sandbox=_parsed("--sandbox", given["sandbox"], one_of(*SANDBOXES)),
        network=given["network"] or None,
        profile=given["profile"],
        verify=given["verify"],
        **_limits_given(given),
        **{"patterns.learn_with": given["learn_with"]},
    )


def request_of(given: Given, settings: Settings, store: Store, options: Globals) -> RunRequest:
    """All that the user asked for, as one value.

    Raises:
        UsageError: there is no task, or it cannot be read; no consent to a recording.
    """
    planner = _planner(settings)
    project = store.read.project(settings.project_id)
    task_type = settings.task_type or (project and project.task_type) or "code"
    recording = _recording(given["recording"], store, options)
    if settings.executor == "replay" and recording is None:
        recording = f"shipped:{task_type}"
    return RunRequest(
        task=_task(given["task"], given["file"], recording, store),
        task_type=task_type,
        project_id=settings.project_id,
        name=given["name"],
        tags=tuple(given["tag"] or ()),
        executor=settings.executor,
        planner=planner,
        model=settings.model,
        planner_model=settings.planner_model if planner == "openai" else None,
        codex=CodexOptions(
            sandbox=settings.sandbox,
            network=settings.network,
            profile=settings.profile,
            add_dirs=_existing("--add-dir", given["add_dir"]),
            images=_existing("--image", given["image"]),
            config=tuple(given["config"] or ()),
            require_git_repo=settings.require_git_repo,
        ),
        limits=Limits(**{name: getattr(settings, name) for name in _LIMITS}),
        verify=settings.verify,
        recording=recording,
        memory=_memory(given, settings, store),
        begin_with=begin_with_of(given, settings, store, project.setup if project else None),
    )


def limits_of(given: Given, earlier: Limits) -> Limits:
    """The limits of an earlier run, as far as others are not said now.

    Raises:
        UsageError: one does not parse.
    """
    said = {name: value for name, value in _limits_given(given).items() if value is not None}
    return replace(earlier, **said)


def _limits_given(given: Given) -> dict[str, Any]:
    return {
        name: _parsed(f"--{name.replace('_', '-')}", given[name], parse)
        for name, parse in _LIMITS.items()
    }


def _refuse_conflicts(given: Given) -> None:
    replays = "--offline" if given["offline"] else "--recording" if given["recording"] else None
    if replays and given["executor"] not in (None, "replay"):
        raise _conflict(replays, f"--executor {given['executor']}")
    if given["offline"] and given["planner"] == "openai":
        raise _conflict("--offline", "--planner openai")
    named = [w for w in _PATTERN_WORDS if given[w[2:].replace("-", "_")] not in (None, False)]
    if len(named) > 1:
        raise _conflict(named[0], named[1])


def _memory(given: Given, settings: Settings, store: Store) -> MemoryOptions:
    reference, pattern_id = given["reference_run_id"], given["pattern"]
    if (reference is not None or pattern_id is not None) and settings.executor == "shell":
        named = "--pattern" if reference is None else "--reference-run-id"
        raise _conflict(named, "the executor shell, which takes no instructions,")
    if reference is not None:
        reference = store.read.run(_said(reference, "--reference-run-id")).id
        pattern_id = _taught_by(reference, store)
    elif pattern_id is not None:
        pattern_id = store.patterns.pattern(_said(pattern_id, "--pattern")).id
    return MemoryOptions(
        off=given["no_pattern"],
        pattern_id=pattern_id,
        reference_run_id=reference,
        scope=settings.patterns.scope,
        holdout=settings.patterns.holdout,
        learn_with=settings.patterns.learn_with,
    )


def _said(text: str, flag: str) -> str:
    """What was given with a flag: a script's empty variable is none."""
    if not text.strip():
        raise UsageError(
            "OPTION_INVALID", f"{flag} is empty", hint="give an id, or leave the option out"
        )
    return text


def _taught_by(run_id: str, store: Store) -> str:
    pattern_id = store.patterns.learned_from(run_id)
    if pattern_id is not None:
        return pattern_id
    run = store.read.run(run_id)
    removed = run.learned_pattern_id is not None
    why = "too little was done in it" if run.status is Status.SUCCEEDED else "it did not succeed"
    if run.pattern is None:
        why = "it is older than pattern memory"
    raise NotFoundError(
        "PATTERN_NOT_LEARNED",
        f"the run {run_id} has no pattern: {'it was removed' if removed else why}",
        hint="list what there is: crossrun patterns; or name one with --pattern",
    )


def _conflict(one: str, other: str) -> UsageError:
    return UsageError(
        "OPTIONS_CONFLICT", f"{one} and {other} contradict each other", hint="give one of them"
    )


def _task(task: str | None, file: Path | None, recording: str | None, store: Store) -> str:
    if task is not None and file is not None:
        raise UsageError(
            "TASK_TWICE", "there is a task and a --file", hint="give one of them, not both"
        )
    if file is not None:
        text = _decoded(_read(file), str(file))
    elif task is None and recording is not None:
        text = recorded_task(recording, store)
    elif task == "-":
        text = _decoded(sys.stdin.buffer.read(), "standard input")
    else:
        text = _decoded(os.fsencode(task or ""), "the task")
    if not text.strip():
        raise UsageError(
            "TASK_EMPTY",
            "there is no task",
            hint='say what to do: crossrun run "your task", or -f FILE, or - for standard input',
        )
    return text


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(
            "TASK_UNREADABLE",
            f"the task file {file} cannot be read: {error.strerror}",
            hint="check the path; a task that begins with a dash needs -- before it",
        ) from error


def _decoded(content: bytes, source: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(
            "TASK_UNREADABLE",
            f"{source} is not text in UTF-8",
            hint="give plain text; for a task, name other files in it instead",
        )
    return text


def _planner(settings: Settings) -> Planner:
    if settings.planner != "auto":
        return settings.planner
    plans = settings.executor == "codex" and settings.environ.get("OPENAI_API_KEY")
    return "openai" if plans else "direct"


def _recording(reference: str | None, store: Store, options: Globals) -> str | None:
    if reference is None:
        return None
    file = Path(reference)
    chosen = f"file:{file.absolute()}" if file.is_file() else f"run:{store.read.run(reference).id}"
    options.confirm(
        f"The commands of {reference} run on this machine without a sandbox. Go on?",
        hint="read it, then say --yes",
    )
    return chosen


def _existing(flag: str, paths: Sequence[Path] | None) -> tuple[str, ...]:
    for path in paths or ():
        if not path.exists():
            raise UsageError(
                "PATH_MISSING", f"{flag}: there is no {path}", hint="check the path's spelling"
            )
    return tuple(str(path.absolute()) for path in paths or ())


def _parsed(flag: str, text: str | None, parse: Callable[[str], Any]) -> Any:  # noqa: ANN401
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(
            "OPTION_INVALID", f"{flag}: {text!r} {error}", hint="see  crossrun run --help"
        ) from error
