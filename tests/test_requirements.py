"""What a workflow needs to be there before it is chosen: only what its steps use."""

import pytest

from crossrun.commandlines.intents import purpose
from crossrun.model.workflows import Act
from crossrun.patterns.learning.requirements import required_markers, required_tools

PRESENT = ("Dockerfile", "Makefile", "package.json", "pyproject.toml", "requirements.txt")


def act(command: str) -> Act:
    intent = "edit" if command.startswith("write ") else "run"
    known = purpose(command)
    target = command.split()[1] if intent == "edit" else known.target if known else ""
    return Act(intent=intent, target=target, command=command, occurrences=())


@pytest.mark.parametrize(
    ("command", "markers"),
    [
        ("python3 convert.py sales.csv", ()),
        ("make report", ("Makefile",)),
        ("cd sub && make report", ("Makefile",)),
        ("npm run build 2>&1 | tail", ("package.json",)),
        ("docker build -t shop .", ("Dockerfile",)),
        ("docker run --rm alpine", ()),
        ("pip install -r requirements.txt", ("requirements.txt",)),
        ("python3 -m pip install -e .", ("pyproject.toml",)),
        ("pip install numpy", ()),
        ("write ./pyproject.toml", ("pyproject.toml",)),
        ("write app/Dockerfile", ()),
        ("grep -n version 'pyproject.toml'", ("pyproject.toml",)),
        ("echo makefile", ()),
    ],
)
def test_only_marker_files_that_a_step_names_or_reads_are_needed(
    command: str, markers: tuple[str, ...]
) -> None:
    assert required_markers([act(command)], PRESENT) == markers


def test_tools_are_those_that_steps_start_also_in_pipelines_and_loops() -> None:
    acts = [
        act("curl -s 'https://example.org/a|b' | jq -r .name > names.txt"),
        act('for f in *.mp4; do ffmpeg -i "$f" "$f.mp3"; done'),
        act("FORCE=1 gnuplot plot.gp && cat out.svg"),
        act("write bin/report"),
        act("report --all"),
        act("missing --all"),
    ]
    installed = {"curl", "jq", "ffmpeg", "gnuplot", "cat", "report"}
    assert required_tools(acts, installed.__contains__) == ("curl", "jq", "ffmpeg", "gnuplot")
