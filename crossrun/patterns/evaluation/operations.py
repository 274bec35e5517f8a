"""Operations: what commands do, in a form in which different tools can be compared.

An operation is one command, or a program that was written and the command that runs it. It is known
by its purpose, the kinds of files that it takes and makes, and the words that it is about.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from crossrun.commandlines.intents import looks, purpose
from crossrun.commandlines.shell import first_line, parts, redirected, stages, words
from crossrun.patterns.evaluation.equivalents import EQUIVALENT, EQUIVALENT_COMMANDS
from crossrun.patterns.learning.features import code_of, code_words, extension_of
from crossrun.patterns.learning.files import is_source
from crossrun.patterns.learning.rarity import is_telling
from crossrun.patterns.learning.weights import weight
from crossrun.patterns.retrieval.words import stem
from crossrun.system.commandlines import bare_command

_LONGEST = 6_000
"""Characters of a command that are compared."""
_MOST_PARTS = 30
"""So many commands of one command line."""
_LONGEST_LINE = 400
"""Characters of a command without its code."""
_LEAST_WEIGHT = 1
"""Of what only looks, or only sets the scene."""
_OPEN = "…"
_VARIABLE = re.compile(r"\{(\w+)\}")
_HOLE = re.compile(r"(?:…|\.\.\.|<\w+>)(?:\.\w+)?")
_INTERPRETER = re.compile(r"(?:python|node|deno|bun|ruby|perl|php|Rscript|julia|bash|sh)[\d.]*")
_WITH_SUBCOMMANDS = frozenset(
    ("cargo", "docker", "git", "go", "make", "npm", "pip", "pip3", "pnpm", "use", "yarn")
)
_SUBCOMMAND = re.compile(r"[a-z][\w-]*")
_LAST_IS_MADE = ("convert", "cp", "ffmpeg", "install", "ln", "magick", "mv", "qpdf", "rsync", "sox")
"""Programs whose last argument is the file that they make."""
_WORD = re.compile(r"\w[\w.+/-]*|--?[\w-]+")
_FILE = re.compile(r"(?:[\w.~@+{}…-]*/)*[\w@+*{}…-]*\.[A-Za-z]\w{0,5}")
_FILE_IN_CODE = re.compile(rf"[\"'`]({_FILE.pattern})[\"'`]")
_MAKES = re.compile(
    r"[\"'][wax][bt]?\+?[\"']|\b(?:\w*write\w*|save\w*|export\w*|dump|to_\w+|set output)\b",
    re.IGNORECASE,
)
"""What stands on a line of code that makes a file."""
_NAMED_IN_CODE = re.compile(r"[\"'`]([\w.-]+(?:/[\w.-]+)+)[\"'`]")
_MAKES_FOLDERS = re.compile(r"\bmk(?:dir|dirs|dirSync)\b|\bmakedirs\b")
_FOLDER_IN_CODE = re.compile(r"(?:Path|mkdir\w*|makedirs)\(\s*[\"'`]([\w./-]+)[\"'`]")
_HEAD = re.compile(r"^(?:for\b[^;\n]*[;\n]\s*do|while\b.*?\bdo|if\b.*?\bthen|[({])\s+")
"""Of a loop or a condition, what stands before its first command."""
_TAIL = re.compile(r"[;\s]*(?:\bdone\b|\bfi\b|[)}])\s*$")
_PREPARING = frozenset(("cd", "echo", "mkdir", "read", "set", "test", "["))
_HAS_CODE = re.compile(r"<<|\s-[ceE]\s|\b(?:g|m)?awk\b|\b(?:sed|jq|yq|sqlite3|psql)\b")
_OUTPUT = re.compile(
    r"(?:^|\s)(?:-o|-O|--out|--output|--outfile|--dest|--filename)[= ]\s*([^\s;|&]+)"
)
_INPUT = re.compile(r"(?<!<)<\s*([^\s<>(;|&]+)")
_NOT_WORDS = re.compile(
    r"\b\w+://[^\s'\"]+|<<-?\s*\S+|/dev/null|(?<!\S)-\w+"
    rf"|{_HOLE.pattern}|(?<=\w)\.[A-Za-z]\w{{0,5}}\b"
)
"""What of a command line says nothing of what it is about: addresses, short options, endings."""
_LETTERS = re.compile(r"[^\W\d_][^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SHORTEST = 3
_NAME = re.compile(r"\w[\w-]+")


class Operation(NamedTuple):
    """What one command did, or one step says.

    `line` has the words of the command, the program first; `program` is "" for an interpreter that
    runs a script, which is `script`. `topic` are the stemmed words of the command and of the code
    that it runs. `takes` and `makes` are kinds of files, such as `.csv`.
    """

    purpose: str
    line: tuple[str, ...]
    program: str
    script: str
    topic: frozenset[str]
    takes: frozenset[str]
    makes: frozenset[str]
    weight: int
    has_code: bool
    only_written: bool = False
    """A program that was written and never run."""


def operations_of(
    commands: Iterable[str], examples: Mapping[str, str] | None = None
) -> list[Operation]:
    """The operations of command lines, in order.

    Args:
        commands: command lines, `write PATH` and `delete PATH` among them.
        examples: of the variables that stand in the commands as `{name}`; None: there are none.
    """
    programs: dict[str, tuple[str, int]] = {}
    result: list[Operation | None] = []
    for command in commands:
        text = bare_command(command)[:_LONGEST]
        text = text if examples is None else _with_holes(text, examples)
        for part in parts(text)[:_MOST_PARTS]:
            code = code_of(part.text) if _HAS_CODE.search(part.text) else ""
            written = _program_written(part.text)
            if written:
                programs[written] = (code, len(result))
                result.append(_operation(part.text, code, only_written=True))
                continue
            for path in _named(programs, part.text):
                code += f"\n{programs[path][0]}"
                result[programs[path][1]] = None
            result.append(_operation(part.text, code))
    return [operation for operation in result if operation is not None]


def nearest(commands: Sequence[str], steps: Iterable[str], *, most: int) -> Sequence[str]:
    """The commands that share most words with the steps, in their order."""
    if len(commands) <= most:
        return commands
    wanted = frozenset[str]().union(*map(_plain_words, steps))
    shared = [len(wanted & _plain_words(command)) for command in commands]
    ranked = sorted(range(len(commands)), key=lambda at: -shared[at])
    return [commands[at] for at in sorted(ranked[:most])]


def _plain_words(text: str) -> frozenset[str]:
    present = _LETTERS.findall(text[:_LONGEST_LINE].lower())
    return frozenset(EQUIVALENT.get(word, word) for word in present)


def as_one(operations: Sequence[Operation]) -> Operation:
    """All operations as one, without files that are made only to be taken again."""
    takes, makes, between = set[str](), set[str](), set[str]()
    for operation in operations:
        takes |= operation.takes - makes
        between |= operation.takes & makes if operation.makes else set()
        makes |= operation.makes
    return Operation(
        purpose="",
        line=(),
        program="",
        script="",
        topic=frozenset(word for operation in operations for word in operation.topic),
        takes=frozenset(takes),
        makes=frozenset(makes - between or makes),
        weight=sum(operation.weight for operation in operations),
        has_code=True,
    )


def _with_holes(text: str, examples: Mapping[str, str]) -> str:
    """The text with `…` for each variable, and the ending that its values have."""
    return _VARIABLE.sub(lambda match: _OPEN + extension_of(examples.get(match[1], "")), text)


def _program_written(text: str) -> str:
    """The path of the program that a command does nothing but write, or ""."""
    verb, _, path = text.partition(" ")
    if verb != "write":
        path = redirected(text) if "<<" in text else ""
    return path if is_source(path) else ""


def _named(programs: Iterable[str], text: str) -> list[str]:
    line = first_line(text)
    near = (path for path in programs if path in line)
    return [path for path in near if re.search(rf"(?<![\w.-]){re.escape(path)}(?![\w-])", line)]


@lru_cache(maxsize=2_048)
def _operation(text: str, code: str, *, only_written: bool = False) -> Operation | None:
    line = first_line(text)[:_LONGEST_LINE]
    present = _HOLE.sub(" ", line.lower())
    commands = list(_commands(line))
    names = tuple(filter(None, (word.rsplit("/", 1)[-1] for word in _WORD.findall(present))))
    if not commands or not names:
        return None
    main = next((words for words in commands if words[0] not in _PREPARING), commands[0])
    takes, makes = _files(line, code, commands)
    program, script = _program(main)
    aim = purpose(text)
    return Operation(
        purpose="" if aim is None else aim.intent,
        line=names,
        program=program,
        script=script,
        topic=_topic(line, code, takes | makes, program),
        takes=takes,
        makes=makes,
        weight=_LEAST_WEIGHT if aim is None or looks(text) else weight(aim.intent),
        has_code=bool(code.strip()),
        only_written=only_written,
    )


def _commands(line: str) -> Iterator[list[str]]:
    """The words of each command of a pipeline, and of those in a loop."""
    body = _TAIL.sub("", _HEAD.sub("", line))
    for part in parts(body) if body != line else ():
        yield from _commands(part.text)
    if body == line:
        yield from filter(None, map(words, stages(line)))


def _program(arguments: Sequence[str]) -> tuple[str, str]:
    name = arguments[0].rpartition("/")[2]
    if not _INTERPRETER.fullmatch(name):
        plain = (word for word in arguments[1:] if _SUBCOMMAND.fullmatch(word))
        subcommand = next(plain, "") if name in _WITH_SUBCOMMANDS else ""
        return f"{name} {subcommand}".rstrip(), ""
    if arguments[1:2] == ["-m"]:
        return " ".join(arguments[2:3]), ""
    first = next((word for word in arguments[1:] if not word.startswith("-")), "")
    return "", "" if _HOLE.search(first) else first.rpartition("/")[2]


def _topic(line: str, code: str, kinds: frozenset[str], program: str) -> frozenset[str]:
    plain = _CAMEL.sub(" ", _NOT_WORDS.sub(" ", line).replace("_", " "))
    every = {word.lower() for word in _LETTERS.findall(plain)}
    same = EQUIVALENT_COMMANDS.get(program)
    if same is not None:
        every -= {program.partition(" ")[2], program.partition(" ")[0]}
    every |= code_words(code) | {word.lower() for word in _LETTERS.findall(code)}
    return frozenset([] if same is None else [same]) | frozenset(
        EQUIVALENT.get(word) or stem(word)
        for word in every
        if word in EQUIVALENT
        or (is_telling(word) and len(word) >= _SHORTEST and not _is_form(word, kinds))
    )


def _is_form(word: str, kinds: frozenset[str]) -> bool:
    """Whether a word is a kind of file that is compared by itself, or an interpreter."""
    return f".{word}" in kinds or _INTERPRETER.fullmatch(word) is not None


def _files(
    line: str, code: str, commands: Iterable[Sequence[str]]
) -> tuple[frozenset[str], frozenset[str]]:
    """The kinds of files that a command takes, and those that it makes."""
    made = {path for path in (redirected(line), *_OUTPUT.findall(line)) if path}
    taken = set(_INPUT.findall(line))
    for name, *arguments in commands:
        data = [word for word in arguments if _FILE.fullmatch(word) and not is_source(word)]
        if name in ("write", "delete", "mkdir"):
            made.update(word for word in arguments if not word.startswith("-"))
        elif not made and len(data) > 1 and _makes_its_last(name.rpartition("/")[2], data):
            made.add(data[-1])
        taken.update(data)
    takes, makes = set(map(extension_of, taken - made)), set(map(_kind, made))
    for row in code.splitlines():
        side = makes if _MAKES.search(row) else takes
        side.update(map(extension_of, _FILE_IN_CODE.findall(row)))
        if side is makes:
            makes.update(map(_kind, _NAMED_IN_CODE.findall(row)))
    if _MAKES_FOLDERS.search(code):
        folders = (path for path in _FOLDER_IN_CODE.findall(code) if not extension_of(path))
        makes.update(map(_kind, folders))
    return frozenset(filter(None, takes)), frozenset(filter(None, makes))


def _makes_its_last(name: str, data: Sequence[str]) -> bool:
    """Whether a command with these files most likely makes the last of them."""
    others = set(map(extension_of, data[:-1]))
    return (
        name in _LAST_IS_MADE
        or _INTERPRETER.fullmatch(name) is not None
        or extension_of(data[-1]) not in others
    )


def _kind(path: str) -> str:
    """The ending of a file; of a file without one, and of a folder, the name, if it has one."""
    extension = extension_of(path)
    names = (piece for piece in reversed(path.strip("\"'").split("/")) if _NAME.fullmatch(piece))
    return extension or next(names, "")
