"""Removes secrets from text before it is stored or shown: a stored event is never edited.

Two kinds are known: values of the environment's key variables, and shapes of well-known tokens.
JSON is redacted string by string, so that it stays JSON. A shape is searched for only if its marker
occurs, so ordinary lines cost next to nothing; no search takes more than linear time.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from crossrun.redaction.words import is_common, is_telling, without_values

MASK = "[redacted]"
_KEY_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH(?!OR)", re.IGNORECASE)
_PATH = re.compile(
    r"[~.]|/(?:run|home|usr|tmp|etc|var|opt|root|mnt|media|srv|dev|proc|Users|private|Library"
    r"|Volumes|nix|data|app|work|workspace|workspaces|builds?)(?:/|$)"
)
"""How paths begin, which are not secrets; one in 64 keys begins with a slash, too."""

_SHORTEST_SECRET = 8

KEY_PATTERNS = ("*KEY*", "*TOKEN*", "*SECRET*", "*PASSW*", "*CREDENTIAL*")
"""Names of variables that are hidden from an agent's commands, as globs."""


def is_key_name(name: str) -> bool:
    """Whether a variable with this name is hidden from commands; the names of `KEY_PATTERNS`."""
    return any(pattern.strip("*") in name.upper() for pattern in KEY_PATTERNS)


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a command that needs no keys."""
    return {name: value for name, value in environ.items() if not is_key_name(name)}


_COLOURS = r"(?:(?:\x1b|\\+u001b)\[[0-?]*[ -/]*[@-~])+"
_EDGE = rf"(?:({_COLOURS})|(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u00[01][0-9a-f]))"
"""Where a token may begin, also after colour codes, and after escapes of JSON within text."""
_BREAK = r"(?:\s|\\+[nrt])"
_DIGIT = r"(?=[A-Za-z_.=+/-]{0,200}\d)"
"""A token contains a digit; words that follow a prefix by chance contain none."""
_PREFIXED = {
    # prefix: how many more characters make it a token
    "sk-": 16, "sk_live_": 10, "sk_test_": 10, "rk_live_": 10, "rk_test_": 10, "whsec_": 16,
    "ghp_": 20, "gho_": 20, "ghu_": 20, "ghs_": 20, "ghr_": 20, "github_pat_": 20, "glpat-": 16,
    "gldt-": 16, "glrt-": 16, "glptt-": 16, "glcbt-": 16, "xoxb-": 13, "xoxp-": 13, "xoxa-": 13,
    "xoxr-": 13, "xoxs-": 13, "xoxe-": 13, "xoxc-": 13, "xoxd-": 13, "xapp-": 13, "npm_": 20,
    "pypi-": 20, "hf_": 20, "gsk_": 20, "xai-": 20, "r8_": 20, "pplx-": 20, "dop_v1_": 20,
    "doo_v1_": 20, "dor_v1_": 20, "shpat_": 20, "shpss_": 20, "shpca_": 20, "shppa_": 20,
    "sq0atp-": 16, "sq0csp-": 16, "lin_api_": 20, "ntn_": 20, "secret_": 32, "hvs.": 20,
    "hvb.": 20, "hvr.": 20, "dp.pt.": 20, "dp.st.": 20, "glsa_": 20, "glc_": 20, "figd_": 20,
    "sntrys_": 20, "sntryu_": 20, "NRAK-": 16, "PMAK-": 20, "tskey-": 16, "sbp_": 20,
    "ATATT3": 20, "ATBB": 20, "ATCTT3": 20, "CCIPAT_": 20, "bkua_": 20, "pul-": 20,
    "dckr_pat_": 20, "dckr_oat_": 20, "rubygems_": 20, "dapi": 32, "key-": 32, "ya29.": 20,
    "AGE-SECRET-KEY-": 20, "fo1_": 20, "EAACEdEose0cBA": 4, "HRKU-": 20, "sl.": 60,
    "pat-na1-": 20, "pat-eu1-": 20, "rnd_": 24, "sgp_": 32, "vercel_": 20, "nvapi-": 20,
    "AIza": 30, "AKIA": 16, "ASIA": 16, "ABIA": 16, "ABSK": 40, "GOCSPX-": 20, "SG.": 30,
    "rt_": 32,
}  # fmt: skip
_SHAPES: dict[str, str] = {
    "-----BEGIN": (
        r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        rf"(?P<body>(?:[A-Za-z0-9+/=:,. -]|{_BREAK})*?)"
        r"(?:-----END[A-Z0-9 ]*-----|(?![A-Za-z0-9+/=:,.\s\\-])|\\+(?![nrt\\])|\Z)"
    ),
    "eyJ": rf"{_EDGE}eyJ[A-Za-z0-9_-]{{8,}}\.[A-Za-z0-9_-]{{8,}}(?:\.[A-Za-z0-9_-]*){{0,3}}",
    "://": r"(?<=://)[^\s/:@\"'\\{}$<>\[\]]{0,200}:[^\s/@\"'\\{}$<>\[\]]{3,200}(?=@)",
    "earer ": r"(?<=earer )(?=[A-Za-z._~+/-]{0,200}\d)[A-Za-z0-9._~+/-]{16,}=*",
    "asic ": r"(?<=asic )(?=[a-z+/]{0,200}[A-Z0-9])[A-Za-z0-9+/]{16,}=*",
    "ccountKey=": r"(?<=ccountKey=)[A-Za-z0-9+/]{40,}=*",
    "haredAccessKey=": r"(?<=haredAccessKey=)[A-Za-z0-9+/]{20,}=*",
    "hooks.slack.com": r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}",
    "/api/webhooks/": r"(?<=/api/webhooks/)\d+/[A-Za-z0-9_-]{30,}",
    ":AA": rf"{_EDGE}\d{{8,10}}:AA[A-Za-z0-9_-]{{30,}}",
    "SK": rf"{_EDGE}SK[0-9a-f]{{32}}\b",
    "-us": rf"{_EDGE}[0-9a-f]{{32}}-us\d{{1,2}}\b",
    "FlyV1 fm": rf"{_EDGE}FlyV1 fm\d_[A-Za-z0-9+/=,_-]{{20,}}",
}
_ASSIGNED = (
    r"(?i)(?:secret|token|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|client[_-]?secret|auth[_-]?key|_key|credentials?)"
    r"(?!s?[_-](?:limit|count|length|size|type|ttl|usage|budget)s?\b)"
    r"(?:[A-Za-z0-9_-]{0,24}+)(?:\\*[\"'])?\s{0,8}+(?:=>|=|:)\s{0,8}+(?:\\*[\"'])?"
    r"(?=[^\s\"'\\]{0,200}?\d)(?=[^\s\"'\\]{0,200}?[A-Za-z])"
    r"(?P<value>[A-Za-z0-9+/_.~!@#$%^&*=-]{12,}+)(?![(\[])"
)
_PREFIXES = tuple(_PREFIXED)
_ASSIGNMENT_MARKERS = ("secret", "token", "passw", "passphrase", "key", "credential")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{16}")


class Redactor:
    """Removes secrets. Made once a run, with the values that must never be seen.

    Args:
        secrets: exact values, such as those of key variables; short ones are left alone.
        words: values that are also ordinary words, removed only after a name such as `password`.
    """

    def __init__(self, secrets: Iterable[str] = (), words: Iterable[str] = ()) -> None:
        self._values = _forms(secrets)
        self._words = _forms(words)
        self._markers = (*self._values, *self._words, *_SHAPES)

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> "Redactor":
        """A redactor for the values of all variables whose names are those of keys."""
        named = (value.strip() for name, value in environ.items() if _KEY_NAME.search(name))
        secrets = {value for value in named if not _PATH.match(value)}
        words = set(filter(is_common, secrets))
        return cls(secrets - words, words)

    def __call__(self, text: str) -> tuple[str, int]:
        """The text without secrets, and how many were removed. JSON stays JSON."""
        if not self._suspects(text):
            return text, 0
        if text[:1] in ("{", "[", '"'):
            try:
                return self._in_json_text(text)
            except (ValueError, RecursionError):
                pass
        return self._in_text(text)

    def _suspects(self, text: str) -> bool:
        return (
            _contains_any(text, self._markers)
            or (_has_long_word(text) and _contains_any(text, _PREFIXES))
            or _may_assign(text)
        )

    def _in_json_text(self, text: str) -> tuple[str, int]:
        count = 0

        def walk(value: Any, name: str = "") -> Any:  # noqa: ANN401  any JSON, the same shape out
            nonlocal count
            match value:
                case str():
                    cleaned, removed = self._in_member(name, value)
                    count += removed
                    return cleaned
                case list():
                    before = ["", *(part if isinstance(part, str) else "" for part in value)]
                    options = (part if part.startswith("-") else "" for part in before)
                    return [walk(*pair) for pair in zip(value, options, strict=False)]
                case dict():
                    return {walk(key): walk(part, key) for key, part in value.items()}
                case _:
                    return value

        parsed = json.loads(text, object_pairs_hook=_unambiguous, parse_float=_finite)
        cleaned = walk(parsed)
        if not count:
            return text, 0
        end = "\n" if text.endswith("\n") else ""
        separators = (", ", ": ") if '": ' in text else (",", ":")
        halves = "\\ud" in text.lower()  # half a surrogate pair can only be written as an escape
        return json.dumps(cleaned, ensure_ascii=halves, separators=separators) + end, count

    def _in_member(self, name: str, value: str) -> tuple[str, int]:
        """Checks a name such as `password` together with its value, which is another JSON string.

        An option and its value in a list of arguments are checked together as well.
        """
        cleaned, count = self._in_text(value)
        if count or not is_telling(name):
            return cleaned, count
        together, count = self._in_text(f"{name}={value}")
        head = f"{name}="
        return (together.removeprefix(head), count) if together.startswith(head) else (value, 0)

    def _in_text(self, text: str) -> tuple[str, int]:
        count = 0
        for value in self._values:
            if value in text:
                count += text.count(value)
                text = text.replace(value, MASK)
        for word in self._words:
            if word in text:
                text, removed = without_values(text, word, MASK)
                count += removed
        for marker in _PATTERNS if _has_long_word(text) else _SHAPES:
            if marker in text:
                text, matches = _compiled(marker).subn(_masked, text)
                count += matches - text.count(_NOTHING)
                text = text.replace(_NOTHING, "")
        if _may_assign(text):
            text, removed = re.subn(_ASSIGNED, _without_value, text)
            count += removed
        return text, count


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a name that occurs twice, since only one of its values would be checked."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name occurs twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("it cannot be written as JSON again")
    return number


def _forms(values: Iterable[str]) -> list[str]:
    """The forms in which values may be written, the longest first."""
    forms = {
        form
        for value in values
        for form in (value, _in_json(value, ascii_only=True), _in_json(value, ascii_only=False))
    }
    return sorted((form for form in forms if len(form) >= _SHORTEST_SECRET), key=len)[::-1]


def _in_json(value: str, *, ascii_only: bool) -> str:
    return json.dumps(value, ensure_ascii=ascii_only)[1:-1]


_NOTHING = "\ufdd0"
"""A character that no text contains (Unicode reserves it); it marks a false match."""


def _masked(match: re.Match[str]) -> str:
    groups = match.groupdict()
    if "body" in groups and not _KEY_BODY.search(groups["body"]):
        return match[0] + _NOTHING
    colours = match[1] if match.re.groups and "body" not in groups else None
    return (colours or "") + MASK


def _without_value(match: re.Match[str]) -> str:
    return match[0][: match.start("value") - match.start(0)] + MASK


def _contains_any(text: str, parts: tuple[str, ...]) -> bool:
    for part in parts:  # noqa: SIM110  twice as fast as any(): it runs twice for each line of an agent
        if part in text:
            return True
    return False


def _may_assign(text: str) -> bool:
    return _contains_any(text.lower(), _ASSIGNMENT_MARKERS)


_PATTERNS = {
    prefix: rf"{_EDGE}{re.escape(prefix)}{_DIGIT}[A-Za-z0-9_.-]{{{least},}}=*[A-F0-9]*"
    for prefix, least in _PREFIXED.items()
} | _SHAPES

_WORD_BYTES = bytes(
    ord("a") if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "_-") else ord(" ")
    for byte in range(256)
)
_LONG_WORD = b"a" * 18
"""No prefixed token is shorter, so a text without such a run of letters has none."""


def _has_long_word(text: str) -> bool:
    return _LONG_WORD in text.encode("utf-8", "replace").translate(_WORD_BYTES)


@cache
def _compiled(marker: str) -> re.Pattern[str]:
    return re.compile(_PATTERNS[marker])
