"""Lines of JSON that other programs wrote."""

import json
from typing import Any

import msgspec


def parsed(line: bytes) -> dict[str, Any]:
    """The object in a line.

    Raises:
        ValueError, TypeError: there is none.
    """
    try:
        content = msgspec.json.decode(line)
    except msgspec.MsgspecError:  # faster than `json`, but refuses a BOM, NaN and lone surrogates
        content = _without_surrogates(json.loads(line.decode("utf-8-sig")))
    if not isinstance(content, dict):
        raise TypeError("not an object")
    return content


def _without_surrogates(value: Any) -> Any:  # noqa: ANN401  any JSON in, the same shape out
    r"""Replaces lone surrogates such as `\ud83d`: they are valid JSON, but cannot be stored."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case list():
            return [_without_surrogates(part) for part in value]
        case dict():
            return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
        case _:
            return value
