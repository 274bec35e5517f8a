"""What shells and manual pages need to know of the commands, read from the commands themselves."""  # noqa: INP001  a script, no package

import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import click

from crossrun import __version__
from crossrun.cli import COMMANDS, root
from crossrun.cli.globals import Globals, HelpContext
from crossrun.cli.groups import GroupWithDefault
from crossrun.cli.help_layout import OptionGroup
from crossrun.config.settings import SETTINGS
from crossrun.model.status import PATTERN_STATES, Status

_SOURCES = {
    "RUN": "@runs",
    "DIR": "@dirs",
    "FILE": "@files",
    "PATH": "@files",
    "PAT": "@patterns",
    "TYPE": "@types",
    "BATCH": "@batches",
    "ATTEMPTS": "@batches",
    "EXPERIMENT": "@batches",
    "TEMPLATE": "@templates",
    "PROJECT": "@projects",
    "TOPIC": "@topics",
    "ID": "@artifacts",
}
"""Where the candidates for a placeholder come from."""
_BY_NAME: dict[str, Sequence[str]] = {
    "--project-id": ("@projects",),
    "--status": tuple(Status),
    "--state": PATTERN_STATES,
    "--task-type": ("@types",),
    "--template": ("@templates",),
}
_GLOBAL = OptionGroup.GLOBAL


def contexts(
    command: click.Command | None = None, parent: click.Context | None = None, name: str = ""
) -> Iterator[click.Context]:
    """A context for each command and sub-command, in the order of the help."""
    command = command or root()
    context = HelpContext(
        command,
        parent=parent,
        info_name=name or "crossrun",
        obj=Globals(),
        help_option_names=["-h", "--help"],
    )
    yield context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            sub_command = command.get_command(context, below)
            if sub_command is not None and not sub_command.hidden:
                yield from contexts(sub_command, context, below)


# Completion: commands, options and what they take.


def completion_tree() -> str:
    """`crossrun/completion/commands.json`, with a line for each option."""
    whole = next(iter(contexts()))
    options = "\n".join(f"  {line}" for line in _listed(_options(whole, everywhere=True)))
    return f'{{\n "global": [\n{options}\n ],\n{_node(whole, 1)}\n}}\n'


def _node(context: click.Context, depth: int) -> str:
    """The content of a command's object."""
    command, pad = context.command, " " * depth
    parts = [f'{pad}"help": {_json(_purpose(context))}']
    if options := _options(context, everywhere=False):
        lines = "\n".join(f"{pad} {line}" for line in _listed(options))
        parts.append(f'{pad}"options": [\n{lines}\n{pad}]')
    if arguments := [each for each in command.params if isinstance(each, click.Argument)]:
        parts.append(f'{pad}"arguments": {_json([_takes(each, context) for each in arguments])}')
        if arguments[-1].nargs == -1:
            parts.append(f'{pad}"repeats": true')
    if isinstance(command, GroupWithDefault):
        parts.append(f'{pad}"default": {_json(command.default)}')
    if isinstance(command, click.Group):
        below = list(contexts(command, context.parent, context.info_name or ""))
        nodes = [each for each in below if each.parent is below[0]]
        listed = ",\n".join(
            f"{pad} {_json(each.info_name)}: {{\n{_node(each, depth + 2)}\n{pad} }}"
            for each in nodes
        )
        parts.append(f'{pad}"commands": {{\n{listed}\n{pad}}}')
    return ",\n".join(parts)


def _purpose(context: click.Context) -> str:
    if context.parent is not None and context.parent.parent is None:
        purposes = {name: text for section in COMMANDS.values() for name, text in section.items()}
        return purposes[context.info_name or ""]
    return context.command.get_short_help_str(limit=100)


def _options(context: click.Context, *, everywhere: bool) -> list[Any]:
    return [
        [_names(option), option.help or "", None if _is_flag(option) else _takes(option, context)]
        for option in context.command.get_params(context)
        if isinstance(option, click.Option)
        and (not option.hidden or option.name == "global_help_all")
        and _is_global(option) == everywhere
    ]


def _is_global(option: click.Option) -> bool:
    return option.name == "help" or getattr(option, "rich_help_panel", None) == _GLOBAL


def _names(option: click.Option) -> list[str]:
    """The names, the one to offer last."""
    names = [*option.opts, *option.secondary_opts]
    return sorted(names, key=lambda name: (name.startswith("--"), option.opts[:1] == [name]))


def _is_flag(option: click.Option) -> bool:
    return bool(option.is_flag or option.count)


def _takes(param: click.Parameter, context: click.Context) -> list[str]:
    """What may stand where a parameter has its value: words, or sources such as `@runs`."""
    for name in param.opts:
        if name in _BY_NAME:
            return list(_BY_NAME[name])
    if words := _accepted_words(param):
        return words
    place = param.make_metavar(context)
    if place == "SETTING":
        return list(SETTINGS)
    tokens = re.findall(r"[\w-]+", place.replace("@VERSION", ""))
    if "project" in context.command_path and "NAME" in tokens:
        return ["@projects"]
    if all(token.islower() for token in tokens):
        return tokens
    return [_SOURCES[token] for token in tokens if token in _SOURCES]


def _accepted_words(param: click.Parameter) -> list[str]:
    """The words of a parser made by `config.values.one_of`, or of a choice."""
    if isinstance(param.type, click.Choice):
        return list(map(str, param.type.choices))
    parse = getattr(param.type, "_parse", None)
    words = inspect.getclosurevars(parse).nonlocals.get("words", ()) if parse else ()
    return list(map(str, words))


def _listed(rows: Sequence[object]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield _json(row) + ("," if number < len(rows) - 1 else "")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


# Manual pages: one for the program, one for each command with its sub-commands.

_DATE = "2026-11-27"
"""When the layout of these pages changed last; mandoc wants a date."""
_HEADER = '.\\" Made by docs/generate_reference.py from the commands.'
_EXIT_STATUS = """\
.SH EXIT STATUS
0 for success, 1 if the run failed, 2 for invalid usage, 3 if something is
missing or broken, 6 if an id matches nothing. All codes:
.BR "crossrun help errors" ."""


def man_pages() -> dict[str, str]:
    """The manual pages by file name."""
    every = list(contexts())
    pages = {"crossrun.1": _man_page(every[:1], every[0])}
    for top in (each for each in every if each.parent is every[0]):
        below = [each for each in every if each is top or each.parent is top]
        pages[f"crossrun-{top.info_name}.1"] = _man_page(below, every[0])
    return pages


def _man_page(shown: Sequence[click.Context], whole: click.Context) -> str:
    top = shown[0]
    name = top.command_path.replace(" ", "-")
    purpose = _purpose(top) if top.parent else "run coding agents and keep what they did"
    lines = [
        _HEADER,
        f'.TH {name.upper()} 1 "{_DATE}" "crossrun {__version__}" "crossrun"',
        ".SH NAME",
        rf"{_roff(name)} \- {_roff(_as_phrase(purpose))}",
        ".SH SYNOPSIS",
        *[line for context in shown for line in _synopsis(context)][:-1],
        ".SH DESCRIPTION",
        *_description(top),
    ]
    if top is whole:
        lines += _command_list()
    for context in shown:
        if context is not top:
            lines += [f".SS {_roff(context.command_path)}", *_description(context)]
        lines += _man_options(context, level=".SH" if context is top else ".PP")
    others = [name for name in ("crossrun",) if name != top.command_path]
    also = ", ".join(f"{other}(1)" for other in others) or "crossrun-run(1), crossrun-help(1)"
    return "\n".join([*lines, _EXIT_STATUS, ".SH SEE ALSO", also]) + "\n"


def _as_phrase(purpose: str) -> str:
    text = purpose.rstrip(".")
    return text[:1].lower() + text[1:]


def _synopsis(context: click.Context) -> list[str]:
    pieces = context.command.collect_usage_pieces(context)
    return [f".B {_roff(context.command_path)}", *_filled(" ".join(pieces)), ".br"]


def _description(context: click.Context) -> list[str]:
    text, _, examples = inspect.cleandoc(context.command.help or "").partition("\b\nExamples:\n")
    paragraphs = [" ".join(part.replace("\b", "").split()) for part in text.split("\n\n")]
    filled = ["\n".join(_filled(each)) for each in paragraphs if each]
    lines = "\n.PP\n".join(filled).splitlines()
    if examples.strip():
        lines += [".PP", "Examples:", ".PP", ".nf", ".RS 4"]
        lines += [_roff(line.strip()) for line in examples.strip().splitlines()]
        lines += [".RE", ".fi"]
    return lines


def _command_list() -> Iterator[str]:
    yield ".SH COMMANDS"
    for section, commands in COMMANDS.items():
        yield f".SS {_roff(section)}"
        for name, purpose in commands.items():
            yield from (".TP", f".BR crossrun\\-{_roff(name)} (1)", *_filled(purpose))


def _man_options(context: click.Context, *, level: str) -> Iterator[str]:
    """The options of a command by group; the global ones are on the page of the program."""
    groups: dict[str, list[click.Option]] = {group.value: [] for group in OptionGroup}
    for option in context.command.get_params(context):
        if isinstance(option, click.Option) and not option.hidden:
            group = getattr(option, "rich_help_panel", None) or OptionGroup.OPTIONS
            groups[OptionGroup.GLOBAL if option.name == "help" else group].append(option)
    if context.parent is not None:
        del groups[OptionGroup.GLOBAL]
    arguments = [each for each in context.command.params if isinstance(each, click.Argument)]
    headed: list[tuple[str, Sequence[click.Parameter]]] = [("Arguments", arguments)]
    for heading, params in [*headed, *groups.items()]:
        if params:
            yield from (
                (f".SH {_roff(heading.upper())}",)
                if level == ".SH"
                else (
                    ".PP",
                    f".I {_roff(heading)}",
                )
            )
            for param in params:
                record = getattr(param, "get_help_record")(context)  # noqa: B009  of both kinds
                yield from (".TP", f".B {_roff(record[0])}", *_filled(record[1]))


def _roff(text: str) -> str:
    """Text as it has to be written for roff."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    return re.sub(r"^\.", r"\\&.", escaped)


def _filled(text: str) -> list[str]:
    """Running text in lines of less than 80 bytes."""
    return [_roff(line) for line in textwrap.wrap(text, 66, break_on_hyphens=False)] or [r"\&"]
