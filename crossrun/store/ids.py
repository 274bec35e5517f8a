"""Ids of runs, batches and applications."""

import os

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""No signs that look alike, and no `l`, so that no id can be `last`."""
_LENGTH = 8


def random_id() -> str:
    """A new id; the caller makes sure that nothing has it."""
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in os.urandom(_LENGTH))
