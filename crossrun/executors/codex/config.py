"""The user's own Codex configuration, as far as crossrun must not override it.

Codex reads several layers: the system's, the user's, a profile, those of a trusted project, `-c`,
and one that is managed by a company and overrides all others. `-c KEY=VALUE` replaces the values of
the layers below, so crossrun has to know a value before it adds to it.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

SYSTEM = Path("/etc/codex")
"""The folder of the system's configuration and of the managed one."""
_INSTRUCTIONS = "developer_instructions"


class UserConfig(Struct, frozen=True):
    """The values of all layers but those of projects, with Codex's own precedence.

    `managed` are those of the layer that overrides all others, including `-c`.
    """

    values: Mapping[str, Any]
    home: Path
    managed: Mapping[str, Any] = {}

    @property
    def developer_instructions(self) -> str:
        """The user's own instructions; crossrun's come after them."""
        text = self.values.get(_INSTRUCTIONS)
        return text if isinstance(text, str) else ""

    def is_instructed_otherwise(self, folder: Path) -> bool:
        """Whether instructions given with `-c` would be lost, or replace those of a project."""
        files = (each / ".codex" / "config.toml" for each in (folder, *folder.parents))
        projects = (file for file in files if file.parent != self.home)
        return _INSTRUCTIONS in self.managed or any(
            _INSTRUCTIONS in _toml(file) for file in projects
        )

    @property
    def set_variables(self) -> set[str]:
        """Variables that the configuration sets for the agent's commands."""
        policy = self.values.get("shell_environment_policy")
        given = policy.get("set") if isinstance(policy, dict) else None
        return set(given) if isinstance(given, dict) else set()

    @property
    def model(self) -> str | None:
        """The model that the user configured."""
        name = self.values.get("model")
        return name if isinstance(name, str) else None

    @property
    def uses_builtin_provider(self) -> bool:
        """Whether requests go to OpenAI itself, through Codex's built-in provider."""
        provider = self.values.get("model_provider", "openai")
        return provider == "openai" and "openai_base_url" not in self.values

    @property
    def keeps_login_in_keyring(self) -> bool:
        """Whether a missing auth.json proves nothing."""
        return bool(self.values.get("cli_auth_credentials_store", "file") != "file")


def read(
    home: Path, profile: str | None, overrides: Sequence[str], *, system: Path = SYSTEM
) -> UserConfig:
    """Reads all layers but those of projects. Invalid files are ignored; Codex reports them.

    Args:
        home: Codex's home folder.
        profile: the name given with `--profile`.
        overrides: `KEY=VALUE` pairs given with `-c`.
        system: the folder of the system's configuration.
    """
    values = _merged(_toml(system / "config.toml"), _toml(home / "config.toml"))
    if profile:
        values = _merged(values, _toml(home / f"{profile}.config.toml"))
    for override in overrides:
        values = _merged(values, _override(override))
    managed = _toml(system / "managed_config.toml")
    return UserConfig(_merged(values, managed), home, managed)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}


def _override(pair: str) -> dict[str, Any]:
    key, _, text = pair.partition("=")
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text
    for part in reversed(key.strip().split(".")):
        value = {part: value}
    return dict(value)


def _merged(below: Mapping[str, Any], above: Any) -> dict[str, Any]:  # noqa: ANN401  unchecked TOML
    if not isinstance(above, Mapping):
        return dict(below)
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        nested = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merged(old, value) if nested and isinstance(old, dict) else value
    return merged
