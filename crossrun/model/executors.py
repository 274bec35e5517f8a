"""The registry of executors: their names and what they can do, without importing any of them.

A new executor is an entry here and a package `crossrun.executors.NAME` with a function `make`.
"""

from typing import NamedTuple


class ExecutorSpec(NamedTuple):
    """What an executor is called and what it can do.

    Attributes:
        title: its name for people.
        longest_task: the most characters that a task may have.
        is_agent: a model decides what it does. Such a run costs tokens, has a planner by default,
            and is evidence for what a pattern is worth.
        runs_task: the task is a script, run with `sh -e`. No instructions go with it, and no
            planning model may write it.
        plays_recordings: it repeats recorded sessions.
        runs_patterns: it runs the script of a compiled pattern, and nothing else.
        by_hand: the command that continues a thread in the agent's own program, without the thread.
    """

    title: str
    longest_task: int = 1_000_000
    is_agent: bool = True
    runs_task: bool = False
    plays_recordings: bool = False
    runs_patterns: bool = False
    by_hand: tuple[str, ...] = ()


EXECUTORS = {
    "codex": ExecutorSpec("Codex", by_hand=("codex", "resume")),
    "replay": ExecutorSpec("replay", is_agent=False, plays_recordings=True),
    "shell": ExecutorSpec(
        "shell",
        longest_task=100_000,  # the system takes 128 KiB for one argument
        is_agent=False,
        runs_task=True,
    ),
    "script": ExecutorSpec("script", is_agent=False, runs_patterns=True),
}

DEFAULT_EXECUTOR = "codex"
OFFLINE_EXECUTOR = "replay"
"""What `--offline` and `--recording` choose."""
SCRIPT_EXECUTOR = "script"
"""What runs compiled patterns, before an agent if there is one."""
