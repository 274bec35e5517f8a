"""Command lines of agents: unwrapped from the shell that ran them, and split into commands."""

import re
from functools import lru_cache

_CALLED = re.compile(
    r"\s*(?:\S*/)?(?:ba|z|da|k|fi)?sh\s+-l?c\s+(?:'(?P<plain>[^']*)'\s*$)?", re.DOTALL
)
_LONGEST = 4_000
"""Characters of a command line that are parsed; anything longer is a script."""

_HEREDOC = r"(?s)<<-?\s*(['\"]?)(\w+)\1(?P<rest>[^\n]*)(?:\n.*?(?:\n[ \t]*\2[ \t]*(?=\n|$)|\Z)|$)"
_PIECE = r"""(?xs)(?P<joint>&&|\|\||;;?|\n)
      |'[^']*'|"(?:\\.|[^"\\])*+"|`[^`]*`|\$\((?:[^()]|\([^()]*\))*+\)|\\\n|\\.
      |[^'"`$\\&|;\n]++|."""
_COMPOUND = r"^(?:(?:for|while|until|if|case|select|function|\{)(?:\s|$)|\(|\w+\(\))"
_ASIDE = r"\s+#\s.*$|^#.*$"


def bare_command(command: str) -> str:
    """A command without the `sh -c` around it."""
    called = _CALLED.match(command)
    if called is None:
        return command
    if called["plain"] is not None:
        return called["plain"]
    import shlex

    try:
        words = shlex.split(command)
    except ValueError:
        return command
    return words[2] if len(words) == 3 else command  # noqa: PLR2004


@lru_cache(maxsize=4_096)
def simple_commands(command: str) -> tuple[str, ...]:
    """The commands of a command line in order, each on one line.

    A pipeline counts as one command, and so does a loop or a condition with its body. The text of
    a here-document is left out.
    """
    text = re.sub(_HEREDOC, r"<<\2\g<rest>", bare_command(command)[:_LONGEST])
    parts = [one_line(re.sub(_ASIDE, "", part)) for part in _split(text)]
    parts = [part for part in parts if part]
    if any(re.match(_COMPOUND, part) for part in parts):
        return (one_line(text),)
    return tuple(parts)


def one_line(text: str) -> str:
    """The text with all white space collapsed."""
    return " ".join(text.split())


def _split(text: str) -> list[str]:
    parts = [""]
    for piece in re.finditer(_PIECE, text):
        if piece["joint"]:
            parts.append("")
        elif piece[0] != "\\\n":
            parts[-1] += piece[0]
    return parts
