"""Checks that are tried on the state that runs begin with, twice, in fresh copies."""

from pathlib import Path

import pytest
from test_frozen_copies import app, frozen, source
from trees import state, value_of

from crossrun.errors import UsageError
from crossrun.model.requests import BeginWith, Limits, RunRequest
from crossrun.services.app import App
from crossrun.services.batches.checking import BaseCheck, check_base, require_fit
from crossrun.system.cancellation import CancelToken

pytestmark = pytest.mark.process

__all__ = ["app", "source"]


def checked(app: App, command: str, begin: BeginWith, timeout: float | None = None) -> BaseCheck:
    request = RunRequest(
        task="x", executor="shell", verify=command, begin_with=begin, limits=Limits(timeout=timeout)
    )
    return value_of(check_base(app, request, CancelToken()))


def test_each_time_has_a_copy_of_its_own(app: App, source: Path) -> None:
    begin = frozen(app, BeginWith(path=str(source / "lib")))
    before = state(Path(begin.frozen or ""))
    check = checked(app, "cat a ../new; ls; test -e made && exit 7; touch made ../made", begin)
    assert (check.verdict, check.exit_codes) == ("passes", (0, 0))
    assert check.output == "one\ntwo\nnew\na\n"
    assert state(Path(begin.frozen or "")) == before
    assert not list((app.settings.paths.workspaces / ".frozen").glob(".*"))


def test_one_that_fails_until_the_task_is_done_is_fit(app: App, source: Path) -> None:
    check = checked(
        app, "echo no three; grep three lib/a", frozen(app, BeginWith(path=str(source)))
    )
    assert (check.verdict, check.exit_codes, check.output) == ("fails", (1, 1), "no three\n")
    require_fit(check)


@pytest.mark.parametrize(
    ("command", "verdict", "words"),
    [
        ("true", "passes", "already passes"),
        ("test -e {count} || {{ touch {count}; echo flaky; false; }}", "flaky", "passed once"),
        ("no-such-program --now", "impossible", "cannot be run: exit codes 127, 127"),
        ("sleep 60", "impossible", "exit codes none, none"),
    ],
)
def test_one_that_tells_nothing_is_refused(
    app: App, tmp_path: Path, command: str, verdict: str, words: str
) -> None:
    command = command.format(count=tmp_path / "count")
    check = checked(app, command, BeginWith(), 1.0 if "sleep" in command else None)
    assert check.verdict == verdict
    with pytest.raises(UsageError, match=words) as refused:
        require_fit(check)
    assert refused.value.code == "CHECK_UNFIT"


def test_the_setup_of_the_project_comes_first(app: App) -> None:
    setup = BeginWith(setup="echo 1 > made")
    assert checked(app, "cat made", setup).verdict == "passes"
    with pytest.raises(UsageError, match="setup"):
        checked(app, "true", BeginWith(setup="exit 3"))
