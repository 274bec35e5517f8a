"""Which characters a value may have at its place in code, so that it cannot break out."""

import re
from collections.abc import Iterable, Sequence

from crossrun.patterns.compiling.languages import LANGUAGES, PLAIN, Language
from crossrun.patterns.compiling.values import Constraint, Obstacle

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_TRIPLE = ('"""', "'''")


def constraint_at(language: str, text: str, start: int, examples: Sequence[str]) -> Constraint:
    """The constraint on a value at `start` in code.

    Raises:
        Obstacle: no value can be put there safely.
    """
    if language in ("text", ""):
        return Constraint()
    if language == "nested":
        raise Obstacle(
            f"{examples[0]!r} stands in shell code that another shell runs",
            "have the agent run the commands themselves, not by `sh -c`",
        )
    rules = LANGUAGES[language]
    quote = _quote_at(rules, text, start)
    if quote == rules.comment and quote:
        return Constraint()
    if quote:
        active = quote[0] + rules.inner
        if rules.exact:
            return Constraint(forbidden=_once(active))
        return Constraint(allowed=_once(char for char in PLAIN if char not in active))
    if rules.free:
        return Constraint(forbidden=_once(rules.quotes + rules.inner))
    if all(map(_NUMBER.fullmatch, examples)) and not text[start - 1 : start].isalpha():
        return Constraint(number=True)
    if rules.bare:
        own = "".join(examples) if rules.shown else ""
        return Constraint(allowed=_once(rules.bare + own))
    raise Obstacle(
        f"{examples[0]!r} stands in {language} code outside of quotes",
        "have the agent write a program that takes it as an argument",
    )


def _once(chars: Iterable[str]) -> str:
    return "".join(dict.fromkeys(chars))


def _quote_at(rules: Language, text: str, start: int) -> str:
    """The quote or the sign of a comment in which a place lies, if any."""
    at, inside = 0, ""
    while at < start:
        if inside == rules.comment and inside:
            inside = "" if text[at] == "\n" else inside
            at += 1
        elif inside:
            if text[at] == "\\":
                at += 2
                continue
            if text.startswith(inside, at):
                at += len(inside)
                inside = ""
            else:
                at += 1
        elif rules.comment and text.startswith(rules.comment, at):
            inside = rules.comment
        else:
            inside = next(
                (q for q in _TRIPLE if text.startswith(q, at) and q[0] in rules.quotes), ""
            )
            inside = inside or (text[at] if text[at] in rules.quotes else "")
            at += len(inside) or 1
    return inside
