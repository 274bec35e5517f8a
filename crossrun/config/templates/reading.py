"""From a YAML file to a template: checked as a whole, so that every mistake is named at once."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from crossrun.config.placeholders import placeholder_in_nested_shell, placeholders_in
from crossrun.config.settings import SETTINGS
from crossrun.config.templates.template import PROJECT_FOLDER, Origin, Template
from crossrun.config.templates.variables import PATHS, TYPES, TemplateVariable
from crossrun.errors import ConfigurationError
from crossrun.suggestions import did_you_mean

FIELDS = ("name", "summary", "instructions", "task_type", "variables", "verify", "limits", "tags")
LIMITS = (
    "timeout",
    "idle_timeout",
    "max_turns",
    "max_tokens",
    "max_cost",
    "wait_for_quota",
)
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VARIABLE_FIELDS = tuple(TemplateVariable.__struct_fields__)
_VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_MOST_BYTES = 100_000


def template_in(file: Path, origin: Origin) -> Template:
    """The template in a file.

    Raises:
        ConfigurationError: the file is broken.
    """
    try:
        text = _content(file, origin)
    except ValueError as error:
        raise _invalid(file, [str(error)]) from error
    return template_of(text, file, origin)


def template_of(text: str, file: Path, origin: Origin) -> Template:
    """The template in the text of a file, which need not exist yet.

    Raises:
        ConfigurationError: it is broken; the message names everything that is wrong.
    """
    reader = _Reader(origin)
    try:
        template = reader.template(text, file)
    except ValueError as error:
        raise _invalid(file, [str(error)]) from error
    if reader.problems:
        raise _invalid(file, reader.problems)
    return template


def _invalid(file: Path, problems: Iterable[str]) -> ConfigurationError:
    return ConfigurationError(
        "TEMPLATE_INVALID",
        "\n  ".join([f"the template in {file} cannot be used", *problems]),
        hint=f"its fields are {', '.join(FIELDS)}; see: crossrun help templates",
    )


class _Reader:
    """Collects what is wrong with a file (`problems`) and what of it is ignored (`warnings`)."""

    def __init__(self, origin: Origin) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._origin = origin

    def template(self, text: str, file: Path) -> Template:
        """The template; it counts only if there are no problems."""
        fields = self._with_known_names(_parsed(text), FIELDS, "field")
        name = _text(fields.get("name"))
        if name is not None and name != file.stem:
            self.problems.append(f"its name is {name}, but the file is called {file.name}")
        instructions = _text(fields.get("instructions")) or ""
        if not instructions.strip():
            self.problems.append("it has no instructions")
        variables = self._variables(fields.get("variables"))
        verify = self._verify(_text(fields.get("verify")))
        self._check_placeholders(f"{instructions}\n{verify or ''}", variables)
        return Template(
            name=file.stem,
            summary=" ".join((_text(fields.get("summary")) or "").split()),
            instructions=instructions.strip(),
            task_type=_text(fields.get("task_type")),
            variables=variables,
            verify=verify,
            limits=self._limits(fields.get("limits")),
            tags=self._texts("tags", fields.get("tags")),
            origin=self._origin,
            path=None if self._origin == "shipped" else str(file),
            warnings=tuple(self.warnings),
        )

    def _with_known_names(
        self, content: object, allowed: tuple[str, ...], kind: str
    ) -> dict[str, Any]:
        """The fields with known names."""
        if not isinstance(content, dict):
            raise ValueError("it is not a list of lines such as `name: value`")  # noqa: TRY004
        for key in content:
            if key not in allowed:
                near = did_you_mean(str(key), allowed)
                self.warnings.append(f"the {kind} {key} is unknown, and ignored{near}")
        return {key: value for key, value in content.items() if key in allowed}

    def _variables(self, content: object) -> dict[str, TemplateVariable]:
        if content is None:
            return {}
        if not isinstance(content, dict):
            self.problems.append("variables is not a mapping of names")
            return {}
        variables = {}
        for key, description in content.items():
            name = str(key)
            if not _VARIABLE_NAME.fullmatch(name):
                self.problems.append(f"{name!r} is not a name such as file or test_command")
                continue
            try:
                variables[name] = self._variable(name, description)
            except ValueError as error:
                self.problems.append(f"{name}: {error}")
        return variables

    def _variable(self, name: str, content: object) -> TemplateVariable:
        fields = self._with_known_names(
            {} if content is None else content, _VARIABLE_FIELDS, f"{name} field"
        )
        choices = self._texts(f"{name}: choices", fields.get("choices"))
        word = _text(fields.get("type", "choice" if choices else "text")) or ""
        kind = next((kind for kind in TYPES if kind == word), None)
        if kind is None:
            raise ValueError(f"there is no type {word!r}{did_you_mean(word, TYPES)}")
        if (kind == "choice") != bool(choices):
            raise ValueError("a variable has choices if its type is choice, and only then")
        required = fields.get("required")
        if required not in (None, True, False):
            raise ValueError("required is not true or false")
        variable = TemplateVariable(
            type=kind,
            description=" ".join((_text(fields.get("description")) or "").split()),
            default=self._default(name, kind, _text(fields.get("default"))),
            example=_text(fields.get("example")),
            choices=choices,
            pattern=_expression(_text(fields.get("pattern"))),
            required=required,
        )
        if variable.default is not None and required:
            raise ValueError("it has a default, so it cannot be required")
        _require_valid(variable, "default", variable.default)
        _require_valid(variable, "example", variable.example)
        return variable

    def _default(self, name: str, kind: str, default: str | None) -> str | None:
        """The default, unless a project's file leads out of the project with it."""
        if default is None or self._origin != "project" or kind not in PATHS:
            return default
        if Path(default).is_absolute() or ".." in Path(default).parts or default[:1] == "~":
            self.warnings.append(
                f"the default of {name} is ignored, since it leads out of the project"
            )
            return None
        return default

    def _verify(self, command: str | None) -> str | None:
        if command is None:
            return None
        if self._origin == "project":
            self.warnings.append("verify is ignored, since a project's template sets no command")
            return None
        nested = placeholder_in_nested_shell(command)
        if nested is not None:
            self.problems.append(
                f"verify: {{{nested}}} comes after $( or a similar sign, where a value cannot be"
                " quoted safely"
            )
        return command.strip()

    def _limits(self, content: object) -> dict[str, float]:
        if content is None:
            return {}
        limits = {}
        for name, value in self._with_known_names(content, LIMITS, "limit").items():
            if self._origin == "project" and not SETTINGS[name].in_project_file:
                self.warnings.append(
                    f"{name} is ignored, since a project's template may not set it"
                )
                continue
            try:
                limits[name] = SETTINGS[name].parse(_text(value) or "")
            except ValueError as error:
                self.problems.append(f"{name}: {_text(value)!r} {error}")
        return limits

    def _texts(self, name: str, content: object) -> tuple[str, ...]:
        values = content if isinstance(content, list) else [content]
        texts = [text for value in values if (text := _text(value)) is not None]
        if len(texts) < len([value for value in values if value is not None]):
            self.problems.append(f"{name} is not a list of texts")
        return tuple(texts)

    def _check_placeholders(self, text: str, variables: Mapping[str, TemplateVariable]) -> None:
        used = placeholders_in(text)
        for name in sorted(used - variables.keys()):
            near = did_you_mean(name, variables, shown="{{{}}}".format)
            self.problems.append(
                f"{{{name}}} is not one of its variables{near}; for the text itself, write"
                f" {{{{{name}}}}}"
            )
        for name in variables:
            if name not in used and not self.problems:
                self.warnings.append(f"the variable {name} is not used")


def _require_valid(variable: TemplateVariable, field: str, value: str | None) -> None:
    if value:
        try:
            variable.checked(value)
        except ValueError as error:
            raise ValueError(f"its {field} {value!r} {error}") from error


def _expression(pattern: str | None) -> str | None:
    try:
        re.compile(pattern or "")
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"pattern is not a regular expression: {error}") from error
    return pattern


def _text(value: object) -> str | None:
    """A value from YAML as it would be written with `--var`; None if it is not a single value."""
    match value:
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case str() | int() | float():
            return str(value)
        case _:
            return None


def _content(file: Path, origin: Origin) -> str:
    """The text of a file. Raises ValueError if it cannot be read."""
    if origin == "project":
        top = file.parent.parents[len(PROJECT_FOLDER.parts) - 1]
        if not file.resolve().is_relative_to(top.resolve()):
            raise ValueError("it is a link that leads out of the project")
    try:
        if not file.is_file():
            raise ValueError("it is not a file")
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it is larger than {_MOST_BYTES // 1000} KB")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8 text") from error


def _parsed(text: str) -> object:
    """What is in YAML. Raises ValueError if it is not YAML."""
    import yaml

    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, Loader=loader) or {}  # noqa: S506  both safe
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from error
