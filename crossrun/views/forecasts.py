"""What to expect of a run, on a screen."""

import textwrap
from collections.abc import Iterator

from crossrun.insights.forecast import Outlook
from crossrun.views.expectations import forecast_words, shortfall_words
from crossrun.views.terminal import Terminal


def outlook_lines(expected: Outlook | None, terminal: Terminal) -> Iterator[str]:
    """The forecast, how sure it is, and the limits that are low; nothing if there is none."""
    if expected is None:
        return
    sentences = [
        f"{forecast_words(expected.forecast)}.",
        f"A run like these stays within with a probability of {expected.forecast.confidence:.0%}.",
        *(f"{shortfall_words(each)}." for each in expected.shortfalls),
    ]
    text = " ".join(sentence[:1].upper() + sentence[1:] for sentence in sentences)
    yield from textwrap.wrap(text, terminal.text_width)
