"""The planner behind proxies, with certificates and keys as people have them."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from conftest import Crossrun
from test_planner import STEP, planned

from crossrun.model.failures import Failure
from crossrun.planning.openai.failures import Caller, failure_of
from crossrun.planning.openai.surroundings import obstacle, proxy_variable

KEY = "sk-plan-0123456789abcdef"
CALLER = Caller("the planner", other_model="another", without="use --planner direct")


@contextmanager
def socks_proxy() -> Iterator[tuple[int, list[str]]]:
    """A SOCKS5 server's port, and the addresses that were asked of it."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve_socks, args=(server, asked), daemon=True).start()
        yield server.getsockname()[1], asked


def _serve_socks(server: socket.socket, asked: list[str]) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        client.recv(262)
        client.sendall(b"\x05\x00")
        request = client.recv(262)
        name = request[5 : 5 + request[4]] if request[3] == 3 else request[4:8]
        asked.append(name.decode() if request[3] == 3 else socket.inet_ntoa(name))
        target = socket.create_connection(("127.0.0.1", int.from_bytes(request[-2:])))
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        threading.Thread(target=_relay, args=(client, target), daemon=True).start()


def _relay(client: socket.socket, target: socket.socket) -> None:
    with client, target:
        back = threading.Thread(target=_pump, args=(target, client), daemon=True)
        back.start()
        _pump(client, target)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # one of the two has left
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_is_used(crossrun: Crossrun, scheme: str) -> None:
    with socks_proxy() as (port, asked):
        run = planned(crossrun, [STEP, "Done."], ALL_PROXY=f"{scheme}://127.0.0.1:{port}").json
    assert (run["status"], set(asked)) == ("succeeded", {"127.0.0.1"})


def test_a_proxy_that_is_not_needed_does_no_harm(crossrun: Crossrun) -> None:
    proxies = {"ALL_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    assert planned(crossrun, [STEP, "Done."], **proxies).json["status"] == "succeeded"


def test_a_proxy_that_refuses_is_named(crossrun: Crossrun) -> None:
    failure = planned(crossrun, [], HTTP_PROXY="http://me:secret@127.0.0.1:9").json["failure"]
    assert failure["code"] == "PROVIDER_UNREACHABLE"
    assert "cannot be reached through the proxy in HTTP_PROXY" in failure["message"]
    assert failure["hint"].startswith("check HTTP_PROXY")
    assert "secret" not in str(failure)


def test_a_key_with_white_space_around_it_works(crossrun: Crossrun) -> None:
    run = planned(crossrun, [STEP, "Done."], OPENAI_API_KEY=f" {KEY}\n").json
    assert run["status"] == "succeeded"


def test_a_web_page_is_told_as_such(crossrun: Crossrun) -> None:
    page = {"http_error": {"status": 200, "body": "<!doctype html><html>hello</html>"}}
    failure = planned(crossrun, [page]).json["failure"]
    assert "gave a web page" in failure["message"]
    assert "OPENAI_BASE_URL" in failure["hint"]


def obstacle_of(environ: dict[str, str]) -> tuple[str, str]:
    failure = obstacle(environ)
    assert failure is not None
    assert KEY not in str(failure)
    return failure.code, failure.message


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_ORG_ID"])
@pytest.mark.parametrize("sign", ["\u201d", "\n", " ", "\u200b"])
def test_a_character_that_cannot_be_sent_is_named_with_its_variable(name: str, sign: str) -> None:
    code, message = obstacle_of({name: f"{KEY[:8]}{sign}{KEY[8:]}"})
    assert code == "PLANNER_AUTH"
    assert message.startswith(f"{name} contains a character that cannot be sent: ")
    assert f"U+{ord(sign):04X}" in message


def test_a_file_of_certificates_that_is_none_is_named_with_its_variable(tmp_path: Path) -> None:
    missing, other = tmp_path / "missing.pem", tmp_path / "other.pem"
    other.write_text("no certificate")
    for file, reason in (
        (missing, "cannot be read (No such file or directory)"),
        (other, "contains no certificate in PEM form"),
    ):
        expected = f"the file in SSL_CERT_FILE {reason}: {file}"
        assert obstacle_of({"SSL_CERT_FILE": str(file)}) == ("PROVIDER_UNREACHABLE", expected)
    assert obstacle({"REQUESTS_CA_BUNDLE": str(missing), "SSL_CERT_FILE": ""}) is None


@pytest.mark.parametrize("address", ["socks://proxy:1080/", "socks4://proxy:1", "http://proxy:x"])
def test_a_proxy_that_cannot_be_used_is_named(address: str) -> None:
    code, message = obstacle_of({"all_proxy": address})
    assert (code, message.split()[0]) == ("PROVIDER_UNREACHABLE", "all_proxy")


@pytest.mark.parametrize(
    "address", ["proxy:3128", "http://me:pw@proxy:3128", "https://proxy", "socks5h://[::1]:1080"]
)
def test_a_proxy_that_can_be_used_is_no_obstacle(address: str) -> None:
    assert obstacle({"HTTPS_PROXY": address, "OPENAI_API_KEY": KEY}) is None


@pytest.mark.parametrize(
    ("environ", "base_url", "variable"),
    [
        ({"HTTPS_PROXY": "p:1"}, None, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "p:1"}, "http://model:8000/v1", None),
        ({"https_proxy": "p:1", "ALL_PROXY": "q:1"}, "https://model/v1", "https_proxy"),
        ({"ALL_PROXY": "q:1", "NO_PROXY": "model"}, "https://model/v1", None),
        ({"ALL_PROXY": "q:1", "NO_PROXY": "*"}, None, None),
    ],
)
def test_the_proxy_on_the_way_is_known(
    environ: dict[str, str], base_url: str | None, variable: str | None
) -> None:
    assert proxy_variable(environ, base_url) == variable


def unreachable(cause: Exception, **environ: str) -> Failure:
    request: Any = None
    error = openai.APIConnectionError(request=request)
    error.__cause__ = cause
    return failure_of(error, CALLER, environ)


def test_a_certificate_that_is_not_trusted_names_the_variable_that_helps() -> None:
    cause = ssl.SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    failure = unreachable(cause, REQUESTS_CA_BUNDLE="/etc/company.pem")
    assert "is not trusted" in failure.message
    assert "SSL_CERT_FILE" in failure.hint
    assert "REQUESTS_CA_BUNDLE is not read" in failure.hint


def test_a_proxy_that_wants_a_login_is_named() -> None:
    response: Any = SimpleNamespace(status_code=407, request=None, headers={})
    error = openai.APIStatusError("login needed", response=response, body=None)
    failure = failure_of(error, CALLER, {"HTTPS_PROXY": "http://proxy:3128"})
    assert (failure.code, "HTTPS_PROXY" in failure.hint) == ("PROVIDER_UNREACHABLE", True)


def test_without_a_proxy_the_network_and_the_address_are_to_blame() -> None:
    failure = unreachable(ConnectionRefusedError("Connection refused"))
    assert failure.message == "the planner's server cannot be reached: Connection refused"
    assert failure.hint.startswith("check the network and OPENAI_BASE_URL")
