"""The demo of the README and its picture are what the quickstart shows."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PICTURE = DOCS / "images" / "quickstart.svg"


def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", DOCS / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recorded() -> str:
    text: str = demo().recording()
    return text


@pytest.mark.process
def test_the_demo_of_the_readme_is_what_the_quickstart_shows(recorded: str) -> None:
    page = (DOCS.parent / "README.md").read_text()
    assert demo().BEGIN in page
    assert page == demo().with_demo(page, recorded), "run docs/demo.py"


@pytest.mark.process
def test_the_picture_is_what_the_quickstart_shows(recorded: str) -> None:
    assert PICTURE.read_text() == demo().picture_of(recorded), "run docs/demo.py"


@pytest.mark.process
def test_each_line_of_the_quickstart_fits_80_columns(recorded: str) -> None:
    plain = re.sub(r"\x1b\[[\d;]*m", "", recorded)
    assert max(map(len, plain.splitlines())) <= 80
