"""Vectors of tasks and patterns, where the extra `embeddings` is installed."""

from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from crossrun.errors import CrossrunError
from crossrun.memory.encoding import cosine, installed_encoder, mapped_encoder, ready_encoder
from crossrun.store import Store
from crossrun.store.patterns import PatternReader

if TYPE_CHECKING:
    from crossrun.memory.encoding import Encoder
    from crossrun.store.pattern_vectors import EncodedTask

AT_CHOICE, AT_LEISURE = 32, 500
"""So many patterns at most get missing vectors before a run, and when nobody waits for an agent."""


def encoded_task(store: Store, task: str, *, limit: int) -> "EncodedTask | None":
    """The task for a search by meaning; None without the extra.

    Patterns without vectors get them, the last changed first: they may have been learned before
    the extra was installed, or with another version of it.

    Args:
        store: the ledger.
        task: the user's task.
        limit: how many patterns get vectors.
    """
    if installed_encoder() is None or store.patterns.are_none():
        return None
    encoder = ready_encoder(store.cache)
    if encoder is None:
        return None
    _fill(store, encoder, limit=limit)
    from crossrun.store.pattern_vectors import EncodedTask

    return EncodedTask(encoder.name, encoder.encode([task])[0], store.cache / "vectors")


def encode_patterns(store: Store) -> None:
    """Adds missing vectors of patterns, if the encoder has been used before.

    Does nothing without the extra, nor before the first choice that needs it.
    """
    name = installed_encoder()
    if name is None or not store.patterns.lacking_vectors(name, limit=1):
        return
    encoder = mapped_encoder(store.cache)
    if encoder is not None:
        _fill(store, encoder, limit=AT_LEISURE)


def _fill(store: Store, encoder: "Encoder", *, limit: int) -> None:
    """A store that cannot be written is searched as it is."""
    lacking = store.patterns.lacking_vectors(encoder.name, limit=limit)
    if not lacking:
        return
    texts = list(dict.fromkeys(text for lines in lacking.values() for text in lines))
    vectors = dict(zip(texts, encoder.encode(texts), strict=True))
    with suppress(CrossrunError):
        store.add_vectors(encoder.name, vectors, limit=limit)


class Meanings:
    """Compares texts by the encoder, if it has been used before: learning never unpacks it.

    Args:
        cache: the folder of the encoder.
        patterns: what is searched; while there are none, nothing is loaded.
    """

    def __init__(self, cache: Path, patterns: PatternReader) -> None:
        self._cache = cache
        self._patterns = patterns

    def encoded(self, text: str) -> "EncodedTask | None":
        """A text for a search by meaning."""
        comparison = self.comparison()
        if comparison is None:
            return None
        from crossrun.store.pattern_vectors import EncodedTask

        return EncodedTask(comparison.name, comparison.vector(text), self._cache / "vectors")

    def comparison(self) -> "TextComparison | None":
        """How near texts are in meaning; None without the encoder."""
        return None if self._patterns.are_none() else self._comparison

    @cached_property
    def _comparison(self) -> "TextComparison | None":
        encoder = mapped_encoder(self._cache)
        return None if encoder is None else TextComparison(encoder)


class TextComparison:
    """How near two texts are in meaning, from -1 to 1.

    Args:
        encoder: makes vectors of texts.
    """

    def __init__(self, encoder: "Encoder") -> None:
        self.name = encoder.name
        self._encoder = encoder
        self._vectors: dict[str, bytes] = {}

    def __call__(self, left: str, right: str) -> float:
        """The cosine of their vectors."""
        return cosine(self.vector(left), self.vector(right))

    def vector(self, text: str) -> bytes:
        """The vector of a text, which is made once."""
        if text not in self._vectors:
            self._vectors[text] = self._encoder.encode([text])[0]
        return self._vectors[text]
