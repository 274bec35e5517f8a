"""`crossrun completion`: the script that has a shell complete words of crossrun."""

from typing import Annotated

import typer

from crossrun.cli.globals import application, current
from crossrun.cli.parsing import Parsed
from crossrun.completion.scripts import SCRIPTS
from crossrun.config.values import one_of

Shell = Annotated[
    str,
    typer.Argument(
        metavar="|".join(SCRIPTS), click_type=Parsed(one_of(*SCRIPTS)), help="Your shell."
    ),
]


def completion(shell: Shell) -> None:
    """Print the script that lets your shell complete commands, options, run ids and more.

    Write it to the place from which your shell loads completions, and open a new terminal.

    \b
    Examples:
      crossrun completion bash >~/.local/share/bash-completion/completions/crossrun
      crossrun completion zsh >~/.zfunc/_crossrun
      crossrun completion fish >~/.config/fish/completions/crossrun.fish
    """
    current().out.emit(SCRIPTS[shell])


completion_app = application("completion", completion)
