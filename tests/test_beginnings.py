"""Runs that begin with the user's own files, with a clone of a run, or in the user's own folder."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld, Crossrun, types
from processes import wait_for
from scripted_model import Scenario
from trees import state

SHELL = ("run", "--executor", "shell", "--json")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a commit, uncommitted work of every kind, and ignored files."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    (folder / "gone.txt").write_text("gone\n")
    (folder / ".gitignore").write_text("*.log\nbuild/\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    (folder / "calc.py").write_text("def add(a, b):\n    return a - b  # wrong\n")
    (folder / "gone.txt").unlink()
    (folder / "new.txt").write_text("untracked\n")
    (folder / "noise.log").write_text("noise\n")
    return folder


def begin(crossrun: Crossrun, *words: str, **environ: str) -> dict[str, Any]:
    done = crossrun(*SHELL, *words, **environ)
    assert done.code == 0, done.err
    return done.json


def names(folder: str | Path) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir() if path.name != ".git")


class TestSource:
    def test_a_repository_comes_with_its_uncommitted_work_and_its_history(
        self, crossrun: Crossrun, repository: Path
    ) -> None:
        before = state(repository)
        run = begin(crossrun, "--source", str(repository), "git log --oneline; git status --short")
        assert names(run["workspace"]) == [".gitignore", "calc.py", "new.txt"]
        assert (run["changes"], run["source"]["kind"]) == ([], "repository")
        commit = git(repository, "rev-parse", "HEAD").strip()
        assert (run["source"]["path"], run["source"]["commit"]) == (str(repository), commit)
        assert (run["source"]["branch"], run["source"]["uncommitted"]) == ("main", 3)
        (ran,) = [e for e in crossrun.events() if e["type"] == "command_ran"]
        assert "first" in ran["output"]
        assert ran["output"].endswith(" M calc.py\n D gone.txt\n?? new.txt\n")
        (copied,) = [e for e in crossrun.events() if e["type"] == "source_copied"]
        assert (copied["files"], copied["unstaged"], copied["untracked"]) == (3, 2, 1)
        assert (copied["ignored"], copied["included"]) == (1, 0)
        assert state(repository) == before

    def test_only_what_the_run_changes_is_its_change(
        self, crossrun: Crossrun, repository: Path
    ) -> None:
        script = "sed -i s/-/+/ calc.py; echo x > more.txt; rm new.txt"
        run = begin(crossrun, "--source", str(repository), script)
        changes = {change["path"]: change["status"] for change in run["changes"]}
        assert changes == {"calc.py": "modified", "more.txt": "added", "new.txt": "deleted"}

    def test_uncommitted_work_can_be_left_out_and_ignored_files_let_in(
        self, crossrun: Crossrun, repository: Path
    ) -> None:
        clean = begin(crossrun, "--source", str(repository), "--clean", "true")
        assert names(clean["workspace"]) == [".gitignore", "calc.py", "gone.txt"]
        assert clean["source"]["uncommitted"] == 0
        more = begin(crossrun, "--source", str(repository), "--include", "*.log", "true")
        assert "noise.log" in names(more["workspace"])

    def test_the_current_folder_is_a_source_like_any_other(self, crossrun: Crossrun) -> None:
        (crossrun.cwd / "a b\n-c.txt").write_text("odd\n")
        run = begin(crossrun, "--source", ".", "ls > list")
        assert run["source"]["kind"] == "folder"
        assert names(run["workspace"]) == ["a b\n-c.txt", "list"]
        assert names(crossrun.cwd) == ["a b\n-c.txt"]

    def test_a_url_is_cloned(self, crossrun: Crossrun, repository: Path) -> None:
        run = begin(crossrun, "--source", repository.as_uri(), "true")
        assert (run["source"]["kind"], run["source"]["path"]) == ("url", repository.as_uri())
        assert names(run["workspace"]) == [".gitignore", "calc.py", "gone.txt"]

    def test_a_run_is_a_source_too(self, crossrun: Crossrun) -> None:
        first = begin(crossrun, "echo a > a.txt")
        second = begin(crossrun, "--source", first["id"], "cat a.txt > b.txt")
        assert second["from_run_id"] == first["id"]
        assert names(second["workspace"]) == ["a.txt", "b.txt"]

    def test_a_home_inside_of_the_source_is_not_copied(self, crossrun: Crossrun) -> None:
        (crossrun.cwd / "a.txt").touch()
        home = crossrun.cwd / "inside"
        run = begin(crossrun, "--home", str(home), "--source", ".", "true")
        assert names(run["workspace"]) == ["a.txt"]

    @pytest.mark.parametrize(
        ("words", "code", "error"),
        [
            (("--source", "nosuch"), 6, "SOURCE_NOT_FOUND"),
            (("--source", ""), 2, "OPTION_INVALID"),
            (("--source", "nosuch", "--clean"), 6, "SOURCE_NOT_FOUND"),
            (("--source", "ext::sh -c touch% canary"), 2, "SOURCE_INVALID"),
            (("--source", "https://me:secret@example.com/r.git"), 2, "SOURCE_INVALID"),
            (("--clean",), 2, "OPTION_INVALID"),
            (("--include", "*.log"), 2, "OPTION_INVALID"),
            (("--source", ".", "--workspace", "."), 2, "OPTIONS_CONFLICT"),
            (("--source", ".", "--from-run-id", "x"), 2, "OPTIONS_CONFLICT"),
            (("--from-run-id", "zzzz"), 6, "RUN_NOT_FOUND"),
            (("--from-run-id", ""), 2, "OPTION_INVALID"),
            (("--workspace", "nosuch"), 6, "SOURCE_NOT_FOUND"),
        ],
    )
    def test_what_cannot_be_had_is_told(
        self, crossrun: Crossrun, words: tuple[str, ...], code: int, error: str
    ) -> None:
        crossrun("run", "--executor", "shell", "true")
        refused = crossrun(*SHELL, *words, "true")
        found = refused.json
        if "error" in found:
            assert (refused.code, found["error"]["code"]) == (code, error)
        else:
            assert (refused.code, found["failure"]["code"]) == (1, "WORKSPACE_FAILED")
            assert "crossrun does not clone from" in found["failure"]["message"]

    def test_a_source_that_cannot_be_read_fails_the_run_and_leaves_nothing(
        self, crossrun: Crossrun, tmp_path: Path
    ) -> None:
        folder = tmp_path / "bare"
        git(tmp_path, "init", "--quiet", "--bare", str(folder))
        failed = crossrun(*SHELL, "--source", str(folder), "true")
        assert (failed.code, failed.json["failure"]["code"]) == (1, "WORKSPACE_FAILED")
        assert not Path(failed.json["workspace"]).exists()

    def test_an_interrupted_copy_leaves_nothing(self, crossrun: Crossrun) -> None:
        for number in range(3000):
            (crossrun.cwd / f"{number}.txt").write_text("x" * 5000)
        process = crossrun.start("run", "--executor", "shell", "--source", ".", "true")
        assert process.stdout is not None
        run_id = process.stdout.readline().decode().strip()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        run = crossrun.json("show", run_id)
        left = list((crossrun.home / "workspaces").rglob(".*partial*"))
        assert (run["status"] in ("cancelled", "succeeded"), left) == (True, [])
        assert Path(run["workspace"]).exists() == (run["status"] == "succeeded")


class TestClone:
    def test_three_runs_in_a_chain(self, crossrun: Crossrun) -> None:
        """Data, analysis, report: a shell script that chains ids."""
        script = crossrun.cwd / "chain.sh"
        run = " ".join(crossrun.command("run", "--executor", "shell"))
        script.write_text(
            f"""set -e
            data=$({run} 'printf "1\\n2\\n3\\n" > data.csv')
            analysis=$({run} --from-run-id "$data" 'echo sum: $(wc -l < data.csv) > sum.txt')
            report=$({run} --from-run-id "$analysis" 'cat sum.txt > report.md')
            echo "$report"
            """
        )
        done = subprocess.run(
            ["/bin/sh", str(script)],
            cwd=crossrun.cwd,
            env=crossrun.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        last = crossrun.json("show", done.stdout.strip())
        assert (Path(last["workspace"]) / "report.md").read_text() == "sum: 3\n"
        assert [change["path"] for change in last["changes"]] == ["report.md"]
        second = crossrun.json("show", last["from_run_id"])
        assert second["from_run_id"] is not None

    def test_a_clone_has_the_repository_and_leaves_the_other_alone(
        self, crossrun: Crossrun, repository: Path
    ) -> None:
        first = begin(crossrun, "--source", str(repository), "echo 1 >> calc.py")
        before = state(Path(first["workspace"]))
        second = begin(
            crossrun, "--from-run-id", first["id"], "git log --oneline; echo 2 >> calc.py"
        )
        assert state(Path(first["workspace"])) == before
        assert second["source"] == first["source"]
        (ran,) = [e for e in crossrun.events() if e["type"] == "command_ran"]
        assert "first" in ran["output"]
        (copied,) = [e for e in crossrun.events() if e["type"] == "source_copied"]
        assert (copied["kind"], copied["path"]) == ("run", first["id"])
        assert copied["files"] > 3

    def test_sources_that_go_on_or_are_gone_are_told(self, crossrun: Crossrun) -> None:
        process = crossrun.start("run", "--executor", "shell", "sleep 30")
        assert process.stdout is not None
        running = process.stdout.readline().decode().strip()
        refused = crossrun(*SHELL, "--from-run-id", running, "true")
        assert (refused.code, refused.json["error"]["code"]) == (8, "STILL_RUNNING")
        crossrun("cancel", running)
        process.communicate(timeout=30)
        run = crossrun.json("show", running)
        assert begin(crossrun, "--from-run-id", running, "true")["from_run_id"] == running
        Path(run["workspace"]).rename(run["workspace"] + ".moved")
        refused = crossrun(*SHELL, "--from-run-id", running, "true")
        assert (refused.code, refused.json["error"]["code"]) == (6, "WORKSPACE_GONE")

    def test_nobody_goes_on_in_a_workspace_that_will_be_cloned(self, crossrun: Crossrun) -> None:
        one = {"CROSSRUN_RUNS_MAX_PARALLEL": "1"}
        source = begin(crossrun, "echo whole > v")["id"]
        first = crossrun.start("run", "--executor", "shell", "sleep 30", **one)
        assert first.stdout is not None
        busy = first.stdout.readline().decode().strip()
        words = ("run", "--executor", "shell", "--from-run-id", source, "cat v", "--detach")
        clones = [crossrun(*words, **one).out.strip() for _ in range(2)]
        refused = crossrun("resume", source, "echo half > v")
        assert (refused.code, "error[TAKEN_UP]" in refused.err) == (8, True)
        crossrun("cancel", busy)
        first.communicate(timeout=30)
        assert crossrun("wait", *clones).code == 0
        assert crossrun("resume", source, "echo half > v").code == 0

    def test_a_run_that_recorded_no_state_can_be_cloned(self, crossrun: Crossrun) -> None:
        process = crossrun.start("run", "--executor", "shell", "echo a > a; sleep 60")
        assert process.stdout is not None
        run_id = process.stdout.readline().decode().strip()
        wait_for(lambda: "workspace_prepared" in types(crossrun.events(run_id)))
        process.kill()
        process.communicate()
        assert crossrun("runs").code == 0
        assert begin(crossrun, "--from-run-id", run_id, "true")["status"] == "succeeded"

    def test_a_retry_begins_with_the_same_clone(self, crossrun: Crossrun) -> None:
        first = begin(crossrun, "echo a > a.txt")
        second = begin(crossrun, "--from-run-id", first["id"], "cat a.txt >> b.txt")
        again = crossrun("retry", second["id"], "--json").json
        assert (again["from_run_id"], again["retry_of"]) == (first["id"], second["id"])
        assert names(again["workspace"]) == ["a.txt", "b.txt"]


class TestInPlace:
    def test_the_run_works_in_the_folder_itself(self, crossrun: Crossrun) -> None:
        (crossrun.cwd / "a.txt").write_text("a\n")
        run = begin(crossrun, "--workspace", ".", "echo b >> a.txt; pwd")
        assert (crossrun.cwd / "a.txt").read_text() == "a\nb\n"
        assert run["workspace"] == str(crossrun.cwd)
        assert run["source"]["kind"] == "in_place"
        assert [change["path"] for change in run["changes"]] == ["a.txt"]
        assert "+b" in crossrun("diff").out

    def test_two_runs_never_work_in_one_folder(self, crossrun: Crossrun) -> None:
        process = crossrun.start("run", "--executor", "shell", "--workspace", ".", "sleep 30")
        assert process.stdout is not None
        running = process.stdout.readline().decode().strip()
        wait_for(lambda: "workspace_prepared" in types(crossrun.events(running)), 20)
        refused = crossrun(*SHELL, "--workspace", ".", "true")
        assert (refused.code, refused.json["error"]["code"]) == (8, "WORKSPACE_BUSY")
        crossrun("cancel", running)
        process.communicate(timeout=30)
        assert crossrun(*SHELL, "--workspace", ".", "true").code == 0

    def test_a_ctrl_c_while_the_folder_is_recorded_loses_nothing(self, crossrun: Crossrun) -> None:
        for number in range(4000):
            (crossrun.cwd / f"{number}.txt").write_text(str(number))
        process = subprocess.Popen(
            crossrun.command("run", "--executor", "shell", "--workspace", ".", "echo a > agent"),
            cwd=crossrun.cwd,
            env=crossrun.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdout is not None
        run_id = process.stdout.readline().decode().strip()
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
        changes = crossrun.json("show", run_id)["changes"]
        assert {change["path"] for change in changes or ()} <= {"agent"}
        crossrun("undo", run_id)
        assert len(names(crossrun.cwd)) == 4000

    def test_what_the_user_did_between_two_runs_is_not_undone(self, crossrun: Crossrun) -> None:
        begin(crossrun, "--workspace", ".", "echo a > a.txt")
        (crossrun.cwd / "mine.txt").write_text("precious\n")
        assert crossrun("resume", "last", "echo b > b.txt").code == 0
        assert crossrun("undo").code == 0
        assert names(crossrun.cwd) == ["a.txt", "mine.txt"]

    def test_crossruns_own_folders_are_no_place_to_work(self, crossrun: Crossrun) -> None:
        crossrun("run", "--executor", "shell", "true")
        for folder in (crossrun.home, crossrun.home.parent, crossrun.home / "workspaces", "/"):
            refused = crossrun(*SHELL, "--workspace", str(folder), "true")
            assert (refused.code, refused.json["error"]["code"]) == (2, "WORKSPACE_INVALID")


class TestSetup:
    def test_it_runs_before_the_agent_and_is_no_change_of_its(self, crossrun: Crossrun) -> None:
        crossrun("projects", "set", "shop", "workspace.setup", "echo ready > setup.txt")
        run = begin(crossrun, "--project-id", "shop", "cat setup.txt > seen.txt")
        assert (Path(run["workspace"]) / "seen.txt").read_text() == "ready\n"
        assert [change["path"] for change in run["changes"]] == ["seen.txt"]
        (ran,) = [e for e in crossrun.events() if e["type"] == "setup_ran"]
        assert (ran["command"], ran["exit_code"]) == ("echo ready > setup.txt", 0)
        assert begin(crossrun, "ls")["changes"] == []

    def test_it_sees_no_keys(self, crossrun: Crossrun) -> None:
        crossrun("projects", "set", "shop", "workspace.setup", "env > env.txt")
        key = {"OPENAI_API_KEY": "sk-proj-" + "a1B2" * 12}
        run = begin(crossrun, "--project-id", "shop", "true", **key)
        assert "OPENAI_API_KEY" not in (Path(run["workspace"]) / "env.txt").read_text()

    def test_its_failure_fails_the_run_with_the_output(self, crossrun: Crossrun) -> None:
        crossrun("projects", "set", "shop", "workspace.setup", "echo no such thing; exit 3")
        failed = crossrun(*SHELL, "--project-id", "shop", "touch agent")
        assert (failed.code, failed.json["failure"]["code"]) == (1, "SETUP_FAILED")
        assert "no such thing" in failed.json["failure"]["message"]
        assert not (Path(failed.json["workspace"]) / "agent").exists()
        crossrun("projects", "set", "shop", "workspace.setup", "")
        assert crossrun(*SHELL, "--project-id", "shop", "true").code == 0

    def test_no_file_of_a_source_can_set_it(self, crossrun: Crossrun) -> None:
        text = "workspace:\n  setup: touch canary\nworkspace.setup: touch canary\n"
        (crossrun.cwd / ".crossrun.yaml").write_text(text)
        done = crossrun(*SHELL, "--source", ".", "ls")
        assert done.code == 0
        assert not (Path(done.json["workspace"]) / "canary").exists()
        assert not (crossrun.cwd / "canary").exists()


@pytest.mark.codex
def test_codex_works_on_a_copy_of_a_repository(codex: CodexWorld, repository: Path) -> None:
    lines = ["@@", "-    return a - b  # wrong", "+    return a + b"]
    patch = "\n".join(["*** Begin Patch", "*** Update File: calc.py", *lines, "*** End Patch", ""])
    made = codex([Scenario([{"patch": patch}, {"shell": "git status --short"}, "Mended it."])])
    before = state(repository)
    run = made.run("mend calc.py", "--source", str(repository)).json
    assert (run["status"], run["answer"]) == ("succeeded", "Mended it.")
    assert [change["path"] for change in run["changes"]] == ["calc.py"]
    assert state(repository) == before
    assert "+    return a + b" in made.crossrun("diff").out
    again = made.crossrun("resume", "last", "and once more", "--json").json
    assert again["source"] == run["source"]
    assert made.crossrun("apply").code == 0
    assert "return a + b" in (repository / "calc.py").read_text()
    assert git(repository, "status", "--short") == " M calc.py\n D gone.txt\n?? new.txt\n"
    assert made.crossrun("undo").code == 0
    assert (repository / "calc.py").read_text().endswith("return a - b  # wrong\n")


@pytest.mark.codex
def test_data_analysis_and_report_are_chained_by_a_shell_script(codex: CodexWorld) -> None:
    made = codex(
        [
            Scenario(
                [{"shell": "printf '1\\n2\\n3\\n' > data.csv"}, "Collected."], match="Collect"
            ),
            Scenario([{"shell": "wc -l < data.csv > rows.txt"}, "Analysed."], match="Analyse"),
            Scenario([{"shell": "cat rows.txt > report.md"}, "Reported."], match="report"),
        ]
    )
    crossrun = made.crossrun
    run = " ".join(crossrun.command("run"))
    script = f"""set -e
    data=$({run} "Collect yields into data.csv" --task-type data_analysis)
    analysis=$({run} "Analyse data.csv" --from-run-id "$data" --task-type data_analysis)
    report=$({run} "Write a report" --from-run-id "$analysis" --task-type writing)
    echo "$report"
    """
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=crossrun.cwd,
        env=crossrun.environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    last = crossrun.json("show", done.stdout.strip())
    assert (Path(last["workspace"]) / "report.md").read_text() == "3\n"
    assert (last["status"], last["answer"]) == ("succeeded", "Reported.")
    assert [change["path"] for change in last["changes"]] == ["report.md"]
