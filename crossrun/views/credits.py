"""The measured effect of patterns, on the screen."""

from collections.abc import Iterable, Iterator

from crossrun.memory.evaluation import UptakeCount
from crossrun.model.queries import PatternLine
from crossrun.model.workflows import Pattern
from crossrun.patterns.compiling.values import ScriptCounts
from crossrun.patterns.evaluation.evidence import Credit, Effect, Lift, NotEnough
from crossrun.views.patterns import (
    NOT_KNOWN,
    STATE_STYLES,
    UNKNOWN,
    hanging,
    lift_bar,
    lift_words,
    pattern_head,
)
from crossrun.views.terminal import Column, Terminal, table
from crossrun.views.words import first_line, plural

_NOTHING = 0.005


def credit_table(
    credited: Iterable[tuple[PatternLine, Credit]], terminal: Terminal
) -> Iterator[str]:
    """The effect of each pattern, one to a line."""
    columns = [
        Column("PATTERN", style="bold"),
        Column("WITH", align="right"),
        Column("WITHOUT", align="right"),
        Column("FOLLOWED", align="right", essential=False),
        Column("LIFT"),
        Column("P(HURT)", align="right", essential=False),
        Column("TOKENS", align="right", essential=False),
        Column("STATE", style=lambda state: STATE_STYLES.get(state, "")),
        Column("WHAT WORKED", flexible=True),
    ]
    return table(columns, [_credit_row(line, credit) for line, credit in credited], terminal)


def _credit_row(line: PatternLine, credit: Credit) -> list[str]:
    lift, hurt = NOT_KNOWN, ""
    if isinstance(credit.success, Lift):
        lift = lift_words(credit.success.mean, *credit.success.interval)
        hurt = f"{credit.success.p_hurt:.2f}"
    return [
        f"{line.id} v{line.version}",
        f"{credit.succeeded_with}/{credit.runs_with}",
        f"{credit.succeeded_without}/{credit.runs_without}",
        "" if credit.adherence is None else f"{credit.adherence:.0%}",
        lift,
        hurt,
        f"{credit.tokens.mean:+.0%}" if isinstance(credit.tokens, Effect) else "",
        line.state,
        first_line(line.summary),
    ]


def credit_details(pattern: Pattern, credit: Credit | None, terminal: Terminal) -> Iterator[str]:
    """Everything known about the effect of one pattern."""
    yield from pattern_head(pattern, terminal)
    yield ""
    if credit is None:
        yield f"  {UNKNOWN}: no run was eligible"
        return
    rows = [
        ("with it", f"{credit.succeeded_with} of {plural(credit.runs_with, 'run')} succeeded"),
        (
            "without",
            f"{credit.succeeded_without} of {plural(credit.runs_without, 'run')} succeeded",
        ),
    ]
    if isinstance(credit.success, Lift):
        lift = credit.success
        rows += [
            ("success", f"{lift_words(lift.mean, *lift.interval)}, P(hurt) {lift.p_hurt:.2f}"),
            ("", lift_bar(lift.interval[0], lift.mean, lift.interval[1], terminal)),
        ]
    else:
        rows.append(("success", credit.success.reason))
    rows += [
        ("failed", _effect(credit.failed_commands, "failed commands a run ")),
        ("turns", _effect(credit.turns)),
        ("tokens", _effect(credit.tokens)),
        ("time", _effect(credit.seconds)),
        ("followed", _followed(credit)),
    ]
    if credit.chosen:
        rows.append(
            ("chosen", f"{plural(credit.chosen, 'run')} in which it was not left to chance")
        )
    rows += [
        ("mixed", f"{mix.what}: {', '.join(map(first_line, mix.values))}") for mix in credit.pooled
    ]
    for name, text in rows:
        if UNKNOWN not in text or name == "success":
            yield from hanging(f"  {name:<9} ", text, terminal)


def uptake_lines(uptake: UptakeCount, terminal: Terminal) -> Iterator[str]:
    """How often agents used the pattern's files; nothing for a pattern that had none."""
    if not uptake.runs:
        return
    named = ", ".join(f"{first_line(path)} in {count}" for path, count in uptake.files.items())
    text = f"used in {uptake.used} of {plural(uptake.runs, 'run')}{f': {named}' if named else ''}"
    yield from hanging(f"  {'files':<9} ", text, terminal)


def script_lines(scripted: ScriptCounts) -> Iterator[str]:
    """How often the pattern's script did the work, if it ever did."""
    if scripted.runs:
        over = f", the agent took over in {scripted.handed_over}" if scripted.handed_over else ""
        yield f"  compiled  {plural(scripted.runs, 'run')} by its script{over}"


def _followed(credit: Credit) -> str:
    if credit.adherence is None:
        return UNKNOWN
    ignored = f", ignored in {plural(credit.ignored, 'run')}" if credit.ignored else ""
    return f"{credit.adherence:.0%} of the steps on average{ignored}"


def _effect(effect: Effect | NotEnough, counted: str = "") -> str:
    """An effect with its interval, in units of `counted` or relative."""
    if not isinstance(effect, Effect):
        return UNKNOWN
    low, high = effect.interval
    if counted:
        return f"{effect.mean:+.1f} {counted}({low:+.1f} to {high:+.1f})"
    if max(abs(low), abs(high)) < _NOTHING:
        return "the same"
    return f"{effect.mean:+.0%} ({low:+.0%} to {high:+.0%})"
