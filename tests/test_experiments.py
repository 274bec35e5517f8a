"""Experiments, the pure part: suites, variants, order, pairs, comparisons, reports."""

import csv
import io
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from crossrun.errors import UsageError
from crossrun.experiments import sentences
from crossrun.experiments.comparison import VariantComparison, compare
from crossrun.experiments.design import Design, TaskDesign
from crossrun.experiments.order import PlannedRun, run_order
from crossrun.experiments.outcomes import Outcome, pairs_of
from crossrun.experiments.report.markdown import markdown
from crossrun.experiments.report.objects import results_object
from crossrun.experiments.report.runs_csv import runs_csv
from crossrun.experiments.report.svg import WIDTH, svg
from crossrun.experiments.results import Results, results_of
from crossrun.experiments.suites import SuiteTask, read_suite
from crossrun.experiments.variants import Variant, variants_of
from crossrun.inference.students import mean_interval, t_quantile

WITH, WITHOUT = Variant("with", (("pattern", "auto"),)), Variant("without", (("pattern", "off"),))


def suite(folder: Path, text: str) -> Path:
    file = folder / "suite.yaml"
    file.write_text(text)
    return file


def test_a_suite_has_tasks_with_their_sources_beside_it(tmp_path: Path) -> None:
    (tmp_path / "my files" / "dates").mkdir(parents=True)
    text = """
    defaults: {verify: "sh {suite}/check.sh", tags: [dates], timeout: 5m}
    tasks:
      - {name: fix-dates, task: Fix dates.py, source: my files/dates}
      - {task: Fix names.py, source: "https://example.org/names.git", verify: pytest -q, tags: []}
    """
    read = read_suite(suite(tmp_path, text))
    assert read.tasks == (
        SuiteTask(
            task="Fix dates.py",
            name="fix-dates",
            source=f"{tmp_path}/my files/dates",
            verify=f"sh {tmp_path}/check.sh",
            tags=("dates",),
            timeout=300.0,
        ),
        SuiteTask(
            task="Fix names.py",
            name="task-2",
            source="https://example.org/names.git",
            verify="pytest -q",
            timeout=300.0,
        ),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tasks: [", "there is a bracket or quote that is not closed"),
        ("- a", "it has no list of tasks"),
        ("tasks: []", "it has no list of tasks"),
        ("jobs: 3\ntasks: [{task: a}]", "there is no key 'jobs'"),
        ("tasks: [{task: a}, do it]", "task 2: it is not a mapping"),
        ("tasks: [{task: a, chek: b}]", "task 1: there is no key 'chek'"),
        ("tasks: [{task: a, verfy: b}]", "did you mean 'verify'?"),
        ("tasks: [{name: fix, task: a, verify: 3}]", "task 1 (fix): Expected `str | null`"),
        ("tasks: [{name: fix, verify: a}]", "task 1 (fix): Object missing required field `task`"),
        ("tasks: [{task: ' '}]", "task 1: its task is empty"),
        ("tasks: [{task: a, timeout: soon}]", "task 1: timeout: 'soon' is not a duration"),
        ("tasks: [{task: a, source: nowhere}]", "task-1: there is no folder"),
        ("tasks: [{name: a, task: a}, {name: a, task: b}]", "two tasks have the name 'a'"),
        ("defaults: {task: a}\ntasks: [{task: a}]", "the defaults are options of all tasks"),
    ],
)
def test_a_broken_suite_names_file_and_entry(tmp_path: Path, text: str, problem: str) -> None:
    file = suite(tmp_path, text)
    with pytest.raises(UsageError) as raised:
        read_suite(file)
    assert raised.value.code == "SUITE_INVALID"
    assert str(file) in raised.value.message
    assert problem in raised.value.message


def test_a_suite_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it cannot be read: No such file"):
        read_suite(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("texts", "settings"),
    [
        (["a:pattern=off", "b"], ((("pattern", "off"),), ())),
        (["a:model=x,planner=direct", "b:"], ((("model", "x"), ("planner", "direct")), ())),
        (["a:model=x", "a:sandbox=read-only", "b"],
         ((("model", "x"), ("sandbox", "read-only")), ())),
        (["a:skill=./a b,patterns.form=steps", "b"],
         ((("skill", "./a b"), ("patterns.form", "steps")), ())),
        (["a:instructions='x, y.md'", "b"], ((("instructions", "x, y.md"),), ())),
        (['a:config=effort="high",config="list=[1,2]"', "b"],
         ((("config", 'effort="high"'), ("config", "list=[1,2]")), ())),
    ],
)  # fmt: skip
def test_variants_are_read_from_options(
    texts: list[str], settings: tuple[tuple[tuple[str, str], ...], ...]
) -> None:
    assert tuple(variant.settings for variant in variants_of(texts)) == settings


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["a"], "at least two variants"),
        (["a", "a:model=x"], "at least two variants"),
        (["a:modle=x", "b"], "there is no key 'modle'; did you mean 'model'?"),
        (["a:agent=reviewer", "b"], "there is no key 'agent'"),
        (["a:patterns.frm=steps", "b"], "did you mean 'patterns.form'?"),
        (["a:sandbox=none", "b"], "sandbox: 'none' is not one of"),
        (["a:model", "b"], "'model' is not KEY=VALUE"),
        (["a:model=", "b"], "model has no value"),
        (["a:model='x", "b"], "the quote ' is not closed"),
        (["a:model=x,model=y", "b"], "model is given twice"),
        (["a:pattern=off,skill=x", "b"], "pattern and skill cannot be used together"),
        (["a:verify=true", "b"], "all variants are judged by the same check"),
        (["a:database.path=x", "b"], "it is a setting for all runs together"),
        ([":model=x", "b"], "a name of letters and digits comes first"),
        (["<b>:model=x", "b"], "a name of letters and digits comes first"),
    ],
)
def test_a_wrong_variant_says_what_is_wrong(texts: list[str], problem: str) -> None:
    with pytest.raises(UsageError) as raised:
        variants_of(texts)
    assert problem in raised.value.message


def test_the_variants_of_a_task_are_next_to_each_other_in_an_order_drawn_from_the_seed() -> None:
    names, tasks = ("a", "b", "c"), [f"t{number}" for number in range(20)]
    order = list(run_order(tasks, names, range(1, 4), seed=7))
    blocks = [order[start : start + 3] for start in range(0, len(order), 3)]
    assert order == list(run_order(tasks, names, range(1, 4), seed=7))
    assert order != list(run_order(tasks, names, range(1, 4), seed=8))
    assert all(len({(p.task, p.repetition) for p in block}) == 1 for block in blocks)
    assert all({p.variant for p in block} == set(names) for block in blocks)
    assert len({tuple(p.variant for p in block) for block in blocks}) == 6
    assert [p.repetition for p in order] == [1] * 60 + [2] * 60 + [3] * 60
    assert len({tuple(p.task for p in order[at : at + 60]) for at in (0, 60, 120)}) == 3


def test_more_repetitions_leave_the_order_of_the_first_ones_as_it_is() -> None:
    few = list(run_order(["x", "y"], ["a", "b"], range(1, 3), seed=1))
    assert list(run_order(["x", "y"], ["a", "b"], range(1, 6), seed=1))[: len(few)] == few


def outcome(task: str, variant: str, *, success: bool | None, **figures: object) -> Outcome:
    known = {"run_id": f"{variant}{task}", "status": "succeeded" if success else "failed"}
    return Outcome(planned=PlannedRun(task, variant, 1), succeeded=success, **{**known, **figures})  # type: ignore[arg-type]  # of the test's own


def test_pairs_are_counted_in_their_planned_order_and_only_if_both_runs_show_something() -> None:
    outcomes = [
        outcome("1", "a", success=True), outcome("1", "b", success=False),
        outcome("2", "b", success=None), outcome("2", "a", success=True),
        outcome("3", "b", success=True), outcome("3", "a", success=True),
        outcome("4", "a", success=None, is_open=True), outcome("4", "b", success=False),
        outcome("5", "a", success=True), outcome("5", "b", success=False),
    ]  # fmt: skip
    pairs = list(pairs_of(outcomes, "a", "b"))
    assert [(pair.task, pair.difference) for pair in pairs] == [("1", 1), ("3", 0)]


def drawn(chances: Mapping[str, float], *, tasks: int, seed: int) -> list[Outcome]:
    """Outcomes of one repetition, with the successes of a script."""
    generator = random.Random(seed)  # noqa: S311  not a secret
    order = run_order([f"t{n}" for n in range(tasks)], list(chances), range(1, 2), seed=seed)
    return [
        Outcome(
            planned=planned,
            run_id=f"r{number}",
            status="succeeded",
            succeeded=generator.random() < chances[planned.variant],
            tokens=round(1000 * generator.uniform(0.9, 1.1) * (2 if planned.variant == "b" else 1)),
            seconds=generator.uniform(20, 40),
            failed_commands=generator.randrange(3),
        )
        for number, planned in enumerate(order)
    ]


def test_a_large_difference_is_decided_and_its_interval_has_the_truth() -> None:
    (compared,) = compare(drawn({"a": 0.9, "b": 0.3}, tasks=40, seed=1), ["a", "b"], jobs=1)
    assert compared.verdict == "a_better"
    assert compared.interval[0] < 0.6 < compared.interval[1]
    assert re.fullmatch(
        r"a better than b by \d+ to \d+ points, 40 pairs", sentences.verdict(compared)
    )


def test_the_other_direction_is_decided_just_as_well() -> None:
    (compared,) = compare(drawn({"a": 0.2, "b": 0.9}, tasks=40, seed=2), ["a", "b"], jobs=1)
    assert re.fullmatch(
        r"b better than a by \d+ to \d+ points, 40 pairs", sentences.verdict(compared)
    )


def test_no_difference_is_a_result_too() -> None:
    (compared,) = compare(drawn({"a": 1.0, "b": 1.0}, tasks=80, seed=3), ["a", "b"], jobs=1)
    assert sentences.verdict(compared) == (
        f"a and b: no difference larger than {sentences.points(compared.interval[1])} points,"
        " 80 pairs"
    )


def test_what_is_not_decided_says_what_it_would_take() -> None:
    (compared,) = compare(drawn({"a": 0.7, "b": 0.4}, tasks=12, seed=4), ["a", "b"], jobs=2)
    assert compared.needed is not None
    assert compared.needed.seconds == pytest.approx(compared.needed.pairs * 30, rel=0.2)
    assert re.fullmatch(
        r"a against b: not decided: about \d+ more pairs would be needed, some [\d.]+ (min|h)"
        r" and [\d.]+[kM] tokens",
        sentences.verdict(compared),
    )


def test_a_list_says_which_variants_and_what_is_known_of_them_so_far() -> None:
    (undecided,) = compare(drawn({"a": 0.7, "b": 0.4}, tasks=12, seed=4), ["a", "b"], jobs=2)
    assert sentences.brief(undecided) == f"a or b: {sentences.figures(undecided)}"
    (decided,) = compare(drawn({"a": 0.9, "b": 0.3}, tasks=40, seed=1), ["a", "b"], jobs=1)
    assert sentences.brief(decided) == sentences.verdict(decided)


def test_without_a_pair_nothing_is_projected() -> None:
    (compared,) = compare([], ["a", "b"], jobs=1)
    assert sentences.verdict(compared).endswith("not decided: there is no pair of runs to compare")


def test_three_variants_are_compared_with_each_other_at_a_shared_error() -> None:
    outcomes = drawn({"a": 0.9, "b": 0.2, "c": 0.9}, tasks=60, seed=5)
    compared = compare(outcomes, ["a", "b", "c"], jobs=1)
    assert [(each.a, each.b, each.verdict) for each in compared] == [
        ("a", "b", "a_better"),
        ("a", "c", "undecided"),
        ("b", "c", "b_better"),
    ]
    assert {round(each.level, 4) for each in compared} == {0.9833}


def test_costs_are_compared_by_pairs() -> None:
    (compared,) = compare(drawn({"a": 0.5, "b": 0.5}, tasks=30, seed=6), ["a", "b"], jobs=1)
    by_measure = {each.measure: each for each in compared.costs}
    assert by_measure.keys() == {"tokens", "seconds", "failed_commands"}
    tokens = by_measure["tokens"]
    assert tokens.interval is not None
    assert tokens.interval[0] < 0.5 < tokens.interval[1]
    assert tokens.interval[1] - tokens.interval[0] < 0.05
    assert sentences.cost(tokens) == (
        f"tokens {tokens.value:.2f} times ({tokens.interval[0]:.2f} to {tokens.interval[1]:.2f})"
    )


def test_repetitions_of_a_task_do_not_narrow_the_interval_of_costs() -> None:
    def ratio(repetitions: int) -> tuple[float, float] | None:
        outcomes = [
            Outcome(
                planned=PlannedRun(task, variant, repetition),
                succeeded=True,
                tokens=tokens,
                run_id="r",
            )
            for repetition in range(repetitions)
            for task, a in (("x", 100), ("y", 150), ("z", 400))
            for variant, tokens in (("a", a), ("b", 200))
        ]
        (compared,) = compare(outcomes, ["a", "b"], jobs=1)
        return compared.costs[0].interval

    assert ratio(10) == pytest.approx(ratio(1))


def test_students_quantiles_are_those_of_tables() -> None:
    tables = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262, 30: 2.042, 120: 1.980}
    assert {n: round(t_quantile(0.95, n), 3) for n in tables} == tables
    assert mean_interval([1.0]) is None
    assert mean_interval([1.0, 3.0]) == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-3)


def looked_at_after_each_pair(outcomes: Sequence[Outcome]) -> Iterator[VariantComparison]:
    for count in range(2, len(outcomes) + 1, 2):
        yield from compare(outcomes[:count], ["a", "b"], jobs=1)


def test_looking_after_each_pair_does_not_make_false_findings() -> None:
    """Of 25 experiments without a difference, one may err; that 5 do has a chance of 1 in 140."""
    wrong = 0
    for seed in range(25):
        outcomes = drawn({"a": 0.6, "b": 0.6}, tasks=18, seed=seed)
        verdicts = {compared.verdict for compared in looked_at_after_each_pair(outcomes)}
        wrong += bool(verdicts & {"a_better", "b_better"})
    assert wrong < 5


HOSTILE = 'x"</text><script>alert(1)</script>&\x1b[31m\x00\ufffe|`'


@pytest.fixture
def results() -> Results:
    design = Design(
        variants=(
            Variant("without", (("pattern", "off"),)),
            Variant("with", (("skill", HOSTILE),)),
            Variant("a name of forty letters, nearly all of i", (("model", "x"),)),
        ),
        tasks=(
            *(TaskDesign(name=f"t{n}", task="Do it.") for n in range(15)),
            TaskDesign(name=HOSTILE, task=HOSTILE, problem="its check is flaky"),
        ),
        seed=1,
        repetitions=1,
    )
    chances = dict(zip([v.name for v in design.variants], (0.3, 0.9, 0.5), strict=True))
    return results_of(design, drawn(chances, tasks=15, seed=1), jobs=2)


def test_the_picture_is_xml_and_stays_within_its_bounds(results: Results) -> None:
    root = ET.fromstring(svg(results, HOSTILE))  # noqa: S314  our own
    space = "{http://www.w3.org/2000/svg}"
    height = float(root.attrib["height"])
    xs = [float(e.attrib[k]) for e in root.iter() for k in ("x", "x1", "x2", "cx") if k in e.attrib]
    ys = [float(e.attrib[k]) for e in root.iter() for k in ("y", "y1", "y2", "cy") if k in e.attrib]
    assert min(xs) >= 0
    assert max(xs) <= WIDTH
    assert max(ys) <= height
    assert len(root.findall(f"{space}rect[@class='bar']")) == 3
    assert root.find(f".//{space}script") is None
    texts = [element.text or "" for element in root.iter(f"{space}text")]
    assert "<script>" in texts[0]
    widest = [t for t, e in zip(texts, root.iter(f"{space}text"), strict=True)
              if e.attrib["class"] == "label"]  # fmt: skip
    assert max(map(len, widest)) <= 24


def test_bars_are_as_long_as_the_share_that_succeeded(results: Results) -> None:
    root = ET.fromstring(svg(results, "title"))  # noqa: S314  our own
    bars = root.findall("{http://www.w3.org/2000/svg}rect[@class='bar']")
    shares = [each.tally.succeeded / each.tally.runs for each in results.variants]
    lengths = [float(bar.attrib["width"]) for bar in bars]
    assert lengths == pytest.approx([share * 380 for share in shares], abs=0.1)


def test_the_csv_has_one_line_for_each_run(results: Results) -> None:
    rows = list(csv.DictReader(io.StringIO(runs_csv(results))))
    assert len(rows) == 45
    assert {row["variant"] for row in rows} == {each.variant.name for each in results.variants}
    assert rows[0]["succeeded"] in ("true", "false")
    assert rows[0]["cost"] == ""


def test_a_name_is_not_a_formula_in_a_spreadsheet(results: Results) -> None:
    outcome = Outcome(planned=PlannedRun("=1+1", "a", 1), is_open=True)
    text = runs_csv(msgspec.structs.replace(results, outcomes=(outcome,)))
    assert text.splitlines()[1].startswith("'=1+1,a,1,")


def test_markdown_shows_names_of_others_as_text(results: Results) -> None:
    text = markdown(results, HOSTILE)
    assert "<script>" not in text
    assert "\x1b" not in text
    assert "its check is flaky" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4, 5, 8}


def test_the_object_has_what_scripts_rely_on(results: Results) -> None:
    content = results_object(results)
    assert content["pairs"] == 15
    assert content["variants"][0].keys() >= {
        "name",
        "settings",
        "runs",
        "succeeded",
        "tokens",
        "cost",
    }
    assert content["variants"][0]["settings"] == {"pattern": "off"}
    assert content["variants"][0]["cost"] is None
    comparison = content["comparisons"][0]
    assert comparison.keys() >= {"a", "b", "difference", "interval", "decided", "pairs"}
    assert len(content["tasks"]) == 16


def test_a_design_is_stored_and_read_as_it_is(results: Results) -> None:
    assert Design.of(results.design.stored()) == results.design
