"""`crossrun help`: explains a command, an error code or a topic."""

from collections.abc import Iterator
from typing import Annotated

import click
import typer

from crossrun.cli import COMMANDS
from crossrun.cli.arguments import Json, NoPager
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.pages import KINDS, Page, error_sections, pages, with_topics
from crossrun.cli.paging import show
from crossrun.errors import NotFoundError
from crossrun.projections.documents import document
from crossrun.suggestions import did_you_mean
from crossrun.views.markdown import markdown_lines
from crossrun.views.terminal import Column, Terminal, table

_COMMANDS = {name for section in COMMANDS.values() for name in section}
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[COMMAND|CODE|TOPIC]", help="What to explain. (without it, the topics are listed)"
    ),
]


def help_(words: Words = None, no_pager: NoPager = False, json: Json = False) -> None:
    """Explain a command, an error code or a topic.

    Without a word it lists the topics. A page is printed as Markdown if standard output is not a
    terminal.

    \b
    Examples:
      crossrun help
      crossrun help pattern-memory
      crossrun help STORE_DAMAGED
      crossrun help patterns show
    """
    options = current()
    if not words:
        _list_topics(options, json=json)
        return
    name, kind, text = _explanation(words)
    if kind != "command" and name in _COMMANDS:
        options.say(f"The options of the command: crossrun {name} --help")
    if json:
        options.out.emit(document({"name": name, "kind": kind, "text": text}))
    elif kind != "command" and options.out.on_screen:
        show(options, markdown_lines(with_topics(text), options.out), pager=not no_pager)
    else:
        options.out.emit(f"{text.rstrip()}\n")


def _explanation(words: list[str]) -> tuple[str, str, str]:
    """The name, the kind and the text of what the words name.

    Raises:
        NotFoundError: they name nothing.
    """
    topics, name = pages(), " ".join(words)
    if page := topics.get(name.lower()):
        return page.name, page.kind, page.text
    codes = error_sections()
    if section := codes.get(name.upper()):
        return name.upper(), "error", section
    if context := _command(words):
        return context.command_path, "command", context.get_help()
    near = did_you_mean(name.lower(), [*topics, *_COMMANDS, *map(str.lower, codes)])
    raise NotFoundError(
        "TOPIC_NOT_FOUND",
        f"there is no command, error code or topic {name!r}{near}",
        hint="list the topics: crossrun help",
    )


def _command(words: list[str]) -> click.Context | None:
    """The context of the command that the words name, with its whole help."""
    from crossrun.cli.globals import HELP_ALL

    context = click.get_current_context().find_root()
    for word in words:
        command = context.command
        below = command.get_command(context, word) if isinstance(command, click.Group) else None
        if below is None:
            return None
        context = below.context_class(
            below, info_name=word, parent=context, **(below.context_settings or {})
        )
    context.meta[HELP_ALL] = True
    return context


def _list_topics(options: Globals, *, json: bool) -> None:
    topics = list(pages().values())
    if json:
        listed = [{"name": each.name, "kind": each.kind, "title": each.title} for each in topics]
        options.out.emit(document({"topics": listed, "total": len(listed)}))
    else:
        options.out.write(_topic_lines(topics, options.out))
        options.say("", "Show one: crossrun help TOPIC|COMMAND|CODE")


def _topic_lines(topics: list[Page], terminal: Terminal) -> Iterator[str]:
    columns = [Column("TOPIC", style="accent"), Column("KIND"), Column("WHAT", flexible=True)]
    rows = [[page.name, KINDS[page.kind].lower(), page.title] for page in topics]
    return table(columns, rows, terminal)


help_app = application("help", help_)
