"""What is offered to a shell."""

from typing import NamedTuple


class Offer(NamedTuple):
    """A word that may stand at the cursor, and what it is."""

    word: str
    description: str = ""
