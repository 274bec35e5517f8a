"""The features by which runs are compared: normalised commands, and words of programs.

Pure. `ffmpeg -i talk.mp4 -vn talk.mp3` becomes `ffmpeg`, `ffmpeg -i`, `ffmpeg -vn`, `ffmpeg .mp4`
and `ffmpeg .mp3`: file names, numbers and other values of one run are not features.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from crossrun.commandlines.shell import without_wrappers
from crossrun.model.workflows import Act
from crossrun.system.commandlines import bare_command

MOST_WORDS = 400
"""So many different words of a program are compared."""
_SUBCOMMANDS = frozenset(
    """
    apt apt-get aws az brew bundle bun cargo composer conda deno docker dotnet gcloud gem gh git go
    helm hg hugo kubectl mamba mlr mvn npm ollama openssl pdm pip pip3 pnpm podman poetry qpdf rails
    ruff rustup svn systemctl terraform uv yarn
    """.split()  # noqa: SIM905  one word a line would fill the screen
)
"""Programs whose first plain argument says what they do."""
_INTERPRETER = re.compile(r"^(python|node|deno|bun|ruby|perl|php|Rscript|julia|bash|sh|zsh)[\d.]*$")
_HEREDOC = re.compile(
    r"<<-?[ \t]*(['\"]?)(\w+)\1(?P<rest>[^\n]*)\n(?P<body>.*?)(?:\n[ \t]*\2[ \t]*(?=\n|$)|\Z)",
    re.DOTALL,
)
_SEPARATOR = re.compile(
    r"""(?xs)(?P<joint>&&|\|\||[;|&\n])
    |'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^'"\\&|;\n]+|."""
)
_KEYWORDS = frozenset(("for", "while", "until", "if", "do", "then", "else", "elif", "{", "(", "!"))
_ENDS = frozenset(("done", "fi", "esac", "}", ")"))
_EXTENSION = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,5})(?:['\")}]*)$")
_IDENTIFIER = re.compile(r"[^\W\d_][^\W_]{2,}|\$\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_COMMENT = re.compile(r"^[^\S\n]*(?:#|//).*$", re.MULTILINE)
_CODE_OPTIONS = frozenset(("-c", "-e", "-E"))
_PROGRAMS_WITH_CODE = frozenset(("awk", "gawk", "mawk", "sed", "jq", "yq", "sqlite3", "psql"))
_EXPRESSION = re.compile(r"[=:,(\[]")
"""In arguments that say how: `loudnorm=I=-16`, `fps=10,scale=480:-1`."""
_LONG_OPTION = 4
_NOT_ARGUMENTS = re.compile(r"^[\d.,:x%+-]*$")


@lru_cache(maxsize=4_096)
def command_features(command: str) -> frozenset[str]:
    """The features of a command line: programs with subcommands, options and kinds of files."""
    verb, _, rest = command.partition(" ")
    if verb in ("write", "delete"):
        return frozenset((f"{verb} {extension_of(rest) or 'file'}",))
    if verb == "use":
        return frozenset((f"use {rest.partition(' ')[0]}",))
    text = _HEREDOC.sub(r"<<\g<rest>", bare_command(command))
    return frozenset(feature for words in _simple_commands(text) for feature in _features(words))


def code_of(command: str) -> str:
    """The code on a command line: here-documents, and arguments of awk, sed, `-c` and others."""
    text = bare_command(command)
    pieces = [match["body"] for match in _HEREDOC.finditer(text)]
    for words in _simple_commands(_HEREDOC.sub(r"<<\g<rest>", text)):
        program = _program_name(words[0])
        if program in _PROGRAMS_WITH_CODE:
            pieces += [word for word in words[1:] if re.search(r"[\s{}()/$|]", word)]
        elif _INTERPRETER.match(program):
            pieces += [code for option, code in pairwise(words) if option in _CODE_OPTIONS]
    return "\n".join(pieces)


@lru_cache(maxsize=1_024)
def code_words(text: str) -> frozenset[str]:
    """The identifiers and words of a program, split and in lower case."""
    plain = _CAMEL.sub(" ", _COMMENT.sub("", text).replace("_", " "))
    words = (match[0].lower() for match in _IDENTIFIER.finditer(plain))
    different: dict[str, None] = {}
    for word in words:
        different[word] = None
        if len(different) == MOST_WORDS:
            break
    return frozenset(different)


def extension_of(path: str) -> str:
    """The extension of a file, such as `.csv`, or ""."""
    match = _EXTENSION.search(path)
    return f".{match[1].lower()}" if match else ""


def all_features(acts: Iterable[Act]) -> frozenset[str]:
    """The features of all commands of a run."""
    return frozenset(feature for act in acts for feature in command_features(act.command))


def _simple_commands(text: str) -> Iterator[list[str]]:
    """The words of each program that a command line starts."""
    pieces = [""]
    for match in _SEPARATOR.finditer(text):
        if match["joint"]:
            pieces.append("")
        else:
            pieces[-1] += match[0]
    for piece in pieces:
        words = _words(piece)
        if words[:1] == ["for"] or words[:1] == ["case"]:
            continue
        while words and words[0] in _KEYWORDS:
            words = words[1:]
        words = without_wrappers(words)
        if words and words[0] not in _ENDS:
            yield words


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _features(words: list[str]) -> Iterator[str]:
    program, arguments = _program(words)
    if not program:
        return
    yield program
    for word in arguments:
        option, _, value = word.partition("=")
        if option.startswith("-") and not _NOT_ARGUMENTS.match(option):
            yield option if len(option) >= _LONG_OPTION else f"{program} {option}"
        elif "://" not in word and (extension := extension_of(word)):
            yield extension
            continue
        elif "/" not in word:
            value = word if _EXPRESSION.search(word) else ""
        yield from (f"~{match[0].lower()}" for match in _IDENTIFIER.finditer(value))


def _program(words: list[str]) -> tuple[str, list[str]]:
    """The program, without its version and folder, and its arguments."""
    name, arguments = _program_name(words[0]), words[1:]
    interpreter = _INTERPRETER.match(name)
    if interpreter and arguments[:1] == ["-m"] and len(arguments) > 1:
        return arguments[1], arguments[2:]
    if interpreter:
        return interpreter[1], arguments
    if "/" in words[0] and extension_of(name):
        return f"script {extension_of(name)}", arguments
    if name in _SUBCOMMANDS:
        plain = next((word for word in arguments if not word.startswith("-")), "")
        if plain.replace("-", "").isalpha():
            return f"{name} {plain}", [word for word in arguments if word != plain]
    return name, arguments


def _program_name(word: str) -> str:
    return word.rpartition("/")[2]
