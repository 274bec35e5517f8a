"""Intents: the purpose and the target of a command line, by its words alone."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from crossrun.commandlines.shell import (
    Part,
    first_line,
    joined,
    parts,
    redirected,
    stages,
    words,
)
from crossrun.model.workflows import Intent

_LOOKING = """
    ls ll la dir tree pwd which type whereis where hash echo printf printenv date whoami id hostname
    uname uptime df du free ps top htop jobs history clear lsof nproc locale tput stty tty man info
    help cal groups arch lscpu lsblk dirs
    get-childitem gci get-location write-host write-output get-command get-date get-item test-path
"""
"""Programs that show something and change nothing; a repetition shows it again."""
_SETTING = """
    cd pushd popd export unset set source . alias env command sleep wait true false : test [ [[ exit
    return read trap ulimit umask kill pkill exec eval declare local shopt mkdir rmdir activate
    set-location new-item md
"""
"""Programs that set the scene for others: worth nothing where nothing depends on them."""
_LOOKING_WORDS = frozenset(_LOOKING.split())
_SETTING_WORDS = frozenset(_SETTING.split())
_FILTERING = """
    head tail less more cat bat nl wc grep egrep fgrep rg sort uniq cut tr column fold strings
    select-object select-string out-host measure-object sort-object format-table ft fl more
"""
"""What reads a pipe and shows it otherwise."""
_FILTERS = frozenset(_FILTERING.split())

_LOOKING_SUBCOMMANDS: dict[str, str] = {
    "git": "status log diff show rev-parse ls-files ls-remote blame describe shortlog reflog "
    "cat-file show-ref rev-list whatchanged count-objects",
    "docker": "ps images logs inspect version info stats top port",
    "kubectl": "get describe logs version top explain api-resources",
    "npm": "ls list view outdated",
    "pip": "list show freeze check",
    "pip3": "list show freeze check",
}
"""Subcommands that look only."""
_QUIET = {name: frozenset(words.split()) for name, words in _LOOKING_SUBCOMMANDS.items()}
_QUIET_FORMS = re.compile(
    r"git (?:branch(?: -[avr]+| --list| --show-current)*|remote(?: -v| show \S+)?|stash list|tag"
    r"|tag -l.*|config (?:--get\S*|-l|--list) ?\S*|add (?:-n|--dry-run).*|worktree list)$"
)
_STAGING = re.compile(r"git (?:add|config|branch|remote|stash|worktree)\b")
"""What of git sets the scene for a commit, a push, a checkout."""
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

_OF_SUBCOMMAND: dict[str, Intent] = {
    "check": "check", "lint": "check", "test": "test", "tests": "test", "validate": "check",
    "verify": "check",
}  # fmt: skip
"""What a command's last or first word says where its script's name says nothing."""
_INTERPRETERS = re.compile(r"^(?:python[\d.]*|node|deno|bun|ruby|perl|php|Rscript|julia|bash|sh)$")
_HEREDOC_WRITE = re.compile(r"(?:sudo )?(?:cat|tee)\b")
_COMPOUND_HEAD = re.compile(
    r"^(?:(?:for|select)\b[^;\n]*(?:;|\n)\s*do\b|case\b.*?\bin\b|(?:while|until|if)\b|[({]|[\w-]+\s*\(\s*\)"
    r"\s*\{?)|(?<=[;\s])(?:done|fi|esac|then|do|else|elif)\b"
    r"|(?<=[;\s])\}(?=[\s;)|&<>]|$)|\)\s*(?=$|[;&\n<>|])",
    re.DOTALL,
)
"""What of a loop, a condition or a group is not a command."""
_IS_COMPOUND = re.compile(r"(?:for|while|until|if|case|select|\{)\s|\(|[\w-]+\s*\(\s*\)")

_PROFILE = re.compile(
    r"(?<!\s)\s*(?:2>&1|&>>?\s*/dev/null|[12]?>\s*/dev/null|\|\|\s*true"
    r"|\|\s*(?:head|tail|less|more|cat)(?:\s+-[\w-]+(?:\s+\d+)?)*(?=\s*(?:$|\|)))"
)
_ASKS = re.compile(r"\s--?(?:version|help|V)\b")
_PATH = re.compile(
    r"^(?!-)(?:[\w.~@+{}-]+/)*[\w.@+*?{}-]+\.[A-Za-z*][\w*]{0,7}$|^(?!-)[^\s=]*/[^\s]*$"
)
_LONGEST_TARGET = 60
_LONGEST_NAMED = 400


class Purpose(NamedTuple):
    """The purpose of a command line.

    `command` is the command line as it ran, without parts that only look. `target` is its object,
    "" if unclear. `key` is equal for command lines that do the same.
    """

    intent: Intent
    target: str
    command: str
    key: str


@lru_cache(maxsize=4_096)
def purpose(command: str) -> Purpose | None:
    """The purpose of a command line; None if it only looks around or sets the scene."""
    trimmed = without_looks(command)
    purposes = [aim for part in parts(trimmed) if (aim := _of_part(part.text)) is not None]
    if not purposes:
        return None
    main = _main(purposes)
    alone = len(parts(trimmed)) == 1
    return main._replace(command=trimmed, key=main.key if alone else _normal(trimmed))


@lru_cache(maxsize=4_096)
def without_looks(command: str) -> str:
    """The command line without parts that only look, if the rest does the same without them.

    If all of it looks, the parts about files stay.
    """
    everything = parts(command)
    acting = [not looks(part.text) for part in everything]
    aims = [_of_part(part.text) is not None for part in everything]
    if not any(acts and aims for acts, aims in zip(acting, aims, strict=True)):
        acting = [acts or aims for acts, aims in zip(acting, aims, strict=True)]
    if not any(acting) or all(acting):
        return command.strip()
    return joined(_rejoined(everything, acting))


def _rejoined(everything: Sequence[Part], acting: Sequence[bool]) -> list[Part]:
    """The parts that act; one between `&&`, `;` and line ends only can be left out."""
    remaining: list[Part] = []
    before: str | None = None
    for part, acts in zip(everything, acting, strict=True):
        free = {part.before, part.after} <= {"", "&&", ";", "\n"} and not _is_guard(part)
        joint = part.before if before is None or before == "" else before
        if acts or not free:
            remaining.append(part._replace(before=joint if before is not None else part.before))
            before = None
        else:
            before = joint if part.after == "&&" else part.after
    return remaining


def _is_guard(part: Part) -> bool:
    """Whether what comes next depends on what a look found."""
    return part.after == "&&" and _GUARD.search(part.text) is not None


_NOWHERE = (["cd", "."], ["cd", "./"])
_GUARD = re.compile(r"\s-\w*q|--quiet|--silent|>\s*/dev/null|^(?:which|type|command|hash)\b")


@lru_cache(maxsize=4_096)
def looks(part: str) -> bool:
    """Whether a command only shows something and changes nothing."""
    if redirected(part) or "$(" in part or "`" in part or "<<" in part:
        return False
    return all(_stage_looks(stage, piped=at > 0) for at, stage in enumerate(stages(part)))


def _stage_looks(stage: str, *, piped: bool) -> bool:
    arguments = words(stage)
    if not arguments:
        return False
    if arguments in _NOWHERE:
        return True
    name = _name(arguments[0])
    if piped and name in _FILTERS:
        return True
    text = " ".join(arguments)
    if name == "xargs" or _IS_COMPOUND.match(stage):
        return False
    if name in _LOOKING_WORDS or _ASKS.search(stage) or _QUIET_FORMS.match(text):
        return True
    if name == "env":
        return len(arguments) == 1
    if name in _QUIET:
        return (
            next((word for word in arguments[1:] if not word.startswith("-")), "") in _QUIET[name]
        )
    return _intent(name, arguments[1:], stage) in ("read", "search", None) and (
        name not in _SETTING_WORDS and not _STAGING.match(text)
    )


def sets_scene(command: str) -> bool:
    """Whether a command line does nothing but set the scene: folders, variables, staged files."""
    return any(not looks(part.text) for part in parts(command)) and purpose(command) is None


def _main(purposes: Sequence[Purpose]) -> Purpose:
    """The purpose that a command line has as a whole: its last act that is not a preparation."""
    acting = [one for one in purposes if one.intent not in _PREPARING]
    others = [one for one in purposes if one.intent not in ("read", "search")]
    return (acting or others or purposes)[-1]


_PREPARING = ("read", "search", "edit", "install")


def _of_part(part: str, depth: int = 2) -> Purpose | None:
    """The purpose of one command: a pipeline, or a loop with its body."""
    if _IS_COMPOUND.match(part):
        inner = _COMPOUND_HEAD.sub("\n", part) if depth else ""
        within = [_of_part(p.text, depth - 1) for p in parts(inner) if p.text != part]
        purposes = [one for one in within if one is not None]
        return _main(purposes)._replace(command=part, key=_normal(part)) if purposes else None
    for stage in stages(part):
        aim = _of_stage(stage)
        if aim is not None and aim.intent not in ("read", "search"):
            break
    else:
        aim = _of_stage(stages(part)[0]) if stages(part) else None
    return _whole(aim, part)


def _whole(aim: Purpose | None, part: str) -> Purpose | None:
    """A stage's purpose as that of its pipeline, which may write a file."""
    written = redirected(part)
    if written and "<<" in part and _HEREDOC_WRITE.match(part):
        return Purpose("edit", written, part, f"write {written}")
    if written and (aim is None or aim.intent in ("read", "search")):
        intent: Intent = "query" if aim and aim.intent == "search" else "edit"
        return Purpose(intent, written[:_LONGEST_TARGET], part, _normal(part))
    if aim is None or (aim.intent == "read" and not aim.target):
        return None  # it reads what it was given on the spot
    target = written or aim.target
    if written and aim.intent == "check" and _name(next(iter(words(part)), "")) in _SUMMING:
        return Purpose("run", written[:_LONGEST_TARGET], part, _normal(part))
    return Purpose(aim.intent, target[:_LONGEST_TARGET], part, _normal(part))


_SUMMING = ("md5sum", "sha1sum", "sha256sum")
"""Checks that make what is checked where their output is a file."""


def _normal(text: str) -> str:
    """A command line without what only shortens or hides its output."""
    return _PROFILE.sub("", text).strip().rstrip("&").strip()


def _of_stage(stage: str) -> Purpose | None:
    arguments = words(stage)
    if not arguments or _ASKS.search(first_line(stage)) or looks_quiet(arguments):
        return None
    intent = _intent(_name(arguments[0]), arguments[1:], stage)
    if intent is None:
        return None
    return Purpose(intent, _target(_without_script(arguments)), stage, stage)


def looks_quiet(arguments: Sequence[str]) -> bool:
    """Whether this use of a tool only looks, or only sets the scene."""
    text = " ".join(arguments)
    first = next((word for word in arguments[1:] if not word.startswith("-")), "")
    quiet = first in _QUIET.get(_name(arguments[0]), ())
    return quiet or bool(_QUIET_FORMS.match(text) or _STAGING.match(text))


def _name(program: str) -> str:
    return re.split(r"[/\\]", program)[-1].lower().removesuffix(".exe")


def programs(command: str) -> tuple[str, ...]:
    """The names of the programs that a command line starts, without those run by their path."""
    simple = (part.text for part in parts(command) if not _IS_COMPOUND.match(part.text))
    first = (words(stage)[:1] for text in simple for stage in stages(text))
    names = (name for arguments in first for name in arguments)
    return tuple(
        dict.fromkeys(
            name
            for name in names
            if "/" not in name
            and "\\" not in name
            and name not in _LOOKING_WORDS
            and name not in _SETTING_WORDS
            and _PROGRAM_NAME.fullmatch(name)
        )
    )


_PROGRAM_NAME = re.compile(r"[A-Za-z_][\w.+-]*")


def program(command: str) -> str:
    """The name of the first program of a command line that does something, or ""."""
    return next(iter(programs(command)), "")


def _intent(program: str, arguments: list[str], text: str) -> Intent | None:
    first = next((word for word in arguments if not word.startswith("-")), "")
    if program in _LOOKING_WORDS or program in _SETTING_WORDS:
        return None
    if program in _SUBCOMMANDS and first in _SUBCOMMANDS[program]:
        return _SUBCOMMANDS[program][first]
    if program in ("sed", "perl") and re.search(r"\s-\w*i", text):
        return "edit"
    if program == "sed" and " -n" in text and "|" not in text:
        return "read"
    if program in ("find", "fd") and re.search(r"-(?:delete|exec\w*|x)\b", text):
        return "edit" if "grep" not in text else "search"
    if program == "find" and first in ("", ".") and not re.search(r"-(?:i?name|i?regex)", text):
        return None
    if program in ("docker", "podman") and first not in ("build", "compose"):
        return "run"
    if _INTERPRETERS.match(program):
        ends = (*arguments[-1:], *arguments[1:2])
        asked = (_OF_SUBCOMMAND[word] for word in ends if word in _OF_SUBCOMMAND)
        return _named(_script(arguments)) or next(asked, "run")
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
    text = text[:_LONGEST_NAMED].lower()
    return next((intent for pattern, intent in _NAMED if pattern.search(text)), None)


def _without_script(arguments: list[str]) -> list[str]:
    """The arguments of a program but for the script that `sed` or `perl` gets among them."""
    program, *rest = arguments
    options = [at for at, word in enumerate(rest) if re.fullmatch(r"-\w*e", word)]
    if _name(program) not in ("sed", "gsed", "perl"):
        return rest
    if not options and _name(program) != "perl":
        first = next((at for at, word in enumerate(rest) if not word.startswith("-")), -1)
        return [word for at, word in enumerate(rest) if at != first]
    return [word for at, word in enumerate(rest) if at - 1 not in options]


def _target(arguments: list[str]) -> str:
    """The first argument that looks like a path, else the first that is not an option."""
    module = arguments[:1] == ["-m"]
    plain = [word for word in arguments[2 * module :] if word and not word.startswith("-")]
    paths = (word for word in plain if _PATH.match(word))
    return next(paths, plain[0] if plain and plain[0].isidentifier() else "")
