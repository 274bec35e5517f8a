"""What the last message of an agent claims, and what is no claim."""

import pytest

from crossrun.proof.claims import claims_of

NO_CLAIMS = [
    # plans, advice, instructions
    "I would create `a.py` and update `b.py`.",
    "You can run `pytest -q` to make sure that all tests pass.",
    "Next, I'll add `a.py`.",
    "Run tests to confirm everything still passes",
    "Run `pytest -q`; all tests should pass.",
    "Please make sure that the build succeeds.",
    "To finish, update `README.md` and check that `npm test` passes.",
    "Let me create `notes.md` first.",
    "If all tests pass, merge it.",
    "Once `make` succeeds, copy the binary.",
    "Do you want me to delete `old.py`?",
    "Should I mention that all tests pass?",
    "The plan is to have created `a.py` by then.",
    "We need `a.py` to be created before the tests pass.",
    "## Next steps\n- Created `a.py`\n- All tests pass",
    "### How to verify\n`pytest -q` passes when the server is up",
    # negations and doubts
    "I have not created `a.py`.",
    "Not all tests pass.",
    "The tests don't pass yet.",
    "I could not verify that all tests pass.",
    "I didn't delete `old.py`, since it is still used.",
    "Probably all tests pass now.",
    "I expect `make` to succeed.",
    "No tests pass.",
    "`npm test` never passes on this machine.",
    "Neither `make` nor `ninja` builds without errors.",
    # quotations and code
    "> All tests pass\n\nis what the README says.",
    'The README claims "all tests pass and `a.py` was created".',
    "```\nCreated a.py\n12 passed\n```",
    "~~~text\nAll tests pass\n~~~",
    "Here is a commit message:\n\nAdded `a.py`. All tests pass.",
    # others, other times
    "All tests passed before my change.",
    "The tests were passing on main.",
    "`a.py` was created in an earlier commit.",
    "`config.yaml` was already updated by the user.",
    "All tests pass except `test_x`.",
    "All tests pass once the server is started.",
    "All tests in `tests/test_a.py` pass.",
    "All tests related to parsing pass.",
    "The new test passes.",
    "The relevant tests pass.",
    # about something in a file
    "I updated the code to read `settings.toml`.",
    "Removed the unused `utils.py` import.",
    "Added a link to `docs/usage.md`.",
    "Added support for the format in `data.json`.",
    "I fixed the crash in `parser.c`.",
    "Deleted two lines from `a.py`.",
    "Updated the reference to `old.md`.",
    "Added a call to `run.sh`.",
    "The deleted `a.py` is restored from git by this.",
    "It reads `input.csv` and writes to `output.csv`.",
    # lists that are no reports
    "- [ ] `npm run test` succeeds.\n- [ ] All tests pass",
    "It contains these steps:\n1. All tests pass.\n2. `CHANGELOG.md` was updated.",
    # unchanged, but only in part
    "I did not change `a.py` otherwise.",
    "The rest of `a.py` is unchanged.",
    # other languages
    "Alle Tests sind grün, und `a.py` wurde angelegt.",
    "Todas las pruebas pasan. He creado `a.py`.",
    "所有测试都通过了。",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_CLAIMS)
def test_what_is_no_plain_statement_is_no_claim(text: str) -> None:
    assert claims_of(text).claims == ()


CLAIMS = [
    ("I created `a.py`.", {("changed", "a.py")}),
    ("Created a.py and b.py.", {("changed", "a.py"), ("changed", "b.py")}),
    ("I've added `a.py`, `b.py`, and `c/d.py`.",
     {("changed", "a.py"), ("changed", "b.py"), ("changed", "c/d.py")}),
    ("`README.md` has been updated.", {("changed", "README.md")}),
    ("Added a new section to `docs/usage.md`.", {("changed", "docs/usage.md")}),
    ("The results were written to `out.csv`.", {("changed", "out.csv")}),
    ("- **a.py** (new): the parser", {("changed", "a.py")}),
    ("tests/test_cli.py: added a test", {("changed", "tests/test_cli.py")}),
    ("## Files changed\n- `src/a.ts`: the type\n- `src/b.ts`",
     {("changed", "src/a.ts"), ("changed", "src/b.ts")}),
    ("Created the following files:\n\n1. `a.py` - the program\n2. `b.md` - how to use it",
     {("changed", "a.py"), ("changed", "b.md")}),
    ("Updated [calc.py](/work/repo/calc.py:12).", {("changed", "/work/repo/calc.py")}),
    ("Renamed `a.py` to `b.py`.", {("changed", "b.py")}),
    ("I deleted `old.py`.", {("deleted", "old.py")}),
    ("`old.py` was removed.", {("deleted", "old.py")}),
    ("I did not touch `a.py`.", {("unchanged", "a.py")}),
    ("`a.py` is unchanged.", {("unchanged", "a.py")}),
    ("I left `a.py` untouched.", {("unchanged", "a.py")}),
    ("No existing tests were modified.", {("unchanged", "tests")}),
    ("I made no changes.", {("unchanged", "*")}),
    ("All tests pass.", {("passed", "test")}),
    ("The full test suite is green.", {("passed", "test")}),
    ("34 tests passing", {("passed", "test")}),
    ("All changes are committed and the test suite is green.", {("passed", "test")}),
    ("Fixed the failing test; all 12 tests pass now.", {("passed", "test")}),
    ("`pytest -q` passes.", {("passed", "pytest -q")}),
    ("- [x] `npm run test` succeeds.", {("passed", "npm run test")}),
    ("- ✅ `cargo test`", {("passed", "cargo test")}),
    ("`make` completes without errors.", {("passed", "make")}),
    ("The build succeeds.", {("passed", "build")}),
    ("The crate compiles without warnings.", {("passed", "build")}),
    ("Linting is clean.", {("passed", "lint")}),
    ("mypy reports no errors.", {("passed", "tool:mypy")}),
    ("`test_cents` passes.", {("passed", "test:test_cents")}),
    ("I ran `ruff check .`.", {("ran", "ruff check .")}),
    ("I ran the full test suite.", {("ran", "test")}),
    ("I ran `npm test`, and it passed.", {("ran", "npm test"), ("passed", "npm test")}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "claims"), CLAIMS)
def test_plain_statements_are_claims(text: str, claims: set[tuple[str, str]]) -> None:
    assert {(claim.kind, claim.subject) for claim in claims_of(text).claims} == claims


@pytest.mark.parametrize(
    "text",
    [
        "`test_b` still fails.", "Two tests fail.", "All tests pass except `test_x`, which fails.",
        "The build is broken.", "`npm run lint` reports 3 errors.", "I could not run the tests.",
        "- ❌ `cargo clippy`", "The tests don't pass yet.", "1 failed, 2 passed",
    ],
)  # fmt: skip
def test_a_failure_of_a_check_is_reported(text: str) -> None:
    assert claims_of(text).reports_failure


@pytest.mark.parametrize(
    "text",
    [
        "All tests pass, no failures.", "1 passed, 0 failed", "Fixed the failing test.",
        "It failed before because of a typo.", "The function fails fast on bad input.",
        "The previously failing test passes.", "It returns an error if parsing fails.",
    ],
)  # fmt: skip
def test_what_failed_once_or_on_purpose_is_no_reported_failure(text: str) -> None:
    assert not claims_of(text).reports_failure


def test_what_is_not_understood_is_kept_as_it_was_said() -> None:
    claims = claims_of("Docs: `usage.md` and the tests of `a.py` updated accordingly. Bye.")
    assert claims.claims == ()
    assert claims.unclear == ("Docs: usage.md and the tests of a.py updated accordingly.",)


def test_a_message_of_any_length_and_with_any_signs_is_read() -> None:
    hostile = "`" * 5_000 + "\x1b[31m" + "\ue000\uf8ff" + "(" * 5_000 + "[a](" * 2_000
    assert claims_of(hostile).claims == ()
    assert claims_of("x " * 200_000 + "\n\nAll tests pass.").claims[0].subject == "test"
