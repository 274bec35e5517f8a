"""The documents for contributors name files, modules and classes that exist."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("AGENTS.md", "CONTRIBUTING.md", "docs/architecture.md")
SETTINGS = ROOT / "docs" / "reference" / "settings.md"
FOREIGN = {"mock.patch", "None"}
"""Names that Python defines."""

_BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_DOTTED = re.compile(r"[a-z_]+(?:\.\w+)+")
_CLASS = re.compile(r"_?[A-Z][a-z]+\w*")
_PATH = re.compile(r"\.?[\w{},-]+(?:/[\w{},.-]*)+")
_EXAMPLES = re.compile(r".+\.(?:json|lock|md)|state/.+|build/site")
"""Files that crossrun, an agent or a command makes."""


def quoted(document: str) -> Iterator[str]:
    """What stands in backticks or, in a block of shell, alone."""
    text = (ROOT / document).read_text()
    yield from re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text))
    for block in _BLOCK.findall(text):
        yield from (word for word in block.split() if "/" in word and not word.startswith(".venv"))


def named(document: str) -> list[str]:
    names = sorted(set(quoted(document)))
    return [name for name in names if names_code(name) and name not in FOREIGN]


def names_code(name: str) -> bool:
    is_path = _PATH.fullmatch(name) is not None
    if is_path or _CLASS.fullmatch(name):
        return not _EXAMPLES.fullmatch(name) or name.startswith(("docs/", "tests/"))
    return bool(_DOTTED.fullmatch(name)) and not _EXAMPLES.fullmatch(name)


@cache
def definitions() -> frozenset[str]:
    """The dotted names of modules, classes, functions and constants; methods as `module.name`."""
    names: set[str] = set()
    for top in ("crossrun", "tests"):
        for file in (ROOT / top).rglob("*.py"):
            parts = [*file.relative_to(ROOT).with_suffix("").parts]
            module = ".".join(part for part in parts if part != "__init__")
            names.add(module)
            names |= {f"{module}.{name}" for name in defined(ast.parse(file.read_text()))}
    return frozenset(names)


def defined(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    """The names that a module defines, and those that its classes do."""
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            yield child.name
        if isinstance(child, ast.ClassDef):
            yield from defined(child)
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            yield from (each.id for each in ast.walk(child) if is_stored(each))


def is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


@cache
def endings() -> frozenset[str]:
    """What a document may call them: `learning.traces` is enough for `patterns.learning.traces`."""
    return frozenset(
        ".".join(parts[start:])
        for parts in (name.split(".") for name in definitions())
        for start in range(len(parts))
    )


def exists(name: str) -> bool:
    if "/" in name:
        return any(
            all((top / path).exists() for path in spelled_out(name))
            for top in (ROOT, ROOT / "crossrun")
        )
    return name in endings() or f"| `{name}` |" in SETTINGS.read_text()


def spelled_out(path: str) -> list[str]:
    """`a/{b,c}.md` names `a/b.md` and `a/c.md`."""
    parts = re.split(r"\{([^}]*)\}", path)
    choices = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
    return ["".join(each) for each in product(*choices)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_named_file_module_and_class_exists(document: str) -> None:
    names = named(document)
    assert len(names) > 5
    assert [name for name in names if not exists(name)] == []


@pytest.mark.parametrize(
    "name",
    ["crossrun/nowhere/", "tests/test_nothing.py", "cli.nothing", "docs/{a,b}.md", "NoSuchClass"],
)
def test_a_wrong_name_would_be_noticed(name: str) -> None:
    assert names_code(name)
    assert not exists(name)


def test_agents_md_names_every_room() -> None:
    rooms = {f"crossrun/{file.name}/" for file in (ROOT / "crossrun").iterdir() if file.is_dir()}
    rooms -= {"crossrun/__pycache__/"}
    assert rooms - set(named("AGENTS.md")) == set()
