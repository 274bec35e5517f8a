"""Writes what follows from the code: pages, shipped data, completion, the manual.

    python docs/generate_reference.py

A test compares the files with what this makes, so run it after each change of a command, an event,
a setting, a shipped task type or a shipped template.
"""  # noqa: INP001  a script, no package

import ast
import inspect
import itertools
import os
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import click
import command_tree
import msgspec

from crossrun import completion, events
from crossrun.cli import COMMANDS, root
from crossrun.config import sources, tasktypes, templates, values
from crossrun.config.settings import DEFAULTS, SETTINGS
from crossrun.model import (
    batches,
    choices,
    failures,
    forecasts,
    proof,
    requests,
    runs,
    tokens,
    workflows,
)
from crossrun.model.status import Status
from crossrun.services.options import ResumeOptions, RetryOptions, RunOptions

REFERENCE = Path(__file__).parent / "reference"
MANUAL = Path(__file__).parent / "man"
_NOTE = "<!-- Made by docs/generate_reference.py. Change the code and run it again. -->"
_WIDTH = "100"


def pages() -> dict[str, str]:
    """All generated pages by file name."""
    return {
        "commands.md": _commands(),
        "events.md": _events(),
        "options.md": _options(),
        "settings.md": _settings(),
    }


def main() -> None:
    """Writes the pages."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    tasktypes.SHIPPED.write_bytes(shipped_task_types())
    templates.SHIPPED.write_bytes(shipped_templates())
    completion.TREE.write_text(command_tree.completion_tree(), encoding="utf-8")
    _write_manual(command_tree.man_pages())


def _write_manual(pages: Mapping[str, str]) -> None:
    """Writes the manual pages; those of commands that are gone are removed."""
    MANUAL.mkdir(exist_ok=True)
    for file in set(MANUAL.glob("*.1")) - {MANUAL / name for name in pages}:
        file.unlink()
    for name, text in pages.items():
        (MANUAL / name).write_text(text, encoding="utf-8")


def shipped_task_types() -> bytes:
    """The YAML files of the shipped task types, as JSON."""
    files = sorted(tasktypes.SHIPPED.parent.glob("*.yaml"))
    text = msgspec.json.encode({file.stem: tasktypes.read(file) for file in files})
    return msgspec.json.format(text, indent=1) + b"\n"


def shipped_templates() -> bytes:
    """The YAML files of the shipped templates, as JSON."""
    files = sorted(templates.SHIPPED.parent.glob("*.yaml"))
    shipped = {file.stem: templates.read(file, "shipped") for file in files}
    return msgspec.json.format(msgspec.json.encode(shipped), indent=1) + b"\n"


# Commands: what --help prints, for every command and sub-command.


_COMMANDS_INTRO = """\
The output of `--help-all`, 100 columns wide. Global options work before and after every command.
`[RUN]` is an id, a prefix of one, or `last`; the default is the newest run. `[PAT]` is a pattern's
id or a prefix of it; the default is the pattern that changed last. `artifacts`, `patterns` and
`projects` alone mean their `list`."""


def _commands() -> str:
    words = [(), *_command_words()]
    with ThreadPoolExecutor() as pool:
        helps = list(pool.map(_help, words))
    parts = [_NOTE, _made_with(), "# Commands", _COMMANDS_INTRO]
    for command, text in zip(words, helps, strict=True):
        title = " ".join(("crossrun", *command))
        level = "###" if len(command) > 1 else "##"
        parts += [f"{level} {title}", f"```text\n{text.rstrip()}\n```"]
    return _joined(parts)


def _made_with() -> str:
    """The versions that the layout of the help depends on."""
    return f"<!-- click {version('click')}, typer {version('typer')} -->"


def _command_words() -> Iterator[tuple[str, ...]]:
    whole = root()
    context = click.Context(whole)
    for section in COMMANDS.values():
        for name in section:
            yield (name,)
            command = whole.get_command(context, name) if isinstance(whole, click.Group) else None
            if isinstance(command, click.Group):
                yield from ((name, below) for below in command.list_commands(context))


def _help(words: Sequence[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "crossrun", *words, "--help-all"],
        env={**os.environ, "COLUMNS": _WIDTH, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


# Events: every class of the union, with its docstring, its fields and theirs.


class _Field(NamedTuple):
    name: str
    type: Any
    default: object
    meaning: str


_VALUES: tuple[type[msgspec.Struct], ...] = (
    requests.RunRequest,
    requests.AgentOptions,
    requests.CodexOptions,
    requests.Limits,
    requests.MemoryOptions,
    requests.BeginWith,
    batches.BatchPlace,
    runs.Source,
    runs.ApplyOutcome,
    tokens.Tokens,
    runs.Change,
    runs.IgnoredFiles,
    runs.RefChange,
    proof.ProofFinding,
    events.PlanItem,
    events.PatternCandidate,
    forecasts.Forecast,
    forecasts.Shortfall,
    workflows.Workflow,
    workflows.Step,
    workflows.Variable,
    workflows.Preconditions,
    workflows.PatternFile,
    workflows.Cure,
    workflows.Check,
    workflows.Occurrence,
    workflows.Trace,
    workflows.Act,
    workflows.Finding,
    workflows.Caution,
    workflows.Stats,
    workflows.KindStats,
    workflows.MemoryStats,
    failures.Failure,
)
_PLAIN_NAMES: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    type(None): "null",
    Any: "any JSON",
}
_EVENTS_INTRO = """\
A run is a list of events. `crossrun events RUN --jsonl` prints them, one JSON object on each line;
`crossrun run --jsonl` and `crossrun watch --jsonl` print the same objects during the run.

Each object has `schema_version`, `run_id`, `seq` (from 1, without gaps), `at` (UTC, ISO-8601) and
`type`, and the fields of its type, which are listed here. A stored event is never edited. Fields
may be added; those listed here keep their name and meaning. Secrets are removed before an event is
stored. Where this page says None, JSON has `null`."""


def _events() -> str:
    from_agents = get_args(events.AgentEvent)
    parts = [_NOTE, "# Events", _EVENTS_INTRO]
    for title, classes in (
        ("Of the run", [kind for kind in get_args(events.KnownEvent) if kind not in from_agents]),
        ("Of the agent", from_agents),
    ):
        parts.append(f"## {title}")
        for kind in classes:
            parts += [f"### {kind.__struct_config__.tag}", *_described(kind)]
    parts += ["## Values inside events"]
    for value in _VALUES:
        parts += [f"### {value.__name__}", *_described(value)]
    parts += ["### Status", f"One of {', '.join(f'`{status}`' for status in Status)}."]
    return _joined(parts)


def _described(struct: type[msgspec.Struct]) -> Iterator[str]:
    yield inspect.cleandoc(struct.__doc__ or "")
    fields = list(_fields(struct))
    if fields:
        rows = [
            (f"`{f.name}`", _type_words(f.type), _default(f.default), f.meaning) for f in fields
        ]
        yield _table(("field", "value", "default", "meaning"), rows)


def _fields(struct: type[msgspec.Struct]) -> Iterator[_Field]:
    docs = _field_docs(struct)
    for field in msgspec.structs.fields(struct):
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        yield _Field(field.name, field.type, default, docs.get(field.name, ""))


def _field_docs(struct: type) -> dict[str, str]:
    """The texts below the fields of a class: Python itself does not keep them."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(struct))).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    docs = {}
    for field, below in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match below:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    docs[field.target.id] = " ".join(text.split())
                case _:
                    pass
    return docs


def _type_words(kind: Any) -> str:  # noqa: ANN401  any type annotation
    if kind in _PLAIN_NAMES:
        return _PLAIN_NAMES[kind]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(f"`{word}`" for word in inner)
    if origin in (types.UnionType, Union):
        return " or ".join(map(_type_words, inner))
    if origin is tuple:
        return f"list of {' and '.join(_type_words(item) for item in inner if item is not ...)}"
    if origin is dict:
        return "JSON object" + ("" if inner[1] is Any else f" of {_type_words(inner[1])} by name")
    if kind is Status or kind in _VALUES:
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    raise TypeError(f"no words for {kind}")


def _default(value: object) -> str:
    if value is msgspec.NODEFAULT:
        return ""
    if isinstance(value, msgspec.Struct):
        return "the defaults below"
    return f"`{msgspec.json.encode(value).decode()}`"


# Options: the fields of the structs that the Python API takes.

_OPTIONS: dict[type[msgspec.Struct], str] = {
    RunOptions: "A new run: `Crossrun.run`, and `crossrun run`.",
    ResumeOptions: "A run that continues another one: `Crossrun.resume`, and `crossrun resume`.",
    RetryOptions: "A run that repeats another one: `Crossrun.retry`, and `crossrun retry`.",
}
_CHOICES: dict[str, Sequence[str]] = {
    "FollowLinks": choices.FOLLOW_LINKS,
    "PlannerChoice": choices.PLANNERS,
    "Sandbox": choices.SANDBOXES,
}
_OPTIONS_INTRO = """\
What the [Python API](../how-to/python.md) takes. Each option of a [command](commands.md) that
concerns the run has the same name here, in the plural if it can be repeated.

None means that an option was not given: its value comes from the [setting](settings.md) with the
same name, or from the run that is continued. Options that are not valid or contradict each other
raise `UsageError` when they are constructed."""


def _options() -> str:
    parts = [_NOTE, "# Options", _OPTIONS_INTRO]
    for struct, about in _OPTIONS.items():
        rows = [
            (f"`{name}`", f"`{_python_type(annotation)}`", f"`{default}`" if default else "", text)
            for name, annotation, default, text in _attributes(struct)
        ]
        headings = ("option", "type", "default", "meaning")
        parts += [f"## {struct.__name__}", about, _table(headings, rows)]
    return _joined(parts)


def _attributes(struct: type) -> Iterator[tuple[str, str, str, str]]:
    """Name, annotation, default and text of each field, those of the base classes first."""
    for kind in reversed(struct.__mro__):
        if kind is msgspec.Struct or not issubclass(kind, msgspec.Struct):
            continue
        texts = _field_docs(kind)
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
        for field in tree.body if isinstance(tree, ast.ClassDef) else ():
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                default = ast.unparse(field.value) if field.value else ""
                name = field.target.id
                yield name, ast.unparse(field.annotation), default, texts.get(name, "")


def _python_type(annotation: str) -> str:
    for name, words in _CHOICES.items():
        annotation = annotation.replace(name, " | ".join(f'"{word}"' for word in words))
    return annotation


# Settings: the table of the fields of `Settings`.

_FORMS = {
    str: "text",
    values.duration: "a time: `90`, `90s`, `5m`, `2h`, `7d`",
    values.size: "a size: `500MB`, `5GB`, `2GiB`",
    values.positive: "a whole number above zero",
    values.count: "a whole number above zero: `20000`, `20k`, `1M`",
    values.switch: "`true` or `false`",
    values.share: "a share below 1: `0.3`, `30%`",
    values.amount: "a number above zero",
    values.web_address: "an address: `https://...`",
    values.price_table: "a mapping of models to `input`, `cached_input` and `output`",
}
_SETTINGS_INTRO = """\
crossrun looks for a setting in this order, and uses the first value that it finds:

1. the flag of the command,
2. the environment: the setting `a.b` is the variable `CROSSRUN_A_B`; an empty one counts as unset,
3. the project file `.crossrun.yaml`, in the current folder or the nearest one above that has one,
4. the user file `config.yaml`, in the folder that `crossrun paths` shows as `config`,
5. the default.

Both files are YAML. Names with a dot may be nested:

```yaml
planner: direct
timeout: 2h
codex:
  path: /opt/codex/bin/codex
```

A project file may come with somebody else's repository. So it can set only what cannot run a
command, choose an address or lead out of crossrun's folders; the column "project file" shows which.
Other settings in it are ignored with a warning, as are unknown names in either file."""
_ENVIRONMENT = """\
## Other variables

| variable | meaning |
| --- | --- |
| `CROSSRUN_HOME` | One folder for everything: ledger, workspaces, artifacts, settings, state. The option `--home` takes precedence. |
| `OPENAI_API_KEY` | The key of the planning model. Codex gets it, as `CODEX_API_KEY`, only when nobody is logged in to Codex, `OPENAI_BASE_URL` is unset and Codex uses its built-in provider. |
| `OPENAI_BASE_URL` | The server of the planning model, when it is not OpenAI. |
| `CODEX_API_KEY` | Codex's own variable, passed on unchanged. |
| `CODEX_HOME` | Codex's own folder, by default `~/.codex`. |
| `NO_COLOR`, `FORCE_COLOR`, `TERM`, `COLUMNS` | How output looks. |

A file `.env` in the current folder can set {dotenv}. Everything
else in it is ignored, and variables that are already set take precedence. A `.env` in a workspace is ignored."""  # noqa: E501


def _settings() -> str:
    headings = ("setting", "value", "default", "project file", "environment", "meaning")
    rows = [
        (
            f"`{name}`",
            _form(setting.parse),
            _shown_default(name),
            "yes" if setting.in_project_file else "",
            ", ".join(f"`{variable}`" for variable in sources.variable_names(name)),
            f"{setting.help} {setting.details}".strip(),
        )
        for name, setting in SETTINGS.items()
    ]
    switches = [
        f"- `CROSSRUN_{name}` or `CROSS_RUN_{name}`: when true, the same as `{key}: {value}`, "
        f"unless `CROSSRUN_{key.upper()}` is set."
        for name, (key, value) in sources.FAKE_SWITCHES.items()
    ]
    fakes = [f"`CROSSRUN_{name}`" for name in sources.FAKE_SWITCHES]
    dotenv = [f"`{name}`" for name in sources.DOTENV_KEYS] + fakes
    return _joined(
        [
            _NOTE,
            "# Settings",
            _SETTINGS_INTRO,
            _table(headings, rows),
            "## Switches",
            "\n".join(switches),
            _ENVIRONMENT.format(dotenv=", ".join(dotenv)),
        ]
    )


def _form(parse: Any) -> str:  # noqa: ANN401  any parser
    if parse in _FORMS:
        return _FORMS[parse]
    words = inspect.getclosurevars(parse).nonlocals["words"]
    return " or ".join(f"`{word}`" for word in words)


def _shown_default(name: str) -> str:
    default = DEFAULTS[name]
    if default is None:
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if SETTINGS[name].parse is values.duration:
        return f"`{default / 60:g}m`"
    return f"`{default}`"


# Markdown.


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(map(_row, [headings, ["---"] * len(headings), *rows]))


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return "".join(f"| {cell} " if cell else "| " for cell in escaped) + "|"


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


if __name__ == "__main__":
    main()
