"""Cosines of texts by the encoder of the extra `embeddings`, to fit what uses them."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from crossrun.memory.encoding import Encoder, ready_encoder

CACHE = Path(tempfile.gettempdir()) / "crossrun-benchmarks"


class Cosines:
    """Of pairs of texts; each text is encoded once."""

    def __init__(self, encoder: Encoder) -> None:
        self._vector = cache(lambda text: vector(encoder, text))

    def of(self, task: str, wordings: str) -> float:
        """The cosine of a task with the nearest line."""
        return max(float(self._vector(task) @ self._vector(line)) for line in wordings.split("\n"))


def installed_cosines() -> Cosines | None:
    """None without the extra."""
    encoder = ready_encoder(CACHE)
    return Cosines(encoder) if encoder else None


def vector(encoder: Encoder, text: str) -> Any:  # noqa: ANN401  numpy is not there without the extra
    """Of length 1."""
    import numpy as np

    values = np.frombuffer(encoder.encode([text])[0], dtype="<f2").astype(np.float32)
    return values / np.linalg.norm(values)
