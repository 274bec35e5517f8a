"""Where settings come from: flag, environment, project file, user file, default, in that order.

The only module that reads the environment. Everything below gets values.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from crossrun.config.values import amount, duration, one_of, positive, prices, share, size, switch
from crossrun.errors import ConfigurationError
from crossrun.system.folders import current_folder

PROJECT_FILE = ".crossrun.yaml"
USER_FILE = "config.yaml"
_SEED_PREFIX = "CROSS_RUN_"
_PREFIX = "CROSSRUN_"


EXECUTORS = ("codex", "replay", "shell")
PLANNERS = ("auto", "direct", "openai")
SCOPES = ("user", "project")
SANDBOXES = ("read-only", "workspace-write", "danger-full-access")


class Option(NamedTuple):
    """One setting. `in_project_file`: a file that came with somebody's repository may set it."""

    parse: Callable[[str], Any]
    default: Any = None
    in_project_file: bool = False


OPTIONS: dict[str, Option] = {
    "project_id": Option(str, "default", in_project_file=True),
    "task_type": Option(str, in_project_file=True),
    "executor": Option(one_of(*EXECUTORS), "codex"),
    "planner": Option(one_of(*PLANNERS), "auto", in_project_file=True),
    "planner_model": Option(str, "gpt-6.1-sol", in_project_file=True),
    "model": Option(str, in_project_file=True),
    "sandbox": Option(one_of(*SANDBOXES), "workspace-write"),
    "network": Option(switch, default=False),
    "profile": Option(str),
    "timeout": Option(duration, in_project_file=True),
    "idle_timeout": Option(duration, 900.0, in_project_file=True),
    "max_turns": Option(positive, 20, in_project_file=True),
    "max_tokens": Option(positive, in_project_file=True),
    "max_cost": Option(amount, in_project_file=True),
    "wait_for_quota": Option(duration),
    "runs.max_parallel": Option(positive),
    "prices": Option(prices, {}),
    "verify": Option(str),
    "patterns.scope": Option(one_of(*SCOPES), "user", in_project_file=True),
    "patterns.holdout": Option(share, 0.3),
    "patterns.learn_with": Option(str),
    "cleanup.older_than": Option(duration),
    "cleanup.keep_last": Option(positive),
    "cleanup.max_size": Option(size),
    "require_git_repo": Option(switch, default=False),
    "codex.path": Option(str),
    "database.path": Option(str),
    "workspace.root": Option(str),
    "artifacts.root": Option(str),
}

_ENVIRONMENT_ALIASES = {"codex.path": "CODEX_PATH"}
_SEED_SETTINGS = ("database.path", "workspace.root", "artifacts.root", "require_git_repo")
_DOTENV_NAMES = ("OPENAI_API_KEY", "CODEX_API_KEY")
_FAKE_SWITCHES = {"FAKE_CODEX": ("executor", "replay"), "FAKE_SWARM": ("planner", "direct")}


class Paths(NamedTuple):
    """Where crossrun keeps things. Nothing is made until it is needed."""

    data: Path
    database: Path
    workspaces: Path
    artifacts: Path
    snapshots: Path
    config: Path
    state: Path

    @property
    def locks(self) -> Path:
        """A lock file for each run that goes on."""
        return self.state / "locks"

    @property
    def processes(self) -> Path:
        """For each run that goes on, the processes that descend from it."""
        return self.state / "processes"

    @property
    def logs(self) -> Path:
        """What runs in the background said."""
        return self.state / "logs"

    @property
    def backups(self) -> Path:
        """Copies of the store, made each week and before it is migrated."""
        return self.state / "backups"


class Settings:
    """All settings of one command, read once, by key.

    Attributes:
        origins: where each value came from.
        environ: the environment that children inherit, with what `.env` added.
        paths: where things are.
        warnings: what is wrong with the settings files, though not fatally.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        origins: Mapping[str, str],
        environ: Mapping[str, str],
        paths: Paths,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self._values = values
        self.origins = origins
        self.environ = environ
        self.paths = paths
        self.warnings = warnings

    @property
    def codex_home(self) -> Path:
        """Where Codex keeps its own files. Raises ConfigurationError where nobody knows."""
        if self.environ.get("CODEX_HOME"):
            return Path(self.environ["CODEX_HOME"])
        with _home_needed("CODEX_HOME"):
            return Path(self.environ.get("HOME") or Path.home()) / ".codex"

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401  each setting has its own type
        return self._values[key]


def load(
    *,
    flags: Mapping[str, Any],
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
        ConfigurationError: a file that cannot be read, a value that does not parse.
    """
    cwd = cwd or current_folder()
    places = _base_folders(home, environ)
    warnings: list[str] = []
    layers = {
        "default": {key: option.default for key, option in OPTIONS.items()},
        "user file": _read_file(places["config"] / USER_FILE, warnings, project=False),
        "project file": _read_file(cwd and _project_file(cwd), warnings, project=True),
        "environment": _from_environment(environ),
        "flag": {key: value for key, value in flags.items() if value is not None},
    }
    paths = _paths(places, _combined(layers))
    environment = dict(environ)
    if cwd is not None and not cwd.resolve().is_relative_to(paths.workspaces.resolve()):
        environment = _with_dotenv(environ, cwd)
        layers["environment"] = _from_environment(environment)
    origins = {key: origin for origin, layer in layers.items() for key in layer}
    return Settings(_combined(layers), origins, environment, paths, tuple(warnings))


def _combined(layers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The values, those of later layers above those of earlier ones."""
    return {key: value for layer in layers.values() for key, value in layer.items()}


def _base_folders(home: Path | None, environ: Mapping[str, str]) -> dict[str, Path]:
    chosen = home or (Path(environ["CROSSRUN_HOME"]) if environ.get("CROSSRUN_HOME") else None)
    if chosen is not None:
        with _home_needed("CROSSRUN_HOME"):
            base = chosen.expanduser().absolute()
        return {"data": base, "config": base, "state": base / "state"}
    from platformdirs import PlatformDirs

    folders = PlatformDirs("crossrun", appauthor=False)
    with _home_needed("CROSSRUN_HOME"):
        return {
            "data": Path(folders.user_data_dir).expanduser(),
            "config": Path(folders.user_config_dir).expanduser(),
            "state": Path(folders.user_state_dir).expanduser(),
        }


@contextmanager
def _home_needed(variable: str) -> Iterator[None]:
    """Says what to do when nobody knows where the home folder is."""
    try:
        yield
    except RuntimeError as error:
        raise ConfigurationError(
            "HOME_UNKNOWN",
            f"HOME is not set, and the system knows no home folder of user {os.getuid()}",
            hint=f"set HOME, or {variable} to a folder of yours",
        ) from error


def _paths(places: Mapping[str, Path], values: Mapping[str, Any]) -> Paths:
    data = places["data"]

    def chosen(key: str, default: str) -> Path:
        if not values[key]:
            return data / default
        with _home_needed("CROSSRUN_HOME"):
            return Path(values[key]).expanduser().absolute()

    return Paths(
        data=data,
        database=chosen("database.path", "crossrun.db"),
        workspaces=chosen("workspace.root", "workspaces"),
        artifacts=chosen("artifacts.root", "artifacts"),
        snapshots=data / "snapshots",
        config=places["config"],
        state=places["state"],
    )


def _with_dotenv(environ: Mapping[str, str], cwd: Path) -> dict[str, str]:
    merged = dict(environ)
    file = cwd / ".env"
    if not file.is_file():
        return merged
    from dotenv import dotenv_values

    fakes = [prefix + name for name in _FAKE_SWITCHES for prefix in (_PREFIX, _SEED_PREFIX)]
    try:
        found = dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError):
        return merged
    for name in (*_DOTENV_NAMES, *fakes):
        if found.get(name) and not merged.get(name):
            merged[name] = str(found[name])
    return merged


def _project_file(cwd: Path) -> Path | None:
    candidates = (folder / PROJECT_FILE for folder in (cwd, *cwd.parents))
    return next((path for path in candidates if path.is_file()), None)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (key, value) in _FAKE_SWITCHES.items():
        switched = environ.get(_PREFIX + name) or environ.get(_SEED_PREFIX + name)
        if switched and _parsed(f"{_PREFIX}{name}", switch, switched):
            found[key] = value
    for key, option in OPTIONS.items():
        for name in _variable_names(key):
            if environ.get(name):
                found[key] = _parsed(name, option.parse, environ[name])
                break
    return found


def _variable_names(key: str) -> list[str]:
    suffix = key.upper().replace(".", "_")
    names = [_PREFIX + suffix]
    if key in _SEED_SETTINGS:
        names.append(_SEED_PREFIX + suffix)
    if key in _ENVIRONMENT_ALIASES:
        names.append(_ENVIRONMENT_ALIASES[key])
    return names


def _read_file(path: Path | None, warnings: list[str], *, project: bool) -> dict[str, Any]:
    if path is None or not path.is_file():
        return {}
    found: dict[str, Any] = {}
    for key, value in _flattened(_yaml_mapping(path)).items():
        option = OPTIONS.get(key)
        if option is None:
            import difflib

            near = difflib.get_close_matches(key, OPTIONS, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"{path}: unknown setting {key}{meant}")
        elif project and not option.in_project_file:
            warnings.append(f"{path}: {key} is ignored, a project file may not set it")
        elif isinstance(value, list):
            raise _invalid(f"{key} in {path}", str(value), "is a list, not one value")
        elif value is not None:
            found[key] = _parsed(f"{key} in {path}", option.parse, _as_text(value))
    return found


def _as_text(value: Any) -> str:  # noqa: ANN401  unchecked YAML
    """What one would write into a variable of the environment to say the same."""
    if isinstance(value, bool | dict):
        import json

        return json.dumps(value, default=str)
    return str(value)


def _yaml_mapping(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            "SETTINGS_UNREADABLE",
            f"the settings file {path} cannot be read: {_one_line(error)}",
            hint="correct it, or move it away to go on with the defaults",
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(
            "SETTINGS_UNREADABLE",
            f"the settings file {path} holds no settings",
            hint="it should be lines of the form  name: value",
        )
    return content


def _flattened(tree: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        branch = isinstance(value, dict) and name not in OPTIONS
        flat |= _flattened(value, f"{name}.") if branch else {name: value}
    return flat


def _parsed(name: str, parse: Callable[[str], Any], text: str) -> Any:  # noqa: ANN401
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
