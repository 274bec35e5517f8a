"""Neighbours: the patterns that a pattern is mistaken for, in the words that set them apart."""

from collections.abc import Sequence

from crossrun.patterns.retrieval.words import content_words, task_words

_MOST = 2
_LONGEST = 90


def not_for(summary: str, neighbours: Sequence[str]) -> str:
    """The jobs of the nearest other patterns.

    Args:
        summary: the summary of the pattern.
        neighbours: the summaries of others, the nearest first.
    """
    own = set(content_words(task_words(summary)))
    named: list[str] = []
    for neighbour in neighbours:
        words = set(content_words(task_words(neighbour)))
        is_near = bool(own & words)
        if is_near and words - own and own - words and neighbour not in named:
            named.append(neighbour)
    return "; ".join(f'"{_clipped(text)}"' for text in named[:_MOST])


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"
