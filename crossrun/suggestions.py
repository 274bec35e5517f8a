"""What somebody probably meant who wrote a name that does not exist."""

from collections.abc import Callable, Iterable, Sequence

_LIKENESS = 0.6
"""From 0 to 1, as `difflib` measures it: how like a name a word has to be to be a slip of it."""

_LIKENESS_OF_IDS = 0.7
"""One wrong sign in four: ids are random, and less like each other than names."""


def did_you_mean(
    word: str,
    names: Iterable[str],
    *,
    likeness: float = _LIKENESS,
    shown: Callable[[str], str] = str,
) -> str:
    """The end of a message about an unknown name: `; did you mean NAME?`, or nothing.

    Args:
        word: what was written.
        names: what it could have been.
        likeness: how like a name the word has to be.
        shown: how the name is written, `repr` for one in quotes.
    """
    names_like_it = _nearest(word, names, count=1, likeness=likeness)
    return f"; did you mean {shown(names_like_it[0])}?" if names_like_it else ""


def unknown_names(
    place: object, names: Iterable[object], *, choices: Iterable[str], kind: str
) -> tuple[str, ...]:
    """A warning about each name in a file that means nothing there, with the nearest that does.

    Args:
        place: the file.
        names: what stands in it.
        choices: what may stand in it.
        kind: what such a name is: setting, field, variable.
    """
    choices = list(choices)
    return tuple(
        f"{place}: unknown {kind} {name}{did_you_mean(str(name), choices)}"
        for name in names
        if name not in choices
    )


def ids_like(reference: str, newest_first: Sequence[str]) -> str:
    """The beginning of a hint about an unknown id: three that are like it, or else the newest."""
    beginnings: dict[str, list[str]] = {}
    for each in newest_first:
        beginnings.setdefault(each[: len(reference)], []).append(each)
    near = _nearest(reference, beginnings, count=3, likeness=_LIKENESS_OF_IDS)
    if near:
        similar = [each for beginning in near for each in beginnings[beginning]]
        return f"similar ids: {', '.join(similar[:3])} · "
    return f"the newest: {', '.join(newest_first[:3])} · " if newest_first else ""


def _nearest(word: str, names: Iterable[str], *, count: int, likeness: float) -> list[str]:
    """The names that are most like a word, the best first."""
    import difflib  # takes longer to import than most commands take to read the store

    return difflib.get_close_matches(word, list(names), n=count, cutoff=likeness)
