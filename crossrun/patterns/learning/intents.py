"""What a command is for, and what it is done to: judged by its words alone."""

import re
import shlex
from functools import lru_cache
from typing import NamedTuple

from crossrun.model.workflows import Intent

_NOISE = """
    ls ll la dir tree pwd cd pushd popd which type whereis command hash echo printf env printenv
    export unset set source . alias date whoami id hostname uname uptime df du free ps top jobs
    history clear sleep wait true false : test [ [[ exit return read trap ulimit umask kill pkill
    lsof nproc locale tput stty tty man info help exec eval declare local shopt mkdir rmdir cal
"""
"""Programs that look around or set the scene; their output may be needed, their repetition not."""
_NOISE_WORDS = frozenset(_NOISE.split())

_QUIET_GIT = (
    " status log diff show branch remote rev-parse config ls-files blame stash describe add "
)
_QUIET = frozenset(_QUIET_GIT.split())
_PROGRAMS: dict[Intent, str] = {
    "read": "cat head tail less more nl bat xxd od hexdump file stat wc strings column fold",
    "search": "grep egrep fgrep rg ag ack find fd fdfind locate git-grep",
    "edit": "tee touch mv cp ln chmod chown rm patch truncate dd install apply_patch write delete",
    "test": "pytest py.test tox nox jest vitest mocha ava rspec phpunit ctest bats behave cypress",
    "check": "ruff mypy pyright pylint flake8 eslint tsc shellcheck black isort prettier cmp diff "
    "sha256sum sha1sum md5sum xmllint yamllint jsonlint markdownlint vale aspell hunspell "
    "pre-commit golangci-lint clippy bandit vulture htmlhint stylelint hadolint",
    "build": "make cmake ninja meson gcc g++ cc clang javac rustc docker podman mvn gradle bazel "
    "latexmk pdflatex xelatex lualatex mkdocs sphinx-build hugo webpack vite tectonic typst",
    "install": "apt apt-get brew pip pip3 pipx conda mamba gem bundle composer dnf yum pacman apk "
    "poetry pnpm",
    "convert": "pandoc soffice libreoffice pdftotext pdftoppm pdftohtml ffmpeg convert magick "
    "mogrify wkhtmltopdf iconv dos2unix unix2dos csvjson in2csv docx2txt antiword inkscape tar "
    "zip unzip gzip gunzip xz 7z qpdf pdftk exiftool ssconvert jupytext nbconvert rst2html",
    "fetch": "curl wget http aria2c yt-dlp scp rsync ftp sftp gh arxiv",
    "plot": "gnuplot dot graphviz mmdc plantuml",
    "query": "sqlite3 psql mysql duckdb jq yq awk gawk mawk sort uniq cut comm join paste tr sed "
    "datamash xsv mlr csvcut csvstat csvsql csvgrep q dasel bc",
}
_INTENT_OF: dict[str, Intent] = {
    name: intent for intent, names in _PROGRAMS.items() for name in names.split()
}
_SUBCOMMANDS: dict[str, dict[str, Intent]] = {
    "git": {
        "commit": "commit", "push": "commit", "tag": "commit", "merge": "commit",
        "rebase": "commit", "cherry-pick": "commit", "init": "commit", "checkout": "commit",
        "switch": "commit", "clone": "fetch", "fetch": "fetch", "pull": "fetch", "grep": "search",
        "apply": "edit", "mv": "edit", "rm": "edit", "restore": "edit", "revert": "commit",
    },
    "npm": {"test": "test", "t": "test", "install": "install", "i": "install", "ci": "install"},
    "yarn": {"test": "test", "add": "install", "install": "install", "build": "build"},
    "cargo": {"test": "test", "build": "build", "check": "check", "clippy": "check",
              "fmt": "check", "add": "install", "install": "install"},
    "go": {"test": "test", "build": "build", "vet": "check", "fmt": "check", "get": "install"},
    "dotnet": {"test": "test", "build": "build", "add": "install"},
    "uv": {"add": "install", "sync": "install", "pip": "install"},
}  # fmt: skip
_NAMED: tuple[tuple[re.Pattern[str], Intent], ...] = (
    (re.compile(r"(?:^|[_\W])(?:pytest|unittest|tests?|specs?)(?:$|[_\W])"), "test"),
    (re.compile(r"(?:^|[_\W])(?:plot|chart|graph|figure|draw|render)s?(?:$|[_\W])"), "plot"),
    (
        re.compile(r"(?:^|[_\W])(?:convert|export|transform|migrate|to|\w+2\w+)(?:$|[_\W])"),
        "convert",
    ),
    (re.compile(r"(?:^|[_\W])(?:fetch|download|scrape|crawl)(?:$|[_\W])"), "fetch"),
    (re.compile(r"(?:^|[_\W])(?:check|validate|verify|lint|json\.tool)(?:$|[_\W])"), "check"),
    (re.compile(r"(?:^|[_\W])(?:build|compile|py_compile|compileall)(?:$|[_\W])"), "build"),
    (re.compile(r"(?:^|[_\W])(?:install)(?:$|[_\W])"), "install"),
)  # fmt: skip
"""What the name of a script, a module or a target says."""

_WRAPPERS = {"sudo", "time", "nice", "nohup", "env", "timeout", "stdbuf", "xargs", "npx", "uvx"}
_RUNNERS = {"uv", "poetry", "pipenv", "pdm", "hatch", "conda", "bundle"}
_INTERPRETERS = re.compile(r"^(?:python[\d.]*|node|deno|bun|ruby|perl|php|Rscript|julia|bash|sh)$")
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
_WRITTEN = re.compile(r"(?<![0-9&<>-])>{1,2}\s*(?!/dev/|&)([^\s;|&<>]+)")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_UNQUOTED = re.compile(r"[^'\"\\#]*+")
_HEREDOC = re.compile(r"\s*<<-?\s*\w+")
_CODE = re.compile(r"( -\w*[ce]) (?:'[^']{60,}'|\"[^\"]{60,}\")")
"""Code of some length on the command line: what it does is the run's own."""

_PROFILE = re.compile(
    r"\s*(?:2>&1|&>>?\s*/dev/null|[12]?>\s*/dev/null|\|\|\s*true"
    r"|\|\s*(?:head|tail|less|more|cat)(?:\s+-[\w-]+(?:\s+\d+)?)*(?=\s*(?:$|\|)))"
)
_ASKS = re.compile(r"\s--?(?:version|help|V)\b")
_PATH = re.compile(
    r"^(?!-)(?:[\w.~@+{}-]+/)*[\w.@+*?{}-]+\.[A-Za-z*][\w*]{0,7}$|^(?!-)[^\s=]*/[^\s]*$"
)
_LONGEST_TARGET = 60


class Purpose(NamedTuple):
    """What a command is for. `command` is as it is worth telling; `target` is "" if unclear."""

    intent: Intent
    target: str
    command: str


@lru_cache(maxsize=4_096)
def purpose(command: str) -> Purpose | None:
    """The purpose of one simple command (see `commandlines`); None for noise."""
    told = _PROFILE.sub("", command).strip().rstrip("&").strip()
    written = _WRITTEN.search(_QUOTED.sub(_blank, told))
    if "<<" in told and written and told.split()[0] in ("cat", "tee"):
        return Purpose("edit", written[1], f"write {written[1]}")
    told = _CODE.sub(r"\1 …", _HEREDOC.sub(" …", told))
    words = _words(told)
    if not words or _ASKS.search(told):
        return None
    program = words[0].rpartition("/")[2]
    intent = _intent(program, words[1:], told)
    if written and intent in (None, "read"):
        intent = "edit"
    if intent is None:
        return None
    target = written[1] if written else _target(words[1:])
    if intent == "read" and not target:
        return None  # it reads what it was given on the spot
    return Purpose(intent, target[:_LONGEST_TARGET], told)


def program(command: str) -> str:
    """The name of the program that a command starts, or "" for a file that is run by its path."""
    first = next(iter(_words(command)), "")
    return "" if "/" in first or first in _NOISE_WORDS else first


def _blank(quoted: re.Match[str]) -> str:
    return "_" * len(quoted[0])


def _words(command: str) -> list[str]:
    """The words of the first program, without what stands before it."""
    first = command.partition("|")[0]
    try:
        words = first.split() if _UNQUOTED.fullmatch(first) else shlex.split(first)
    except ValueError:
        words = first.split()
    while words and (_ASSIGNMENT.match(words[0]) or words[0] in _WRAPPERS or words[0] in "!("):
        words = words[1:]
        while words and (words[0].startswith("-") or words[0].rstrip("smh").isdecimal()):
            words = words[1:]
    if len(words) > 2 and words[0] in _RUNNERS and words[1] in ("run", "exec"):  # noqa: PLR2004
        return words[2:]
    return words


def _intent(program: str, arguments: list[str], told: str) -> Intent | None:
    first = next((word for word in arguments if not word.startswith("-")), "")
    if program in _NOISE_WORDS or (program == "git" and first in _QUIET):
        return None
    if program in _SUBCOMMANDS and first in _SUBCOMMANDS[program]:
        return _SUBCOMMANDS[program][first]
    if program in ("sed", "perl") and re.search(r"\s-\w*i", told):
        return "edit"
    if program == "sed" and " -n" in told and "|" not in told:
        return "read"
    if program == "find" and first in ("", ".") and not re.search(r"-(?:name|exec|i?regex)", told):
        return None
    if program in ("docker", "podman") and first not in ("build", "compose"):
        return "run"
    if _INTERPRETERS.match(program):
        return _named(_script(arguments)) or "run"
    if program in _INTENT_OF and program not in ("make", "npm"):
        return _INTENT_OF[program]
    return _named(f"{program} {' '.join(arguments[:2])}") or _INTENT_OF.get(program, "run")


def _script(arguments: list[str]) -> str:
    """What an interpreter was given to run: a file, or a module after `-m`."""
    for word in arguments:
        if word in ("-c", "-e", "-"):
            return ""
        if not word.startswith("-"):
            return word
    return ""


def _named(text: str) -> Intent | None:
    return next((intent for pattern, intent in _NAMED if pattern.search(text.lower())), None)


def _target(arguments: list[str]) -> str:
    """The first argument that looks like a path, else the first that is no option."""
    module = arguments[:1] == ["-m"]
    plain = [word for word in arguments[2 * module :] if word and not word.startswith("-")]
    paths = (word for word in plain if _PATH.match(word))
    return next(paths, plain[0] if plain and plain[0].isidentifier() else "")
