"""Command lines, split as a shell does: commands, the operators between them, pipelines.

A command keeps its text, with quotes and here-documents. Text that cannot be parsed with certainty,
such as an open quote, counts as one command, so that nothing is split in the wrong place.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from crossrun.system.commandlines import one_line, opened

_LONGEST = 40_000
"""Characters; anything longer counts as one command."""
_TOKEN = re.compile(
    r"""(?xs)
      (?P<comment>(?:(?<=[\s;&|(])|^)\#[^\n]*)
    | (?P<heredoc><<-?[ \t]*(?P<quote>['"]?)\\?(?P<end>[\w.-]+)(?P=quote))(?!<)
    | <<<
    | (?P<quoted>\$?'(?:[^'])*'|\$?"(?:\\.|[^"\\])*+"|`(?:\\.|[^`\\])*+`)
    | (?P<joint>&&|\|\||;;&?|;&|;|\n)
    | (?P<pipe>\|&?)
    | \d*(?:>&|<&|&>>?|>\|)[\d-]?
    | (?P<background>&)
    | \\.
    | (?P<open>\$?\()
    | (?P<close>\))
    | (?P<space>[^\S\n]+)
    | (?P<word>[^\s'"`\\;&|()<>]+)
    | .
    """
)
_OPENERS = frozenset(["if", "for", "while", "until", "case", "select", "{", "[["])
_CLOSERS = frozenset(["fi", "done", "esac", "}", "]]"])
_BEFORE_COMMAND = frozenset(["then", "do", "else", "elif", "!", "time", "{"])
"""Words after which another command begins."""
_REDIRECTED = re.compile(r"(?<![0-9&<>=-])[12]?>{1,2}\|?\s*(?!/dev/|&|\$\(|\()([^\s;|&<>()]+)")
_QUOTED = re.compile(r"'[^']*'|(?<!\\)\"(?:\\.|[^\"\\])*\"")
_LONGEST_QUOTED = 20_000
"""Characters in which quotes are looked for: what is longer has a here-document."""
_HEREDOC = re.compile(r"<<-?[ \t]*(['\"]?)\\?([\w.-]+)\1")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_WRAPPERS: dict[str, frozenset[str]] = {
    # program that runs another one: its options that take a value
    "sudo": frozenset(["-u", "-g", "-h", "-p", "-C", "-D", "--user", "--group"]),
    "doas": frozenset(["-u"]),
    "time": frozenset(["-o", "-f"]),
    "nice": frozenset(["-n"]),
    "ionice": frozenset(["-c", "-n", "-p"]),
    "nohup": frozenset(),
    "env": frozenset(["-u", "-C", "--unset", "--chdir"]),
    "timeout": frozenset(["-s", "-k", "--signal", "--kill-after"]),
    "stdbuf": frozenset(["-i", "-o", "-e"]),
    "xargs": frozenset(["-n", "-P", "-I", "-L", "-d", "-s", "-a", "-E"]),
    "npx": frozenset(["-p", "--package"]),
    "uvx": frozenset(["--from", "--with", "-p", "--python"]),
    "exec": frozenset(),
    "command": frozenset(),
    "builtin": frozenset(),
    "busybox": frozenset(),
    "setsid": frozenset(),
    "chronic": frozenset(),
    "!": frozenset(),
    "(": frozenset(),
}
_RUNNERS = frozenset(["uv", "poetry", "pipenv", "pdm", "hatch", "conda", "bundle", "rye"])
_DURATION = re.compile(r"\d+(?:\.\d+)?[smhd]?")


class Part(NamedTuple):
    """One command of a command line, with the operators around it: `""` at either end.

    A pipeline is one part; so is a loop, a condition or a group with its body.
    """

    text: str
    before: str
    after: str


@lru_cache(maxsize=4_096)
def parts(command: str) -> tuple[Part, ...]:
    """The commands of a command line, in order, without comments between them."""
    texts, joints = _split(command, "joint")
    around = zip(["", *joints], [*joints, ""], strict=True)
    everything = [Part(text, *pair) for text, pair in zip(texts, around, strict=False)]
    return tuple(_without_empty(everything))


@lru_cache(maxsize=4_096)
def stages(part: str) -> tuple[str, ...]:
    """The commands of a pipeline."""
    texts, _ = _split(part, "pipe")
    return tuple(text for text in texts if text)


def joined(some: Sequence[Part]) -> str:
    """The command line of these parts, joined by their `before`."""
    texts = []
    for number, part in enumerate(some):
        texts.append(_JOINTS.get(part.before, " ") * (number > 0) + part.text)
    return "".join(texts) + " &" * (bool(some) and some[-1].after == "&")


_JOINTS = {"&&": " && ", "||": " || ", ";": "; ", "\n": "\n", "&": " & "}


def words(command: str) -> list[str]:
    """The words of the first program of a pipeline, without wrappers and assignments."""
    first = next(iter(stages(command)), "")
    line = first.replace("\\\n", " ").partition("\n")[0]
    return without_wrappers(split_words(_HEREDOC.sub(" ", line)))


def split_words(text: str) -> list[str]:
    """The words of a simple command; split on blanks if a quote is open, or if it is long."""
    if len(text) > _LONGEST_QUOTED or not any(sign in text for sign in "'\"\\#"):
        return text.split()
    return list(_unquoted(text))


@lru_cache(maxsize=4_096)
def _unquoted(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def without_wrappers(arguments: Sequence[str]) -> list[str]:
    """The words without wrappers such as `sudo`, `VAR=x` and `uv run`."""
    rest = list(arguments)
    while rest and (ASSIGNMENT.match(rest[0]) or rest[0] in _WRAPPERS):
        valued = _WRAPPERS.get(rest.pop(0), frozenset[str]())
        while rest and (rest[0].startswith("-") or _DURATION.fullmatch(rest[0])):
            option = rest.pop(0)
            if option in valued and rest:
                rest.pop(0)
    if len(rest) > 2 and rest[0] in _RUNNERS and rest[1] in ("run", "exec"):  # noqa: PLR2004
        return rest[2:]
    return rest


def redirected(part: str) -> str:
    """The first file that output is redirected to, or ""."""
    head = part if "<<" not in part else _without_bodies(part)
    blank = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), head)
    target = _REDIRECTED.search(blank)
    return split_target(head[target.start(1) : target.end(1)]) if target else ""


def split_target(text: str) -> str:
    """A file's name without its quotes."""
    return text.strip("'\"")


def first_line(part: str) -> str:
    """A command's text without the bodies of its here-documents, on one line."""
    return one_line(_without_bodies(part))


def _without_bodies(part: str) -> str:
    lines = iter(part.split("\n"))
    head: list[str] = []
    for line in lines:
        head.append(line)
        for match in _HEREDOC.finditer(line):
            any(end.strip() == match[2] for end in lines)  # goes past the body
    return "\n".join(head)


@lru_cache(maxsize=4_096)
def proves(command: str) -> bool:
    """Whether exit code 0 proves that the last command of a command line succeeded.

    Not so behind a pipe without `pipefail`, before `|| true`, before `;` with something that only
    looks, and in the background.
    """
    text, flags = opened(command)
    options = _Options(errexit="e" in flags, pipefail="pipefail" in flags)
    shown = True
    for part in parts(text):
        if options.changed_by(part.text):
            continue
        if _only_tells(part.text):
            shown = shown and (part.before in ("", "&&") or options.errexit)
            continue
        shown = part.after != "&" and (options.pipefail or _pipe_proves(part.text))
        if part.after == "||":
            shown = False
    return shown


class _Options:
    """The shell options that affect exit codes, as they change."""

    def __init__(self, *, errexit: bool, pipefail: bool) -> None:
        self.errexit = errexit
        self.pipefail = pipefail

    def changed_by(self, text: str) -> bool:
        arguments = split_words(text)
        if arguments[:1] != ["set"]:
            return False
        for word in arguments[1:]:
            on = word.startswith("-")
            if word.strip("+-") == "pipefail" or word == "pipefail":
                self.pipefail = "+o" not in arguments
            elif "e" in word and word[:1] in "+-" and word[1:].isalpha():
                self.errexit = on
        return True


_TELLING = """
    echo printf true : ls pwd cat head tail wc date exit return sleep wait stat file cd popd
"""
"""Programs whose own success says nothing of what came before them."""
_TELLERS = frozenset(_TELLING.split())


def _only_tells(text: str) -> bool:
    used = {next(iter(words(stage)), "") for stage in stages(text)}
    failing = used & {"exit", "return"} and not re.search(r"\b0\s*$", text.rstrip("; "))
    return used <= _TELLERS and not failing and not redirected(text)


def _pipe_proves(text: str) -> bool:
    """Whether only the last command of a pipeline can fail."""
    *before, _ = stages(text) or ("",)
    return all(next(iter(words(stage)), "") in ("echo", "printf", "yes") for stage in before)


def _without_empty(everything: Sequence[Part]) -> Iterator[Part]:
    """Parts with text; around an empty one, as at a blank line, the stronger joint stays."""
    before: str | None = None
    for part in everything:
        if not part.text:
            before = part.before if before is None else before
            continue
        yield part if before is None else part._replace(before=before)
        before = None


def _split(text: str, at: str) -> tuple[list[str], list[str]]:
    """The pieces of a text between the joints or the pipes at its top level, and these."""
    if len(text) > _LONGEST:
        return [text.strip()], []
    pieces, signs = [""], list[str]()
    scanner = _Scanner(text)
    for kind, piece in scanner:
        if kind == at or (kind == "background" and at == "joint"):
            pieces.append("")
            signs.append(piece)
        elif kind != "comment" or at == "pipe":
            pieces[-1] += piece
    if scanner.open:
        return [text.strip()], []
    return [piece.strip() for piece in pieces], signs


class _Scanner:
    """Goes through a command line once; joints below the top level come as plain text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words: list[str] = []
        self._parentheses = 0
        self._pending: list[str] = []
        self.open = False
        """Whether something was still open at the end."""

    def __iter__(self) -> Iterator[tuple[str, str]]:
        at = 0
        starts = True  # whether a command may begin here
        piped = False  # whether nothing but white space stands behind a pipe
        while at < len(self._text):
            match = _TOKEN.match(self._text, at)
            if match is None:  # cannot be: `.` takes every character
                break
            at = match.end()
            piece = match[0]
            kind = match.lastgroup or ""
            if match["heredoc"]:
                self._pending.append(match["end"])
                kind = ""
            elif piece == "\n" and self._pending:
                end = self._end_of_bodies(at)
                yield "", "\n" + self._text[at:end].rstrip("\n")
                at = end
            elif kind == "word":
                self._see(piece, starts=starts)
            elif kind == "open":
                self._parentheses += 1
            elif kind == "close":
                self._parentheses = max(self._parentheses - 1, 0)
            elif piece in "'\"":
                self.open = True
            if piped and piece == "\n":
                kind = "space"
            elif kind not in ("space", "comment"):
                piped = kind == "pipe"
            if kind == "background" and starts:
                kind = ""  # PowerShell calls a program by its quoted path so
            elif kind in ("joint", "pipe", "background", "open"):
                starts = True
            elif kind == "word":
                starts = piece in _BEFORE_COMMAND or bool(ASSIGNMENT.match(piece))
            elif kind not in ("space", "comment"):
                starts = kind == "close"
            yield self._level(kind), piece
        self.open = self.open or bool(self._words) or self._parentheses > 0

    def _level(self, kind: str) -> str:
        return "" if self._words or self._parentheses else kind

    def _see(self, word: str, *, starts: bool) -> None:
        if word in _CLOSERS and self._words and (starts or word in ("]]", "}")):
            self._words.pop()
        elif word in _OPENERS and starts:
            self._words.append(word)

    def _end_of_bodies(self, at: int) -> int:
        """Where the here-documents that began on the line before `at` end."""
        for end in self._pending:
            closing = re.compile(rf"^[ \t]*{re.escape(end)}[ \t]*$", re.MULTILINE)
            match = closing.search(self._text, at)
            at = len(self._text) if match is None else match.end()
        self._pending.clear()
        return at
