"""Objects that git wrote: loose, or in packs with deltas, as after a `git gc`.

What crossrun writes is read by `packs`. This is for what lies beside it: objects that git makes
when a change is applied, and workspaces of earlier versions. A run needs neither, so it does not
wait for the import of GitPython.
"""

import zlib
from pathlib import Path


def read_object(objects: Path, object_id: str) -> tuple[str, bytes] | None:
    """The kind and content of an object; None if there is none, or it is damaged.

    Args:
        objects: the folder of a git directory's objects.
        object_id: 40 hexadecimal digits.
    """
    if not objects.is_dir():
        return None
    from git.db import GitDB  # not git.Repo, which looks at the user's GIT_* variables
    from gitdb.exc import ODBError

    try:
        stream = GitDB(str(objects)).stream(bytes.fromhex(object_id))
        content = stream.read()
    except (ODBError, OSError, ValueError, zlib.error):
        return None
    return (stream.type.decode(), content) if len(content) == stream.size else None
