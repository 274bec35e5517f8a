"""Removing passwords, tokens and cookies that only their position reveals.

The table `credential_options` says which option of which program takes a secret: `-b` is a cookie
for curl and a branch for git.
"""

import re
from functools import cache, lru_cache

from crossrun.patterns.learning.credential_options import (
    HARMLESS_ENDS,
    HARMLESS_STARTS,
    HERE_STRING,
    OPTIONS,
    PIPED,
    PLACES,
    VALUE,
    WHOLE_OPTIONS,
)

GONE = "…"
_CALL = re.compile(
    r"(?<![\w.-])(?P<program>"
    + "|".join(sorted({name.partition(" ")[0] for name in OPTIONS}, key=len, reverse=True))
    + r")(?:\.exe)?(?=[\s'\"])"
    r"(?P<arguments>(?:\\.|\"(?:\\.|[^\"\\])*+\"|'[^']*'|>&\d?|[^|;&\n'\"\\])*+)",
    re.DOTALL,
)
_TELLING_NAME = (
    r"[\w.-]{0,60}?(?:pass|pwd|token|secret|key|cred|auth(?!or)|kennwort|\bpin\b)[\w.-]{0,40}?"
)
_NAME = rf"(?P<name>(?<![\w$%])(?<!\$\{{){_TELLING_NAME})"
_ASSIGNMENT = re.compile(
    rf"(?i){_NAME}(?P<sign>(?:\\*[\"'])?\]?\s{{0,4}}(?:=>|:=|[!=]=|:(?!:)|=)\s{{0,4}})"
    r"(?P<value>(?:[bfru]{1,2}(?=['\"]))?(?:\\\"(?:[^\"\\]|\\(?!\"))*\\\"|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'|"
    r"[^\s'\";|&,}\)\]]+))"
)
_OPTION = re.compile(rf"(?i)(?<![\w-])-{{1,2}}(?P<name>{_TELLING_NAME})(?P<sign>=\s?|\s+){VALUE}")
_HEADER = re.compile(
    r"(?i)(?P<quote>[\"']?)(?P<name>(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{0,40}"
    r"(?:key|token|secret|auth)[\w-]{0,20}|(?:api|private|job|deploy|access)-?(?:key|token)|apikey)"
    r"(?P<sign>\\*[\"']?\s{0,4}:\s{0,4}\\*)(?P<value>(?:f?[\"'])?[^\n]*)"
)
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|digest|apikey|bot|negotiate|splunk)(?:\s+|$)")
_SAID = re.compile(
    r"(?i)(?P<head>\b(?:password|passphrase|passwort|kennwort|contraseña)\s+(?:(?:is|of|ist|es)\s+)?"
    r"|\b(?:pin|secret|token)\s+(?:is|of|ist)\s+|\btoken\s+(?=[\w.-]{12,})"
    r"|\b(?:api|access|secret)[ -]key\s+(?:is\s+)?(?=[\w.+/-]{8,}))"
    r"(?P<value>(?=\S*\d)[^\s,;]+)"
)
_REFERS = re.compile(
    r"""^(?:b?['"]?(?:\$|<|\{|%\(|%s|\*{3}|…|x{3,}|\.\.\.|(?:\./|~|/|[A-Za-z]:\\))|@)|^['"]{0,2}$"""
    r"|^[(\[?.*\\]|^\d{1,6}/"
)
"""Values that only say where the secret is, or that there is none."""
_FILE = re.compile(r"^['\"]?[\w.-]+/[\w./-]*\.[A-Za-z]\w{1,4}['\"]?$")
_PLAIN = re.compile(
    r"(?i)^['\"]?(?:true|false|none|null|nil|yes|no|on|off|undefined|auto|default|public"
    r"|oauth2?|oidc|saml2?|basic|digest|jwt|ldaps?|argon2\w*|bcrypt|scrypt|sha\d+|md5)['\"]?$"
)
_TYPES = re.compile(
    r"^(?:str|int|bytes|bool|float|string|any|object|number|boolean|Optional|Union|List|Dict|SecretStr"
    r"|String|text|varchar|TEXT|VARCHAR)\b"
)
_CODE = re.compile(
    r"^(?:await\s+|new\s+|not\s+)?(?:(?:self|cls|args|os|config|settings|request|req|options|env|process"
    r"|this|opts|cfg|params|secrets|ctx|event|data|user|response|resp|res|result|r|row|item|parser|tokens"
    r"|getpass|import)\b[.\[(]|[A-Za-z_]\w*(?:\.\w+)*[(\[])"
)
_FORM = re.compile(r"^(?:id|type|src|source|env|name|from|key)=|^(?:file|env|fd):")
_ABOUT_SECRETS = re.compile(r"(?:\ssecrets?|\b(?:docker|podman|nerdctl|buildah|hurl))\s[^|;&\n]*\Z")
"""The subcommand of a tool that stores secrets: its `--secret` is a name."""
_LONGEST_WEAK = 3
_RANDOM = 16
_SHORTEST_MIXED = 6
_STRONG_WORDS = "password passwd passphrase passcode secret secrets apikey pin passwort kennwort"
_WEAK_WORDS = "token tokens pass pwd auth credential credentials cred creds"
_OF_KEYS = "api access auth secret private encryption signing master account shared app"
_STRONG = frozenset(_STRONG_WORDS.split())
_WEAK = frozenset(_WEAK_WORDS.split())
_KEYS = frozenset(_OF_KEYS.split())


def without_credentials(text: str) -> str:
    """The text with each secret masked."""
    text = _CALL.sub(_in_call, text)
    text = _HEADER.sub(_in_header, text)
    for place in _places():
        text = place.sub(_at_place, text)
    text = _OPTION.sub(_in_option, text)
    text = _ASSIGNMENT.sub(_in_assignment, text)
    return _SAID.sub(lambda match: match["head"] + GONE, text)


def _in_call(call: re.Match[str]) -> str:
    arguments = call["arguments"]
    for subcommand, options in _options_of(call["program"]):
        if subcommand and not re.match(rf"(?:\s+-\S+)*\s+{subcommand}\b", arguments):
            continue
        for option in options:
            arguments = option.sub(_at_place, arguments)
    return call[0][: call.start("arguments") - call.start()] + arguments


@cache
def _options_of(program: str) -> tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]:
    """The expressions for options of a program that take a secret, by subcommand."""
    return tuple(
        (
            name.partition(" ")[2],
            tuple(_option(option, whole=program in WHOLE_OPTIONS) for option in options.split()),
        )
        for name, options in OPTIONS.items()
        if name.partition(" ")[0] == program
    )


def _option(option: str, *, whole: bool) -> re.Pattern[str]:
    name, sign = option[:-1], option[-1]
    if sign == "+":
        return re.compile(rf"(?<!\S){re.escape(name)}(?=[^\s-]){VALUE}")
    short = re.fullmatch(r"-[A-Za-z]", name) and not whole
    begins = rf"-[A-Za-z]{{0,6}}?{name[1]}" if short and sign != "!" else re.escape(name)
    joint = rf"(?:\s+|=|(?<=\s-{name[1]}))" if short else r"(?:\s+|=)"
    within = re.escape(sign)
    with_sign = rf"(?=[^\s\"'|;&]*{within}[^\s|;&]|[\"'][^\"']*{within})"
    holds = "" if sign == "!" else with_sign
    return re.compile(
        rf"(?<=\s){begins}{joint}{holds}(?!-){VALUE}{'(?P<quotes>)' if sign == '=' else ''}"
    )


@cache
def _places() -> tuple[re.Pattern[str], ...]:
    return (
        re.compile(HERE_STRING),
        re.compile(PIPED),
        *(re.compile(place + VALUE) for place in PLACES),
    )


def _at_place(match: re.Match[str]) -> str:
    return match[0] if _refers(match["value"]) else _masked(match)


def _masked(match: re.Match[str]) -> str:
    """The match with its value masked; quotes stay."""
    value = match["value"]
    head = match[0][: match.start("value") - match.start()]
    tail = match[0][match.end("value") - match.start() :]
    quote = value[0] if "quotes" in match.re.groupindex and value[0] in "'\"" else ""
    return f"{head}{quote}{GONE}{quote}{tail}"


def _in_header(match: re.Match[str]) -> str:
    value = match["value"]
    opening = match["quote"]
    if value[:1] in ("f", '"', "'") and value.lstrip("f")[:1] in ("'", '"'):
        quote = value.lstrip("f")[0]
        start = value.index(quote) + 1
    elif opening and not match["sign"].lstrip("\\").startswith(("'", '"')):
        quote, start = opening, 0
    else:
        quote, start = "", 0
    end = _end_of(value, start, quote, cookie="cookie" in match["name"].lower())
    secret = value[start:end]
    plain = _SCHEME.sub("", secret.strip(), count=1)
    if not plain or _refers(plain) or _CODE.match(plain):
        return match[0]
    head = match[0][: match.start("value") - match.start()]
    return f"{head}{value[:start]}{GONE}{value[end:]}"


def _end_of(value: str, start: int, quote: str, *, cookie: bool) -> int:
    """The end of a header's value: its quote, else the end of the word."""
    if quote:
        at = re.compile(rf"\\?{quote}").search(value, start)
        return at.start() if at else len(value)
    word = re.compile(
        r"(?:[^\s\"';]+(?:;\s*[^\s\"';=]+=[^\s\"';]+)*)"
        if cookie
        else r"(?:(?:bearer|basic|token|digest|apikey|bot)\s+)?[^\s\"']+",
        re.IGNORECASE,
    ).match(value, start)
    return word.end() if word else start


def _in_option(match: re.Match[str]) -> str:
    kind = _kind(match["name"])
    value = match["value"]
    if not kind or _refers(value) or _FORM.match(value) or value.startswith("-"):
        return match[0]
    if value.strip("'\"").isdecimal() and kind == "weak" and len(value) <= _LONGEST_WEAK + 1:
        return match[0]
    last = _segments(match["name"])[-1]
    if last == "secret" and _ABOUT_SECRETS.search(match.string[: match.start()]):
        return match[0]
    if last == "auth" and not _is_mixed(value) and ":" not in value:
        return match[0]
    return _masked(match)


def _in_assignment(match: re.Match[str]) -> str:
    name, sign, value = match["name"], match["sign"].strip(), match["value"]
    kind = _kind(name)
    if not kind or name.startswith("-") or _refers(value) or _FORM.match(value):
        return match[0]
    bare = value.lstrip("bfru").strip("\\").strip("'\"").rstrip("\\")
    quoted = value[-1:] in ("'", '"')
    following = match.string[match.end() : match.end() + 1]
    if not quoted and (_is_code(value, following) or _TYPES.match(value)):
        return match[0]
    if bare.isdecimal() and len(bare) <= _LONGEST_WEAK and _segments(name)[-1] not in _STRONG:
        return match[0]
    if bare.lower() in (name.lower(), _segments(name)[-1]):
        return match[0]
    strong = kind == "strong" or name.isupper()
    spaced = match["sign"] != match["sign"].strip()
    compared = sign.strip("\"' ]") in ("==", "!=")
    if strong and not compared:
        return _masked(match)
    if strong and quoted and len(bare) >= _SHORTEST_MIXED:
        return _masked(match)
    if not quoted and spaced and not _is_mixed(bare):
        return match[0]
    assigned = sign.endswith("=") and not spaced and not quoted
    return _masked(match) if _is_mixed(bare) or assigned else match[0]


def _is_code(value: str, following: str) -> bool:
    return bool(_CODE.match(value)) or following in ("(", "[")


def _is_mixed(value: str) -> bool:
    """Whether a value looks random: letters and digits, or very long."""
    plain = value.strip("'\"")
    mixed = bool(re.search(r"\d", plain) and re.search(r"[A-Za-z]", plain))
    long = len(plain) >= _RANDOM and not re.search(r"\s", plain)
    return (mixed and len(plain) >= _SHORTEST_MIXED and not re.search(r"\s", plain)) or long


def _refers(value: str) -> bool:
    return bool(_REFERS.match(value) or _PLAIN.match(value) or _FILE.match(value))


@lru_cache(maxsize=4_096)
def _segments(name: str) -> tuple[str, ...]:
    """The words of a name: `dbPassword`, `DB_PASSWORD`, `db-password`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return tuple(word for word in re.split(r"[\W_]+|(?<=[A-Za-z])\d+$", apart.lower()) if word) or (
        "",
    )


@lru_cache(maxsize=4_096)
def _kind(name: str) -> str:
    """How likely a name is that of a secret: `strong`, `weak`, or "" for not at all."""
    words = list(_segments(name))
    if len(words) > 1 and words[0] in HARMLESS_STARTS and words[0] != "token":
        return ""
    if len(words) > 1 and (words[-1] in HARMLESS_ENDS or "existing" in words):
        return ""
    joined = "".join(words)
    if any(word in _STRONG for word in words) or re.search(
        r"passw(?:or)?d|apikey|passphrase", joined
    ):
        return "strong"
    if "key" in words[1:] and (words[words.index("key") - 1] in _KEYS or name.isupper()):
        return "strong"
    if any(word in _WEAK for word in words):
        return "weak" if len(words) == 1 else "strong"
    if re.search(r"(?:token|secret|authkey|accesskey|secretkey)$", joined):
        return "strong"
    return ""
