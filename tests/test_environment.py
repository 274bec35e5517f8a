"""What runs in a workspace finds the repository there, whatever git the user's shell stands in."""

import subprocess
from pathlib import Path

from conftest import Crossrun
from trees import sh, state

from crossrun.workspace.environment import for_workspaces, unusable_temporary

LEADS_AWAY = """
git init -q -b main other; cd other; echo 1 > a; git add a; git commit -qm theirs
"""


def test_variables_that_lead_to_a_repository_are_left_out_and_all_others_stay() -> None:
    listed = subprocess.run(
        ["git", "rev-parse", "--local-env-vars"], capture_output=True, check=True, text=True
    ).stdout.split()
    more = ["GIT_NAMESPACE", "GIT_QUARANTINE_PATH", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_12"]
    stay = {"PATH": "/bin", "GIT_AUTHOR_NAME": "A", "GIT_SSH_COMMAND": "ssh", "GIT_CONFIG_KEYS": ""}
    environ = for_workspaces(dict.fromkeys((*listed, *more), "x") | stay, Path("/root/work"))
    assert environ == {**stay, "GIT_CEILING_DIRECTORIES": "/root/work"}


def test_what_the_user_shuts_git_out_of_stays_shut() -> None:
    environ = for_workspaces({"GIT_CEILING_DIRECTORIES": "/net:/mnt"}, Path("/w"))
    assert environ == {"GIT_CEILING_DIRECTORIES": "/w:/net:/mnt"}


def test_scripts_checks_and_setups_commit_to_the_workspace_and_never_to_the_repository_of_a_hook(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    sh(LEADS_AWAY, tmp_path)
    other = tmp_path / "other"
    before = state(other)
    commit = "git add -A && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m"
    hook = {
        "GIT_DIR": str(other / ".git"),
        "GIT_INDEX_FILE": str(other / ".git" / "index"),
        "GIT_WORK_TREE": str(other),
        "GIT_OBJECT_DIRECTORY": str(other / ".git" / "objects"),
    }
    assert crossrun("projects", "set", "p", "workspace.setup", f"git init -q; {commit} s").code == 0
    words = ("--project-id", "p", "--verify", f"{commit} v; test $(git rev-list --count HEAD) = 3")
    done = crossrun("run", "--executor", "shell", *words, f"echo 2 > b; {commit} r", **hook)
    assert done.code == 0, done.err
    assert state(other) == before


def test_a_workspace_without_a_repository_is_in_none(crossrun: Crossrun, tmp_path: Path) -> None:
    sh("git init -q; git commit -q --allow-empty -m home", tmp_path)
    done = crossrun("run", "--executor", "shell", "! git rev-parse --git-dir")
    assert done.code == 0, done.err


def test_a_folder_for_temporary_files_that_is_not_there_is_named_before_the_agent_works(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing")
    script = 'echo "${TMPDIR-none} $TMP"; mktemp'
    done = crossrun("run", "--executor", "shell", script, TMPDIR=missing, TMP=str(tmp_path))
    assert done.code == 0, done.err
    events = crossrun.events()
    warning = f"TMPDIR is not a folder that can be written to: {missing}; it is not passed on"
    assert (events[1]["type"], events[1]["message"]) == ("warned", f"{warning} to the agent")
    (ran,) = [event for event in events if event["type"] == "command_ran"]
    assert ran["output"].startswith(f"none {tmp_path}\n")


def test_a_relative_folder_for_temporary_files_is_another_one_where_the_agent_works(
    tmp_path: Path,
) -> None:
    environ = {"TMPDIR": "tmp", "TEMP": str(tmp_path), "TMP": ""}
    assert unusable_temporary(environ) == ["TMPDIR"]
