"""From a run's events to what it has to teach: the acts that mattered, in order, and cures.

One pass over the events, in time linear in their number.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from crossrun.commandlines.intents import Purpose, purpose, sets_scene, without_looks
from crossrun.commandlines.outputs import shows_failure, shows_success
from crossrun.commandlines.scenes import is_needed, made_by, names
from crossrun.commandlines.shell import Part, joined, parts, proves
from crossrun.events import (
    AgentReasoned,
    AgentSpoke,
    CommandRan,
    Event,
    FileChanged,
    PlanUpdated,
    StepPlanned,
    ToolCalled,
)
from crossrun.model.workflows import FILES_FOLDER, Act, Cure, Intent, Occurrence
from crossrun.patterns.learning.attempts import without_attempts
from crossrun.patterns.learning.recoveries import Recoveries
from crossrun.patterns.learning.redaction import EchoGuard, Scrub
from crossrun.patterns.learning.repetitions import with_loops
from crossrun.patterns.learning.titles import heading, only_announces_a_look, reason
from crossrun.patterns.learning.weights import LOOKS, weight
from crossrun.system.commandlines import bare_command, one_line

MOST_ACTS = 30
MOST_RECOVERIES = 5
_AT_THE_END = ("test", "check", "build", "commit")
"""What is done again after a change belongs where it was done last."""
_NO_FAILURE = {"search": 1, "check": 0}
_MOST_OCCURRENCES = 8
_LONGEST_CALL = 400
_LONGEST_VALUE = 80
_LONGEST_TEXT = 4_000
"""Characters of what an agent said that are looked at."""
_PATCHES = re.compile(r"(?:cd \S+ && )?apply_?patch\b")
_PATCHED = re.compile(r"(?m)^\*\*\* (Add|Update|Delete) File: (.+)$")
"""What Codex changes with its patch tool, where that was called as a command."""


class Material(NamedTuple):
    """What the events of a run have to teach."""

    acts: tuple[Act, ...]
    cures: tuple[Cure, ...]


class _Done(Struct):
    """An act as it is put together."""

    act: Act
    key: str
    scene: bool = False
    """It only sets the scene: it stays where a later act depends on it."""
    partial: bool = False
    """A part of a command that failed as a whole."""


class _Seen(Struct):
    """What has been seen so far."""

    guard: EchoGuard
    scrub: Scrub
    done: dict[str, _Done] = field(default_factory=dict)
    """By what makes them the same act again."""
    recoveries: Recoveries = field(default_factory=Recoveries)
    heading: str = ""
    why: str = ""


def material_of(
    run_id: str, events: Iterable[tuple[int, Event]], *, task: str, scrub: Scrub, guard: EchoGuard
) -> Material:
    """What the agent did, at most `MOST_ACTS` acts, and which failures were cured by what.

    Args:
        run_id: the run.
        events: its events with their numbers, in order.
        task: what was asked; a planner's step that only repeats it says nothing.
        scrub: takes private things out.
        guard: knows what was injected.
    """
    seen = _Seen(guard, scrub)
    for seq, event in events:
        match event:
            case StepPlanned(prompt=prompt) if prompt.strip() != task.strip():
                seen.heading = _heading(prompt, seen) or seen.heading
            case PlanUpdated(items=items):
                under_way = next((item.text for item in items if not item.completed), "")
                seen.heading = _heading(under_way, seen) or seen.heading
            case AgentSpoke(text=text) | AgentReasoned(text=text):
                _see_words(seen, text)
            case CommandRan():
                _see_command(seen, event, run_id, seq)
            case FileChanged(path=path, change=change, ok=True):
                verb = "delete" if change == "deleted" else "write"
                path = one_line(scrub(path))
                command = f"{verb} {path}"
                _see(seen, Purpose("edit", path, command, command), Occurrence(run_id, seq))
            case ToolCalled(error=None):
                _see(seen, _tool(event, scrub), Occurrence(run_id, seq))
            case _:
                pass
    acts = with_loops(without_attempts(_needed(list(seen.done.values()))))
    clean = [act for act in acts if not guard.holds(act.command)]
    cures = tuple(cure for cure in seen.recoveries.cures if not _echoes(cure, guard))
    return Material(_most_telling(clean), cures)


def acts_of(
    run_id: str, events: Iterable[tuple[int, Event]], *, task: str, scrub: Scrub, guard: EchoGuard
) -> tuple[Act, ...]:
    """What the agent did, as `material_of` has it."""
    return material_of(run_id, events, task=task, scrub=scrub, guard=guard).acts


def _see_words(seen: _Seen, text: str) -> None:
    """What the agent says before an act is why it does it."""
    words = seen.guard.strip(seen.scrub(text[-_LONGEST_TEXT:]))
    if words:
        seen.recoveries.said.append(words)
        seen.why = reason(words) or seen.why


def _see_command(seen: _Seen, event: CommandRan, run_id: str, seq: int) -> None:
    written = event.command.replace(FILES_FOLDER, "…")  # the agent's word, not the folder
    command = seen.scrub(bare_command(written)).strip()
    occurrence = Occurrence(run_id, seq, event.exit_code)
    patched = _PATCHED.findall(command) if _PATCHES.match(command) else ()
    if patched:
        for change, path in patched if event.exit_code == 0 else ():
            text = f"{'delete' if change == 'Delete' else 'write'} {one_line(path)}"
            _see(seen, Purpose("edit", one_line(path), text, text), occurrence)
        return
    aim = purpose(command)
    if aim is None:
        if sets_scene(command) and event.exit_code == 0:
            command = without_looks(command)
            scene = Purpose("run", "", command, command)
            act = Act(intent="run", target="", command=command, occurrences=(occurrence,))
            _add(seen, scene, act, scene=True)
            seen.recoveries.see_done(scene)
        return
    proved = proves(event.command) or shows_success(event.output)
    if _failed(event, aim, command, proved=proved):
        output = seen.guard.strip(seen.scrub(event.output[-_LONGEST_TEXT:]))
        _see_partial(seen, command, occurrence)
        if aim.intent not in LOOKS:
            seen.recoveries.see_failure(aim, occurrence, output)
            if aim.intent != "edit":  # an edit that failed is tried again for the same reason
                seen.why = ""
    else:
        _see(seen, aim, occurrence, proved=proved)


def _failed(event: CommandRan, aim: Purpose, command: str, *, proved: bool) -> bool:
    """Whether a command did not do its work, as far as its exit code and its output tell."""
    if event.exit_code == 0:
        return not proved and aim.intent not in LOOKS and shows_failure(event.output)
    *_, last = parts(command)
    found_nothing = _NO_FAILURE.get(aim.intent) == event.exit_code
    if not found_nothing and len(parts(command)) > 1 and last.before in (";", "\n"):
        looked = purpose(last.text)
        found_nothing = looked is not None and looked.intent == "search" and event.exit_code == 1
    return not found_nothing


def _see_partial(seen: _Seen, command: str, occurrence: Occurrence) -> None:
    """What a command did before the part of it that failed, where later acts depend on that."""
    *before, _ = parts(command)
    making = [number for number, part in enumerate(before) if made_by(part.text)]
    if not making:
        return
    done = [
        part
        for number, part in enumerate(before)
        if number in making or (part.text.startswith("cd ") and number < making[-1])
    ]
    text = joined(_closed(done))
    aim = purpose(text) or Purpose("edit", made_by(done[-1].text)[0], text, text)
    act = Act(intent=aim.intent, target=aim.target, command=text, occurrences=(occurrence,))
    _add(seen, aim, act, scene=True, partial=True)


def _closed(done: Sequence[Part]) -> list[Part]:
    return [part._replace(after="" if part is done[-1] else part.after) for part in done]


def _see(seen: _Seen, aim: Purpose, occurrence: Occurrence, *, proved: bool = True) -> None:
    settled = seen.recoveries.settled_by(aim, proved=proved)
    seen.recoveries.see_done(aim)
    repaired = tuple(one for failed in settled for one in failed.occurrences)
    instead_of = next(
        (failed.purpose.command for failed in settled if failed.purpose.key != aim.key), ""
    )
    act = Act(
        intent=aim.intent,
        target=aim.target,
        command=aim.command,
        occurrences=(*repaired, occurrence),
        recovery=bool(repaired),
        instead_of=instead_of,
        heading=seen.heading,
        why="" if aim.intent in LOOKS else seen.why,
        proved=proved,
    )
    if _add(seen, aim, act):
        seen.heading = ""
    if aim.intent not in LOOKS or only_announces_a_look(seen.why):
        seen.why = ""


def _add(
    seen: _Seen, aim: Purpose, act: Act, *, scene: bool = False, partial: bool = False
) -> bool:
    """Takes an act in; whether it is a new one."""
    key = _key(aim)
    before = seen.done.get(key)
    if before is None or (before.partial and not partial):
        seen.done.pop(key, None)
        seen.done[key] = _Done(act, key, scene=scene, partial=partial)
        return True
    if partial:
        return False
    room = before.act.occurrences[: _MOST_OCCURRENCES - 1]
    again = replace(
        before.act,
        command=act.command if _rewrites(aim) else before.act.command,
        occurrences=(*room, *act.occurrences)[:_MOST_OCCURRENCES],
        recovery=before.act.recovery or act.recovery,
        instead_of=before.act.instead_of or act.instead_of,
        why=before.act.why or act.why,
        proved=before.act.proved or act.proved,
    )
    if _rewrites(aim) and _used_since(seen, key, aim.target):
        seen.done[f"{key} {act.occurrences[-1].seq}"] = _Done(act, key)
        return True
    if aim.intent == "build" and not act.recovery and _only_built_since(seen, key):
        seen.done[f"{key} {act.occurrences[-1].seq}"] = _Done(act, key)
        return True
    if aim.intent in _AT_THE_END or act.recovery:
        del seen.done[key]
    seen.done[key] = _Done(again, key, scene=scene)
    return False


def _only_built_since(seen: _Seen, key: str) -> bool:
    """Whether something else was built since, and nothing edited: twice is meant, as in LaTeX."""
    keys = list(seen.done)
    since = [seen.done[other].act for other in keys[keys.index(key) + 1 :]]
    done = [act for act in since if act.intent not in LOOKS]
    return bool(done) and all(act.intent in ("build", "run") for act in done)


def _rewrites(aim: Purpose) -> bool:
    """Whether a command carries the content of a file, which the newest has right."""
    return aim.key.startswith("write ") and aim.command != aim.key


def _used_since(seen: _Seen, key: str, path: str) -> bool:
    """Whether something was done with a file since it was written."""
    keys = list(seen.done)
    since = [seen.done[other].act for other in keys[keys.index(key) + 1 :]]
    return any(act.intent not in LOOKS and names(path, [act.command]) for act in since)


def _key(aim: Purpose) -> str:
    """Reading a file twice, in any way, is one act."""
    return f"read {aim.target}" if aim.intent == "read" and aim.target else aim.key


def _needed(done: Sequence[_Done]) -> list[Act]:
    """The acts, without those that set the scene for nothing."""
    acts: list[Act] = []
    later: list[str] = []
    for entry in reversed(done):
        if entry.partial:
            made = [path for part in parts(entry.act.command) for path in made_by(part.text)]
            again = any(entry.act.command in command for command in later)
            keep = not again and any(names(path, later) for path in made)
        else:
            keep = not entry.scene or is_needed(entry.act.command, later)
        if keep:
            acts.append(entry.act)
            if entry.act.intent not in LOOKS:
                later.append(entry.act.command)
    return acts[::-1]


def _echoes(cure: Cure, guard: EchoGuard) -> bool:
    return any(guard.holds(text) for text in (cure.failed, cure.cured_by))


def _tool(called: ToolCalled, scrub: Scrub) -> Purpose:
    arguments = called.arguments if isinstance(called.arguments, dict) else {}
    query = arguments.get("query")
    if called.tool == "web_search" and isinstance(query, str):
        arguments = {"query": query}
    values = {name: one_line(scrub(f"{name}={_value(value)}")) for name, value in arguments.items()}
    texts = " ".join(values[name][:_LONGEST_VALUE] for name in sorted(values))
    command = one_line(f"use {called.tool} {texts}")[:_LONGEST_CALL]
    intent: Intent = "fetch" if called.tool == "web_search" else "tool"
    return Purpose(intent, called.tool, command, command)


def _value(value: Any) -> str:  # noqa: ANN401  any argument that the tool takes
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return text[:_LONGEST_CALL]


def _heading(text: str, seen: _Seen) -> str:
    """What a plan calls the next act; nothing where that was injected."""
    return heading(seen.guard.strip(seen.scrub(text)))


def _most_telling(acts: list[Act]) -> tuple[Act, ...]:
    """Not more acts than are kept; recoveries go last."""
    repairs = [at for at, act in enumerate(acts) if act.recovery]
    for at in repairs[MOST_RECOVERIES:]:
        acts[at] = replace(acts[at], recovery=False)
    weights = [weight(act.intent) for act in acts]
    ranked = sorted(range(len(acts)), key=lambda at: (not acts[at].recovery, -weights[at], at))
    return tuple(acts[at] for at in sorted(ranked[:MOST_ACTS]))
