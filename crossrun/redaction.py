"""Secrets out of text, before it is stored or shown: a stored event is never edited.

Two sources: the values of the environment's key variables, and the shapes of well-known tokens.
Works on plain text and on JSON text alike, and leaves JSON well formed. Each shape is looked for
only where its marker occurs, so that ordinary lines cost next to nothing.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache

MASK = "[redacted]"
_KEY_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)
_SHORTEST_SECRET = 8

KEY_PATTERNS = ("*KEY*", "*TOKEN*", "*SECRET*", "*PASSW*", "*CREDENTIAL*")
"""Names of variables that no command of an agent gets to see, as globs."""


def is_key_name(name: str) -> bool:
    """Whether a variable of this name is kept from commands. The same names as `KEY_PATTERNS`."""
    return any(pattern.strip("*") in name.upper() for pattern in KEY_PATTERNS)


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a command that has no business with keys."""
    return {name: value for name, value in environ.items() if not is_key_name(name)}


_EDGE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\[\dm)|(?<=\[\d\dm))"
"""Where a token may begin: after an escaped newline of JSON or a colour code, too."""
_BREAK = r"(?:\s|\\[nrt])"
_PREFIXED = {
    # prefix: how many more characters make it a token
    "sk-": 16, "sk_live_": 10, "sk_test_": 10, "rk_live_": 10, "rk_test_": 10, "whsec_": 16,
    "ghp_": 20, "gho_": 20, "ghu_": 20, "ghs_": 20, "ghr_": 20, "github_pat_": 20, "glpat-": 16,
    "gldt-": 16, "glrt-": 16, "xoxb-": 13, "xoxp-": 13, "xoxa-": 13, "xoxr-": 13, "xoxs-": 13,
    "xoxe-": 13, "xapp-": 13, "npm_": 20, "pypi-": 20, "hf_": 20, "gsk_": 20, "xai-": 20, "r8_": 20,
    "pplx-": 20, "dop_v1_": 20, "doo_v1_": 20, "dor_v1_": 20, "shpat_": 20, "shpss_": 20,
    "shpca_": 20, "shppa_": 20, "sq0atp-": 16, "sq0csp-": 16, "lin_api_": 20, "ntn_": 20,
    "secret_": 32, "hvs.": 20, "hvb.": 20, "dp.pt.": 20, "dp.st.": 20, "glsa_": 20, "glc_": 20,
    "figd_": 20, "sntrys_": 20, "sntryu_": 20, "NRAK-": 16, "PMAK-": 20, "tskey-": 16, "sbp_": 20,
    "ATATT3": 20, "ATBB": 20, "ATCTT3": 20, "CCIPAT_": 20, "bkua_": 20, "pul-": 20, "dckr_pat_": 20,
    "rubygems_": 20, "dapi": 32, "key-": 32, "ya29.": 20, "AGE-SECRET-KEY-": 20, "FlyV1": 20,
    "fo1_": 20, "EAACEdEose0cBA": 4, "HRKU-": 20, "sl.": 60, "pat-na1-": 20, "rnd_": 24,
    "sgp_": 32, "vercel_": 20, "nvapi-": 20, "AIza": 30, "AKIA": 16, "ASIA": 16, "ABIA": 16,
    "GOCSPX-": 20, "SG.": 30, "rt_": 32, "oauth2:": 16,
}  # fmt: skip
_SHAPES: dict[str, str] = {
    "-----BEGIN": (
        r"-----BEGIN[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        rf"(?:[A-Za-z0-9+/=:,. -]|{_BREAK})*?"
        r"(?:-----END[A-Z0-9 ]*-----|(?![A-Za-z0-9+/=:,.\s\\-])|\Z)"
    ),
    "eyJ": r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}",
    "://": r"(?<=://)[^\s/:@\"'\\]*:[^\s/@\"'\\]{3,}(?=@)",
    "earer ": r"(?<=earer )[A-Za-z0-9._~+/-]{16,}=*",
    "asic ": r"(?<=asic )[A-Za-z0-9+/]{16,}=*",
    "ccountKey=": r"(?<=ccountKey=)[A-Za-z0-9+/]{40,}=*",
    "haredAccessKey=": r"(?<=haredAccessKey=)[A-Za-z0-9+/]{20,}=*",
    "hooks.slack.com": r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}",
    "/api/webhooks/": r"(?<=/api/webhooks/)\d+/[A-Za-z0-9_-]{30,}",
    ":AA": r"\b\d{8,10}:AA[A-Za-z0-9_-]{30,}",
    "SK": r"\bSK[0-9a-f]{32}\b",
}
_ASSIGNED = re.compile(
    r"(?i)(?:secret|token|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|client[_-]?secret|auth[_-]?key|credentials?)"
    r"(?:[A-Za-z0-9_-]{0,24})(?:\\?[\"'])?\s*(?:=|:|=>)\s*(?:\\?[\"'])?"
    r"(?=[^\s\"'\\]*\d)(?=[^\s\"'\\]*[A-Za-z])([A-Za-z0-9+/_.~!@#$%^&*=-]{12,})"
)
_ASSIGNMENT_MARKERS = ("secret", "token", "passw", "passphrase", "key", "credential")


class Redactor:
    """Removes secrets. Made once a run, with the values that must never be seen.

    Args:
        secrets: exact values, such as those of key variables; short ones are not looked for.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {form for value in secrets for form in (value, json.dumps(value)[1:-1])}
        self._values = sorted((v for v in found if len(v) >= _SHORTEST_SECRET), key=len)[::-1]

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> "Redactor":
        """Knows the values of all variables whose names say that they are keys."""
        named = (value for name, value in environ.items() if _KEY_NAME.search(name))
        return cls(value for value in named if not value.startswith(("/", "~", ".")))

    def __call__(self, text: str) -> tuple[str, int]:
        """The text without secrets, and how many were removed."""
        count = 0
        for value in self._values:
            if value in text:
                count += text.count(value)
                text = text.replace(value, MASK)
        for marker in _PATTERNS if _has_long_word(text) else _SHAPES:
            if marker in text:
                text, found = _compiled(marker).subn(MASK, text)
                count += found
        lowered = text.lower()
        if any(marker in lowered for marker in _ASSIGNMENT_MARKERS):
            text, found = _ASSIGNED.subn(_without_value, text)
            count += found
        return text, count


def _without_value(match: re.Match[str]) -> str:
    return match[0][: match.start(1) - match.start(0)] + MASK


_PATTERNS = {
    prefix: rf"{_EDGE}{re.escape(prefix)}[A-Za-z0-9_.+/=-]{{{least},}}"
    for prefix, least in _PREFIXED.items()
} | _SHAPES


_WORD_BYTES = bytes(
    ord("a") if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "_-") else ord(" ")
    for byte in range(256)
)
_LONG_WORD = b"a" * 18
"""No prefixed token is shorter, so a text without such a run of letters needs no closer look."""


def _has_long_word(text: str) -> bool:
    return _LONG_WORD in text.encode("utf-8", "replace").translate(_WORD_BYTES)


@cache
def _compiled(marker: str) -> re.Pattern[str]:
    return re.compile(_PATTERNS[marker])
