"""Parsers for the texts of settings and options. All of them raise ValueError."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Word = TypeVar("Word", bound=str)

_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> float:
    """Seconds from `90`, `90s`, `5m`, `2h` or `7d`. Raises ValueError."""
    number = text.strip().lower()
    unit = number[-1:] if number[-1:] in "smhd" else ""
    digits = number.removesuffix(unit)
    if not digits.replace(".", "", 1).isdecimal():
        raise ValueError("is not a duration like 90, 90s, 5m, 2h or 7d")
    return float(digits) * _UNIT_SECONDS[unit]


def size(text: str) -> int:
    """Bytes from `500MB`, `5GB` or `2GiB`; a number alone is bytes. Raises ValueError.

    KB, MB, GB and TB are powers of 1000, as sizes are shown; KiB to TiB are powers of 1024.
    """
    import re

    match = re.fullmatch(
        r"(\d+(?:\.\d+)?|\.\d+) ?(?:([kmgt])(i?)b?|b?)", text.strip().lower(), re.ASCII
    )
    if match is None:
        raise ValueError("is not a size like 500MB, 5GB or 2GiB")
    number, prefix, binary = match.groups()
    power = " kmgt".index(prefix) if prefix else 0
    return int(float(number) * (1024 if binary else 1000) ** power)


def positive(text: str) -> int:
    """A whole number above zero. Raises ValueError."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise ValueError("is not a whole number above zero")
    return int(text)


def count(text: str) -> int:
    """A whole number above zero, also with k for thousands and M for millions. Raises ValueError.

    `10k` is 10,000 and `1.5M` is 1,500,000.
    """
    number = text.strip().lower()
    factor = {"k": 1_000, "m": 1_000_000}.get(number[-1:], 1)
    digits = number[:-1] if factor > 1 else number
    if not digits.replace(".", "", factor > 1).isdecimal():
        raise ValueError("is not a whole number above zero, such as 20000, 20k or 1M")
    whole, _, fraction = digits.partition(".")
    value = int(whole or "0") * factor + round(float(f"0.{fraction or 0}") * factor)
    if value < 1:
        raise ValueError("is not a whole number above zero, such as 20000, 20k or 1M")
    return value


def up_to(most: int) -> Callable[[str], int]:
    """A parser of whole numbers from 1 to `most`."""

    def parse(text: str) -> int:
        number = positive(text)
        if number > most:
            raise ValueError(f"is more than {most}")
        return number

    return parse


def switch(text: str) -> bool:
    """A yes or no. Raises ValueError."""
    word = text.strip().lower()
    if word not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise ValueError("is not one of true, false")
    return word in ("1", "true", "yes", "on")


def web_address(text: str) -> str:
    """An address that begins with https:// or http://. Raises ValueError."""
    from urllib.parse import urlsplit

    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is not an address that begins with https:// or http://")
    return text.strip()


def some_of(*words: str) -> Callable[[str], str]:
    """A parser of lists of `words`, which returns the list without spaces."""

    def parse(text: str) -> str:
        given = [word.strip() for word in text.split(",") if word.strip()]
        if not given or not set(given) <= set(words):
            raise ValueError(f"is not one of {', '.join(words)}")
        return ",".join(given)

    return parse


def one_of(*words: Word) -> Callable[[str], Word]:
    """A parser that accepts one of `words`."""

    def parse(text: str) -> Word:
        match = next((word for word in words if word == text), None)
        if match is None:
            raise ValueError(f"is not one of {', '.join(words)}")
        return match

    return parse


def share(text: str) -> float:
    """A share from 0 to below 1, or as a percentage. Raises ValueError."""
    number = text.strip().removesuffix("%")
    if not number.replace(".", "", 1).isdecimal():
        raise ValueError("is not a share like 0.3 or 30%")
    value = float(number) / (100 if text.strip().endswith("%") else 1)
    if value >= 1:
        raise ValueError("leaves no run with a pattern: it has to be below 1")
    return value


def amount(text: str) -> float:
    """A number above zero. Raises ValueError."""
    if not text.strip().replace(".", "", 1).isdecimal() or float(text) <= 0:
        raise ValueError("is not a number above zero")
    return float(text)


def price_table(text: str) -> dict[str, dict[str, float]]:
    """The price of a million tokens for each model, from JSON text. Raises ValueError."""
    import json

    try:
        return {model: _price(price) for model, price in json.loads(text).items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            'does not give each model its prices, as {"MODEL": {"input": 1.25, "output": 10}}'
        ) from error


def _price(price: Mapping[str, Any]) -> dict[str, float]:
    """Cached input costs as much as other input unless it has its own price."""
    if not price.keys() <= {"input", "cached_input", "output"}:
        raise KeyError
    complete = {"cached_input": price["input"], **price}
    return {part: float(complete[part]) for part in ("input", "cached_input", "output")}
