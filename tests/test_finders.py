"""Finders: what a single run is found to hold that would differ in another."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from crossrun.config.tasktypes import Finder, load, names
from crossrun.errors import ConfigurationError
from crossrun.model.workflows import Finding
from crossrun.patterns.learning.extractors import extracted, typed

NOWHERE = Path("no-such-folder")
SHIPPED = {name: load(name, NOWHERE).finders for name in names(NOWHERE)}
WORD = Finder("word", "text", r"\b[a-z]+\b")

EXAMPLES = [
    (task_type, example["task"], example.get("commands", []), example["found"])
    for task_type, examples in yaml.safe_load(
        (Path(__file__).parent / "data" / "findings.yaml").read_text(encoding="utf-8")
    ).items()
    for example in examples
]


def told(findings: tuple[Finding, ...]) -> list[str]:
    return [f"{finding.name}={finding.value}" for finding in findings]


@pytest.mark.parametrize(("task_type", "task", "commands", "expected"), EXAMPLES)
def test_what_would_differ_in_another_run_is_found(
    task_type: str, task: str, commands: list[str], expected: dict[str, str]
) -> None:
    findings = extracted(SHIPPED[task_type], task, commands)
    assert told(findings) == [f"{name}={value}" for name, value in expected.items()]


def test_a_finding_has_the_type_of_its_finder() -> None:
    types = {f"{t}.{f.name}": f.type for t, finders in SHIPPED.items() for f in finders}
    for task_type, task, commands, _ in EXAMPLES:
        for finding in extracted(SHIPPED[task_type], task, commands):
            assert finding.type == types[f"{task_type}.{finding.name.rstrip('_23')}"]


def test_words_that_stand_anywhere_are_not_put_in_place_of_values() -> None:
    kept = {t: [f.name for f in finders if not f.substitute] for t, finders in SHIPPED.items()}
    assert kept == {
        "code": ["line"],
        "data_analysis": ["operation"],
        "document_processing": ["source_format", "target_format"],
        "research": [],
        "writing": ["tone", "audience"],
    }


def test_a_finder_has_at_most_three_values_each_once() -> None:
    findings = extracted([WORD], "one two one, three four", ())
    assert told(findings) == ["word=one", "word_2=two", "word_3=three"]


def test_finders_look_where_they_are_told_and_tasks_come_first() -> None:
    finders = [
        Finder("asked", "text", "a[0-9]"),
        Finder("done", "text", "b[0-9]", within="commands"),
        Finder("both", "text", "c[0-9]", within="both"),
    ]
    findings = extracted(finders, "a1 b1 c2", ["c1 a2", "b2 c2"])
    assert told(findings) == ["asked=a1", "done=b2", "both=c2", "both_2=c1"]


def test_a_value_is_not_found_by_a_later_finder_nor_is_what_begins_in_it() -> None:
    address = Finder("url", "url", r"https://\S+")
    assert told(extracted([address, WORD], "see https://x.org/see", ())) == [
        "url=https://x.org/see",
        "word=see",
    ]
    number = Finder("number", "number", "[0-9]+", within="both")
    again = Finder("again", "number", "[0-9]+", within="both")
    assert told(extracted([number, again], "1 2 3 4", ["4"])) == [
        "number=1",
        "number_2=2",
        "number_3=3",
    ]


def test_a_finding_that_holds_an_earlier_one_is_found_as_well() -> None:
    key = Finder("key", "citation", r"@\w+")
    question = Finder("question", "query", r"What[^?]+\?")
    findings = extracted([key, question], "What does @hoare say?", ())
    assert told(findings) == ["key=@hoare", "question=What does @hoare say"]


def test_the_value_is_the_group_that_took_part_or_else_the_match() -> None:
    either = Finder("it", "text", r"a=(\d)|b=(\d)")
    assert told(extracted([either], "b=2 a=1", ())) == ["it=2", "it_2=1"]
    optional = Finder("it", "text", r"c(\d)?")
    assert told(extracted([optional], "c", ())) == ["it=c"]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("<two\n  lines>", "two lines"),
        ("<ends here...>", "ends here"),
        ("<ends here .>", "ends here"),
        ("<f(x)>", "f(x)"),
        ("<x).>", "x"),
        ('<say "hi">', 'say "hi"'),
        ('<hi".>', "hi"),
        (f"<{'x' * 80}>", "x" * 80),
    ],
)
def test_a_value_is_one_line_without_the_punctuation_of_its_sentence(raw: str, value: str) -> None:
    finder = Finder("it", "text", "<([^>]*)>")
    assert extracted([finder], raw, ()) == (Finding("it", "text", value),)


@pytest.mark.parametrize("raw", ["<>", "< >", "<.>", "<)>", f"<{'x' * 81}>", "<a\x1b[1m>", "<\0>"])
def test_what_is_empty_too_long_or_not_printable_is_no_value(raw: str) -> None:
    assert extracted([Finder("it", "text", "<([^>]*)>")], raw, ()) == ()


def test_a_sentence_that_goes_on_in_the_next_line_is_one_line() -> None:
    finder = Finder("topic", "text", r"about ([^.\n]+)")
    assert told(extracted([finder], "read about\n  old\r\n  houses\nAnd about cats", ())) == [
        "topic=old houses",
        "topic_2=cats",
    ]


def test_only_the_beginning_is_looked_at() -> None:
    finder = Finder("x", "text", "x[0-9]", within="both")
    assert told(extracted([finder], " " * 19_998 + "x1x2", ["ls"] * 399 + ["x3", "x4"])) == [
        "x=x1",
        "x_2=x3",
    ]


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "-",
            " ",
            "1",
            "/",
            ".",
            "*",
            "'",
            '"',
            "(",
            "\n",
            "A ",
            "a.",
            "1-",
            "a, ",
            "a/",
            "[@",
        ),
        *(
            "rename a ",
            "change from ",
            "in the ",
            "folder ",
            "what ",
            "columns a, ",
            "join ",
            "for a ",
        ),
        *("pytest ", "python -m ", "X=", "two ", "1.1.", "template.", "http://", "save x in "),
    ],
)
def test_no_text_makes_finding_slow(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    begun = time.process_time()
    for finders in SHIPPED.values():
        extracted(finders, text, [text] * 400)
    assert time.process_time() - begun < 0.9


def test_the_same_texts_give_the_same_findings_in_every_process() -> None:
    tasks = [(task, commands) for task_type, task, commands, _ in EXAMPLES if task_type == "code"]
    code = (
        "from pathlib import Path\n"
        "from crossrun.patterns.learning.extractors import extracted\n"
        "from crossrun.config.tasktypes import load\n"
        f"for task, commands in {tasks!r}:\n"
        "    print(extracted(load('code', Path()).finders, task, commands))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    expected = [extracted(SHIPPED["code"], task, commands) for task, commands in tasks]
    assert outputs == {"".join(f"{findings}\n" for findings in expected)}


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ("3", "Expected `object`, got `int` - at `$.finders[0]`"),
        ("{name: file, type: path}", "missing required field `find`"),
        ("{name: file, type: path, find: '('}", "file: `find` is not a regular expression"),
        (
            "{name: file, type: path, find: 'a{9999999999999}'}",
            "file: `find` is not a regular expression",
        ),
        ("{name: file, type: path, find: ''}", "`$.finders[0].find`"),
        ("{name: file, type: '', find: x}", "`$.finders[0].type`"),
        ("{name: The File, type: path, find: x}", "'The File' is not a name"),
        ("{name: file_2, type: path, find: x}", "'file_2' must not end in a number"),
        ("{name: file, type: path, find: x, fnd: y}", "unknown field `fnd`"),
        ("{name: file, type: path, find: x, within: files}", "`$.finders[0].within`"),
        ("{name: file, type: path, find: x, substitute: 1}", "`$.finders[0].substitute`"),
        ("{name: a, type: b, find: x}, {name: a, type: c, find: y}", "two finders have the name a"),
    ],
)
def test_a_broken_finder_is_told_with_the_file_and_what_is_wrong(
    tmp_path: Path, entry: str, wrong: str
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(f"title: Own\nfinders: [{entry}]\n")
    with pytest.raises(ConfigurationError) as raised:
        load("own", tmp_path)
    assert raised.value.code == "TASK_TYPE_INVALID"
    assert str(file) in raised.value.message
    assert wrong in raised.value.message


def test_a_task_type_needs_no_finders(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("title: Own\n")
    assert load("own", tmp_path).finders == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["calc.py", "src/a/b.test.ts", "/x/y.tar.gz"], ("path", "file")),
        (["src/", "out/x", "./"], ("folder", "folder")),
        (["https://x.org/a.py", "http://localhost:80"], ("url", "url")),
        (["3", "-4.5", "1,200", "50%"], ("number", "number")),
        (["10-20", "5..7", "10,20", "2015 to 2020"], ("range", "range")),
        (["2024-05-01", "1.5.2024", "May 2024"], ("date", "date")),
        (["*.py", "src/**/x", "{a,b}.md", "a?.md"], ("glob", "glob")),
        (["v1.2.0", "2.0.0rc1", "3.12"], ("version", "version")),
        (["add", "plus_two", "pkg.mod", "f()", "kebab-case"], ("identifier", "name")),
        (['"add"', "plus"], ("text", "text")),
        (["two words"], ("text", "text")),
        (["calc.py", "src/"], ("text", "text")),
        (["what?"], ("text", "text")),
        ([""], ("text", "text")),
        ([], ("text", "text")),
    ],
)
def test_values_that_differ_between_runs_tell_their_type(
    values: list[str], expected: tuple[str, str]
) -> None:
    assert typed(values) == expected
    assert typed(values[::-1]) == expected


@pytest.mark.parametrize(
    "unit", ["a", "-", " ", "1", "/", ".", "*", "{", "{,", "a.", "1.", "1,000"]
)
def test_no_value_makes_typing_slow(unit: str) -> None:
    begun = time.process_time()
    typed([unit * (100_000 // len(unit))] * 2)
    assert time.process_time() - begun < 0.9
