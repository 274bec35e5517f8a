"""Clipping: text on one line, within a length."""

import re

from crossrun.model.workflows import LONGEST_STEP
from crossrun.patterns.learning.redaction import printable
from crossrun.system.commandlines import one_line

_CUT_VARIABLE = re.compile(r"\{\w*$")


def clipped(text: str, limit: int = LONGEST_STEP) -> str:
    """The text on one line, cut to the limit, never within a `{variable}`."""
    text = one_line(printable(text))
    if len(text) <= limit:
        return text
    return _CUT_VARIABLE.sub("", text[: limit - 1]).rstrip() + "…"
