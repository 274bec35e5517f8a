"""Environment variables that prevent a call. Messages name the variable, never its secrets.

The HTTP library of the `openai` package reads these variables by itself, and its errors do not say
which one is wrong.
"""

import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # in no stub

from crossrun.model.failures import Failure

_IN_HEADERS = ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
_PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_SCHEMES = ("http", "https", "socks5", "socks5h")
_OTHER_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_OPENAI = "https://api.openai.com"


def value_of(environ: Mapping[str, str], name: str) -> str | None:
    """A variable without surrounding white space; None if it is empty."""
    return environ.get(name, "").strip() or None


def obstacle(environ: Mapping[str, str]) -> Failure | None:
    """The first variable that prevents a call, as a failure."""
    checks = (_bad_headers, _bad_certificates, _bad_proxies)
    return next((failure for check in checks for failure in check(environ)), None)


def proxy_variable(environ: Mapping[str, str], base_url: str | None) -> str | None:
    """The variable that names the proxy for a server; None without a proxy."""
    try:
        server = urlsplit(base_url or _OPENAI)
    except ValueError:
        return None
    excluded = value_of(environ, "no_proxy") or value_of(environ, "NO_PROXY") or ""
    if proxy_bypass_environment(server.hostname or "", {"no": excluded}):
        return None
    names = (f"{server.scheme}_proxy", f"{server.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    return next((name for name in names if value_of(environ, name)), None)


def about_certificates(environ: Mapping[str, str]) -> str:
    """How to trust the certificates of a company's network."""
    named = [name for name in _OTHER_CERTIFICATES if value_of(environ, name)]
    note = f" ({named[0]} is not read)" if named else ""
    return f"set SSL_CERT_FILE to a file with your network's CA certificates{note}"


def _bad_headers(environ: Mapping[str, str]) -> Iterator[Failure]:
    for name in _IN_HEADERS:
        value = value_of(environ, name) or ""
        invalid = next((character for character in value if not "!" <= character <= "~"), None)
        if invalid is not None:
            message = f"{name} contains a character that cannot be sent:"
            hint = f"copy the value into {name} again, without quotes, line breaks or spaces"
            yield Failure("PLANNER_AUTH", f"{message} {invalid!r} (U+{ord(invalid):04X})", hint)


def _bad_certificates(environ: Mapping[str, str]) -> Iterator[Failure]:
    file = environ.get("SSL_CERT_FILE")
    if not file:
        return
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        reason = "contains no certificate in PEM form"
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
    else:
        return
    yield Failure(
        "PROVIDER_UNREACHABLE",
        f"the file in SSL_CERT_FILE {reason}: {file}",
        "set SSL_CERT_FILE to a PEM file with CA certificates, or unset it",
    )


def _bad_proxies(environ: Mapping[str, str]) -> Iterator[Failure]:
    for name in _PROXIES:
        value = value_of(environ, name)
        if value is not None and not _is_proxy(value):
            yield Failure(
                "PROVIDER_UNREACHABLE",
                f"{name} is not the address of a usable proxy",
                f"set {name} to http://host:port or socks5://host:port, or unset it",
            )


def _is_proxy(text: str) -> bool:
    try:
        address = urlsplit(text if "://" in text else f"http://{text}")
        return bool(address.hostname) and address.scheme in _SCHEMES and address.port != 0
    except ValueError:
        return False
