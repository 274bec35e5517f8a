"""The measured effect of patterns, on the screen."""

import textwrap
from collections.abc import Iterable, Iterator

from crossrun.memory.evaluation import UptakeCount
from crossrun.model.queries import PatternLine
from crossrun.model.workflows import Pattern
from crossrun.patterns.compiling.values import ScriptCounts
from crossrun.patterns.evaluation.credit import (
    Arms,
    Credit,
    Effect,
    KindCredit,
    Lift,
    NotEnough,
    Pooled,
)
from crossrun.patterns.evaluation.verdicts import harm_evidence, verdict_on_memory
from crossrun.views.patterns import (
    NOT_KNOWN,
    STATE_STYLES,
    UNKNOWN,
    hanging,
    lift_bar,
    lift_words,
    pattern_head,
)
from crossrun.views.terminal import Column, Terminal, command_lines, table
from crossrun.views.words import first_line, plural

KIND_STYLES = {"helps": "good", "hurts": "bad", "suspected": "warn", "undecided": "dim"}
_WIDE = 120
_LIFT_MEANING = (
    "LIFT: the change in success, in percentage points; the interval contains it in 90% of cases."
)
_MEANINGS = (
    "WITH, WITHOUT: how many runs with the pattern, and without it by chance, succeeded.",
    "FOLLOWED: runs that did what the pattern says.",
    _LIFT_MEANING,
    "P(HURT): the probability that the pattern lowers success.",
    "TOKENS: the change in tokens.",
)
_MOST_NAMED = 3
_NOTHING = 0.005
_NOTABLE = 10.0
_LEAST_SHOWN, _MOST_SHOWN = 0.1, 1e6
_COSTS = {
    "tokens": "tokens",
    "cost": "cost",
    "seconds": "time",
    "failed_commands": "failed commands",
}


def credit_table(
    credited: Iterable[tuple[PatternLine, Credit]], terminal: Terminal
) -> Iterator[str]:
    """The effect of each pattern, one to a line."""
    columns = [
        Column("PATTERN", style="bold"),
        Column("WITH", align="right", essential=False),
        Column("WITHOUT", align="right", essential=False),
        Column("FOLLOWED", align="right", essential=False),
        Column("LIFT"),
        Column("P(HURT)", align="right", essential=False),
        Column("TOKENS", align="right", essential=False),
        Column("STATE", style=lambda state: STATE_STYLES.get(state, "")),
        Column("WHAT WORKED", flexible=True),
    ]
    return table(columns, [_credit_row(line, credit) for line, credit in credited], terminal)


def credit_legend(terminal: Terminal) -> Iterator[str]:
    """What the columns of the table mean; on a narrow terminal, only those that it has."""
    meaning = _LIFT_MEANING if terminal.width < _WIDE else " ".join(_MEANINGS)
    yield ""
    for line in textwrap.wrap(meaning, terminal.text_width):
        yield terminal.style(line, "dim")


def _credit_row(line: PatternLine, credit: Credit) -> list[str]:
    lift, hurt = NOT_KNOWN, ""
    if isinstance(credit.success, Lift):
        lift = lift_words(credit.success.mean, *credit.success.interval)
        hurt = f"{credit.success.p_hurt:.2f}"
    return [
        f"{line.id} v{line.version}",
        f"{credit.succeeded_with}/{credit.runs_with}",
        f"{credit.succeeded_without}/{credit.runs_without}",
        f"{credit.followed}/{credit.runs_with}",
        lift,
        hurt,
        f"{credit.tokens.mean:+.0%}" if isinstance(credit.tokens, Effect) else "",
        line.state,
        first_line(line.summary),
    ]


def memory_lines(credit: Credit, terminal: Terminal) -> Iterator[str]:
    """What all patterns together are worth, and what measuring it has cost."""
    yield ""
    yield from hanging("memory   ", f"{verdict_on_memory(credit)}.", terminal, style="bold")
    if isinstance(credit.success, Lift):
        runs = credit.runs_with + credit.runs_without
        yield from hanging(" " * 9, f"90% interval for these {runs} runs", terminal)
    if cost := _holdout(credit):
        yield from hanging("holdout  ", cost, terminal)


def kind_table(credit: Credit | None, terminal: Terminal) -> Iterator[str]:
    """The effect of a pattern on each kind of task, one to a line."""
    kinds = () if credit is None else credit.kinds
    if not kinds:
        return iter([f"  {UNKNOWN}: no run was eligible"])
    columns = [
        Column("WITH", align="right"),
        Column("WITHOUT", align="right"),
        Column("LIFT"),
        Column("P(HURT)", align="right", essential=False),
        Column("EFFECT", style=lambda state: KIND_STYLES.get(state, "")),
        Column("TYPE", essential=False),
        Column("TASKS LIKE", flexible=True),
    ]
    return table(columns, list(map(_kind_row, kinds)), terminal)


def _kind_row(kind: KindCredit) -> list[str]:
    arms = kind.arms
    return [
        f"{arms.succeeded_with}/{arms.runs_with}",
        f"{arms.succeeded_without}/{arms.runs_without}",
        lift_words(kind.lift, *kind.interval),
        f"{kind.p_hurt:.2f}",
        first_line(kind.state),
        first_line(kind.task_type),
        first_line(kind.task),
    ]


def credit_details(pattern: Pattern, credit: Credit | None, terminal: Terminal) -> Iterator[str]:
    """Everything known about the effect of one pattern."""
    yield from pattern_head(pattern, terminal)
    yield ""
    if credit is None:
        yield f"  {UNKNOWN}: no run was eligible"
        return
    for name, text in (*_success_rows(credit, terminal), *_other_rows(credit)):
        if text and (UNKNOWN not in text or name == "success"):
            yield from hanging(f"  {name:<9} ", text, terminal)


def _success_rows(credit: Credit, terminal: Terminal) -> list[tuple[str, str]]:
    rows = [
        ("with it", f"{credit.succeeded_with} of {plural(credit.runs_with, 'run')} succeeded"),
        (
            "without",
            f"{credit.succeeded_without} of {plural(credit.runs_without, 'run')} succeeded",
        ),
    ]
    lift = credit.success
    if not isinstance(lift, Lift):
        return [*rows, ("success", lift.reason)]
    low, high = lift.interval
    return [
        *rows,
        ("success", f"{lift_words(lift.mean, low, high)}, P(hurt) {lift.p_hurt:.2f}"),
        ("", lift_bar(low, lift.mean, high, terminal)),
        ("", _intervals(credit)),
    ]


def _intervals(credit: Credit) -> str:
    """Which kind of interval it is, and the one that holds however often one looks."""
    if not isinstance(credit.success, Lift):
        return ""
    runs = credit.runs_with + credit.runs_without
    low, high = (f"{round(100 * bound):+d}" for bound in credit.evidence.sequence)
    return f"90% interval for these {runs} runs; {low} to {high} if you look after every run"


def _other_rows(credit: Credit) -> Iterator[tuple[str, str]]:
    yield "unchecked", _unverified(credit)
    yield "failed", _effect(credit.failed_commands, "failed commands a run ")
    yield "turns", _effect(credit.turns)
    yield "tokens", _effect(credit.tokens)
    yield "cost", _effect(credit.cost)
    yield "time", _effect(credit.seconds)
    yield "followed", _followed(credit)
    yield "evidence", _evidence(credit)
    yield "holdout", _holdout(credit)
    if credit.experiment_runs:
        yield "trials", f"{plural(credit.experiment_runs, 'run')} of experiments"
    if credit.chosen:
        yield "chosen", f"{plural(credit.chosen, 'run')} in which chance did not decide"
    for mix in credit.pooled:
        yield "mixed", _mixed(mix)


def _mixed(mix: Pooled) -> str:
    """What differed between the runs; the hash of a version says nothing to people."""
    if mix.what == "version":
        return f"{len(mix.values)} versions of the pattern"
    named = ", ".join(map(first_line, mix.values[:_MOST_NAMED]))
    more = len(mix.values) - _MOST_NAMED
    return f"{mix.what.replace('_', ' ')}: {named}{f' and {more} more' if more > 0 else ''}"


def _unverified(credit: Credit) -> str:
    """What runs without a check say, which is what their agents say."""
    if not credit.unverified.runs_with + credit.unverified.runs_without:
        return ""
    if not credit.is_verified:
        return "without --verify, success is what the run itself reports"
    return f"apart from {_arms(credit.unverified)} in runs without --verify"


def _arms(arms: Arms) -> str:
    return (
        f"{arms.succeeded_with} of {arms.runs_with} with it and "
        f"{arms.succeeded_without} of {arms.runs_without} without"
    )


def _evidence(credit: Credit) -> str:
    harm = harm_evidence(credit)
    cause = f" by {_COSTS[harm.measure]}" if harm.measure in _COSTS else ""
    helps = _e_value(credit.evidence.e_helps)
    return f"helps {helps}, hurts {_e_value(harm.e_value)}{cause} (20 decides)"


def _e_value(value: float) -> str:
    if value < _LEAST_SHOWN:
        return f"below {_LEAST_SHOWN}"
    if value > _MOST_SHOWN:
        return f"above {_MOST_SHOWN:,.0f}"
    return f"{value:,.0f}" if value >= _NOTABLE else f"{value:.1f}"


def _holdout(credit: Credit) -> str:
    cost = credit.holdout_cost
    if not cost.runs:
        return ""
    lost = "no success" if cost.successes < _NOTHING else f"about {cost.successes:.1f} successes"
    return f"{plural(cost.runs, 'run')} went without it so far, which cost {lost}"


def more_lines(pattern: Pattern, credit: Credit | None, terminal: Terminal) -> Iterator[str]:
    """The command that shows more, if there is more than one kind of task."""
    if credit is not None and len(credit.kinds) > 1:
        yield ""
        yield from command_lines([f"crossrun patterns stats {pattern.id} --by task"], terminal)


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
    text = f"{credit.adherence:.0%} of the steps on average"
    if credit.ignored:
        text += f"; {credit.followed} of {plural(credit.runs_with, 'run')} followed it"
        effect = credit.effect_where_followed
        if isinstance(effect, Effect):
            text += f", {lift_words(effect.mean, *effect.interval)} where they did"
    return text


def _effect(effect: Effect | NotEnough, counted: str = "") -> str:
    """An effect with its interval, in units of `counted` or relative."""
    if not isinstance(effect, Effect):
        return UNKNOWN
    low, high = effect.interval
    if counted:
        mean, low, high = (round(value, 1) + 0.0 for value in (effect.mean, low, high))
        return f"{mean:+.1f} {counted}({low:+.1f} to {high:+.1f})"
    if max(abs(low), abs(high)) < _NOTHING:
        return "the same"
    mean, low, high = (round(value, 2) + 0.0 for value in (effect.mean, low, high))
    return f"{mean:+.0%} ({low:+.0%} to {high:+.0%})"
