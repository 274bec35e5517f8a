"""Makes invisible characters visible, so that a screen shows exactly the text that is there.

Escape sequences and control characters move the cursor, direction marks make a command look like
another one, and zero-width characters hide. Emoji stay unchanged, and so do scripts that need
joiners.
"""

import re
from functools import cache

_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_WITHOUT_WIDTH = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
_JOINERS, _VARIANTS = "\u200c\u200d", "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS, _SURROGATES = "\U000e0000-\U000e007f", "\ud800-\udfff"
_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{4,6}\U000e007f"
"""The flag of a region, such as Scotland: a black flag with tags."""
_INVISIBLE = (
    f"{_FLAG}|[{_DIRECTIONS}{_WITHOUT_WIDTH}{_TAGS}{_SURROGATES}]"
    # a joiner is allowed once, between two characters that are not ASCII
    f"|(?<![^\x00-\x7f])[{_JOINERS}]|[{_JOINERS}](?![^\x00-\x7f])|(?<=[{_JOINERS}])[{_JOINERS}]"
    # a variation selector is allowed once, after a character that is not ASCII or in a keycap
    f"|(?<![^\x00-\x7f])[{_VARIANTS}](?!\u20e3)|(?<=[{_VARIANTS}])[{_VARIANTS}]"
)
_UNSEEN = f"[\x00-\x1f\x7f-\x9f]|{_INVISIBLE}"
_SEQUENCE = (
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and movements
    r"|\x1b[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, links, the clipboard
)


def visible(text: str) -> str:
    """A line with everything visible: `^[` for an escape, `<U+202E>` for a direction mark.

    For commands, names and file contents, which people read to find out what an agent did.
    """
    if text.isascii() and text.isprintable():
        return text
    return _compiled(_UNSEEN).sub(_seen, text)


def visible_lines(text: str) -> list[str]:
    """The lines of a text with everything visible; tabs stay."""
    lines = text.removesuffix("\n").split("\n")
    return ["\t".join(map(visible, line.split("\t"))) for line in lines]


def visible_command(command: str) -> str:
    """A command of one or more lines with everything visible."""
    return "\n".join(visible_lines(command))


def clean(text: str) -> str:
    """Text of an agent or a program, without escape sequences and with everything else visible."""
    if text.isascii() and text.isprintable():
        return text
    return "\n".join(visible_lines(f"{_without_sequences(text)}\n")).expandtabs(4)


def printed(output: str) -> str:
    """What a terminal finally shows of a program's output: the last state of a progress bar."""
    return clean("\n".join(printed_lines(output)))


def printed_lines(output: str) -> list[str]:
    """The lines of `printed`, which still need `clean` before they are shown."""
    lines = _without_sequences(output).split("\n")
    return list(map(_last_state, lines)) if "\r" in output or "\b" in output else lines


def _without_sequences(text: str) -> str:
    text = text.replace("\r\n", "\n")
    return _compiled(_SEQUENCE).sub("", text) if "\x1b" in text else text


def screened(text: str) -> str:
    """Text that may contain styles, with everything else visible."""
    return text if text.isascii() else _compiled(_INVISIBLE).sub(_seen, text)


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    """Most texts are plain ASCII, and compiling takes longer than showing a list of runs."""
    return re.compile(expression)


def _last_state(line: str) -> str:
    states = [state for state in line.split("\r") if state.strip()]
    last = states[-1] if states else ""
    if "\b" not in last:
        return last
    shown: list[str] = []
    for char in last:
        if char != "\b":
            shown.append(char)
        elif shown:
            shown.pop()
    return "".join(shown)


def _seen(unseen: re.Match[str]) -> str:
    if len(unseen[0]) > 1:
        return unseen[0]
    code = ord(unseen[0])
    return f"^{chr(code ^ 64)}" if code < 128 else f"<U+{code:04X}>"  # noqa: PLR2004  ASCII
