"""Variants: what differs between the runs of an experiment.

`NAME:KEY=VALUE[,KEY=VALUE]` as on the command line. A value with a comma is put in quotes, or the
variant is named again: both add to the settings of the same variant.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from crossrun.config.settings import SETTINGS
from crossrun.errors import UsageError
from crossrun.suggestions import did_you_mean

MEMORY_KEYS = ("pattern", "skill")
"""What decides which pattern a run gets; a variant has at most one of them."""
_OWN_KEYS = (*MEMORY_KEYS, "instructions", "config", "template", "var")
_SHARED = {
    "verify": "all variants are judged by the same check",
    "project_id": "all runs of an experiment belong to one project",
    "patterns.holdout": "an experiment withholds no pattern by chance",
    "prices": "all costs are compared at the same prices",
    "require_git_repo": "it does not change what an agent does",
}
_GROUPS_OF_ONE_RUN = ("patterns",)
"""Groups of settings that may differ between runs; the others are of all runs together."""
_REPEATABLE = ("config", "var")
_NAME = re.compile(r"[\w][\w .+-]{0,39}")
_LEAST = 2


class Variant(Struct, frozen=True):
    """A name, and the settings by which the runs of the variant differ from ordinary ones.

    Only `config` and `var` may occur more than once. Values are texts as the user gave them.
    """

    name: str
    settings: tuple[tuple[str, str], ...] = ()

    def get(self, key: str) -> str | None:
        """The value of a key that occurs at most once; None: the variant does not set it."""
        return next((value for name, value in self.settings if name == key), None)

    def all(self, key: str) -> tuple[str, ...]:
        """The values of a repeatable key."""
        return tuple(value for name, value in self.settings if name == key)

    @property
    def gets_no_pattern(self) -> bool:
        """Whether pattern memory is off."""
        return self.get("pattern") == "off"

    def besides_memory(self) -> tuple[tuple[str, str], ...]:
        """Its settings without what decides on patterns."""
        return tuple(pair for pair in self.settings if pair[0] not in MEMORY_KEYS)


def variants_of(texts: Sequence[str]) -> tuple[Variant, ...]:
    """The variants that options describe, in the order in which their names first occur.

    Raises:
        UsageError: fewer than two are given, or one is not valid.
    """
    settings: dict[str, list[tuple[str, str]]] = {}
    for text in texts:
        name, _, rest = text.partition(":")
        if not _NAME.fullmatch(name):
            raise _invalid(text, "a name of letters and digits comes first, then a colon")
        settings.setdefault(name, []).extend(_pairs(text, rest))
    for name, pairs in settings.items():
        _require_consistent(name, pairs)
    if len(settings) < _LEAST:
        raise UsageError(
            "VARIANTS_MISSING",
            "an experiment compares at least two variants",
            hint="for example: --variant without:pattern=off --variant with:pattern=auto",
        )
    return tuple(Variant(name, tuple(pairs)) for name, pairs in settings.items())


def _pairs(text: str, rest: str) -> Iterator[tuple[str, str]]:
    for part in filter(str.strip, _split(text, rest)):
        key, equals, value = part.partition("=")
        key, value = key.strip(), _unquoted(value.strip())
        if not equals:
            raise _invalid(text, f"{part.strip()!r} is not KEY=VALUE")
        _require_key(text, key)
        _require_value(text, key, value)
        yield key, value


def _split(text: str, rest: str) -> Iterator[str]:
    """The parts between commas that are outside of quotes."""
    part, quote = "", ""
    for character in rest:
        if character == "," and not quote:
            yield part
            part = ""
            continue
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        part += character
    if quote:
        raise _invalid(text, f"the quote {quote} is not closed")
    yield part


def _unquoted(value: str) -> str:
    """A value without the quotes around all of it; `"a"="b"` is left alone."""
    is_quoted = len(value) > 1 and value[0] in "'\"" and value.find(value[0], 1) == len(value) - 1
    return value[1:-1] if is_quoted else value


def _require_key(text: str, key: str) -> None:
    why = _SHARED.get(key)
    group, dot, _ = key.partition(".")
    if key in SETTINGS and dot and group not in _GROUPS_OF_ONE_RUN:
        why = "it is a setting for all runs together"
    if why is not None:
        raise _invalid(text, f"{key} cannot differ between variants: {why}")
    if key not in _OWN_KEYS and key not in SETTINGS:
        raise _invalid(text, f"there is no key {key!r}{_nearest(key)}")


def _require_value(text: str, key: str, value: str) -> None:
    if not value:
        raise _invalid(text, f"{key} has no value")
    if key not in SETTINGS:
        return
    try:
        SETTINGS[key].parse(value)
    except ValueError as error:
        raise _invalid(text, f"{key}: {value!r} {error}") from error


def _require_consistent(name: str, pairs: Sequence[tuple[str, str]]) -> None:
    keys = [key for key, _ in pairs if key not in _REPEATABLE]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise _invalid(name, f"{twice} is given twice")
    if all(key in keys for key in MEMORY_KEYS):
        raise _invalid(name, "pattern and skill cannot be used together")


def _nearest(key: str) -> str:
    keys = [*_OWN_KEYS, *(name for name in SETTINGS if name not in _SHARED)]
    return did_you_mean(key, keys, shown=repr)


def _invalid(text: str, why: str) -> UsageError:
    return UsageError(
        "VARIANT_INVALID",
        f"--variant {text}: {why}",
        hint="write it as NAME:KEY=VALUE, for example new:model=gpt-6.1-sol",
    )


def values_of(settings: Mapping[str, str]) -> dict[str, object]:
    """The typed values of settings by name."""
    return {name: SETTINGS[name].parse(text) for name, text in settings.items()}
