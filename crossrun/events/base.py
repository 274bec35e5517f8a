"""What all events share."""

import re
from typing import Literal

import msgspec

Channel = Literal["developer", "prompt", "none"]
"""How instructions reach an agent: as a developer message, before the prompt, or not at all."""


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class BaseEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=_snake):
    """An event: tagged with a `type` made from its class name."""
