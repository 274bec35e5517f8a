"""A lexer for shell commands: words, operators and here-documents.

Text that is not understood with certainty has to be the same in all runs.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

_OPERATOR = re.compile(r"&&|\|\||;;|\|&|&>>?|<<<|<<-?|>>|[<>]&|<>|>\||[;&|()<>]")
_EXPANSION = re.compile(r"\$(?:\w+|\{[^}]*\}|[?#@*!$-])")
_GLOB = "*?[]{}"
_DOUBLE_ESCAPES = '$`"\\'
_SAFE = re.compile(r"[A-Za-z0-9_./:=@%+,^-]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


class NotUnderstood(Exception):  # noqa: N818  a command that is not taken apart
    """A command has syntax that the lexer does not support."""


class Piece(Struct, frozen=True):
    """A part of a word.

    `kind` is `literal` (its `text` is the value), `raw` (its text is shell syntax, such as `$x` or
    `*`) or `command` (the code within `$(...)`). `quoted`: it stands in double quotes.
    """

    kind: str
    text: str
    quoted: bool = False


class Word(Struct, frozen=True):
    """A word: its source, and what it is made of."""

    source: str
    pieces: tuple[Piece, ...]

    @property
    def literal(self) -> str | None:
        """Its value, if nothing in it is expanded; else None."""
        if any(piece.kind != "literal" for piece in self.pieces):
            return None
        return "".join(piece.text for piece in self.pieces)


class Operator(Struct, frozen=True):
    """An operator, a line break, or blanks and a comment between words."""

    source: str


class HereDocument(Struct, frozen=True):
    """The body of a here-document with its last line, whose delimiter is `delimiter`.

    `quoted`: nothing in the body is expanded. `tabs`: leading tabs are removed.
    """

    body: str
    delimiter: str
    quoted: bool
    tabs: bool


Token = Word | Operator | HereDocument


def lexed(command: str) -> list[Token]:
    """The tokens of a command; their joined sources are the command.

    Raises:
        NotUnderstood: quotes that do not end, backquotes, and the like.
    """
    return list(_Lexer(command).tokens())


def quoted(text: str) -> str:
    """The text as one literal word, or a part of one."""
    if _SAFE.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def literal_word(parts: Sequence[tuple[str, bool]]) -> str:
    """A word of literal texts and of the names of variables (flag true)."""
    code = ""
    for number, (text, is_name) in enumerate(parts):
        if is_name:
            code += f'"${{{text}}}"'
            continue
        assignment = _ASSIGNMENT.match(text) if number == 0 else None
        head = assignment[0] if assignment else ""
        rest = text[len(head) :]
        code += head + (quoted(rest) if rest else "")
    return code or "''"


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._pending: list[tuple[str, bool, bool]] = []

    def tokens(self) -> Iterator[Token]:
        expects: bool | None = None
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "\n":
                self._at += 1
                yield Operator("\n")
                yield from self._bodies()
            elif char in " \t" or self._text.startswith("\\\n", self._at):
                yield Operator(self._blank())
            elif char == "#":
                yield Operator(self._until_line_end())
            elif operator := _OPERATOR.match(self._text, self._at):
                self._at = operator.end()
                yield Operator(operator[0])
                if operator[0] in ("<<", "<<-"):
                    expects = operator[0] == "<<-"
            else:
                word = self._word()
                yield word
                if expects is not None:
                    self._pending.append((_delimiter(word), _is_quoted(word), expects))
                    expects = None
        if self._pending:
            raise NotUnderstood("a here-document has no end")

    def _blank(self) -> str:
        start = self._at
        while self._text[self._at : self._at + 1] in (" ", "\t") or self._text.startswith(
            "\\\n", self._at
        ):
            self._at += 2 if self._text[self._at] == "\\" else 1
        return self._text[start : self._at]

    def _until_line_end(self) -> str:
        start = self._at
        end = self._text.find("\n", start)
        self._at = len(self._text) if end < 0 else end
        return self._text[start : self._at]

    def _bodies(self) -> Iterator[Token]:
        pending, self._pending = self._pending, []
        for delimiter, is_quoted, tabs in pending:
            start = self._at
            while True:
                if self._at >= len(self._text):
                    raise NotUnderstood("a here-document has no end")
                line_start = self._at
                line = self._until_line_end()
                self._at = min(self._at + 1, len(self._text))
                if (line.lstrip("\t") if tabs else line) == delimiter:
                    body = self._text[start:line_start]
                    yield HereDocument(body, delimiter, is_quoted, tabs)
                    if self._text[self._at - 1 : self._at] == "\n":
                        yield Operator("\n")
                    break

    def _word(self) -> Word:
        start, pieces = self._at, list[Piece]()
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in " \t\n" or _OPERATOR.match(self._text, self._at):
                break
            pieces += self._piece(char, first=self._at == start)
        return Word(self._text[start : self._at], tuple(_merged(pieces)))

    def _piece(self, char: str, *, first: bool) -> list[Piece]:
        if char == "'":
            end = self._text.find("'", self._at + 1)
            if end < 0:
                raise NotUnderstood("a quote has no end")
            text, self._at = self._text[self._at + 1 : end], end + 1
            return [Piece("literal", text)]
        if char == '"':
            return self._double()
        if char == "`":
            raise NotUnderstood("it has backquotes")
        if char == "$":
            return [self._dollar(in_double=False)]
        if char == "\\":
            text = self._text[self._at + 1 : self._at + 2]
            self._at += 2
            return [Piece("literal", "" if text == "\n" else text)]
        self._at += 1
        special = char in _GLOB or (first and char == "~")
        return [Piece("raw" if special else "literal", char)]

    def _double(self) -> list[Piece]:
        self._at += 1
        pieces: list[Piece] = []
        while True:
            if self._at >= len(self._text):
                raise NotUnderstood("a quote has no end")
            char = self._text[self._at]
            if char == '"':
                self._at += 1
                return pieces or [Piece("literal", "")]
            if char == "`":
                raise NotUnderstood("it has backquotes")
            if char == "$":
                pieces.append(self._dollar(in_double=True))
            elif char == "\\" and self._text[self._at + 1 : self._at + 2] in _DOUBLE_ESCAPES:
                pieces.append(Piece("literal", self._text[self._at + 1], quoted=True))
                self._at += 2
            elif self._text.startswith("\\\n", self._at):
                self._at += 2
            else:
                pieces.append(Piece("literal", char, quoted=True))
                self._at += 1

    def _dollar(self, *, in_double: bool) -> Piece:
        if self._text.startswith("$((", self._at):
            end = self._text.find("))", self._at)
            if end < 0:
                raise NotUnderstood("arithmetic has no end")
            text, self._at = self._text[self._at : end + 2], end + 2
            return Piece("raw", text, in_double)
        if self._text.startswith("$(", self._at):
            end = _end_of_command(self._text, self._at + 2)
            text, self._at = self._text[self._at + 2 : end], end + 1
            return Piece("command", text, in_double)
        if not in_double and self._text.startswith(("$'", '$"'), self._at):
            raise NotUnderstood("it has a quote of the kind $'...'")
        expansion = _EXPANSION.match(self._text, self._at)
        text = expansion[0] if expansion else "$"
        self._at += len(text)
        return Piece("raw" if expansion else "literal", text, in_double)


def _end_of_command(text: str, at: int) -> int:
    """Where the parenthesis closes that was opened before `at`."""
    depth = 1
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'":
            at = text.find("'", at + 1)
            if at < 0:
                break
        elif char == '"':
            at = _end_of_double(text, at + 1)
        elif char in "()":
            depth += 1 if char == "(" else -1
            if depth == 0:
                return at
        at += 1
    raise NotUnderstood("a parenthesis is not closed")


def _end_of_double(text: str, at: int) -> int:
    while at < len(text) and text[at] != '"':
        if text[at] == "\\":
            at += 1
        elif text.startswith("$(", at):
            at = _end_of_command(text, at + 2)
        at += 1
    return at


def _merged(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Adjacent literal pieces as one; whether they were in quotes does not matter for these."""
    pending: Piece | None = None
    for piece in pieces:
        if piece.kind == "literal" and pending is not None and pending.kind == "literal":
            pending = Piece("literal", pending.text + piece.text)
            continue
        if pending is not None:
            yield pending
        pending = piece
    if pending is not None:
        yield pending


def _delimiter(word: Word) -> str:
    literal = word.literal
    if literal is None:
        raise NotUnderstood("the delimiter of a here-document is expanded")
    return literal


def _is_quoted(word: Word) -> bool:
    return any(char in word.source for char in "'\"\\")
