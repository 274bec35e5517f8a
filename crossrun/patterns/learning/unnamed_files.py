"""Files that programs read without being given their names, as `make` reads a makefile."""

import re

_READ_UNNAMED: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(rf"(?:.*/)?(?:{names})"), re.compile(rf"(?<![\w./-])(?:{programs})(?![\w-])"))
    for names, programs in (
        (r"(?:GNU)?[Mm]akefile|.*\.mk", r"make|gmake"),
        (r"[Jj]ustfile", r"just"),
        (r"Rakefile|Gemfile", r"rake|bundle"),
        (
            r"Dockerfile|\.dockerignore",
            r"(?:docker|podman)(?: buildx| compose|-compose)?.* (?:build|up)",
        ),
        (r"(?:docker-)?compose\.ya?ml", r"(?:docker|podman)[ -]compose"),
        (
            r"(?:package|tsconfig)\.json|[\w.-]+\.config\.[cm]?[jt]s|.*\.(?:test|spec)\.[jt]sx?",
            r"npm|npx|yarn|pnpm|tsc|vite|webpack|eslint|jest|vitest|prettier|node --test",
        ),
        (r"Cargo\.toml|build\.rs|.*\.rs", r"cargo"),
        (r"go\.(?:mod|work)|.*\.go", r"go"),
        (r"CMakeLists\.txt|.*\.cmake", r"cmake"),
        (r"pom\.xml|.*\.java", r"mvn|mvnw"),
        (r"(?:build|settings)\.gradle(?:\.kts)?|.*\.(?:java|kt)", r"gradle|gradlew"),
        (r".*\.(?:cs|csproj|sln|fsproj)", r"dotnet"),
        (r".*\.(?:tf|tfvars)", r"terraform|tofu"),
        (
            r"pyproject\.toml|setup\.(?:py|cfg)|(?:pytest|tox|mypy)\.ini|ruff\.toml|conftest\.py",
            r"pytest|tox|nox|ruff|mypy|pip3? install|uv|hatch|poetry|python[\d.]* -m build",
        ),
        (
            r"test_\w+\.py|\w+_test\.py",
            r"pytest|tox|nox|python[\d.]* (?:-\w )*-m (?:pytest|unittest)",
        ),
        (r"requirements[\w.-]*\.txt", r"pip3? install -r"),
        (r"mkdocs\.ya?ml", r"mkdocs"),
        (r"conf\.py", r"sphinx-build"),
        (r"\.?latexmkrc", r"latexmk"),
    )
)
"""Files by their names, and the programs that read them without being given these."""


def is_read_unnamed(path: str, command: str) -> bool:
    """Whether a program of the command reads files of this name by itself, as `make` does."""
    return any(
        names.fullmatch(path) is not None and programs.search(command) is not None
        for names, programs in _READ_UNNAMED
    )
