"""Variables of a procedure become variables of its script, where a shell would see them."""

import subprocess

import pytest

from crossrun.model.workflows import Step, Variable
from crossrun.patterns.formats.assignments import with_assignments

VARIABLES = {
    "file": Variable("path", "data/sales.csv"),
    "file_2": Variable("path", "sales.json"),
    "version": Variable("version", "1.5.0"),
    "text": Variable("text", "two words"),
    "test_command": Variable("command", "pytest"),
}


def scripted(*templates: str) -> tuple[list[str], list[str]]:
    """Assignments and commands of steps with these templates."""
    examples = {name: variable.example for name, variable in VARIABLES.items()}
    steps = []
    for template in templates:
        instruction = template
        for name, example in examples.items():
            instruction = instruction.replace(f"{{{name}}}", example)
        steps.append(Step(instruction=instruction, intent="run", command=template))
    lines, after = with_assignments(steps, VARIABLES)
    return list(lines), [step.instruction for step in after]


@pytest.mark.parametrize(
    ("template", "lines", "command"),
    [
        (
            "python3 convert.py {file} {file_2}",
            ["file=data/sales.csv", "file_2=sales.json"],
            'python3 convert.py "$file" "$file_2"',
        ),
        ('echo "{file}" > {file_2}.new', ["file=data/sales.csv", "file_2=sales.json"],
         'echo "$file" > "$file_2".new'),
        ("tar -cf v{version}_all.tar x", ["version=1.5.0"], 'tar -cf v"$version"_all.tar x'),
        ("awk '{print \"{file}\"}' {file}", ["file=data/sales.csv"],
         "awk '{print \"data/sales.csv\"}' \"$file\""),
        (
            'echo "v{version}_all"',
            ["version=1.5.0"],
            'echo "v${version}_all"',
        ),
        ("grep '{version}' x", [], "grep '1.5.0' x"),
        ("cat > {file} <<'E'\n{version}\nE", [], "cat > data/sales.csv <<'E'\n1.5.0\nE"),
        ("echo {text}", [], "echo two words"),
        ("{test_command} -q", [], "pytest -q"),
        ("for file in *; do cat $file; done; wc {file}", [],
         "for file in *; do cat $file; done; wc data/sales.csv"),
    ],
)  # fmt: skip
def test_a_value_becomes_a_variable_of_the_shell(
    template: str, lines: list[str], command: str
) -> None:
    assert scripted(template) == (lines, [command])


def test_the_script_does_what_the_commands_did() -> None:
    templates = [
        "echo {file} '{version}' v{version}x",
        'echo "to {file_2}"',
        "echo '{file}' {text}",
    ]
    lines, commands = scripted(*templates)
    printed = subprocess.run(
        ["bash", "-ec", "\n".join([*lines, *commands])], capture_output=True, text=True, check=True
    ).stdout
    assert printed.split() == (
        ["data/sales.csv", "1.5.0", "v1.5.0x", "to", "sales.json", "data/sales.csv", "two", "words"]
    )


def test_a_step_whose_template_says_something_else_stays_as_it_ran() -> None:
    step = Step(instruction="cat other.csv", intent="read", command="cat {file}")
    assert with_assignments([step], VARIABLES) == ((), (step,))
