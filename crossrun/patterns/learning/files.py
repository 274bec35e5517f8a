"""Files of a pattern: programs that a run wrote and used, and code that stood in its commands.

Results are never among them: with an earlier result in sight, agents hand in the earlier result.
Pure: the caller reads the files, and stores their contents.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from crossrun.model.workflows import FILES_FOLDER, Act, FileKind, PatternFile
from crossrun.patterns.formats.block import copy_line, is_copyable
from crossrun.patterns.learning.borrowing import borrowed
from crossrun.patterns.learning.unnamed_files import is_read_unnamed

MOST_FILES = 6
MOST_LINES = 200
MOST_BYTES = 16_000
LONGEST_INLINE = 600
_LONGEST_PARSED = 40_000
_MOST_HEREDOCS = 40
_LONGEST_OPTION = 200
_LONGEST_INLINE_EDIT = 4_000
"""Characters of a command that stays in the sequence; what is longer becomes a file."""

_KINDS: dict[FileKind, str] = {
    "program": """
        awk bash bats bb c cjs clj cpp cs css dart el erl ex exs fish fs go groovy hs java jl jq js
        jsx kts kt lisp lua m mjs mk ml nim php pl pm ps1 py r R rb rs scala scm sed sh sql swift
        tcl ts tsx v vim zig zsh
    """,
    "template": "ejs erb hbs hjson.j2 j2 jinja jinja2 liquid mustache njk tera tmpl tpl xsl xslt",
    "configuration": "cfg cnf conf ini json5 properties toml yaml yml",
}
_BY_EXTENSION = {ending: kind for kind, endings in _KINDS.items() for ending in endings.split()}
_PROGRAM_NAMES = ("Makefile", "makefile", "GNUmakefile", "Rakefile", "Justfile", "justfile")
_AS_OPTION = re.compile(
    r"(?:--(?P<option>[\w-]*(?:config|conf|rcfile|settings|template|schema|spec|style|script"
    r"|format-file|filter-file|from-file)[\w-]*)|-(?P<short>[cfCF]))[= ]\s*[\"']?$"
)
_LOOKING = re.compile(
    r"^\s*(?:cat|head|tail|less|more|ls|wc|file|stat|git|rm|chmod|sed -n|nl|grep|rg|diff|cmp|touch"
    r"|echo|printf|tee|python3? -m py_compile|ruff|black|mypy|shellcheck)\b"
)
_HEREDOC = re.compile(
    r"(?m)^(?P<head>[^\n]*?)<<(?P<dash>-?)[ \t]*(?P<quote>['\"]?)(?P<tag>\w+)(?P=quote)"
    r"(?P<tail>[^\n]*)\n(?P<body>(?:.*\n)*?)[ \t]*(?P=tag)[ \t]*$"
)
_WRITES = re.compile(r"(?:^|&&|\|\||;|\()\s*(?P<verb>cat|tee)\b(?P<rest>[^;&|]*)$")
_TARGET = re.compile(r"(?P<redirect>>)\s*(?P<quote>[\"']?)(?P<path>[^\s\"'<>|&;]+)(?P=quote)")
_TEE = re.compile(r"^\s*(?P<quote>[\"']?)(?P<path>[^\s\"'<>|&;-][^\s\"'<>|&;]*)(?P=quote)")
_IMPORT = re.compile(
    r"(?m)^\s*(?:from|import)\s+\.?([\w., ]+)"
    r"|(?:require|source|import|load)\W+[\"']?\.?/?([\w./-]+)"
)
_IN_PLACE = re.compile(
    r"(?:^|[;&|(\s])(?:sed|gsed)\s+(?:-[a-zA-Z]*\s+)*(?:-i|--in-place|-[nEr]*i)|\bperl\s+-\w*i"
    r"|\bpatch\b|\bgit apply\b|\bed\s+-?s?\s|\bapply_patch\b"
    r"|(?s:(?:\.replace\(|re\.sub\().*?(?:write_text|\.write\())"
)
_REPLACED = re.compile(
    r"s([/|#,@])((?:\\.|(?!\1).)*)\1((?:\\.|(?!\1).)*)\1"
    r"|\.replace\(\s*[\"']([^\"']*)[\"']\s*,\s*[\"']([^\"']*)[\"']"
)
_PATCH_FILE = re.compile(r"\b(?:patch|git apply)\b[^;&|\n]*?[\s<]([\w./-]+\.(?:patch|diff))\b")
_ADDRESS = re.compile(r"[\s'\"](\d+)(?:,\d+)?[acdis]")
"""The line that a script of `sed` is for."""
_PIECE_WORD = re.compile(r"[\w.-]{3,}|\d+")
_EXPANDED = re.compile(r"[$`\\]")


class KeptFile(NamedTuple):
    """A file of a pattern, and its content."""

    file: PatternFile
    content: str


class Written(NamedTuple):
    """What a here-document wrote: where, and the text if the shell did not expand it."""

    path: str
    content: str | None


Read = Callable[[str], tuple[str, bool] | None]
"""A text file as it was when the run ended, and whether it is executable; None: there is none."""


def kept_files(
    acts: Sequence[Act], read: Read, *, new: Collection[str] | None = None
) -> tuple[KeptFile, ...]:
    """What of the files that a run wrote makes its commands work again.

    Args:
        acts: what the run did.
        read: reads a text file of the workspace, without secrets; bounded by the caller.
        new: files that the run added; None: not known. Changes of older files are not kept.
    """
    written: dict[str, str | None] = {}
    for act in acts:
        written |= {path: text for path, text in _written(act) if path not in written or text}
    contents: dict[str, tuple[str, bool]] = {}
    for path, text in written.items():
        content = read(path) or (None if text is None else (text, False))
        is_new = new is None or path in new or read(path) is None
        if content and is_new and is_copyable(path) and _is_small(content[0]):
            contents[path] = content
    used = _used(acts, {path: content for path, (content, _) in contents.items()})
    named = [_kept_file(path, kind, *contents[path]) for path, kind in used.items()]
    code = _code_in_commands(acts, {file.path for file, _ in named})
    return (*named, *code)[:MOST_FILES]


def with_files(command: str, files: Iterable[PatternFile]) -> str:
    """The command with files of the pattern in the place of what it wrote or held itself."""
    by_path = {file.path: file for file in files}
    by_hash = {file.sha256: file for file in by_path.values()}
    whole = by_hash.get(_hash(_script_text(command)))
    if whole is not None and len(command) > LONGEST_INLINE:
        return f'bash "{FILES_FOLDER}/{whole.path}"'

    def replaced(match: re.Match[str]) -> str:
        target = _target(match)
        if target is not None:
            if target.path in by_path:
                return _copied(match, target)
            return match[0] if _is_filled_in(match, target) else _described(match, target)
        code = by_hash.get(_hash(match["body"]))
        if code is None or len(match["body"]) <= LONGEST_INLINE:
            return match[0]
        return f'{match["head"]}< "{FILES_FOLDER}/{code.path}"{match["tail"]}'

    if not _is_parsed(command):
        return command
    return _HEREDOC.sub(replaced, command).strip("\n")


def as_written(command: str) -> str:
    """A command that only copies a file of a pattern, as the act of writing that file."""
    if FILES_FOLDER not in command:
        return command
    paths, rest = borrowed(command)
    return f"write {paths[0]}" if len(paths) == 1 and not rest else command


def writes(command: str) -> tuple[str, ...]:
    """The paths that here-documents of a command write."""
    targets = (_target(match) for match in _heredocs(command))
    return tuple(target.path for target in targets if target is not None)


def is_edit(command: str) -> bool:
    """Whether a command changes a file by hand: by what it finds in it, not by a program's work."""
    return _IN_PLACE.search(command[:_LONGEST_INLINE_EDIT]) is not None


def asked_for(command: str, task: str) -> bool:
    """Whether the task names what a change by hand puts in, or what it replaces."""
    words = {word.lower() for word in _PIECE_WORD.findall(task)}
    read = _PATCH_FILE.search(command[:_LONGEST_INLINE_EDIT])
    if read is not None and read[1].rpartition("/")[2].lower() in words:
        return True
    pieces = {
        word.lower()
        for match in _REPLACED.finditer(command[:_LONGEST_INLINE_EDIT])
        for piece in (*match.groups(), *_ADDRESS.findall(command[:_LONGEST_INLINE_EDIT]))
        for word in _PIECE_WORD.findall(piece or "")
    }
    return not pieces.isdisjoint(words)


def is_source(path: str) -> bool:
    """Whether the file is a program, a template or a configuration by its name."""
    return _kind(path) is not None


# ---------------------------------------------------------------- what was written


def _written(act: Act) -> Iterator[tuple[str, str | None]]:
    verb, _, path = act.command.partition(" ")
    if verb == "write" and path:
        yield path, None
        return
    for match in _heredocs(act.command):
        target = _target(match)
        if target is not None:
            yield target.path, target.content


def _heredocs(command: str) -> Iterator[re.Match[str]]:
    return _HEREDOC.finditer(command if _is_parsed(command) else "")


def _is_parsed(command: str) -> bool:
    """Whether here-documents are looked for: not where that would take long."""
    return len(command) <= _LONGEST_PARSED and command.count("<<") <= _MOST_HEREDOCS


def _target(match: re.Match[str]) -> Written | None:
    """Where a here-document goes if `cat` or `tee` writes it to a file."""
    writer = _WRITES.search(match["head"])
    if writer is None:
        return None
    rest = f"{writer['rest']} {match['tail']}"
    target = _TARGET.search(rest) if writer["verb"] == "cat" else _TEE.search(rest)
    if target is None or rest[target.start() :].startswith(">>") or "$" in target["path"]:
        return None
    is_literal = bool(match["quote"]) or not _EXPANDED.search(match["body"])
    return Written(_plain(target["path"]), match["body"] if is_literal else None)


def _copied(match: re.Match[str], target: Written) -> str:
    """The line of a here-document with `cp` instead; what stands around it stays."""
    before = _before(match)
    tail = match["tail"]
    after = (_TARGET.sub("", tail, count=1) if target.path in tail else tail).strip()
    joint = "" if not after or after.startswith(("&&", "||", ";", "|")) else "&& "
    if after.startswith("|"):
        after = ""
    parent = target.path.rpartition("/")[0]
    is_made = re.search(rf"\bmkdir\b[^&;|]*\b{re.escape(parent)}(?!\w)", before) is not None
    copied = copy_line(target.path, makes_folder=not is_made)
    return f"{before}{copied}{f' {joint}{after}' if after else ''}"


def _before(match: re.Match[str]) -> str:
    """What stands before the command that writes a here-document."""
    writer = _WRITES.search(match["head"])
    return match["head"][: writer.start("verb")] if writer else ""


def _is_filled_in(match: re.Match[str], target: Written) -> bool:
    """Whether a here-document is a small template that the shell fills in."""
    is_small = len(match["body"]) <= LONGEST_INLINE
    return is_small and target.content is None and is_source(target.path)


def _described(match: re.Match[str], target: Written) -> str:
    """The line of a here-document whose text was a result, without the text."""
    before = _before(match).rstrip(" &;|")
    return f"{before}{'  ' if before else ''}# write {target.path} here"


# ---------------------------------------------------------------- what was used


def _used(acts: Sequence[Act], contents: Mapping[str, str]) -> dict[str, FileKind]:
    """The files that commands ran or read as programs, templates or configurations."""
    used: dict[str, FileKind] = {}
    for path in contents:
        kind = next((kind for act in acts if (kind := _use(path, act)) is not None), None)
        if kind is not None:
            used[path] = kind
    pending = list(used)
    while pending:
        path = pending.pop()
        for other in _imported(contents[path], contents):
            if other not in used:
                used[other] = _kind(other) or "program"
                pending.append(other)
    return {path: used[path] for path in contents if path in used}


def _use(path: str, act: Act) -> FileKind | None:
    """What the file is to a command that names it, beside the command that writes it."""
    command = act.command[:_LONGEST_PARSED]
    if _is_parsed(command):
        command = _HEREDOC.sub(lambda m: _described_end(m) if _target(m) else m[0], command)
    if command.partition(" ")[0] in ("write", "delete", "use"):
        return None
    for place in _places(path, command):
        before = command[:place]
        simple = re.split(r"&&|\|\||[;|\n]", before)[-1]
        kind, option = _kind(path), _AS_OPTION.search(before[-_LONGEST_OPTION:])
        if option is not None:
            is_template = "templ" in (option["option"] or "")
            return kind or ("template" if is_template else "configuration")
        is_written = ">" in simple[-3:]
        if kind is not None and not is_written and not _LOOKING.match(simple.lstrip(" (")):
            return kind
    return (_kind(path) or "configuration") if is_read_unnamed(path, command) else None


def _described_end(match: re.Match[str]) -> str:
    """What stands around a here-document that writes a file."""
    return f"{_before(match)}\n{_TARGET.sub('', match['tail'], count=1)}"


def _places(path: str, command: str) -> Iterator[int]:
    """Where a command names the file, also as a module of Python or of a test run."""
    names = {path, path.rpartition("/")[2]}
    for name in names:
        for match in re.finditer(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", command):
            yield match.start()
    if path.endswith(".py"):
        module = path.removesuffix(".py").replace("/", ".")
        for match in re.finditer(
            rf"-m(?:\s+unittest(?:\s+-\w+)*)?\s+{re.escape(module)}(?![\w.])", command
        ):
            yield match.start()


def _imported(content: str, contents: Mapping[str, str]) -> Iterator[str]:
    """The files among these that a program names: as modules, or to load or open."""
    named = (name for match in _IMPORT.finditer(content) for name in match.groups() if name)
    stems = {stem for name in named for stem in re.split(r"[,\s]+", name) if stem}
    parts = {part for stem in stems for part in (stem, stem.split(".")[0], stem.split("/")[-1])}
    for path in contents:
        folder, _, base = path.rpartition("/")
        is_package = base == "__init__.py" and folder.rpartition("/")[2] in parts
        is_module = is_package or base in parts or base.rpartition(".")[0] in parts
        is_named = re.search(rf"(?<![\w.-]){re.escape(base)}(?![\w-]|\.\w)", content) is not None
        if is_module or (is_named and _kind(path) is not None):
            yield path


def _kind(path: str) -> FileKind | None:
    base = path.rpartition("/")[2]
    if base in _PROGRAM_NAMES:
        return "program"
    return _BY_EXTENSION.get(base.rpartition(".")[2]) if "." in base else None


# ---------------------------------------------------------------- code on the command line


def _code_in_commands(acts: Sequence[Act], paths: Collection[str]) -> Iterator[KeptFile]:
    """Long code that stands in a command, as a file that the command can read or run."""
    number = 0
    for act in acts:
        left = with_files(act.command, ())
        for match in _heredocs(act.command):
            target = _target(match)
            if target is not None and target.path in paths:
                left = left.replace(match[0], "")
        if len(left) <= LONGEST_INLINE or left.partition(" ")[0] in ("write", "delete", "use"):
            continue
        code = next((m["body"] for m in _heredocs(act.command) if _is_code(m)), None)
        if code is not None and len(code) > LONGEST_INLINE:
            text, ending = code, _ending(act.command)
        else:
            text, ending = _script_text(act.command), "sh"
        if _is_small(text):
            number += 1
            yield _kept_file(f"run-{number}.{ending}", "program", text, executable=False)


def _is_code(match: re.Match[str]) -> bool:
    """Whether a here-document is the input of a program, word by word."""
    is_literal = bool(match["quote"]) or not _EXPANDED.search(match["body"])
    return _target(match) is None and is_literal and not match["dash"]


def _ending(command: str) -> str:
    program = re.search(r"\b(python|node|ruby|perl|psql|sqlite3|bash|sh|Rscript|php)\d?", command)
    endings = {"python": "py", "node": "js", "ruby": "rb", "perl": "pl", "psql": "sql"}
    endings |= {"sqlite3": "sql", "bash": "sh", "sh": "sh", "Rscript": "R", "php": "php"}
    return endings[program[1]] if program else "txt"


def _script_text(command: str) -> str:
    return command if command.endswith("\n") else f"{command}\n"


def _kept_file(path: str, kind: FileKind, content: str, executable: bool) -> KeptFile:  # noqa: FBT001
    size = len(content.encode())
    return KeptFile(
        PatternFile(path=path, kind=kind, sha256=_hash(content), size=size, executable=executable),
        content,
    )


def _is_small(content: str) -> bool:
    return len(content.encode()) <= MOST_BYTES and content.count("\n") <= MOST_LINES


def _hash(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _plain(path: str) -> str:
    while path.startswith("./"):
        path = path[2:]
    return path
