"""Whether scripts of patterns do what agents did, byte for byte, or leave it to the agent.

    python benchmarks/compiled.py [--family NAME] [--show]

Families of tasks whose steps are commands. Three runs teach each, in other words and with other
values, through the real engine and store; their commands are run by the executor `shell`. Then the
pattern is compiled, and tasks with fresh inputs are run with `--compiled`. What they have to write
is computed here, without the commands. A fresh run is *exact* (all files as they should be, without
the agent), *left* (the agent got the task) or *wrong*. Near misses are tasks with another aim, run
as with the setting `when-proven`: a script must not begin them.

Families marked as `no` cannot be compiled, and must not be.
"""

# ruff: noqa: E501, S608  tasks and commands stay on one line; the SQL is that of agents

import argparse
import csv
import hashlib
import io
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.config.sources import load
from crossrun.events import AgentEvent, AgentSpoke, Channel, FileChanged
from crossrun.executors import TurnRequest, TurnResult
from crossrun.executors.shell import Shell
from crossrun.memory.compiling import compiled_pattern
from crossrun.model.requests import BeginWith, MemoryOptions, RunRequest
from crossrun.model.runs import Run
from crossrun.patterns.compiling.values import NotCompiled
from crossrun.projections.resume import Parent
from crossrun.services.app import App
from crossrun.services.assembly import gather_dependencies
from crossrun.services.lineage import PreparedRun
from crossrun.services.runs import carrying_out
from crossrun.system.cancellation import CancelToken

ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
TAUGHT = 3
FRESH = 3


class Written(NamedTuple):
    """A file that the agent writes with its own tool."""

    path: str
    content: str
    change: str = "added"


Did = str | Written


class Job(NamedTuple):
    """One task with its inputs, what an agent does, and what has to come of it."""

    task: str
    inputs: dict[str, str]
    did: Sequence[Did]
    verify: str
    outputs: dict[str, bytes]


class Family(NamedTuple):
    """Tasks of one kind by their number, and a task with the same words and another aim."""

    job: Callable[[int], Job]
    near_miss: str
    compiles: bool = True


# ------------------------------------------------------------------------------ the families

WORDS = (
    "apple", "bread", "cloud", "delta", "ember", "field", "grape", "house", "ivory", "jelly",
)  # fmt: skip


def table(number: int, columns: Sequence[str] = ("id", "name", "amount")) -> list[dict[str, str]]:
    rows = range(3 + number % 3)
    words = [WORDS[(number * 3 + row) % len(WORDS)] for row in rows]
    values = [(str(row + 1), words[row], str((row * 37 + number * 11) % 100)) for row in rows]
    return [dict(zip(columns, value, strict=True)) for value in values]


def as_csv(rows: Sequence[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def pick(number: int, *choices: str) -> str:
    return choices[number % len(choices)]


CONVERT = """import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
with open(sys.argv[2], "w") as out:
    json.dump(rows, out, indent=1)
"""


def csv_to_json(number: int) -> Job:
    name = pick(number, "sales", "orders", "stock", "members", "prices 2026", "it's")
    task = pick(
        number,
        f"Convert {name}.csv to JSON",
        f"Turn the table {name}.csv into a JSON file",
        f"I need {name}.csv as JSON, please",
        f"Please convert {name}.csv into JSON",
        f"Convert the table '{name}.csv' to JSON",
        f'Turn "{name}.csv" into JSON',
    )
    quoted = f'"{name}'
    rows = table(number)
    return Job(
        task,
        {f"{name}.csv": as_csv(rows)},
        [
            f"head -n 3 {name}.csv",
            f"cat > convert.py <<'EOF'\n{CONVERT}EOF",
            f'python3 convert.py {quoted}.csv" {quoted}.json"',
        ],
        f'python3 -m json.tool {quoted}.json" > /dev/null',
        {f"{name}.json": json.dumps(rows, indent=1).encode(), "convert.py": CONVERT.encode()},
    )


def literal_program(number: int) -> Job:
    name = pick(number, "rain", "wind", "snow", "sun", "fog", "hail")
    limit = str(10 + number * 7)
    rows = table(number)
    program = f"""python3 - <<'EOF'
import csv
with open("data/{name}.csv", newline="") as source, open("{name}-top.txt", "w") as out:
    for row in csv.DictReader(source):
        if int(row["amount"]) > {limit}:  # above {limit}
            print(row["name"], file=out)
EOF"""
    top = [row["name"] for row in rows if int(row["amount"]) > int(limit)]
    return Job(
        pick(
            number,
            f"List the names in data/{name}.csv with an amount above {limit}",
            f"Which names in data/{name}.csv have amounts above {limit}? Write a list.",
            f"From data/{name}.csv, write down the names whose amount is above {limit}",
        ),
        {f"data/{name}.csv": as_csv(rows)},
        [f"cat data/{name}.csv", program],
        f"test -f {name}-top.txt",
        {f"{name}-top.txt": "".join(f"{value}\n" for value in top).encode()},
    )


def rename_by_date(number: int) -> Job:
    folder, date = (
        pick(number, "trip", "party", "hike", "beach", "fair", "zoo"),
        f"2026-0{number + 1}-1{number}",
    )
    names = [f"{word}.jpg" for word in WORDS[number : number + 3]]
    return Job(
        pick(
            number,
            f"Rename the photos in {folder}/ so that they begin with {date}",
            f"Put the date {date} before the name of each photo in {folder}/",
            f"All photos in {folder}/ shall begin with {date}",
        ),
        {f"{folder}/{name}": name for name in names},
        [
            f"head -c 20 {folder}/{names[0]}",
            f'for f in {folder}/*.jpg; do mv "$f" "{folder}/{date}_$(basename "$f")"; done',
        ],
        f"ls {folder}/{date}_*.jpg > /dev/null",
        {f"{folder}/{date}_{name}": name.encode() for name in names},
    )


def checksums(number: int) -> Job:
    folder = pick(number, "dist", "release", "build/out", "packages", "wheels", "images")
    files = {f"{folder}/{word}.bin": word * (number + 2) for word in WORDS[number : number + 4]}
    lines = [
        f"{hashlib.sha256(text.encode()).hexdigest()}  {Path(path).name}\n"
        for path, text in sorted(files.items())
    ]
    return Job(
        pick(
            number,
            f"Write the SHA-256 sums of the files in {folder}/ to {folder}/SHA256SUMS",
            f"Make {folder}/SHA256SUMS with a checksum of every file in {folder}/",
            f"Add checksums to {folder}/ in the usual file {folder}/SHA256SUMS",
        ),
        files,
        [f"cat {next(iter(files))}", f"cd {folder} && sha256sum *.bin > SHA256SUMS"],
        f"cd {folder} && sha256sum --quiet -c SHA256SUMS",
        {f"{folder}/SHA256SUMS": "".join(lines).encode()},
    )


TEMPLATE = "# @TITLE@\n\nWritten for @WHO@ on @DAY@.\n"


def report(number: int) -> Job:
    title = pick(
        number,
        "Harvest 2025",
        "Staff survey",
        "Roof repairs",
        "Budget",
        "Tool shed",
        "Q3 & Q4 <draft>",
    )
    who = pick(number, "the board", "all members", "the mayor", "our donors", "Jo", "the club")
    day = f"2026-03-0{number + 1}"
    file = pick(number, "harvest", "survey", "roof", "budget", "shed", "quarters")
    text = TEMPLATE.replace("@TITLE@", title).replace("@WHO@", who).replace("@DAY@", day)
    return Job(
        pick(
            number,
            f'Fill template.md with the title "{title}" for "{who}", dated {day}, as {file}.md',
            f'Make {file}.md of template.md: title "{title}", written for "{who}", date {day}',
            f'From template.md write {file}.md: title "{title}", reader "{who}", day {day}',
        ),
        {"template.md": TEMPLATE},
        [
            "cat template.md",
            f'sed -e "s/@TITLE@/{title}/" -e "s/@WHO@/{who}/" -e "s/@DAY@/{day}/" template.md > {file}.md',
        ],
        f"! grep -q @ {file}.md",
        {f"{file}.md": text.encode()},
    )


def log_summary(number: int) -> Job:
    status = str(400 + number * 20)
    file = pick(
        number, "access.log", "web.log", "logs/proxy.log", "edge.log", "api.log", "old/cdn.log"
    )
    lines = [f"/p{n % 4} {200 + n * 37 % 400} {n}" for n in range(20 + number)]
    counts = Counter(line.split()[0] for line in lines if int(line.split()[1]) >= int(status))
    out = "".join(f"{path} {count}\n" for path, count in sorted(counts.items()))
    return Job(
        pick(
            number,
            f"Count the requests in {file} with a status of {status} or more by path, in errors.txt",
            f"In errors.txt, say how many requests of {file} by path had a status of at least {status}",
            f"Write errors.txt: requests by path in {file} whose status is {status} or higher",
        ),
        {file: "".join(f"{line}\n" for line in lines)},
        [
            f"head {file}",
            f"awk '$2 >= {status} {{n[$1]++}} END {{for (p in n) print p, n[p]}}' {file} | sort > errors.txt",
        ],
        "test -f errors.txt",
        {"errors.txt": out.encode()},
    )


def sqlite_query(number: int) -> Job:
    name = pick(number, "clients", "trees", "boats", "books", "songs", "parts")
    word = WORDS[number * 3 % len(WORDS)]
    rows = table(number)
    matching = [row for row in rows if row["name"] == word]
    out = "".join(f"{row['id']},{row['amount']}\n" for row in matching)
    return Job(
        pick(
            number,
            f'Load {name}.csv into {name}.db with SQLite and export the rows named "{word}" to hits.csv',
            f'Put {name}.csv into an SQLite database {name}.db; the rows whose name is "{word}" go to hits.csv',
            f'Import {name}.csv to {name}.db (SQLite), then write the rows with the name "{word}" to hits.csv',
        ),
        {f"{name}.csv": as_csv(rows)},
        [
            f"rm -f {name}.db && sqlite3 {name}.db '.mode csv' '.import {name}.csv items'",
            (
                f"sqlite3 -csv {name}.db \"SELECT id, amount FROM items WHERE name = '{word}' ORDER BY id\""
                " | tr -d '\\r' > hits.csv"
            ),
        ],
        f"test \"$(sqlite3 {name}.db 'SELECT count(*) > 0 FROM items')\" = 1",
        {"hits.csv": out.encode()},
    )


TO_HTML = """import html, sys
lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for line in lines:
        if line.startswith("# "):
            print(f"<h1>{html.escape(line[2:])}</h1>", file=out)
        elif line:
            print(f"<p>{html.escape(line)}</p>", file=out)
"""


def markdown_to_html(number: int) -> Job:
    name = pick(number, "guide", "intro", "notes/setup", "faq", "notes/rules", "terms")
    body = f"# About {WORDS[number]}\n\nIt is < {number}.\n"
    out = f"<h1>About {WORDS[number]}</h1>\n<p>It is &lt; {number}.</p>\n"
    return Job(
        pick(
            number,
            f"Make an HTML page of {name}.md",
            f"Write {name}.md as HTML",
            f"Convert {name}.md to an HTML page",
        ),
        {f"{name}.md": body},
        [
            f"cat {name}.md",
            Written("tohtml.py", TO_HTML),
            f"python3 tohtml.py {name}.md {name}.html",
        ],
        f"grep -q '<h1>' {name}.html",
        {f"{name}.html": out.encode(), "tohtml.py": TO_HTML.encode()},
    )


def archive(number: int) -> Job:
    folder, day = (
        pick(number, "src", "site", "papers", "maps", "data", "art"),
        f"2025-1{number % 3}-0{number + 1}",
    )
    files = {f"{folder}/{word}.txt": word for word in WORDS[number : number + 2]}
    return Job(
        pick(
            number,
            f"Pack {folder}/ into {folder}.tar, all times set to {day}, and list it in {folder}.lst",
            f"Make {folder}.tar of the folder {folder}/ with the date {day}; a listing goes to {folder}.lst",
            f"A reproducible {folder}.tar of {folder}/ (dated {day}) and its listing {folder}.lst, please",
        ),
        files,
        [
            f"tar --sort=name --owner=0 --group=0 --numeric-owner --mtime='{day} 00:00Z' --mode=a+rX -cf {folder}.tar {folder}",
            f"TZ=UTC tar -tvf {folder}.tar | awk '{{print $4, $6}}' > {folder}.lst",
        ],
        f"tar -tf {folder}.tar > /dev/null",
        {
            f"{folder}.lst": "".join(
                f"{day} {name}\n" for name in [f"{folder}/", *sorted(files)]
            ).encode()
        },
    )


def configuration(number: int) -> Job:
    host = pick(
        number,
        "alpha.example",
        "beta.example",
        "gamma.example",
        "delta.example",
        "e.example",
        "f.example",
    )
    port, name = str(8000 + number), pick(number, "shop", "blog", "wiki", "mail", "chat", "news")
    text = f"[server]\nhost = {host}\nport = {port}\n\n[log]\nfile = /var/log/{name}.log\n"
    return Job(
        pick(
            number,
            f'Write etc/{name}.ini for the host "{host}", port {port}',
            f'Create the configuration etc/{name}.ini: host "{host}" and port {port}',
            f'Generate etc/{name}.ini with host "{host}", listening on port {port}',
        ),
        {"README": "configurations are in etc"},
        [f"mkdir -p etc && cat > etc/{name}.ini <<EOF\n{text}EOF", f"cat etc/{name}.ini"],
        f"grep -q '^port = {port}$' etc/{name}.ini",
        {f"etc/{name}.ini": text.encode()},
    )


def image(number: int) -> str:
    size = 4
    pixels = "\n".join(
        " ".join(str((x * 3 + y * 5 + number) % 10) for x in range(size)) for y in range(size)
    )
    return f"P2\n{size} {size}\n9\n{pixels}\n"


RESIZE = """import sys
words = open(sys.argv[1]).read().split()
width, height, top = map(int, words[1:4])
pixels, new = words[4:], int(sys.argv[2])
rows = [
    " ".join(pixels[(y * height // new) * width + x * width // new] for x in range(new))
    for y in range(new)
]
open(sys.argv[3], "w").write(f"P2\\n{new} {new}\\n{top}\\n" + "\\n".join(rows) + "\\n")
"""


def resize(number: int) -> Job:
    name, size = pick(number, "logo", "icon", "cover", "badge", "stamp", "seal"), 2 + number
    old = image(number).split()[4:]
    rows = [
        " ".join(old[(y * 4 // size) * 4 + x * 4 // size] for x in range(size)) for y in range(size)
    ]
    out = f"P2\n{size} {size}\n9\n" + "\n".join(rows) + "\n"
    return Job(
        pick(
            number,
            f"Resize {name}.pgm to {size} pixels as {name}-small.pgm",
            f"Scale {name}.pgm to {size} pixels; call it {name}-small.pgm",
            f"Make {name}-small.pgm, which is {name}.pgm at {size} pixels",
        )
        if number % 3 != 2
        else f"Scale the image {name}.pgm to {size} pixels, as {name}-small.pgm",
        {f"{name}.pgm": image(number)},
        [
            f"head -n 2 {name}.pgm",
            f"cat > resize.py <<'PY'\n{RESIZE}PY\npython3 resize.py {name}.pgm {size} {name}-small.pgm",
        ],
        f"grep -q '^{size} {size}$' {name}-small.pgm",
        {f"{name}-small.pgm": out.encode(), "resize.py": RESIZE.encode()},
    )


def jq_filter(number: int) -> Job:
    file, year = (
        pick(number, "books", "films", "plays", "songs", "games", "poems"),
        str(1990 + number * 5),
    )
    items = [{"title": word, "year": 1980 + n * 7} for n, word in enumerate(WORDS)]
    recent = [item for item in items if int(str(item["year"])) >= int(year)]
    return Job(
        pick(
            number,
            f"Keep only the entries of {file}.json from {year} on, in recent.json",
            f"Filter {file}.json: keep only the entries from {year} on in recent.json",
            f"Keep in recent.json only the entries of {file}.json that are from {year} on",
        ),
        {f"{file}.json": json.dumps(items)},
        [
            f"jq 'length' {file}.json",
            f"jq -c '[.[] | select(.year >= {year})]' {file}.json > recent.json",
        ],
        "jq -e 'length > 0' recent.json > /dev/null",
        {"recent.json": (json.dumps(recent, separators=(",", ":")) + "\n").encode()},
    )


def join_tables(number: int) -> Job:
    left, right = (
        pick(number, "staff", "teams", "rooms", "cars", "dogs", "cats"),
        pick(number, "pay", "scores", "keys", "tax", "vets", "toys"),
    )
    first = "".join(f"{n},{WORDS[n]}\n" for n in range(5, 0, -1))
    second = "".join(f"{n},{n * number}\n" for n in (2, 4, 5, 8))
    out = "".join(f"{n},{WORDS[n]},{n * number}\n" for n in (2, 4, 5))
    return Job(
        pick(
            number,
            f"Join {left}.csv and {right}.csv on the first column into joined.csv",
            f"Merge {left}.csv with {right}.csv by their first column, as joined.csv",
            f"Combine {left}.csv and {right}.csv by the first column and write joined.csv",
        ),
        {f"{left}.csv": first, f"{right}.csv": second},
        [
            f"head -n 2 {left}.csv {right}.csv",
            (
                f"sort -t, -k1,1 {left}.csv > left.tmp && sort -t, -k1,1 {right}.csv > right.tmp"
                f" && join -t, left.tmp right.tmp > joined.csv; rm -f right.tmp left.tmp"
            ),
        ],
        "test -s joined.csv",
        {"joined.csv": out.encode()},
    )


def headers(number: int) -> Job:
    author = pick(number, "Ann Lee", "Bob", "Cy O'Hara", "Dee \\ Co", "Émile Zola", "$(id) `id`")
    folder = pick(number, "posts", "drafts", "essays", "letters", "diary", "memos")
    quoted = author.replace("'", "'\\''")
    files = {f"{folder}/{word}.md": f"{word}\n" for word in WORDS[number : number + 3]}
    return Job(
        pick(
            number,
            f'Put the author "{author}" on the first line of each page in {folder}/',
            f'Put the author "{author}" at the top of every page in {folder}/',
            f'Each page in {folder}/ gets the author "{author}" on its first line',
        ),
        files,
        [
            f"cat {next(iter(files))}",
            (
                f"for f in {folder}/*.md; do {{ printf 'author: %s\\n' '{quoted}'; cat \"$f\"; }} > tmp"
                ' && mv tmp "$f"; done'
            ),
        ],
        f"head -qn 1 {folder}/*.md | grep -q '^author: '",
        {path: f"author: {author}\n{text}".encode() for path, text in files.items()},
    )


def unquoted_title(number: int) -> Job:
    title = pick(
        number,
        "Spring in the Alps",
        "A cold lake",
        "Old roads",
        "Birds of Kent",
        "Two rivers",
        "Night; train",
    )
    return Job(
        pick(
            number,
            f"Start an essay in essay.md with the headings of outline.txt, titled {title}",
            f"Begin essay.md, an essay with headings from outline.txt, titled {title}",
            f"Write the headings of outline.txt to essay.md for an essay titled {title}",
        ),
        {"outline.txt": "one\ntwo\n"},
        [
            "cat outline.txt",
            f'{{ echo "# {title}"; echo; sed "s/^/## /" outline.txt; }} > essay.md',
        ],
        "grep -q '^# ' essay.md",
        {"essay.md": f"# {title}\n\n## one\n## two\n".encode()},
    )


def german(number: int) -> Job:
    name = pick(number, "umsatz", "kunden", "lager", "filialen", "löhne", "preise")
    rows = table(number)
    total = sum(int(row["amount"]) for row in rows)
    return Job(
        pick(
            number,
            f"Summiere die Spalte amount aus {name}.csv und schreibe sie nach summe.txt",
            f"Schreibe die Summe der Spalte amount von {name}.csv in die Datei summe.txt",
            f"Die Summe der Spalte amount in {name}.csv bitte nach summe.txt schreiben",
        ),
        {f"{name}.csv": as_csv(rows)},
        [
            f"head -n 2 {name}.csv",
            f"awk -F, 'NR > 1 {{s += $3}} END {{print s}}' {name}.csv > summe.txt",
        ],
        "test -s summe.txt",
        {"summe.txt": f"{total}\n".encode()},
    )


def edited(number: int) -> Job:
    """Another mistake in another file each time: nothing to compile."""
    name = pick(number, "area", "mean", "root", "sign", "half", "twice")
    return Job(
        f"Correct the function {name} in {name}.py",
        {f"{name}.py": f"def {name}(x):\n    return x - {number}\n"},
        [
            f"cat {name}.py",
            Written(f"{name}.py", f"def {name}(x):\n    return x + {number}\n", "modified"),
            f"python3 -c 'import {name}'",
        ],
        f"python3 -c 'import {name}'",
        {},
    )


def various(number: int) -> Job:
    """Done in another way each time."""
    ways = (
        "sort -u {0} > unique.txt",
        "awk '!n[$0]++' {0} | sort > unique.txt",
        "python3 -c 'print(*sorted(set(open(\"{0}\").read().split())), sep=chr(10))' > unique.txt",
        "cat {0} | sort | uniq > unique.txt",
    )
    file = pick(number, "names.txt", "towns.txt", "birds.txt", "trees.txt", "seas.txt", "fish.txt")
    return Job(
        f"Write the different lines of {file} in order to unique.txt",
        {file: "b\na\nb\n"},
        [f"head {file}", ways[number % len(ways)].format(file)],
        "test -s unique.txt",
        {"unique.txt": b"a\nb\n"},
    )


FAMILIES = {
    "table to JSON": Family(csv_to_json, "Convert units.csv to JSON, only the rows above 50"),
    "names in a program's code": Family(
        literal_program, "List the names in data/dew.csv with an amount above 5 and below 50"
    ),
    "rename by date": Family(rename_by_date, "Remove the date 2026-01-10 from photos in lake/"),
    "checksums": Family(checksums, "Verify the checksums in old/SHA256SUMS of old/"),
    "report of a template": Family(
        report, 'Translate template.md with the title "Rain" for "Al", dated 2026-04-01, as de.md'
    ),
    "log summary": Family(
        log_summary,
        "Count the requests in a.log with a status of 500 or more by hour, in errors.txt",
    ),
    "SQLite": Family(
        sqlite_query,
        'Delete the rows named "apple" from pets.db, loaded from pets.csv, see hits.csv',
    ),
    "HTML of Markdown": Family(markdown_to_html, "Make a PDF of manual.md"),
    "archive": Family(
        archive, "Unpack src.tar, all times set to 2025-10-01, and list src.lst in src/"
    ),
    "configuration": Family(
        configuration, 'Write etc/x.ini for the host "x.example", port 80, with TLS on port 443'
    ),
    "resize": Family(resize, "Rotate logo.pgm by 90 degrees as logo-small.pgm"),
    "filter JSON": Family(jq_filter, "Sort the entries of maps.json from 2000 on, in recent.json"),
    "join tables": Family(join_tables, "Join a.csv and b.csv on the second column into joined.csv"),
    "first lines": Family(headers, 'Remove the author "Ann" from every page in posts/'),
    "a title without quotes": Family(
        unquoted_title, "Print essay.md without the essay titled Snow"
    ),
    "in German": Family(german, "Den Mittelwert der Spalte amount in kosten.csv nach summe.txt"),
    "edits": Family(edited, "", compiles=False),
    "different ways": Family(various, "", compiles=False),
}

# ------------------------------------------------------------------------------ running them


class FollowingAgent:
    """An agent that does what it is given; its commands are run by the executor `shell`."""

    def __init__(self, did: Sequence[Did]) -> None:
        self.did = did
        self.was_asked = False

    def version(self) -> str | None:
        """A made-up one."""
        return "1"

    def model(self) -> str | None:
        """A made-up one."""
        return "list"

    def channel(self, folder: Path, *, resumed: bool) -> Channel:
        """As the one of Codex."""
        del folder, resumed
        return "developer"

    def command(self, turn: TurnRequest) -> list[str]:
        """There is no process."""
        del turn
        return []

    def execute(self, turn: TurnRequest) -> Generator[AgentEvent | None, None, TurnResult]:
        """Does all it was given."""
        self.was_asked = True
        shell = Shell(ENVIRON)
        for did in self.did:
            if isinstance(did, Written):
                (turn.folder / did.path).write_text(did.content, encoding="utf-8")
                yield FileChanged.of(did.path, did.change, ok=True)
            else:
                yield from shell.execute(replace(turn, prompt=did))
        yield AgentSpoke(text="Done.")
        return TurnResult(None, 0)


class Outcome(NamedTuple):
    """How a run ended, and whether the agent took part in it."""

    run: Run
    was_asked: bool


class Bench:
    """One user's crossrun in a folder of this benchmark."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        environ = {**ENVIRON, "HOME": str(folder), "CROSSRUN_HOME": str(folder / "home")}
        self.settings = load(flags={}, environ=environ, cwd=folder, home=folder / "home")
        self.app = App(self.settings)
        self.app.open_for_writing()

    def run(self, job: Job, memory: MemoryOptions) -> Outcome:
        """Carries a task out on a copy of its inputs."""
        self._count += 1
        source = self._folder / f"source-{self._count}"
        for path, text in job.inputs.items():
            file = source / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        request = RunRequest(
            task=job.task,
            verify=job.verify or None,
            memory=memory,
            begin_with=BeginWith(path=str(source), folder_only=True),
        )
        agent = FollowingAgent(job.did)
        # codex is never started: its place is taken by the agent above
        shell = replace(request, executor="shell", memory=replace(memory, pattern_id=None))
        dependencies = replace(gather_dependencies(shell, self.app), executor=agent)
        prepared = PreparedRun(request, Parent())
        with carrying_out(self.app, prepared, dependencies, CancelToken()) as active:
            with closing(active.events) as events:
                for _ in events:
                    pass
            return Outcome(self.app.run(active.id), agent.was_asked)


class Row(NamedTuple):
    """What came of one family."""

    name: str
    compiled: bool
    exact: int
    left: int
    wrong: int
    misled: int
    notes: tuple[str, ...]


def measured(name: str, family: Family, folder: Path) -> Row:
    """Teaches, compiles and tries one family in a store of its own."""
    bench = Bench(folder)
    notes: list[str] = []
    outcomes = [bench.run(family.job(n), MemoryOptions(holdout=0.0)) for n in range(TAUGHT)]
    notes += [
        f"teaching failed: {outcome.run.failure.message[:200]}"
        for outcome in outcomes
        if outcome.run.failure is not None
    ]
    patterns = Counter(outcome.run.learned_pattern_id for outcome in outcomes)
    pattern_id, count = patterns.most_common(1)[0]
    if pattern_id is None or count < TAUGHT:
        notes.append(f"its runs taught {len(patterns)} patterns")
    if pattern_id is None:
        return Row(name, compiled=False, exact=0, left=0, wrong=0, misled=0, notes=tuple(notes))
    result = compiled_pattern(bench.app.store, bench.app.store.patterns.exactly(pattern_id))
    if isinstance(result, NotCompiled):
        notes.append(f"{result.reason} -> {result.remedy}")
    verdicts: Counter[str] = Counter()
    for number in range(TAUGHT, TAUGHT + FRESH):
        job = family.job(number)
        asked = MemoryOptions(pattern_id=pattern_id, compiled="always")
        verdicts[verdict(bench, job, bench.run(job._replace(did=()), asked), notes)] += 1
    misled = 0
    if family.near_miss:
        proven = MemoryOptions(pattern_id=pattern_id, compiled="when-proven")
        job = Job(family.near_miss, family.job(0).inputs, (), "", {})
        decided = bench.run(job, proven).run.pattern
        misled = int(decided is not None and decided.compiled)
    is_compiled = not isinstance(result, NotCompiled)
    return Row(
        name, is_compiled, verdicts["exact"], verdicts["left"], verdicts["wrong"], misled,
        tuple(notes),
    )  # fmt: skip


def verdict(bench: Bench, job: Job, outcome: Outcome, notes: list[str]) -> str:
    if outcome.was_asked:
        events = bench.app.store.read.events(
            outcome.run.id, types=("pattern_decided", "script_finished")
        )
        for stored in events:
            body = json.loads(stored.body)
            why = body.get("not_compiled") or body.get("reason")
            notes.append(f"left: {job.task!r}: {why}")
        return "left"
    workspace = Path(outcome.run.workspace)
    for path, content in job.outputs.items():
        file = workspace / path
        if not file.is_file() or file.read_bytes() != content:
            notes.append(f"wrong: {job.task!r}: {path}")
            return "wrong"
    return "exact" if outcome.run.failure is None else "wrong"


def rows(names: Sequence[str]) -> Iterator[Row]:
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            yield measured(name, FAMILIES[name], Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--family", choices=list(FAMILIES))
    parser.add_argument("--show", action="store_true", help="say why")
    given = parser.parse_args()
    began = time.monotonic()
    done = list(rows([given.family] if given.family else list(FAMILIES)))
    print(f"{'family':<28} {'compiled':<9} exact  left  wrong  misled")
    for row in done:
        compiled = "yes" if row.compiled else "no"
        print(
            f"{row.name:<28} {compiled:<9} {row.exact:>5} {row.left:>5} {row.wrong:>6}"
            f" {row.misled:>7}"
        )
        if given.show:
            print(*(f"    {note}" for note in row.notes), sep="\n")
    able = [row for row in done if FAMILIES[row.name].compiles]
    fresh = sum(row.exact + row.left + row.wrong for row in able)
    print(
        f"of {len(able)} families of commands, {sum(row.compiled for row in able)} compile;"
        f" {sum(row.exact for row in able)} of {fresh} fresh runs are exact,"
        f" {sum(row.left for row in able)} are left to the agent,"
        f" {sum(row.wrong for row in done)} are wrong;"
        f" {sum(row.misled for row in done)} near misses began with a script;"
        f" {sum(row.compiled for row in done) - sum(row.compiled for row in able)} of"
        f" {len(done) - len(able)} others compile; {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
