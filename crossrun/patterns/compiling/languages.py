"""Data: what programs do with their arguments, and how languages quote values."""

from typing import NamedTuple


class Language(NamedTuple):
    """How values stand in a language.

    Attributes:
        quotes: what encloses values. Within it, `escape` and `inner` characters mean something.
        inner: besides the quote itself and line breaks, what ends or changes a value in quotes.
        comment: what begins a comment that ends with the line.
        bare: the characters that a value may have outside of quotes; "": only a number may stand
            there. With `shown`, those of earlier values may occur, too.
        shown: see `bare`.
        exact: whether places in quotes are told for sure, as in languages without patterns in
            slashes. Else a value in quotes gets the characters of `PLAIN` only.
        free: any characters but `inner` may stand outside of quotes.
    """

    quotes: str = "\"'"
    inner: str = "\\"
    comment: str = ""
    bare: str = ""
    shown: bool = False
    exact: bool = False
    free: bool = False


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_TEXT = f"{_LETTERS} -"
PLAIN = f"{_TEXT}.,/:@+="
"""Characters that do no harm in any code, in quotes or outside of them."""

LANGUAGES = {
    "python": Language(comment="#", inner="\\{}", exact=True),
    "javascript": Language(quotes="\"'`", inner="\\${}", comment="//"),
    "c": Language(quotes='"', inner="\\%", comment="//"),
    "perl": Language(inner="\\$@%{}", comment="#"),
    "ruby": Language(inner="\\#{}", comment="#"),
    "php": Language(inner="\\${}", comment="//"),
    "awk": Language(quotes='"', inner="\\%&", comment="#"),
    "jq": Language(quotes='"', inner="\\()", comment="#"),
    "sql": Language(inner="\\", comment="--", bare=_LETTERS),
    "pattern": Language(quotes="", bare=_TEXT, shown=True),
    "format": Language(quotes="", bare=f"{_TEXT},:;=./@", shown=True),
    "make": Language(quotes="", comment="#", bare=f"{_LETTERS}-./"),
    "json": Language(quotes='"', inner="\\", exact=True),
    "yaml": Language(inner="\\", comment="#", bare=f"{_TEXT}./", shown=True),
    "toml": Language(inner="\\", comment="#", exact=True),
    "ini": Language(quotes="", inner="\\;#[]%$", free=True),
    "html": Language(quotes="", inner="<>&\"'`{}", free=True),
    "csv": Language(quotes='"', inner=",;\t", exact=True, free=True),
    "echo": Language(quotes="", free=True),
    "unknown": Language(quotes="", bare=f"{_LETTERS}-./", shown=False),
}
"""By name. `text` is not among them: any character may stand there."""

BY_ENDING = {
    "py": "python", "js": "javascript", "mjs": "javascript", "ts": "javascript", "c": "c",
    "h": "c", "cpp": "c", "go": "c", "rs": "c", "java": "c", "pl": "perl", "rb": "ruby",
    "php": "php", "awk": "awk", "jq": "jq", "sql": "sql", "json": "json", "jsonl": "json",
    "yaml": "yaml", "yml": "yaml", "toml": "toml", "ini": "ini", "cfg": "ini", "conf": "ini",
    "env": "unknown", "properties": "ini", "html": "html", "htm": "html", "xml": "html",
    "svg": "html", "csv": "csv", "tsv": "csv", "md": "text", "txt": "text", "rst": "text",
    "log": "text", "adoc": "text", "tex": "unknown", "mk": "make",
}  # fmt: skip
"""The language of a file by its ending."""


class Code(NamedTuple):
    """Which arguments of a program are code.

    Attributes:
        language: of the code.
        options: the code is what follows one of these; () for the arguments below.
        first: how many of the arguments that are no options are skipped before the code begins.
        number: how many arguments from there on are code.
        with_value: options whose next argument belongs to them.
    """

    language: str
    options: tuple[str, ...] = ()
    first: int = 0
    number: int = 1
    with_value: tuple[str, ...] = ()


_PYTHON = Code("python", ("-c",))
_AWK = Code("awk", with_value=("-F", "-v", "-f"))
_SED = Code("pattern", with_value=("-f", "-l"))
_GREP = Code("pattern", with_value=("-A", "-B", "-C", "-m", "-f"))

PROGRAMS: dict[str, tuple[Code, ...]] = {
    "python": (_PYTHON,),
    "python3": (_PYTHON,),
    "awk": (_AWK,),
    "gawk": (_AWK,),
    "mawk": (_AWK,),
    "sed": (_SED, Code("pattern", ("-e", "--expression"))),
    "grep": (_GREP, Code("pattern", ("-e",))),
    "egrep": (_GREP,),
    "fgrep": (_GREP,),
    "rg": (_GREP,),
    "perl": (Code("perl", ("-e", "-ne", "-pe", "-E", "-i", "-nle", "-lne", "-pie")),),
    "ruby": (Code("ruby", ("-e", "-ne")),),
    "node": (Code("javascript", ("-e", "-p", "--eval")),),
    "php": (Code("php", ("-r",)),),
    "jq": (Code("jq", with_value=("--arg", "--argjson", "--indent")),),
    "sqlite3": (Code("sql", first=1, number=99, with_value=("-separator", "-cmd", "-init")),),
    "printf": (Code("format"),),
    "echo": (Code("echo", number=99),),
    "date": (Code("format", number=99, with_value=("-d", "-r", "--date")),),
    "find": (Code("pattern", ("-name", "-iname", "-path", "-regex")),),
    "tr": (Code("pattern", number=2),),
    "expr": (Code("unknown", number=99),),
    "bc": (Code("unknown", number=99),),
}

_SHELLS = "sh bash dash zsh ksh"
SHELLS = frozenset(_SHELLS.split())
"""Shells: with `-c`, their arguments are code, and so is their input."""

_CODE_TAKERS = "eval su ssh parallel watch"
CODE_TAKERS = frozenset(_CODE_TAKERS.split())
"""Programs whose arguments are shell code: no value may stand there."""

_STARTERS = "command env exec nice nohup sudo time timeout xargs"
STARTERS = frozenset(_STARTERS.split())
"""Programs whose arguments are another program and its arguments."""

INTERPRETERS = {
    "python": "python", "python3": "python", "node": "javascript", "perl": "perl", "ruby": "ruby",
    "php": "php", "sqlite3": "sql", "awk": "awk", "bc": "unknown", "cat": "", "tee": "",
}  # fmt: skip
"""Programs that read a here-document: the language that they take it for; "": it becomes a file."""

NETWORK: dict[str, tuple[str, ...]] = {
    "curl": (), "wget": (), "ssh": (), "scp": (), "sftp": (), "ftp": (), "telnet": (), "nc": (),
    "gh": (), "aws": (), "gcloud": (), "az": (), "gsutil": (), "kubectl": (), "helm": (),
    "terraform": (), "ansible": (), "psql": (), "mysql": (), "mongosh": (), "redis-cli": (),
    "dig": (), "ping": (), "nslookup": (), "apt": (), "apt-get": (), "brew": (), "dnf": (),
    "yum": (), "apk": (), "npx": (), "uvx": (),
    "git": ("clone", "fetch", "pull", "push", "ls-remote", "submodule"),
    "pip": ("install", "download"), "pip3": ("install", "download"), "uv": ("pip", "add", "sync"),
    "npm": ("install", "i", "ci", "publish", "login", "update"), "yarn": ("add", "install"),
    "pnpm": ("add", "install"), "cargo": ("install", "publish", "update"),
    "docker": ("pull", "push", "login"), "go": ("get", "install"), "gem": ("install", "push"),
    "conda": ("install", "create"), "rsync": (),
}  # fmt: skip
"""Programs that need a network or a login, with the first arguments that do; (): always."""

BASH_ONLY = (
    r"\[\[", r"<<<", r"&>", r"\|&", r"\$\{!|\$\{\w+(?:/|:\d|\^|,|@)", r"<\(|>\(", r"\bdeclare\b",
    r"\bmapfile\b", r"\breadarray\b", r"\bshopt\b", r"\bpipefail\b", r"^[^\S\n]*source\s",
    r"\bfunction\s+\w", r"\{\d+\.\.\d+\}", r"\{[\w.]*,[\w.,]*\}", r"\w=\(", r"\blocal\b",
    r"\bpushd\b|\bpopd\b", r"\becho\s+-[neE]+\b", r"\becho\b[^\n]*\\", r"\(\(", r"\bread\s+-[^r]",
    r"\bexport\s+-", r"\btime\s", r"\$RANDOM\b", r"\btrap\b[^\n]*\bERR\b",
)  # fmt: skip
"""What only bash understands, or understands differently from a POSIX shell."""
