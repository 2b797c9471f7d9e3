"""Callers' tokens as Bellhop makes them: `bhp_`, 30 random characters, and a checksum."""

import secrets
import string
import zlib

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase


def mint() -> str:
    """A well-formed token that no Bellhop has ever issued."""
    body = "bhp_" + "".join(secrets.choice(DIGITS) for _ in range(30))
    return body + checksum(body)


def checksum(body: str) -> str:
    """CRC-32 in base 62, most significant digit first, six digits."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits


def well_formed(token: str) -> bool:
    return len(token) == 40 and token.startswith("bhp_") and checksum(token[:34]) == token[34:]
