"""Where comments go when the settings around them change.

`ruamel.yaml` keeps the lines of comments between two settings with the first of them, or with the
last value in it. Mostly they are about the second one, so they must not go with the first.
"""

from typing import Any

from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import CommentMark
from ruamel.yaml.tokens import CommentToken

_FOLLOWING = 2
"""Where the library keeps the comment of a value: the rest of its line and the lines after it."""


def append(holder: Any, name: str, value: object) -> None:  # noqa: ANN401  a commented mapping
    """Adds a name at the end; comments about what follows the mapping stay behind it."""
    last = next(reversed(holder)) if holder else None
    following = "" if last is None else _take_following(holder, last)
    holder[name] = value
    if following:
        _add_following(holder, name, following)


def remove(holder: Any, name: str) -> None:  # noqa: ANN401  a commented mapping
    """Removes a name with the comment of its line, and keeps the lines of comments after it."""
    names = list(holder)
    following = _take_following(holder, name)
    at = names.index(name)
    del holder[name]
    holder.ca.items.pop(name, None)
    if not following.strip():
        return
    if at > 0:
        _add_following(holder, names[at - 1], following)
    else:
        _add_before(holder, following)


def replace(holder: Any, name: str, value: object) -> None:  # noqa: ANN401  a commented mapping
    """Replaces a value, and keeps the comments after it."""
    following = _take_following(holder, name) if isinstance(holder[name], dict) else ""
    holder[name] = value
    if following:
        _add_following(holder, name, following)


def _take_following(holder: Any, name: str) -> str:  # noqa: ANN401  a commented mapping
    """Takes the lines of comments after a value from it, wherever in the value they are kept."""
    value = holder[name]
    if isinstance(value, CommentedMap) and value and not value.fa.flow_style():
        return _take_following(value, next(reversed(value)))
    tokens = holder.ca.items.get(name)
    token = tokens[_FOLLOWING] if tokens else None
    if token is None:
        return ""
    own, _, following = token.value.partition("\n")
    token.value = f"{own}\n"
    return str(following)


def _add_following(holder: Any, name: str, text: str) -> None:  # noqa: ANN401  a commented mapping
    value = holder[name]
    if isinstance(value, CommentedMap) and value and not value.fa.flow_style():
        _add_following(value, next(reversed(value)), text)
        return
    tokens = holder.ca.items.setdefault(name, [None, None, None, None])
    if tokens[_FOLLOWING] is None:
        tokens[_FOLLOWING] = CommentToken("\n", CommentMark(0), None)
    own = tokens[_FOLLOWING].value
    tokens[_FOLLOWING].value = f"{own if own.endswith(chr(10)) else own + chr(10)}{text}"


def _add_before(holder: Any, text: str) -> None:  # noqa: ANN401  a commented mapping
    """Puts lines of comments at the beginning of a mapping, after those that are there."""
    if holder.ca.comment is None:
        holder.ca.comment = [None, []]
    if holder.ca.comment[1] is None:
        holder.ca.comment[1] = []
    holder.ca.comment[1].append(CommentToken(text, CommentMark(0), None))


def comments_of(root: Any) -> str:  # noqa: ANN401  a commented mapping
    """What remains of a file without settings."""
    tokens = (root.ca.comment or [None, None])[1] or []
    return "".join(str(token.value) for token in tokens)
