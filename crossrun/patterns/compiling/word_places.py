"""What each word of a command is for: its program, and the language of its value."""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from msgspec import Struct

from crossrun.patterns.compiling.languages import (
    BY_ENDING,
    CODE_TAKERS,
    INTERPRETERS,
    PROGRAMS,
    SHELLS,
    STARTERS,
    Code,
)
from crossrun.patterns.compiling.lexing import HereDocument, Operator, Token

_BEFORE_PROGRAM = frozenset(("&&", "||", ";", "|", "&", "(", "\n", ";;", "!"))
_KEYWORDS = frozenset(("if", "then", "else", "elif", "do", "while", "until", "!", "{", "time"))
_MOST_ARGUMENTS = 500
"""An argument after so many others counts as code: the arguments are looked at for each of them."""
_RUNNING_CODE = SHELLS | CODE_TAKERS
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


class WordPlace(Struct, frozen=True):
    """The place of a word: its program, and the language of its value, if any."""

    program: str
    language: str
    redirected: bool = False


def word_places(tokens: Sequence[Token]) -> Iterator[WordPlace]:
    """For each token the program that it belongs to, and the language of its value, if any.

    A word with the program "" is a program itself.
    """
    program, arguments = "", list[str]()
    redirecting = ""
    targets: list[str] = []
    bodies: list[str] = []
    for number, token in enumerate(tokens):
        if isinstance(token, Operator):
            redirecting = (
                token.source if token.source[:1] in "<>" or token.source in ("&>", "&>>") else ""
            )
            if token.source in _BEFORE_PROGRAM:
                program, arguments, targets = "", [], []
            yield WordPlace(program or ";", "")
            if token.source in ("<<", "<<-"):
                bodies.append(_reader(tokens[:number], tokens[number + 1 :]))
        elif isinstance(token, HereDocument):
            reader = bodies.pop(0) if bodies else ""
            yield WordPlace(program or ";", reader)
        elif redirecting:
            targets.append(token.source)
            redirecting = ""
            yield WordPlace(program or ";", "", redirected=True)
        elif not program and (_ASSIGNMENT.match(token.source) or token.source in _KEYWORDS):
            yield WordPlace(";", "")
        elif not program:
            program = token.source.rpartition("/")[2]
            yield WordPlace("", "")
        else:
            arguments.append(token.literal if token.literal is not None else token.source)
            yield WordPlace(program, _language_of_argument(program, arguments))


def _language_of_argument(program: str, arguments: Sequence[str]) -> str:
    """The language of the last of these arguments; "": it is a value as such."""
    if len(arguments) > _MOST_ARGUMENTS:
        return "nested"
    if program in CODE_TAKERS or (program in SHELLS and any(map(_takes_code, arguments))):
        return "nested"
    if program in STARTERS:
        at = next((n for n, word in enumerate(arguments) if _is_program(word)), len(arguments))
        return (
            _language_of_argument(arguments[at], arguments[at + 1 :])
            if at + 1 < len(arguments)
            else ""
        )
    for code in PROGRAMS.get(program, ()):
        if code.options:
            before = arguments[-2] if len(arguments) > 1 else ""
            is_code = before in code.options
        else:
            is_code = _is_code(code, arguments)
        if is_code:
            return code.language
    if any(argument in _RUNNING_CODE for argument in arguments[:-1]):
        return "nested"
    return ""


def _takes_code(option: str) -> bool:
    """Whether code follows an option of a shell, such as `-c` or `-lc`."""
    return option.startswith("-") and not option.startswith("--") and "c" in option


def _is_program(word: str) -> bool:
    return not word.startswith("-") and "=" not in word


def _is_code(code: Code, arguments: Sequence[str]) -> bool:
    """Whether the last argument is code because of its position."""
    plain, skip, is_last = 0, False, False
    for argument in arguments:
        is_last = False
        if skip:
            skip = False
        elif argument in code.with_value:
            skip = True
        elif not argument.startswith("-") or argument == "-":
            plain += 1
            is_last = True
    return is_last and code.first < plain <= code.first + code.number


def _reader(before: Sequence[Token], after: Sequence[Token]) -> str:
    """The language in which a here-document is read."""
    words = [*takewhile(_is_of_command, map(token_text, reversed(before)))][::-1]
    line = [*takewhile(_is_of_command, map(token_text, after))]
    program = words[0].rpartition("/")[2] if words else ""
    language = INTERPRETERS.get(program)
    if language is None:
        return "nested" if program in _RUNNING_CODE else ""
    if language:
        return language
    names = [*words, *line[1:]]
    targets = [names[n + 1] for n, word in enumerate(names[:-1]) if word in (">", ">>", ">|")]
    if program == "tee":
        targets += [word for word in words[1:] if word[:1] not in "-<>"]
    return language_of(targets[0].strip("'\"")) if targets else ""


def language_of(path: str) -> str:
    """The language of a file, by its name."""
    return BY_ENDING.get(path.rpartition(".")[2].lower(), "unknown")


def _is_of_command(text: str) -> bool:
    return text not in _BEFORE_PROGRAM


def token_text(token: Token) -> str:
    """The source of a token; of a here-document, its body."""
    return token.body if isinstance(token, HereDocument) else token.source
