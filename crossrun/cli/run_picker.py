"""A list of runs on the terminal, to pick one with the arrow keys or by typing."""

import sys
from collections.abc import Iterator, Sequence

import questionary
from prompt_toolkit.filters import Condition
from prompt_toolkit.input import create_input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import ColorDepth, create_output
from questionary.prompts.common import InquirerControl

from crossrun.model.queries import RunLine
from crossrun.views.runs import ago, status_words, title_of
from crossrun.views.terminal import Terminal, fit

_MARGIN = 4
"""Columns for the pointer, and one that stays free."""


def pick(runs: Sequence[RunLine], terminal: Terminal) -> str:
    """The id of the run that the user picks.

    Args:
        runs: the choices, at least one.
        terminal: where the list is shown; keys are read from standard input.

    Raises:
        KeyboardInterrupt: the user left the list, with Esc or Ctrl-C.
    """
    titles = zip(runs, _titles(runs, terminal), strict=True)
    question = questionary.select(
        "Which run?",
        [questionary.Choice(title, value=run.id) for run, title in titles],
        qmark="",
        pointer=terminal.plain("›"),
        instruction="(arrow keys, or type to filter; Esc to leave)",
        use_jk_keys=False,
        use_emacs_keys=False,
        use_search_filter=True,
        erase_when_done=True,
        input=create_input(sys.stdin),
        output=create_output(stdout=terminal.stream),
        color_depth=None if terminal.color else ColorDepth.DEPTH_1_BIT,
    )
    windows = question.application.layout.find_all_windows()
    lists = (window.content for window in windows if isinstance(window.content, InquirerControl))
    bindings = question.application.key_bindings
    assert isinstance(bindings, KeyBindings)  # noqa: S101  questionary makes it
    _add_keys(bindings, next(lists))
    run_id: str = question.unsafe_ask()
    return run_id


def _add_keys(bindings: KeyBindings, choices: InquirerControl) -> None:
    """Esc leaves, all letters filter, and Enter picks nothing that the filter does not match."""

    @Condition
    def nothing_matches() -> bool:
        matches = choices.filtered_choices  # also says whether it found any
        return bool(choices.search_filter and matches) and not choices.found_in_search

    @bindings.add(Keys.Escape, eager=True)
    def _leave(event: KeyPressEvent) -> None:
        event.app.exit(exception=KeyboardInterrupt)

    @bindings.add(Keys.Enter, eager=True, filter=nothing_matches)
    def _stay(_event: KeyPressEvent) -> None:
        pass

    @bindings.add(Keys.Any)
    def _filter(event: KeyPressEvent) -> None:
        if event.data.isprintable():
            choices.add_search_character(event.data)  # type: ignore[arg-type]  # any text works


def _titles(runs: Sequence[RunLine], terminal: Terminal) -> Iterator[str]:
    """A line for each run: id, age, status, task."""
    ages = [ago(run.created_at) for run in runs]
    statuses = [status_words(run) for run in runs]
    oldest, longest = max(map(len, ages)), max(map(len, statuses))
    for run, age, status in zip(runs, ages, statuses, strict=True):
        line = f"{run.id}  {age:<{oldest}}  {status:<{longest}}  {title_of(run)}"
        yield terminal.plain(fit(line, terminal.width - _MARGIN))
