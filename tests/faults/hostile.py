"""Lines that no Codex should print, and what has to become of each."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

Fate = Literal["kept", "understood", "blank", "either"]
"""Kept as it is; understood, whatever is odd about it; blank, so that it is no event; or one of
the first two."""
Hostile = tuple[bytes, Fate]

_SAMPLES = Path(__file__).parent.parent / "data" / "codex" / "samples.jsonl"
_ITEMS = [line for line in _SAMPLES.read_bytes().splitlines() if b'"item"' in line]
_GOOD = b'{"type":"item.completed","item":{"type":"agent_message","text":"good"}}'
_DEEP = 100_000
_HUGE = 10**30

_NOT_AN_OBJECT = [
    b"null",
    b"true",
    b"0",
    b"-1.5e10",
    b'"text"',
    b"[]",
    b"[{}]",
    b"[" + _GOOD + b"]",
]
_NOT_AN_OBJECT += [b"NaN", b"-Infinity", b"''", b"undefined", b"plain words", b"ERROR codex: oh no"]
_NO_JSON = [b"{", b"}", b'{"', b'"', b"\\", b"{]", _GOOD + b"}", _GOOD + _GOOD, b"," + _GOOD]
_NO_JSON += [_GOOD.replace(b'"', b"'"), _GOOD[:-1] + b",}", b"/* */" + _GOOD, _GOOD + b" //"]
_NO_JSON += [b'{"type":01}', b'{"type":0x1}', b'{"type":+1}', b'{"type":.5}', b'{"type":\\u0022}']
_NO_JSON += [_GOOD.replace(b"good", odd) for odd in (b"\\x41", b"\\u12", b"\\ud83", b"\\", b"\t")]
_NO_TYPE = [b"{}", b'{"Type":"turn.started"}', b'{"type":""}', b'{"type":"thread.exploded"}']
_NO_TYPE += [b'{"type":%s}' % value for value in (b"null", b"5", b"[]", b"{}", b"true", b"1e999")]
_NO_ITEM = [b'{"type":"%s"}' % kind for kind in (b"item.completed", b"item.started", b"error")]
_NO_ITEM += [
    b'{"type":"item.completed","item":%s}' % item
    for item in (b"null", b"[]", b'"x"', b"5", b"{}", b'{"type":null}', b'{"type":"telepathy"}')
]
_BYTES = [b"\0", b"\0" * 1000, _GOOD.replace(b"good", b"go\0od"), _GOOD + b"\0", b"\0" + _GOOD]
_BYTES += [_GOOD.replace(b"good", bytes([low])) for low in (1, 7, 8, 11, 12, 13, 27, 31)]
_BYTES += [b"\x1b[31mred\x1b[0m", b"\x1b]0;title\x07", b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2 + _GOOD]
_BYTES += [_GOOD.decode().encode(form) for form in ("utf-16-le", "utf-16-be", "utf-32-le")]
_BYTES += [
    _GOOD.replace(b"good", bad)
    for bad in (b"\xff", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82")
]
_BYTES += [b"\xff\xfe", b"\xc2\xa0", b"caf\xe9", bytes(range(128, 256)), _GOOD + b"\xe2\x82"]
_TOO_DEEP = [
    b"[" * _DEEP,
    b'{"a":' * _DEEP,
    b"[" * _DEEP + b"]" * _DEEP,
    _GOOD[:-1] + b',"x":[' * 9,
]
_TOO_DEEP += [
    _GOOD.replace(b'"good"', b"[" * _DEEP + b"]" * _DEEP),
    b'{"type":' + b"9" * 5000 + b"}",
]

_BLANK = [b"", b" ", b"\t", b"\r", b" \r", b"\x0b\x0c"]
_AROUND = [b"\xef\xbb\xbf" + _GOOD, _GOOD + b"\r", b"  " + _GOOD + b"\t ", b"\r" + _GOOD]
_AROUND += [_GOOD.replace(b":", b" : "), _GOOD.replace(b'"text":', b'"text":5,"text":')]
_AROUND += [b'{"type":"turn.failed",' + _GOOD[1:], _GOOD[:-1] + b',"unknown":{"a":[1,2,{}]}}']
_TEXTS = ["\0", "\ud83d", "\udc00\ud83d", "\u2028", "\x85", "\u202e", "\x1b[2J", "\r", "\n\n"]
_TEXTS += ["[redacted]", "'; DROP TABLE runs; --", "%s {0} ${HOME} `id`", "[bold]", "[/nope]", ""]
_TEXTS += ["x" * 1_000_000, "../" * 2000, "/dev/zero", "/proc/self/mem", "-rf", "|" * 300, "'\"("]
_NUMBERS: list[Any] = [_HUGE, -_HUGE, -1, 1.5, True, "0", None, [], float("nan"), float("inf")]


def hostile_lines() -> Iterator[Hostile]:
    """A fixed collection."""
    groups = (_NOT_AN_OBJECT, _NO_JSON, _NO_TYPE, _NO_ITEM, _BYTES, _TOO_DEEP)
    yield from ((line, "kept") for group in groups for line in group)
    yield from ((line, "blank") for line in _BLANK)
    yield from ((line, "understood") for line in _AROUND)
    for text in _TEXTS:
        yield _item(type="agent_message", text=text), "understood"
        yield _item(type="command_execution", command=f"sort {text}", exit_code=0), "understood"
        yield _item(type="file_change", changes=[{"path": text, "kind": "add"}]), "understood"
    for number in _NUMBERS:
        yield _item(type="command_execution", command="ls", exit_code=number), "understood"
        used = {"input_tokens": number, "output_tokens": number}
        yield json.dumps({"type": "turn.completed", "usage": used}).encode(), "either"
        call = {"type": "mcp_tool_call", "server": "s", "tool": "t", "arguments": {"a": number}}
        yield _item(**call), "understood"


def mutated(chance: random.Random) -> Hostile:
    """A real line with something done to it."""
    line = chance.choice(_ITEMS)
    changed = chance.choice(_MUTATIONS)(line, chance).replace(b"\n", b"?")
    return (changed, "either") if changed.strip() else (changed, "blank")


def _torn(line: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(line))
    return line[:at] if chance.random() < 0.5 else line[at:]


def _flipped(line: bytes, chance: random.Random) -> bytes:
    bent = bytearray(line)
    for _ in range(chance.randint(1, 4)):
        bent[chance.randrange(len(bent))] = chance.randrange(256)
    return bytes(bent)


def _joined(line: bytes, chance: random.Random) -> bytes:
    return line + _torn(chance.choice(_ITEMS), chance)


def _mistyped(line: bytes, chance: random.Random) -> bytes:
    """One of the fields, at any depth, is something else."""
    said = json.loads(line)
    holder = said["item"]
    while True:
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        inner = holder[key]
        if not (isinstance(inner, dict | list) and inner and chance.random() < 0.6):
            break
        holder = inner
    wrong: list[Any] = [None, 5, -_HUGE, 1.5, True, "x", "\0", "\ud83d", [], {}, [[]], {"a": 1}]
    holder[key] = chance.choice(wrong)
    return json.dumps(said).encode()


def _deepened(line: bytes, chance: random.Random) -> bytes:
    """So deep that it is near to what Python takes."""
    said = json.loads(line)
    depth = chance.randint(100, 1_000)
    said["item"][chance.choice(["arguments", "result", "unknown", "text"])] = "DEEP"
    deep = "[" * depth + chance.choice(['"\\ud83d"', "1", ""]) + "]" * depth
    return json.dumps(said).replace('"DEEP"', deep).encode()


_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _torn,
    _flipped,
    _joined,
    _mistyped,
    _deepened,
)


def _item(**fields: object) -> bytes:
    return json.dumps({"type": "item.completed", "item": {"id": "item_1", **fields}}).encode()
