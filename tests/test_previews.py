"""Artifacts: what is one, what a preview shows of it, and that nothing can hang or escape."""

import gzip
import json
import os
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun
from rich.cells import cell_len
from test_diff import TOKEN, in_python, raw
from test_views import in_terminal, terminal

from crossrun.cli.contents import readable
from crossrun.config.tasktypes import ArtifactKind, load
from crossrun.errors import ConfigurationError
from crossrun.views.previews import BEGINNING, Beginning, preview, unpacked

HOME_TYPE = """\
title: Mine
artifacts:
  - {kind: report, glob: "**/*.md"}
  - {kind: table, glob: "out/*.csv"}
  - {kind: thing, glob: "**"}
"""


def of(
    name: str, text: str, *, whole: bool = True, width: int = 80, color: bool = False
) -> list[str]:
    return list(preview(Beginning(name, text, whole=whole), terminal(width, color=color)))


def left(crossrun: Crossrun, script: str) -> dict[str, dict[str, Any]]:
    """The artifacts, by name, of a run of a task type that calls every file one."""
    folder = crossrun.home / "task_types"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.yaml").write_text(HOME_TYPE)
    crossrun("run", script, "--task-type", "mine", "--executor", "shell", "--quiet")
    return {one["name"]: one for one in crossrun.json("artifacts")["artifacts"]}


# --- what is one


@pytest.mark.parametrize(
    ("glob", "fitting", "others"),
    [
        ("**/*.svg", ["a.svg", "a/b/c.svg", ".h/x.svg"], ["a.svg/b", "svg", "a.svgz"]),
        ("out/**/*.csv", ["out/a.csv", "out/x/y/a.csv"], ["a.csv", "x/out/a.csv", "out"]),
        ("new/**/*", ["new/a", "new/b/c"], ["new", "news/a"]),
        ("*.md", ["a.md"], ["a/b.md"]),
        ("a/?.[ct]sv", ["a/1.csv", "a/2.tsv"], ["a/11.csv", "a/1.ssv"]),
        ("**", ["a", "a/b"], []),
        ("CHANGELOG.md", ["CHANGELOG.md"], ["changelog.md", "x/CHANGELOG.md"]),
    ],
)
def test_globs_fit_paths(glob: str, fitting: list[str], others: list[str]) -> None:
    kind = ArtifactKind("x", glob)
    assert [path for path in [*fitting, *others] if kind.fits(path)] == fitting


@pytest.mark.parametrize("glob", ["/etc/*", "../*", "a/../../*", "..", "**/../x"])
def test_a_glob_that_leads_out_of_the_workspace_is_refused(tmp_path: Path, glob: str) -> None:
    (tmp_path / "own.yaml").write_text(json.dumps({"artifacts": [{"kind": "x", "glob": glob}]}))
    with pytest.raises(ConfigurationError) as refused:
        load("own", tmp_path)
    assert refused.value.code == "TASK_TYPE_INVALID"
    assert "leads out of the workspace" in refused.value.message


def test_artifacts_have_kind_size_and_checksum_and_links_are_none(crossrun: Crossrun) -> None:
    (crossrun.cwd / "outside.md").write_text("mine")
    script = (
        "mkdir -p out d; printf 12345 > d/r.md; echo a,b > out/t.csv; mkfifo p; printf x > other;"
        f"ln -s /etc/passwd l.md; ln -s {crossrun.cwd} far; ln -s d near; ln -s loop loop"
    )
    found = left(crossrun, script)
    assert {name: (one["kind"], one["size"]) for name, one in found.items()} == {
        "diff-summary.json": ("diff-summary", found["diff-summary.json"]["size"]),
        "changes.patch": ("patch", found["changes.patch"]["size"]),
        "d/r.md": ("report", 5),
        "out/t.csv": ("table", 4),
        "other": ("thing", 1),
    }
    assert found["d/r.md"]["sha256"].startswith("5994471abb01112afcc18159f6cc74b4")
    told = crossrun("artifacts").out
    assert "5994471abb01  d/r.md" in told


def test_a_runs_closing_and_show_name_what_it_left(crossrun: Crossrun) -> None:
    left(crossrun, "echo x > README.md")
    again = crossrun("run", "printf 12 > a.md; mkdir out; : > out/t.csv", "--task-type", "mine",
                     "--executor", "shell")  # fmt: skip
    assert "  artifacts a.md       report, 2 B\n            out/t.csv  table, 0 B\n" in again.err
    assert "  artifacts a.md       report, 2 B\n" in crossrun("show").out
    many = crossrun("run", "for i in 1 2 3 4 5 6 7 8 9 10; do echo > $i.md; done", "--task-type",
                    "mine", "--executor", "shell")  # fmt: skip
    assert "… 2 more, see: crossrun artifacts" in many.err


def test_an_artifact_outlives_its_workspace_and_tells_of_changes(crossrun: Crossrun) -> None:
    found = left(crossrun, "printf 'as it was' > r.md; ln -s /etc/passwd p; echo > q.md")
    file = Path(found["r.md"]["path"])
    identity = found["r.md"]["id"]
    assert raw(crossrun, "artifacts", "get", identity) == b"as it was"

    file.write_text("something else")
    told = crossrun("artifacts", "get", identity)
    assert (told.out, told.err) == ("something else", "note: r.md has changed since the run\n")
    file.unlink()
    file.symlink_to("/etc/passwd")
    for what in ("get", "show"):
        refused = crossrun("artifacts", what, identity)
        assert (refused.code, "error[ARTIFACT_GONE]" in refused.err) == (6, True)

    file.parent.rename(file.parent.with_name("moved"))
    assert raw(crossrun, "artifacts", "get", identity) == b"as it was"
    assert "as it was" in crossrun("artifacts", "show", identity).out


def test_get_asks_before_it_replaces(crossrun: Crossrun) -> None:
    identity = left(crossrun, "printf new > r.md")["r.md"]["id"]
    (crossrun.cwd / "kept").write_text("mine")
    refused = crossrun("artifacts", "get", identity, "-o", "kept")
    assert (refused.code, "error[CONSENT_NEEDED]" in refused.err) == (2, True)
    assert crossrun("artifacts", "get", identity, "-o", "kept", "--yes").code == 0
    assert (crossrun.cwd / "kept").read_text() == "new"


# --- what a preview shows


def test_markdown_is_laid_out() -> None:
    shown = of(
        "r.md", "# Title\n\nSome *text* with [a link](https://example.org).\n\n- one\n- two\n"
    )
    assert any("Title" in line and "#" not in line for line in shown)
    assert " • one" in shown
    assert any("https://example.org" in line for line in shown)
    assert "\x1b]8" not in "".join(of("r.md", "[a](https://example.org)", color=True))


def test_a_table_shows_its_first_rows_and_columns() -> None:
    text = "name,price\n" + "".join(f"thing {n},{n}.5\n" for n in range(100))
    shown = of("t.csv", text)
    assert shown[:3] == ["name      price", "thing 0     0.5", "thing 1     1.5"]
    assert shown[-1] == "… 80 more rows"
    assert of("t.csv", text, whole=False)[-1] == "… at least 80 more rows"


@pytest.mark.parametrize(("name", "sign"), [("t.tsv", "\t"), ("t.csv", ";"), ("t.csv", "\t")])
def test_a_table_is_split_where_its_columns_are(name: str, sign: str) -> None:
    assert of(name, f"a{sign}b\n1{sign}2\n")[1] == "1  2"


def test_rows_of_other_lengths_and_cells_of_many_lines_are_shown() -> None:
    assert of("t.csv", 'a,b\n1\n1,2,3\n"x\ny",\x1b[2J\n\n') == [
        "a     b", "1", "1     2", "x^Jy  ^[[2J", "",
    ]  # fmt: skip
    assert of("t.csv", "") == []
    assert of("t.csv", "\n\n") == []


def test_json_is_indented_and_what_is_none_is_shown_as_it_is() -> None:
    assert of("a.json", '{"a":[1,"é"]}') == ["{", '  "a": [', "    1,", '    "é"', "  ]", "}"]
    assert "\x1b[" in "".join(of("a.json", '{"a": true}', color=True))
    for text in ('{"a": ', "[" * 100_000, "1" * 5000, '{"a": "\x1b[2J"}'):
        assert "\x1b[2J" not in "".join(of("a.json", text))


def test_patches_are_coloured_and_other_texts_are_lines() -> None:
    assert of("c.patch", "@@ -1 +1 @@\n-a\n+b\n", color=True)[1:] == [
        "\x1b[31m-a\x1b[0m", "\x1b[32m+b\x1b[0m",
    ]  # fmt: skip
    assert of("notes", "one\n\ttwo\n") == ["one", "    two"]
    assert len(of("log.txt", "line\n" * 1000)) == 201


HOSTILE = {
    "a hundred thousand columns": ",".join(map(str, range(100_000))),
    "one line": "x" * BEGINNING,
    "one cell": '"' + "x" * (BEGINNING - 1),
    "quotes": '"' * BEGINNING,
    "open brackets": "[" * BEGINNING,
    "nested quotes": ">" * BEGINNING,
    "nested lists": "".join(f"{' ' * n}- x\n" for n in range(700)),
    "emphasis": "*a_" * (BEGINNING // 3),
    "links": "[a](" * (BEGINNING // 4),
    "backticks": "`" * BEGINNING,
    "a table of bars": "|" * 30_000 + "\n" + "|-" * 15_000,
    "escapes": "\x1b[2J\x1b]0;title\x07" * 10_000,
    "wide": "日本" * (BEGINNING // 6),
    "html": "<a " * (BEGINNING // 3),
    "newlines": "\n" * BEGINNING,
}


@pytest.mark.parametrize("name", ["x.md", "x.csv", "x.tsv", "x.json", "x.patch", "x.txt"])
@pytest.mark.parametrize("what", HOSTILE)
def test_no_content_hangs_a_preview_or_breaks_out_of_it(name: str, what: str) -> None:
    began = time.process_time()
    shown = of(name, HOSTILE[what], whole=False)
    assert time.process_time() - began < 10
    assert len(shown) <= 202
    assert max(map(cell_len, shown), default=0) <= 80
    assert not any("\x1b" in line or "\x07" in line for line in shown)


def test_a_compressed_file_is_unpacked_no_further_than_needed() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    name, content = unpacked("transcript.jsonl.gz", bomb)
    assert (name, len(content)) == ("transcript.jsonl", BEGINNING)
    assert unpacked("a.gz", b"no gzip") == ("a.gz", b"no gzip")
    assert unpacked("a.txt", zlib.compress(b"x"))[0] == "a.txt"


def test_half_a_line_is_left_out_of_a_beginning() -> None:
    assert readable(b"one\ntwo\nsk-12", whole=False) == "one\ntwo\n"
    assert readable(b"one\ntwo", whole=True) == "one\ntwo"
    assert readable(b"x" * 5000, whole=False) == "x" * 3976


# --- the command


def test_previews_have_no_secrets_and_say_so(crossrun: Crossrun) -> None:
    crossrun.environ["MY_TOKEN"] = "correct-horse-battery"
    told = f"echo '{TOKEN}, correct-horse'-battery"
    script = f"mkdir out; for n in a.md a.json a.txt out/a.csv; do {told} > $n; done"
    for name, one in left(crossrun, script).items():
        shown = crossrun("artifacts", "show", one["id"])
        assert shown.code == 0
        for secret in (TOKEN, "correct-horse-battery"):
            assert secret not in shown.out + shown.err, name
        if one["kind"] in ("report", "table", "thing"):
            assert "note: secrets are masked here" in shown.err


def test_a_huge_file_of_one_line_is_shown_at_once(crossrun: Crossrun) -> None:
    source = "f = open('huge.csv', 'wb'); f.truncate(0); f.write(b'1,' * 10_000_000)"
    one = left(crossrun, in_python(source))["huge.csv"]
    began = time.monotonic()
    told = crossrun("artifacts", "show", one["id"])
    assert time.monotonic() - began < 20
    assert "this is the beginning of 20.0 MB" in told.err
    assert max(map(len, told.out.splitlines())) <= 100


def test_what_is_no_text_is_named_only(crossrun: Crossrun) -> None:
    one = left(crossrun, r"printf '\211PNG\r\n\032\n\0\0' > 'c.png'")["c.png"]
    told = crossrun("artifacts", "show", one["id"])
    assert (told.code, told.out) == (0, "c.png  thing, 10 B, not a text file\n")
    assert f"crossrun artifacts get {one['id']} -o FILE" in told.err


def test_previews_go_through_the_pager_and_are_harmless(crossrun: Crossrun) -> None:
    found = left(crossrun, r"printf 'a\033[2Jb\n' > t.txt; printf '# x\n\033[2J\n' > t.md")
    program = crossrun.cwd / "pager"
    program.write_text("#!/bin/sh\ncat > read\n")
    program.chmod(0o755)
    for name in ("t.txt", "t.md", "changes.patch"):
        shown = in_terminal(
            crossrun, "artifacts", "show", found[name]["id"], environ={"PAGER": str(program)}
        )
        assert shown == ""
        assert "\x1b[2J" not in (crossrun.cwd / "read").read_text()
        assert "^[[2J" in (crossrun.cwd / "read").read_text()


def test_show_in_json_is_the_artifact(crossrun: Crossrun) -> None:
    one = left(crossrun, "echo x > a.md")["a.md"]
    assert crossrun.json("artifacts", "show", one["id"]) == {"schema_version": 1, **one}
    refused = crossrun("artifacts", "show", "zzz-1")
    assert (refused.code, "error[ARTIFACT_NOT_FOUND]" in refused.err) == (6, True)


def test_a_file_that_cannot_be_read_any_more_ends_no_run(crossrun: Crossrun) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    assert "a.md" not in left(crossrun, "echo x > a.md; chmod 0 a.md")
