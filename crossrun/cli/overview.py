"""`crossrun` alone: what is going on, or how to begin."""

import click

from crossrun.cli.globals import Globals, current

_WELCOME = """\
crossrun runs coding agents, records what they do,
and learns from it.

  crossrun quickstart           see it in a minute, no API key
  crossrun run "Your task"      have an agent carry out a task
  crossrun --help               all commands
"""


def show_overview(context: click.Context) -> None:
    """Shows the newest runs and what waits for the user; a program gets the help."""
    options = current()
    if not options.out.on_screen:
        click.echo(context.get_help())
        return
    _show(options)


def _show(options: Globals) -> None:
    from crossrun.services.overview import overview, remember_look
    from crossrun.views.runs import overview_lines

    app = options.open_app()
    newest = overview(app)
    if not newest.newest:
        options.out.write([_WELCOME.rstrip("\n")])
        return
    options.out.write(overview_lines(newest, options.out))
    remember_look(app)
