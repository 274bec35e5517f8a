"""What a shell offers when TAB is pressed, without importing the command line.

The shell calls `crossrun __complete SHELL WORDS...`, with the words up to the cursor. The first
line of the answer is `:files`, `:dirs` or `:none`: what the shell itself adds. Each other line is
a candidate, a tab, and what it is.

`commands.json` has the commands and options; docs/generate_reference.py makes it.
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from crossrun.completion.offers import Offer

TREE = Path(__file__).with_name("commands.json")
_OWN_TO_THE_SHELL = ("@files", "@dirs")


class Cursor(NamedTuple):
    """Where the cursor is.

    Attributes:
        node: the command, as in `commands.json`.
        takes: what may stand there: words, or sources of words such as `@runs`.
        prefix: what is there already.
        before: what stands before the prefix in the same word, such as `--status=`.
        offers_commands: whether a sub-command may stand there.
        offers_options: whether an option may stand there.
        given: values of options to the left.
    """

    node: Mapping[str, Any]
    takes: Sequence[str]
    prefix: str
    before: str = ""
    offers_commands: bool = False
    offers_options: bool = False
    given: Mapping[str, str] = {}


def answer(arguments: Sequence[str]) -> str:
    """The whole answer for a shell; with trouble, one without candidates."""
    shell, *words = arguments
    try:
        position = locate(_whole_options(words) if shell == "bash" else words)
        lines = [_directive(position)]
        for word, description in candidates(position):
            # bash alone puts a word into the line as it is, and would run a $(command) in it
            shown = shlex.quote(word) if shell == "bash" else f"{position.before}{word}"
            lines.append(f"{shown}\t{description}")
    except Exception:  # noqa: BLE001  a shell has no place for errors
        return ":none\n"
    return "".join(f"{line}\n" for line in lines)


def _whole_options(words: Sequence[str]) -> list[str]:
    """The words with `--a=b` in one piece; bash takes them apart."""
    whole: list[str] = []
    for word in words:
        if word == "=" and whole and whole[-1].startswith("--"):
            whole[-1] += "="
        elif whole and whole[-1].startswith("--") and whole[-1].endswith("="):
            whole[-1] += word
        else:
            whole.append(word)
    return whole


def locate(words: Sequence[str]) -> Cursor:
    """Reads the words to the left of the cursor; the last is the one that it is in."""
    tree = json.loads(TREE.read_text(encoding="utf-8"))
    everywhere = tree["global"]
    node, place, only_arguments, waiting = tree, 0, False, None
    given: dict[str, str] = {}
    for word in words[:-1]:
        option = None if only_arguments else _option(word, node, everywhere)
        if waiting is not None:
            given[waiting[0][-1]], waiting = word, None
        elif word == "--" and not only_arguments:
            only_arguments = True
        elif option is not None and "=" in word:
            given[option[0][-1]] = word.partition("=")[2]
        elif option is not None and option[2] is not None:
            waiting = option
        elif option is None and (only_arguments or not word.startswith("-")):
            if word in node.get("commands", {}) and not place:
                node = node["commands"][word]
            else:
                node, place = _meant(node), place + 1
    prefix = words[-1] if words else ""
    if waiting is not None:
        return Cursor(node, waiting[2], prefix, given=given)
    option = None if only_arguments else _option(prefix, node, everywhere)
    if option is not None and "=" in prefix:
        flag, _, prefix = prefix.partition("=")
        return Cursor(node, option[2] or (), prefix, f"{flag}=", given=given)
    if prefix.startswith("-") and not only_arguments:
        return Cursor(_meant(node), (), prefix, offers_options=True, given=given)
    takes = _argument(_meant(node), place)
    return Cursor(node, takes, prefix, offers_commands=not place, given=given)


def _meant(node: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON
    """The command that words belong to which name no sub-command."""
    return node["commands"][node["default"]] if "default" in node else node


def _option(word: str, node: Mapping[str, Any], everywhere: Sequence[Any]) -> Any:  # noqa: ANN401  JSON
    """The option that a word names: its names, its purpose, and what it takes (None: nothing)."""
    name = word.partition("=")[0]
    options = [*_meant(node).get("options", ()), *node.get("options", ()), *everywhere]
    return next((option for option in options if name in option[0]), None)


def _argument(node: Mapping[str, Any], place: int) -> Sequence[str]:
    arguments = node.get("arguments", ())
    if place < len(arguments):
        takes: Sequence[str] = arguments[place]
        return takes
    return arguments[-1] if arguments and node.get("repeats") else ()


def candidates(position: Cursor) -> Iterator[Offer]:
    """The words that may stand at the cursor and begin with what is there."""
    for candidate in _all(position):
        if candidate.word.startswith(position.prefix):
            yield candidate


def _all(position: Cursor) -> Iterator[Offer]:
    if position.offers_commands:
        for name, node in position.node.get("commands", {}).items():
            yield Offer(name, node["help"])
    if position.offers_options:
        everywhere = json.loads(TREE.read_text(encoding="utf-8"))["global"]
        for names, purpose, _ in (*position.node.get("options", ()), *everywhere):
            yield Offer(names[-1], purpose)
    sources = [take for take in position.takes if take[:1] == "@" and take not in _OWN_TO_THE_SHELL]
    yield from (Offer(take) for take in position.takes if take[:1] != "@")
    if sources:
        from crossrun.completion.sources import Sources

        yield from Sources(position.prefix, position.given).of(sources)


def _directive(position: Cursor) -> str:
    own = [take for take in position.takes if take in _OWN_TO_THE_SHELL]
    return own[0].replace("@", ":") if own else ":none"
