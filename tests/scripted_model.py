r"""A model server on loopback that reads its answers from a script.

The tests run the real Codex CLI and the real `openai` SDK; only the model is replaced. Both talk to
one server: Codex to the Responses API, crossrun's planner to Chat Completions.

    script = [
        Scenario([{"call": "assign", "arguments": {"to": "codex"}}, "All done."], path="chat"),
        Scenario([{"write_file": "a.txt", "content": "hi\n"}, "Wrote it."], match="write a file"),
        Scenario(["Nothing to do."]),
    ]
    with ScriptedModel(script) as model:
        ...  # point a client at model.base_url, then look at model.requests

The first scenario that fits a request answers it, so one without conditions, at the end, is the
default. A bare list of turns is a script of one such scenario. Every turn is one model response: an
item, a list of items, or a dict with `items` and the options of `Turn` (a single item may sit right
among the options). The items are

    "text" or {"message": text}         {"reasoning": text}
    {"web_search": query}  (not alone: Codex has nothing to answer it with, and ends the turn)
    {"shell": command, "yield_time_ms": 500, ...}                   {"js": code}  (code mode)
    {"write_file": path, "content": text}                           {"patch": "*** Begin Patch..."}
    {"plan": [[step, status], ...]}  (needs Codex's `-c tools.update_plan.enabled=true`)
    {"call": function, "arguments": dict or (maybe malformed) text, "namespace": "mcp__server"}
    {"raw": {...}}  (an output item of the Responses API as it is)

Consecutive requests get consecutive turns, a client's retry included: [{"http_error": 500}, "Hi"]
fails once. Chat has no thread ids: conversations differ by their first user message there. A
request that no scenario fits, or that comes after the last turn, gets a 400 that says so, because
a test must not pass on an answer that nobody wrote.

As a command, `python tests/scripted_model.py --script script.json` prints its base URL and serves
until it is killed; the JSON is the same list, with scenarios as objects.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import re
import socket
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

JsonObject = dict[str, Any]
Item = Mapping[str, Any] | str

# ---------------------------------------------------------------- what a script is made of


@dataclass(frozen=True)
class Turn:
    """One response, with all that may be unusual about it."""

    items: Sequence[Item] = ()
    usage: Mapping[str, int] = dataclasses.field(default_factory=dict)  # over USAGE
    times: int = 1
    delay: float = 0  # seconds before the headers
    http_error: int | Mapping[str, Any] = 0  # status, headers, message, type, code; or a whole body
    cut: Literal["before_items", "after_items"] | None = None  # drop the connection there
    hang: Literal["before_headers", "after_headers"] | None = None  # until either side leaves
    failed: Mapping[str, str] | None = None  # code and message of response.failed
    incomplete: str | None = None  # the reason, such as max_output_tokens

    @classmethod
    def of(cls, raw: TurnLike) -> Turn:
        """Give a turn its full form; what is no option belongs to the only item."""
        if isinstance(raw, Turn):
            return raw
        if isinstance(raw, str) or not isinstance(raw, Mapping):
            return cls([raw] if isinstance(raw, str) else raw)
        names = {option.name for option in dataclasses.fields(cls)}
        item = {key: value for key, value in raw.items() if key not in names}
        options = {key: value for key, value in raw.items() if key in names}
        return cls(**{"items": [item] if item else [], **options})


TurnLike = Turn | Item | Sequence[Item]


@dataclass(frozen=True)
class Scenario:
    """Turns for the requests that fit all conditions; regexes ignore case and span lines.

    `counts` says what starts the turns anew: each user message (so a resumed thread does, too), a
    new conversation only, or nothing.
    """

    turns: Sequence[TurnLike]
    match: str = ""  # in the last user message
    developer: str = ""  # in the instructions
    anywhere: str = ""  # in all that the model gets to read
    path: Literal["any", "chat", "responses"] = "any"
    counts: Literal["message", "conversation", "server"] = "message"
    after: Literal["error", "repeat", "loop"] = "error"  # when the turns have run out
    name: str = ""

    def fits(self, request: Request) -> bool:
        """Whether this scenario answers the request."""
        patterns = (self.match, self.developer, self.anywhere)
        texts = (request.last_user, request.developer_text, request.all_text)
        return self.path in ("any", request.api) and all(
            re.search(pattern, text, re.IGNORECASE | re.DOTALL)
            for pattern, text in zip(patterns, texts, strict=True)
        )

    def place(self, request: Request) -> tuple[object, ...]:
        """Name what the turns are counted for."""
        message = sum(entry.role == "user" for entry in request.transcript)
        places = {"server": (), "conversation": (request.conversation,)}
        return places.get(self.counts, (request.conversation, message))

    def turn(self, number: int) -> Turn:
        """Take turn `number`, which may lie past the last one."""
        turns = [turn for raw in self.turns for turn in [Turn.of(raw)] * Turn.of(raw).times]
        if number < len(turns) or (turns and self.after == "loop"):
            return turns[number % len(turns)]
        if turns and self.after == "repeat":
            return turns[-1]
        return refusal(f"scenario {self.name or self.match!r} has no turn {number}")


Script = Sequence[Scenario | TurnLike]


def as_scenarios(script: Script) -> list[Scenario]:
    """Take a list of scenarios or, as one scenario, a list of turns."""
    read = [Scenario(**s) if isinstance(s, Mapping) and "turns" in s else s for s in script]
    scenarios = [entry for entry in read if isinstance(entry, Scenario)]
    turns = [entry for entry in read if not isinstance(entry, Scenario)]
    if scenarios and turns:
        raise ValueError("a script is a list of scenarios or of turns, not of both")
    return scenarios or [Scenario(turns)]


def refusal(reason: str) -> Turn:
    """Make a mistake in the script visible; neither Codex nor the SDK repeats after a 400."""
    return Turn(http_error={"status": 400, "message": f"scripted model: {reason}"})


# ---------------------------------------------------------------- what a client has sent


class Entry(NamedTuple):
    """One piece of a conversation."""

    role: str
    text: str


# Codex sends these as user messages, though no user has written them.
INJECTED = re.compile(
    r"\s*(# AGENTS\.md instructions|<(environment_context|user_instructions|skill|turn_aborted"
    r"|subagent_notification|hook_prompt)\b)",
)
TEXT_KEYS = ["name", "content", "text", "summary", "tool_calls", "function", "arguments"]
TEXT_KEYS += ["input", "output"]


@dataclass(frozen=True)
class Request:
    """One model call, and which turn of which scenario answered it."""

    path: str
    headers: Mapping[str, str]
    body: JsonObject
    scenario: str = ""
    turn: int = -1

    @property
    def api(self) -> str:
        """Either chat or responses."""
        return "chat" if self.path.endswith("/chat/completions") else "responses"

    @property
    def developer_text(self) -> str:
        """All instructions."""
        return "\n".join(entry.text for entry in self.transcript if entry.role == "developer")

    @property
    def user_text(self) -> str:
        """All user messages, with what Codex has put among them."""
        roles = ("user", "injected")
        return "\n".join(entry.text for entry in self.transcript if entry.role in roles)

    @property
    def all_text(self) -> str:
        """Everything the model gets to read, except the tools."""
        return "\n".join(entry.text for entry in self.transcript)

    @property
    def last_user(self) -> str:
        """The newest message that a user has written."""
        return next((e.text for e in reversed(self.transcript) if e.role == "user"), "")

    @property
    def tool_outputs(self) -> list[str]:
        """What the tools have answered."""
        return [entry.text for entry in self.transcript if entry.role == "tool"]

    @property
    def conversation(self) -> str:
        """What the calls of a conversation have in common; chat has no id but its first words."""
        opening = next((entry.text for entry in self.transcript if entry.role == "user"), "")
        return self.headers.get("thread-id") or self.body.get("prompt_cache_key") or opening

    @cached_property
    def transcript(self) -> list[Entry]:
        """The conversation, in a form common to both APIs."""
        sent: str | list[JsonObject] = self.body.get("input") or self.body.get("messages") or []
        history = [{"role": "user", "content": sent}] if isinstance(sent, str) else sent
        history = [{"role": "developer", "content": self.body.get("instructions")}, *history]
        return [entry for entry in map(read_entry, history) if entry.text]

    @cached_property
    def offered(self) -> dict[str, JsonObject]:
        """The tools by name; in code mode they come as a piece of the history."""
        holders = [self.body]
        holders += [item for item in self.body.get("input", ()) if "tools" in item]
        return {tool["name"]: tool for holder in holders for tool in read_tools(holder)}


def read_entry(item: JsonObject) -> Entry:
    """Tell who wrote a piece of history; calls, outputs and reasoning carry no role."""
    text = read_text(item)
    by_type = "tool" if str(item.get("type")).endswith("_output") else "assistant"
    role = item.get("role", by_type)
    if role == "user" and INJECTED.match(text):
        role = "injected"
    return Entry("developer" if role == "system" else role, text)


def read_text(value: object) -> str:
    """Collect the text of a message, a call or an output, however deep it lies."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        value = [value[key] for key in TEXT_KEYS if key in value]
    return "\n".join(filter(None, map(read_text, value))) if isinstance(value, list) else ""


def read_tools(holder: JsonObject) -> Iterator[JsonObject]:
    """List the tools of a request, those of its namespaces with the namespace's name."""
    for tool in holder.get("tools") or []:
        if tool.get("type") == "namespace":
            yield from ({**inner, "namespace": tool["name"]} for inner in read_tools(tool))
        else:
            yield {"name": tool.get("type"), **tool}


# ---------------------------------------------------------------- the server


class ScriptedModel(ThreadingHTTPServer):
    """The server: a context manager with the requests that it has received."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, script: Script, port: int = 0) -> None:
        """Bind to loopback only, to a free port unless told which."""
        super().__init__(("127.0.0.1", port), Handler)
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._scenarios = as_scenarios(script)
        self._played: Counter[tuple[object, ...]] = Counter()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and let go of the clients that are kept waiting."""
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Report mistakes, but not the clients that leave early."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def choose(self, request: Request) -> Turn:
        """Record the request, and move on in the scenario that it fits."""
        with self._lock:
            scenario = next((s for s in self._scenarios if s.fits(request)), None)
            if scenario is None:
                self.requests.append(request)
                return refusal(f"no scenario fits {request.last_user[:200]!r}")
            place = (id(scenario), *scenario.place(request))
            name, number = scenario.name or scenario.match, self._played[place]
            self.requests.append(dataclasses.replace(request, scenario=name, turn=number))
            self._played[place] += 1
            return scenario.turn(number)


class Dropped(Exception):  # noqa: N818 - nothing is wrong
    """The response ends here, and with it the connection."""


class Handler(BaseHTTPRequestHandler):
    """Plays one turn, then closes the connection so that no thread stays behind."""

    protocol_version = "HTTP/1.1"  # for chunks: without them a cut looks like an end
    server: ScriptedModel

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        """List one model; Codex wants a list of its own kind under the second key."""
        model = {"id": "mock", "object": "model", "created": 0, "owned_by": "scripted"}
        known = self.path.partition("?")[0] == "/v1/models"
        models = {"object": "list", "data": [model], "models": []}
        self._send_json(models if known else NO_ROUTE, 200 if known else 404)

    def do_POST(self) -> None:
        """Answer a model call."""
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0]
        if path not in ("/v1/responses", "/v1/chat/completions"):
            self._send_json(NO_ROUTE, 404)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(path, headers, json.loads(raw))
        try:
            self._play(self.server.choose(request), request)
        except (Dropped, ConnectionError):
            self._drop()

    def _play(self, turn: Turn, request: Request) -> None:
        self._wait(math.inf if turn.hang == "before_headers" else turn.delay)
        if turn.http_error:
            self._send_json(*build_error(turn.http_error))
            return
        try:
            response = build_answer(turn, request)
        except (LookupError, TypeError, ValueError) as error:
            self._play(refusal(f"{error} in {turn.items}"), request)
            return
        if request.body.get("stream"):
            self._stream(turn, response)
        else:
            self._send_json(response, turn=turn)

    def _stream(self, turn: Turn, response: JsonObject) -> None:
        self._start(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        self._wait(math.inf if turn.hang else 0)
        *events, last = build_events(response)
        for event in events[:1] if turn.cut == "before_items" else events:
            self._send_chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n")
        if turn.cut:
            raise Dropped
        self._send_chunk(f"event: {last['type']}\ndata: {json.dumps(last)}\n\n")
        self._send_chunk("")

    def _send_chunk(self, text: str) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text.encode()), text.encode()))

    def _send_json(
        self,
        body: Mapping[str, Any] | str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        turn: Turn = Turn(),
    ) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        fixed = {"content-type": "application/json", "content-length": str(len(data))}
        self._start(status, fixed | dict(headers or {}))
        self._wait(math.inf if turn.hang else 0)
        self.wfile.write(data[: len(data) // 2] if turn.cut else data)

    def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _wait(self, seconds: float) -> None:
        """Let time pass, for as long as there is somebody to wait for."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.server.closing.wait(min(left, 0.05)) or self._client_left():
                raise Dropped

    def _client_left(self) -> bool:
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _drop(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


# ---------------------------------------------------------------- from a turn to the wire

NO_ROUTE = {"error": {"message": "no such route", "type": "invalid_request_error"}}
ERRORS = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-test."),
    403: ("invalid_request_error", "forbidden", "This key may not use this model."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
}
OTHER_ERROR = ("server_error", "server_error", "The server had an error.")
USAGE = {"input_tokens": 100, "cached_tokens": 10, "output_tokens": 20, "reasoning_tokens": 5}


def build_error(raw: int | Mapping[str, Any]) -> tuple[JsonObject | str, int, Mapping[str, str]]:
    """Complete an HTTP error with what OpenAI would say."""
    given: Mapping[str, Any] = {"status": raw} if isinstance(raw, int) else raw
    kind, code, message = ERRORS.get(given["status"], OTHER_ERROR)
    error = {"message": message, "type": kind, "param": None, "code": code}
    error |= {key: given[key] for key in error if key in given}
    return given.get("body", {"error": error}), given["status"], given.get("headers", {})


def build_answer(turn: Turn, request: Request) -> JsonObject:
    """Say what the turn says in the API of the request."""
    output = [build_item(item, request) for item in turn.items]
    head = {"created_at": int(time.time()), "model": request.body.get("model")}
    if request.api == "responses":
        return head | build_response(turn, output)
    if request.body.get("stream"):
        raise ValueError("chat answers are not streamed")
    return head | {"created": head["created_at"]} | build_completion(turn, output)


def build_response(turn: Turn, output: list[JsonObject]) -> JsonObject:
    """Build the Responses API's answer."""
    response: JsonObject = {"id": new_id("resp"), "object": "response", "output": output}
    response |= {"usage": spell_usage(turn.usage, "input", "output")}
    response |= {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}
    if turn.failed:
        return response | {"status": "failed", "error": {"message": "", **turn.failed}}
    if turn.incomplete:
        reason = {"reason": turn.incomplete}
        return response | {"status": "incomplete", "incomplete_details": reason}
    return response | {"status": "completed"}


def build_completion(turn: Turn, output: list[JsonObject]) -> JsonObject:
    """Build the Chat Completions API's answer."""
    texts = [item["content"][0]["text"] for item in output if item["type"] == "message"]
    calls = [chat_call(item) for item in output if item["type"] == "function_call"]
    if len(texts) + len(calls) < len(output) or turn.failed:
        raise ValueError("a chat answer consists of messages and calls")
    message: JsonObject = {"role": "assistant", "content": "\n".join(texts) if texts else None}
    message |= {"tool_calls": calls} if calls else {}
    reason = "length" if turn.incomplete else "tool_calls" if calls else "stop"
    return {
        "id": new_id("chatcmpl"),
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": spell_usage(turn.usage, "prompt", "completion"),
    }


def spell_usage(given: Mapping[str, int], source: str, result: str) -> JsonObject:
    """Count tokens under an API's names for input and output."""
    usage = {**USAGE, **given}
    return {
        f"{source}_tokens": usage["input_tokens"],
        f"{source}_tokens_details": {"cached_tokens": usage["cached_tokens"]},
        f"{result}_tokens": usage["output_tokens"],
        f"{result}_tokens_details": {"reasoning_tokens": usage["reasoning_tokens"]},
        "total_tokens": usage["input_tokens"] + usage["output_tokens"],
    }


def chat_call(item: JsonObject) -> JsonObject:
    """Spell a function call the older way."""
    function = {"name": item["name"], "arguments": item["arguments"]}
    return {"id": item["call_id"], "type": "function", "function": function}


def build_events(response: JsonObject) -> list[JsonObject]:
    """Tell a response as a stream without deltas; the last event says how it ended."""
    begun = response | {"status": "in_progress", "output": [], "usage": None, "error": None}
    events: list[JsonObject] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(response["output"]):
        for step in ("added", "done"):
            event = {"type": f"response.output_item.{step}", "output_index": index, "item": item}
            events.append(event)
    events.append({"type": f"response.{response['status']}", "response": response})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


# ---------------------------------------------------------------- from an item to the wire


def build_item(item: Item, request: Request) -> JsonObject:
    """Build one item of the Responses API's `output`, from which chat's answer is made as well."""
    given = {"message": item} if isinstance(item, str) else item
    built = build_words(given) or build_action(given, request)
    return {"id": new_id("item"), "status": "completed", **built}


def build_words(item: Mapping[str, Any]) -> JsonObject | None:
    """Build what the model says or has found."""
    match item:
        case {"message": text}:
            content = {"type": "output_text", "text": text, "annotations": list[str]()}
            return {"type": "message", "role": "assistant", "content": [content]}
        case {"reasoning": text}:
            summary = {"type": "summary_text", "text": text}
            return {"type": "reasoning", "summary": [summary], "encrypted_content": "c2VjcmV0"}
        case {"web_search": query}:
            action = {"type": "search", "query": query, "queries": [query]}
            return {"type": "web_search_call", "action": action}
        case {"raw": output_item}:
            return dict(output_item)
    return None


def build_action(item: Mapping[str, Any], request: Request) -> JsonObject:
    """Build what the model does, with the tools that this request offers."""
    match item:
        case {"call": name, **rest}:
            return function_call(name, request, **rest)
        case {"shell": command, **options}:
            return function_call("exec_command", request, {"cmd": command, **options})
        case {"plan": steps}:
            plan = [{"step": step, "status": status} for step, status in steps]
            return function_call("update_plan", request, {"plan": plan})
        case {"write_file": path, "content": content}:
            lines = "".join(f"+{line}\n" for line in content.removesuffix("\n").split("\n"))
            return patch(f"*** Begin Patch\n*** Add File: {path}\n{lines}*** End Patch", request)
        case {"patch": text}:
            return patch(text, request)
        case {"js": code}:
            return custom_call("exec", code)
    raise ValueError(f"no item has the fields {sorted(item)}")


def function_call(
    name: str,
    request: Request,
    arguments: Mapping[str, Any] | str = "{}",
    namespace: str | None = None,
) -> JsonObject:
    """Call a function; text goes out as it is. In code mode only a program can call most."""
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    if name not in request.offered and in_code_mode(request):
        path = f"{namespace}__{name}" if namespace else name
        return custom_call("exec", f"text(await tools.{path}({arguments}))")
    call = {"type": "function_call", "call_id": new_id("call"), "name": name}
    namespace = namespace or request.offered.get(name, {}).get("namespace")
    return call | {"arguments": arguments} | ({"namespace": namespace} if namespace else {})


def patch(text: str, request: Request) -> JsonObject:
    """Edit files; models that are offered no tool for it have a command in the shell."""
    if "apply_patch" in request.offered:
        return custom_call("apply_patch", text)
    if in_code_mode(request):
        return custom_call("exec", f"text(await tools.apply_patch({json.dumps(text)}))")
    command = f"apply_patch <<'END_OF_PATCH'\n{text}\nEND_OF_PATCH\n"
    return function_call("exec_command", request, {"cmd": command})


def in_code_mode(request: Request) -> bool:
    """Whether the model acts by writing JavaScript."""
    return bool(request.offered.get("exec", {}).get("type") == "custom")


def custom_call(name: str, text: str) -> JsonObject:
    """Call a tool that takes text instead of JSON."""
    return {"type": "custom_tool_call", "call_id": new_id("call"), "name": name, "input": text}


def new_id(kind: str) -> str:
    """Make an id that is new to resumed threads too, whatever server they spoke to before."""
    return f"{kind}_{uuid.uuid4().hex[:16]}"


def main() -> None:
    """Serve a script from a file."""
    parser = argparse.ArgumentParser(description="Serve scripted model answers on loopback.")
    parser.add_argument("--script", type=Path, required=True, help="a JSON file")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    arguments = parser.parse_args()
    script = json.loads(arguments.script.read_text(encoding="utf-8"))
    with ScriptedModel(script, arguments.port) as model:
        sys.stdout.write(f"{model.base_url}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
