"""What of an event is searched, and how its text is cut into words.

SQLite takes letters, digits and symbols that stand together for one word. Scripts without spaces
and emoji would never match that way, so each of their characters is made a separate word.
"""

import json
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_LONGEST = 1_000_000
"""Characters of a text that are searched."""
SEPARATOR = "\u200b"
"""Put around characters that are separate words; it takes no room where text is shown."""
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x31FF),  # radicals, kana, bopomofo
    (0x3400, 0x9FFF),  # Han
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),
    (0x20000, 0x3FFFF),
)


class EventTexts(NamedTuple):
    """The texts of an event, by the columns of the index."""

    task: str = ""
    message: str = ""
    command: str = ""
    output: str = ""

    def prepared(self) -> "EventTexts":
        """The texts as they go into the index."""
        return EventTexts(*(separated(text[:_LONGEST]) for text in self))


def texts_of(kind: str, body: str) -> EventTexts | None:
    """The texts of an event as it is stored; None if there is nothing to search in it."""
    find = _TEXTS.get(kind)
    if find is None:
        return None
    try:
        texts = find(json.loads(body))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None  # a damaged row; other commands report it
    return texts if any(texts) else None


def separated(text: str) -> str:
    """A text in which characters of scripts without spaces, and symbols, are words."""
    return text if text.isascii() else text.translate(_SEPARATED)


def has_words(text: str) -> bool:
    """Whether there is anything in a text that can be searched for."""
    categories = map(unicodedata.category, text)
    return any(category[0] in "LN" or category in ("Co", "So") for category in categories)


class _Separation(dict[int, str]):
    """By the number of a character, what stands for it in the index."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category == "Cs":
            char = "\ufffd"  # half a character, which SQLite cannot store
        elif category == "So" or any(first <= code <= last for first, last in _WITHOUT_SPACES):
            char = f"{SEPARATOR}{char}{SEPARATOR}"
        self[code] = char
        return char


_SEPARATED = _Separation()


def _started(event: dict[str, Any]) -> EventTexts:
    return EventTexts(task=event["request"]["task"])


def _asked(event: dict[str, Any]) -> EventTexts:
    return EventTexts(message=event["prompt"])


def _spoken(event: dict[str, Any]) -> EventTexts:
    return EventTexts(message=event["text"])


def _warned(event: dict[str, Any]) -> EventTexts:
    return EventTexts(message=event["message"])


def _planned(event: dict[str, Any]) -> EventTexts:
    return EventTexts(message="\n".join(item["text"] for item in event["items"]))


def _ran(event: dict[str, Any]) -> EventTexts:
    return EventTexts(command=event["command"], output=event.get("output") or "")


def _changed(event: dict[str, Any]) -> EventTexts:
    return EventTexts(command=event["path"])


def _called(event: dict[str, Any]) -> EventTexts:
    results = filter(None, (event.get("result"), event.get("error")))
    arguments = event.get("arguments")
    return EventTexts(
        command=f"{event['tool']} {_plain(arguments) if arguments else ''}",
        output="\n".join(map(_plain, results)),
    )


def _finished(event: dict[str, Any]) -> EventTexts:
    failure = event.get("failure")
    return EventTexts(message=f"{failure['message']} {failure['code']}" if failure else "")


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_TEXTS: Mapping[str, Callable[[dict[str, Any]], EventTexts]] = {
    "run_started": _started,
    "step_planned": _asked,
    "agent_spoke": _spoken,
    "agent_reasoned": _spoken,
    "warned": _warned,
    "turn_failed": _warned,
    "plan_updated": _planned,
    "command_ran": _ran,
    "command_declined": _ran,
    "setup_ran": _ran,
    "verified": _ran,
    "file_changed": _changed,
    "tool_called": _called,
    "run_finished": _finished,
}
