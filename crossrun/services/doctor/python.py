"""Which Python runs crossrun, and whether texts are read as UTF-8."""

import platform
import sys
from collections.abc import Iterator

from crossrun import __version__
from crossrun.model.diagnoses import Diagnosis

_SUBJECT = "Python"


def examine() -> Iterator[Diagnosis]:
    """The versions and the encoding of file names."""
    message = f"crossrun {__version__} on Python {platform.python_version()} at {sys.executable}"
    yield Diagnosis("python.version", "ok", _SUBJECT, message)
    encoding = sys.getfilesystemencoding().lower()
    if encoding != "utf-8":
        yield Diagnosis(
            "python.encoding",
            "warning",
            _SUBJECT,
            f"file names are read as {encoding}, so those with non-ASCII characters may look wrong",
            "export LC_ALL=C.UTF-8",
        )
