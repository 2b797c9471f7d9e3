"""Protocol Buffers' wire format, as far as stand-ins need it: messages are maps from field numbers to lists of values."""

from collections.abc import Iterable

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


def read(message: bytes) -> dict[int, list]:
    """Integers stay integers; texts, bytes and messages are bytes, as only who asked knows which they are."""
    fields, at = {}, 0
    while at < len(message):
        tag, at = _varint(message, at)
        match tag & 7:
            case 0:
                value, at = _varint(message, at)
            case 1 | 5 as kind:
                size = 8 if kind == FIXED64 else 4
                value, at = message[at : at + size], at + size
            case 2:
                size, at = _varint(message, at)
                value, at = message[at : at + size], at + size
            case kind:
                raise ValueError(f"wire type {kind}")
        if at > len(message):
            raise ValueError("the message ends early")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def write(fields: Iterable[tuple[int, int | str | bytes]]) -> bytes:
    written = b""
    for number, value in fields:
        if isinstance(value, int):
            written += _written(number << 3 | VARINT) + _written(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            written += _written(number << 3 | LENGTH) + _written(len(data)) + data
    return written


def packed(numbers: Iterable[int]) -> bytes:
    return b"".join(map(_written, numbers))


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number does not end")


def _written(number: int) -> bytes:
    if number < 0x80:
        return bytes([number])
    return bytes([number & 0x7F | 0x80]) + _written(number >> 7)
