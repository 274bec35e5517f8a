"""Processes that outlive crossrun: they share neither its session nor its files."""

import subprocess
import threading
from collections.abc import Sequence


def start_detached(command: Sequence[str]) -> None:
    """Starts a process in a new session, without open files, in the root folder.

    Raises:
        OSError: it cannot be started.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    # a program that lives on must not keep it as a zombie
    threading.Thread(target=process.wait, daemon=True).start()
