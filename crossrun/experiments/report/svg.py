"""A picture of the results: success by variant as bars, and differences, each with its interval.

It is legible on light and dark pages: the colours follow the reader's scheme.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape

from crossrun.experiments import sentences
from crossrun.experiments.comparison import VariantComparison
from crossrun.experiments.results import Results, VariantResult
from crossrun.views.unseen import clean

WIDTH = 720
_LABELS, _RIGHT, _LINE, _BAR, _HEAD = 190, 150, 34, 16, 28
_VERDICT = 20
_SCALE = WIDTH - _LABELS - _RIGHT
_LONGEST_LABEL, _LONGEST_TITLE, _LONGEST_VERDICT = 24, 84, 110
_FORBIDDEN = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.soft { fill: #59636e; font-size: 12px }
.tick { text-anchor: middle }
.page { fill: #ffffff }
.bar { fill: #9ec5f4 }
.axis { stroke: #d1d9e0; stroke-width: 1 }
.zero { stroke: #59636e; stroke-width: 1 }
.range { stroke: #1f2328; stroke-width: 2 }
.dot { fill: #1f2328 }
.good .range { stroke: #1a7f37 } .good .dot { fill: #1a7f37 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .soft { fill: #9198a1 }
  .page { fill: #0d1117 }
  .bar { fill: #1f4d85 }
  .axis { stroke: #3d444d }
  .zero { stroke: #9198a1 }
  .range { stroke: #e6edf3 }
  .dot { fill: #e6edf3 }
  .good .range { stroke: #3fb950 } .good .dot { fill: #3fb950 }
}"""


class _Scale(NamedTuple):
    """A horizontal scale from `low` to `high`."""

    low: float
    high: float

    def x(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(_LABELS + share * _SCALE, 1)


_SHARES, _DIFFERENCES = _Scale(0, 1), _Scale(-1, 1)


def svg(results: Results, title: str) -> str:
    """The picture as an XML document."""
    parts = [
        f'<rect class="page" width="{WIDTH}" height="{_height(results)}"/>',
        _words(16, _HEAD, _cut(title, _LONGEST_TITLE), "title"),
        *_verdicts(results),
        *_variants(results),
        *_differences(results),
    ]
    size = f'viewBox="0 0 {WIDTH} {_height(results)}" width="{WIDTH}" height="{_height(results)}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{_text(title)}</title>",
            f"<desc>{_text('. '.join(sentences.verdicts(results)))}</desc>",
            f"<style>{_STYLE}</style>",
            *parts,
            "</svg>\n",
        ]
    )


def _verdicts(results: Results) -> Iterator[str]:
    for number, verdict in enumerate(sentences.verdicts(results), start=1):
        yield _words(16, _HEAD + _VERDICT * number, _cut(verdict, _LONGEST_VERDICT), "soft")


def _top(results: Results) -> int:
    return _HEAD + _VERDICT * len(results.comparisons) + 30


def _variants_end(results: Results) -> int:
    return _top(results) + _LINE * len(results.variants)


def _height(results: Results) -> int:
    return _variants_end(results) + 72 + _LINE * len(results.comparisons) + 32


def _variants(results: Results) -> Iterator[str]:
    bottom = _variants_end(results)
    yield from _axis(_SHARES, _top(results), bottom, [(0, "0%"), (0.5, "50%"), (1, "100%")])
    for number, result in enumerate(results.variants):
        yield from _bar(result, _top(results) + _LINE * number + _LINE // 2)


def _bar(result: VariantResult, y: float) -> Iterator[str]:
    tally, name = result.tally, result.variant.name
    yield _label(name, y)
    text = f"{tally.succeeded} of {tally.runs}"
    if tally.interval is not None:
        share = tally.succeeded / tally.runs
        width = round(_SHARES.x(share) - _LABELS, 1)
        yield (
            f'<rect class="bar" x="{_LABELS}" y="{y - _BAR / 2}" width="{width}" height="{_BAR}"/>'
        )
        yield from _range(_SHARES, tally.interval, share, y)
        text += f", {share:.0%}"
    yield _words(WIDTH - _RIGHT + 14, y + 4, text, "soft")


def _differences(results: Results) -> Iterator[str]:
    top = _variants_end(results) + 72
    bottom = top + _LINE * len(results.comparisons)
    yield _words(16, top - 14, "Difference in success, in points", "soft")
    ticks = [(-1.0, "-100"), (-0.5, "-50"), (0.0, "0"), (0.5, "+50"), (1.0, "+100")]
    yield from _axis(_DIFFERENCES, top, bottom, ticks)
    for number, comparison in enumerate(results.comparisons):
        yield from _difference(comparison, top + _LINE * number + _LINE // 2)


def _difference(comparison: VariantComparison, y: float) -> Iterator[str]:
    yield _label(f"{comparison.a} - {comparison.b}", y)
    low, high = comparison.interval
    yield f'<g class="{"good" if comparison.is_decided else "open"}">'
    yield from _range(_DIFFERENCES, comparison.interval, comparison.difference, y)
    yield "</g>"
    text = f"{sentences.signed(low)} to {sentences.signed(high)}"
    yield _words(WIDTH - _RIGHT + 14, y + 4, text, "soft")


def _axis(
    scale: _Scale, top: float, bottom: float, ticks: list[tuple[float, str]]
) -> Iterator[str]:
    for value, text in ticks:
        x = scale.x(value)
        kind = "zero" if value == 0 else "axis"
        yield f'<line class="{kind}" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>'
        yield _words(x, bottom + 16, text, "soft tick")


def _range(scale: _Scale, interval: tuple[float, float], value: float, y: float) -> Iterator[str]:
    low, high = map(scale.x, interval)
    yield f'<line class="range" x1="{low}" y1="{y}" x2="{high}" y2="{y}"/>'
    for x in (low, high):
        yield f'<line class="range" x1="{x}" y1="{y - 5}" x2="{x}" y2="{y + 5}"/>'
    yield f'<circle class="dot" cx="{scale.x(value)}" cy="{y}" r="4"/>'


def _label(text: str, y: float) -> str:
    return _words(16, y + 4, _cut(text, _LONGEST_LABEL), "label")


def _words(x: float, y: float, text: str, style: str) -> str:
    return f'<text class="{style}" x="{x}" y="{y}">{_text(text)}</text>'


def _cut(text: str, longest: int) -> str:
    line = " ".join(clean(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _text(text: str) -> str:
    """Text of others as XML: without markup, and without characters that XML forbids."""
    return escape(_FORBIDDEN.sub("", " ".join(clean(text).split())))
