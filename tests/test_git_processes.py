"""Child processes of crossrun that read much and begin late."""

import subprocess
from threading import Thread

import pytest

from crossrun.workspace.git.waiting import communicated


@pytest.mark.process
def test_a_program_that_reads_late_gets_its_whole_input() -> None:
    content = b"x" * 5_000_000
    process = subprocess.Popen(
        ["sh", "-c", "sleep 0.3; head -c 70000; sleep 0.3; cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    outputs: list[bytes] = []
    waiting = Thread(
        target=lambda: outputs.append(communicated(process, content).stdout), daemon=True
    )
    waiting.start()
    waiting.join(30)
    process.kill()
    assert outputs == [content]


@pytest.mark.process
def test_a_program_that_does_not_read_its_input_ends_all_the_same() -> None:
    process = subprocess.Popen(
        ["true"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    assert communicated(process, b"x" * 5_000_000).returncode == 0
