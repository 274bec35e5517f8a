"""Scripts made of runs that did the same: agreement, binding, and hostile values."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from crossrun.model.workflows import Act, Occurrence, PatternFile, Trace
from crossrun.patterns.compiling.agreement import CompiledPatternFacts, compiled
from crossrun.patterns.compiling.binding import Unbound, bind, unfit
from crossrun.patterns.compiling.lexing import HereDocument, lexed
from crossrun.patterns.compiling.script import script_text
from crossrun.patterns.compiling.values import Compiled, NotCompiled, TeachingRun

FACTS = CompiledPatternFacts(pattern_id="p1", version=2, summary="Convert a file to JSON")
PROGRAM = """cat > convert.py <<'EOF'
import csv, json
rows = list(csv.DictReader(open("{csv}")))
json.dump(rows, open("{json}", "w"))
EOF
python3 convert.py"""
INPUTS = [
    ("sales", "Q1 report", "5"),
    ("orders", "All orders", "7"),
    ("stock", "In stock", "9"),
]


def act(command: str, *, code: int = 0, intent: str = "run") -> Act:
    is_file = command.startswith("write ")
    return Act(
        intent="edit" if is_file else intent,
        target="",
        command=command,
        occurrences=(Occurrence("r", 1, code),),
    )


def teaching(
    number: int,
    task: str,
    commands: Sequence[str | Act],
    *,
    check: str = "true",
    files: Sequence[PatternFile] = (),
) -> TeachingRun:
    acts = tuple(act(did) if isinstance(did, str) else did for did in commands)
    return TeachingRun(
        trace=Trace(run_id=f"r{number}", task=task, acts=acts, files=tuple(files)),
        check=check,
    )


def conversions(
    *commands: str, task: str = 'Convert {csv}, title "{title}", {n} lines'
) -> Compiled:
    """Three runs on different inputs, compiled."""
    result = compiled(FACTS, three(*commands, task=task), {})
    assert isinstance(result, Compiled), result
    return result


def three(
    *commands: str, task: str = 'Convert {csv}, title "{title}", {n} lines'
) -> list[TeachingRun]:
    return [
        teaching(number, filled(task, values), [filled(command, values) for command in commands])
        for number, values in enumerate(INPUTS)
    ]


def filled(text: str, values: tuple[str, str, str]) -> str:
    stem, title, count = values
    for name, value in (
        ("csv", f"{stem}.csv"), ("json", f"{stem}.json"), ("stem", stem), ("title", title),
        ("n", count),
    ):  # fmt: skip
        text = text.replace(f"{{{name}}}", value)
    return text


def refusal(*commands: str) -> NotCompiled:
    result = compiled(FACTS, three(*commands), {})
    assert isinstance(result, NotCompiled)
    return result


def run_script(
    script: Compiled, folder: Path, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    file = folder.parent / "script.sh"
    file.write_text(script_text(script))
    return subprocess.run(
        ["/bin/sh", str(file), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_a_lexed_command_is_whole() -> None:
    command = "cd a && cat > b <<'E' | wc\n$x `y`\nE\nls \"$(cat 'c d')\"/*.md # look"
    texts = [
        f"{token.body}{token.delimiter}" if isinstance(token, HereDocument) else token.source
        for token in lexed(command)
    ]
    assert "".join(texts) == command


@pytest.mark.process
def test_a_script_does_what_the_runs_did_with_new_values(workspace: Path) -> None:
    script = conversions(PROGRAM, "mkdir -p out && echo '# {title}' | head -n {n} > out/{stem}.md")
    (workspace / "new items.csv").write_text("a,b\n1,2\n")
    title = 'It\'s `new`; $(touch pwned) "x"'
    done = run_script(
        script, workspace, "--csv_file=new items.csv", "--title", title, "--number", "3"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (workspace / "new items.json").read_text() == '[{"a": "1", "b": "2"}]'
    assert (workspace / "out/new items.md").read_text() == f"# {title}\n"
    assert not (workspace / "pwned").exists()


@pytest.mark.process
@pytest.mark.parametrize(
    "value",
    ["-rf.csv", "/etc/x.csv", "../x.csv", "a\nb.csv", 'a"+str(1)+".csv', "", "a\\.csv"],
)
def test_a_script_refuses_values_that_would_not_stay_values(workspace: Path, value: str) -> None:
    script = conversions(PROGRAM)
    done = run_script(script, workspace, "--csv_file", value)
    assert done.returncode == 2
    assert done.stderr.startswith("--csv_file ")
    assert list(workspace.iterdir()) == []


@pytest.mark.process
def test_a_failed_step_or_check_ends_the_script(workspace: Path) -> None:
    script = conversions("test -f {csv}", "touch after-{csv}")
    assert run_script(script, workspace, "--csv_file", "a.csv").returncode == 1
    assert list(workspace.iterdir()) == []


def test_fewer_than_three_runs_are_not_compiled() -> None:
    result = compiled(FACTS, three(PROGRAM)[:2], {})
    assert isinstance(result, NotCompiled)
    assert "3 have to agree" in result.reason


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        (["python3 convert.py --mode {n}x{title}q {csv} && curl example.org"], "network"),
        (["sh -c 'cp {csv} b'"], "another shell"),
        (["python3 -c 'print({stem})'"], "outside of quotes"),
        (["{stem} {csv}"], "1 of its 3 runs took the same steps"),
        (["cp {csv} x --password \u2026"], "removed"),
    ],
)
def test_what_cannot_be_compiled_says_why(commands: list[str], reason: str) -> None:
    assert reason in refusal(*commands).reason


def test_runs_without_a_check_are_not_compiled() -> None:
    runs = [teaching(n, filled("Do {csv}", v), ["true"], check="") for n, v in enumerate(INPUTS)]
    result = compiled(FACTS, runs, {})
    assert isinstance(result, NotCompiled)
    assert "check" in result.reason


def test_runs_that_did_different_things_are_not_compiled() -> None:
    runs = [
        teaching(0, "Do a.csv", ["cp a.csv b.csv"]),
        teaching(1, "Do b.csv", ["mv b.csv c.csv", "ls > x"]),
        teaching(2, "Do c.csv", ["cat c.csv > d.csv"]),
    ]
    result = compiled(FACTS, runs, {})
    assert isinstance(result, NotCompiled)
    assert "1 of its 3 runs took the same steps" in result.reason


def test_an_edit_of_an_existing_file_is_not_compiled() -> None:
    runs = [teaching(n, filled("Do {csv}", v), ["write app.py"]) for n, v in enumerate(INPUTS)]
    result = compiled(FACTS, runs, {})
    assert isinstance(result, NotCompiled)
    assert "edit" in result.reason


@pytest.mark.process
def test_a_program_that_the_agent_wrote_comes_with_the_script(workspace: Path) -> None:
    file = PatternFile(path="tools/up.py", kind="program", sha256="a", size=1)
    runs = [
        teaching(
            n,
            filled("Upper-case {csv}", v),
            ["write tools/up.py", filled("python3 tools/up.py {csv}", v)],
            files=[file],
        )
        for n, v in enumerate(INPUTS)
    ]
    content = "import sys\nname = sys.argv[1]\nopen('$x', 'w').write(open(name).read().upper())\n"
    script = compiled(FACTS, runs, {"a": content.encode()})
    assert isinstance(script, Compiled)
    (workspace / "a.csv").write_text("b")
    assert run_script(script, workspace, "--csv_file", "a.csv").returncode == 0
    assert (workspace / "tools/up.py").read_text() == content
    assert (workspace / "$x").read_text() == "B"


def test_values_are_bound_as_they_stood_in_earlier_tasks() -> None:
    script = conversions("echo '{title}' | head -n {n} > {stem}.txt")
    task = 'Now convert new/prices.csv, title "Prices", 12 lines'
    values = bind(script, task, (), {}, strict=False)
    assert values == {"title": "Prices", "number": "12", "csv_file": "new/prices.csv"}


@pytest.mark.parametrize(
    ("task", "variable"),
    [
        ('Convert a.csv and b.csv, title "x", 1 lines', "csv_file"),
        ('Convert a.csv, title "x", 1 or 2 lines', "number"),
        ("Convert a.csv, 1 lines", "title"),
        ('Convert a.csv, title "x", 1 lines, see http://a.example', ""),
        ('Convert a.csv, title "x", 1 lines, but not sorted', ""),
    ],
)
def test_what_is_not_certain_is_not_bound(task: str, variable: str) -> None:
    script = conversions("echo '{title}' | head -n {n} > {csv}.txt")
    result = bind(script, task, (), {}, strict=False)
    assert isinstance(result, Unbound)
    assert result.variable == variable


@pytest.mark.parametrize(
    ("task", "values", "new", "value"),
    [
        ("Release version {} now", ("1.4.2", "2.0.1", "2.10.0"), "Release version 3.0.0", "3.0.0"),
        ("Deploy to the {} place", ("staging", "test", "demo"), "To the live place", "live"),
        ("Sum the column {} of it", ("price", "amount", "tax"), "Add up the column net", "net"),
        ("Scale it to {}px please", ("80", "120", "64"), "Scale it to 33px", "33"),
        ("Write a card for {}", ("Ann", "Bob Ray", "Cy"), "Write a card for Di Ann", "Di Ann"),
        ("Convert all prices to {}", ("EUR", "USD", "GBP"), "Prices, convert to CHF", "CHF"),
    ],
)  # fmt: skip
def test_values_without_a_form_of_their_own_are_told_by_what_stands_beside_them(
    task: str, values: tuple[str, str, str], new: str, value: str
) -> None:
    runs = [
        teaching(n, task.format(each), [f"echo '{each}' > out", "cat out > copy"])
        for n, each in enumerate(values)
    ]
    script = compiled(FACTS, runs, {})
    assert isinstance(script, Compiled), script
    result = bind(script, new, (), {}, strict=False)
    assert isinstance(result, dict), result
    assert list(result.values()) == [value]


def test_the_user_overrides_what_cannot_be_bound() -> None:
    script = conversions("cat {csv} > copy")
    task = "Convert a.csv and b.csv"
    assert bind(script, task, (), {"csv_file": "b.csv"}, strict=False) == {"csv_file": "b.csv"}
    assert isinstance(bind(script, task, (), {"other": "b.csv"}, strict=False), Unbound)


def test_without_the_users_word_only_words_of_earlier_tasks_are_taken() -> None:
    script = conversions("cat {csv} > copy", task="Convert the file {csv}")
    assert bind(script, "Please convert a.csv", (), {}, strict=True) == {"csv_file": "a.csv"}
    assert isinstance(bind(script, "Summarise a.csv", (), {}, strict=True), Unbound)
    assert bind(script, "Summarise a.csv", (), {}, strict=False) == {"csv_file": "a.csv"}


HOSTILE = [
    "; touch pwned #", "$(touch pwned)", "`touch pwned`", "'; touch pwned; '", '"; touch pwned; "',
    "\"); __import__('os').system('touch pwned') #", "'); __import__('os').system('touch pwned') #",
    "{__import__('os').system('touch pwned')}", '" system("touch pwned") "', "x/e;touch pwned;/",
    "'; .shell touch pwned", "CROSSRUN_END\ntouch pwned", "EOF\ntouch pwned", "> pwned", "../pwned",
]  # fmt: skip
PLACES = [
    "echo '# {title}' > 'a {title}.txt'",
    "cat > d.md <<'EOF'\n# {title}\n$x `y`\nEOF",
    "cat > c.py <<'EOF'\nx = \"{title}\"\nEOF\npython3 c.py",
    "python3 -c 'print(\"{title}\")'",
    "python3 - <<'EOF'\nprint(f'{title} {1+1}')\nEOF",
    "awk 'BEGIN {print \"{title}\"}' > o",
    "sed 's/a/{title}/' /dev/null > o",
    "sqlite3 x.db \"select '{title}'\" > o",
    "X='{title}' sh -c 'echo \"$X\"' > o",
    "test \"$(echo '{title}')\" = x || true > o",
]


@pytest.mark.process
@pytest.mark.parametrize("command", PLACES)
def test_a_hostile_value_is_refused_or_stays_a_value(workspace: Path, command: str) -> None:
    script = conversions(command, task='Do it with the title "{title}"')
    (title,) = script.arguments
    for value in HOSTILE:
        done = run_script(script, workspace, f"--{title.name}={value}")
        assert (done.returncode == 2) >= (unfit(value, title) is not None), value
        assert not list(workspace.parent.rglob("pwned")), value


def test_the_same_commands_agree_however_they_are_put_together() -> None:
    write = "cat > up.py <<'EOF'\nprint(1)\nEOF"
    copy = 'cp "$PATTERN_FILES/up.py" up.py && chmod u+w up.py'
    file = PatternFile(path="up.py", kind="program", sha256="a", size=1)
    runs = [
        teaching(0, "Do a.csv", [write, "python3 up.py a.csv > a.txt"]),
        teaching(1, "Do b.csv", [f"{write}\npython3 up.py b.csv > b.txt"]),
        teaching(2, "Do c.csv", [f"{copy} && ls && python3 up.py c.csv > c.txt"], files=[file]),
    ]
    script = compiled(FACTS, runs, {"a": b"print(1)\n"})
    assert isinstance(script, Compiled), script
    assert [step.shown for step in script.steps] == [
        "write up.py",
        "python3 up.py {csv_file} > {csv_file_stem}.txt",
    ]
