"""Command lines of agents: unwrapped from the shell that ran them, and split into commands."""

import re
from functools import lru_cache

_PROGRAM = re.compile(r"""\s*(?:'([^']*)'|"([^"]*)"|(\S+))\s+(?=[-+/]|\w+\s+-)""")
_SHELLS = frozenset(["bash", "sh", "zsh", "dash", "ksh", "fish", "ash"])
_OPTION = re.compile(r"(?P<sign>[-+])(?P<letters>[A-Za-z]+)\s+(?:(?<=o )(?P<name>\w+)\s+)?")
_WORD_PIECE = re.compile(
    r"""(?s)'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*+)"|\\(?P<escaped>.)"""
    r"""|(?P<plain>[^\s'"\\|&;<>()$`]++)"""
)
_ESCAPED = re.compile(r"""\\([$`"\\])""")
"""What a backslash protects within double quotes; before anything else it means itself."""
_SCRIPT_OF: dict[str, re.Pattern[str]] = {
    # program: what stands between its name and the script
    "powershell": re.compile(
        r"(?i)(?:-(?:no\w+|sta|mta)\s+|-(?:executionpolicy|ep|ex|windowstyle|version|outputformat"
        r"|inputformat)\s+\S+\s+)*-(?:c|command)\s+"
    ),
    "cmd": re.compile(r"(?i)(?:/[a-z](?::\w+)?\s+)*?/[ck]\s+"),
}
_SCRIPT_OF["pwsh"] = _SCRIPT_OF["powershell"]
_ENCODING = re.compile(r"\s*\[Console\]::OutputEncoding\s*=\s*[\w.\[\]:]+;\s*")
"""What Codex puts before a script for PowerShell."""
_LONGEST = 4_000
"""Characters of a command line that are parsed; anything longer is a script."""

_HEREDOC = r"(?s)<<-?\s*(['\"]?)(\w+)\1(?P<rest>[^\n]*)(?:\n.*?(?:\n[ \t]*\2[ \t]*(?=\n|$)|\Z)|$)"
_PIECE = r"""(?xs)(?P<joint>&&|\|\||;;?|\n)
      |'[^']*'|"(?:\\.|[^"\\])*+"|`[^`]*`|\$\((?:[^()]|\([^()]*\))*+\)|\\\n|\\.
      |[^'"`$\\&|;\n]++|."""
_COMPOUND = r"^(?:(?:for|while|until|if|case|select|function|\{)(?:\s|$)|\(|\w+\(\))"
_ASIDE = r"\s+#\s.*$|^#.*$"


def bare_command(command: str) -> str:
    """A command without the `sh -c` around it, unless options change what that shell does."""
    script, flags = opened(command)
    return command if flags - {"l", "i"} else script


def opened(command: str) -> tuple[str, frozenset[str]]:
    """The script that a command line gives to a shell, and the shell's options.

    Options are single letters, and names such as `pipefail`. A command line that calls no shell is
    its own script. PowerShell and `cmd` count as shells.
    """
    program = _PROGRAM.match(command)
    if program is None:
        return command, frozenset()
    name = re.split(r"[/\\]", program[1] or program[2] or program[3])[-1].lower()
    name = name.removesuffix(".exe")
    rest = command[program.end() :]
    if name == "env":
        return opened(rest)
    if name in _SHELLS:
        return _of_shell(command, rest)
    head = _SCRIPT_OF[name].match(rest) if name in _SCRIPT_OF else None
    if head is None:
        return command, frozenset()
    script = rest[head.end() :].strip()
    word = _only_word(script)
    if word is None and script[:1] == script[-1:] == '"' and len(script) > 1:
        word = script[1:-1]
    return _ENCODING.sub("", script if word is None else word, count=1), frozenset()


def _of_shell(command: str, rest: str) -> tuple[str, frozenset[str]]:
    flags: set[str] = set()
    at = 0
    while option := _OPTION.match(rest, at):
        at = option.end()
        flags.update(option["letters"] if option["sign"] == "-" else ())
        flags.update([option["name"]] if option["name"] else ())
    word = _only_word(rest[at:]) if "c" in flags else None
    return (command, frozenset()) if word is None else (word, frozenset(flags - {"c", "o"}))


def _only_word(text: str) -> str | None:
    """The one word that a text is in a shell's eyes; None if there are more, or open quotes."""
    pieces = []
    at = 0
    text = text.strip()
    while at < len(text):
        piece = _WORD_PIECE.match(text, at)
        if piece is None:
            return None
        at = piece.end()
        if piece["double"] is not None:
            pieces.append(_ESCAPED.sub(r"\1", piece["double"]))
        else:
            pieces.append(piece["single"] or piece["plain"] or piece["escaped"] or "")
    return "".join(pieces)


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
