"""JSON lines over a pipe."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from hitless.traffic.client import _DEADLINES_S
from hitless.traffic.commands import CommandServer
from hitless.traffic.errors import TrafficError
from hitless.traffic.protocol import COMMANDS, LineReader, encode


class Pipe:
    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        self.reader = LineReader(self.read_fd)

    def write(self, data: bytes) -> None:
        os.write(self.write_fd, data)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.read_fd)
    if pipe.write_fd >= 0:
        os.close(pipe.write_fd)


def test_a_message_is_one_line_whatever_is_in_it(pipe):
    message = {"id": 1, "text": "two\nlines", "number": 1.5, "umlaut": "ü"}
    assert encode(message).count(b"\n") == 1
    pipe.write(encode(message))
    assert pipe.reader.read(1) == message


def test_several_messages_in_one_piece_come_one_by_one(pipe):
    pipe.write(encode({"id": 1}) + encode({"id": 2}))
    assert pipe.reader.read(0) == {"id": 1}
    assert pipe.reader.read(0) == {"id": 2}
    assert pipe.reader.read(0) is None
    assert not pipe.reader.ended


def test_half_a_message_waits_for_the_other_half(pipe):
    whole = encode({"id": 1, "text": "x" * 1000})
    pipe.write(whole[:500])
    assert pipe.reader.read(0) is None
    pipe.write(whole[500:])
    assert pipe.reader.read(0) == {"id": 1, "text": "x" * 1000}


def test_the_time_is_up_however_slowly_bytes_drip_in(pipe):
    times = iter([0.0, 0.0, 9.99, 11.0])
    reader = LineReader(pipe.read_fd, clock=lambda: next(times))
    pipe.write(b"{")
    assert reader.read(10) is None


def test_the_end_is_told_from_silence(pipe):
    pipe.write(encode({"id": 1}))
    os.close(pipe.write_fd)
    pipe.write_fd = -1
    assert pipe.reader.read(0) == {"id": 1}
    assert not pipe.reader.ended
    assert pipe.reader.read(0) is None
    assert pipe.reader.ended


@pytest.mark.parametrize("line", [b"no json\n", b"[1]\n", b"\xff\n", b"\n"])
def test_what_is_no_message_is_an_error(pipe, line):
    pipe.write(line)
    with pytest.raises(ValueError, match=r".+"):
        pipe.reader.read(0)


def test_there_are_at_most_ten_commands_and_each_is_carried_out(pipe):
    assert len(COMMANDS) == len(set(COMMANDS)) <= 10
    assert set(CommandServer(pipe.reader, pipe.write_fd)._commands) == set(COMMANDS) == set(_DEADLINES_S)


def test_an_error_survives_the_way_between_the_processes():
    error = TrafficError("port 0", "is taken - Expected: free", "worker log x.log")
    again = TrafficError.from_plain(json.loads(json.dumps(error.as_plain())), look_at="elsewhere")
    assert str(again) == str(error) == "port 0 - is taken - Expected: free - worker log x.log"
    assert TrafficError.from_plain({"subject": "a", "problem": "b", "look_at": ""}, "c").look_at == "c"
    assert str(TrafficError("a", "b")) == "a - b"
