"""The rules of the proof sheet one by one: checks, changed tests, retries, claims compared."""

import pytest
from proof_story import Story

from crossrun.events import (
    AgentSpoke,
    CommandRan,
    CommandStarted,
    ToolCalled,
    Warned,
)
from crossrun.model.proof import Proof
from crossrun.model.runs import Change, IgnoredFiles
from crossrun.proof.assessment import assess_run
from crossrun.proof.changes import files_of, is_test_file, tampering
from crossrun.proof.checks import checks_in, kind_of

# ---------------------------------------------------------------- checks

CHECKS = {
    "test": [
        "pytest -q", "python3 -m pytest tests", "uv run pytest", "poetry run pytest -x",
        "python -m unittest discover", "PYTHONPATH=. pytest", "coverage run -m pytest",
        "npm test", "npm run test:unit", "yarn test", "pnpm t", "npx jest", "node --test",
        "npx vitest run", "cargo test --all", "cargo nextest run", "go test ./...", "mvn -q test",
        "./gradlew test", "dotnet test", "make test", "make check", "ctest --test-dir build",
        "bundle exec rspec", "rake spec", "php vendor/bin/phpunit", "prove -l t", "mix test",
        "bats tests", "./run_tests.sh", "sh check.sh", "bash scripts/test.sh", "python test_a.py",
        "python manage.py test", "docker compose run --rm app pytest", "tox -e py311", "nox",
        "deno test", "bun test", "swift test", "timeout 60 pytest", "(pytest -q)", "perl t/a.t",
    ],
    "lint": [
        "ruff check .", "flake8", "eslint src", "npx eslint .", "npm run lint", "cargo clippy",
        "cargo fmt --check", "go vet ./...", "black --check .", "prettier --check .",
        "shellcheck a.sh", "golangci-lint run", "pre-commit run -a", "bash -n a.sh",
        "node --check a.js", "gofmt -l .",
    ],
    "types": ["mypy src", "npx tsc --noEmit", "pyright", "npm run typecheck", "python -m mypy ."],
    "build": [
        "make", "make -j4 all", "cmake --build build", "gcc -o a a.c", "cargo build", "go build .",
        "npm run build", "javac A.java", "mvn package", "docker build .", "python -m build",
        "python -m py_compile a.py", "pdflatex a.tex", "mkdocs build",
    ],
}  # fmt: skip
NO_CHECKS = [
    "echo pytest", "pip install pytest", "which pytest", "pytest --collect-only",
    "pytest --version", "grep -rn test .", "cat tests/test_a.py", "git commit -m test",
    "make clean", "make -n", "cargo fmt",
    "black .", "prettier --write .", "ruff check --fix .", "ruff format .", "cmake -S . -B build",
    "npm install", "npm run dev", "cargo run", "go run .", "python app.py", "ls tests",
    "cat > test.sh <<'E'\npytest\nE", "mkdir build", "cargo add serde", "python - <<'E'\nx\nE",
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "kind"), [(command, kind) for kind, some in CHECKS.items() for command in some]
)
def test_checks_of_many_ecosystems_are_recognised(command: str, kind: str) -> None:
    assert [check.kind for check in checks_in(command, 0, "")] == [kind]


@pytest.mark.parametrize("command", NO_CHECKS)
def test_other_commands_are_no_checks(command: str) -> None:
    assert checks_in(command, 0, "") == ()


def test_each_kind_of_check_is_found_by_the_quick_look() -> None:
    commands = [command for some in CHECKS.values() for command in some]
    assert [c for c in commands if kind_of(c) is None and not c.startswith("(")] == []


@pytest.mark.parametrize(
    ("command", "code", "output", "outcome"),
    [
        ("pytest", 0, "1 passed in 0.1s", "passed"),
        ("pytest", 1, "1 failed in 0.1s", "failed"),
        ("pytest", None, "", "unknown"),
        ("pytest | tail -3", 0, "", "unknown"),
        ("pytest | tail -3", 0, "2 failed, 1 passed in 0.1s", "failed"),
        ("pytest | tail -3", 0, "3 passed in 0.1s", "passed"),
        ("set -o pipefail; pytest | tail -3", 0, "", "passed"),
        ("bash -eo pipefail -c 'pytest | tee log'", 0, "", "passed"),
        ("pytest || true", 0, "", "unknown"),
        ("pytest || true", 0, "FAILED test_a.py::test_x", "failed"),
        ("pytest; echo done", 0, "", "unknown"),
        ("pytest && echo ok", 0, "", "passed"),
        ("pytest && echo ok", 1, "", "unknown"),
        ("cd src && pytest", 1, "", "failed"),
        ("false || pytest", 0, "", "unknown"),
        ("pytest &", 0, "", "unknown"),
        ("set -e\npytest\necho done", 0, "", "passed"),
        ("npm test 2>&1 | tail", 0, "# tests 2\n# pass 1\n# fail 1", "failed"),
        ("make | tee log", 0, "make: *** [all] Error 1", "failed"),
        ("python -m unittest", 0, "Ran 0 tests in 0.0s\n\nOK", "empty"),
        ("pytest", 0, "3 skipped in 0.01s", "empty"),
        ("go test ./...", 0, "?   \tx\t[no test files]", "empty"),
        ("go test ./...", 0, "?   \tx\t[no test files]\nok  \ty\t0.01s", "passed"),
        ("cargo test", 0, "running 0 tests\n\ntest result: ok.", "empty"),
    ],
)
def test_the_outcome_is_what_exit_code_and_output_show(
    command: str, code: int | None, output: str, outcome: str
) -> None:
    (check,) = checks_in(command, code, output)
    assert check.outcome == outcome


def test_each_check_of_a_line_has_its_own_outcome() -> None:
    checks = checks_in("pytest -q && ruff check . && mypy .", 1, "3 passed in 0.1s\nFound 1 error")
    assert [(c.kind, c.outcome) for c in checks] == [
        ("test", "passed"),
        ("lint", "unknown"),
        ("types", "failed"),
    ]


# ---------------------------------------------------------------- changes of tests


def patch(path: str, lines: str, *, status: str = "modified") -> bytes:
    mode = {"added": "new file mode 100644\n", "deleted": "deleted file mode 100644\n"}
    head = f"diff --git a/{path} b/{path}\n{mode.get(status, '')}--- a/{path}\n+++ b/{path}\n"
    return f"{head}@@ -1,9 +1,9 @@\n{lines}".encode()


TAMPERED = [
    ("test_a.py", "+@pytest.mark.skip\n def test_a():\n", "tests_skipped"),
    ("test_a.py", "+@pytest.mark.xfail(reason='x')\n def test_a():\n", "tests_skipped"),
    ("a.test.js", "-it('adds', () => {\n+it.skip('adds', () => {\n", "tests_skipped"),
    ("a.spec.ts", "-test('adds', () => {\n+xtest('adds', () => {\n", "tests_skipped"),
    ("a_test.go", " func TestA(t *testing.T) {\n+\tt.Skip()\n", "tests_skipped"),
    ("src/lib.rs", " #[test]\n+#[ignore]\n fn adds() {\n", "tests_skipped"),
    ("src/test/java/ATest.java", "+    @Disabled\n     @Test\n", "tests_skipped"),
    ("pyproject.toml", "-addopts = '-q'\n+addopts = '-q --deselect test_a.py'\n", "tests_skipped"),
    ("package.json", '+    "testPathIgnorePatterns": ["a"],\n', "tests_skipped"),
    ("test_a.py", "-def test_b():\n-    assert f(1) == 2\n-\n", "tests_deleted"),
    ("a_test.go", "-func TestB(t *testing.T) {\n-\tif f() { t.Fatal() }\n-}\n", "tests_deleted"),
    ("test_a.py", " def test_b():\n-    assert f(1) == 2\n+    pass\n", "tests_emptied"),
    ("a.test.js", "-  expect(f(1)).toBe(2);\n+  expect(true).toBe(true);\n", "tests_emptied"),
    ("src/lib.rs", "-    assert_eq!(f(1), 2);\n+    assert!(true);\n", "tests_emptied"),
    ("test_a.py", "-    assert f(1) == 2\n+    assert f(1) is not None\n", "tests_weakened"),
    ("test_a.py", "-    assert f(2) == 3\n     x = 1\n", "tests_weakened"),
    ("test_a.py", "-    assert f(1) == 2\n+    # assert f(1) == 2\n", "tests_weakened"),
    ("a.test.ts", "-  expect(x).toEqual(3);\n+  expect(x).toBeTruthy();\n", "tests_weakened"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "lines", "kind"), TAMPERED)
def test_what_is_done_to_tests_is_seen(path: str, lines: str, kind: str) -> None:
    assert [done.kind for done in tampering(files_of(patch(path, lines)))] == [kind]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("test_a.py", "+def test_b():\n+    assert f(1) == 2\n"),
        ("test_a.py", "-def test_b():\n+def test_bigger():\n     assert f(1) == 2\n"),
        ("test_a.py", "-    assert f(1) == 2\n+    assert f(1) == 3\n"),
        ("test_a.py", "-    assert f(1) == 2\n+    assert f(1) == 2, 'message'\n"),
        ("test_a.py", "-@pytest.mark.skip\n def test_a():\n"),
        ("test_a.py", "-import os\n+import sys\n"),
        ("a.py", "-    assert x > 0\n+    return\n"),
        ("a.py", "+    if skip: pass\n"),
        ("package.json", '-  "version": "1"\n+  "version": "2"\n'),
        ("src/lib.rs", "-    x + 1\n+    x + 2\n"),
    ],
)
def test_honest_changes_are_no_tampering(path: str, lines: str) -> None:
    assert tampering(files_of(patch(path, lines))) == []


def test_a_deleted_file_of_tests_is_seen_unless_its_tests_are_elsewhere() -> None:
    lines = "def test_b():\n    assert f(1) == 2\n"
    gone = patch("test_a.py", "".join(f"-{x}\n" for x in lines.splitlines()), status="deleted")
    moved = patch("test_b.py", "".join(f"+{x}\n" for x in lines.splitlines()), status="added")
    assert [done.kind for done in tampering(files_of(gone))] == ["tests_deleted"]
    assert tampering(files_of(gone + moved)) == []


def test_a_new_test_may_be_skipped_somewhere() -> None:
    lines = "+@pytest.mark.skipif(WINDOWS)\n+def test_a():\n+    assert f()\n"
    assert tampering(files_of(patch("test_a.py", lines, status="added"))) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("test_a.py", True), ("tests/a.py", True), ("src/a_test.go", True), ("a.spec.ts", True),
        ("src/test/java/ATest.java", True), ("spec/a_spec.rb", True), ("t/a.t", True),
        ("__tests__/a.js", True), ("contest.py", False), ("latest.py", False), ("a.py", False),
        ("attest/main.go", False), ("testimonials.html", False),
    ],
)  # fmt: skip
def test_files_of_tests_are_known_by_their_names(path: str, expected: bool) -> None:  # noqa: FBT001
    assert is_test_file(path) is expected


# ---------------------------------------------------------------- whole runs


def kinds(proof: Proof) -> list[str]:
    return [finding.kind for finding in proof.findings]


def test_a_check_counts_only_after_the_last_change() -> None:
    before = Story().ran("pytest").wrote("a.py").proof(changed=["a.py"])
    after = Story().wrote("a.py").ran("pytest").proof(changed=["a.py"])
    assert (before.grade, kinds(before)) == ("unchecked", ["check_outdated"])
    assert (after.grade, kinds(after)) == ("checked", ["check_passed"])


@pytest.mark.parametrize(
    "later",
    [
        "sed -i s/a/b/ a.py", "echo x >> a.py", "git checkout main -- a.py", "git stash pop",
        "mv b.py a.py", "python - <<'E'\nopen('a.py', 'w').write('x')\nE", "patch -p1 < x.diff",
    ],
)  # fmt: skip
def test_a_command_that_changes_files_makes_a_check_old(later: str) -> None:
    assert Story().ran("pytest").ran(later).proof(changed=["a.py"]).grade == "unchecked"


@pytest.mark.parametrize(
    "later",
    [
        "cat a.py", "git diff", "git add -A && git commit -m x", "python a.py", "echo ok",
        "ruff format .", "rm -rf /tmp/x", "echo x > /tmp/log", "pytest --version", "git status",
        "grep -n x a.py > /dev/null", "ls > list.txt && rm list.txt",
    ],
)  # fmt: skip
def test_what_changes_nothing_leaves_a_check_valid(later: str) -> None:
    assert Story().wrote("a.py").ran("pytest").ran(later).proof(changed=["a.py"]).grade == "checked"


def test_prose_after_a_check_does_not_matter_unless_prose_is_all_there_is() -> None:
    code = (
        Story().wrote("a.py").ran("pytest").wrote("README.md").proof(changed=["a.py", "README.md"])
    )
    prose = Story().ran("vale README.md").wrote("README.md").proof(changed=["README.md"])
    assert (code.grade, prose.grade) == ("checked", "unchecked")


def test_a_check_that_began_before_a_change_ended_after_it_counts_as_before() -> None:
    story = Story()
    story.also(CommandStarted(command="pytest")).wrote("a.py")
    story.also(CommandRan(command="pytest", exit_code=0))
    assert story.proof(changed=["a.py"]).grade == "unchecked"


def test_a_failed_check_of_one_kind_is_not_made_up_for_by_another_kind() -> None:
    proof = Story().wrote("a.py").ran("pytest", 1).ran("ruff check .").proof(changed=["a.py"])
    assert proof.grade == "unchecked"
    assert kinds(proof)[:2] == ["check_failed", "check_passed"]


def test_a_check_from_outside_is_worth_more_and_less_if_its_script_was_changed() -> None:
    assert Story().wrote("a.py").proof(changed=["a.py"], verify=("pytest", 0)).grade == "proven"
    edited = Story().wrote("check.sh").proof(changed=["check.sh"], verify=("sh check.sh", 0))
    assert (edited.grade, kinds(edited)) == ("checked", ["check_passed", "check_edited"])
    assert Story().proof(verify=("pytest", 1)).grade == "unchecked"


def test_tests_that_were_made_easier_prove_nothing_unless_the_task_asked_for_that() -> None:
    deleted = patch("test_a.py", "-def test_b():\n-    assert f() == 1\n")
    for task, grade in [
        ("Fix f.", "unchecked"),
        ("Make the tests pass.", "unchecked"),
        ("Remove the tests of the legacy module.", "proven"),
        ("Delete the module, but don't delete any tests.", "unchecked"),
    ]:
        story = Story(task).wrote("test_a.py")
        proof = story.proof(changed=["test_a.py"], verify=("pytest", 0), difference=deleted)
        assert (proof.grade, "tests_deleted" in kinds(proof)) == (grade, True), task


def test_expectations_that_were_changed_after_a_failure_are_seen() -> None:
    change = patch("test_a.py", "-    assert f() == 1\n+    assert f() == 2\n")
    story = Story().ran("pytest", 1).wrote("test_a.py").ran("pytest")
    alone = story.proof(changed=["test_a.py"], difference=change)
    story = Story().ran("pytest", 1).wrote("test_a.py").wrote("a.py").ran("pytest")
    both = story.proof(changed=["test_a.py", "a.py"], difference=change)
    story = Story().wrote("test_a.py").wrote("a.py").ran("pytest")
    before = story.proof(changed=["test_a.py", "a.py"], difference=change)
    assert ("tests_weakened" in kinds(alone), alone.grade) == (True, "unchecked")
    assert ("check_edited" in kinds(both), both.grade) == (True, "unchecked")
    assert (kinds(before), before.grade) == (["check_passed"], "checked")


def test_failures_that_nothing_repaired_are_listed_once() -> None:
    story = Story().ran("python a.py", 1).ran("python a.py", 1).ran("node b.js", 1).ran("node b.js")
    proof = story.ran("grep x a.py", 1).ran("diff a b", 1).proof()
    assert [f.text for f in proof.findings if f.kind == "failure_left"] == [
        "`python a.py` failed and was not repaired"
    ]


def test_a_repetition_without_a_change_is_blind() -> None:
    blind = Story().ran("sh x.sh", 1).ran("cat log").ran("sh x.sh").proof()
    repaired = Story().ran("sh x.sh", 1).wrote("x.sh").ran("sh x.sh").proof(changed=["x.sh"])
    assert "blind_retry" in kinds(blind)
    assert "blind_retry" not in kinds(repaired)


FALSE = [
    ("I created `a.py`.", Story()),
    ("I ran `pytest` and all tests pass.", Story().ran("cat a.py")),
    ("All tests pass.", Story().ran("pytest", 1)),
    ("`npm run build` succeeds.", Story().ran("npm run build", 2)),
    ("`python a.py` runs without errors.", Story().ran("python a.py", 1)),
    ("Everything passes.", Story().ran("mypy .", 1)),
]  # fmt: skip


@pytest.mark.parametrize(("said", "story"), FALSE, ids=[said for said, _ in FALSE])
def test_a_claim_against_the_ledger_is_contradicted(said: str, story: Story) -> None:
    assert story.proof(said, changed=["other.py"]).grade == "contradicted"


OPEN = [
    # the file may have been written where nothing is measured
    ("I created `a.py`.", Story().ran("cd /tmp && touch a.py")),
    ("I created `a.py`.", Story().ran("touch a.py; python a.py; rm a.py")),
    ("I created `/tmp/a.py`.", Story()),
    ("I created `node_modules/a.js`.", Story()),
    ("I created `a.py`.", Story().also(ToolCalled(tool="write", arguments={"path": "x/a.py"}))),
    ("I created `a.py`.", Story().also(Warned(message="not all files are recorded: a.py"))),
    ("I deleted `a.log`.", Story().ran("rm *.log")),
    ("I created `src/*.py`.", Story()),
    # something else may have run the tests
    ("All tests pass.", Story().ran("python run.py")),
    ("All tests pass.", Story().ran("./ci.sh")),
    ("I ran `ruff check`, and it passes.", Story().ran("make lint")),
    ("I ran `pytest`.", Story().ran("python run_tests.py", 0, "3 passed in 0.1s pytest")),
    # the exit code does not show it
    ("All tests pass.", Story().ran("pytest | tail -1")),
    ("All tests pass.", Story().ran("pytest", None)),
    # a wider or later check passed
    ("All tests pass.", Story().ran("pytest", 1).ran("python -m pytest")),
    ("`pytest -q` passes.", Story().ran("pytest -q", 1).ran("npm test")),
    ("All existing tests pass.", Story().ran("pytest").ran("pytest test_new.py", 1)),
    # a failure is reported
    ("All tests pass. `mypy` fails.", Story().ran("pytest", 1)),
    # it was meant to fail, or was stopped
    ("`python a.py --bad` works: it is rejected.", Story().ran("python a.py --bad", 2)),
    ("`node server.js` runs without errors.", Story().ran("node server.js", 124)),
    ("`grep -r foo .` shows no issues.", Story().ran("grep -r foo .", 1)),
    ("`python a.py` works.", Story().ran("python a.py").ran("python a.py --x", 1)),
]  # fmt: skip


@pytest.mark.parametrize(("said", "story"), OPEN, ids=range(len(OPEN)))
def test_what_the_ledger_cannot_tell_is_never_contradicted(said: str, story: Story) -> None:
    assert story.proof(said, changed=["other.py"]).grade != "contradicted"


def test_files_agree_by_the_end_of_their_paths_and_by_their_old_names() -> None:
    moved = Change("src/new.py", "renamed", old_path="src/old.py")
    said = "Renamed `old.py` to `new.py`. Updated `src/pkg/a.py` and README. Deleted `old.py`."
    proof = Story().proof(said, changed=[moved, "pkg/a.py", "README.md"])
    assert (proof.grade, kinds(proof)) == ("unchecked", ["check_missing", "claims_confirmed"])


def test_ignored_files_are_measured_too() -> None:
    said = "I created `out.log`."
    named = IgnoredFiles(count=1, added=("out.log",))
    others = IgnoredFiles(count=1, added=("x.log",))
    more = IgnoredFiles(count=2, added=("x.log",))
    grades = [Story().proof(said, ignored=ignored).grade for ignored in (named, others, more)]
    assert grades == ["unchecked", "contradicted", "unchecked"]


def test_without_a_measured_change_no_file_is_contradicted() -> None:
    story = Story().also(AgentSpoke(text="I created `a.py`."))
    assert assess_run(story.events, b"").grade == "unchecked"


def test_findings_are_one_short_line_each() -> None:
    said = f"All tests pass and {'x' * 5_000}.\n\nI created `{'y' * 3_000}.py`."
    story = Story().ran(f"pytest {'z' * 5_000}\npytest", 1)
    texts = [finding.text for finding in story.proof(said).findings]
    assert texts
    assert all(len(text) <= 300 and "\n" not in text for text in texts)


def test_a_check_within_a_loop_is_one_whose_outcome_is_not_known() -> None:
    (check,) = checks_in("for i in 1 2 3; do pytest -q || exit 1; done", 0, "")
    assert (check.kind, check.outcome) == ("test", "unknown")
