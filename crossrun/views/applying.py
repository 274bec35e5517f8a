"""What `apply` and `undo` did or would do, and the conflicts that kept them from it."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from crossrun.model.runs import Run
from crossrun.services.applying import ApplyResult, Recovery
from crossrun.views.terminal import Terminal, cell_len, fit, wrap
from crossrun.views.unseen import visible
from crossrun.views.words import change_mark, history_words, plural
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.merge.decisions import Conflict, MergeStep

_MOST = 50
_LABEL = 11
_REF_KINDS = {"refs/heads/": "branch", "refs/tags/": "tag", "refs/notes/": "notes"}


def applied(result: ApplyResult, run: Run, terminal: Terminal, *, dry_run: bool) -> Iterator[str]:
    """What `apply` did."""
    plan = result.plan
    yield from recovered(result.recovered, terminal)
    if not plan.steps and not plan.conflicts:
        where = f"branch {result.branch} of {result.folder}" if result.branch else result.folder
        already = f"{where} already has the changes of run {run.id}"
        yield f"nothing to do: {already if run.changes else f'run {run.id} changed nothing'}"
        yield from _left(result, run, terminal)
        yield from _ignored_left(result, run, terminal)
        return
    yield terminal.style(_headline(result, dry_run=dry_run), "bold")
    if result.other_branch is not None and run.source is not None:
        began, here = run.source.branch or "", result.other_branch
        words = f"the run started on branch {_one_line(began)}; this is {_one_line(here)}"
        yield from _wrapped(words, terminal)
    if dry_run or result.application is not None:
        yield from _steps(result, terminal)
    yield from _notes(result, terminal)
    yield from _clashes(result, terminal)
    if plan.conflicts:
        yield ""
        yield from _advice(result, run, terminal)
    yield from _left(result, run, terminal)
    yield from _ignored_left(result, run, terminal)
    if result.pushed_to is not None:
        yield from _listed("pushed", [(">", result.pushed_to, result.pull_request or "")], terminal)
    if result.application is not None:
        yield ""
        yield terminal.style(f"  undo it: crossrun undo {run.id}", "dim")


def commits_applied(
    result: ApplyResult, run: Run, terminal: Terminal, *, dry_run: bool
) -> Iterator[str]:
    """What `apply --commits` did."""
    if not result.refs:
        yield (
            f"nothing to do: {result.folder} already has the commits of run {run.id}, "
            "or the run made none"
        )
        return
    done = "would apply" if dry_run else "applied"
    yield terminal.style(f"{done} the commits of run {run.id} to {result.folder}", "bold")
    rows = [("+", _ref_words(each.ref), _ref_words(each.source)) for each in result.refs]
    yield from _listed("would" if dry_run else "made", rows, terminal)
    if result.application is not None:
        yield ""
        first = result.refs[0].ref.partition("/")[2].partition("/")[2]
        for hint in (f"see them: git log {first}", f"undo it: crossrun undo {run.id}"):
            yield terminal.style(f"  {hint}", "dim")


def _ref_words(ref: str) -> str:
    """`branch main`, `tag v1`, `stash@{0}`."""
    for prefix, kind in _REF_KINDS.items():
        if ref.startswith(prefix):
            return f"{kind} {ref.removeprefix(prefix)}"
    return "on no branch" if ref == "HEAD" else ref


def _restored_words(name: str) -> str:
    """`branch main`, `stash`, `HEAD`, `index`."""
    return _ref_words(name).removeprefix("refs/") if name.startswith("refs/") else name


def commits_left(run: Run, terminal: Terminal) -> Iterator[str]:
    """The commits that are only in the workspace, and the command that applies them."""
    commits = history_words(run.commits or ()) or "commits of earlier runs"
    to = " --to DIR" if run.source is None or run.source.kind == "url" else ""
    yield from _not_applied(commits, f"crossrun apply {run.id} --commits{to}", terminal)


def undone(result: ApplyResult, run: Run, terminal: Terminal) -> Iterator[str]:
    """What `undo` did."""
    where = f"branch {result.branch} of {result.folder}" if result.branch else result.folder
    own = [recovery for recovery in result.recovered if recovery.application != result.application]
    yield from recovered(own, terminal)
    if result.has_conflicts:
        yield terminal.style(f"nothing was changed: {where} has changed since", "bold")
    elif result.branch or result.plan.steps or result.restored:
        yield terminal.style(f"undid the changes of run {run.id} in {where}", "bold")
    else:
        yield f"nothing to do: {where} has none of the changes of run {run.id}"
    if not result.has_conflicts:
        yield from _steps(result, terminal)
        rows = [("~", _restored_words(name), "") for name in result.restored]
        yield from _listed("restored", rows, terminal)
        yield from _notes(result, terminal)
    yield from _clashes(result, terminal)
    if result.undo_first:
        yield ""
        yield from _order(result, run, terminal)
    elif result.plan.conflicts and not result.branch:
        yield ""
        yield from _wrapped("remove your own changes, or restore the files by hand", terminal)


def _left(result: ApplyResult, run: Run, terminal: Terminal) -> Iterator[str]:
    if result.left and result.branch is None:
        files = f"{plural(result.left, 'file')} of the change, or hunks of them"
        yield from _not_applied(files, f"crossrun apply {run.id}{_to(result, run)}", terminal)


def _ignored_left(result: ApplyResult, run: Run, terminal: Terminal) -> Iterator[str]:
    if result.ignored_left:
        files = f"{plural(result.ignored_left, 'file')} that git ignores"
        command = f"crossrun apply {run.id}{_to(result, run)} --ignored"
        yield from _not_applied(files, command, terminal)


def _not_applied(what: str, command: str, terminal: Terminal) -> Iterator[str]:
    """What is only in the workspace, and on a separate line the command that applies it."""
    yield ""
    yield from _wrapped(f"not applied: {what}", terminal)
    yield terminal.style(f"    {command}", "dim")


def recovered(recoveries: Iterable[Recovery], terminal: Terminal) -> Iterator[str]:
    """The interrupted commands that were undone first."""
    for each in recoveries:
        what = "undo" if each.application.undo_after else "apply"
        words = f"an earlier {what} of run {each.application.run_id} was interrupted; "
        yield from wrap(f"{words}its changes have now been undone", terminal.text_width)
        rows = [
            ("×", shown(conflict.path), "left as you changed it")
            for conflict in each.plan.conflicts
        ]
        yield from _listed("changed", rows, terminal)


def _order(result: ApplyResult, run: Run, terminal: Terminal) -> Iterator[str]:
    """The order in which runs can be undone."""
    ids = dict.fromkeys(application.run_id for application in result.undo_first)
    yield from _wrapped("later changes there build on it; undo them first:", terminal)
    yield from (terminal.style(f"  crossrun undo {each}", "dim") for each in (*ids, run.id))


def _headline(result: ApplyResult, *, dry_run: bool) -> str:
    where = f"branch {result.branch} of {result.folder}" if result.branch else result.folder
    files = plural(len(result.plan.steps), "file")
    conflicts = plural(len(result.plan.conflicts), "conflict")
    if dry_run:
        return f"{files} in {where} would change" + (
            f", with {conflicts}" if result.plan.conflicts else ""
        )
    if result.application is None:
        return f"nothing was changed: {conflicts} in {where}"
    if result.plan.conflicts:
        return f"applied {files} to {where}, with {conflicts}"
    return f"applied {files} to {where}"


def _advice(result: ApplyResult, run: Run, terminal: Terminal) -> Iterator[str]:
    if result.branch:
        reason = "the change does not apply to the commit that the run started from"
        if run.source is not None and run.source.uncommitted:
            reason += ", because it builds on uncommitted work"
        yield from _wrapped(f"{reason}; apply it to the files instead, without --branch", terminal)
    elif result.application is None:
        command = f"crossrun apply {run.id}{_to(result, run)} --conflicts"
        yield from _wrapped(f"to write both versions into the files: {command}", terminal)
    else:
        words = "look for <<<<<<< in the files, and for file names that end in the run's id"
        yield from _wrapped(words, terminal)


def _to(result: ApplyResult, run: Run) -> str:
    """The option that names the folder, unless the run started from it."""
    source = Path(run.source.path).resolve() if run.source else None
    return "" if source == result.folder else f" --to {shlex.quote(str(result.folder))}"


def _steps(result: ApplyResult, terminal: Terminal) -> Iterator[str]:
    """Everything that was or would be changed; written conflicts are listed as conflicts."""
    written = {conflict.written for conflict in result.plan.conflicts}
    steps = [step for step in result.plan.steps if step.path not in written]
    rows = [(change_mark(step.status), shown(step.path), _step_note(step)) for step in steps]
    yield from _listed("changed" if result.application else "would", rows, terminal)


def _notes(result: ApplyResult, terminal: Terminal) -> Iterator[str]:
    rows = [("!", shown(path), words) for path, words in result.notes]
    yield from _listed("note", rows, terminal)


def _clashes(result: ApplyResult, terminal: Terminal) -> Iterator[str]:
    rows = [("×", shown(one.path), _why(one)) for one in result.plan.conflicts]
    yield from _listed("conflict", rows, terminal)


def _listed(label: str, rows: list[tuple[str, str, str]], terminal: Terminal) -> Iterator[str]:
    """A name for each row, and the note on it, beside it or below."""
    names = [f"{mark} {_one_line(path)}" for mark, path, _ in rows]
    room = terminal.width - _LABEL - 1
    widest = max((cell_len(name) for name in names), default=0)
    for name, (_, _, note) in list(zip(names, rows, strict=True))[:_MOST]:
        beside = cell_len(note) + widest + 2 <= room
        text = fit(name, room)
        pad = " " * (widest - cell_len(text)) if note and beside else ""
        line = f"  {terminal.style(f'{label:<9}', 'dim')}{text}{pad}"
        if note and beside:
            line += f"  {terminal.style(note, 'dim')}"
        yield line.rstrip()
        if note and not beside:
            yield from (
                " " * (_LABEL + 2) + terminal.style(each, "dim") for each in wrap(note, room - 2)
            )
        label = ""
    if len(names) > _MOST:
        more = plural(len(names) - _MOST, "more file")
        yield " " * _LABEL + terminal.style(f"… {more}, see --json", "dim")


def _step_note(step: MergeStep) -> str:
    old_name = "" if step.old_path is None else f"was {_one_line(shown(step.old_path))}"
    merged = "" if step.content is None else "merged with what is there"
    return ", ".join(filter(None, (old_name, merged)))


def _why(conflict: Conflict) -> str:
    if conflict.written is None:
        return conflict.reason
    if conflict.written == conflict.path:
        return f"{conflict.reason}; both are in it"
    return f"{conflict.reason}; the run's is in {_one_line(shown(conflict.written))}"


def _one_line(path: str) -> str:
    """A path on one line, also if it contains line breaks."""
    if path.isprintable():
        return path
    return visible(path.replace("\n", "\\n").replace("\t", "\\t"))


def _wrapped(words: str, terminal: Terminal) -> Iterable[str]:
    return (terminal.style(f"  {line}", "dim") for line in wrap(words, terminal.text_width - 4))
