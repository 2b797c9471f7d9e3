"""As much of RFC 6455 as a stand-in needs that tells something and then closes."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha1
from typing import BinaryIO

CLOSE, NORMAL = b"\x88\x02", (1000).to_bytes(2, "big")


def accepted(key: str) -> dict[str, str]:
    """The headers that answer a handshake."""
    digest = sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    return {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": b64encode(digest).decode()}


def tell(texts: Iterable[str], reader: BinaryIO, writer: BinaryIO):
    """Sends each text when it comes, then says goodbye and waits for the other side's."""
    for text in texts:
        payload = text.encode()
        length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
        writer.write(b"\x81" + length + payload)
        writer.flush()
    writer.write(CLOSE + NORMAL)
    writer.flush()
    reader.read(1)
