from __future__ import annotations

import json
import struct
import zlib

import pytest

from lab.generator import framing


def test_plain_json_is_left_alone():
    assert framing.unpack(b'{"a":1}') == framing.Message(b'{"a":1}', compressed=False)


def test_the_envelope_has_magic_length_and_zlib():
    packed = framing.pack(framing.Message(b"x" * 300, compressed=True))
    assert struct.unpack_from(">II", packed) == (0xABE85CEA, 300)
    assert zlib.decompress(packed[8:]) == b"x" * 300


def test_what_is_packed_unpacks_to_the_same():
    for message in (framing.Message(b"[1,2]", compressed=True), framing.Message(b"[1,2]", compressed=False)):
        assert framing.unpack(framing.pack(message)) == message


def test_a_wrong_length_is_overlooked_as_trex_overlooks_it():
    packed = struct.pack(">II", 0xABE85CEA, 9999) + zlib.compress(b"{}")
    assert framing.unpack(packed).body == b"{}"


def test_a_body_that_is_not_zlib_is_an_error():
    with pytest.raises(framing.FramingError, match="not zlib"):
        framing.unpack(struct.pack(">II", 0xABE85CEA, 3) + b"abc")


@pytest.mark.parametrize("data", [b"", b"\xab\xe8", b"\xab\xe8\x5c\xea"])
def test_too_short_for_a_header_is_plain(data):
    assert framing.unpack(data) == framing.Message(data, compressed=False)


def test_json_has_sorted_keys_and_ends_with_a_newline():
    text = framing.to_json({"b": 1, "a": [True, None]})
    assert text == b'{"a":[true,null],"b":1}\n'
    assert json.loads(text) == {"b": 1, "a": [True, None]}
