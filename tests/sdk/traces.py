"""Finds a secret in bytes, whatever coat it wears.

Used in both directions: a stand-in looks for callers' tokens in what reaches it, the harness looks for provider
tokens in what Bellhop lets out.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

PAT_PREFIX = b"bhp_"


def traces(data: bytes, secrets: Iterable[str]) -> list[str]:
    """Names each secret found in `data` and the coat it was found in."""
    layers = list(_peel(data))
    folded = [layer.lower() for layer in layers]
    found = []
    for secret in secrets:
        for coat, needle in _coats(secret.encode()):
            if any(needle in layer for layer in layers):
                found.append(f"{secret[:12]}… as {coat}")
        if any(secret.encode().lower() in layer for layer in folded):
            found.append(f"{secret[:12]}… in plain")
    return found


def digest(secret: str) -> str:
    """What a store may keep of a caller's token, and nobody else may see."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _coats(secret: bytes) -> Iterator[tuple[str, bytes]]:
    for shift in range(3):
        window = _base64_window(secret, shift)
        yield f"base64, alignment {shift}", window
        yield f"base64url, alignment {shift}", window.translate(bytes.maketrans(b"+/", b"-_"))
    yield "hex", secret.hex().encode()
    yield "a list of byte values", ", ".join(map(str, secret)).encode()


def _base64_window(secret: bytes, shift: int) -> bytes:
    """The characters that encode `secret` alone when `shift` unknown bytes stand before it and more may follow."""
    encoded = b64encode(bytes(shift) + secret)
    whole_sextets = (shift + len(secret)) * 8 // 6
    return encoded[-(-shift * 8 // 6) : whole_sextets]


def _peel(data: bytes) -> Iterator[bytes]:
    """`data`, then what it says once each layer of percent-encoding is off."""
    yield data
    while (inner := unquote_to_bytes(data)) != data:
        yield (data := inner)
