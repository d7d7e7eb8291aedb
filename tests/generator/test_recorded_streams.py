"""Frames held against those that a TRex 3.08 server sent for the same streams.

Between server and capture was a router. What it changes is undone or left out, and nothing else is tolerated:

* destination and source MAC address: the router's and the port's;
* TTL, lowered by one, and the IP checksum by what that changes (RFC 1624).

Packets seen as they left the server (origin TX) have to be equal in every byte.
"""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from lab.generator import frames, streams
from lab.generator.courses import Course
from lab.generator.jsonrpc import RpcError
from lab.generator.lanes import lanes_of
from lab.generator.messages import Start, StreamPlan
from lab.generator.schedule import Timeline
from tests.generator import packets
from tests.generator.fakes import Desk

DATA = Path(__file__).parent.parent / "data" / "trex"
# The recorded server's port 0 and its next hop.
PORT = frames.PortAddresses(bytes.fromhex("020000000010"), bytes.fromhex("020000000d00"))
SECOND = 1_000_000_000


def recorded_field_engine():
    with gzip.open(DATA / "field_engine_packets.json.gz") as file:
        return json.load(file)


def exchanges(name):
    """Every request of a recording with its answer."""
    for line in (DATA / f"{name}.jsonl").read_text().splitlines():
        exchange = json.loads(line)
        asked, answered = exchange.get("request"), exchange.get("answer")
        if isinstance(asked, dict):
            asked, answered = [asked], [answered]
        elif isinstance(answered, dict):
            answered = [answered]
        if isinstance(asked, list) and isinstance(answered, list):
            yield from ((one, answer) for one, answer in zip(asked, answered, strict=False) if isinstance(one, dict))


def recorded_streams(name):
    return [
        (asked["params"]["stream_id"], asked["params"]["stream"])
        for asked, answer in exchanges(name)
        if asked.get("method") == "add_stream" and "result" in answer
    ]


def recorded_packets(name):
    return [
        packet
        for asked, answer in exchanges(name)
        if asked.get("method") == "capture" and asked["params"].get("command") == "fetch" and "result" in answer
        for packet in answer["result"]["pkts"]
    ]


def sent_by(stream, ip_id, first, count):
    """Packets as they leave port 0."""
    template = frames.with_addresses(stream.frame, PORT, stream.flags)
    if ip_id is not None:
        template = frames.with_mark(template, stream.layers.l3_at, ip_id)
    return [frame.tobytes() for frame in stream.program.run(template, first, count)]


def before_the_router(frame):
    """A captured packet as it was before the router, without its MAC addresses."""
    header = bytearray(frame[14:34])
    header[8] += 1
    header[10:12] = bytes(2)
    header[10:12] = packets.checksum(bytes(header)).to_bytes(2)
    assert packets.checksum(frame[14:34]) == 0
    return bytes(header) + frame[34:]


def test_two_thousand_packets_of_the_field_engine_are_equal():
    recording = recorded_field_engine()
    source = recording["streams"][0]
    stream = streams.parse(source["stream_id"], source["stream"], 1518)
    captured = [base64.b64decode(packet["binary"]) for packet in recording["packets"]]
    assert [packet["index"] for packet in recording["packets"]] == list(range(1, 2001))
    ip_id = int.from_bytes(captured[0][18:20])
    assert ip_id == 0xFC02
    made = sent_by(stream, ip_id, 0, 2000)
    assert [frame[14:] for frame in made] == [before_the_router(frame) for frame in captured]


def test_streams_that_the_server_took_are_taken_and_can_be_started():
    recording = recorded_field_engine()
    assert [source["answer"] for source in recording["streams"]] == [{}] * 5
    parsed = [streams.parse(source["stream_id"], source["stream"], 1518) for source in recording["streams"]]
    assert streams.multiplied(parsed, "raw", 1.0) == 1.0
    assert all(len(sent_by(stream, None, 0, 10)) == 10 for stream in parsed)


def test_the_tuple_generator_walks_as_asked():
    """The server took this stream; its packets are not on record: what is held here is TRex's documented order."""
    source = recorded_field_engine()["streams"][2]
    stream = streams.parse(3, source["stream"], 1518)
    made = sent_by(stream, None, 0, 16 * 16 + 1)
    clients = [(frame[26:30], int.from_bytes(frame[34:36])) for frame in made]
    low = source["stream"]["vm"]["instructions"][0]["ip_min"]
    assert clients[:17] == [
        *(((low + number).to_bytes(4), 2000) for number in range(16)),
        (low.to_bytes(4), 2001),
    ]
    assert len(set(clients)) == 256
    assert clients[256] == clients[0]
    assert {packets.checksum(frame[14:34]) for frame in made} == {0}


def test_random_lengths_stay_consistent_packets():
    source = recorded_field_engine()["streams"][3]
    stream = streams.parse(4, source["stream"], 1518)
    made, lengths = stream.program.make(stream.frame, 0, 500)
    stream.program.finish(made)
    assert 60 <= int(lengths.min()) < 70
    assert 245 < int(lengths.max()) <= 252
    for row, length in zip(made, lengths.tolist(), strict=True):
        frame = row[:length].tobytes()
        assert int.from_bytes(frame[16:18]) == length - 14
        assert int.from_bytes(frame[38:40]) == length - 34
        segment = frame[34:] + b"\0" * (length % 2)
        assert packets.checksum(frame[26:34] + b"\0\x11" + (length - 34).to_bytes(2) + segment) == 0


def test_marked_and_plain_packets_leave_as_recorded():
    """Both streams of the recorded capture, as seen when they left the server."""
    sources = {stream_id: streams.parse(stream_id, source, 1518) for stream_id, source in recorded_streams("capture")}
    seen = {packet["binary"] for packet in recorded_packets("capture") if packet["origin"] == "TX"}
    made = [*sent_by(sources[1], 0xFC00, 0, 1), *sent_by(sources[2], None, 0, 1)]
    assert {base64.b64encode(frame).decode() for frame in made} == seen


def test_marked_packets_arrive_as_recorded():
    ((_, source), *_) = recorded_streams("capture")
    (made,) = sent_by(streams.parse(1, source, 1518), 0xFC00, 0, 1)
    arrived = [packet for packet in recorded_packets("capture") if (packet["origin"], packet["port"]) == ("RX", 1)]
    assert len(arrived) > 10
    assert {before_the_router(base64.b64decode(packet["binary"])) for packet in arrived} == {made[14:]}


def test_the_recorded_burst_is_sent_to_its_last_packet():
    ((stream_id, source), *_) = recorded_streams("burst")
    stream = streams.parse(stream_id, source, 1518)
    assert stream.course == Course(1, 5000)
    plan = StreamPlan(stream.frame, stream.program, stream.rate_pps, 0, stream.total, 0, None, scaled=True)
    lanes, chain = lanes_of(Start((0, "_"), 1, (plan,), 0, None))
    timeline, times = Timeline([lane for lane, _ in lanes]), []
    while timeline.plan(len(times) * SECOND // 5000):
        times += timeline.window.times_ns.tolist()
        timeline.position = len(timeline.window.times_ns)
        if lanes[0][0].finished:
            break
    assert chain is None
    assert len(times) == 5000  # what the server counted
    assert times[-1] == 4999 * SECOND // 5000


def test_all_kinds_of_recorded_streams_are_understood():
    found = {source["name"]: streams.parse(number, source, 1518) for number, source in recorded_streams("streams")}
    assert found["burst"].course == Course(3, 5000)
    assert found["multi"].course == Course(4, 10, 3, 1e6)
    assert found["multi"].gap_us == 10.0
    assert found["pct"].rate_pps == pytest.approx(1e8 / (84 * 8))
    assert found["bps"].rate_pps == pytest.approx(1e6 / (64 * 8))
    assert [stream.course.burst_packets for stream in found.values()].count(None) == len(found) - 2


def refusals():
    """Streams that the server refused, with its words; what other streams of the recording cause is left out."""
    for asked, answer in exchanges("errors"):
        if asked.get("method") == "add_stream" and "error" in answer:
            text = answer["error"]["specific_err"]
            if "pg_id" not in text and "already exists" not in text:
                yield asked["params"]["stream"], text


@pytest.mark.parametrize(("source", "text"), list(refusals()))
def test_what_the_server_refused_is_refused_in_its_words(source, text):
    with pytest.raises(RpcError) as refused:
        streams.parse(1, source, 1518)
    # TRex begins some with a byte offset in the JSON text.
    assert refused.value.specific == text.rpartition(" - ")[2]


def test_streams_that_fail_at_the_start_are_taken_first():
    """On record: a write behind the packet's end and a next stream that is not there are accepted by add_stream."""
    desk = Desk().acquire(0)
    accepted = {
        stream_id: source
        for stream_id, source in recorded_streams("errors")
        if source["next_stream_id"] == 777 or source["vm"]["instructions"]
    }
    assert sorted(accepted) == [106, 109]
    start = {"mul": {"type": "raw", "op": "abs", "value": 1.0}, "duration": -1, "force": True}
    for stream_id, words in ((109, "stream id 777 does not exists"), (106, "packet write with packet_offset   5004")):
        desk.call("add_stream", **desk.own(0), stream_id=stream_id, stream=accepted[stream_id])
        assert words in desk.refusal("start_traffic", **desk.own(0), **start)
        desk.call("remove_all_streams", **desk.own(0))
