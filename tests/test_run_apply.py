"""`run --apply`: the change of a run that succeeded is applied at once, or the run says why not."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import Crossrun
from trees import sh

SHELL = ("run", "--executor", "shell")


@pytest.fixture
def at_home(crossrun: Crossrun) -> Crossrun:
    """Crossrun in a repository with the file `a`."""
    sh("git init -q -b main; echo a > a; git add -A; git commit -qm first", crossrun.cwd)
    return crossrun


def clash(at_home: Crossrun) -> str:
    """A task whose change conflicts with one that the user makes meanwhile."""
    return f"echo run > a; echo mine > {at_home.cwd}/a"


def branches(folder: Path) -> str:
    words = ["git", "branch", "--format=%(refname:short)"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout


class TestSuccess:
    def test_the_files_get_the_change_and_undo_takes_it_back(self, at_home: Crossrun) -> None:
        run = at_home.json(*SHELL, "echo b > a", "--apply", "--verify", "grep b a")
        assert (at_home.cwd / "a").read_text() == "b\n"
        (application,) = at_home.json("show")["applications"]
        assert run["applied"] == {
            "path": str(at_home.cwd),
            "branch": None,
            "application_id": application["id"],
            "files": 1,
            "conflicts": [],
            "problem": None,
            "hint": "",
        }
        assert at_home("undo").code == 0
        assert (at_home.cwd / "a").read_text() == "a\n"

    def test_the_summary_proposes_undo_and_never_apply(self, at_home: Crossrun) -> None:
        ended = at_home(*SHELL, "echo b > a", "--apply")
        assert f"applied   1 file to {at_home.cwd}" in ended.err
        shown = at_home("show").out
        for text in (ended.err, shown):
            assert "crossrun undo " in text
            assert "crossrun apply " not in text
            assert "crossrun show " not in text

    def test_a_branch_is_made_instead(self, at_home: Crossrun) -> None:
        run = at_home.json(*SHELL, "echo b > a", "--apply", "--branch", "agent/b")
        assert run["applied"]["branch"] == "agent/b"
        assert branches(at_home.cwd) == "agent/b\nmain\n"
        assert (at_home.cwd / "a").read_text() == "a\n"

    def test_a_run_that_continues_one_with_a_branch_leaves_the_branch(
        self, at_home: Crossrun
    ) -> None:
        at_home(*SHELL, "echo b > a", "--apply", "--branch", "agent/b")
        continued = at_home("resume", "last", "echo c > a")
        assert (continued.code, at_home.json("show")["applied"]) == (0, None)
        assert branches(at_home.cwd) == "agent/b\nmain\n"

    def test_nothing_to_apply_is_a_success(self, at_home: Crossrun) -> None:
        run = at_home.json(*SHELL, "true", "--apply")
        assert (run["applied"]["application_id"], run["applied"]["problem"]) == (None, None)
        assert "nothing was changed" in at_home("show").out
        assert f"nothing to do: run {run['id']} changed nothing" in at_home("apply").err

    def test_a_dry_run_says_whose_files_the_run_would_get(self, at_home: Crossrun) -> None:
        words = ("run", "--executor", "shell", "true", "--dry-run")
        assert at_home.json(*words)["source"] == str(at_home.cwd)
        assert f"source\n{at_home.cwd}\n" in at_home(*words).out
        assert at_home.json(*words, "--empty")["source"] is None

    def test_in_the_background_the_files_have_it_when_the_run_has_ended(
        self, at_home: Crossrun
    ) -> None:
        run_id = at_home(*SHELL, "sleep 0.3; echo b > a", "--apply", "--detach").out.strip()
        assert at_home("wait", run_id).code == 0
        assert (at_home.cwd / "a").read_text() == "b\n"

    def test_it_is_an_event_before_the_end(self, at_home: Crossrun) -> None:
        at_home(*SHELL, "echo b > a", "--apply", "--jsonl")
        kinds = [event["type"] for event in at_home.events()]
        assert kinds[-2:] == ["apply_finished", "run_finished"]

    def test_a_retry_applies_again(self, at_home: Crossrun) -> None:
        at_home.json(*SHELL, "echo b >> a", "--apply")
        at_home.json("retry")
        assert (at_home.cwd / "a").read_text() == "a\nb\nb\n"


class TestNewFolder:
    def test_apply_to_a_new_folder_makes_it(self, at_home: Crossrun) -> None:
        run_id = at_home(*SHELL, "echo b > b", "--empty").out.strip()
        assert at_home("apply", run_id, "--to", "new/folder").code == 0
        assert [path.name for path in (at_home.cwd / "new/folder").iterdir()] == ["b"]

    def test_a_new_folder_that_gets_nothing_is_removed(self, at_home: Crossrun) -> None:
        at_home(*SHELL, "true")
        assert at_home("apply", "--to", "new").code == 0
        assert not (at_home.cwd / "new").exists()


class TestFailure:
    def test_a_run_that_fails_its_check_changes_nothing(self, at_home: Crossrun) -> None:
        ended = at_home(*SHELL, "echo b > a", "--apply", "--verify", "false", "--json")
        assert (ended.code, ended.json["applied"]) == (9, None)
        assert (at_home.cwd / "a").read_text() == "a\n"

    def test_a_run_without_the_required_proof_changes_nothing(self, at_home: Crossrun) -> None:
        ended = at_home(*SHELL, "echo b > a", "--apply", "--require-proof", "checked", "--json")
        assert (ended.json["failure"]["code"], ended.json["applied"]) == ("PROOF_MISSING", None)
        assert (at_home.cwd / "a").read_text() == "a\n"

    def test_conflicts_leave_everything_as_it_is(self, at_home: Crossrun) -> None:
        ended = at_home(*SHELL, clash(at_home), "--apply")
        run = at_home.json("show")
        assert (ended.code, run["status"], run["exit_code"]) == (1, "succeeded", 0)
        assert (run["applied"]["conflicts"], run["applications"]) == (["a"], [])
        assert (at_home.cwd / "a").read_text() == "mine\n"
        assert f"crossrun apply {run['id']} --conflicts" in ended.err
        assert at_home("apply", "--conflicts").code == 1
        assert "<<<<<<<" in (at_home.cwd / "a").read_text()

    def test_conflicts_are_said_even_with_quiet(self, at_home: Crossrun) -> None:
        ended = at_home(*SHELL, clash(at_home), "--apply", "--quiet")
        assert ended.code == 1
        assert "it conflicts with your changes: a" in ended.err

    def test_a_target_that_is_gone_is_a_problem_and_no_lost_run(self, at_home: Crossrun) -> None:
        ended = at_home(*SHELL, f"echo b > a; mv {at_home.cwd} {at_home.cwd}.gone", "--apply")
        assert ended.code == 1
        Path(f"{at_home.cwd}.gone").rename(at_home.cwd)
        run = at_home.json("show")
        assert run["status"] == "succeeded"
        assert "there is no folder" in run["applied"]["problem"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--apply", "--empty"), "OPTIONS_CONFLICT"),
        (("--apply", "--workspace", "."), "OPTIONS_CONFLICT"),
        (("--branch", "b"), "OPTION_INVALID"),
        (("--apply", "--branch", "main"), "BRANCH_TAKEN"),
        (("--apply", "--branch", "a..b"), "BRANCH_INVALID"),
        (("--apply", "--source", "https://example.com/x.git"), "SOURCE_NONE"),
        (("-c", "foo"), "OPTION_INVALID"),
        (("--source", "a"), "SOURCE_INVALID"),
        (("--input", "missing"), "INPUT_INVALID"),
        (("--input", "/dev/null"), "INPUT_INVALID"),
        (("--input", ".git"), "INPUT_INVALID"),
        (("--input", "a", "--input", "sub/../a"), "INPUT_CLASH"),
    ],
)
def test_what_cannot_work_is_known_before_there_is_a_run(
    at_home: Crossrun, words: tuple[str, ...], code: str
) -> None:
    ended = at_home(*SHELL, "true", *words, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, code)
    assert at_home("show", "--json").json["error"]["code"] == "NO_RUNS"


class TestInputs:
    def test_files_and_folders_are_there_and_no_change(
        self, at_home: Crossrun, tmp_path: Path
    ) -> None:
        sh("mkdir -p in/sub; echo d > in/data.csv; echo s > in/sub/s; ln -s s in/sub/l", tmp_path)
        given = ("--input", str(tmp_path / "in" / "data.csv"), "--input", str(tmp_path / "in/sub"))

        run = at_home.json(
            *SHELL, "cat data.csv sub/s sub/l && git add -A && git diff --cached --quiet", *given
        )
        assert run["changes"] == []

        run = at_home.json(*SHELL, "cp data.csv out", "--empty", *given)
        assert [each["path"] for each in run["changes"]] == ["out"]
        target = tmp_path / "target"
        target.mkdir()
        assert at_home("apply", "--to", str(target)).code == 0
        assert [path.name for path in target.iterdir()] == ["out"]

    def test_a_clone_of_a_run_gets_them_without_a_change(
        self, at_home: Crossrun, tmp_path: Path
    ) -> None:
        (tmp_path / "data.csv").write_text("d\n")
        first = at_home.json(*SHELL, "echo b > b")
        words = ("--from-run-id", first["id"], "--input", str(tmp_path / "data.csv"))
        run = at_home.json(*SHELL, "test -f data.csv && echo c > c", *words)
        assert [each["path"] for each in run["changes"]] == ["c"]
        assert at_home("apply").code == 0
        assert sorted(path.name for path in at_home.cwd.iterdir()) == [".git", "a", "b", "c"]

    def test_in_a_subfolder_they_are_where_the_agent_begins(
        self, at_home: Crossrun, tmp_path: Path
    ) -> None:
        (tmp_path / "data.csv").write_text("d\n")
        at_home.cwd = at_home.cwd / "sub"
        at_home.cwd.mkdir()
        (at_home.cwd / "x").touch()
        run = at_home.json(*SHELL, "test -f data.csv", "--input", str(tmp_path / "data.csv"))
        assert run["changes"] == []

    def test_another_file_of_that_name_is_an_error_and_the_same_one_is_not(
        self, at_home: Crossrun, tmp_path: Path
    ) -> None:
        assert at_home(*SHELL, "true", "--input", "a").code == 0
        (tmp_path / "a").write_text("other\n")
        ended = at_home(*SHELL, "true", "--input", str(tmp_path / "a"), "--json")
        assert "the workspace already has a" in ended.json["failure"]["message"]


class TestEditor:
    def editor(self, folder: Path, script: str) -> str:
        file = folder / "editor"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return str(file)

    def test_the_task_is_what_was_saved_without_comments(
        self, crossrun: Crossrun, tmp_path: Path
    ) -> None:
        editor = self.editor(tmp_path, 'printf "true\\n# a comment\\n" > "$1"')
        assert crossrun.json(*SHELL, "-e", EDITOR=editor)["task"] == "true"

    def test_it_begins_with_the_last_task_that_failed(
        self, crossrun: Crossrun, tmp_path: Path
    ) -> None:
        failed = crossrun(*SHELL, "false", "--json").json
        editor = self.editor(tmp_path, f'cp "$1" {tmp_path}/seen; sed -i s/false/true/ "$1"')
        run = crossrun.json(*SHELL, "-e", VISUAL=editor, EDITOR="no-editor")
        assert run["task"] == "true"
        seen = (tmp_path / "seen").read_text()
        assert seen.startswith("false\n\n# Write the task above.")
        assert f"# It is the task of run {failed['id']}, which failed." in seen

    def test_a_task_with_comment_signs_is_kept(self, crossrun: Crossrun, tmp_path: Path) -> None:
        editor = self.editor(tmp_path, "true")
        run = crossrun.json(*SHELL, "# nothing\ntrue", "-e", EDITOR=editor)
        assert run["task"] == "# nothing\ntrue"

    @pytest.mark.parametrize(
        ("script", "code"), [('echo "# x" > "$1"', "TASK_EMPTY"), ("exit 3", "EDITOR_FAILED")]
    )
    def test_an_empty_task_or_a_failed_editor_starts_nothing(
        self, crossrun: Crossrun, tmp_path: Path, script: str, code: str
    ) -> None:
        ended = crossrun(*SHELL, "-e", "--json", EDITOR=self.editor(tmp_path, script))
        assert (ended.code, ended.json["error"]["code"]) == (2, code)
        assert crossrun("show", "--json").json["error"]["code"] == "NO_RUNS"

    def test_without_a_terminal_a_missing_task_is_an_error(self, crossrun: Crossrun) -> None:
        assert crossrun(*SHELL, "--json").json["error"]["code"] == "TASK_EMPTY"

    def test_on_a_terminal_a_missing_task_opens_the_editor(
        self, crossrun: Crossrun, tmp_path: Path
    ) -> None:
        import pty

        editor = self.editor(tmp_path, 'echo true > "$1"')
        master, slave = pty.openpty()
        process = subprocess.Popen(
            crossrun.command(*SHELL, "--no-watch"),
            cwd=crossrun.cwd,
            env={**crossrun.environ, "EDITOR": editor},
            stdin=slave,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0
        assert said.startswith(b"no task given: opening your editor")
        os.close(master)
        os.close(slave)
        assert crossrun.json("show")["task"] == "true"


class TestScripts:
    def test_a_script_that_failed_its_check_is_retried_and_resumed_as_a_script(
        self, crossrun: Crossrun
    ) -> None:
        ended = crossrun(*SHELL, "echo x >> log", "--verify", "test $(wc -l < log) = 2", "--json")
        run = ended.json
        assert f"run it again: crossrun retry {run['id']}" in run["failure"]["hint"]
        resumed = crossrun.json("resume")
        assert (resumed["status"], resumed["commands"]) == ("succeeded", 1)

    def test_the_summary_proposes_retry(self, crossrun: Crossrun) -> None:
        ended = crossrun(*SHELL, "false")
        assert "next      crossrun retry " in ended.err
        assert "resume" not in ended.err
