"""Which runs become one pattern: those that wanted the same and did the same."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from learned_runs import Ledger

from crossrun.model.failures import Failure

JOBS = yaml.safe_load(
    (Path(__file__).parent.parent / "benchmarks/data/job_families.yaml").read_text("utf-8")
)
FAMILIES = ("names of scanned letters", "option for json output", "sitemap", "type hints")
STRANGERS = 8
FAILED = Failure("VERIFY_FAILED", "the check failed", "look at it")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def family(name: str) -> list[dict[str, Any]]:
    return next(one["runs"] for one in JOBS["families"] if one["name"] == name)


def test_runs_of_one_job_become_one_pattern_amid_jobs_that_look_alike(ledger: Ledger) -> None:
    runs = [
        (name, run) for number in range(3) for name in FAMILIES for run in [family(name)[number]]
    ]
    strangers = [(one["task"], one) for one in JOBS["distractors"][::4][:STRANGERS]]
    names: dict[str, set[str]] = {}
    for name, run in [*strangers, *runs]:
        pattern = ledger.pattern_of(ledger.learn(run["task"], run["did"]))
        names.setdefault(pattern, set()).add(name)
    assert all(len(jobs) == 1 for jobs in names.values()), names
    assert len(names) <= len(strangers) + len(FAMILIES) + 1


def test_a_script_that_is_written_and_run_does_not_make_jobs_alike(ledger: Ledger) -> None:
    """Head, write, run, look: what data jobs have in common says nothing."""
    csv_jobs = JOBS["distractors"][:8]
    patterns = {ledger.pattern_of(ledger.learn(one["task"], one["did"])) for one in csv_jobs}
    assert len(patterns) == len(csv_jobs)


def test_options_that_programs_of_all_kinds_have_say_nothing(ledger: Ledger) -> None:
    jobs = [
        ("Convert the photos of the trip for client 2", "picturetool"),
        ("Convert orders.csv to JSON for client 1", "tabletool"),
        ("Convert the manual into pages for client 3", "pagetool"),
    ]
    patterns = {
        ledger.pattern_of(
            ledger.learn(task, [f"{program} --input a.dat --mode fast", f"{program}-check a.txt"])
        )
        for task, program in jobs
    }
    assert len(patterns) == len(jobs)


NEAR_JOBS: dict[str, tuple[str, list[Any]]] = {
    "smaller": (
        "Make the Docker image of our API smaller with a multi-stage build.",
        ["docker build -t api:slim .", "docker images api"],
    ),
    "start": (
        "Build the Docker image and check that it starts",
        ["docker build -t api .", "docker run --rm -d -p 8000:8000 api", "docker images api"],
    ),
    "validate": (
        "Validate the invoices in orders.csv against schema.json and report bad rows",
        ["python3 -m jsonschema -i orders.csv schema.json"],
    ),
    "create": (
        "Create schema.json for the invoices in orders.csv",
        ["genson -i 2 orders.csv > schema.json", "python3 -m jsonschema -i orders.csv schema.json"],
    ),
}


@pytest.mark.parametrize("pair", [("smaller", "start"), ("validate", "create")])
def test_alike_work_for_another_aim_is_another_job(ledger: Ledger, pair: tuple[str, str]) -> None:
    jobs = [NEAR_JOBS[name] for name in pair]
    patterns = [ledger.pattern_of(ledger.learn(task, did)) for task, did in jobs]
    assert len(set(patterns)) == len(pair)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_few_jobs_in_any_order_are_not_mixed_up(tmp_path: Path, first: int) -> None:
    """A small form of `benchmarks/job_families.py`."""
    ledger = Ledger(tmp_path)
    names = (
        "old logs",
        "paths by pathlib",
        "container image smaller",
        "daily means of measurements",
    )
    strange = [
        one for one in JOBS["distractors"] if "Docker" in one["task"] or "pages" in one["task"]
    ]
    runs = [(name, run) for name in names for run in family(name)]
    runs += [(one["task"], one) for one in strange]
    jobs: dict[str, set[str]] = {}
    for name, run in [*runs[first * 4 :], *runs[: first * 4]]:
        pattern = ledger.pattern_of(ledger.learn(run["task"], run["did"]))
        jobs.setdefault(pattern, set()).add(name)
    assert all(len(names) == 1 for names in jobs.values()), jobs


SHAPES: dict[str, tuple[str, list[str], tuple[str, ...]]] = {
    "archive": (
        "Make a release archive of {0} with checksums",
        [
            "mkdir -p src dist && echo hi > src/a.txt",
            "tar czf dist/{0}.tar.gz src",
            "cd dist && sha256sum * > ../SUMS && cd ..",
            "tar tzf dist/{0}.tar.gz",
        ],
        ("alpha", "beta", "gamma", "delta"),
    ),
    "convert": (
        "Convert {0}.csv to {0}.json",
        ["head -2 {0}.csv", "python3 convert.py {0}.csv {0}.json", "head -c 300 {0}.json"],
        ("sales", "stock", "members", "prices"),
    ),
    "rename": (
        "Rename the pictures in {0} so that they are called by the date",
        ["ls {0}", "exiftool '-FileName<DateTimeOriginal' -d %Y-%m-%d_%H%M%S.jpg {0}", "ls {0}"],
        ("rome", "holiday", "garden", "choir"),
    ),
    "tag": (
        "Tag the commit as version {0}",
        ["git status --short", "git tag -a v{0} -m v{0}", "git tag --list v{0}"],
        ("1.2.0", "1.3.0", "2.0.0", "2.0.1"),
    ),
}


@pytest.mark.parametrize("others", [0, 20])
def test_the_same_but_for_names_is_one_pattern_at_any_size_of_the_store(
    ledger: Ledger, others: int
) -> None:
    for one in JOBS["distractors"][:others]:
        ledger.learn(one["task"], one["did"])
    patterns = {
        shape: {
            ledger.pattern_of(
                ledger.learn(task.format(name), [command.format(name) for command in commands])
            )
            for name in names
        }
        for shape, (task, commands, names) in SHAPES.items()
    }
    assert [len(each) for each in patterns.values()] == [1] * len(SHAPES), patterns
    assert len(set().union(*patterns.values())) == len(SHAPES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            ("Convert a.csv to JSON", ["python3 convert.py a.csv out.json", "head -3 out.json"]),
            ("Convert a.csv to YAML", ["python3 convert.py a.csv out.yaml", "head -3 out.yaml"]),
        ),
        (
            ("Count the rows of a.csv", ["python3 count.py a.csv", "cat a.csv"]),
            ("Sort the rows of a.csv", ["python3 sort.py a.csv", "cat a.csv"]),
        ),
    ],
)
def test_another_act_or_kind_is_no_other_name(
    ledger: Ledger, one: tuple[str, list[str]], other: tuple[str, list[str]]
) -> None:
    assert ledger.pattern_of(ledger.learn(*one)) != ledger.pattern_of(ledger.learn(*other))


def test_another_job_with_a_script_of_the_same_name_stays_apart(ledger: Ledger) -> None:
    first = ledger.learn(
        "Convert the notes to HTML",
        [
            {"write": "convert.py", "content": "import markdown\nprint(markdown.markdown(text))\n"},
            "python3 convert.py",
        ],
    )
    second = ledger.learn(
        "Convert the temperatures to Fahrenheit",
        [
            {
                "write": "convert.py",
                "content": "for celsius in rows: print(celsius * 1.8)\n",
            },
            "python3 convert.py",
        ],
    )
    assert ledger.pattern_of(first) != ledger.pattern_of(second)


def test_the_same_task_done_alike_again_is_the_same_pattern(ledger: Ledger) -> None:
    did = [{"write": "hello.py", "content": "print('hello')\n"}, "python3 hello.py"]
    runs = [ledger.learn("Write hello.py and a test for it", did) for _ in range(2)]
    assert ledger.pattern_of(runs[0]) == ledger.pattern_of(runs[1])


def test_the_same_task_done_otherwise_is_another_way_of_the_family(ledger: Ledger) -> None:
    task = "Turn photos/*.heic into small pictures"
    one = ledger.learn(task, ["mogrify -path out -resize 800x photos/*.heic", "identify out/a.jpg"])
    other = ledger.learn(task, ["npm install sharp-cli", "npx sharp -i photos -o out resize 800"])
    patterns = [ledger.store.patterns.exactly(ledger.pattern_of(run)) for run in (one, other)]
    assert patterns[0].id != patterns[1].id
    assert patterns[0].family_id == patterns[1].family_id


def test_a_run_that_a_pattern_misled_does_not_join_it(ledger: Ledger) -> None:
    convert, translate = JOBS["distractors"][9], JOBS["distractors"][-4]
    shown = ledger.pattern_of(ledger.learn(convert["task"], convert["did"]))
    misled = ledger.learn(translate["task"], [*convert["did"][:2], *translate["did"]], shown=shown)
    assert ledger.pattern_of(misled) != shown


def test_a_run_that_follows_the_pattern_that_fits_joins_it(ledger: Ledger) -> None:
    first, second, _ = family("type hints")
    shown = ledger.pattern_of(ledger.learn(first["task"], first["did"]))
    assert ledger.pattern_of(ledger.learn(second["task"], second["did"], shown=shown)) == shown


def test_a_failed_run_warns_those_who_do_its_job_not_those_whose_pattern_it_got(
    ledger: Ledger,
) -> None:
    pdf, sites = JOBS["distractors"][14], JOBS["distractors"][-4]
    shown = ledger.pattern_of(ledger.learn(sites["task"], sites["did"]))
    right = ledger.pattern_of(ledger.learn(pdf["task"], pdf["did"]))
    ledger.learn(pdf["task"], ["pdftotext -layout annual.pdf\t127"], shown=shown, failure=FAILED)
    assert ledger.store.patterns.cautions(shown) == []
    assert len(ledger.store.patterns.cautions(right)) == 1


def test_a_pattern_is_found_by_the_words_of_all_its_runs(ledger: Ledger) -> None:
    first, *others = family("type hints")
    pattern = ledger.pattern_of(ledger.learn(first["task"], first["did"]))
    for run in others:
        assert ledger.pattern_of(ledger.learn(run["task"], run["did"])) == pattern
    assert ledger.store.patterns.exactly(pattern).task == first["task"]
    for word in ("pricing", "complaints", "utils"):
        candidates = ledger.store.patterns.candidates(word, task_type=None, project_id=None)
        assert [one.id for one in candidates.candidates] == [pattern], word


def test_the_users_task_is_learned_whole_though_a_step_reads_like_it(ledger: Ledger) -> None:
    task = "Write hello.py and a test for it"
    did = [
        {"write": "hello.py", "content": "print('hello')\n"},
        {"write": "test_hello.py", "content": "import hello\n"},
        "python3 -m pytest -q",
    ]
    shown = ledger.pattern_of(ledger.learn(task, did))
    ledger.learn(task, did, shown=shown)
    assert [trace.task for trace in ledger.store.patterns.traces(shown, newest=9)] == [task, task]


def test_only_the_marker_files_that_a_run_used_are_needed(ledger: Ledger) -> None:
    present = ("Dockerfile", "Makefile", "package.json")
    did = ["make report", "sqlite3 stock.db 'SELECT 1'"]
    pattern = ledger.pattern_of(ledger.learn("Build the report", did, top_files=present))
    assert ledger.store.patterns.exactly(pattern).workflow.preconditions.markers == ("Makefile",)
