"""The envelope of messages on both ZeroMQ ports: plain JSON, or a small header and a zlib body.

Header: big-endian u32 magic, big-endian u32 length of the uncompressed body.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass

MAGIC = 0xABE85CEA
_HEADER = struct.Struct(">II")
# Level 1: answers are short-lived and local, the second core belongs to the system under test.
_LEVEL = 1
# A request of the largest size that the port takes must not unpack into all of the memory.
_LARGEST_BODY = 64 << 20


class FramingError(ValueError):
    """The bytes are no message: broken zlib body, or a magic without a body."""


@dataclass(frozen=True)
class Message:
    """A message without its envelope.

    Attributes:
        body: The JSON text.
        compressed: Whether it came compressed; TRex answers in kind.
    """

    body: bytes
    compressed: bool


def unpack(data: bytes) -> Message:
    """Takes the envelope off.

    The announced length is not checked, because TRex does not check it either.

    Raises:
        FramingError: The body is not zlib, or too large.
    """
    if len(data) < _HEADER.size or _HEADER.unpack_from(data)[0] != MAGIC:
        return Message(data, compressed=False)
    try:
        unpacker = zlib.decompressobj()
        body = unpacker.decompress(data[_HEADER.size :], _LARGEST_BODY)
        if not unpacker.eof:
            raise FramingError(f"message of {len(data)} bytes - body is cut, or larger than {_LARGEST_BODY} bytes")
        return Message(body, compressed=True)
    except zlib.error as error:
        raise FramingError(f"message of {len(data)} bytes - body is not zlib: {error}") from error


def pack(message: Message) -> bytes:
    """Puts the envelope on, where the message asks for one."""
    if not message.compressed:
        return message.body
    return _HEADER.pack(MAGIC, len(message.body)) + zlib.compress(message.body, _LEVEL)


def to_json(value: object) -> bytes:
    """JSON as TRex writes it: sorted keys, no spaces, a newline at the end."""
    return (json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n").encode()
