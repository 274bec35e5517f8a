"""Scripts of stored patterns: compiled from the runs that taught them, bound for a new run."""

import shutil
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from crossrun.events import FileChanged, WorkspacePrepared, decode
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Run
from crossrun.model.workflows import Pattern, Trace, Workflow
from crossrun.patterns import Injection
from crossrun.patterns.compiling.agreement import CompiledPatternFacts, compiled
from crossrun.patterns.compiling.binding import Unbound, bind
from crossrun.patterns.compiling.script import all_values, with_values
from crossrun.patterns.compiling.values import (
    BoundScript,
    Compiled,
    NotCompiled,
    ScriptCounts,
    TeachingRun,
)
from crossrun.store import Store

_MOST_RUNS = 8
"""So many runs of a pattern are compared, the newest."""
_MOST_DECIDED = 1_000
_EDITED = NotCompiled(
    "its steps were edited, and a script has those of the runs",
    "undo that with `crossrun patterns edit`, and edit the script that is written with -o",
)


def compiled_pattern(store: Store, pattern: Pattern) -> Compiled | NotCompiled:
    """The compiled pattern, or why it cannot be compiled."""
    if _has_edited_steps(store, pattern):
        return _EDITED
    runs = [
        _teaching_run(store, trace)
        for trace in store.patterns.traces(pattern.id, newest=_MOST_RUNS)
    ]
    hashes = {file.sha256 for run in runs for file in run.trace.files}
    workflow = pattern.workflow
    facts = CompiledPatternFacts(
        pattern_id=pattern.id,
        version=pattern.version,
        summary=workflow.summary,
        names={
            name: frozenset((variable.example, *variable.values))
            for name, variable in workflow.variables.items()
        },
        tools=workflow.preconditions.tools,
    )
    return compiled(facts, runs, store.patterns.contents(hashes))


def _has_edited_steps(store: Store, pattern: Pattern) -> bool:
    """Whether the user changed what runs did: a script is what they did."""
    versions = store.patterns.versions(pattern.id)
    current = next((v for v in versions if v.version == pattern.version), None)
    if current is None or current.made_by != "user":
        return False
    learned = [_commands(each.workflow) for each in versions if each.made_by != "user"]
    return _commands(current.workflow) not in learned


def _commands(workflow: Workflow) -> list[str | None]:
    return [step.command for step in workflow.steps]


def with_script(
    injection: Injection,
    store: Store,
    request: RunRequest,
    *,
    names: Sequence[str],
    path: str | None,
) -> Injection:
    """The decision with the pattern's script, if the agent was to get the pattern."""
    decided = injection.decided
    if decided.decision not in ("injected", "forced") or decided.pattern_id is None:
        return injection
    pattern = store.patterns.exactly(decided.pattern_id)
    script = script_for(store, pattern, request, names=names, path=path)
    if isinstance(script, str):
        return injection._replace(decided=replace(decided, not_compiled=script))
    decided = replace(decided, compiled=True, values=script.values)
    return injection._replace(decided=decided, script=script)


def script_for(
    store: Store,
    pattern: Pattern,
    request: RunRequest,
    *,
    names: Sequence[str],
    path: str | None,
) -> BoundScript | str:
    """The script that does a task instead of the agent, or why there is none."""
    is_asked_for = request.memory.compiled == "always"
    if not is_asked_for and (failed := failed_script(store, pattern)) is not None:
        return f"its script failed in {failed}"
    result = compiled_pattern(store, pattern)
    if isinstance(result, NotCompiled):
        return result.reason
    programs = (*result.tools, *(["bash"] if result.needs_bash else []))
    missing = next((name for name in programs if shutil.which(name, path=path) is None), None)
    if missing is not None:
        return f"{missing} is not on the PATH"
    given = given_values(request.memory.values)
    values = bind(result, request.task, names, given, strict=not is_asked_for)
    if isinstance(values, Unbound):
        return values.reason
    check = with_values(result.check.code, all_values(result, values))
    verify = request.verify if request.verify != check else None
    return BoundScript(compiled=result, values=values, verify=verify)


def given_values(pairs: Sequence[str]) -> Mapping[str, str]:
    """The values that the user gave as `NAME=VALUE`."""
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def failed_script(store: Store, pattern: Pattern) -> str | None:
    """The newest run in which the script of this version failed."""
    return next((run.id for run in scripted_runs(store, pattern) if _has_failed(run)), None)


def scripted_runs(store: Store, pattern: Pattern) -> Iterator[Run]:
    """The runs of this version's script, the newest first."""
    for run in store.read.decided(of=pattern.id, limit=_MOST_DECIDED):
        decided = run.pattern
        if decided is not None and decided.compiled and decided.version == pattern.version:
            yield run


def script_counts(store: Store, pattern: Pattern) -> ScriptCounts:
    """How often the pattern's script was used."""
    runs = list(scripted_runs(store, pattern))
    return ScriptCounts(len(runs), sum(run.pattern.handed_over for run in runs if run.pattern))


def _has_failed(run: Run) -> bool:
    was_handed_over = run.pattern is not None and run.pattern.handed_over
    is_failure = run.failure is not None and run.failure.code in ("SCRIPT_FAILED", "VERIFY_FAILED")
    return was_handed_over or is_failure


def _teaching_run(store: Store, trace: Trace) -> TeachingRun:
    """A run that taught the pattern: its trace, and what else its stored events show."""
    names: tuple[str, ...] = ()
    first_changes: dict[str, str] = {}
    types = ("workspace_prepared", "file_changed")
    for stored in store.read.events(trace.run_id, types=types):
        match decode(stored.body):
            case WorkspacePrepared() as prepared:
                names = prepared.names
            case FileChanged(path=path, change=change, ok=True):
                first_changes.setdefault(path, change)
            case _:
                pass
    edited = frozenset(path for path, change in first_changes.items() if change != "added")
    return TeachingRun(trace=trace, top_files=names, edited=edited, check=_check(store, trace))


def _check(store: Store, trace: Trace) -> str:
    """The user's own check, if it passed, or else that of the trace."""
    run = store.read.find(trace.run_id)
    if run is not None and run.verify is not None and run.verify.exit_code == 0:
        return run.verify.command
    return "" if trace.check is None else trace.check.command
