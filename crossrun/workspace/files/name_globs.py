"""Globs for files in a folder."""

from fnmatch import fnmatchcase


def matches(path: str, glob: str) -> bool:
    """Whether a glob matches a path, its name, or a folder that it is in."""
    glob = glob.removeprefix("./").rstrip("/")
    return (
        glob in ("", ".", path)
        or fnmatchcase(path, glob)
        or path.startswith(f"{glob}/")
        or ("/" not in glob and any(fnmatchcase(part, glob) for part in path.split("/")))
    )
