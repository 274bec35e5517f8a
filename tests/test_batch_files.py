"""Files of rows: what they mean, and what is said about those that are broken."""

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from crossrun.batches.files import RowFile, RowForm, form_of, parse_rows
from crossrun.batches.graph import require_order
from crossrun.batches.rows import RowPlan, rows_of_file, rows_of_paths
from crossrun.errors import UsageError

HERE = Path("/rows")


def parsed(text: str | bytes, form: RowForm = "yaml") -> RowFile:
    content = text.encode() if isinstance(text, str) else text
    return parse_rows(content, form, f"rows.{form}")


def plans(
    text: str | bytes, form: RowForm = "yaml", **options: str | float | bool
) -> list[RowPlan]:
    return rows_of_file(parsed(text, form), options, HERE)


def options(
    text: str | bytes, form: RowForm = "yaml", **others: str | float | bool
) -> list[dict[str, Any]]:
    return [plan.options for plan in plans(text, form, **others)]


def problem(text: str | bytes, form: RowForm = "yaml", **options: str | float | bool) -> str:
    with pytest.raises(UsageError) as caught:
        require_order(plans(text, form, **options))
    assert caught.value.hint
    return caught.value.message


def test_the_three_forms_say_the_same() -> None:
    yaml = """
        - name: a
          task: Convert a
          timeout: 5m
          tags: [x, y]
          no_pattern: true
        - task: Check it
          after: a
    """
    lines = (
        '{"name": "a", "task": "Convert a", "timeout": "5m", "tags": ["x", "y"],'
        ' "no_pattern": true}\n\n{"task": "Check it", "after": ["a"]}\n'
    )
    table = 'name,task,timeout,tags,no_pattern,after\na,Convert a,5m,"x, y",yes,\n,Check it,,,,a\n'
    first = {
        "name": "a", "task": "Convert a", "timeout": 300.0, "tags": ("x", "y"), "no_pattern": True
    }  # fmt: skip

    for text, form in ((yaml, "yaml"), (lines, "jsonl"), (table, "csv")):
        a, b = plans(text, form)  # type: ignore[arg-type]
        assert (a.name, a.options, a.after) == ("a", first, ())
        assert (b.name, b.options, b.after) == ("2", {"task": "Check it"}, ("a",))


def test_a_text_alone_is_a_task() -> None:
    assert options("- Fix the tests\n- Update the docs") == [
        {"task": "Fix the tests"},
        {"task": "Update the docs"},
    ]
    assert options('"Fix the tests"\n', "jsonl") == [{"task": "Fix the tests"}]


def test_values_of_yaml_are_the_text_that_was_written() -> None:
    (row,) = options("- {task: '{x}', name: 007, model: no, verify: 1.10, tags: [on, 2026-01-01]}")

    assert row == {
        "task": "{x}", "name": "007", "model": "no", "verify": "1.10", "tags": ("on", "2026-01-01")
    }  # fmt: skip


def test_a_value_that_is_nothing_is_not_given() -> None:
    assert options("- {task: x, verify: , model: ~, timeout: null}") == [{"task": "x"}]
    assert options('{"task": "x", "verify": null}', "jsonl") == [{"task": "x"}]
    assert options("task,verify\nx,\n", "csv") == [{"task": "x"}]


def test_a_template_gets_the_fields_of_each_row() -> None:
    text = "path,year\na.csv,2024\nb.csv,2025\n"

    rows = options(text, "csv", task="Sum {path} of {year}, row {number}", verify="test -s {path}")

    assert rows == [
        {"task": "Sum a.csv of 2024, row 1", "verify": "test -s a.csv"},
        {"task": "Sum b.csv of 2025, row 2", "verify": "test -s b.csv"},
    ]


@pytest.mark.parametrize(
    "template", ["printf %s {path}", "printf %s '{path}'", 'printf %s "{path}"']
)
def test_a_value_in_a_check_is_text_for_the_shell(template: str) -> None:
    for path in ("a.md", "a b.md", "a'b; touch c.md", '$(touch c) `touch c` "\\', "{{x}}"):
        (row,) = rows_of_paths([path], {"task": "Convert {path}", "verify": template})

        printed = subprocess.run(
            ["sh", "-c", row.options["verify"]], capture_output=True, check=True
        )

        assert printed.stdout.decode() == path
        assert row.options["task"] == f"Convert {path}"


def test_braces_that_hold_no_field_are_left_alone() -> None:
    template = 'Print {"a": {"b": 1}} and ${HOME}, \\d{3}, {}, { x }, {{path}} for {path}'

    (row,) = options("path\na.csv\n", "csv", task=template)

    expected = 'Print {"a": {"b": 1}} and ${HOME}, \\d{3}, {}, { x }, {path} for a.csv'
    assert row["task"] == expected


def test_a_task_of_a_row_is_not_a_template() -> None:
    assert options("- task: Use {path} as it is", task="{path}") == [
        {"task": "Use {path} as it is"}
    ]


def test_a_file_may_have_options_for_all_rows() -> None:
    text = """
        task: Convert {path}
        verify: test -s {path}.md
        model: small
        rows:
          - path: a
          - path: b
            model: large
    """

    assert options(text, model="medium", timeout=60.0) == [
        {"task": "Convert a", "verify": "test -s a.md", "model": "medium", "timeout": 60.0},
        {"task": "Convert b", "verify": "test -s b.md", "model": "large", "timeout": 60.0},
    ]


def test_an_option_of_a_row_takes_the_place_of_one_that_contradicts_it() -> None:
    first, second = plans("- {task: a, name: one}\n- {task: b, from: one}", source=".", clean=True)

    assert first.options == {"task": "a", "name": "one", "source": ".", "clean": True}
    assert (second.options, second.from_row) == ({"task": "b"}, "one")
    assert options("- {task: a, no_pattern: true}", pattern="9c1") == [
        {"task": "a", "no_pattern": True}
    ]


def test_paths_in_a_file_are_relative_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    rows = parsed("- {task: a, source: src, workspace: w, images: [i.png], add_dirs: [/abs]}")

    (row,) = rows_of_file(rows, {}, tmp_path)

    assert row.options == {
        "task": "a",
        "source": str(tmp_path / "src"),
        "workspace": tmp_path / "w",
        "images": (tmp_path / "i.png",),
        "add_dirs": (Path("/abs"),),
    }


def test_a_source_that_is_not_a_folder_is_kept_as_it_is(tmp_path: Path) -> None:
    rows = parsed("- {task: a, source: k7f3}\n- {task: b, source: 'https://example.com/x.git'}")

    plans = rows_of_file(rows, {"source": "."}, tmp_path)

    assert [row.options["source"] for row in plans] == ["k7f3", "https://example.com/x.git"]


def test_each_path_is_a_row() -> None:
    (row,) = rows_of_paths(
        ["old/SOP 1.docx"], {"task": "Convert {path} to new/{stem}.md", "timeout": 5.0}
    )

    assert (row.name, row.place) == ("old/SOP 1.docx", "old/SOP 1.docx")
    assert row.options == {
        "task": "Convert old/SOP 1.docx to new/SOP 1.md", "timeout": 5.0, "name": "old/SOP 1.docx"
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["a,b", "../../etc/passwd", "x\x1b[31m", "ünï ☃", "- dash", "#1", "a" * 5000, "{path}"]
)
def test_a_name_may_be_any_text(name: str) -> None:
    import json

    row, other = plans(
        json.dumps({"task": "x", "name": name}) + "\n" + json.dumps({"task": "y", "from": name}),
        "jsonl",
    )

    assert (row.name, other.from_row) == (name, name)


def test_spreadsheets_write_a_mark_at_the_start_other_separators_and_line_ends() -> None:
    expected = [{"task": "Say 'hi'\nand go; now", "model": "ü"}, {"task": "b"}]

    for separator in ",;\t":
        text = f"task{separator}model\r\n\"Say 'hi'\nand go; now\"{separator}ü\r\n\r\nb{separator}"
        assert options(b"\xef\xbb\xbf" + text.encode(), "csv") == expected
    marked = b'\xef\xbb\xbf{"task": "b"}\r\n'
    assert options(marked, "jsonl") == [{"task": "b"}]
    assert options(b"\xef\xbb\xbf- b\r\n", "yaml") == [{"task": "b"}]


def test_empty_rows_are_left_out() -> None:
    assert options("task,model\n,\n  ,\n\na,\n,,,\n", "csv") == [{"task": "a"}]
    assert options("-\n- a\n- ~\n") == [{"task": "a"}]


def test_the_name_of_a_file_says_its_form() -> None:
    forms = [form_of(f"a{end}") for end in (".yaml", ".YML", ".jsonl", ".ndjson", ".csv", ".tsv")]

    assert forms == ["yaml", "yaml", "jsonl", "jsonl", "csv", "csv"]
    with pytest.raises(UsageError, match=r"rows\.txt: the name does not show"):
        form_of("rows.txt")


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        ("", "yaml", "rows.yaml has no list of rows"),
        ("just words", "yaml", "rows.yaml has no list of rows"),
        ("rows: 3", "yaml", "rows.yaml has no list of rows"),
        ("task: x", "yaml", "rows.yaml has no list of rows"),
        ("rows: []", "yaml", "rows.yaml: there are no rows"),
        ("task,model\n", "csv", "rows.csv: there are no rows"),
        ("\n\n", "jsonl", "rows.jsonl: there are no rows"),
        ("- a\n- [b]", "yaml", "rows.yaml, line 2 is neither a task nor fields with values"),
        ("- a\nb: 1", "yaml", "rows.yaml, line 2 is not YAML: "),
        ("- task: [a\n", "yaml", "rows.yaml, line 2 is not YAML: "),
        ("- a: &x\n    b: *x", "yaml", "rows.yaml, line 1 is not YAML: "),
        ("- !!python/object:os.system x", "yaml", "rows.yaml, line 1 is not YAML: "),
        ("- {task: a}\n---\n- b", "yaml", "rows.yaml, line 2 is not YAML: "),
        ("- task: a\n  task: b", "yaml", "rows.yaml, line 2 repeats 'task'"),
        ("rows: [a]\nrows: [b]", "yaml", "rows.yaml, line 2 repeats 'rows'"),
        ("model: a\nmodel: b\nrows: [b]", "yaml", "rows.yaml, line 2 repeats 'model'"),
        (
            "- task: {a: 1}",
            "yaml",
            "rows.yaml, line 1, field 'task' is neither text nor a list of texts",
        ),
        ('{"task": "a"}\n{"task": ', "jsonl", "rows.jsonl, line 2 is not JSON: "),
        ("[1]", "jsonl", "rows.jsonl, line 1 is neither a task nor fields with values"),
        ("[" * 100_000, "jsonl", "rows.jsonl, line 1 is not JSON: "),
        ("[" * 100_000, "yaml", "rows.yaml"),
        ('task\n"a', "csv", "rows.csv, line 2 is not CSV: "),
        ("task\na,b\n", "csv", "rows.csv, line 2 has more cells than the header has columns (1)"),
        ("task,,model\n", "csv", "rows.csv, line 1 has no name for column 2"),
        ("task,task\n", "csv", "rows.csv, line 1 has two columns with the name 'task'"),
        (b"task\na\n\xff\n", "csv", "rows.csv, line 3 is not UTF-8 text"),
        (b"\xff\xfet\x00", "csv", "rows.csv, line 1 is not UTF-8 text"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    text: str | bytes, form: RowForm, message: str
) -> None:
    assert problem(text, form).startswith(message)


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        (
            "- {task: a, sorce: b}",
            "yaml",
            "rows.yaml, line 1: 'sorce' is not an option of a row; did you mean 'source'?",
        ),
        (
            'task,Timeout\n"a\nb",5\n',
            "csv",
            "rows.csv, line 2: 'Timeout' is not an option of a row; did you mean 'timeout'?",
        ),
        (
            'task,timeout\n"a\nb",5\nc,five\n',
            "csv",
            "rows.csv, line 4, timeout: 'five' is not a duration like 90, 90s, 5m, 2h or 7d",
        ),
        (
            "- {task: a, max_turns: 0}",
            "yaml",
            "rows.yaml, line 1, max_turns: '0' is not a whole number above zero",
        ),
        (
            "- {task: a, executor: codecs}",
            "yaml",
            "rows.yaml, line 1, executor: 'codecs' is not one of codex, replay, shell, script",
        ),
        ("- {task: [a, b]}", "yaml", "rows.yaml, line 1, task: is a list, not a single value"),
        ("- {task: a, name: ' '}", "yaml", "rows.yaml, line 1: the name is empty"),
        (
            "{verifi: x, rows: [a]}",
            "yaml",
            "rows.yaml: 'verifi' is not an option for all rows; did you mean 'verify'?",
        ),
        (
            "{after: x, rows: [a]}",
            "yaml",
            "rows.yaml: 'after' is not an option for all rows",
        ),
    ],
)
def test_a_field_that_means_nothing_is_named(text: str, form: RowForm, message: str) -> None:
    assert problem(text, form).startswith(message)


def test_a_field_that_a_row_does_not_have_is_named_with_the_nearest_one() -> None:
    assert problem("path\na\n", "csv", task="Convert {pth}") == (
        "rows.csv, line 2: there is no value for {pth}; did you mean {path}?"
    )
    assert problem("path,x\na,1\n,2\n", "csv", task="Convert {path} {x}") == (
        "rows.csv, line 3: there is no value for {path}"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {task: a, name: x, after: x}", "these rows wait for each other: x → x"),
        (
            "- {name: x, after: z}\n- {name: y, from: x}\n- {name: z, after: [y]}",
            "these rows wait for each other: x → z → y → x",
        ),
        (
            "- {task: a, name: build}\n- {task: b, after: biuld}",
            "rows.yaml, line 2: '2' needs 'biuld', but there is no such row; did you mean 'build'?",
        ),
        (
            "- {task: a, name: x}\n- {task: b, name: x}\n- {task: c}",
            "2 rows have the name 'x': rows.yaml, line 1, rows.yaml, line 2",
        ),
        (
            "- {task: a, name: '2'}\n- {task: b}",
            "2 rows have the name '2': rows.yaml, line 1, rows.yaml, line 2",
        ),
    ],
)
def test_rows_that_cannot_be_ordered_are_named(text: str, message: str) -> None:
    assert problem(text) == message


@pytest.mark.parametrize("form", ["yaml", "jsonl", "csv"])
def test_ten_thousand_rows_take_seconds_at_most(form: RowForm) -> None:
    rows = {
        "yaml": "\n".join(f"- {{path: f{n}, after: {n - 1}}}" if n > 1 else "- {path: f1}"
                          for n in range(1, 10_001)),
        "jsonl": "\n".join(f'{{"path": "f{n}"}}' for n in range(10_000)),
        "csv": "path,tags\n" + "\n".join(f'f{n},"a, b"' for n in range(10_000)),
    }  # fmt: skip
    began = time.process_time()

    planned = plans(rows[form], form, task="Convert {path}")
    require_order(planned)

    assert len(planned) == 10_000
    assert time.process_time() - began < 30
