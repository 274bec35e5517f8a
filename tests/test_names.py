"""Names and English of the package: one meaning for each class, names that say what a value is."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "crossrun"
VAGUE = {"told", "found", "said", "one", "known", "kept"}
LONGEST_SCOPE = 5
"""Lines in which a vague name may stand, since what it means is in view."""

PHRASES = re.compile(
    r"(?<!there )\bis no (?!longer\b)|\bg(?:oes|one) on\b|\bgo on with\b|\bis told\b|\bof its own\b"
    r"|\bwhatever\b|\bwhoever\b|\btaken (?:back|up)\b|\bany more\b"
    r"|\bcut short\b|\bfor ever\b|\bone's own\b|\bin spite of\b|\blikewise\b|\blaid\b"
    r"|\bwhere there is\b|\bbeginning of one\b|\bsound backup\b|\bsay --\w",
    re.IGNORECASE,
)
"""Word-for-word translations of what English says with `is not a`, `continues`, `its`, `any`, and
with `interrupted` (cut short), `at any time` (for ever), `your` (one's own), `despite` (in spite
of), `too` (likewise), `put` (laid), `if there is` (where there is), `a prefix of one` (beginning of
one), `intact` (sound) and `use` (say) for options."""


def room(file: Path) -> str:
    """The part of the package that a file belongs to."""
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Each module, with its room."""
    for file in sorted(SOURCE.rglob("*.py")):
        yield room(file), ast.parse(file.read_text())


def test_a_class_name_stands_once_in_the_package() -> None:
    places = defaultdict(list)
    for name, module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name)
    shared = {name: rooms for name, rooms in places.items() if len(rooms) > 1}
    assert shared == {}


SCOPES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


def vague_names(node: ast.AST, lines: int) -> Iterator[str]:
    """The vague names below a node that are in use over more than a few lines.

    Args:
        node: where to look.
        lines: the length of the scope that the node stands in.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.ClassDef) and isinstance(child, ast.AnnAssign):
            continue  # fields have the names that stored data and JSON have
        if isinstance(child, ast.FunctionDef) and child.name.strip("_") in VAGUE:
            yield child.name
        if lines > LONGEST_SCOPE and is_vague(child):
            yield ast.unparse(child)
        inner = lines
        if isinstance(child, SCOPES):
            inner = (child.end_lineno or 0) - child.lineno + 1
        yield from vague_names(child, inner)


def is_vague(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return isinstance(node.ctx, ast.Store) and node.id.strip("_") in VAGUE
    return isinstance(node, ast.arg) and node.arg.strip("_") in VAGUE


def test_names_say_what_a_value_is() -> None:
    vague = [
        f"{name}: {vague}"
        for name, module in modules()
        for vague in vague_names(module, LONGEST_SCOPE + 1)
    ]
    assert vague == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def told(a): ...", ["told"]),
        ("def f(a):\n  found = a\n\n\n\n  return found", ["found"]),
        ("def f(said):\n\n\n\n\n  return 1", ["said"]),
        ("for one in x: ...", ["one"]),
        ("def f(a):\n  kept = a\n  return kept", []),
        ("def f(a):\n\n\n\n\n\n  return [one for one in a]", []),
        ("class A:\n  kept: int\n\n\n\n\n  x: int", []),
        ("known.found(said=1)", []),
    ],
)
def test_a_vague_name_would_be_noticed(code: str, names: list[str]) -> None:
    assert list(vague_names(ast.parse(code), LONGEST_SCOPE + 1)) == names


def texts() -> Iterator[tuple[str, str]]:
    """What people read: the source, whose code holds none of the phrases, and the documents."""
    sources = [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.yaml")]
    for file in sorted([*sources, *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        yield str(file.relative_to(ROOT)), joined(file.read_text())


def joined(text: str) -> str:
    """A text without its line breaks, comment signs and the seams of strings."""
    return " ".join(re.sub(r'"?\s*\n\s*(?:#|f?")?', " ", text).split())


def test_texts_read_as_english() -> None:
    translated = {name: phrases for name, text in texts() if (phrases := PHRASES.findall(text))}
    assert translated == {}


@pytest.mark.parametrize(
    "text",
    [
        "x is no\n# text file",
        "Goes on",
        'has "is "\n    "told"',
        "of its\n   own",
        "whatever",
        "taken back",
        "was cut\n    short",
        "to agree, say --yes",
        "An id, the beginning of one",
    ],
)
def test_a_translated_phrase_would_be_noticed(text: str) -> None:
    assert PHRASES.search(joined(text))


@pytest.mark.parametrize("text", ["there is no run", "is no longer there", "is not a run"])
def test_plain_english_is_left_alone(text: str) -> None:
    assert PHRASES.search(joined(text)) is None
