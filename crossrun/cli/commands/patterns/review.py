"""`crossrun patterns review`: what was learned and waits until the user has looked at it."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.commands.patterns.files import cleaned, read_text
from crossrun.cli.editing import edited
from crossrun.cli.globals import Globals, current
from crossrun.errors import UsageError
from crossrun.projections.documents import document, pattern_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crossrun.services.reviewing import Accepted, Inbox, Lesson

_CHOICES = {"a": "accept", "e": "edit", "d": "drop", "s": "skip", "q": "quit"}


def review(
    lessons: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="The runs they come from: ids or prefixes of ids."),
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Learn them.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Do not learn them.")] = False,
    edit: Annotated[
        bool, typer.Option("--edit", help="Open one in your editor, then learn what you save.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="All runs that wait for review.")] = False,
    json: Json = False,
) -> None:
    """Look at what was learned before it is used.

    Without an option, it goes through what waits one by one, in a terminal; elsewhere it lists it.
    What waits is given to no agent. The setting patterns.review says whose lessons wait.

    \b
    Examples:
      crossrun patterns review
      crossrun patterns review k7f3 --accept
      crossrun patterns review k7f3 --edit
      crossrun patterns review --drop --all
    """
    from crossrun.services.reviewing import Inbox

    options = current()
    _check(lessons, accept=accept, drop=drop, edit=edit, everything=all_)
    app = options.open_app()
    inbox = Inbox(app)
    ids = inbox.ids(lessons or [])
    if all_:
        ids = [lesson.run_id for lesson in app.store.reviews.waiting()]
    if accept:
        _show_accepted(list(inbox.accept(ids)), options, json=json)
    elif drop:
        inbox.drop(ids)
        _show_dropped(ids, options, json=json)
    elif edit:
        _show_accepted([_edit(inbox, ids[0], options)], options, json=json)
    elif json or not (sys.stdin.isatty() and sys.stdout.isatty()) or options.yes:
        _list(inbox, ids, options, json=json)
    else:
        _walk(inbox, ids, options)


def _check(
    lessons: "Sequence[str] | None", *, accept: bool, drop: bool, edit: bool, everything: bool
) -> None:
    given = [name for name, on in (("--accept", accept), ("--drop", drop), ("--edit", edit)) if on]
    if len(given) > 1:
        raise UsageError(
            "OPTIONS_CONFLICT",
            f"{' and '.join(given)} cannot be used together",
            hint="use only one of them",
        )
    if everything and lessons:
        raise UsageError(
            "OPTIONS_CONFLICT", "--all and RUN cannot be used together", hint="use only one of them"
        )
    if everything and (edit or not given):
        raise UsageError(
            "OPTION_INVALID", "--all needs --accept or --drop", hint="use only one of them"
        )
    if edit and len(lessons or ()) != 1:
        raise UsageError(
            "OPTION_INVALID",
            "--edit needs one RUN",
            hint="list what waits: crossrun patterns review",
        )
    if given and not lessons and not everything:
        raise UsageError(
            "OPTION_INVALID", f"{given[0]} needs a RUN or --all", hint="name the runs, or use --all"
        )


def _edit(inbox: "Inbox", run_id: str, options: Globals) -> "Accepted":
    """Learns a lesson as the user left it in the editor."""
    from crossrun.patterns.formats import yaml_form as forms

    app = options.app()
    lesson = next(inbox.lessons([run_id]))
    shown = lesson.as_pattern
    with edited(forms.written(shown), f"{shown.id}.yaml", app.settings.environ) as file:
        workflow = cleaned(forms.read(read_text(file), str(file)), app).workflow
        if workflow == shown.workflow:
            return next(inbox.accept([run_id]))
        return inbox.accept_edited(run_id, workflow)


def _list(inbox: "Inbox", ids: "Sequence[str]", options: Globals, *, json: bool) -> None:
    lessons = list(inbox.lessons(ids))
    if json:
        objects = [_lesson_object(lesson) for lesson in lessons]
        options.out.emit(document({"lessons": objects, "total": len(objects)}))
    elif lessons:
        from crossrun.views.reviewing import lesson_details, lesson_table

        if ids:
            for lesson in lessons:
                options.out.write(lesson_details(lesson, options.out))
        else:
            options.out.write(lesson_table(lessons, options.out))
            options.say("look at one: crossrun patterns review RUN")
    else:
        options.say("nothing waits for your review")


def _lesson_object(lesson: "Lesson") -> dict[str, Any]:
    learned, session = lesson.learned, lesson.session
    return {
        "run_id": lesson.run.id,
        "project_id": lesson.run.project_id,
        "task": lesson.run.task,
        "task_type": lesson.run.task_type,
        "learned_at": lesson.waiting.at,
        "imported_from": lesson.run.imported_from,
        "session_id": session and session.session_id,
        "file": session and session.file,
        "lesson": learned.lesson,
        "why": learned.why or None,
        "pattern_id": lesson.pattern and lesson.pattern.id,
        "pattern": pattern_object(lesson.as_pattern),
    }


def _walk(inbox: "Inbox", ids: "Sequence[str]", options: Globals) -> None:
    """Shows what waits, one lesson after the other, and asks what is to become of it."""
    from crossrun.views.reviewing import lesson_details

    waiting = ids or [lesson.run_id for lesson in options.app().store.reviews.waiting()]
    if not waiting:
        options.say("nothing waits for your review")
        return
    for number, run_id in enumerate(waiting, 1):
        lesson = next(inbox.lessons([run_id]), None)
        if lesson is None:
            continue
        options.out.write(lesson_details(lesson, options.out))
        match _choice(number, len(waiting)):
            case "accept":
                _show_accepted(list(inbox.accept([run_id])), options, json=False)
            case "edit":
                _show_accepted([_edit(inbox, run_id, options)], options, json=False)
            case "drop":
                inbox.drop([run_id])
                _show_dropped([run_id], options, json=False)
            case "quit":
                return
            case _:
                pass
        options.out.write([""])


def _choice(number: int, total: int) -> str:
    question = f"{number} of {total}: accept, edit, drop, skip or quit? [a/e/d/s/q]"
    while True:
        answer: str = typer.prompt(question, default="s", show_default=False, err=True)
        chosen = _CHOICES.get(answer.strip().lower()[:1])
        if chosen is not None:
            return chosen


def _show_accepted(accepted: "Sequence[Accepted]", options: Globals, *, json: bool) -> None:
    if json:
        objects = [
            {"run_id": each.run_id, "pattern_id": each.pattern_id, "is_new": each.is_new}
            for each in accepted
        ]
        options.out.emit(document({"accepted": objects, "total": len(objects)}))
        return
    for each in accepted:
        if each.pattern_id is None:
            options.say(f"{each.run_id} taught nothing new")
        else:
            what = "is the new pattern" if each.is_new else "was added to the pattern"
            options.say(f"{each.run_id} {what} {each.pattern_id}")


def _show_dropped(ids: "Sequence[str]", options: Globals, *, json: bool) -> None:
    if json:
        options.out.emit(document({"dropped": list(ids), "total": len(ids)}))
    else:
        options.say(*(f"{run_id} will not be learned" for run_id in ids))
