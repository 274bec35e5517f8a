"""Secrets that are ordinary words, such as `postgres`: removed only after a name like `password`.

Anywhere else the word gives nothing away, and a task without it could not be understood.
"""

import re
from functools import cache

_LONGEST = 19
"""Characters. Anything longer is not a word that occurs in texts by chance."""
_WORD = r"(?:[^\W\d_][^\W\d_A-Z]{2,}|[A-Z]{3,})"
_COMMON = re.compile(rf"{_WORD}(?:[-_.:/@ ]?{_WORD})*(?:[-_.:/@ ]?\d{{1,5}})?!?|\d{{1,11}}")
_UNSPEAKABLE = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}", re.IGNORECASE)

_CONTEXT = 80
"""So many characters before a word may tell what it is."""
_QUOTE = r"\\*[\"'`]"
_OPEN = rf"(?:{_QUOTE})?"
_TELLING = r"(?:secret|token|pass|pwd?|key|credential|auth(?!or))[\w-]{0,24}"
_IDENTIFIED = r"identified (?:with \w{1,40} )?by"
_END = r"(?![\w-]|[.:/@]\w)"
_ASSIGNED = rf"[\w\]\"')]\s{{0,8}}(?:=>|:=|=)\s{{0,8}}{_OPEN}", _END
_PLACES = {
    # what stands next to the word: what else stands before it, and what follows
    "=": (_ASSIGNED,),
    ":": (
        # password: word
        (rf"{_TELLING}{_OPEN}\s{{0,8}}:\s{{0,8}}{_OPEN}", _END),
        # "name": "word"
        (rf"\w{_OPEN}\s{{0,8}}:\s{{0,8}}{_QUOTE}", _QUOTE),
        # name: word, alone on its line
        (
            r"(?:\n|\\n)[ \t-]{0,40}[\w.-]{1,40}[ \t]{0,8}:[ \t]{1,8}",
            r"[ \t]*(?:[\r\n#]|\\[nr]|\Z)",
        ),
        # user:word
        (r"[\w\"'/~%+.-]:", r"(?![\w-]|[.:/]\w)"),
    ),
    # the user in an address
    "/": ((r"://", r"[:@]"),),
    # name => 'word', <password>word</password>
    ">": (_ASSIGNED, (rf"<[\w:.-]{{0,24}}{_TELLING}>\s{{0,8}}", _END)),
    "": (
        # --password word, DB_PASSWORD word, password word, Bearer word
        (rf"(?:-[\w-]{{0,24}}{_TELLING}|\w_{_TELLING}|passw(?:or)?d|bearer)\s{{1,4}}{_OPEN}", _END),
        # -p word, -pword
        (rf"(?<![\w-])(?<!mkdir )(?<!cp )-p\s{{0,4}}{_OPEN}", _END),
        # PASSWORD 'word', IDENTIFIED BY 'word', "--password", "word"
        (
            rf"(?:passw\w{{0,8}}|pwd|{_IDENTIFIED}){_OPEN}[\s,(]{{1,8}}{_QUOTE}",
            _QUOTE,
        ),
    ),
}
_BESIDE = re.compile(r"(?:[\w-]+|[=:>/])\Z")
_COLOURS = re.compile(r"(?:\x1b|\\+u001b)\[[0-?]*[ -/]*[@-~]")
_BETWEEN = " \t\r\n\\\"'`(,"
_TELLING_WORD = re.compile(rf"{_TELLING}|(?:by|bearer)\Z|-p\Z", re.IGNORECASE)


def is_common(value: str) -> bool:
    """Whether a value may occur in texts by chance: it consists of words, or of a few digits."""
    return (
        len(value) <= _LONGEST
        and _COMMON.fullmatch(value) is not None
        and _UNSPEAKABLE.search(value) is None
    )


def is_telling(name: str) -> bool:
    """Whether the name of a variable or option says that its value is a secret."""
    return _TELLING_WORD.search(name) is not None


def without_values(text: str, word: str, mask: str) -> tuple[str, int]:
    """The text with a mask for each occurrence of the word as a value, and their number."""
    count = 0

    def masked(match: re.Match[str]) -> str:
        nonlocal count
        if not _stands_as_value(text, match.start(), match.end()):
            return match[0]
        count += 1
        return mask

    return re.sub(re.escape(word), masked, text), count


def _stands_as_value(text: str, start: int, end: int) -> bool:
    before = _COLOURS.sub("", text[max(start - _CONTEXT, 0) : start])
    beside = _BESIDE.search(before.rstrip(_BETWEEN))
    if beside is None or not (beside[0] in _PLACES or is_telling(beside[0])):
        return False  # as in most sentences
    if start <= _CONTEXT:
        before = f"\n{before}"
    return any(
        after.match(text, end) is not None and head.search(before) is not None
        for head, after in _compiled(beside[0] if beside[0] in _PLACES else "")
    )


@cache
def _compiled(sign: str) -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
    """Compiled when a text contains such a word: it takes milliseconds, and few runs need it."""
    return [
        (re.compile(rf"(?:{before})\Z", re.IGNORECASE), re.compile(after))
        for before, after in _PLACES[sign]
    ]
