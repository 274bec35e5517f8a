"""A run on one screen: its header at the start, its closing at the end, its details."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from crossrun.model.executors import EXECUTORS
from crossrun.model.runs import Application, Artifact, Run
from crossrun.views.changes import rows
from crossrun.views.markdown import answer_lines
from crossrun.views.next_steps import next_step_lines
from crossrun.views.proof import proof_lines
from crossrun.views.terminal import Terminal, cell_len, fit, wrap
from crossrun.views.unseen import clean, visible
from crossrun.views.words import (
    clock,
    count,
    first_line,
    history_words,
    moment,
    plural,
    short_command,
    short_source,
    size,
    status_style,
)

if TYPE_CHECKING:
    from crossrun.events import ArtifactSaved

Artifacts: TypeAlias = "Sequence[Artifact | ArtifactSaved]"
_MOST_CHANGES, _MOST_ARTIFACTS, _MOST_NAMED = 15, 8, 5
_OF_EVERY_RUN = ("transcript", "patch", "diff-summary")


def header(run: Run, terminal: Terminal, *, gone: bool = False) -> Iterator[str]:
    """What the run is and where it works; `gone`: its workspace was removed."""
    removed = "  (removed)" if gone else ""
    yield terminal.style(run.id, "bold") + terminal.style(
        f"  {first_line(run.project_id)} · {run.task_type} · {_who(run)}", "dim"
    )
    if run.name:
        yield f"{terminal.style('name', 'dim')}       {first_line(run.name)}"
    origin = _origin(run)
    if origin:
        yield f"{terminal.style('origin', 'dim')}     {origin}"
    label = "workspace  " if run.imported_from is None else "folder     "
    yield f"{terminal.style(label, 'dim')}{visible(run.workspace)}{removed}"
    if run.planner != "direct":
        planner = first_line(run.planner_model or run.planner)
        yield f"{terminal.style('steps', 'dim')}      planned by {planner}"
    source = _source(run)
    if source:
        yield f"{terminal.style('source', 'dim')}     {source}"
    yield ""


def closing(
    run: Run,
    terminal: Terminal,
    artifacts: Artifacts = (),
    applications: Sequence[Application] = (),
    *,
    whole_proof: bool = False,
) -> Iterator[str]:
    """How the run ended: status, answer, changes, artifacts, proof, and the next commands."""
    yield ""
    yield verdict(run, terminal)
    if run.failure is not None:
        for text, style in ((run.failure.message, ""), (run.failure.hint, "dim")):
            yield from (terminal.style(f"  {line}", style) for line in _lines(text, terminal))
    if run.answer:
        yield ""
        yield from answer_lines(run.answer, terminal, indent="  ")
    facts = [
        *_changed(run, terminal),
        *_ignored(run, terminal),
        *_commits(run, terminal),
        *_left(run, artifacts, terminal),
        *_verified(run, terminal),
        *_proof(run, terminal, whole=whole_proof),
        *([] if applications else outcome_lines(run, terminal)),
    ]
    if facts:
        yield ""
        yield from facts
    yield ""
    yield from next_step_lines(run, terminal, applications)


def details(
    run: Run,
    terminal: Terminal,
    artifacts: Artifacts = (),
    applications: Sequence[Application] = (),
    *,
    gone: bool = False,
) -> Iterator[str]:
    """Everything known about a run; `gone`: its workspace was removed."""
    yield from header(run, terminal, gone=gone)
    for line in _lines(run.task, terminal)[:12]:
        yield f"  {line}"
    yield ""
    rows = [
        ("created", moment(run.created_at)),
        (
            "planner",
            run.planner + (f" ({first_line(run.planner_model)})" if run.planner_model else ""),
        ),
        ("by", f"{_doers(run)} · crossrun {run.crossrun_version}"),
        ("imported", f"from {first_line(run.imported_from)}" if run.imported_from else ""),
        ("thread", first_line(run.thread_id or "")),
        ("by hand", "" if gone else _by_hand(run)),
        ("pattern", _pattern(run)),
        ("learned", run.learned_pattern_id or ""),
        ("tags", ", ".join(map(first_line, run.tags))),
        ("note", " ".join(clean(run.note or "").split())),
        ("copied", source_words(run)),
        ("applied", _applied(applications)),
        ("secrets", _secrets(run)),
    ]
    for name, value in rows:
        if value:
            yield from _detail(name, value, terminal)
    if run.ended:
        yield from closing(run, terminal, artifacts, applications, whole_proof=True)
    else:
        yield from _detail("status", str(run.status), terminal)


def _detail(name: str, value: str, terminal: Terminal) -> Iterator[str]:
    """A value beside its name. It is wrapped for people only: scripts search for whole lines."""
    import textwrap

    room = terminal.text_width - 12
    broken = textwrap.wrap(value, room, break_long_words=False, break_on_hyphens=False)
    first, *others = broken if terminal.live and broken else [value]
    yield f"  {terminal.style(f'{name:<9}', 'dim')} {first}"
    for line in others:
        yield f"{'':12}{line}"


def verdict(run: Run, terminal: Terminal) -> str:
    """How a run ended, how long it took and what it used, on one line."""
    took = run.seconds
    parts = [str(run.status).replace("_", " ")]
    if took is not None:
        parts[0] += f" after {clock(took)}" if took >= 1 else f" after {took:.1f}s"
    if run.tokens is not None:
        parts.append(f"{count(run.tokens.total)} tokens")
    if run.cost:
        parts.append(f"cost {run.cost:.4g}")
    first, *others = parts
    line = terminal.style(first, status_style(run.status))
    if others:
        line += terminal.style(f" · {' · '.join(others)}", "dim")
    if run.failure is not None:
        line += terminal.style(f" · {run.failure.code}", "dim")
    return line


def _verified(run: Run, terminal: Terminal) -> Iterator[str]:
    if run.verify is not None:
        ok = run.verify.exit_code == 0
        result = "ok" if ok else f"exit {run.verify.exit_code}"
        styled = terminal.style(result, "good" if ok else "bad")
        command = short_command(run.verify.command)
        yield f"  {terminal.style('verify   ', 'dim')} {command}  {styled}"


def _proof(run: Run, terminal: Terminal, *, whole: bool) -> Iterator[str]:
    if run.proof is not None:
        yield from proof_lines(run.proof, run.id, terminal, whole=whole)


def _changed(run: Run, terminal: Terminal) -> Iterator[str]:
    """The changed files and folders."""
    if run.changes == () and not run.ignored_files and not run.commits:
        yield "  nothing was changed"
        if run.source is None and run.failure is None:
            hint = "it started in an empty folder; to copy one of yours: --source DIR"
            yield from (terminal.style(f"  {line}", "dim") for line in _lines(hint, terminal))
        return
    shown = rows(run.changes or (), _MOST_CHANGES)
    widest = min(max((cell_len(row.path) for row in shown), default=0), terminal.width - 30)
    label = "changed"
    for row in shown:
        path = fit(f"{row.mark} {row.path}", widest + 2)
        gap = " " * (widest + 2 - cell_len(path))
        counts = [f"+{row.insertions}"] if row.insertions else []
        counts += [f"-{row.deletions}"] if row.deletions else []
        note = "  ".join(filter(None, (row.note, " ".join(counts))))
        yield f"  {terminal.style(f'{label:<9}', 'dim')} {path}{gap}  {note}".rstrip()
        label = ""
    if len(run.changes or ()) > len(shown):
        yield terminal.style(f"            all of it: crossrun diff {run.id} --stat", "dim")


def outcome_lines(run: Run, terminal: Terminal) -> Iterator[str]:
    """What became of `--apply`."""
    outcome = run.applied
    if outcome is None:
        return
    label = terminal.style(f"{'applied':<9}", "dim")
    if outcome.is_complete:
        files = plural(outcome.files, "file") if outcome.application_id else "nothing remained"
        branch = f"branch {visible(outcome.branch)} of " if outcome.branch else ""
        yield f"  {label} {files} to {branch}{visible(outcome.path)}"
        return
    yield f"  {label} {terminal.style('no', 'bad')}"
    why = outcome.problem
    if why is None:
        named = ", ".join(map(visible, outcome.conflicts[:_MOST_NAMED]))
        more = "" if len(outcome.conflicts) <= _MOST_NAMED else ", …"
        why = f"it conflicts with your changes: {named}{more}"
    for text in filter(None, (why, outcome.hint)):
        yield from (f"            {line}" for line in wrap(clean(text), terminal.text_width - 14))


def _ignored(run: Run, terminal: Terminal) -> Iterator[str]:
    """The number of changed files that git ignores."""
    if run.ignored_files:
        files = plural(run.ignored_files, "file")
        text = f"{files} that git ignores, see: crossrun files {run.id}"
        yield f"  {terminal.style('ignored  ', 'dim')} {text}"


def _commits(run: Run, terminal: Terminal) -> Iterator[str]:
    """The agent's commits in the repository of the workspace."""
    if run.commits:
        label = terminal.style(f"{'commits':<9}", "dim")
        yield f"  {label} {fit(history_words(run.commits), terminal.width - 14)}"


def _left(run: Run, artifacts: Artifacts, terminal: Terminal) -> Iterator[str]:
    """The artifacts, except those that every run has."""
    special = [artifact for artifact in artifacts if artifact.kind not in _OF_EVERY_RUN]
    listed = special[:_MOST_ARTIFACTS]
    names = [fit(visible(artifact.name), terminal.width // 2) for artifact in listed]
    widest = max(map(cell_len, names), default=0)
    label = "artifacts"
    for artifact, name in zip(listed, names, strict=True):
        gap = " " * (widest - cell_len(name))
        note = terminal.style(f"{first_line(artifact.kind)}, {size(artifact.size)}", "dim")
        yield f"  {terminal.style(f'{label:<9}', 'dim')} {name}{gap}  {note}"
        label = ""
    if len(special) > len(names):
        more = f"… {len(special) - len(names)} more, see: crossrun artifacts {run.id}"
        yield terminal.style(f"            {more}", "dim")


def _doers(run: Run) -> str:
    """What did the work: the agent, the script of a pattern, or both."""
    if run.pattern is None or not run.pattern.compiled:
        return _who(run)
    script = f"script of {run.pattern.pattern_id} v{run.pattern.version}"
    return script if run.thread_id is None else f"{script}, then {_who(run)}"


def _pattern(run: Run) -> str:
    """The decision of pattern memory."""
    if run.pattern is None:
        return ""
    if run.pattern.decision == "abstained":
        return "none"
    named = f" {run.pattern.pattern_id} v{run.pattern.version}" if run.pattern.pattern_id else ""
    followed = "" if run.pattern.adherence is None else f", {run.pattern.adherence:.0%} followed"
    return f"{run.pattern.decision}{named}{followed} · {first_line(run.pattern.reason)}"


def _by_hand(run: Run) -> str:
    """The command that continues the run in the agent's own program."""
    spec = EXECUTORS.get(run.executor)
    if spec is None or not spec.by_hand or run.thread_id is None or not run.ended:
        return ""
    return (
        f"{' '.join(spec.by_hand)} {first_line(run.thread_id)}, or: crossrun open {run.id} --agent"
    )


def _secrets(run: Run) -> str:
    if not run.redactions:
        return ""
    return (
        f"{run.redactions} removed from what was recorded; common words only where they are values"
    )


def _applied(applications: Sequence[Application]) -> str:
    """Where the change has been applied."""
    live = [each for each in applications if each.undone_at is None]
    places = [f"branch {each.branch} in {each.path}" if each.branch else each.path for each in live]
    if applications and not live:
        return "undone"
    return ", ".join(map(first_line, dict.fromkeys(places)))


def _source(run: Run) -> str:
    """Where the files of the workspace came from, for the header."""
    source = run.source
    if source is None or source.kind == "in_place":
        return ""
    return short_source(
        source.kind,
        source.path,
        branch=source.branch,
        commit=source.commit,
        uncommitted=source.uncommitted,
    )


def source_words(run: Run) -> str:
    """Where the files of the workspace came from."""
    source = run.source
    if source is None:
        return "" if run.from_run_id is None else f"the workspace of {first_line(run.from_run_id)}"
    on = f" on {visible(source.branch)}" if source.branch else ""
    at = f" at {first_line(source.commit)[:10]}" if source.commit else ""
    more = f", {plural(source.uncommitted, 'uncommitted file')}" if source.uncommitted else ""
    below = f" ({visible(source.subfolder)})" if source.subfolder else ""
    return f"{visible(source.path)}{below}{on}{at}{more}"


def _origin(run: Run) -> str:
    if run.resumed_from is not None:
        return f"continues {first_line(run.resumed_from)}"
    return "" if run.retry_of is None else f"repeats {first_line(run.retry_of)}"


def _who(run: Run) -> str:
    version = f" {run.executor_version}" if run.executor_version else ""
    model = f" · {first_line(run.model)}" if run.model else ""
    return f"{run.executor}{version}{model}"


def _lines(text: str, terminal: Terminal) -> list[str]:
    return list(wrap(clean(text), terminal.text_width - 4))
