"""Reports: one file with everything, harmless whatever agents write, right in a browser."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import Crossrun, fill
from homes import Home
from test_search import ran, record

from crossrun.events import AgentSpoke, FileChanged, RunFinished, ToolCalled, Warned
from crossrun.model.failures import Failure
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.services.reports import render_report

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> ![p](http://evil/a.png)"
    " [x](javascript:alert(3)) [y](data:text/html,z) <style>*{display:none}</style>"
    " </pre></div></body> \x1b]8;;http://evil\x07link \u202e &amp; \"q\" 'r' --> ]]>"
)
VOID = {"meta", "br", "hr"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "h4", "p", "dl", "dt", "dd",
    "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "details", "summary", "div", "span",
    "a", "ul", "ol", "li", "strong", "em", "blockquote", "hr", "br", "footer",
}  # fmt: skip


class Checker(HTMLParser):
    """Collects elements, attributes, text, and what is not nested well."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.wrong: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def checked(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert (checker.wrong, checker.open) == ([], [])
    assert checker.tags <= ALLOWED
    names = {name for name, _ in checker.attributes}
    assert not {name for name in names if name.startswith("on") or name in ("src", "style")}
    links = [value for name, value in checker.attributes if name == "href"]
    assert all(link.startswith(("#", "https://", "http://", "mailto:")) for link in links)
    assert "default-src 'none'" in page
    return checker


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def report(home: Home, *run_ids: str, form: str = "html") -> str:
    app = App(home.settings)
    return render_report(app, [app.run(run_id) for run_id in run_ids], form)


def test_hostile_texts_stay_texts(home: Home) -> None:
    run = record(
        home,
        HOSTILE,
        Warned(message=HOSTILE),
        ran(HOSTILE, HOSTILE),
        FileChanged(path=HOSTILE, change="added"),
        ToolCalled(tool=HOSTILE, arguments={HOSTILE: HOSTILE}),
        AgentSpoke(text=f"# {HOSTILE}\n\n```\n{HOSTILE}\n```\n\n|{HOSTILE}|\n|-|\n|{HOSTILE}|\n"),
        RunFinished(status=Status.FAILED, failure=Failure("X", HOSTILE, HOSTILE)),
    )
    app = App(home.settings)
    app.store.change_run(run, "note", HOSTILE)
    app.store.change_tags(run, [HOSTILE], [])
    page = report(home, run)
    checker = checked(page)
    assert "<script>alert(1)</script>" in checker.text
    assert "\x1b" not in page
    assert "\u202e" not in page
    markdown = report(home, run, form="md")
    outside_code = re.sub(r"(?s)(`{2,}).*?\1", "", markdown)
    assert "\n<script" not in outside_code
    assert "![p]" not in outside_code
    assert "\x1b" not in markdown


def test_a_report_says_what_was_asked_done_changed_and_proven(crossrun: Crossrun) -> None:
    (crossrun.cwd / "own").mkdir()
    (crossrun.cwd / "own" / "a.txt").write_text("one\n")
    script = "echo two > a.txt; seq 40; head -c 500 /dev/zero > b.bin; printf x > c"
    words = ("run", "--executor", "shell", script, "--source", "own", "--verify", "grep two a.txt")
    run = crossrun.json(*words, "--tag", "demo")["id"]
    crossrun("note", run, "Looks right")
    page = crossrun("report", run).out
    text = checked(page).text
    for part in (
        script, "Succeeded after", "demo", "Looks right", "-one", "+two", "(binary)",
        "Proven.", "The user's check passed: grep two a.txt", "output: 40 lines",
    ):  # fmt: skip
        assert part in text, part
    assert "GIT binary patch" not in text
    markdown = crossrun("report", run, "--format", "md").out
    for part in ("**Succeeded after", "+two", "- **Note:** Looks right", "| a.txt | modified |"):
        assert part in markdown, part
    assert "\n![" not in markdown


def test_several_runs_are_one_file_with_links(home: Home) -> None:
    runs = [record(home, f"Task {number}", ran("true")) for number in range(2)]
    page = report(home, *runs)
    checker = checked(page)
    assert {("href", f"#{run}") for run in runs} | {("id", run) for run in runs} <= (
        checker.attributes
    )
    assert "2 runs" in checker.text
    markdown = report(home, *runs, form="md")
    assert all(f"](#{run})" in markdown and f'<a id="{run}">' in markdown for run in runs)


def test_very_long_runs_are_cut_and_say_so(home: Home) -> None:
    long = ran("true", "x" * 50_000)
    run = record(home, "x", long, *[ran(f"echo {number}") for number in range(900)])
    page = report(home, run)
    text = checked(page).text
    assert "30,000 characters left out" in text
    assert "402 steps left out" in text
    assert "echo 0" in text
    assert "echo 899" in text
    assert len(page) < 1_000_000


def test_secrets_are_removed_again(home: Home) -> None:
    run = record(home, "x", ran("true"))
    secret = "ghp_" + "a1B2" * 9
    App(home.settings).store.change_run(run, "note", secret)
    assert secret not in report(home, run)
    assert secret not in report(home, run, form="md")


def test_on_a_full_disk_an_earlier_report_stays(crossrun: Crossrun, small_disk: Path) -> None:
    crossrun.json("run", "true", "--executor", "shell")
    report = small_disk / "report.html"
    report.write_text("earlier")
    report.chmod(0o640)
    fill(small_disk, leave=0)
    assert "OUTPUT_UNWRITABLE" in crossrun("report", "-o", str(report), "--yes").err
    assert report.read_text() == "earlier"
    (small_disk / "filling").unlink()
    assert crossrun("report", "-o", str(report), "--yes").code == 0
    assert report.read_text().lower().startswith("<!doctype html>")
    assert report.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in small_disk.iterdir()] == ["report.html"]


def test_files_are_written_by_their_names_and_not_replaced(crossrun: Crossrun) -> None:
    crossrun("run", "--executor", "shell", "true")
    assert crossrun("report", "-o", "a.md").code == 0
    assert (crossrun.cwd / "a.md").read_text().startswith("<a id=")
    assert crossrun("report", "-o", "a.html").code == 0
    assert (crossrun.cwd / "a.html").read_text().startswith("<!doctype html>")
    again = crossrun("report", "-o", "a.html")
    assert (again.code, "CONSENT_NEEDED" in again.err) == (2, True)
    assert crossrun("report", "-o", "a.html", "--yes").code == 0
    assert crossrun("report", "-o", "a.pdf").code == 2
    assert crossrun("report", "-o", "-", "--format", "md").out.startswith("<a id=")


@pytest.mark.process
def test_a_browser_shows_it_without_an_error_and_prints_what_is_folded(
    home: Home, tmp_path: Path
) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None or shutil.which("pdftotext") is None:
        pytest.skip("takes chromium and pdftotext")
    output = "\n".join(f"line-{number}" for number in range(60))
    run = record(home, HOSTILE, ran("seq", output), AgentSpoke(text=HOSTILE))
    page, paper = tmp_path / "report.html", tmp_path / "report.pdf"
    page.write_text(report(home, run))
    common = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    common.append(f"--user-data-dir={tmp_path / 'profile'}")
    done = subprocess.run(
        [*common, f"--print-to-pdf={paper}", page.as_uri()],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert paper.exists(), done.stderr
    assert "CONSOLE" not in done.stderr
    text = subprocess.run(["pdftotext", paper, "-"], check=True, capture_output=True, text=True)
    assert "What is proven" in text.stdout
    assert "line-37" in text.stdout
