"""`crossrun quickstart`: the whole loop in a minute, offline, without a key and without Codex."""

import typer

from crossrun.assembly import open_crew
from crossrun.cli import signals
from crossrun.cli.arguments import Json
from crossrun.cli.globals import application, current
from crossrun.cli.ledger import tell_interrupted
from crossrun.cli.run import carry_out
from crossrun.executors.recording import SHIPPED, load
from crossrun.runs import RunRequest
from crossrun.schema import document, run_object
from crossrun.stopping import Stop
from crossrun.store import Store
from crossrun.views.live import Silent, view_for

PROJECT = "quickstart"
_SHOWN = ("data_analysis", "document_processing")


def quickstart(json: Json = False) -> None:
    """See the whole loop in a minute: two recorded runs, replayed on this machine.

    No key, no network and no Codex is needed; nothing outside of crossrun's own folders is touched.

    \b
    Examples:
      crossrun quickstart
    """
    options = current()
    settings = options.settings(executor="replay", planner="direct")
    store = Store(settings.paths)
    store.open_for_writing()
    tell_interrupted(options, settings, store)
    ended, code = [], 0
    for number, task_type in enumerate(_SHOWN, 1):
        recording = load(SHIPPED / f"{task_type}.yaml")
        title = f"Run {number} of {len(_SHOWN)}: {recording.title}"
        options.say("", options.err.style(title, "bold"), "")
        request = RunRequest(
            task=recording.task,
            task_type=task_type,
            project_id=PROJECT,
            name=recording.title,
            executor="replay",
        )
        stop = Stop()
        view = Silent() if options.quiet else view_for(options.err)
        crew = open_crew(request, settings, store)
        run = carry_out(request, crew, settings, store, view, stop)
        ended.append(run)
        code = signals.exit_code(run, stop)
        if code:
            break
    if json:
        options.out.emit(document({"runs": [run_object(run) for run in ended]}))
    options.say("", *_what_next())
    raise typer.Exit(code)


def _what_next() -> list[str]:
    return [
        "No model ran: both runs were replays of recordings that ship with crossrun.",
        "",
        "  Look around        crossrun runs · crossrun show · crossrun diff · crossrun steps",
        "  Run your own       crossrun run --executor shell 'date > now.txt'",
        "  Connect Codex      npm install -g @openai/codex && codex login",
        '  Then               crossrun run "Write hello.py and a test for it"',
    ]


quickstart_app = application("quickstart", quickstart)
