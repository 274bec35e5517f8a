"""What a pattern holds beside its commands: files, a check, facts, a transcript, neighbours."""

import time
from collections.abc import Iterator, Mapping, Sequence

import pytest

from crossrun.events import AgentSpoke, CommandRan, Event, FileChanged
from crossrun.model.workflows import Act, Check, Cure, Occurrence, Trace
from crossrun.patterns import Person
from crossrun.patterns.compiling.commands import needs_bash, structure
from crossrun.patterns.evaluation.uptake import uptake
from crossrun.patterns.formats.block import Layout, block_of
from crossrun.patterns.learning import workflow_of
from crossrun.patterns.learning.borrowing import borrowed, with_copies
from crossrun.patterns.learning.facts import (
    check_of,
    data_facts,
    form_of,
    is_general,
    missing_tools,
)
from crossrun.patterns.learning.features import code_words
from crossrun.patterns.learning.files import as_written, kept_files, with_files
from crossrun.patterns.learning.redaction import EchoGuard, Scrub
from crossrun.patterns.learning.traces import material_of
from crossrun.patterns.learning.transcripts import LARGEST, transcript_of
from crossrun.patterns.learning.variables import shared_values
from crossrun.patterns.retrieval.neighbours import not_for


def act(command: str, intent: str = "run", target: str = "", **more: object) -> Act:
    occurrences = (Occurrence("r1", 1, 0),)
    return Act(
        intent=intent,
        target=target,
        command=command,
        occurrences=occurrences,
        **more,  # type: ignore[arg-type]
    )


def wrote(path: str, **more: object) -> Act:
    return act(f"write {path}", "edit", path, **more)


def kept(
    acts: Sequence[Act], disk: Mapping[str, str], new: Sequence[str] | None = None
) -> list[str]:
    def read(path: str) -> tuple[str, bool] | None:
        return (disk[path], False) if path in disk else None

    return [each.file.path for each in kept_files(acts, read, new=new)]


def nothing(_path: str) -> None:
    """Reads a file of a workspace that is gone."""


def sequence(task: str, acts: Sequence[Act], disk: Mapping[str, str]) -> list[str]:
    """The script that an agent gets of a run."""

    def read(path: str) -> tuple[str, bool] | None:
        return (disk[path], False) if path in disk else None

    files = tuple(each.file for each in kept_files(acts, read))
    found = shared_values(task, [one.command for one in acts])
    trace = Trace(run_id="r1", task=task, acts=tuple(acts), files=files, found=found)
    return block_of("p", 1, workflow_of([trace]), folder="/r").sequence.split("\n")


# ------------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("path", "used"),
    [
        ("x.py", "python3 x.py a.csv"),
        ("tools/x.py", "python3 -m tools.x"),
        ("x.sh", "sh x.sh"),
        ("x.sh", "chmod +x x.sh && ./x.sh a"),
        ("x.awk", "awk -f x.awk a.csv > b.csv"),
        ("q.sql", "sqlite3 a.db < q.sql"),
        ("x.jq", "jq -f x.jq a.json"),
        ("x.toml", "tool --config x.toml"),
        ("style.json", "tool --config style.json"),
        ("page.md", "pandoc --template page.md a.md -o a.html"),
        ("env.sh", "source env.sh && make"),
        ("Makefile", "make -f Makefile all"),
    ],
)
def test_what_a_run_wrote_and_used_is_kept(path: str, used: str) -> None:
    assert kept([wrote(path), act(used)], {path: "text\n"}) == [path]


@pytest.mark.parametrize(
    ("path", "used"),
    [
        ("Makefile", "make lint"),
        ("Dockerfile", "docker build -t app ."),
        ("compose.yaml", "docker compose up -d"),
        ("infra/main.tf", "cd infra && terraform plan"),
        ("Cargo.toml", "cargo test"),
        ("tests/test_a.py", "python3 -B -m unittest discover"),
        ("conftest.py", "pytest -q"),
        ("test_a.py", "python3 -m unittest -v test_a"),
        ("requirements.txt", "pip install -r requirements.txt"),
    ],
)
def test_what_programs_read_without_being_given_it_is_kept(path: str, used: str) -> None:
    assert kept([wrote(path), act(used)], {path: "text\n"}) == [path]


@pytest.mark.parametrize(
    ("path", "later"),
    [
        ("report.md", "wc -l report.md"),
        ("Makefile", "cmake --version"),
        ("a.tf", "echo terraformed"),
        ("out.csv", "python3 check.py out.csv"),
        ("data.json", "python3 -m json.tool data.json"),
        ("x.py", "cat x.py"),
        ("x.py", "git add x.py && git commit -m x"),
        ("x.py", "echo done"),
        ("notes.txt", "python3 count.py notes.txt"),
        ("x.py", "rm x.py"),
    ],
)
def test_results_and_what_no_command_used_are_not_kept(path: str, later: str) -> None:
    assert kept([wrote(path), act(later)], {path: "text\n"}) == []


def test_what_a_kept_program_imports_or_opens_is_kept_with_it() -> None:
    disk = {
        "main.py": "import helper\nopen('card.html.tmpl')\nopen('a.csv')\n",
        "helper.py": "x = 1\n",
        "card.html.tmpl": "<b>$x</b>\n",
        "a.csv": "1\n",
        "other.py": "y = 2\n",
    }
    acts = [*map(wrote, disk), act("python3 main.py")]
    assert kept(acts, disk) == ["main.py", "helper.py", "card.html.tmpl"]


def test_modules_of_one_import_and_packages_are_kept_with_a_program() -> None:
    disk = {"main.py": "import json, helper, pkg\n", "helper.py": "", "pkg/__init__.py": "x = 1\n"}
    disk["helper.py"] = "y = 1\n"
    assert kept([*map(wrote, disk), act("python3 main.py")], disk) == list(disk)


def test_changes_of_files_that_were_there_are_not_kept() -> None:
    acts = [wrote("app.py", edited=True, why="the sign was wrong"), act("python3 app.py")]
    assert kept(acts, {"app.py": "x\n"}, new=[]) == []
    assert sequence("Fix it", acts, {})[0] == "# edit app.py: the sign was wrong"


def test_large_files_strange_names_and_many_files_are_not_kept() -> None:
    assert kept([wrote("x.py"), act("python3 x.py")], {"x.py": "x\n" * 500}) == []
    assert kept([wrote("x.py"), act("python3 x.py")], {"x.py": "x" * 50_000}) == []
    for path in ("../x.py", "/etc/x.py", '$(a)"x.py', "-x.py", "a/../x.py"):
        assert kept([wrote(path), act(f"python3 {path}")], {path: "x\n"}) == []
    many = {f"x{n}.py": "x\n" for n in range(20)}
    acts = [*map(wrote, many), *(act(f"python3 {path}") for path in many)]
    assert len(kept(acts, many)) == 6


HEREDOC = "mkdir -p tools && cat > tools/x.py <<'EOF'\nprint(1)\nEOF\npython3 tools/x.py a.csv"


def test_a_program_of_a_heredoc_is_copied_and_the_rest_of_the_command_stays() -> None:
    disk = {"tools/x.py": "print(2)\n"}
    assert sequence("x", [act(HEREDOC, "edit", "tools/x.py")], disk) == [
        'mkdir -p tools && cp "/r/tools/x.py" tools/x.py && chmod u+w tools/x.py',
        "python3 tools/x.py a.csv",
    ]
    gone = kept_files([act(HEREDOC)], nothing)
    assert [(each.file.path, each.content) for each in gone] == [("tools/x.py", "print(1)\n")]
    expanded = HEREDOC.replace("'EOF'", "EOF").replace("print(1)", "print($HOME)")
    assert kept_files([act(expanded)], nothing) == ()


def test_a_result_that_was_written_word_by_word_is_not_shown() -> None:
    report = "cat > report.md <<EOF\n# Total 4711\nEOF"
    wrote_it = act(report, "edit", "report.md", why="the totals")
    lines = sequence("x", [wrote_it, act("make")], {"report.md": "x"})
    assert lines == ["# write report.md: the totals", "make"]
    both = [act(f"{report}\nmake site")]
    assert sequence("x", both, {}) == ["# write report.md here", "make site"]


def test_a_small_configuration_that_the_shell_fills_in_stays() -> None:
    command = "PORT=80; cat > a.conf <<EOF\nlisten ${PORT}\nEOF\nsh check.sh"
    assert "\n".join(sequence("x", [act(command)], {"a.conf": "listen 80\n"})) == command


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("cd a && for f in *; do echo ${f#x}; done", "(cd a && for f in *; do echo ${f#x}; done)"),
        ("cd a && make # slow", "(\ncd a && make # slow\n)"),
        ("(cd a && make) && cd b && (make)", "((cd a && make) && cd b && (make))"),
        ("(cd a && (make))", "(cd a && (make))"),
    ],
)
def test_a_command_that_goes_elsewhere_has_a_shell_around_it(command: str, shown: str) -> None:
    assert "\n".join(sequence("x", [act(command)], {})) == shown


def test_names_in_braces_of_a_task_and_of_commands_are_no_variables() -> None:
    commands = ["sed 's/{file}/x/' a.csv > b.csv", "awk '{file}' a.csv"]
    task = "Fill {file} and ${number} in a.csv by 42"
    trace = Trace(
        run_id="r1",
        task=task,
        acts=tuple(map(act, commands)),
        found=shared_values(task, commands),
    )
    workflow = workflow_of([trace])
    assert list(workflow.variables) == ["file_2"]
    for form in ("procedure", "assignments"):
        block = block_of("p", 1, workflow, layout=Layout(form=form))
        assert "{file} and ${number}" in block.summary
        assert "'s/{file}/x/'" in block.sequence
        assert "'{file}'" in block.sequence


def test_names_of_files_with_blanks_are_whole_values() -> None:
    names = ["my sales", "it's", "plain"]
    traces = [
        Trace(run_id=name, task="Convert", acts=(act(f'tr , ; < "{name}.csv" > "{name}.tsv"'),))
        for name in names
    ]
    workflow = workflow_of(traces)
    assert workflow.steps[0].command == 'tr , ; < "{csv_file}" > "{tsv_file}"'
    csv = workflow.variables["csv_file"]
    assert {csv.example, *csv.values} == {"my sales.csv", "it's.csv", "plain.csv"}
    assert csv.type == "path"


def test_an_attempt_at_a_program_and_its_last_run_are_shown_once() -> None:
    wrote_it = "cat > x.py <<'EOF'\nprint(1)\nEOF"
    acts = [act(wrote_it), act(f"{wrote_it}\npython3 x.py a"), act("python3 x.py a")]
    assert sequence("x", acts, {"x.py": "print(1)\n"}) == [
        'cp "/r/x.py" x.py && chmod u+w x.py',
        "python3 x.py a",
    ]


def test_long_code_in_a_command_is_a_file_that_the_command_reads() -> None:
    code = "".join(f"print({n})\n" for n in range(100))
    (line,) = sequence("x", [act(f"python3 - a.csv <<'PY' > b.csv\n{code}PY")], {})
    assert line == 'python3 - a.csv < "/r/run-1.py" > b.csv'
    long = " && ".join(f"convert {n}.png {n}.jpg" for n in range(40))
    assert sequence("x", [act(long)], {}) == ['bash "/r/run-1.sh"']


def test_a_change_by_hand_is_repeated_only_if_the_task_asks_for_it() -> None:
    fix = act("sed -i 's/a - b/a + b/' calc.py", "edit", "calc.py", why="the sign was wrong")
    lines = sequence("Fix the sum", [fix, act("make")], {})
    assert lines == ["# edit calc.py: the sign was wrong", "make"]
    rename = act("sed -i 's/colour/color/' *.md", "edit", "*.md")
    assert sequence("Replace colour by color", [rename], {}) == [rename.command]
    for task, command in (
        ("Replace $10 by $12", "sed -i 's/\\$10/$12/' menu.txt"),
        ("Comment out line 3 of a.conf", "sed -i '3s/^/# /' a.conf"),
        ("Apply fix.patch", "patch -p1 < fix.patch"),
    ):
        assert sequence(task, [act(command, "edit")], {}) == [command]
    silent = act("sed -i 's/a/b/' x.c", "edit", "x.c")
    lines = sequence("Make it pass", [silent, act("make")], {})
    assert lines == ["# edit x.c: sed -i 's/a/b/' x.c", "make"]


@pytest.mark.parametrize(
    ("task", "command", "values"),
    [
        ("Move logs to archive/", "mkdir -p archive && mv logs/*.log archive/", {"archive"}),
        ("Count the files", "wc -l 'big files.csv' > n.txt", set()),
        ("Count 'big files.csv'", "wc -l 'big files.csv'", {"big files.csv"}),
    ],
)
def test_values_are_whole_names_without_a_slash_behind_them(
    task: str, command: str, values: set[str]
) -> None:
    assert {finding.value for finding in shared_values(task, [command])} == values


@pytest.mark.parametrize("sign", ["<<A\n", "cat > a <<A\n", "'", "<<", "s/a/b/", ".replace("])
def test_no_command_takes_long(sign: str) -> None:
    began = time.process_time()
    command = sign * 20_000
    assert kept_files([act(command)], nothing) is not None
    assert with_files(command, ()) is not None
    sequence("x", [act(command)], {})
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "sign", [" ", "\n", "-", "/", "_", "0", "//\n", "a ", '\\"', "$PATTERN_FILES "]
)
def test_no_run_takes_long_to_learn(sign: str) -> None:
    """Blanks and signs in a row, as agents' programs print them, are read once, not once each."""
    text = (sign * 39_000)[:39_000]
    began = time.process_time()
    ran = CommandRan(command=f"python3 a.py {text} x.csv", exit_code=0, output=text)
    scrub, guard = Scrub(Person("/home/ann", "ann"), "/work"), EchoGuard([], [])
    material = material_of("r", [(1, ran)], task="Do it", scrub=scrub, guard=guard)
    acts = with_copies(material.acts, ["a.py"])
    files = kept_files(acts, lambda _: (text[:9_000], False))
    trace = Trace(
        run_id="r", task="Do it", acts=acts, verified=True, found=(),
        files=tuple(kept.file for kept in files), whole_commands=True,
    )  # fmt: skip
    block_of("p", 1, workflow_of([trace, trace], []), layout=Layout(), folder="/f")
    code_words(text)
    for done in acts:
        structure(done.command)
        needs_bash(done.command)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ('cp "$PATTERN_FILES/a.py" a.py', "write a.py"),
        ('mkdir -p t && cp "$PATTERN_FILES/t/a.py" t/a.py && chmod u+w t/a.py', "write t/a.py"),
        ("cp $PATTERN_FILES/a.py ./b.py", "write b.py"),
        ('cp "$PATTERN_FILES/a.py" a.py && make', None),
        ("cp a.py b.py", None),
    ],
)
def test_a_copy_out_of_the_folder_counts_as_written(command: str, written: str | None) -> None:
    assert as_written(command) == (written or command)


# ------------------------------------------------------------------ facts and checks


@pytest.mark.parametrize(
    ("path", "head", "form"),
    [
        ("a.csv", b"id;date;amount\n1;03.04.2025;1.204,50\n",
         "delimiter `;`, header id;date;amount, decimal comma, dates DD.MM.YYYY"),
        ("a.csv", b"id,when\r\n1,2025-01-02\r\n",
         "delimiter `,`, header id,when, dates YYYY-MM-DD, lines end with CR LF"),
        ("a.csv", "Konto;x\nStand: heute\n\nid;name;ort\n1;Jürgen;Köln\n2;b;c\n".encode("latin-1"),
         "not UTF-8, perhaps Latin-1, delimiter `;`, header id;name;ort, 2 lines before that"),
        ("a.tsv", b"1\t2\n3\t4\n", "delimiter tab, no header line"),
        ("a.json", b'[{"id": 1, "name": "x"}]', "JSON list of object with keys id, name"),
        ("a.json", b'{"total": 3}', "JSON object with keys total"),
        ("a.json", b'[{"id": 1, "na', "JSON list with keys id"),
        ("a.jsonl", b'{"id": 1}\n{"id": 2}\n', "JSON object with keys id, a line each"),
        ("a.xml", b"<menu><item/></menu>", "elements menu, item"),
        ("a.csv", b"\xef\xbb\xbfid,x\n", "UTF-8 with a BOM, delimiter `,`, header id,x"),
        ("a.csv", b"plain\n", ""),
        ("a.json", b"\x00\xff", "not UTF-8, perhaps Latin-1"),
        ("week.txt", b"mon;8;x\ntue;7;y\nwed;6;z\n", "delimiter `;`, no header line"),
        ("notes.txt", b"Bring eggs, milk.\nCall Ann\nand, if, so, Bob\n", ""),
    ],
)  # fmt: skip
def test_of_data_the_form_is_told_and_no_value(path: str, head: bytes, form: str) -> None:
    assert form_of(path, head) == form


def test_facts_are_about_files_that_commands_name() -> None:
    acts = [act("python3 x.py data/a.csv b.json"), act("cat c.csv", "read", "c.csv")]
    heads = {"data/a.csv": b"id;x\n", "b.json": b'{"id": 1}', "d.csv": b"q;r\n"}
    assert data_facts(acts, heads.get) == (
        "data/a.csv: delimiter `;`, header id;x",
        "b.json: JSON object with keys id",
    )


def ran(command: str, exit_code: int = 0, output: str = "") -> CommandRan:
    return CommandRan(command=command, exit_code=exit_code, output=output)


def test_what_is_not_installed_is_a_fact_unless_it_was_there_after_all() -> None:
    commands = [
        ran("jq . a.json", 127, "bash: jq: command not found"),
        ran("yq . a.yml", 127, "sh: 1: yq: not found"),
        ran("yq . a.yml"),
        ran("python3 x.py", 1, "ModuleNotFoundError: No module named 'pandas'"),
        ran("python3 x.py", 1, "ModuleNotFoundError: No module named 'menu'"),
    ]
    cure = Cure(failed="x", error="No module named 'menu'", cured_by="PYTHONPATH=src python3 x.py")
    assert missing_tools(commands, cures=[cure]) == (
        "`jq` is not installed",
        "the Python module `pandas` is not installed",
    )


def test_a_check_says_when_it_is_right_without_values_of_the_run() -> None:
    assert check_of("make check", "....\nOK\n") == Check(
        command="make check", done='exit 0, "OK" last'
    )
    assert check_of("pytest", "5 passed in 0.03s") == Check(command="pytest", done="exit 0")
    assert is_general("python3 -m pytest -q")
    assert is_general("make check")
    assert not is_general("grep -q hinges,12 stock.csv")
    assert not is_general("python3 /home/anna/check.py stock teaching")


# ------------------------------------------------------------------ transcript


def events() -> Iterator[Event]:
    yield AgentSpoke(text="I look first.")
    yield CommandRan(command="bash -lc 'cat a'", exit_code=1, output="a\n" * 50 + "no such file\n")
    yield FileChanged(path="src/app.py", change="modified")


PATCH = """diff --git a/src/app.py b/src/app.py
--- a/src/app.py
+++ b/src/app.py
@@ -1 +1 @@
-a - b
+a + b
diff --git a/out.csv b/out.csv
--- a/out.csv
+++ b/out.csv
@@ -1 +1 @@
-1
+4711
diff --git a/new.py b/new.py
new file mode 100644
--- /dev/null
+++ b/new.py
@@ -0,0 +1 @@
+secret
"""


def test_a_transcript_has_commands_their_end_and_changes_of_sources() -> None:
    text = transcript_of("Fix\nit", events(), PATCH, lambda text: text)
    assert text.startswith("# An earlier run\n\nTask: Fix it\n")
    assert "    $ cat a\n(exit 1)\n" in text
    assert text.count("    | a\n") == 5
    assert "    | no such file\n" in text
    assert "(modified: src/app.py)" in text
    assert "    +a + b" in text
    assert "4711" not in text
    assert "secret" not in text


def test_a_transcript_is_bounded() -> None:
    many = (ran(f"echo {n}", output="x" * 5_000) for n in range(5_000))
    text = transcript_of("x" * 100_000, many, PATCH * 500, lambda text: text)
    assert len(text.encode()) <= LARGEST
    assert "left out" in text


# ------------------------------------------------------------------ neighbours and uptake


def test_the_nearest_other_jobs_say_what_a_pattern_is_not_for() -> None:
    near = [
        "Plot a histogram of hours.csv",
        "Convert the hours.csv table to JSON",
        "Translate the pages into German",
        "Pivot hours.csv by person",
    ]
    assert not_for("Convert hours.csv to JSON", near) == (
        '"Plot a histogram of hours.csv"; "Pivot hours.csv by person"'
    )
    assert not_for("Write a limerick", near) == ""
    assert not_for("Convert hours.csv to JSON", []) == ""


def test_uptake_is_what_commands_name() -> None:
    paths = ["a.py", "t/b.py", "transcript.md", "c.py"]
    commands = [
        "cp /r/ef/a.py a.py",
        "cd /r/ef && cat transcript.md",
        "python3 c.py",
        "cat xt/b.py",
    ]
    assert uptake("/r/ef", paths, commands) == ("a.py", "transcript.md")
    assert uptake("/r/ef", ["a.py", "b.py"], ["cp -r /r/ef/. . && ls"]) == ("a.py", "b.py")


@pytest.mark.parametrize(
    ("command", "paths", "rest"),
    [
        ('cp "$PATTERN_FILES/a.py" . && python3 a.py x.csv', ("a.py",), "python3 a.py x.csv"),
        ("cp -r $PATTERN_FILES/. . && ls", ("a.py", "lib/b.py"), ""),
        ("cp -r $PATTERN_FILES .", ("a.py", "lib/b.py"), ""),
        ("cp $PATTERN_FILES/*.py tools/", ("tools/a.py", "tools/b.py"), ""),
        ('cp "$PATTERN_FILES/a.py" "$PATTERN_FILES/lib/b.py" .', ("a.py", "b.py"), ""),
        ("python3 $PATTERN_FILES/a.py x.csv", ("a.py",), "python3 a.py x.csv"),
        (
            'cd x && python3 "$PATTERN_FILES/a.py" "y z"',
            ("x/a.py",),
            'cd x && python3 "a.py" "y z"',
        ),
        ('python3 "$PATTERN_FILES"/lib/b.py', ("lib/b.py",), "python3 lib/b.py"),
        (
            'R="$PATTERN_FILES"; cp $R/a.py tool.py; python3 tool.py',
            ("tool.py",),
            "python3 tool.py",
        ),
        ("cat $PATTERN_FILES/a.py > b.py && sh run.sh", ("b.py",), "sh run.sh"),
        ("cat $PATTERN_FILES/PATTERN.md | head -5", (), ""),
        ("cp $PATTERN_FILES/PATTERN.md . && make", (), "make"),
        ("cat $PATTERN_FILES/a.py && make", (), "make"),
        ("make && ls", (), "make && ls"),
    ],
)
def test_what_was_taken_out_of_the_folder_is_told_apart_from_the_work(
    command: str, paths: tuple[str, ...], rest: str
) -> None:
    assert borrowed(command, ["a.py", "lib/b.py"]) == (paths, rest)


def test_a_folder_that_an_earlier_turn_got_is_not_learned() -> None:
    folder = "/var/lib/x/state/references/0123456789abcdef01234567"
    command = f'cp "{folder}/a.py" . && ls {folder}-old'
    assert Scrub(Person(), "/w")(command) == f'cp "$PATTERN_FILES/a.py" . && ls {folder}-old'


def test_of_a_large_folder_that_was_copied_whole_only_named_files_count() -> None:
    files = [f"part{number}.py" for number in range(20)]
    acts = [act("cp -r $PATTERN_FILES/. ."), act("python3 part7.py x")]
    assert [each.command for each in with_copies(acts, files)] == [
        "write part7.py",
        "python3 part7.py x",
    ]
