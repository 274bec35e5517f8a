"""What the user's own Codex configuration says, as far as crossrun must not undo it.

`-c KEY=VALUE` replaces what config.toml says. Where crossrun adds to a value of the user's it has
to know that value: from config.toml, from the profile, and from the user's own `-c`.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct


class UserConfig(Struct, frozen=True):
    """The values that matter here, with the user's own precedence applied."""

    values: Mapping[str, Any]
    home: Path

    @property
    def developer_instructions(self) -> str:
        """The user's own instructions; crossrun's come after them."""
        text = self.values.get("developer_instructions")
        return text if isinstance(text, str) else ""

    @property
    def excluded_variables(self) -> list[str]:
        """Patterns of variables that the user keeps from the agent's commands."""
        policy = self.values.get("shell_environment_policy")
        names = policy.get("exclude") if isinstance(policy, dict) else None
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    @property
    def model(self) -> str | None:
        """The model that the user configured."""
        name = self.values.get("model")
        return name if isinstance(name, str) else None

    @property
    def uses_builtin_provider(self) -> bool:
        """Whether requests go to OpenAI itself, by Codex's built-in provider."""
        provider = self.values.get("model_provider", "openai")
        return provider == "openai" and "openai_base_url" not in self.values

    @property
    def keeps_login_in_keyring(self) -> bool:
        """Whether a missing auth.json proves nothing."""
        return bool(self.values.get("cli_auth_credentials_store", "file") != "file")


def read(home: Path, profile: str | None, overrides: Sequence[str]) -> UserConfig:
    """Reads config.toml, the profile and the overrides. What is broken is left to Codex to tell.

    Args:
        home: Codex's home folder.
        profile: the name given with `--profile`.
        overrides: `KEY=VALUE` pairs given with `-c`.
    """
    values = _toml(home / "config.toml")
    if profile:
        named = values.get("profiles", {})
        inline = named.get(profile, {}) if isinstance(named, dict) else {}
        values = _merged(_merged(values, inline), _toml(home / f"{profile}.config.toml"))
    for override in overrides:
        values = _merged(values, _override(override))
    return UserConfig(values, home)


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
