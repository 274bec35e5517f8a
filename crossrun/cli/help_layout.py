"""How --help looks: options in groups, examples that can be copied, colours where there are any."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import starmap
from typing import NamedTuple, Self

import click

_WIDEST, _WIDEST_TERM = 100, 30
_MANY_OPTIONS = 20
"""A command with more options than this has a short help."""
_EXAMPLES = "\b\nExamples:\n"
_WORD = re.compile(r"""(?:-[\w-]+ (?!-))?(?:"[^"]*"|'[^']*'|\S)+""")
"""A word of a command, with its value if it is an option."""
_CONTINUATION = re.compile(r"\s*\\\n\s*")
_EXTRA = re.compile(r"  \[[^\]]*\]$")


class OptionGroup(StrEnum):
    """The headings of options, in the order in which they are shown."""

    WHAT = "What to do"
    WHERE = "Where to work"
    WHO = "Who does it"
    MEMORY = "Memory"
    LIMITS = "Limits and checks"
    BACK = "Applying the change"
    OPTIONS = "Options"
    OUTPUT = "Output"
    GLOBAL = "Global options"


class Panel(str):
    """The group of an option, as typer keeps it. `short`: the short help shows the option."""

    __slots__ = ("short",)
    short: bool

    def __new__(cls, group: OptionGroup, *, short: bool = False) -> Self:
        """A group is a text for typer."""
        panel = super().__new__(cls, group.value)
        panel.short = short
        return panel


METAVARS = {
    "TIME": "90, 90s, 5m, 2h or 7d",
    "SIZE": "500MB, 5GB or 2GiB",
    "RUN": "a run's id, a prefix of it, or last",
    "PAT": "a pattern's id or a prefix of it",
    "GLOB": "a pattern of names: '*.csv', 'data/**'; quote it",
}
"""What placeholders stand for that not every reader knows."""


class HelpRow(NamedTuple):
    """A term of the help and its meaning."""

    term: str
    meaning: str


class HelpFormatter(click.HelpFormatter):
    """Lays help out for a width.

    `style` gives a text one of the styles of `views.terminal`, if colours are allowed.
    """

    def __init__(self, *, width: int, style: Callable[[str, str], str]) -> None:
        super().__init__(width=min(width, _WIDEST))
        self.style = style

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Writes the line that names the command and its arguments."""
        super().write_usage(prog, args, prefix)
        self.buffer[-2] = self.buffer[-2].replace(prog, self.style(prog, "bold"), 1)

    def write_heading(self, heading: str) -> None:
        """Writes the heading of a section."""
        self.write(f"{self.style(f'{heading}:', 'bold')}\n")

    def write_rows(self, rows: Sequence[HelpRow], *, term_width: int) -> None:
        """Writes terms and their meanings in two columns; a long term has a line to itself."""
        column = 2 + term_width + 2
        for term, meaning in rows:
            lines = textwrap.wrap(meaning, max(self.width - column, 20), break_long_words=False)
            beside = lines[:1] if len(term) <= term_width else []
            shown = self.style(term, "accent") + " " * (term_width - len(term))
            self.write("  " + "  ".join([shown, *beside]).rstrip() + "\n")
            self.write("".join(f"{'':{column}}{line}\n" for line in lines[len(beside) :]))

    def write_examples(self, lines: Iterable[str]) -> None:
        """Writes commands; one that is too wide is continued so that it can still be copied."""
        with self.section("Examples"):
            for line in lines:
                self.write("".join(f"  {part}\n" for part in _broken(line, self.width - 2)))

    def term_width(self, rows: Iterable[HelpRow]) -> int:
        """The width of the left column: that of the widest term that leaves room for the right."""
        most = min(self.width // 3, _WIDEST_TERM)
        return max((len(row.term) for row in rows if len(row.term) <= most), default=most)


def _broken(command: str, width: int) -> list[str]:
    """A command on as few lines as fit, with a backslash at the end of all but the last."""
    lines = [""]
    for word in _WORD.findall(command):
        longer = f"{lines[-1]} {word}" if lines[-1].strip() else lines[-1] + word
        if len(longer) > width - 2 and len(command) > width and lines[-1].strip():
            lines.append(f"    {word}")
        else:
            lines[-1] = longer
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def write_text(command: click.Command, formatter: HelpFormatter) -> None:
    """Writes what a command does, and its examples."""
    text, _, examples = inspect.cleandoc(command.help or "").partition(_EXAMPLES)
    if text:
        formatter.write_paragraph()
        formatter.write_text(text)
    if examples:
        formatter.write_examples(map(str.strip, _CONTINUATION.sub(" ", examples).splitlines()))


def write_options(
    command: click.Command,
    context: click.Context,
    formatter: HelpFormatter,
    *,
    everything: bool,
    commands: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Writes the arguments, the sub-commands by section with their purposes, and the options.

    If the command has a short help, only the options that belong there, unless `everything`.
    """
    groups = _groups(command, context)
    left_out = 0
    if has_short_help(command) and not everything:
        shown = {group: _short(params) for group, params in groups.items()}
        left_out = sum(map(len, groups.values())) - sum(map(len, shown.values()))
        groups = shown
    options = {group: _rows(params, context) for group, params in groups.items()}
    sections = [
        ("Arguments", _arguments(command, context)),
        *((name, list(starmap(HelpRow, each.items()))) for name, each in (commands or {}).items()),
        *options.items(),
        ("Values", _values(options.values()) if has_short_help(command) else []),
    ]
    term_width = formatter.term_width(row for _, rows in sections for row in rows)
    for heading, rows in sections:
        if rows:
            with formatter.section(heading):
                formatter.write_rows(rows, term_width=term_width)
    if left_out:
        formatter.write(f"\n{left_out} more options: {context.command_path} --help-all\n")


def has_short_help(command: click.Command) -> bool:
    """Whether the command has so many options that --help shows only some."""
    own = [param for param in command.params if not _is_global(param)]
    return len(own) > _MANY_OPTIONS


def _groups(command: click.Command, context: click.Context) -> dict[str, list[click.Parameter]]:
    groups: dict[str, list[click.Parameter]] = {group.value: [] for group in OptionGroup}
    for param in command.get_params(context):
        if isinstance(param, click.Option) and not param.hidden:
            groups[_group_of(param)].append(param)
    return groups


def _group_of(option: click.Option) -> str:
    if option.name == "help":
        return OptionGroup.GLOBAL
    return getattr(option, "rich_help_panel", None) or OptionGroup.OPTIONS


def _is_global(param: click.Parameter) -> bool:
    return isinstance(param, click.Option) and _group_of(param) == OptionGroup.GLOBAL


def _short(params: Sequence[click.Parameter]) -> list[click.Parameter]:
    """The options that declare themselves important, and those that declare nothing."""
    return [param for param in params if _in_short_help(param)]


def _in_short_help(param: click.Parameter) -> bool:
    panel = getattr(param, "rich_help_panel", None)
    return panel.short if isinstance(panel, Panel) else not _is_global(param)


def _rows(params: Iterable[click.Parameter], context: click.Context) -> list[HelpRow]:
    records = [record for param in params if (record := param.get_help_record(context))]
    return [
        HelpRow(term if term[:2] != "--" else f"    {term}", _EXTRA.sub(_short_extra, meaning))
        for term, meaning in records
    ]


def _short_extra(extra: re.Match[str]) -> str:
    """`(20)` for what click says about a default and a range."""
    default = re.search(r"default: ([^;\]]+)", extra[0])
    return f" ({default[1]})" if default else ""


def _arguments(command: click.Command, context: click.Context) -> list[HelpRow]:
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    return [HelpRow(*record) for param in arguments if (record := param.get_help_record(context))]


def _values(sections: Iterable[Sequence[HelpRow]]) -> list[HelpRow]:
    """What the placeholders of the options that are shown stand for."""
    terms = " ".join(row.term for rows in sections for row in rows)
    return [
        HelpRow(name, meaning)
        for name, meaning in METAVARS.items()
        if re.search(rf"\b{name}\b", terms)
    ]
