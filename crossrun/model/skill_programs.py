"""Programs that have skills of their own, and the folders in which they look for them."""

from typing import Literal, NamedTuple

SkillProgram = Literal["codex", "claude"]


class SkillPlaces(NamedTuple):
    """Where a program looks for skills.

    Attributes:
        variable: the environment variable that names the program's own folder.
        own: that folder without the variable, below the home folder.
        home: further places below the home folder.
        project: places below each folder from the current one to the top of the repository.
    """

    variable: str
    own: str
    home: tuple[str, ...]
    project: tuple[str, ...]


SKILL_PLACES: dict[SkillProgram, SkillPlaces] = {
    "codex": SkillPlaces(
        "CODEX_HOME", ".codex", (".agents/skills",), (".codex/skills", ".agents/skills")
    ),
    "claude": SkillPlaces("CLAUDE_CONFIG_DIR", ".claude", (), (".claude/skills",)),
}
"""Below the program's own folder, `skills` holds the user's and `plugins` those of plugins."""
