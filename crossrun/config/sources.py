"""Reads the settings: flag, environment, project file, user file, default, in that order.

The only module that reads the environment. Everything below gets values.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from crossrun.config.settings import DEFAULTS, SETTINGS, Paths, Settings, home_needed
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
    warnings: list[str] = []
    layers: dict[str, Mapping[str, Any]] = {
        "default": DEFAULTS,
        "user file": _read_file(folders["config"] / USER_FILE, warnings, project=False),
        "project file": _read_file(cwd and _project_file(cwd), warnings, project=True),
        "environment": _from_environment(environ),
        "flag": {key: value for key, value in (flags or {}).items() if value is not None},
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
        warnings=tuple(warnings),
    )


def variable_names(key: str) -> tuple[str, ...]:
    """The environment variables of a setting; the first that is not empty counts."""
    return (PREFIX + key.upper().replace(".", "_"), *SETTINGS[key].other_variables)


def _combined(layers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The values, those of later layers above those of earlier ones."""
    return {key: value for layer in layers.values() for key, value in layer.items()}


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


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, (key, value) in FAKE_SWITCHES.items():
        text = environ.get(PREFIX + name) or environ.get(SEED_PREFIX + name)
        if text and _parsed(f"{PREFIX}{name}", switch, text):
            values[key] = value
    for key, setting in SETTINGS.items():
        for name in variable_names(key):
            if environ.get(name):
                values[key] = _parsed(name, setting.parse, environ[name])
                break
    return values


def _read_file(path: Path | None, warnings: list[str], *, project: bool) -> dict[str, Any]:
    if path is None or not path.is_file():
        return {}
    values: dict[str, Any] = {}
    for key, value in _flattened(_yaml_mapping(path)).items():
        setting = SETTINGS.get(key)
        if setting is None:
            from crossrun.suggestions import did_you_mean

            warnings.append(f"{path}: unknown setting {key}{did_you_mean(key, SETTINGS)}")
        elif project and not setting.in_project_file:
            warnings.append(f"{path}: {key} is ignored, a project file may not set it")
        elif isinstance(value, list):
            raise _invalid(f"{key} in {path}", str(value), "is a list, not a single value")
        elif value is not None:
            values[key] = _parsed(f"{key} in {path}", setting.parse, _as_text(value))
    return values


def _as_text(value: object) -> str:
    """A value from YAML as it would be written in an environment variable."""
    if isinstance(value, bool | dict):
        import json

        return json.dumps(value, default=str)
    return str(value)


def _yaml_mapping(path: Path) -> dict[Any, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            "SETTINGS_UNREADABLE",
            f"the settings file {path} cannot be read: {_one_line(error)}",
            hint="correct it, or move it away to use the defaults",
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(
            "SETTINGS_UNREADABLE",
            f"the settings file {path} does not contain settings",
            hint="it should have lines of the form  name: value",
        )
    return content


def _flattened(tree: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        nested = isinstance(value, dict) and name not in SETTINGS
        flat |= _flattened(value, f"{name}.") if nested else {name: value}
    return flat


def _parsed(name: str, parse: Callable[[str], Value], text: str) -> Value:
    try:
        return parse(text)
    except ValueError as error:
        raise _invalid(name, text, str(error)) from error


def _invalid(name: str, text: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        "SETTING_INVALID", f"{name}: {text!r} {why}", hint="correct the value or remove it"
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
