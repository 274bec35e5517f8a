"""`why`: what applied to a run, and where each value came from."""

import pytest
from conftest import Crossrun
from examples import event_of
from test_views import run_of, terminal
from trees import sh

from crossrun.events import ForecastMade, PatternDecided, RunStarted
from crossrun.model.forecasts import Forecast
from crossrun.services.explanation import Explanation
from crossrun.services.origins import applied_settings
from crossrun.views.explanation import explanation_lines

SHELL = ("run", "--executor", "shell", "--no-watch")


def origins(crossrun: Crossrun, run: str = "last") -> dict[str, str]:
    settings = crossrun.json("why", run)["settings"]
    return {each["name"]: each["origin"] for each in settings if each["origin"] != "default"}


def test_each_value_is_shown_with_its_origin(crossrun: Crossrun) -> None:
    (crossrun.cwd / ".crossrun.yaml").write_text("idle_timeout: 5m\ntimeout: 1h\n")
    crossrun.home.mkdir(parents=True)
    (crossrun.home / "config.yaml").write_text("verify: 'true'\nidle_timeout: 9m\n")
    environ = {"CROSSRUN_PATTERNS_HOLDOUT": "0.2"}
    assert crossrun(*SHELL, "--timeout", "20s", "echo hi", **environ).code == 0
    assert origins(crossrun) == {
        "executor": "flag",
        "timeout": "flag",
        "idle_timeout": "project file",
        "verify": "user file",
        "patterns.holdout": "environment",
    }
    shown = crossrun("why").out
    assert "idle_timeout      5m     project file\n" in shown
    assert "timeout           20s    flag\n" in shown
    assert "template    none\n" in shown
    assert "pattern     The agent gets no pattern.\n" in shown


def test_the_wish_to_apply_inputs_and_the_default_source_are_explained(crossrun: Crossrun) -> None:
    sh("git init -q && echo a > a && git add . && git commit -q -m a", crossrun.cwd)
    (crossrun.home.parent / "data.csv").write_text("1\n")
    given = ("--input", str(crossrun.home.parent / "data.csv"), "--apply", "--branch", "agent/b")
    assert crossrun(*SHELL, *given, "echo b > a").code == 0
    flags = {"executor": "flag", "input": "flag", "apply": "flag", "branch": "flag"}
    assert origins(crossrun) == flags
    shown = " ".join(crossrun("why").out.split())
    assert "by default, since you were in it" in shown
    assert " apply yes flag " in shown
    assert " branch agent/b flag " in shown
    assert " input " in shown


def test_a_repeated_run_keeps_its_origins_except_for_new_values(crossrun: Crossrun) -> None:
    assert crossrun(*SHELL, "echo hi", CROSSRUN_TIMEOUT="1m").code == 0
    assert crossrun("retry", "--no-watch", "--verify", "true").code == 0
    assert origins(crossrun) == {"executor": "flag", "timeout": "environment", "verify": "flag"}
    assert "repeats" in crossrun("why").out


def test_the_origins_have_no_values(crossrun: Crossrun) -> None:
    assert crossrun(*SHELL, "--verify", "test hunter2 = hunter2", "echo hi").code == 0
    [started] = [e for e in crossrun.events() if e["type"] == "run_started"]
    assert started["request"]["origins"] == {"executor": "flag", "verify": "flag"}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_screen_fits_the_terminal(width: int) -> None:
    started = event_of(RunStarted)
    assert isinstance(started, RunStarted)
    decided, made = event_of(PatternDecided), event_of(ForecastMade)
    assert isinstance(decided, PatternDecided)
    assert isinstance(made, ForecastMade)
    assert isinstance(made.forecast, Forecast)
    settings = applied_settings(started.request)
    explanation = Explanation(run_of(started, decided), started.request, settings, decided, made)
    screen = terminal(width)
    lines = list(explanation_lines(explanation, screen, is_gone=False, with_scores=False))
    assert max(map(len, lines)) <= width
    assert "like 14 earlier runs" in " ".join(lines)


def test_what_a_template_filled_in_comes_from_the_template(crossrun: Crossrun) -> None:
    templates = crossrun.cwd.parent / "home" / "crossrun" / "templates"
    templates.mkdir(parents=True)
    limits = "limits: {timeout: 40s, idle_timeout: 9s}"
    text = f"instructions: echo hi\n{limits}\nverify: 'true'\n"
    (templates / "greet.yaml").write_text(text)
    ran = crossrun(*SHELL, "--template", "greet", "--timeout", "20s")
    assert ran.code == 0, ran.err
    assert origins(crossrun) == {
        "executor": "flag",
        "timeout": "flag",
        "idle_timeout": "template",
        "verify": "template",
    }
    assert "template    greet\n" in crossrun("why").out


@pytest.mark.parametrize("width", ["60", "80", "200"])
def test_a_comparison_names_the_settings_that_differ(crossrun: Crossrun, width: str) -> None:
    first = crossrun(*SHELL, "--timeout", "5m", "echo a > a.txt").out.strip()
    second = crossrun(*SHELL, "--verify", "true", "echo b > b.txt").out.strip()
    compared = crossrun.json("compare", first, second)
    assert compared["settings"] == [
        {"name": "timeout", "values": [300.0, None]},
        {"name": "verify", "values": [None, "true"]},
    ]
    lines = crossrun("compare", first, second, COLUMNS=width).out.splitlines()
    assert max(map(len, lines)) <= int(width)
    start = lines.index("  settings that differ")
    assert [line.split() for line in lines[start + 1 : start + 3]] == [
        ["timeout", "5m", "-"],
        ["verify", "-", "true"],
    ]
