"""Generalising: the same command in several runs, as shell code with variables."""

import re
from collections.abc import Iterator, Sequence

from crossrun.patterns.compiling.contexts import constraint_at
from crossrun.patterns.compiling.explaining import Explainer, Part, Vector
from crossrun.patterns.compiling.languages import (
    BASH_ONLY,
    NETWORK,
)
from crossrun.patterns.compiling.lexing import (
    HereDocument,
    NotUnderstood,
    Operator,
    Piece,
    Token,
    Word,
    lexed,
    literal_word,
    quoted,
)
from crossrun.patterns.compiling.values import Obstacle
from crossrun.patterns.compiling.word_places import WordPlace, token_text, word_places
from crossrun.system.commandlines import one_line

_BASH = re.compile("|".join(BASH_ONLY), re.MULTILINE)
_LONGEST_SHOWN = 80
_LOST = re.compile(r"\u2026|\[REDACTED\]|(?<![\w.])EMAIL\b|(?<![\w.])USER(?=[/@:\s]|$)")


def needs_bash(code: str) -> bool:
    """Whether code has syntax that only bash has, or that bash treats differently."""
    return _BASH.search(code) is not None


def require_local(command: str) -> None:
    """Raises for commands that a script cannot repeat.

    Raises:
        Obstacle: it needs a network or a login, or a part of it was removed as private.
    """
    if _LOST.search(command):
        raise Obstacle(
            f"a secret or a private name was removed from `{_short(command)}`",
            "let the agent do this step, or keep such values in files of the workspace",
        )
    for program, first in _programs(command):
        needs = NETWORK.get(program)
        if needs is not None and (not needs or first in needs):
            raise Obstacle(
                f"`{_short(command)}` needs a network or a login",
                "prepare what it fetches in the project's setup, or let the agent do it",
            )


def structure(command: str) -> tuple[str, ...]:
    """What commands must have in common to be compared word by word."""
    try:
        tokens = _meaningful(lexed(command))
    except NotUnderstood:
        return (command,)
    return tuple(_outline(tokens))


def generalised(commands: Vector, explainer: Explainer) -> tuple[str, str]:
    """The command as shell code with `"${name}"` for each variable, and as it is shown.

    Raises:
        Obstacle: the commands differ in more than values that the tasks name.
    """
    if len(set(commands)) == 1:
        return commands[0], commands[0]
    try:
        runs = [lexed(command) for command in commands]
    except NotUnderstood as why:
        raise Obstacle(
            f"the runs differ in `{_short(commands[0])}`, which cannot be taken apart: {why}",
            "have the agent use simpler commands",
        ) from None
    return _Generalisation(runs, explainer).code()


def generalised_text(texts: Vector, language: str, explainer: Explainer) -> list[Part]:
    """The text of a file with variables.

    Raises:
        Obstacle: the texts differ in more than values that the tasks name.
    """
    lines = [text.splitlines(keepends=True) for text in texts]
    if len(set(map(len, lines))) > 1:
        raise Obstacle(
            "the runs wrote files of different length under the same name",
            "have the agent write one program that takes its values as arguments",
        )
    parts: list[Part] = []
    whole = ""
    for vector in zip(*lines, strict=True):
        for text, is_name in explainer.parts(vector):
            if is_name:
                examples = explainer.examples(text)
                explainer.constrain(text, constraint_at(language, whole, len(whole), examples))
            whole += explainer.examples(text)[0] if is_name else text
            parts.append((text, is_name))
    return parts


def here_document(parts: Sequence[Part], target: str, *, ends_with_newline: bool) -> str:
    """Shell code that writes a text with variables to the file `target`, a word of shell code."""
    text = "".join(part for part, is_name in parts if not is_name)
    if not ends_with_newline:
        return f"printf %s {literal_word(parts)} > {target}"
    delimiter = "CROSSRUN_END"
    while delimiter in text:
        delimiter += "_"
    if not any(is_name for _, is_name in parts):
        return f"cat > {target} <<'{delimiter}'\n{text}{delimiter}"
    body = "".join(f"${{{part}}}" if is_name else _escaped(part) for part, is_name in parts)
    return f"cat > {target} <<{delimiter}\n{body}{delimiter}"


class _Generalisation:
    """One command of several runs."""

    def __init__(self, runs: Sequence[Sequence[Token]], explainer: Explainer) -> None:
        self._tokens = runs[0]
        self._runs = [_meaningful(run) for run in runs]
        self._explainer = explainer

    def code(self) -> tuple[str, str]:
        outlines = {tuple(_outline(run)) for run in self._runs}
        if len(outlines) > 1:
            raise _different([_source(run) for run in self._runs])
        places = list(word_places(self._runs[0]))
        code, shown, number = "", "", 0
        for token in self._tokens:
            if not _is_meaningful(token):
                code, shown = code + token_text(token), shown + token_text(token)
                continue
            vector = tuple(run[number] for run in self._runs)
            new_code, new_shown = self._token(vector, places[number])
            code, shown, number = code + new_code, shown + new_shown, number + 1
        return _delimiters_opened(code), shown

    def _token(self, vector: tuple[Token, ...], place: WordPlace) -> tuple[str, str]:
        first = vector[0]
        if isinstance(first, Operator):
            return first.source, first.source
        if isinstance(first, HereDocument):
            documents = [token for token in vector if isinstance(token, HereDocument)]
            return self._body(documents, place)
        words = [token for token in vector if isinstance(token, Word)]
        if len({word.source for word in words}) == 1:
            return words[0].source, words[0].source
        return self._word(words, place)

    def _word(self, words: Sequence[Word], place: WordPlace) -> tuple[str, str]:
        if place.program == "" and not place.redirected:
            raise _different([word.source for word in words])
        literals = [word.literal for word in words]
        if None not in literals:
            parts = self._literal(tuple(text or "" for text in literals), place)
            return literal_word(parts), _shown(parts)
        if len({tuple((p.kind, p.quoted) for p in word.pieces) for word in words}) > 1:
            raise _different([word.source for word in words])
        code = shown = ""
        for number, pieces in enumerate(zip(*(word.pieces for word in words), strict=True)):
            new_code, new_shown = self._piece(pieces, place, at_start=number == 0)
            code, shown = code + new_code, shown + new_shown
        return code, shown

    def _piece(
        self, pieces: tuple[Piece, ...], place: WordPlace, *, at_start: bool
    ) -> tuple[str, str]:
        first = pieces[0]
        texts = tuple(piece.text for piece in pieces)
        if first.kind == "literal":
            parts = self._literal(texts, place)
            return literal_word(parts) if at_start else _rest_of_word(parts), _shown(parts)
        if first.kind == "raw":
            if len(set(texts)) > 1:
                raise _different(list(texts))
            return (f'"{first.text}"' if first.quoted else first.text), first.text
        code, shown = generalised(texts, self._explainer)
        return (f'"$({code})"' if first.quoted else f"$({code})"), f"$({shown})"

    def _literal(self, texts: Vector, place: WordPlace) -> list[Part]:
        parts = self._explainer.parts(texts)
        self._constrain(parts, place.language)
        return parts

    def _constrain(self, parts: Sequence[Part], language: str) -> None:
        if not language:
            return
        if language == "sql" and parts and parts[0][0].startswith("."):
            language = "unknown"  # a command of the program itself, such as `.import`
        text = ""
        for part, is_name in parts:
            if is_name:
                examples = self._explainer.examples(part)
                constraint = constraint_at(language, text, len(text), examples)
                self._explainer.constrain(part, constraint)
            text += self._explainer.examples(part)[0] if is_name else part

    def _body(self, documents: Sequence[HereDocument], place: WordPlace) -> tuple[str, str]:
        first = documents[0]
        end = first.delimiter
        if len({document.body for document in documents}) == 1:
            return first.body + end, first.body + end
        if not place.language:
            raise Obstacle(
                f"the runs differ in text that `{place.program}` gets as its input",
                "have the agent put it into a file that does not change",
            )
        bodies = tuple(document.body for document in documents)
        expanded = not first.quoted
        if expanded and any("$(" in body or "`" in body for body in bodies):
            raise Obstacle(
                "the runs differ in a text that has commands in it",
                "have the agent write it without $(...)",
            )
        parts = generalised_text(bodies, place.language, self._explainer)
        code = "".join(
            f"${{{part}}}" if is_name else part if expanded else _escaped(part)
            for part, is_name in parts
        )
        return f"{_OPENED}{code}{end}", _shown(parts) + end


_OPENED = "\0"
"""Marks a body in which variables are expanded now: its delimiter must not be quoted."""


def _delimiters_opened(code: str) -> str:
    """Removes the quotes of here-document delimiters whose bodies have variables."""
    if _OPENED not in code:
        return code
    result, rest = "", code
    while _OPENED in rest:
        before, _, rest = rest.partition(_OPENED)
        at = max(before.rfind("<<"), 0)
        opened = re.sub(r"(<<-?\s*)(['\"]?)\\?([\w.-]+)\2", r"\1\3", before[at:], count=1)
        result += before[:at] + opened
    return result + rest


def _rest_of_word(parts: Sequence[Part]) -> str:
    return "".join(f'"${{{part}}}"' if is_name else quoted(part) for part, is_name in parts)


def _escaped(text: str) -> str:
    """The text escaped for a here-document that expands variables."""
    return re.sub(r"[\\$`]", lambda match: f"\\{match[0]}", text)


def _shown(parts: Sequence[Part]) -> str:
    return "".join(f"{{{part}}}" if is_name else part for part, is_name in parts)


def _is_meaningful(token: Token) -> bool:
    if not isinstance(token, Operator) or token.source == "\n":
        return True
    return token.source.strip(" \t\\\n") != "" and not token.source.startswith("#")


def _meaningful(tokens: Sequence[Token]) -> list[Token]:
    """The tokens without blanks and comments."""
    return [token for token in tokens if _is_meaningful(token)]


def _outline(tokens: Sequence[Token]) -> Iterator[str]:
    for token, place in zip(tokens, word_places(tokens), strict=True):
        if isinstance(token, Operator):
            yield token.source
        elif isinstance(token, HereDocument):
            yield f"<body {token.body.count(chr(10))}>"
        else:
            yield token.source if place.program == "" and not place.redirected else "<word>"


def _source(tokens: Sequence[Token]) -> str:
    return " ".join(token.source for token in tokens if not isinstance(token, HereDocument))


def _different(texts: Sequence[str]) -> Obstacle:
    shown = " and ".join(f"`{_short(text)}`" for text in list(dict.fromkeys(texts))[:2])
    return Obstacle(
        f"the runs differ in more than variables: {shown}",
        "more runs that do it in the same way will help; see them: crossrun steps RUN",
    )


def _programs(command: str) -> Iterator[tuple[str, str]]:
    """Each program of a command, with its first argument that is not an option."""
    try:
        tokens = _meaningful(lexed(command))
    except NotUnderstood:
        words = command.split()
        yield from (
            (word, following) for word, following in zip(words, [*words[1:], ""], strict=True)
        )
        return
    places = list(word_places(tokens))
    for number, (token, place) in enumerate(zip(tokens, places, strict=True)):
        if not isinstance(token, Word):
            continue
        for piece in token.pieces:
            if piece.kind == "command":
                yield from _programs(piece.text)
        if place.program == "" and not place.redirected:
            rest = (t for t in tokens[number + 1 :] if isinstance(t, Word))
            arguments = (word.source for word in rest if not word.source.startswith("-"))
            yield token.source.rpartition("/")[2], next(arguments, "")


def _short(command: str) -> str:
    return one_line(command)[:_LONGEST_SHOWN]
