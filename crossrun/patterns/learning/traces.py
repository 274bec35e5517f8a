"""From a run's events to its trace: the acts that mattered, in order, without noise.

One pass over the events, in time linear in their number.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from crossrun.events import (
    CommandRan,
    Event,
    FileChanged,
    PlanUpdated,
    StepPlanned,
    ToolCalled,
)
from crossrun.model.workflows import Act, Intent, Occurrence
from crossrun.patterns.learning.intents import Purpose, purpose
from crossrun.patterns.learning.redaction import EchoGuard, Scrub
from crossrun.system.commandlines import one_line, simple_commands

_WEIGHTS: dict[str, int] = {
    "search": 1,
    "read": 2,
    "plan": 2,
    "install": 4,
    "query": 5,
    "run": 5,
    "tool": 5,
    "edit": 6,
    "check": 6,
    "fetch": 6,
    "commit": 6,
    "build": 7,
    "test": 7,
    "convert": 7,
    "plot": 7,
}
_INLINE = re.compile(r"\S+(?: -\w+)*(?: -)? …")
"""A program with its code on the command line, which is left out."""

MOST_ACTS = 30
MOST_RECOVERIES = 5
_LOOKS = ("read", "search", "plan")
_WORTH = 3
"""Two things done, or one and a look at something: less is no workflow."""
_AT_THE_END = ("test", "check", "build", "commit")
"""What is done again after a change belongs where it was done last."""
_NO_FAILURE = {"search": 1, "check": 0}
_NOT_THERE = (126, 127)
"""Exit codes for a program that cannot be started: any other one that does the job is right."""
_FILE = re.compile(r"^[^-\s].*(?:/|\.[A-Za-z]\w{0,6}$)")
_MOST_OCCURRENCES = 8
_MOST_FAILED = 12
_LONGEST_COMMAND = 400
_LONGEST_HEADING = 60
_LONGEST_VALUE = 80
_ALIKE = 0.5


class _Failed(Struct, frozen=True):
    purpose: Purpose
    occurrence: Occurrence
    words: frozenset[str]
    files: frozenset[str]
    """Those of the words that name files."""


class _Seen(Struct):
    """What has been seen so far."""

    guard: EchoGuard
    acts: dict[str, Act] = field(default_factory=dict)
    """By what makes them the same act again."""
    failed: list[_Failed] = field(default_factory=list)
    heading: str = ""


def acts_of(
    run_id: str, events: Iterable[tuple[int, Event]], *, task: str, scrub: Scrub, guard: EchoGuard
) -> tuple[Act, ...]:
    """What the agent did, at most `MOST_ACTS` acts.

    Args:
        run_id: the run.
        events: its events with their numbers, in order.
        task: what was asked; a planner's step that only repeats it says nothing.
        scrub: takes private things out.
        guard: knows what was injected.
    """
    seen = _Seen(guard)
    for seq, event in events:
        match event:
            case StepPlanned(prompt=prompt) if prompt.strip() != task.strip():
                seen.heading = _heading(prompt, scrub, guard) or seen.heading
            case PlanUpdated(items=items):
                under_way = next((item.text for item in items if not item.completed), "")
                seen.heading = _heading(under_way, scrub, guard) or seen.heading
            case CommandRan(command=command, exit_code=code):
                _see_command(seen, run_id, seq, scrub(command), code)
            case FileChanged(path=path, change=change, ok=True):
                verb = "delete" if change == "deleted" else "write"
                path = one_line(scrub(path))
                _see(seen, Purpose("edit", path, f"{verb} {path}"), Occurrence(run_id, seq))
            case ToolCalled(error=None):
                _see(seen, _tool(event, scrub), Occurrence(run_id, seq))
            case _:
                pass
    return _most_telling([act for act in seen.acts.values() if not guard.holds(act.command)])


def weight(intent: str, command: str) -> int:
    """How much a step says about how the work was done; what says least is left out first."""
    return 1 if _INLINE.fullmatch(command) else _WEIGHTS.get(intent, 1)


def is_trivial(acts: Sequence[Act]) -> bool:
    """Whether there is nothing to learn: too little was done, or nothing but looking."""
    looks = sum(act.intent in _LOOKS for act in acts)
    done = len(acts) - looks
    return done == 0 or looks + 2 * done < _WORTH


def _see_command(seen: _Seen, run_id: str, seq: int, command: str, code: int | None) -> None:
    """Of a command line that failed, it is not known which part of it did: the last is taken."""
    parts = simple_commands(command)
    for number, part in enumerate(parts, 1):
        found = purpose(part[:_LONGEST_COMMAND])
        if found is None:
            continue
        occurrence = Occurrence(run_id, seq, code)
        if code == 0 or _NO_FAILURE.get(found.intent) == code:
            _see(seen, found, occurrence)
        elif number == len(parts):
            words = _words(found.command)
            files = frozenset(filter(_FILE.search, words))
            _see_failure(seen, _Failed(found, occurrence, words, files))


def _see_failure(seen: _Seen, failed: _Failed) -> None:
    again = [f for f in seen.failed if f.purpose.command != failed.purpose.command]
    seen.failed = [*again, failed][-_MOST_FAILED:]


def _see(seen: _Seen, found: Purpose, occurrence: Occurrence) -> None:
    key = _key(found)
    before = seen.acts.get(key)
    settled = _settled(seen, found)
    repaired = tuple(failed.occurrence for failed in settled)
    instead_of = next(
        (f.purpose.command for f in settled if f.purpose.command != found.command), ""
    )
    if before is None:
        seen.acts[key] = Act(
            intent=found.intent,
            target=found.target,
            command=found.command,
            occurrences=(*repaired, occurrence),
            recovery=bool(repaired),
            instead_of=instead_of,
            heading=seen.heading,
        )
        seen.heading = ""
        return
    if found.intent in _AT_THE_END or repaired:
        del seen.acts[key]
    room = before.occurrences[: _MOST_OCCURRENCES - 1]
    seen.acts[key] = replace(
        before,
        occurrences=(*room, *repaired, occurrence)[:_MOST_OCCURRENCES],
        recovery=before.recovery or bool(repaired),
        instead_of=before.instead_of or instead_of,
    )


def _key(found: Purpose) -> str:
    """Reading a file twice, in whatever way, is one act; so is changing it."""
    if found.intent == "read" and found.target:
        return f"read {found.target}"
    if found.intent == "edit" and found.command.startswith("write "):
        return f"write {found.target}"
    return found.command


def _settled(seen: _Seen, found: Purpose) -> list[_Failed]:
    """The failures that this success made good; they are settled with it."""
    if not seen.failed:
        return []
    words = _words(found.command)
    settled = [f for f in seen.failed if _is_repair(f, found, words)]
    seen.failed = [f for f in seen.failed if f not in settled]
    return settled


def _is_repair(failed: _Failed, found: Purpose, words: frozenset[str]) -> bool:
    """Done for the same purpose, on the same files, or with much the same words."""
    if failed.purpose.intent != found.intent:
        return False
    if failed.files:
        return not failed.files.isdisjoint(words)
    together = len(failed.words | words)
    return failed.occurrence.exit_code in _NOT_THERE or (
        together > 0 and len(failed.words & words) / together >= _ALIKE
    )


def _words(command: str) -> frozenset[str]:
    return frozenset(command.split())


def _tool(called: ToolCalled, scrub: Scrub) -> Purpose:
    arguments = called.arguments if isinstance(called.arguments, dict) else {}
    query = arguments.get("query")
    if called.tool == "web_search" and isinstance(query, str):
        arguments = {"query": query}
    values = {name: one_line(scrub(f"{name}={_value(value)}")) for name, value in arguments.items()}
    told = " ".join(values[name][:_LONGEST_VALUE] for name in sorted(values))
    command = one_line(f"use {called.tool} {told}")[:_LONGEST_COMMAND]
    intent: Intent = "fetch" if called.tool == "web_search" else "tool"
    return Purpose(intent, called.tool, command)


def _value(value: Any) -> str:  # noqa: ANN401  whatever the tool takes
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return text[:_LONGEST_COMMAND]


def _heading(text: str, scrub: Scrub, guard: EchoGuard) -> str:
    """The first line, as a title; nothing where it is long or was injected."""
    lines = guard.strip(scrub(text)).splitlines()
    first = one_line(next((line for line in lines if line.strip()), ""))
    title = first.lstrip("#-*0123456789.) ").rstrip(".:")
    return title if len(title) <= _LONGEST_HEADING else ""


def _most_telling(acts: list[Act]) -> tuple[Act, ...]:
    """Not more acts than are kept; recoveries go last."""
    repairs = [at for at, act in enumerate(acts) if act.recovery]
    for at in repairs[MOST_RECOVERIES:]:
        acts[at] = replace(acts[at], recovery=False)
    weights = [weight(act.intent, act.command) for act in acts]
    ranked = sorted(range(len(acts)), key=lambda at: (not acts[at].recovery, -weights[at], at))
    return tuple(acts[at] for at in sorted(ranked[:MOST_ACTS]))
