"""The text of a message as statements: without code blocks and quotations, one clause each.

Names of files, commands and other code in a statement are single private characters, so that
rules for sentences do not trip over their signs.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

FILE, COMMAND, CODE = "[\ue000-\ue7ff]", "[\ue800-\uefff]", "[\uf000-\uf8ff]"
"""Classes of characters that stand for the names of files, for command lines, for other code."""
_FIRST = {"file": 0xE000, "command": 0xE800, "code": 0xF000}
_MOST = 0x7FF
_LONGEST = 20_000
"""Characters of a message that are read, its end."""

_FENCE = re.compile(
    r"^\s*(?:[-*]\s+)?(?P<fence>`{3,}|~{3,}).*?(?:^\s*(?P=fence)\s*$|\Z)", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")
_SPAN = re.compile(r"``([^\n]+?)``|`([^`\n]+)`")
_QUOTED = re.compile(
    r"\"[^\"\n]*\s[^\"\n]*\"|“[^”\n]*\s[^”\n]*”|«[^»\n]*\s[^»\n]*»"
    r"|(?<=\s)'[^'\n]*\s[^'\n]*'(?=[\s.,;:)])"
)
_EXTENSIONS = (
    "py pyi pyx ipynb js jsx mjs cjs ts tsx mts cts vue svelte astro rs go java kt kts scala"
    " groovy c h cc "
    "cpp cxx hpp hh m mm swift rb erb php pl pm t sh bash zsh fish ps1 bat cmd lua r jl hs ml mli"
    " ex exs erl "
    "clj cljs dart zig nim cs fs vb sql html htm css scss sass less xml xsl json jsonc json5 jsonl"
    " ndjson "
    "yaml yml toml ini cfg conf properties md mdx rst adoc txt csv tsv tex bib pdf docx xlsx pptx"
    " odt epub png jpg "
    "jpeg gif svg webp ico lock gradle tf tfvars proto graphql gql patch diff log db sqlite"
    " parquet ics mk cmake in "
    "dockerfile service template tmpl j2 ejs hbs snap map wasm zip gz tar"
)
_ENDINGS = frozenset(_EXTENSIONS.split())
_BARE_NAMES = frozenset(
    [
        "Makefile",
        "Dockerfile",
        "LICENSE",
        "VERSION",
        "README",
        "CHANGELOG",
        "Gemfile",
        "Rakefile",
        "Procfile",
        "Justfile",
        "justfile",
        "CONTRIBUTING",
        "NOTICE",
        "AUTHORS",
        "Jenkinsfile",
        "Vagrantfile",
        "CMakeLists.txt",
        ".gitignore",
        ".env",
        ".dockerignore",
        ".editorconfig",
    ]
)
_PATH = re.compile(r"(?:[\w.@+~-]*/)*[\w.@+-]*\w")
_BARE_PATH = re.compile(
    r"(?<![\w/.@\ue000-\uf8ff-])(?:\.{0,2}/)?(?:[\w.@+-]+/)*[\w@+.-]*\w\.[A-Za-z]\w{0,9}(?![\w/])(?:(?::\d+)+)?"
)
_NOT_FILES = re.compile(
    r"(?i)^(?:node|vue|next|nuxt|express|three|d3|asp|socket|moment|chart|alpine|jquery|p5|e\.g|i\.e"
    r"|etc|console|math|np|pd|self|this|cls|req|request|res|resp|response|ctx|context|logger"
    r"|logging|document|window|process|props|state|obj|event|err|error|args|kwargs|exports)\.\w+$"
)
"""Libraries and attributes that look like files."""
_LIBRARY = re.compile(r"[A-Z][a-zA-Z]*\.js")
"""What is rather a library than a file if it is not set as code."""
_OUTCOME = re.compile(
    r"^[=\s]*(?:\d+ (?:passed|failed|skipped)\b.*|ok|OK|PASS|passed|exit(?: code)? \d+)[=\s]*$"
)
_PROGRAM = re.compile(
    r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\./|(?:python[\d.]*|py|pytest|pip|npm|npx|pnpm|yarn|bun|node"
    r"|deno|cargo|rustc|go|make"
    r"|cmake|ctest|gcc|g\+\+|clang|mvn|\./mvnw|gradle|java|javac|dotnet|ruby|rake|bundle|rspec|php"
    r"|composer"
    r"|phpunit|perl|prove|bash|sh|zsh|git|docker|kubectl|terraform|ruff|mypy|pyright|flake8|pylint"
    r"|black|isort"
    r"|tox|nox|uv|poetry|hatch|pdm|pre-commit|eslint|prettier|tsc|jest|vitest|mocha|shellcheck"
    r"|bats|jq|sqlite3|curl|sed"
    r"|awk|grep|rg|find|ls|cat|rm|mv|cp|just|task|invoke|coverage|unittest|swift|mix|sbt|lein"
    r"|stack|cabal|zig|dart|flutter"
    r"|Rscript|julia|pandoc|latexmk|pdflatex|mkdocs|ninja|meson|bazel|diff|clippy"
    r"|golangci-lint)(?:\s|$))"
)
_WITH_OPTIONS = re.compile(r"^[a-z][\w.+-]*\s+(?:[\w./:=@]+\s+)*--?[A-Za-z]")
_HEADING = re.compile(
    r"^\s*(?:#{1,6}\s+(?P<hash>.+?)\s*#*|\*\*(?P<bold>[^*]+)\*\*:?|__(?P<under>[^_]+)__:?)\s*$"
)
_ITEM = re.compile(r"^(?P<indent>\s*)(?:[-*+•]|\d{1,2}[.)])\s+")
_INTRO = re.compile(r":\s*$")
_SKIPPED = re.compile(
    r"\b(?:next steps?|suggest\w*|recommend\w*|how to|usage|to (?:run|verify|test|try|use"
    r"|reproduce)|to-?do|follow[- ]?ups?"
    r"|not (?:done|run|tested|verified|included)|optional|future|examples?|proposed|proposal|plan"
    r"|if you|you can|you could"
    r"|running (?:it|the)|instructions|run it|try it|remaining work|open questions?|contains?"
    r"|steps|checklist|reads|describes|before(?: this change)?:?$"
    r"|background|the task|your request|options|alternatives?|i would|i'd)\b",
    re.IGNORECASE,
)
_DRAFT = re.compile(
    r"\b(?:draft|commit message|pull request|release notes?|template|snippet|e-?mail|here's a|here"
    r" is an?"
    r"|for example|like this|something like|could look|would look|wording|text)\b",
    re.IGNORECASE,
)
_ABOUT_CHANGES = re.compile(
    r"^\W*(?:files? )?(?:changes?|changed|created|added|modified|updated|new|touched)(?:"
    r" files?)?(?: made)?\W*$"
    r"|^\W*what (?:i |was |has |we )?(?:been )?(?:changed?|did|done)\W*$|^\W*(?:summary of"
    r" )?(?:the )?changes\W*$|\b(?:created|added|wrote|updated|modified|changed)\b.*\bfiles?\b"
    r"|\b(?:files?|following)\b.*\b(?:created|added|written|updated|modified|changed)\b"
    r"|\b(?:I|I've|I have|we)\s+(?:created|added|wrote|updated|modified|changed)\b[^.]*:\s*$",
    re.IGNORECASE,
)
_ABOUT_DELETED = re.compile(
    r"^\W*(?:deleted|removed)(?: files?)?\W*$|\b(?:I|I've|I have|we)\s+(?:deleted"
    r"|removed)\b[^.]*:\s*$",
    re.IGNORECASE,
)
_ABOUT_CHECKS = re.compile(
    r"^\W*(?:testing|tests?(?: run)?|verification|validation|checks?|quality|verified|results?)(?:"
    r" run| results?)?\W*$",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:not|n't|no|never|would|could|should|can|will|to)\b|n't\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.!?…])[)\"”]?\s+(?=[^\sa-z])|(?<=[.!?])\s*$")
_CLAUSE = re.compile(
    r"\s*;\s+|,\s+so\s+(?!that\b)|\s+[—\u2013]\s+|\s+--\s+|,?\s+(?:but|although|though|however"
    r"|whereas"
    r"|while)\b,?\s*|,\s+(?:and|so|then)\s+"
    r"(?=(?:I|we|all|the|both|every|no|it|then|now|everything|[\ue800-\uefff])\b|[\ue800-\uefff])"
    r"|\s+and\s+(?=(?:I|all|every|both|everything)\s)"
)

_TABLE = re.compile(
    r"(?i)\b(?:files?|paths?|modules?|commands?|checks?|tests?)\b.*"
    r"\b(?:changes?|status|actions?|what|results?|outcomes?)\b"
)
"""The header of a table that reports what was done."""
_NO_REPORT = re.compile(
    r"(?i)\b(?:propos\w+|plan\w*|expected|next|to-?do|before|options?|suggest\w+|would|should|who|author"
    r"|commit|version)\b"
)

Section = Literal["", "changed", "deleted", "checks", "skipped"]


class Statement(NamedTuple):
    """A clause. `listed`: what its list is about; `skipped`: it states nothing."""

    text: str
    listed: str = ""
    skipped: bool = False


class Message(NamedTuple):
    """The statements of a message, and what the private characters in them stand for."""

    statements: tuple[Statement, ...]
    names: dict[str, str]

    def plain(self, text: str) -> str:
        """The text with names again."""
        return re.sub("[\ue000-\uf8ff]", lambda match: self.names.get(match[0], ""), text).strip()

    def files(self, text: str) -> list[str]:
        """The files that a text names."""
        return [self.names[sign] for sign in re.findall(FILE, text)]

    def command(self, sign: str) -> str:
        """The command that a character stands for."""
        return self.names[sign].removeprefix("$ ")

    def code(self, sign: str) -> str:
        """The code that a character stands for."""
        return self.names[sign].removesuffix("()")


def read(text: str) -> Message:
    """The statements of a message."""
    names: dict[str, str] = {}
    text = re.sub("[\ue000-\uf8ff\r]", "", text[-_LONGEST:]).replace(
        "\N{RIGHT SINGLE QUOTATION MARK}", "'"
    )
    text = _FENCE.sub("\n", text)
    text = _QUOTED.sub("«…»", _with_names(text, names))
    return Message(tuple(_statements(text)), names)


def _with_names(text: str, names: dict[str, str]) -> str:
    signs: dict[tuple[str, str], str] = {}

    def sign(kind: str, name: str) -> str:
        if (kind, name) not in signs:
            number = sum(other == kind for other, _ in signs)
            if number > _MOST:
                return name
            signs[kind, name] = chr(_FIRST[kind] + number)
            names[signs[kind, name]] = name
        return signs[kind, name]

    def of_span(match: re.Match[str]) -> str:
        content = (match[1] or match[2]).strip()
        if _OUTCOME.match(content):
            return content
        if path := file_in(content):
            return sign("file", path)
        is_command = _PROGRAM.match(content) or _WITH_OPTIONS.match(content)
        return sign("command" if is_command else "code", content)

    def of_link(match: re.Match[str]) -> str:
        target = re.sub(r"(?:#L\d+.*|(?::\d+)+)$", "", match[2])
        is_file = "://" not in target and file_in(target)
        return f"`{target}`" if is_file else match[1]

    def of_path(match: re.Match[str]) -> str:
        path = "" if _LIBRARY.fullmatch(match[0]) else file_in(match[0])
        return sign("file", path) if path else match[0]

    text = _LINK.sub(of_link, text)
    text = re.sub(r"\*\*(`[^`\n]+`)\*\*", r"\1", text)
    text = _SPAN.sub(of_span, text)
    text = re.sub(r"https?://\S+", "", text)
    text = _BARE_PATH.sub(of_path, text)
    bare = "|".join(re.escape(name) for name in sorted(_BARE_NAMES, key=len, reverse=True))
    return re.sub(rf"(?<![\w./-])(?:{bare})(?![\w./-])", lambda match: sign("file", match[0]), text)


def file_in(text: str) -> str:
    """The path that a text is, without a line number; "" if it is none."""
    path = re.sub(r"(?::\d+)+$|:$", "", text.strip().strip("\"'")).removeprefix("./")
    if not _PATH.fullmatch(path.rstrip("/")) or _NOT_FILES.match(path):
        return ""
    name = path.rstrip("/").rpartition("/")[2]
    if path.endswith("/"):
        return ""
    if name in _BARE_NAMES:
        return path
    stem, dot, ending = name.rpartition(".")
    if dot and stem and ending.lower() in _ENDINGS and not re.fullmatch(r"[A-Z][a-z]+", ending):
        return path
    return path if name.startswith(".") and len(name) > 2 and "/" in path else ""  # noqa: PLR2004


def _statements(text: str) -> Iterator[Statement]:
    section: Section = ""
    listed: Section = ""
    header = ""
    for line in _lines(text):
        heading = _HEADING.match(line)
        if heading and not _ITEM.match(line):
            section = listed = _section(heading["hash"] or heading["bold"] or heading["under"], "")
            continue
        if line.lstrip().startswith("|"):
            if header and _TABLE.search(header) and not _NO_REPORT.search(header):
                yield Statement(_row(line), "", section == "skipped")
            header = header or line
            continue
        header = ""
        if line.lstrip().startswith(">"):
            continue
        item = _ITEM.match(line)
        body = re.sub(
            r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)", "", line[item.end() :] if item else line
        ).strip()
        if not body or body.startswith("[ ]"):
            continue
        body = re.sub(r"^\[[xX*]\]\s*", "", body)
        if not item:
            listed = section
        now = listed if item else section
        if _INTRO.search(body):
            listed = _section(body, section)
            if _DRAFT.search(body):
                section = listed = "skipped"
            if listed == "skipped":
                continue
        yield from (
            Statement(clause, now if first else "", now == "skipped")
            for sentence in _SENTENCE.split(body)
            for first, clause in _clauses(sentence)
        )


def _row(line: str) -> str:
    """A row of a table as a clause: what it is about, and what is said of it."""
    cells = (cell.strip(" *_") for cell in line.strip().strip("|").split("|"))
    return ": ".join(filter(None, cells))


def _clauses(sentence: str) -> Iterator[tuple[bool, str]]:
    first = True
    ends = sentence.rstrip()[-1:]
    for clause in _CLAUSE.split(sentence):
        if clause and clause.strip():
            asks = "?" if ends == "?" and not clause.rstrip().endswith("?") else ""
            yield first, clause.strip() + asks
            first = False


def _section(title: str, around: Section) -> Section:
    if _SKIPPED.search(title):
        return "skipped"
    if _NEGATED.search(title):
        return "skipped" if around == "skipped" else ""
    if _ABOUT_DELETED.search(title):
        return "deleted"
    if _ABOUT_CHANGES.search(title):
        return "changed"
    return "checks" if _ABOUT_CHECKS.match(title) else around


def _lines(text: str) -> Iterator[str]:
    """The lines, with those of one paragraph or item joined."""
    current = ""
    for line in text.split("\n"):
        begins = (
            _ITEM.match(line)
            or _HEADING.match(line)
            or line.lstrip().startswith((">", "|", "✅", "❌", "⚠"))
        )
        if (
            not line.strip()
            or begins
            or _HEADING.match(current)
            or current.lstrip().startswith(">")
        ):
            if current:
                yield current
            current = line if line.strip() else ""
        else:
            current = f"{current} {line.strip()}" if current else line
    if current:
        yield current
