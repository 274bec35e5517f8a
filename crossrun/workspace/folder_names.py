"""Names of projects as names of folders, and of a folder beside them."""

from urllib.parse import quote

from crossrun.errors import UsageError

FROZEN = ".frozen"
"""The folder of frozen copies among those of projects, none of which begins with a dot."""
_LONGEST_NAME = 255


def folder_name(name: str) -> str:
    """A name made harmless as one component of a path: percent-encoded, never `.` or `..`.

    Raises:
        UsageError: nothing sensible can be made of it.
    """
    try:
        encoded = quote(name, safe=" @+=,").replace("~", "%7E")
    except UnicodeEncodeError:
        encoded = ""
    if encoded.startswith("."):
        encoded = "%2E" + encoded[1:]
    if not encoded.strip() or not name.strip() or "\0" in name or len(encoded) > _LONGEST_NAME:
        raise UsageError(
            "PROJECT_NAME",
            f"{name[:40]!r} cannot be the name of a project",
            hint="use a short name of letters, digits and dashes",
        )
    return encoded
