"""Users who each have a token and a provider's key of their own, as many as are wanted, by their numbers.

Tokens and keys follow from the number, so that nobody has to hold a million of them. All of them are fake.
"""

import hashlib
import json
import zlib
from pathlib import Path

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def token(number: int) -> str:
    """A well-formed personal access token: a CRC-32 in base 62 stands at its end."""
    text = "bhp_" + hashlib.sha256(b"token %d" % number).hexdigest()[:30]
    checksum, tail = zlib.crc32(text.encode()), ""
    for _ in range(6):
        checksum, digit = divmod(checksum, 62)
        tail = DIGITS[digit] + tail
    return text + tail


def key(number: int) -> str:
    """The provider's key; the upstream reads the number in it and compares it with the caller's."""
    return f"fake-key-{number:07}-{hashlib.sha256(b'key %d' % number).hexdigest()[:48]}"


def headers(number: int) -> dict[str, str]:
    """What tells the proxy who calls, and the upstream whom it should have been told."""
    return {"Authorization": f"Bearer {token(number)}", "X-Caller": f"{number:07}"}


class People:
    """The users 0 to `count` - 1."""

    def __init__(self, folder: Path, count: int):
        self.count = count
        self._folder = folder / f"people-{count}"
        self._folder.mkdir(exist_ok=True)

    def tokens(self) -> Path:
        """A file with all tokens, a line each: the line's number is the user's."""
        return self._written("tokens", lambda number: token(number))

    def state(self) -> Path:
        """The same people as a state file of Bellhop's."""
        return self._written("state.ndjson", _state_line)

    def nginx_map(self) -> Path:
        """The same people as the inside of an nginx map, from a caller's Authorization to a provider's."""
        return self._written("map", lambda number: f'"Bearer {token(number)}" "Bearer {key(number)}";')

    def _written(self, name: str, line_of) -> Path:
        path = self._folder / name
        if not path.exists():
            with open(path, "w") as file:
                file.writelines(f"{line_of(number)}\n" for number in range(self.count))
        return path


def _state_line(number: int) -> str:
    user = {
        "name": f"user-{number}",
        "tokens": [{"name": "bench", "sha256": hashlib.sha256(token(number).encode()).hexdigest()}],
        "credentials": [{"provider": "bench", "fields": {"api_key": {"value": key(number)}}}],
    }
    return json.dumps(user)
