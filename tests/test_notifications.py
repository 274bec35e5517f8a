"""Notifications: signed, retried, harmless, and never in the way of a run."""

import base64
import hmac
import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun

from crossrun.notifications import Notification
from crossrun.notifications.desktop import show
from crossrun.notifications.terminal import sequence
from crossrun.notifications.webhook import deliver, signature_headers

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
HOSTILE = "--help; $(touch pwned) <b>\x1b]0;x\x07 `y` \u202e"


class Hook:
    """A server that answers with the given statuses, and then with 200."""

    def __init__(self, *statuses: int, delay: float = 0) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        left = list(statuses)
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                hook.requests.append((headers, body))
                time.sleep(delay)
                self.send_response(left.pop(0) if left else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?token=hidden"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook(500, 503)
    yield made
    made.close()


def notification(title: str = "Run k7f3 failed", body: str = "Fix it") -> Notification:
    return Notification(
        id="msg_run_k7f3", title=title, body=body, variables={"CROSSRUN_RUN_ID": "k7f3"},
        event={"type": "run.ended", "data": {"id": "k7f3"}},
    )  # fmt: skip


def is_signed(headers: dict[str, str], body: bytes) -> bool:
    """As a receiver checks it, by the specification."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


def test_the_signature_is_that_of_the_specifications_example() -> None:
    # test vector of the libraries at github.com/standard-webhooks/standard-webhooks
    headers = signature_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_that_fails_twice_gets_the_same_signed_message_again(hook: Hook) -> None:
    assert deliver(hook.url, SECRET, notification()) is None
    assert len(hook.requests) == 3
    assert len({headers["webhook-id"] for headers, _ in hook.requests}) == 1
    assert all(is_signed(headers, body) for headers, body in hook.requests)
    assert json.loads(hook.requests[-1][1])["data"] == {"id": "k7f3"}


def test_what_is_refused_for_good_is_not_sent_again() -> None:
    hook = Hook(410)
    assert deliver(hook.url, SECRET, notification()) == "127.0.0.1 answered 410"
    assert len(hook.requests) == 1
    hook.close()


def test_the_reason_of_a_failure_does_not_show_the_address() -> None:
    reason = deliver("http://127.0.0.1:1/hook?token=hidden", SECRET, notification())
    assert reason is not None
    assert reason.startswith("127.0.0.1 cannot be reached: ")
    assert "hidden" not in reason


@pytest.mark.parametrize(
    ("environ", "signs"),
    [
        ({"TERM": "xterm-256color"}, "\x1b]9;Run k7f3 failed: a;b\a"),
        ({"TERM": "rxvt-unicode"}, "\x1b]777;notify;Run k7f3 failed;a,b\a"),
        ({"TERM": "xterm", "VTE_VERSION": "7000"}, "\x1b]777;notify;Run k7f3 failed;a,b\a"),
    ],
)
def test_a_terminal_gets_the_sequence_that_it_knows(environ: dict[str, str], signs: str) -> None:
    assert sequence(notification(body="a;b"), environ) == signs


@pytest.fixture
def desktop(crossrun: Crossrun, tmp_path: Path) -> Path:
    """Programs that keep what they are called with, one argument a line."""
    programs = tmp_path / "programs"
    programs.mkdir()
    calls = tmp_path / "calls"
    for name in ("notify-send", "osascript"):
        (programs / name).write_text(f"#!/bin/sh\nprintf '%s\\n' {name} \"$@\" >> {calls}\n")
        (programs / name).chmod(0o755)
    crossrun.environ["PATH"] = f"{programs}:{crossrun.environ['PATH']}"
    return calls


def test_hostile_text_is_one_argument_of_the_desktops_program(
    crossrun: Crossrun, desktop: Path
) -> None:
    run = crossrun("run", "--offline", "--notify", "desktop", "--", HOSTILE)
    assert run.code == 0, run.err
    *_, title, body = desktop.read_text().splitlines()
    assert desktop.read_text().splitlines()[:3] == ["notify-send", "--app-name=crossrun", "--"]
    assert title.startswith("Run ")
    assert body == "--help; $(touch pwned) &lt;b&gt; `y` &lt;U+202E&gt;"
    assert not (crossrun.cwd / "pwned").exists()
    assert show(notification(body='"; beep'), crossrun.environ, "darwin") is None
    assert desktop.read_text().splitlines()[-2:] == ['"; beep', "Run k7f3 failed"]


def test_a_command_gets_the_run_and_no_keys(crossrun: Crossrun) -> None:
    crossrun.environ |= {
        "CROSSRUN_NOTIFY_COMMAND": "env > env.txt; cat > event.json",
        "CROSSRUN_NOTIFY_WEBHOOK_SECRET": SECRET,
        "OPENAI_API_KEY": "sk-proj-abcdefghijklmnop",
    }
    failed = crossrun("run", "--executor", "shell", "env > seen.txt; exit 3", "--json")
    assert failed.code == 1
    run = failed.json
    lines = (crossrun.cwd / "env.txt").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if "=" in line)
    assert given["CROSSRUN_RUN_ID"] == run["id"]
    assert given["CROSSRUN_RUN_STATUS"] == "failed"
    assert given["CROSSRUN_RUN_EXIT_CODE"] == "1"
    assert "OPENAI_API_KEY" not in given
    assert SECRET not in "".join(lines)
    event = json.loads((crossrun.cwd / "event.json").read_text())
    assert (event["type"], event["data"]["id"]) == ("run.ended", run["id"])
    agents = (Path(run["workspace"]) / "seen.txt").read_text()
    assert SECRET not in agents


def settings(crossrun: Crossrun, **values: Any) -> None:  # noqa: ANN401
    crossrun.home.mkdir(parents=True, exist_ok=True)
    (crossrun.home / "config.yaml").write_text(json.dumps({"notify": values}))


@pytest.mark.parametrize(
    ("values", "words", "succeeds", "announced"),
    [
        ({}, [], True, True),
        ({"when": "failed"}, [], True, False),
        ({"when": "failed"}, [], False, True),
        ({"when": "long", "after": "1h"}, [], False, False),
        ({"when": "long", "after": "0"}, [], True, True),
        ({"when": "failed"}, ["--notify", "command"], True, True),
        ({}, ["--notify", "none"], True, False),
        ({}, ["--notify", "bell,none"], True, False),
    ],
)
def test_the_settings_say_which_runs_are_announced(
    crossrun: Crossrun, values: dict[str, Any], words: list[str], *, succeeds: bool, announced: bool
) -> None:
    settings(crossrun, command="touch announced", **values)
    crossrun("run", "--executor", "shell", "true" if succeeds else "false", *words)
    assert (crossrun.cwd / "announced").exists() is announced


def test_a_failed_notification_is_a_warning_and_the_run_succeeds(crossrun: Crossrun) -> None:
    settings(crossrun, command="echo broken >&2; exit 4", webhook="http://127.0.0.1:1/x")
    ended = crossrun("run", "--executor", "shell", "true")
    assert ended.code == 0
    assert "warning: no notification by command: exit code 4: broken" in ended.err
    assert "no notification by webhook: the setting notify.webhook_secret is not set" in ended.err


def test_a_project_file_sets_neither_command_nor_address(crossrun: Crossrun) -> None:
    text = json.dumps({"notify": {"command": "touch pwned", "webhook": "https://evil.example"}})
    (crossrun.cwd / ".crossrun.yaml").write_text(text)
    ended = crossrun("run", "--executor", "shell", "true")
    assert not (crossrun.cwd / "pwned").exists()
    assert ended.err.count("is ignored: a project file may not set it") == 2


def test_a_project_has_channels_of_its_own(crossrun: Crossrun) -> None:
    settings(crossrun, command="touch announced")
    quiet = crossrun.json("projects", "set", "quiet", "notify", "none")
    assert quiet["notify"] == "none"
    crossrun("run", "--executor", "shell", "true", "--project-id", "quiet")
    assert not (crossrun.cwd / "announced").exists()
    crossrun("run", "--executor", "shell", "true")
    assert (crossrun.cwd / "announced").exists()
    assert crossrun("projects", "set", "quiet", "notify", "pigeon").code == 2


def test_a_webhook_of_a_run_is_retried_and_signed(crossrun: Crossrun, hook: Hook) -> None:
    crossrun.environ["CROSSRUN_NOTIFY_WEBHOOK_SECRET"] = SECRET
    settings(crossrun, webhook=hook.url)
    run = crossrun.json("run", "--executor", "shell", "true")
    assert len(hook.requests) == 3
    headers, body = hook.requests[-1]
    assert is_signed(headers, body)
    assert json.loads(body)["data"]["id"] == run["id"]


def test_a_batch_is_announced_once(crossrun: Crossrun) -> None:
    settings(crossrun, command="cat >> events")
    (crossrun.cwd / "rows.csv").write_text("task\ntrue\nfalse\n")
    crossrun("batch", "rows.csv", "--executor", "shell", "--keep-going")
    event = json.loads((crossrun.cwd / "events").read_text())
    assert event["type"] == "batch.ended"
    assert (event["data"]["runs"], event["data"]["succeeded"]) == (2, 1)


def test_a_scheduled_run_that_fails_is_announced_on_the_desktop(
    crossrun: Crossrun, desktop: Path
) -> None:
    scheduled = ("--tag", "scheduled", "--tag", "schedule:nightly", "--quiet")
    crossrun("run", *scheduled, "--executor", "shell", "true")
    assert not desktop.exists()
    crossrun("run", *scheduled, "--executor", "shell", "false")
    assert "failed" in desktop.read_text()
    gone = crossrun("run", *scheduled, "-f", "gone.md")
    assert gone.code == 2
    assert "Schedule nightly could not start its run" in desktop.read_text()
    assert "TASK_UNREADABLE" in desktop.read_text()


def test_only_a_terminal_gets_signs(crossrun: Crossrun) -> None:
    words = ["run", "--executor", "shell", "true", "--quiet", "--notify", "bell,terminal"]
    assert "\a" not in crossrun(*words).err
    leader, follower = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "crossrun", *words],
        cwd=crossrun.cwd,
        env={**crossrun.environ, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=follower,
        check=True,
    )
    os.close(follower)
    shown = os.read(leader, 10_000)
    os.close(leader)
    assert b"\x1b]9;Run " + done.stdout.strip() in shown
    assert shown.count(b"\a") == 2


def test_a_channel_that_does_not_exist_is_refused_before_the_run(crossrun: Crossrun) -> None:
    refused = crossrun("run", "--executor", "shell", "true", "--notify", "pigeon", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "OPTION_INVALID")
    assert crossrun.json("runs")["runs"] == []
