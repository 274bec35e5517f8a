r"""Secrets never get as far as the store; everything else is left alone.

The planted secrets are made up. They are put together from parts, so that no scanner takes this
file for a leak.
"""

import base64
import hashlib
import json
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import Crossrun

import crossrun as package
from crossrun.events import AgentSpoke, CommandRan, decode, encode
from crossrun.redaction import KEY_PATTERNS, MASK, Redactor, is_key_name, without_keys

UPPER = "Q7W3E9R1T5Y8U2I4O6P0"
MIXED = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6" * 3
HEX = hashlib.sha256(b"made up").hexdigest()
BASE64 = base64.b64encode(hashlib.sha512(b"made up").digest()).decode()


class Planted(NamedTuple):
    """A secret in its surroundings, which stay."""

    secret: str
    before: str = ""
    after: str = ""

    @property
    def in_place(self) -> str:
        return f"{self.before}{self.secret}{self.after}"

    @property
    def masked(self) -> str:
        return f"{self.before}{MASK}{self.after}"


def pem(kind: str, *head: str) -> str:
    lines = [BASE64[i : i + 32] for i in range(0, len(BASE64), 32)]
    return "\n".join([f"-----BEGIN {kind}" + "-----", *head, *lines, f"-----END {kind}" + "-----"])


def jwt() -> str:
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": "1234567890", "name": "Ada"}]
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join([*(text.rstrip("=") for text in texts), MIXED[:43]])


SECRETS: dict[str, Planted] = {
    "openai": Planted("sk-" + MIXED[:48]),
    "openai project": Planted("sk-" + "proj-" + MIXED[:74] + "_" + MIXED[:20]),
    "openai service account": Planted("sk-" + "svcacct-" + MIXED[:60]),
    "anthropic": Planted("sk-" + "ant-api03-" + MIXED[:60] + "-" + MIXED[:33] + "AA"),
    "openrouter": Planted("sk-" + "or-v1-" + HEX),
    "github personal": Planted("gh" + "p_" + MIXED[:36]),
    "github oauth": Planted("gh" + "o_" + MIXED[:36]),
    "github user": Planted("gh" + "u_" + MIXED[:36]),
    "github server": Planted("gh" + "s_" + MIXED[:36]),
    "github refresh": Planted("gh" + "r_" + MIXED[:76]),
    "github fine-grained": Planted("github" + "_pat_" + MIXED[:22] + "_" + MIXED[:59]),
    "gitlab personal": Planted("gl" + "pat-" + MIXED[:20]),
    "gitlab runner": Planted("gl" + "rt-" + MIXED[:20]),
    "slack bot": Planted("xox" + "b-123456789012-1234567890123-" + MIXED[:24]),
    "slack user": Planted("xox" + "p-123456789012-123456789012-123456789012-" + HEX[:32]),
    "slack app": Planted("xapp" + "-1-A0123456789-1234567890123-" + HEX),
    "slack refresh": Planted("xox" + "e-1-" + MIXED[:147]),
    "slack webhook": Planted(
        "hooks.slack" + f".com/services/T{UPPER[:8]}/B{UPPER[:8]}/{MIXED[:24]}", "https://"
    ),
    "discord webhook": Planted(
        f"123456789012345678/{MIXED[:68]}", "https://discord.com/api/webhooks/"
    ),
    "telegram bot": Planted("1234567890" + ":AA" + MIXED[:33]),
    "aws access key": Planted("AK" + "IA" + UPPER[:16]),
    "aws temporary key": Planted("AS" + "IA" + UPPER[:16]),
    "aws secret key": Planted("wJalr/" + MIXED[:34], "aws_secret_access_key = "),
    "aws session token": Planted(BASE64, "AWS_SESSION_TOKEN="),
    "google api key": Planted("AI" + "za" + MIXED[:35]),
    "google client secret": Planted("GOC" + "SPX-" + MIXED[:28]),
    "google access token": Planted("ya" + "29." + MIXED[:80]),
    "stripe live": Planted("sk_" + "live_" + MIXED[:24]),
    "stripe test": Planted("sk_" + "test_" + MIXED[:24]),
    "stripe restricted": Planted("rk_" + "live_" + MIXED[:24]),
    "stripe webhook": Planted("wh" + "sec_" + MIXED[:32]),
    "npm": Planted("np" + "m_" + MIXED[:36]),
    "pypi": Planted("py" + "pi-AgEIcHlwaS5vcmc" + MIXED[:80]),
    "hugging face": Planted("h" + "f_" + MIXED[:34]),
    "sendgrid": Planted("S" + "G." + MIXED[:22] + "." + MIXED[:43]),
    "twilio key": Planted("S" + "K" + HEX[:32]),
    "twilio auth token": Planted(HEX[:32], "TWILIO_AUTH_TOKEN="),
    "azure storage": Planted(BASE64, "AccountName=ada;Account" + "Key=", ";EndpointSuffix=x"),
    "azure service bus": Planted(BASE64[:43] + "=", "SharedAccess" + "Key="),
    "azure client secret": Planted(MIXED[:3] + "8Q~" + MIXED[:31], "AZURE_CLIENT_SECRET="),
    "mailgun": Planted("key-" + HEX[:32]),
    "shopify": Planted("shp" + "at_" + HEX[:32]),
    "square": Planted("sq0" + "atp-" + MIXED[:22]),
    "digitalocean": Planted("dop" + "_v1_" + HEX),
    "vault": Planted("hv" + "s." + MIXED[:90]),
    "databricks": Planted("da" + "pi" + HEX[:32]),
    "docker hub": Planted("dckr" + "_pat_" + MIXED[:27]),
    "grafana": Planted("gl" + "sa_" + MIXED[:32] + "_" + HEX[:8]),
    "linear": Planted("lin" + "_api_" + MIXED[:40]),
    "notion": Planted("nt" + "n_" + MIXED[:46]),
    "figma": Planted("fig" + "d_" + MIXED[:40]),
    "groq": Planted("gs" + "k_" + MIXED[:52]),
    "xai": Planted("xa" + "i-" + MIXED[:80]),
    "replicate": Planted("r" + "8_" + MIXED[:37]),
    "atlassian": Planted("AT" + "ATT3" + MIXED[:100] + "=" + HEX[:8].upper()),
    "sentry": Planted("sntr" + "ys_" + MIXED[:90]),
    "postman": Planted("PM" + "AK-" + HEX[:24] + "-" + HEX[:34]),
    "rubygems": Planted("ruby" + "gems_" + HEX[:48]),
    "age": Planted("AGE-SECRET-" + "KEY-1" + (UPPER * 3)[:58]),
    "jwt": Planted(jwt()),
    "bearer": Planted(MIXED[:40], "Authorization: Bearer "),
    "bearer jwt": Planted(jwt(), "authorization: bearer "),
    "basic header": Planted("YWRh" + "OmxvdmVsYWNlMTgxNQ==", "Authorization: Basic "),
    "basic auth in a url": Planted("ada:l0velace-1815", "https://", "@example.org/x"),
    "password of a database": Planted("app:p4ss_w0rd!", "postgresql://", "@db:5432/main"),
    "password alone in a url": Planted(":p4ss_w0rd!", "redis://", "@cache:6379/0"),
    "assigned in a shell": Planted(MIXED[:24], "export MY_SERVICE_TOKEN="),
    "assigned in yaml": Planted(MIXED[:24], "client_secret: "),
    "assigned with spaces": Planted(MIXED[:24], "api-key = "),
    "assigned in ruby": Planted(MIXED[:24], "password => "),
    "header of a key": Planted(MIXED[:24], "X-Api-Key: "),
    "rsa key": Planted(pem("RSA PRIVATE " + "KEY")),
    "pkcs8 key": Planted(pem("PRIVATE " + "KEY")),
    "openssh key": Planted(pem("OPENSSH PRIVATE " + "KEY")),
    "encrypted key": Planted(
        pem("RSA PRIVATE " + "KEY", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0A1B", "")
    ),
    "pgp key": Planted(pem("PGP PRIVATE " + "KEY BLOCK", "Version: 2", "")),
}  # fmt: skip

COLOURS = ["\x1b[31m", "\x1b[0m", "\x1b[1m", "\x1b[97m"]
RICHER_COLOURS = [
    "\x1b[m", "\x1b[1;31m", "\x1b[01;32m", "\x1b[38;5;208m", "\x1b[38;2;1;2;3m", "\x1b[107m",
    "\x1b[K", "\x1b[01;31m\x1b[K",
]  # fmt: skip


def each() -> pytest.MarkDecorator:
    """Every secret."""
    cases = [pytest.param(planted, id=name) for name, planted in SECRETS.items()]
    return pytest.mark.parametrize("planted", cases)


def removed(text: str) -> tuple[str, int]:
    return Redactor()(text)


def test_enough_shapes_are_known() -> None:
    assert len({planted.secret for planted in SECRETS.values()}) >= 40


@each()
def test_a_secret_alone_is_removed(planted: Planted) -> None:
    assert removed(planted.in_place) == (planted.masked, 1)


@each()
def test_a_secret_in_a_line_of_text_is_removed(planted: Planted) -> None:
    line = "it says {} and then (see below)"
    assert removed(line.format(planted.in_place)) == (line.format(planted.masked), 1)


@each()
def test_a_secret_inside_a_json_string_is_removed(planted: Planted) -> None:
    told = {"type": "agent_spoke", "text": planted.in_place, "n": [1, planted.in_place]}
    text, count = removed(json.dumps(told))
    kept = {"type": "agent_spoke", "text": planted.masked, "n": [1, planted.masked]}
    assert (json.loads(text), count) == (kept, 2)


@each()
def test_a_secret_at_the_start_of_a_line_in_json_is_removed(planted: Planted) -> None:
    output = "first\r\n{0}\r\n\t{0}\nlast"
    text, count = removed(json.dumps({"output": output.format(planted.in_place)}))
    assert (json.loads(text), count) == ({"output": output.format(planted.masked)}, 2)


@each()
def test_a_secret_in_json_inside_of_json_is_removed(planted: Planted) -> None:
    """As when a command prints JSON: the event that tells of it escapes it a second time."""
    printed = json.dumps({"a": f"first\n{planted.in_place}\nlast"})
    text, count = removed(json.dumps({"output": printed}))
    kept = {"a": f"first\n{planted.masked}\nlast"}
    assert (json.loads(json.loads(text)["output"]), count) == (kept, 1)


@pytest.mark.parametrize("colour", COLOURS)
@each()
def test_a_secret_after_a_colour_code_is_removed(planted: Planted, colour: str) -> None:
    line = f"{colour}{{}}\x1b[0m"
    assert removed(line.format(planted.in_place)) == (line.format(planted.masked), 1)
    text, count = removed(json.dumps({"output": line.format(planted.in_place)}))
    assert (json.loads(text), count) == ({"output": line.format(planted.masked)}, 1)


@pytest.mark.parametrize("colour", RICHER_COLOURS)
def test_a_token_after_any_colour_code_is_removed(colour: str) -> None:
    secret = SECRETS["github personal"].secret
    assert removed(f"{colour}{secret}\x1b[m") == (f"{colour}{MASK}\x1b[m", 1)


@pytest.mark.parametrize("control", ["\x00", "\x07", "\x1e"])
def test_a_token_after_a_control_character_in_json_is_removed(control: str) -> None:
    secret = SECRETS["github personal"].secret
    text, count = removed(json.dumps({"output": f"a{control}{secret}{control}b"}))
    assert (json.loads(text), count) == ({"output": f"a{control}{MASK}{control}b"}, 1)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"api_key": "%s"}', f'{{"api_key": "{MASK}"}}'),
        ('{"clientSecret":"%s","n":1}', f'{{"clientSecret":"{MASK}","n":1}}'),
        (r"{\"access_token\": \"%s\"}", rf"{{\"access_token\": \"{MASK}\"}}"),
        ("'password': '%s',", f"'password': '{MASK}',"),
        ("--token=%s --x", f"--token={MASK} --x"),
        ("PRIVATE_KEY_2='%s'", f"PRIVATE_KEY_2='{MASK}'"),
        ("GET /x?page=2&access_token=%s", f"GET /x?page=2&access_token={MASK}"),
        ("//registry.npmjs.org/:_authToken=%s", f"//registry.npmjs.org/:_authToken={MASK}"),
        ("DB_PASSWORD=%s\nDB_HOST=db\n", f"DB_PASSWORD={MASK}\nDB_HOST=db\n"),
        ("credentials: %s", f"credentials: {MASK}"),
        pytest.param(
            "ENCRYPTION_KEY=%s",
            f"ENCRYPTION_KEY={MASK}",
        ),
        pytest.param(
            r"{\\\"api_key\\\": \\\"%s\\\"}",
            rf"{{\\\"api_key\\\": \\\"{MASK}\\\"}}",
        ),
    ],
)
def test_a_value_that_is_given_to_a_telling_name_is_removed(text: str, kept: str) -> None:
    assert removed(text % MIXED[:24]) == (kept, 1)


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(secret, id=secret[:8])
        for secret in (
            "glp" + "tt-" + HEX[:40],
            "glc" + "bt-64_" + MIXED[:20],
            "xox" + "c-123456789012-123456789012-123456789012-" + HEX,
            "xox" + "d-" + MIXED[:100],
            "dckr" + "_oat_" + MIXED[:32],
            "hv" + "r." + MIXED[:90],
            "FlyV1 fm" + "2_" + MIXED[:80],
            "pat-" + "eu1-" + HEX[:8] + "-aaaa-bbbb-cccc-" + HEX[:12],
            "AB" + "SK" + MIXED[:100],
            HEX[:32] + "-us" + "12",
        )
    ],
)
def test_shapes_that_are_seen_less_often_are_removed_too(secret: str) -> None:
    assert removed(f"it is {secret}") == (f"it is {MASK}", 1)


def test_a_token_in_an_address_counts_once() -> None:
    secret = SECRETS["github personal"].secret
    assert removed(f"https://x-access-token:{secret}@github.com/a/b")[1] == 1


def test_all_secrets_of_a_text_are_counted() -> None:
    text, count = removed("\n".join(planted.in_place for planted in SECRETS.values()))
    assert count == len(SECRETS)
    assert [name for name, planted in SECRETS.items() if planted.secret in text] == []


def test_what_is_masked_stays_as_it_is() -> None:
    text, _ = removed("\n".join(p.in_place for p in SECRETS.values() if p.after[:1] != "@"))
    assert removed(text) == (text, 0)


VALUE = "correct horse battery staple"


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY", "CODEX_API_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD",
        "PGPASSWD", "MY_CREDENTIALS", "my_secret", "BASIC_AUTH",
    ],
)  # fmt: skip
def test_the_value_of_a_key_variable_is_removed_wherever_it_stands(name: str) -> None:
    redactor = Redactor.of_environment({name: VALUE, "PATH": "/usr/bin:/bin", "LANG": "en_GB"})
    assert redactor(f"in /usr/bin: x{VALUE}y, {VALUE}") == (f"in /usr/bin: x{MASK}y, {MASK}", 2)


def test_values_of_other_variables_stay() -> None:
    environ = {"EDITOR": "emacs -nw --quick", "PROJECT": "crop-yield-study"}
    text = "emacs -nw --quick crop-yield-study"
    assert Redactor.of_environment(environ)(text) == (text, 0)


def test_short_values_and_paths_of_key_variables_stay() -> None:
    environ = {"TOKEN": "1234567", "SSH_AUTH_SOCK": "/run/user/1000/ssh", "KEYS": "~/.ssh/id_rsa"}
    text = "1234567 /run/user/1000/ssh ~/.ssh/id_rsa"
    assert Redactor.of_environment(environ)(text) == (text, 0)


def test_a_longer_value_is_removed_before_a_shorter_one_that_it_contains() -> None:
    redactor = Redactor(["staple-staple", "staple-staple-horse"])
    assert redactor("staple-staple-horse staple-staple") == (f"{MASK} {MASK}", 2)


@pytest.mark.parametrize(
    "value",
    [
        'with "quotes" and \\',
        "first line\nsecond line\n",
        "tab\tand \x1b control",
        "pässwörter",
        pytest.param(
            'pässwört "7"',
        ),
    ],
)
def test_a_value_is_found_in_an_event_however_it_is_written_there(value: str) -> None:
    text, count = Redactor([value])(encode(AgentSpoke(text=f"a{value}b")))
    assert (decode(text), count) == (AgentSpoke(text=f"a{MASK}b"), 1)


def test_a_value_that_only_looks_like_a_path_is_removed() -> None:
    """One of 64 keys in Base64 begins with a slash."""
    value = "/" + MIXED[:39]
    redactor = Redactor.of_environment({"AWS_SECRET_ACCESS_KEY": value})
    assert redactor(f"it is {value}") == (f"it is {MASK}", 1)


@pytest.mark.parametrize("name", ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"])
def test_the_name_of_an_author_is_no_secret(name: str) -> None:
    redactor = Redactor.of_environment({name: "Ada Lovelace"})
    assert redactor("by Ada Lovelace") == ("by Ada Lovelace", 0)


@pytest.mark.parametrize(
    "line", ["pm_runtime_set_autosuspend_delay(dev)", "tn_" + "x" * 24, "vapi-" + "x" * 24]
)
def test_an_escaped_newline_is_no_part_of_a_token(line: str) -> None:
    r"""What was left would be `\[redacted]`: no JSON, and the run is lost."""
    text = encode(AgentSpoke(text=f"first\n{line}"))
    assert removed(text) == (text, 0)


def test_an_escaped_newline_is_no_part_of_a_value() -> None:
    text = encode(AgentSpoke(text="first\nothing-to-see"))
    assert Redactor(["nothing-to-see"])(text) == (text, 0)


@each()
def test_an_event_with_a_secret_in_it_is_still_an_event(planted: Planted) -> None:
    ran = CommandRan(command=planted.in_place, exit_code=0, output=f"{planted.in_place}\n")
    text, count = removed(encode(ran))
    kept = CommandRan(command=planted.masked, exit_code=0, output=f"{planted.masked}\n")
    assert (decode(text), count) == (kept, 2)


SOURCE = r'''
import hashlib, os, re
API_URL = "https://api.example.org:8443/v1/tokens?limit=20"
TOKEN = re.compile(r"[A-Za-z0-9_]+|[^\sA-Za-z0-9_]")
KEY_ERROR = "key not found"
PASSWORD_FIELD = "password"

class Tokenizer:
    """Splits text into tokens. A token is a word or a sign."""
    def __init__(self, vocabulary: dict[str, int], unknown_token: str = "<unk>") -> None:
        self.token_to_id, self.unknown_token = vocabulary, unknown_token
        self.api_key = os.environ.get("OPENAI_API_KEY")
        self.password = None

    def tokens(self, text: str, *, max_tokens: int = 4096) -> list[str]:
        token = self.next_token(text)
        total_tokens = usage.prompt_tokens + usage.completion_tokens
        return [token for token in TOKEN.findall(text)][:max_tokens]

def login(username: str, password: str) -> Session:
    secret_key = os.environ["SECRET_KEY"]
    if not password or password != stored_password:
        raise AuthenticationError("wrong password")
    credentials = Credentials(username=username, password=password)
    return Session(credentials, token=None, private_key=load_private_key(path))

const { apiKey, authToken } = config; const token = req.headers["authorization"];
const sorted = keys.sort((a, b) => a.key.localeCompare(b.key)); i18n.t("auth.password.reset");
<input type="password" name="password" id="password" autocomplete="current-password">
:root { --token-color: #ff00aa; } .task-list { color: #1a2b3c } .risk-assessment-table {}
fn next_token(&mut self) -> Result<Token, ParseError> { self.tokens.next().ok_or(ParseError::Eof) }
static const char *token_names[] = { "IDENT", "NUMBER" }; key = keys[i]; secret = NULL;
SELECT token_id, user_id FROM access_tokens WHERE expires_at > now() AND user_id = 42;
CREATE TABLE api_keys (id bigint PRIMARY KEY, key_hash text NOT NULL, created_at timestamptz);
password: ${{ secrets.DB_PASSWORD }}
token: $GITHUB_TOKEN
secretKeyRef: {name: database, key: password}
max_output_tokens: 16384
"js-tokens": "^4.0.0",
"integrity": "sha512-JSSZwFKvYWAXaEfkYHiVOEMOdPs7eIPvjh2sZwYFZcs6jnkAGrqZoOZo3cWNPcKdgzQSbaYu==",
keyring==25.2.1 tokenizers==0.19.1 secretstorage==3.3.3 python-jose[cryptography]==3.3.0
'''

PROSE = r"""
The token budget is 4096 tokens. Reset your password at https://example.org/password?step=2.
Bearer tokens are sent in a header; basic authentication is simpler. The secret: patience.
Key findings: (1) yield rose 12 %, (2) key-value stores win. A passphrase has four words.
We met at 10:30; contact ada@example.org or git@github.com:ada/engine.git, ssh://git@host:22/x.
localhost:8080, 127.0.0.1:5432, http://[::1]:3000/, file:///home/ada/.ssh/config, C:\Users\Ada
Das Kennwort: siehe Anhang 2. Le mot de passe : à changer. パスワード: 設定してください。
ask-me-anything-about-this-long-thread, risk-adjusted-return-on-capital, desk-sharing-policies-2024
"""

DATA = f"""
commit {HEX[:40]}
index 83db48f..bf2c1a7 100644
tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904 blob {HEX} sha256:{HEX}
f47ac10b-58cc-4372-a567-0e02b2c3d479 019a7e3c-1111-7abc-8def-0123456789ab k7f3abcd
etag: W/"{HEX[:40]}" md5 {HEX[:32]} x-request-id: req_{HEX[:32]}
/home/ada/projects/secret-garden/src/tokens/lexer_v2_final.py:120:17
/usr/lib/python3.11/site-packages/cryptography/hazmat/primitives/keywrap.py
node_modules/@babel/helper-validator-identifier/lib/keyword.js
-rw-r--r-- 1 ada ada 1679 Jan  2 03:04 id_rsa.pub
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{MIXED[:43]} ada@engine
-----BEGIN CERTIFICATE-----
{BASE64[:64]}
-----END CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
{BASE64[:64]}
-----END PUBLIC KEY-----
data:image/png;base64,{base64.b64encode(bytes(range(256)) * 20).decode()}
{{"type": "usage_reported", "tokens": {{"input": 12400, "cached_input": 9100, "output": 1100}}}}
{{"id": "resp_{HEX[:48]}", "object": "response", "max_output_tokens": null, "key": "value"}}
"""


@pytest.mark.parametrize("page", [SOURCE, PROSE, DATA], ids=["source", "prose", "data"])
def test_ordinary_text_is_left_alone(page: str) -> None:
    changed = [(line, removed(line)[0]) for line in page.splitlines() if removed(line)[1]]
    assert changed == []
    assert removed(page) == (page, 0)
    assert removed(json.dumps(page)) == (json.dumps(page), 0)


PACKAGE = Path(package.__file__).parent


@pytest.mark.parametrize("file", [str(f.relative_to(PACKAGE)) for f in PACKAGE.rglob("*.py")])
def test_the_source_of_the_program_is_left_alone(file: str) -> None:
    text = (PACKAGE / file).read_text(encoding="utf-8")
    assert removed(text) == (text, 0)


_CALLS = "bug: what is assigned to a telling name is code, not a value"
_WORDS = "bug: words, not a token, follow a prefix"


@pytest.mark.parametrize(
    "line",
    [
        line
        for _, line in [
            (_CALLS, "tokenizer = GPT2Tokenizer.from_pretrained(name)"),
            (_CALLS, "tokens = tokenizer.tokenize(text)[1:]"),
            (_CALLS, "token = secrets.token_urlsafe(32)"),
            (_CALLS, "password = hashlib.pbkdf2_hmac('sha256', given, salt, 600_000)"),
            (_CALLS, "secret = base64.b64decode(text)"),
            (_CALLS, "token = lexer_next_token(&lexer[0]);"),
            (_WORDS, "client = Session(aws_secret_access_key=aws_secret_access_key)"),
            (_WORDS, '<div class="sk-toggleable__content"><pre class="sk-text-repr-fallback">'),
            (_WORDS, "npm_config_user_agent and npm_package_dependencies_express"),
            (_WORDS, "def test_a_secret_at_the_start_of_a_line_in_json_is_removed():"),
            (_WORDS, "hf_hub_download_with_progress(repo)"),
            (_WORDS, 'resource "vercel_project_environment_variable" "x" {'),
            (_WORDS, "docs/key-management-service-best-practices-guide.md"),
            (_WORDS, "the basic internationalization"),
            (_WORDS, "run the basic tests/integration/flows"),
            ("bug: places in a template", 'f"postgresql://{user}:{password}@{host}:{port}/{name}"'),
            ("bug: a head without a body", 'if line == "-----BEGIN PRIVATE ' + 'KEY-----":'),
        ]
    ],
)
def test_code_that_only_speaks_of_secrets_is_left_alone(line: str) -> None:
    """Patches are redacted, too: a mask in one is a change that nobody made."""
    assert removed(line) == (line, 0)


def effort(text: str) -> float:
    """Seconds of the processor; other programs do not count."""
    efforts = []
    for _ in range(3):
        began = time.process_time()
        removed(text)
        efforts.append(time.process_time() - began)
    return min(efforts)


@pytest.mark.parametrize(
    ("beginning", "part"),
    [
        pytest.param("-----BEGIN RSA PRIVATE " + "KEY-----\n", "MIIE" * 20, id="key"),
        pytest.param("", "-----BEGIN RSA PRIVATE " + "KEY-----\n", id="keys"),
        pytest.param("", "-----BEGIN A", id="heads"),
        pytest.param("password=", "abcd", id="value"),
        pytest.param("", "tokentoken_", id="names"),
        pytest.param("https://", "abcd", id="address"),
        pytest.param("", "://a:", id="addresses"),
        pytest.param("", "sk-", id="prefixes"),
        pytest.param("", "123456789:AA", id="bots"),
        pytest.param("", "Bearer ", id="bearers"),
        pytest.param("", "token=", id="assignments"),
        pytest.param("", "eyJ" * 4, id="web tokens"),
    ],
)
def test_a_text_that_is_four_times_as_long_takes_four_times_as_long(
    beginning: str, part: str
) -> None:
    """Not sixteen times: a program that an agent runs must not be able to hold up the run."""
    short, long = effort(beginning + part * 500), effort(beginning + part * 2000)
    assert long < 9 * short + 0.002


def test_names_of_keys_are_told_from_others() -> None:
    keys = ["OPENAI_API_KEY", "GITHUB_TOKEN", "my_secret", "PGPASSWORD", "GOOGLE_CREDENTIALS"]
    others = ["PATH", "HOME", "LANG", "EDITOR", "PWD", "USER"]
    names = [*keys, *others]
    assert [name for name in names if is_key_name(name)] == keys
    fitting = [n for n in names if any(fnmatchcase(n.upper(), glob) for glob in KEY_PATTERNS)]
    assert fitting == keys
    assert without_keys(dict.fromkeys(names, "x")) == dict.fromkeys(others, "x")


def test_no_secret_gets_as_far_as_the_disk(crossrun: Crossrun) -> None:
    key, token = "sk-" + "proj-" + MIXED[:40], SECRETS["github personal"].secret
    value = "correct-horse-battery-staple"
    script = f"echo {key}; printf 'a\\n{value}' >&2; export T={token}; echo $T $MY_SERVICE_KEY"
    given = (script, "--name", token, "--tag", value, "--verify", f"echo {key} {value}; false")
    result = crossrun("run", *given, "--executor", "shell", "--json", MY_SERVICE_KEY=value)
    assert (result.code, result.json["failure"]["code"]) == (9, "VERIFY_FAILED")

    kept = [file for file in crossrun.home.rglob("*") if file.is_file()]
    leaks = [
        (file, secret)
        for file in kept
        for secret in (key, token, value)
        if secret.encode() in file.read_bytes()
    ]
    assert leaks == []
    assert crossrun.home / "crossrun.db" in kept
    told = result.out + result.err
    assert [secret for secret in (key, token, value) if secret in told] == []
    assert MASK in told


def test_a_run_tells_how_many_secrets_were_removed_from_its_events(crossrun: Crossrun) -> None:
    token = SECRETS["github personal"].secret
    run = crossrun("run", "true", "--executor", "shell", "--verify", f"test {token} = x", "--json")
    lines = crossrun("events", "--jsonl").out.splitlines()
    masks = [line.count(MASK) for line in lines if json.loads(line)["type"] != "proof_assessed"]
    assert run.json["redactions"] == sum(masks)  # the proof repeats what is without secrets already


def test_no_text_of_an_agent_loses_a_run(crossrun: Crossrun) -> None:
    result = crossrun("run", "echo; echo pm_runtime_set_autosuspend_delay", "--executor", "shell")
    assert (result.code, crossrun.json("show")["status"]) == (0, "succeeded")


def test_a_secret_under_a_name_that_occurs_twice_is_removed() -> None:
    secret = SECRETS["github personal"].secret
    text, count = removed(f'{{"a": "{secret}", "a": 1}}')
    assert (secret in text, count) == (False, 1)


def test_half_a_character_pair_beside_a_secret_is_no_trouble() -> None:
    text, count = removed(f'{{"a": "\\ud83d {SECRETS["github personal"].secret}"}}')
    assert (text.encode("utf-8", "surrogateescape"), count) == (
        b'{"a": "\\ud83d [redacted]"}',
        1,
    )


def test_a_number_beyond_all_bounds_beside_a_secret_stays() -> None:
    text, _ = removed(f'{{"a": 1e999, "b": "{SECRETS["github personal"].secret}"}}')
    assert "Infinity" not in text
