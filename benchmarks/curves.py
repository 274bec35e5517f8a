"""Measures of a ranking of decisions, and their curve as a picture."""

from collections.abc import Mapping, Sequence

SHARES = (0.1, 0.2, 0.3)


def auroc(scores: Sequence[float], truth: Sequence[bool]) -> float:
    """The share of pairs of a true and a false one in which the true one scores higher."""
    order = sorted(zip(scores, truth, strict=True))
    below = wins = 0.0
    at = 0
    while at < len(order):
        same = [true for score, true in order[at:] if score == order[at][0]]
        false = same.count(False)
        wins += same.count(True) * (below + false / 2)
        below += false
        at += len(same)
    positives = sum(truth)
    return wins / (positives * (len(truth) - positives))


def precisions(scores: Sequence[float], right: Sequence[bool]) -> list[float]:
    """The precision of injecting the surest 1, 2, 3, ... of all queries."""
    hits = 0
    shares = []
    for count, number in enumerate(surest(scores), 1):
        hits += right[number]
        shares.append(hits / count)
    return shares


def surest(scores: Sequence[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda i: (-scores[i], i))


def at_shares(curve: Sequence[float]) -> str:
    return "  ".join(f"{curve[round(share * len(curve)) - 1]:.3f}" for share in SHARES)


def precision_point(scores: Sequence[float], right: Sequence[bool], goal: float) -> float:
    """The lowest score from which on the precision is the goal."""
    order = surest(scores)
    reaching = [n for n, share in enumerate(precisions(scores, right)) if share >= goal]
    return scores[order[max(reaching)]] if reaching else 1.0


def curve(series: Mapping[str, tuple[str, Sequence[float]]]) -> str:
    """Precision over the share of queries that get a pattern, as SVG."""
    left, top, width, height = 60, 20, 560, 320
    right, bottom = left + width + 20, top + height + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right} {bottom}"'  # noqa: ISC004
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for tick in range(0, 11, 2):
        x, y = left + width * tick / 10, top + height * (1 - tick / 10)
        parts += [
            f'<path d="M{left} {y}H{left + width}M{x} {top}V{top + height}" stroke="#ddd"/>',
            f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{tick * 10}%</text>',
            f'<text x="{x}" y="{top + height + 18}" text-anchor="middle">{tick * 10}%</text>',
        ]
    for number, (name, (colour, shares)) in enumerate(series.items()):
        points = " ".join(
            f"{left + width * n / len(shares):.1f},{top + height * (1 - share):.1f}"
            for n, share in enumerate(shares, 1)
        )
        y = top + 20 + 18 * number
        parts += [
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>',
            f'<path d="M{left + width - 200} {y - 4}h24" stroke="{colour}" stroke-width="2"/>',
            f'<text x="{left + width - 168}" y="{y}">{name}</text>',
        ]
    across, down = left + width / 2, top + height / 2
    parts += [
        f'<g text-anchor="middle"><text x="{across}" y="{bottom - 18}">',
        "share of all queries that get a pattern, surest first</text>",
        f'<text transform="translate(16 {down}) rotate(-90)">of these, right</text></g>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
