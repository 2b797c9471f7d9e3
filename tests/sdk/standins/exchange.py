"""What stand-ins share whose provider gives a token of its own for the stored credential.

The exchange takes the exact credential, once for each call of it, and counts; everything else takes the token that came
of it and nothing else, least of all the credential itself. A test can end tokens, hold the exchange back, or spoil it.
"""

import json
import re
import secrets
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from .core import Answer, Call, StandIn

# What Bellhop gives to callers: personal tokens, and short-lived ones for SDKs that log in.
CALLERS_PREFIXES = (b"bhp_", b"bhs_")
JWT = re.compile(rb"eyJ[\w-]+\.([\w-]+)\.[\w-]*")

# What an exchange may say when it does not do what it should.
HTML = Answer(200, b"<!doctype html><title>Sign in</title>", {"Content-Type": "text/html"})
ERROR_IN_A_200 = Answer(200, {"error": "server_error", "error_description": "fake failure"})
UNAVAILABLE = Answer(503, {"error": "temporarily_unavailable"})


@dataclass(frozen=True)
class Issued:
    """A provider's token: whose it is, and until when, in seconds since the epoch."""

    account: str
    expires: int


class Exchanging(StandIn):
    """`accounts` maps each stored secret to its account."""

    credential_header = "authorization"
    credential_word = "Bearer"
    lifetime = 3600  # seconds

    def __init__(self, accounts: dict[str, str]):
        super().__init__(accounts)
        self.exchanges: list[str] = []  # the account of each that succeeded or was spoiled, in order
        self.issued: dict[str, Issued] = {}  # every token there ever was, so that each can be searched for
        self._ended: set[str] = set()
        self._spoiled: Answer | None = None
        self._open = threading.Event()
        self._open.set()

    # What a test may do to it.

    def revoke(self, account: str | None = None):
        """Ends the tokens of an account, or all, before their time."""
        with self.changed:
            self._ended |= {token for token, issued in self.issued.items() if account in (None, issued.account)}

    def spoil(self, answer: Answer | None):
        """Each exchange gets this answer from now on; `None` mends it."""
        self._spoiled = answer

    def hang(self):
        """Exchanges are taken and not answered, until `go_on`."""
        self._open.clear()

    def go_on(self):
        self._open.set()

    def credential(self, account, token):
        """The headers of a request with a token that is new each time."""
        return {self.credential_header: f"{self.credential_word} {self._new_token(account)}"}

    def secrets(self, tokens):
        return [*super().secrets(tokens), *self.issued]

    # What each provider states.

    @classmethod
    def login(cls, account: str, secret: str) -> tuple[str, str]:
        """The path and the body of a POST that exchanges a secret."""
        raise NotImplementedError

    @classmethod
    def login_headers(cls, secret: str) -> dict[str, str]:
        """What goes with that POST beside its body."""
        return {}

    def mint(self, account: str, now: int) -> str:
        """A token that nobody verifies, and that cannot be missed where it should not be."""
        claims = {"sub": f"fakefakefake-{self.provider}-{account}", "iat": now, "exp": now + self.lifetime}
        return jwt({"alg": "RS256", "typ": "JWT", "kid": "fake"}, claims, b"fakefakefake-signature-" + secrets.token_bytes(48))

    def denied(self, text: str) -> Answer:
        """How the exchange refuses a credential."""
        return Answer(401, {"error": "invalid_grant", "error_description": text})

    # What they share.

    def exchanged(self, call: Call, account: str | None, shape: Callable[[str], object]) -> Answer:
        """The answer to an exchange for an account, with the new token in it; `None` is a credential that is not right."""
        if account is None:
            self.complaints.append(f"{call.method} {call.path}: not exactly one right credential")
            return self.denied("Wrong credential")
        call.account = account
        with self.changed:
            self.exchanges.append(account)
            self.changed.notify_all()
        if not self._open.wait(60):
            self.complaints.append("an exchange that hung was never told to go on")
        return self._spoiled or Answer(200, shape(self._new_token(account)))

    def _new_token(self, account: str) -> str:
        now = int(time.time())
        while True:
            token = self.mint(account, now)
            # Random characters may spell a caller's prefix; the search for those knows no chance.
            if not any(prefix in token.lower().encode() for prefix in CALLERS_PREFIXES):
                break
        with self.changed:
            self.issued[token] = Issued(account, now + self.lifetime)
        return token

    def _account(self, call):
        token = self._token(call)
        return self.issued[token].account if token and self._lives(token) else None

    def _token(self, call: Call) -> str | None:
        """The token that came, if there ever was such a one."""
        match [value.split(" ") for value in call.values(self.credential_header)]:
            case [[self.credential_word, token]] if token in self.issued:
                return token
        return None

    def _lives(self, token: str) -> bool:
        return token not in self._ended and time.time() < self.issued[token].expires

    def _answer(self, call):
        token = self._token(call)
        # An ended token is refused without a complaint: nobody but the provider knows that it has ended.
        if token and not self._lives(token) and not list(self._objections(call)):
            return self.refusal(401, "Token has expired")
        return super()._answer(call)

    def _objections(self, call):
        yield from super()._objections(call)
        everything = call.wire + b"\n" + call.body
        seen = everything + b"".join(map(_decoded, JWT.findall(everything)))
        if CALLERS_PREFIXES[1] in seen.lower():
            yield "a token that Bellhop made came through, or a part of one"


def form(call: Call) -> dict[str, str]:
    """A form that has each of its names once."""
    pairs = parse_qsl(call.body.decode(), keep_blank_values=True, strict_parsing=True)
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def jwt(header: dict, claims: dict, signature: bytes) -> str:
    return ".".join([unsigned(header, claims), encoded(signature)])


def unsigned(header: dict, claims: dict) -> str:
    return ".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(part: bytes) -> bytes:
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))
