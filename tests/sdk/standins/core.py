"""What all stand-ins share: an HTTP server that knows only real provider tokens and remembers every request.

A stand-in refuses, in the provider's own words, whatever is not exactly one right credential in the right place, and
complains about it. A complaint fails the test that caused it: Bellhop has sent something that no provider should see.
"""

import gzip
import json
import re
import ssl
import threading
import traceback
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO
from urllib.parse import parse_qs

from traces import PAT_PREFIX, digest, traces

# A second credential beside the right one is as wrong as a missing one.
CREDENTIAL_HEADERS = {
    "api-key",
    "authentication-token",
    "authorization",
    "cookie",
    "luna-api-key",
    "proxy-authorization",
    "x-api-key",
    "x-auth-token",
    "x-ms-quantum-api-key",
}
# The caller's side of the proxy is none of the provider's business.
PRIVATE_HEADERS = re.compile(r"bellhop-.*|forwarded|x-forwarded-.*|x-real-ip", re.IGNORECASE)


@dataclass
class Call:
    """One request as it came over the wire, and what became of it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    wire: bytes
    account: str | None = None
    status: int = 0

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @cached_property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.target.partition("?")[2]).items()}

    @property
    def json(self):
        return json.loads(self.body)

    def values(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header.lower() == name]


@dataclass
class Answer:
    """A response; a body that is not bytes is sent as JSON."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    # What becomes of the connection after this: it is given what comes in and what goes out.
    goes_on: Callable[[BinaryIO, BinaryIO], None] | None = None

    def encoded(self) -> tuple[bytes, dict[str, str]]:
        if self.body is None:
            return b"", self.headers
        if isinstance(self.body, bytes):
            return self.body, {"Content-Type": "application/octet-stream"} | self.headers
        return json.dumps(self.body).encode(), {"Content-Type": "application/json"} | self.headers


def route(method: str, path: str, *, open_to_all: bool = False):
    """Marks a method as the answer to `method path`; named groups of `path` become its arguments."""

    def mark(handler: Callable):
        handler.route = (method, re.compile(path), open_to_all)
        return handler

    return mark


class StandIn:
    """One provider. `accounts` maps each token that it accepts to the account whose jobs that token sees."""

    provider: str  # the preset's id
    credential_header: str  # in lower case
    credential_word: str | None = None  # what stands before the token in that header, such as `Bearer`
    selectors: set[str] = set()  # other headers that go with a credential; in lower case
    harmless: str | None = None  # what GET answers with 200 to every account; test_standins asks for it

    def __init__(self, accounts: dict[str, str]):
        self.accounts = accounts
        self.forbidden: set[str] = set()  # callers' tokens known to the test, beside everything that begins with bhp_
        self.calls: list[Call] = []
        self.complaints: list[str] = []
        self.changed = threading.Condition()  # guards the provider's state; long polls wait on it
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.authority = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.authority}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def encrypt(self, context: ssl.SSLContext):
        """Speaks TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://{self.authority}"

    # What each provider states.

    @classmethod
    def fields(cls, account: str, token: str) -> dict[str, str]:
        """The fields of a Bellhop credential that holds this account's token; one of them is the token."""
        return {"token": token}

    @classmethod
    def credential(cls, account: str, token: str) -> dict[str, str]:
        """The headers by which a request is this account's."""
        return {cls.credential_header: f"{cls.credential_word} {token}" if cls.credential_word else token}

    def secrets(self, tokens: dict[str, str]) -> list[str]:
        """What may not come out of Bellhop: the accounts' tokens, and more than these if the provider makes any."""
        return list(tokens.values())

    @property
    def upstream(self) -> str | dict[str, str]:
        """What Bellhop's configuration is given as this provider's origin, or as its services' origins."""
        return self.url

    def refusal(self, status: int, text: str) -> Answer:
        """An error as this provider words it."""
        raise NotImplementedError

    # The request's way.

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        try:
            answer = self._answer(call)
        except Exception:
            self.complaints.append(f"{call.method} {call.target} broke the stand-in:\n{traceback.format_exc()}")
            answer = self.refusal(400, "The stand-in could not make sense of this request.")
        call.status = answer.status
        return answer

    def _answer(self, call: Call) -> Answer:
        if objections := list(self._objections(call)):
            self.complaints += [f"{call.method} {call.path}: {objection}" for objection in objections]
            return self.refusal(401, "Invalid token")
        handler, arguments, open_to_all = self._find(call)
        if call.values(self.credential_header):
            call.account = self._account(call)
        if call.account is None and not open_to_all:
            self.complaints.append(f"{call.method} {call.path}: not one right credential in {self.credential_header}")
            return self.refusal(401, "Invalid token")
        if handler is None:
            self.complaints.append(f"{call.method} {call.target}: no such endpoint")
            return self.refusal(404, "No such endpoint")
        return handler(call, **arguments)

    def _objections(self, call: Call) -> Iterable[str]:
        if PAT_PREFIX in call.wire.lower() or PAT_PREFIX in call.body.lower():
            yield "a caller's token came through, or a part of one"
        for trace in traces(call.wire + b"\n" + call.body, [*self.forbidden, *map(digest, self.forbidden)]):
            yield f"a caller's token came through: {trace}"
        for name, _ in call.headers:
            if PRIVATE_HEADERS.fullmatch(name):
                yield f"header {name} came through"
            elif name.lower() in CREDENTIAL_HEADERS - {self.credential_header}:
                yield f"a second credential came through in {name}"
        if call.values("host") != [self.authority]:
            yield f"Host is {call.values('host')}, not {self.authority}"

    def _account(self, call: Call) -> str | None:
        """Whose request this is: the account all of whose headers are there, once each and to the letter."""
        for token, account in self.accounts.items():
            right = dict.fromkeys(self.selectors) | self.credential(account, token)
            if all(call.values(name) == ([] if value is None else [value]) for name, value in right.items()):
                return account
        return None

    def _find(self, call: Call):
        for name in dir(type(self)):
            handler = getattr(type(self), name)
            if rule := getattr(handler, "route", None):
                method, path, open_to_all = rule
                if method == call.method and (found := path.fullmatch(call.path)):
                    return getattr(self, name), found.groupdict(), open_to_all
        return None, {}, False

    def _handler(self):
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 120
            wbufsize = -1  # head and body leave in one segment

            def setup(self):
                super().setup()
                self.rfile = _Tee(self.rfile)

            def _serve(self):
                body = _decoded(self._body(), self.headers.get("Content-Encoding"))
                target = self.requestline.split(" ")[1]  # self.path has lost leading slashes
                call = Call(self.command, target, self.headers.items(), body, self.rfile.take())
                answer = stand_in.answer(call)
                content, headers = answer.encoded()
                self.send_response(call.status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if call.status not in (101, 204):
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)
                if answer.goes_on:
                    self.wfile.flush()
                    self.close_connection = True
                    answer.goes_on(self.rfile, self.wfile)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

            def _body(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                chunks = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():  # trailers
                    pass
                return b"".join(chunks)

            def log_message(self, *_):
                pass

        return Handler


class _Tee:
    """A reader that keeps a copy of every byte read, so that nothing on the wire escapes the search."""

    def __init__(self, reader):
        self._reader = reader
        self._taken = bytearray()

    def read(self, size: int) -> bytes:
        return self._keep(self._reader.read(size))

    def readline(self, limit: int = -1) -> bytes:
        return self._keep(self._reader.readline(limit))

    def take(self) -> bytes:
        taken, self._taken = bytes(self._taken), bytearray()
        return taken

    def close(self):
        self._reader.close()

    @property
    def closed(self) -> bool:
        return self._reader.closed

    def _keep(self, data: bytes) -> bytes:
        self._taken += data
        return data


def _decoded(body: bytes, encoding: str | None) -> bytes:
    match encoding:
        case None | "identity":
            return body
        case "deflate":
            return zlib.decompress(body)
        case "gzip":
            return gzip.decompress(body)
    raise ValueError(f"unexpected Content-Encoding {encoding}")
