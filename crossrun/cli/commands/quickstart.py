"""`crossrun quickstart`: the whole loop in a minute, offline, without a key and without Codex."""

import textwrap
from collections.abc import Iterator

import typer

from crossrun.cli import signals
from crossrun.cli.arguments import Json
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.starting import Views, carry_out
from crossrun.executors.replay.recording import SHIPPED, load
from crossrun.memory.selection import QUICKSTART
from crossrun.model.executors import OFFLINE_EXECUTOR
from crossrun.model.requests import MemoryOptions, RunRequest
from crossrun.model.runs import Run
from crossrun.projections.documents import document, pattern_object, plain_object, run_object
from crossrun.projections.resume import Parent
from crossrun.services.app import App
from crossrun.services.assembly import gather_dependencies
from crossrun.services.lineage import PreparedRun
from crossrun.services.pattern_decisions import decision_of
from crossrun.store import Store
from crossrun.system.cancellation import CancelToken
from crossrun.views.folded import FoldedView
from crossrun.views.live import NullView, View, view_for
from crossrun.views.patterns import pattern_head, workflow_lines

_SHOWN = "document_processing"
_SECOND_TASK = """\
Write the sample procedures again, convert the old text files into new/ with the template, leave
the originals alone, and tell me which fields of the template they lack."""
_NEXT = (
    ('crossrun run "Fix the failing test"', "work on a copy"),
    ("crossrun diff", "see the change"),
    ("crossrun apply", "keep the change"),
)
_CODEX = (
    "The agent is Codex. If you do not have it: pip install 'crossrun[codex]', or npm install -g"
    " @openai/codex; then log in: codex login"
)


def quickstart(json: Json = False) -> None:
    """See the whole loop in a minute: a run, the pattern learned from it, a run that uses it.

    Both runs replay a recording on this machine. They need no key, no network and no Codex, and
    touch nothing outside of crossrun's own folders.

    \b
    Examples:
      crossrun quickstart
    """
    options = current()
    app = options.app(executor=OFFLINE_EXECUTOR, planner="direct")
    app.open_for_writing()
    runs, code = _shown(app, options)
    if json:
        options.out.emit(document(_result(app.store, runs)))
    if code == 0:
        options.say("", *_what_next(runs, options))
    raise typer.Exit(code)


def _shown(app: App, options: Globals) -> tuple[list[Run], int]:
    """The two runs, as far as they came, and the exit code of the last."""
    recording = load(SHIPPED / f"{_SHOWN}.yaml")
    whole, folded = view_for(options.err), FoldedView(options.err)
    _title("1 of 3  A run", options)
    first, code = _run(recording.task, "first", MemoryOptions(off=True), whole, app, options)
    if code or first.learned_pattern_id is None:
        return [first], code
    learned = app.store.patterns.pattern(first.learned_pattern_id)
    _title("2 of 3  The pattern learned from it", options)
    options.say(*pattern_head(learned, options.err), "")
    options.say(*workflow_lines(learned.workflow, options.err))
    _title("3 of 3  The same task in other words, with the pattern", options)
    named = MemoryOptions(pattern_id=learned.id, reference_run_id=first.id)
    second, code = _run(_SECOND_TASK, "second", named, folded, app, options)
    return [first, second], code


def _run(
    task: str,
    name: str,
    memory: MemoryOptions,
    view: View,
    app: App,
    options: Globals,
) -> tuple[Run, int]:
    request = RunRequest(
        task=task,
        task_type=_SHOWN,
        project_id=QUICKSTART,
        name=name,
        executor=OFFLINE_EXECUTOR,
        memory=memory,
    )
    stop = CancelToken()
    views = Views(NullView(), NullView() if options.quiet else view)
    dependencies = gather_dependencies(request, app)
    run = carry_out(PreparedRun(request, Parent()), dependencies, app, views, stop)
    return run, signals.exit_code(run, stop)


def _result(store: Store, runs: list[Run]) -> dict[str, object]:
    learned = runs[0].learned_pattern_id
    return {
        "runs": [run_object(run) for run in runs],
        "pattern": pattern_object(store.patterns.pattern(learned)) if learned else None,
        "decision": plain_object(decision_of(store, runs[-1])),
    }


def _title(text: str, options: Globals) -> None:
    options.say("", options.err.style(text, "bold"), "")


def _what_next(runs: list[Run], options: Globals) -> Iterator[str]:
    """What was seen, and the three commands to try next on your own files."""
    width, second = options.err.text_width, runs[-1].id
    seen = (
        "No model ran: both runs replayed a recording that ships with crossrun. An agent would "
        f"have received the pattern with its instructions: crossrun show {second} --instructions"
    )
    yield from textwrap.wrap(seen, width, break_on_hyphens=False)
    yield ""
    yield options.err.style("Next, in your own git repository", "bold")
    yield ""
    for command, effect in _NEXT:
        yield f"  {command:<38}{options.err.style(effect, 'dim')}"
    yield ""
    yield from textwrap.wrap(_CODEX, width, break_on_hyphens=False)


quickstart_app = application("quickstart", quickstart)
