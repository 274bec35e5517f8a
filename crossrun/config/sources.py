"""Reads the settings: flag, environment, project file, user file, default, in that order.

The only module that reads the environment. Everything below gets values.
"""

import errno
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from crossrun.config.settings import (
    DEFAULTS,
    SETTINGS,
    Paths,
    Settings,
    SettingsFiles,
    home_needed,
)
from crossrun.config.values import switch
from crossrun.errors import ConfigurationError
from crossrun.model.executors import OFFLINE_EXECUTOR
from crossrun.system.folders import current_folder

Value = TypeVar("Value")

PROJECT_FILE = ".crossrun.yaml"
USER_FILE = "config.yaml"
PREFIX = "CROSSRUN_"
SEED_PREFIX = "CROSS_RUN_"
FAKE_SWITCHES = {"FAKE_CODEX": ("executor", OFFLINE_EXECUTOR), "FAKE_SWARM": ("planner", "direct")}
"""Variables, each with the setting that it sets when it is true, and to what."""
DOTENV_KEYS = ("OPENAI_API_KEY", "CODEX_API_KEY")
"""Variables that a file `.env` may set, besides the switches."""
_MOST_BYTES = 100_000
"""Of a settings file or `.env`. The parser takes a second for so many."""


class ReadValue(NamedTuple):
    """The value of a setting, and the variable or file that it was read from."""

    value: Any
    place: str


Layer: TypeAlias = dict[str, ReadValue]
"""What one source sets, by the name of the setting."""


def load(
    *,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    home: Path | None = None,
) -> Settings:
    """Reads all sources once.

    Args:
        flags: values given on the command line by setting name; None means not given.
        environ: the process environment.
        cwd: the folder whose project file and `.env` count; by default the current one, if it
            still exists.
        home: the value of `--home`.

    Raises:
        ConfigurationError: a file cannot be read, or a value cannot be parsed.
    """
    cwd = cwd or current_folder()
    folders = _base_folders(home, environ)
    files = SettingsFiles(folders["config"] / USER_FILE, cwd and _project_file(cwd))
    warnings: list[str] = []
    layers: dict[str, Layer] = {
        "default": _unplaced(DEFAULTS),
        "user file": _read_file(files.user, warnings, project=False),
        "project file": _read_file(files.project, warnings, project=True),
        "environment": _from_environment(environ),
        "flag": _unplaced({k: value for k, value in (flags or {}).items() if value is not None}),
    }
    paths = _paths(folders, _combined(layers))
    environment = dict(environ)
    if cwd is not None and not cwd.resolve().is_relative_to(paths.workspaces.resolve()):
        environment = _with_dotenv(environ, cwd)
        layers["environment"] = _from_environment(environment)
    return Settings.from_values(
        _combined(layers),
        paths=paths,
        environ=environment,
        origins={key: origin for origin, layer in layers.items() for key in layer},
        places={key: read.place for layer in layers.values() for key, read in layer.items()},
        warnings=tuple(warnings),
    )


def defaults(*, environ: Mapping[str, str] = os.environ, home: Path | None = None) -> Settings:
    """The defaults, for when the settings cannot be read.

    Raises:
        ConfigurationError: there is no home folder.
    """
    return Settings.from_values(
        DEFAULTS,
        paths=_paths(_base_folders(home, environ), DEFAULTS),
        environ=dict(environ),
        origins=dict.fromkeys(DEFAULTS, "default"),
        places={},
        warnings=(),
    )


def settings_files(
    *,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    home: Path | None = None,
) -> SettingsFiles:
    """Where the settings files are, without reading them. Arguments as for `load`."""
    cwd = cwd or current_folder()
    return SettingsFiles(
        _base_folders(home, environ)["config"] / USER_FILE, cwd and _project_file(cwd)
    )


def variable_names(key: str) -> tuple[str, ...]:
    """The environment variables of a setting; the first that is not empty counts."""
    return (PREFIX + key.upper().replace(".", "_"), *SETTINGS[key].other_variables)


def _unplaced(values: Mapping[str, Any]) -> Layer:
    return {key: ReadValue(value, "") for key, value in values.items()}


def _combined(layers: Mapping[str, Layer]) -> dict[str, Any]:
    """The values, those of later layers above those of earlier ones."""
    return {key: read.value for layer in layers.values() for key, read in layer.items()}


def _base_folders(home: Path | None, environ: Mapping[str, str]) -> dict[str, Path]:
    chosen = home or (Path(environ["CROSSRUN_HOME"]) if environ.get("CROSSRUN_HOME") else None)
    if chosen is not None:
        with home_needed("CROSSRUN_HOME"):
            base = chosen.expanduser().absolute()
        cache = _cache(base, environ)
        return {"data": base, "config": base, "state": base / "state", "cache": cache}
    from platformdirs import PlatformDirs

    folders = PlatformDirs("crossrun", appauthor=False)
    with home_needed("CROSSRUN_HOME"):
        return {
            "data": Path(folders.user_data_dir).expanduser(),
            "config": Path(folders.user_config_dir).expanduser(),
            "state": Path(folders.user_state_dir).expanduser(),
            "cache": Path(folders.user_cache_dir).expanduser(),
        }


def _cache(base: Path, environ: Mapping[str, str]) -> Path:
    """What several homes can share is in the user's cache folder, if one is named."""
    shared = Path(environ.get("XDG_CACHE_HOME") or "")
    return shared / "crossrun" if shared.is_absolute() else base / "cache"


def _paths(folders: Mapping[str, Path], values: Mapping[str, Any]) -> Paths:
    data = folders["data"]

    def path(key: str, default: str) -> Path:
        if not values[key]:
            return data / default
        with home_needed("CROSSRUN_HOME"):
            return Path(values[key]).expanduser().absolute()

    return Paths(
        data=data,
        database=path("database.path", "crossrun.db"),
        workspaces=path("workspace.root", "workspaces"),
        artifacts=path("artifacts.root", "artifacts"),
        snapshots=data / "snapshots",
        config=folders["config"],
        state=folders["state"],
        cache=folders["cache"],
    )


def _with_dotenv(environ: Mapping[str, str], cwd: Path) -> dict[str, str]:
    merged = dict(environ)
    file = cwd / ".env"
    if not file.is_file():
        return merged
    from dotenv import dotenv_values

    switches = [prefix + name for name in FAKE_SWITCHES for prefix in (PREFIX, SEED_PREFIX)]
    try:
        if file.stat().st_size > _MOST_BYTES:
            return merged
        values = dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError):
        return merged
    for name in (*DOTENV_KEYS, *switches):
        if values.get(name) and not merged.get(name):
            merged[name] = str(values[name])
    return merged


def _project_file(cwd: Path) -> Path | None:
    candidates = (folder / PROJECT_FILE for folder in (cwd, *cwd.parents))
    return next((path for path in candidates if path.is_file()), None)


def _from_environment(environ: Mapping[str, str]) -> Layer:
    values: Layer = {}
    for name, (key, value) in FAKE_SWITCHES.items():
        for variable in (PREFIX + name, SEED_PREFIX + name):
            if environ.get(variable):
                if _of_variable(variable, switch, environ):
                    values[key] = ReadValue(value, variable)
                break
    for key, setting in SETTINGS.items():
        for variable in variable_names(key):
            if environ.get(variable):
                value = _of_variable(variable, setting.parse, environ)
                values[key] = ReadValue(value, variable)
                break
    return values


def _of_variable(variable: str, parse: Callable[[str], Value], environ: Mapping[str, str]) -> Value:
    try:
        return parse(environ[variable])
    except ValueError as error:
        raise ConfigurationError(
            "SETTING_INVALID",
            f"{variable}: {environ[variable]!r} {error}",
            hint=f"correct the variable, or remove it: unset {variable}",
        ) from error


def _read_file(path: Path | None, warnings: list[str], *, project: bool) -> Layer:
    if path is None or not _is_there(path):
        return {}
    values: Layer = {}
    for key, value in flattened(yaml_mapping(path)).items():
        setting = SETTINGS.get(key)
        if setting is None:
            from crossrun.suggestions import unknown_names

            warnings += unknown_names(path, [key], choices=SETTINGS, kind="setting")
        elif project and not setting.in_project_file:
            warnings.append(f"{path}: {key} is ignored: a project file may not set it")
        elif value is not None:
            values[key] = ReadValue(value_of(key, value, path), str(path))
    return values


def _is_there(path: Path) -> bool:
    """Whether there is a file to read. Raises ConfigurationError if nobody can tell."""
    try:
        return stat.S_IFMT(path.stat().st_mode) != 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(path, error) from error


def value_of(key: str, value: object, path: Path) -> Any:  # noqa: ANN401  by the setting
    """The value of a setting from what stands in a file. Raises ConfigurationError."""
    try:
        return SETTINGS[key].parse(as_text(value))
    except ValueError as error:
        where = " --project" if path.name == PROJECT_FILE else ""
        shown = "its value" if SETTINGS[key].is_secret else repr(str(value))
        raise ConfigurationError(
            "SETTING_INVALID",
            f"{key} in {path}: {shown} {error}",
            hint=f"correct it: crossrun config set{where} {key} VALUE"
            f" · or remove it: crossrun config unset{where} {key}",
        ) from error


def as_text(value: object) -> str:
    """A value from YAML as it would be written in an environment variable."""
    if isinstance(value, list):
        raise ValueError("is a list, not a single value")  # noqa: TRY004  a wrong value of a setting
    if isinstance(value, bool | dict):
        import json

        return json.dumps(value, default=str)
    return str(value)


def yaml_mapping(path: Path, text: str | None = None) -> dict[Any, Any]:
    """The content of a settings file, or of a text for it.

    Raises:
        ConfigurationError: it is not settings.
    """
    import yaml

    try:
        content = yaml.safe_load(settings_text(path) if text is None else text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise _unreadable(path, error) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(
            "SETTINGS_UNREADABLE",
            f"the settings file {path} does not contain settings",
            hint="it should have lines such as `max_turns: 30`",
        )
    return content


def settings_text(path: Path) -> str:
    """The text of a settings file. A pipe is not waited for.

    Raises:
        OSError: it cannot be read, is not a file, or is too large.
        UnicodeDecodeError: it is not UTF-8.
    """
    with open(path, "rb", opener=_opened_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a file", str(path))
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {_MOST_BYTES // 1000} KB", str(path))
    return content.decode("utf-8")


def _opened_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _unreadable(path: Path, error: Exception) -> ConfigurationError:
    from crossrun.config.yaml_problems import yaml_problem

    return ConfigurationError(
        "SETTINGS_UNREADABLE",
        f"the settings file {path} cannot be read: {yaml_problem(error)}",
        hint="correct it: crossrun config edit · or move it away to use the defaults",
    )


def flattened(tree: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """The settings of a file by their names with dots."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        nested = isinstance(value, dict) and name not in SETTINGS
        flat |= flattened(value, f"{name}.") if nested else {name: value}
    return flat
