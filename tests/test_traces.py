"""From events to what a run has to teach: whole commands, what they depend on, cures, reasons."""

import subprocess
import time

import pytest
from lessons import ANNA, WORKSPACE, Did, acts, events_of, trace
from msgspec.structs import replace

from crossrun.commandlines.intents import looks, programs, purpose, without_looks
from crossrun.commandlines.shell import parts, proves, stages
from crossrun.events import AgentReasoned, AgentSpoke, CommandRan, FileChanged, StepPlanned
from crossrun.model.workflows import Act, Check, Cure
from crossrun.patterns.learning.recoveries import error_line
from crossrun.patterns.learning.redaction import EchoGuard, Scrub
from crossrun.patterns.learning.titles import reason, summary
from crossrun.patterns.learning.traces import Material, material_of
from crossrun.patterns.learning.weights import is_trivial, weight_of
from crossrun.system.commandlines import bare_command


def learned(*did: Did, guard: EchoGuard | None = None) -> Material:
    return material_of(
        "r1",
        events_of(did),
        task="do it",
        scrub=Scrub(ANNA, WORKSPACE),
        guard=guard or EchoGuard([]),
    )


def commands(*did: Did) -> list[str]:
    return [act.command for act in acts(*did)]


def failed(command: str, output: str, code: int = 1) -> CommandRan:
    return CommandRan(command=command, exit_code=code, output=output)


# ------------------------------------------------------------------ command lines


@pytest.mark.parametrize(
    ("command", "texts"),
    [
        ("cd x && pytest -q; git add -A", ["cd x", "pytest -q", "git add -A"]),
        ("python3 - <<'PY'\na && b\nPY\npytest", ["python3 - <<'PY'\na && b\nPY", "pytest"]),
        ("cat <<A <<B > o\nx\nA\ny\nB\nnext", ["cat <<A <<B > o\nx\nA\ny\nB", "next"]),
        ("for f in *; do cat $f; done; ls", ["for f in *; do cat $f; done", "ls"]),
        ("case $x in a) b;; *) c;; esac; d", ["case $x in a) b;; *) c;; esac", "d"]),
        ("[[ -f a && -d b ]] && c", ["[[ -f a && -d b ]]", "c"]),
        ("f() { a; b; }; f", ["f() { a; b; }", "f"]),
        ("(cd x && y) | z; w &", ["(cd x && y) | z", "w"]),
        ('x "a $(dirname "$0"; ls)/b" && c', ['x "a $(dirname "$0"; ls)/b"', "c"]),
        ("a 2>&1 | tee log && b &> c", ["a 2>&1 | tee log", "b &> c"]),
        ("# why\n\nmake\n\n# then\ntest", ["make", "test"]),
        ("a \\\n --b c # why\nd", ["a \\\n --b c", "d"]),
        ('echo "not closed; ls', ['echo "not closed; ls']),
        ("if true; then a", ["if true; then a"]),
    ],
)
def test_a_command_line_comes_apart_at_its_top_level_only(command: str, texts: list[str]) -> None:
    assert [part.text for part in parts(command)] == texts


def test_a_pipeline_comes_apart_into_its_stages() -> None:
    assert stages("a '|' b | c \"|\" |& d") == ("a '|' b", 'c "|"', "d")


@pytest.mark.parametrize(
    ("called", "script"),
    [
        ("bash -lc 'ls; pwd'", "ls; pwd"),
        ('bash -lc "awk \'{print \\$1}\' a \\"b\\""', "awk '{print $1}' a \"b\""),
        ("/usr/bin/env bash -l -c 'a b'", "a b"),
        ("bash -o pipefail -c 'a | b'", "bash -o pipefail -c 'a | b'"),
        ("bash -c 'a' x y", "bash -c 'a' x y"),
        (
            "'C:\\Program Files\\pwsh.exe' -Command 'Get-Content \"C:\\Program Files\\a b.txt\"'",
            'Get-Content "C:\\Program Files\\a b.txt"',
        ),
        (
            "powershell.exe -Command \"& 'C:\\Program Files\\x y\\t.exe' a\"",
            "& 'C:\\Program Files\\x y\\t.exe' a",
        ),
        ('cmd /c ""C:\\Program Files\\t.exe" "a b""', '"C:\\Program Files\\t.exe" "a b"'),
        ("cmd.exe /d /s /c type C:\\a\\b.txt", "type C:\\a\\b.txt"),
        ("powershell -ExecutionPolicy Bypass -File x.ps1", None),
    ],
)
def test_a_command_is_unwrapped_from_the_shell_that_ran_it(called: str, script: str | None) -> None:
    assert bare_command(called) == (script or called)


@pytest.mark.parametrize("sign", ["if ", "{ ", '"\\"', "<<A\n", "#", "[[", "case x in ", "$(", "&"])
def test_no_command_line_takes_long_to_come_apart(sign: str) -> None:
    began = time.process_time()
    text = (sign * 50_000)[:39_000]
    parts(text)
    purpose(text)
    proves(text)
    assert time.process_time() - began < 4


# ------------------------------------------------------------------ whole commands


@pytest.mark.parametrize(
    "command",
    [
        "cd dist && sha256sum * > ../SUMS",
        "mkdir -p archive && mv logs/*.log archive/",
        "export PYTHONPATH=src && python3 -m unittest",
        ". .venv/bin/activate && pip install -e .",
        "VAR=x ./run.sh",
        "git add -A && git commit -m 'x; y'",
        "grep -q x f && make",
        "which pandoc || apt-get install -y pandoc",
        "test -f a || cp b a",
        'for f in *.md; do pandoc "$f" -o "${f%.md}.html"; done',
        "cat > a.py <<'EOF'\nprint('ls && pwd')\nEOF\npython3 a.py",
        "sqlite3 a.db <<SQL\nselect 1;\nSQL",
        "python3 -c 'import sys; print(sys.argv)' a.csv",
        "awk -F, 'NR>1 {s+=$3} END {print s}' a.csv",
        "sed -E -i 's/a;b/c && d/' f",
        "jq '.a | .b; .c' x.json",
        "psql -c 'select 1; select 2'",
        "pytest -q 2>&1 | tail -20",
        "echo $(make)",
    ],
)
def test_a_command_is_kept_as_it_ran(command: str) -> None:
    assert without_looks(command) == command


@pytest.mark.parametrize(
    ("command", "acting"),
    [
        ("ls; pwd; make && ls -la", "make"),
        ("cd x && ls && make", "cd x && make"),
        ("cat a; python3 x.py", "python3 x.py"),
        ("python3 x.py && cat out.txt", "python3 x.py"),
        ("a && ls; b", "a; b"),
        ("a; ls && b", "a; b"),
        ("ls\nhead a.csv\npython3 - <<'P'\nprint(1)\nP\nls", "python3 - <<'P'\nprint(1)\nP"),
        ("ls && cat a.csv", "cat a.csv"),
        ("make || cat log", "make || cat log"),
        ("git status --short && git commit -am x", "git commit -am x"),
        ("echo start; make; echo done", "make"),
    ],
)
def test_what_only_looks_is_trimmed_where_that_changes_nothing(command: str, acting: str) -> None:
    assert without_looks(command) == acting


@pytest.mark.parametrize(
    "command", ["ls -la", "cat a | head -3", "git log --oneline", "rg x | sort | uniq -c", "pwd"]
)
def test_some_commands_only_look(command: str) -> None:
    assert looks(command)


@pytest.mark.parametrize(
    "command", ["cat a > b", "find . -delete", "ls | xargs rm", "echo a | tee b", "mkdir x", "make"]
)
def test_what_changes_something_does_not_only_look(command: str) -> None:
    assert not looks(command)


def test_a_command_that_only_looks_weighs_little() -> None:
    (act,) = acts("cd data && head -3 a.csv")
    assert (act.intent, act.command) == ("read", "cd data && head -3 a.csv")


def test_the_purpose_of_a_command_line_is_that_of_its_last_act() -> None:
    for command, intent in [
        ("cat > a.py <<'E'\nx\nE\npytest -q", "test"),
        ("pip install x && pandoc a.md -o a.html", "convert"),
        ("mkdir -p out; cat a | python3 plot.py", "plot"),
        ("if [ -f a ]; then make; fi", "build"),
    ]:
        found = purpose(command)
        assert found is not None
        assert found.intent == intent


def test_all_programs_of_a_command_line_are_needed() -> None:
    assert programs("cd x && jq . a | pandoc -o b && ./own.sh && ls") == ("jq", "pandoc")


# ------------------------------------------------------------------ setting the scene


@pytest.mark.parametrize(
    ("scene", "later"),
    [
        ("mkdir -p out/a", "python3 a.py > out/a/x"),
        ("mkdir -p build", "cd build && cmake .."),
        ("export N=3", "./run.sh $N"),
        ("N=3", 'echo "${N}" > n.txt'),
        ("export PATH=$HOME/bin:$PATH", "tool a b"),
        ("source .venv/bin/activate", "pip install x"),
        ("cd dist", "sha256sum * > ../SUMS"),
        ("git add -A", "git commit -m x"),
        ("git config user.name Bot", "git commit -am x"),
    ],
)
def test_what_sets_the_scene_stays_where_something_depends_on_it(scene: str, later: str) -> None:
    assert commands(scene, "make", later) == [scene, "make", later]
    assert commands("make", later, scene) == ["make", later]


@pytest.mark.parametrize(
    "scene", ["mkdir -p other", "export N=3", "cd src", "git add b", "sleep 2", "alias g=git"]
)
def test_what_sets_the_scene_for_nothing_is_noise(scene: str) -> None:
    assert commands(scene, "make", "python3 a.py > out.txt") == ["make", "python3 a.py > out.txt"]


def test_what_a_failed_command_had_done_before_it_failed_stays_where_it_is_needed() -> None:
    assert commands(
        ("mkdir -p out && python3 c.py a.csv out/a.json", 1),
        "+ c.py",
        "python3 c.py a.csv out/a.json",
    ) == ["mkdir -p out", "write c.py", "python3 c.py a.csv out/a.json"]


def test_of_a_file_that_was_written_twice_the_last_content_counts() -> None:
    first, second = (f"cat > x.py <<'E'\nprint({n})\nE" for n in "12")
    assert commands(first, ("python3 x.py", 1), second, "python3 x.py") == [second, "python3 x.py"]
    assert commands(first, "python3 x.py > a", second, "python3 x.py > b") == [
        first,
        "python3 x.py > a",
        second,
        "python3 x.py > b",
    ]


# ------------------------------------------------------------------ exit codes


@pytest.mark.parametrize(
    "command",
    [
        "curl x | head", "make | tee log", "make || true", "make || echo failed", "make; true",
        "make; ls", "make &", "make & wait", "cat a | python3 x.py", "make; echo $?",
        "bash -lc 'make | tail'",
    ],
)  # fmt: skip
def test_some_exit_codes_prove_nothing(command: str) -> None:
    assert not proves(command)


@pytest.mark.parametrize(
    "command",
    [
        "make", "set -o pipefail; make | tee log", "bash -o pipefail -c 'make | tee log'",
        "set -euo pipefail\nmake | tail\necho done", "make && echo ok", "make || exit 1",
        "echo x | jq .", "pip install x || pip3 install x", "set -e; make; ls", "cd x; make",
        "make; exit $?", "make > log 2>&1",
    ],
)  # fmt: skip
def test_other_exit_codes_prove_that_it_worked(command: str) -> None:
    assert proves(command)


def test_a_failure_behind_a_pipe_is_seen_by_its_output() -> None:
    hidden = CommandRan(
        command="curl -s https://h/a | head",
        exit_code=0,
        output="curl: (6) Could not resolve host: h\n",
    )
    assert [act.command for act in learned(hidden, "make").acts] == ["make"]


def test_a_command_that_proves_nothing_is_marked_and_cures_nothing() -> None:
    material = learned(failed("make", "error: x"), "make -k all || true")
    (act,) = material.acts
    assert not act.proved
    assert material.cures == ()


def test_output_that_says_so_proves_that_checks_passed() -> None:
    passed = CommandRan(command="pytest | tail -1", exit_code=0, output="== 3 passed in 0.1s ==")
    (act,) = learned(passed).acts
    assert act.proved


# ------------------------------------------------------------------ cures and reasons

TRACEBACK = """Traceback (most recent call last):
  File "x.py", line 1, in <module>
    import yaml
ModuleNotFoundError: No module named 'yaml'

"""


def test_an_installation_cures_what_an_error_says_is_missing() -> None:
    material = learned(
        failed("python3 x.py", TRACEBACK),
        AgentSpoke(text="I had a look. PyYAML is missing, so I install it."),
        "pip install pyyaml",
        "python3 x.py",
    )
    assert material.cures == (
        Cure(
            failed="python3 x.py",
            error="ModuleNotFoundError: No module named 'yaml'",
            cured_by="pip install pyyaml",
            why="PyYAML is missing, so I install it.",
        ),
    )
    assert [(act.command, act.recovery) for act in material.acts] == [
        ("pip install pyyaml", False),
        ("python3 x.py", True),
    ]
    assert material.acts[0].why == "PyYAML is missing, so I install it."


def test_an_edit_cures_a_command_that_then_works() -> None:
    material = learned(
        failed("pytest -q", "E   KeyError: 'amount'\n1 failed in 0.1s"),
        AgentReasoned(text="**Fixing**\n\nThe column is called sum, not amount."),
        FileChanged(path="a.py", change="modified"),
        "pytest -q",
    )
    (cure,) = material.cures
    assert (cure.error, cure.cured_by) == ("KeyError: 'amount'", "change a.py")
    assert cure.why == "The column is called sum, not amount."


def test_another_command_cures_one_that_cannot_work() -> None:
    material = learned(
        failed("pandoc a.docx -o a.md", "bash: pandoc: command not found", 127),
        "python3 docx2md.py a.docx > a.md",
    )
    (cure,) = material.cures
    assert cure.cured_by == "python3 docx2md.py a.docx > a.md"
    assert [act.command for act in material.acts] == ["python3 docx2md.py a.docx > a.md"]


def test_each_error_on_the_way_has_its_cure() -> None:
    material = learned(
        failed("python3 a.py", TRACEBACK),
        "pip install pyyaml",
        failed("python3 a.py", "KeyError: 'b'"),
        "+ a.py",
        "python3 a.py",
    )
    assert [(cure.error, cure.cured_by) for cure in material.cures] == [
        ("ModuleNotFoundError: No module named 'yaml'", "pip install pyyaml"),
        ("KeyError: 'b'", "change a.py"),
    ]


def test_what_went_away_by_itself_was_cured_by_nothing() -> None:
    assert learned(failed("make", "x"), failed("make", "x"), "make").cures == ()


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (TRACEBACK, "ModuleNotFoundError: No module named 'yaml'"),
        ("FAILED (errors=1)\n\n", "FAILED (errors=1)"),
        ("a.c:3:5: error: expected ';'\nmake: *** [a.o] Error 1\n", "a.c:3:5: error: expected ';'"),
        ("Error: Cannot find module 'csv'\n    at x (y:1)\n\nNode.js v20.1.0", None),
        ("npm ERR! missing script: build\nnpm ERR! A complete log of this run", None),
        ("bash: jq: command not found\n\n", "bash: jq: command not found"),
        ('ERROR:  column "x" does not exist\nLINE 1: x\n        ^\n', None),
        ("working\nall is lost\n", "all is lost"),
        ("", ""),
    ],
)
def test_the_line_of_an_error_that_says_why(output: str, line: str | None) -> None:
    first = " ".join(output.split("\n", maxsplit=1)[0].split())
    assert error_line(output) == (first if line is None else line)


def test_the_planners_words_name_acts_however_long_they_are() -> None:
    prompt = "First look at the data in sales.csv and find out which columns have values missing."
    (act,) = acts(StepPlanned(prompt=f"{prompt}\n\nBe brief."), "python3 look.py")
    assert act.heading == prompt.rstrip(".")


def test_reasons_are_bounded_scrubbed_and_no_echo() -> None:
    said = AgentSpoke(text="The token is abc123def, so " + "very " * 100 + "long.")
    (act,) = learned(said, "make").acts
    assert len(act.why) <= 160
    assert "abc123def" not in act.why
    echo = "<reference_workflow id='a'>Because of x it failed.</reference_workflow>"
    (act,) = learned(AgentSpoke(text=echo), "make").acts
    assert act.why == ""
    assert reason("Done.") == ""


# ------------------------------------------------------------------ repetitions


def test_a_command_on_many_files_becomes_a_loop() -> None:
    assert commands(*(f"python3 -m py_compile mod_{n}.py" for n in "abc")) == [
        'for f in mod_a.py mod_b.py mod_c.py; do python3 -m py_compile "$f"; done'
    ]
    assert commands(*(f"python3 -m py_compile mod_{n}.py" for n in range(300))) == [
        'for f in $(seq 0 299); do python3 -m py_compile "mod_$f.py"; done'
    ]


def test_a_loop_runs_over_what_differs_in_several_words() -> None:
    did: list[Did] = []
    for n in "abc":
        did += [f"+ {n}.csv", f"python3 conv.py '{n} x.csv' out/{n}.json", f"jq . out/{n}.json"]
    assert commands(*did)[-1] == ('for f in out/a.json out/b.json out/c.json; do jq . "$f"; done')


@pytest.mark.parametrize(
    "did",
    [
        ["touch a", "touch b"],
        ["python3 a.py", "python3 b.py > x", "python3 c.py"],
        ["make a", "make b && x", "make 'c'"],
        ["conv a.csv b.json", "conv b.csv d.json", "conv c.csv x.json"],
        ["run $A", "run $B", "run $C"],
    ],
)
def test_other_commands_stay_apart(did: list[Did]) -> None:
    assert not any("for f in" in command for command in commands(*did))


@pytest.mark.process
def test_a_loop_does_what_the_commands_did() -> None:
    names = ["a b.txt", "x;y.txt", "c-d.txt", "e$f.txt"]
    (loop,) = commands(*(f"convert '{name}' -q" for name in names))
    printed = loop.replace("convert ", "printf '%s %s\\n' ")
    done = subprocess.run(["sh", "-c", printed], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{name} -q" for name in names]


# ------------------------------------------------------------------ what is worth learning


@pytest.mark.parametrize(
    "command",
    [
        "pandoc chapters/*.md -o book.docx --toc",
        "ls && find . -name '*.HTM' -exec rename s/HTM/html/ {} +",
        "mkdir -p out && mv a.csv out/",
        "for f in *.wav; do ffmpeg -i $f ${f%.wav}.mp3; done",
        "python3 - <<'PY'\nprint(1)\nPY",
    ],
)
def test_one_command_that_says_how_is_worth_learning(command: str) -> None:
    assert not is_trivial(acts(command))


@pytest.mark.parametrize(
    "did",
    [
        ["! ./go.sh", "chmod +x go.sh && ./go.sh"],
        ["python3 -c 'import json; json.dump({}, open(1))'"],
        ["grep -n TODO \\\n a.py \\\n > todo.txt"],
    ],
)
def test_a_cure_and_code_alone_are_worth_learning(did: list[str]) -> None:
    assert not is_trivial(acts(*did))


def test_a_pipe_at_the_end_of_a_line_reads_on_in_the_next_one() -> None:
    command = "find . -print0 |\n  while read -r f; do\n    gzip $f\n  done\nsort -o a a"
    assert [part.text for part in parts(command)] == [
        command[: -len("\nsort -o a a")],
        "sort -o a a",
    ]
    assert commands(command) == [command]


def test_what_is_built_again_between_other_builds_is_meant() -> None:
    did = ["pdflatex a.tex", "bibtex a", "pdflatex a.tex"]
    assert commands(*did) == did
    assert commands("make all", "+ a.c", "make all") == ["write a.c", "make all"]


def test_the_sign_for_the_folder_is_not_taken_from_an_agent() -> None:
    assert commands("echo '$PATTERN_FILES/a' > b", "make all") == ["echo '…/a' > b", "make all"]


def test_a_subcommand_says_what_a_program_is_for() -> None:
    did = ["python3 conf.py check a.ini", "python3 stock.py verify", "python3 conf.py set a 1"]
    assert [act.intent for act in acts(*did)] == ["check", "check", "run"]


def test_checksums_that_are_written_are_no_check() -> None:
    (done,) = acts("cd dist && sha256sum * > ../SUMS")
    assert done.intent == "run"


@pytest.mark.parametrize(
    "command", ["python3 x.py a b c", "pytest -q tests a b", "touch a", "make"]
)
def test_one_command_that_anybody_would_run_is_not(command: str) -> None:
    assert is_trivial(acts(command))


# ------------------------------------------------------------------ weights


def test_a_run_weighs_by_how_well_its_success_is_shown() -> None:
    def of(*did: Did, verified: bool = False) -> int:
        return weight_of(trace("r1", "x", *did, verified=verified))

    plain = of("make site")
    checked = of("make site", "pytest -q")
    assert of("make site", verified=True) > checked > plain
    assert of("make site", "pytest -q | tail") == plain
    assert of("make site", ("pytest -q", 1), ("pytest -q", 1), "pytest -q") == plain
    assert of(("pytest -q test_a.py", 1), "+ test_a.py", "pytest -q test_a.py") == plain
    assert of(("pytest -q test_a.py", 1), "+ a.py", "pytest -q test_a.py") == checked


def test_a_graded_run_weighs_by_its_grade() -> None:
    done = trace("r1", "x", "make site", "pytest -q", verified=True)

    def of(grade: str, acts: tuple[Act, ...] = done.acts) -> int:
        return weight_of(replace(done, grade=grade, acts=acts))

    retried = trace("r1", "x", ("pytest -q", 1), "pytest -q").acts
    assert (of("proven"), of("checked"), of("unchecked")) == (4, 2, 1)
    assert (of("proven", retried), of("checked", retried)) == (4, 1)


def test_a_run_with_a_known_check_counts_as_checked() -> None:
    one = trace("r1", "x", "make site")
    with_check = type(one)(run_id="r1", task="x", acts=one.acts, check=Check(command="make check"))
    assert weight_of(with_check) > weight_of(one)


# ------------------------------------------------------------------ titles


@pytest.mark.parametrize(
    ("task", "title"),
    [
        ("dedupe.py takes minutes on large files. Make it faster.", "Make dedupe.py faster"),
        (
            "Tests are red since Monday. Please repair them.",
            "Please repair them (Tests are red since Monday)",
        ),
        (
            "We have a log in access.log. Count requests per hour.",
            "Count requests per hour (access.log)",
        ),
        ("Our site is slow. Can you speed up the build?", "Can you speed up the build"),
        (
            "The header is wrong. We want it fixed in all pages.",
            "We want it fixed in all pages (The header is wrong)",
        ),
        (
            "Make sure that tests pass. Implement the parser in p.py.",
            "Implement the parser in p.py",
        ),
        ("In data/x.csv, replace all commas.", "In data/x.csv, replace all commas"),
        (
            "Rename the pictures: DSC_1.JPG should be called rome-1.jpg.",
            "Rename the pictures: DSC_1.JPG should be called rome-1.jpg",
        ),
        ("Convert these files:\n- a.csv\n- b.csv", "Convert these files"),
        ("Build fails on main. Investigate and fix it.", None),
        ("Die Datei umsatz.csv ist zu groß. Bitte teile sie.", "Bitte teile sie (umsatz.csv)"),
        ("Die Seiten in Markdown umwandeln.", "Die Seiten in Markdown umwandeln"),
        ("Le fichier v.csv est énorme. Il faut le découper.", "Il faut le découper (v.csv)"),
        ("El archivo v.csv tiene duplicados. Elimínalos.", None),
        ("Convierte informe.csv a JSON y valídalo.", "Convierte informe.csv a JSON y valídalo"),
        ("你好。请把 report.csv 转换成 JSON。然后检查。", "请把 report.csv 转换成 JSON"),
    ],
)
def test_a_title_says_what_is_wanted(task: str, title: str | None) -> None:
    wanted = {
        "Build": "Investigate and fix it (Build fails on main)",
        "El": "El archivo v.csv tiene duplicados",
    }
    assert summary(task) == (title or wanted[task.split(maxsplit=1)[0]])


@pytest.mark.parametrize(
    "text", ["a. " * 20_000, "!" * 50_000, "- " * 30_000, "。" * 50_000, "a," * 30_000]
)
def test_no_title_takes_long(text: str) -> None:
    began = time.process_time()
    assert len(summary(text)) <= 160
    assert time.process_time() - began < 2


# ------------------------------------------------------------------ attempts


def test_of_several_versions_of_a_program_the_last_one_stays() -> None:
    assert commands(
        "+ solver.py", "python3 solver.py 1", "+ solver_v2.py", "python3 solver_v2.py 1",
        "+ final_solver.py", "python3 final_solver.py 1 > out.txt",
    ) == ["write final_solver.py", "python3 final_solver.py 1 > out.txt"]  # fmt: skip


@pytest.mark.parametrize(
    "did",
    [
        ["+ load.py", "python3 load.py", "+ store.py", "python3 store.py"],
        ["+ a.py", "+ a_v2.py", "python3 a.py", "python3 a_v2.py"],
        ["+ a.py", "python3 a.py", "cat > a_v2.py <<'E'\nimport a\nE", "python3 a_v2.py"],
        ["+ src/a.py", "+ tests/a_v2.py", "pytest"],
        ["+ ch-1.tex", "+ ch-2.tex", "+ ch-3.tex", "pdflatex book.tex"],
    ],
)
def test_programs_that_are_used_beside_each_other_stay(did: list[Did]) -> None:
    assert len(commands(*did)) == len(did)


# ------------------------------------------------------------------ Codex's own


def test_a_patch_given_as_a_command_is_a_change_of_files() -> None:
    patch = (
        "apply_patch <<'P'\n*** Begin Patch\n*** Add File: a.py\n+x\n*** Delete File: b.py\n"
        "*** End Patch\nP"
    )
    assert commands(patch, "pytest") == ["write a.py", "delete b.py", "pytest"]


def test_looking_repairs_nothing() -> None:
    (act,) = acts(("cat data/a.csv", 1), "cat a.csv")
    assert not act.recovery


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("**Planning the edit**", ""),
        ("Done. Want me to add tests?", ""),
        ("**Fixing**\n\nThe key is missing in old files.", "The key is missing in old files."),
        ("All good. Now I render the pages:", "Now I render the pages"),
    ],
)
def test_only_what_says_something_is_a_reason(text: str, why: str) -> None:
    assert reason(text) == why


@pytest.mark.parametrize(
    ("said", "did", "then", "why"),
    [
        ("I'll run the tests first.", ("pytest -q", 1), "", ""),
        ("Let me look at the parser first.", "cat parse.py", "", ""),
        ("I'll fix the sign in add.", "cat calc.py", "", "I'll fix the sign in add."),
        ("I need to swap the sign.", ("sed -i s/x/y/ a.py", 1), "", "I need to swap the sign."),
        (
            "I'll test first.",
            ("pytest -q", 1),
            "The sign is wrong here.",
            "The sign is wrong here.",
        ),
    ],
)
def test_a_step_has_the_reason_that_was_given_for_it_and_not_for_a_command_before_it(
    said: str, did: Did, then: str, why: str
) -> None:
    *_, edit = acts(AgentSpoke(text=said), did, AgentSpoke(text=then), "+ calc.py")
    assert (edit.command, edit.why) == ("write calc.py", why)
