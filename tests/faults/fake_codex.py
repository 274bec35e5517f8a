"""A program that passes for Codex and says what a trial wants it to say."""

import sys
from pathlib import Path

from conftest import Crossrun

from faults.worlds import crossrun_in

_PROGRAM = """\
#!{python} -IS
import os, signal, sys
if "--version" in sys.argv:
    print("codex-cli 0.169.0")
    sys.exit()
sys.stdin.read()
{body}
"""

THREAD_STARTED = '{"type":"thread.started","thread_id":"01a1f7f5-52ef-7192-8498-e27bb78bd82b"}'
TURN_STARTED = '{"type":"turn.started"}'
TURN_COMPLETED = '{"type":"turn.completed","usage":{"input_tokens":10,"output_tokens":5}}'
TURN_FAILED = '{"type":"turn.failed","error":{"message":"it would not"}}'


def crossrun_with(folder: Path, body: str) -> Crossrun:
    """Crossrun whose Codex is a Python program that goes on with `body` once it has its prompt."""
    program = folder / "codex"
    program.write_text(_PROGRAM.format(python=sys.executable, body=body))
    program.chmod(0o755)
    crossrun = crossrun_in(folder)
    crossrun.environ |= {
        "CODEX_PATH": str(program),
        "CODEX_HOME": str(folder),
        "CODEX_API_KEY": "sk-mock-key-0123456789abcdef",
    }
    return crossrun


def spoken(text: str) -> str:
    """The line of an agent that speaks."""
    return f'{{"type":"item.completed","item":{{"type":"agent_message","text":"{text}"}}}}'
