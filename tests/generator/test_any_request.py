"""Whatever a client asks, the server answers: nothing that comes over the wire raises anything but TRex's errors."""

from __future__ import annotations

import json
import random
import struct
import zlib

import pytest

from lab.generator import commands
from tests.generator import fakes, packets

REQUESTS = 4000
FIELDS = [
    "port_id",
    "handler",
    "profile_id",
    "stream_id",
    "stream",
    "mul",
    "duration",
    "force",
    "core_mask",
    "start_at_ts",
    "command",
    "capture_id",
    "pkt_limit",
    "snaplen",
    "limit",
    "mode",
    "tx",
    "rx",
    "filter",
    "endpoint",
    "pgids",
    "session_id",
    "user",
    "key",
    "baseline",
    "attr",
    "enabled",
    "filtered",
    "mask",
    "type",
    "size",
    "dst_mac",
    "src_addr",
    "dst_addr",
    "resolved_mac",
    "vlan",
    "pkts",
    "ipg_usec",
    "ticket_id",
    "username",
    "name",
    "major",
    "minor",
    "api_vers",
    "block",
    "src_ipv6",
    "get_pkt",
    "sched_max_stretch",
    "process_at_cp",
    "is_add",
]
_PACKET = {"binary": "A" * 100, "use_port_dst_mac": True, "use_port_src_mac": False}
WORDS = ["", "_", "*", "x", "fixed", "cyclic", "start", "stop", "fetch", "status", "remove", "queue", "udp", "ip["]
VALUES = [
    *WORDS,
    *(None, True, False, 0, 1, -1, 2, 7, 3.5, 1e300, -1e300, 2**64, 10**400),
    *("10.0.0.1", "02:00:00:00:00:01"),
    *([], [0], [1], [None], ["a"], [{}], [[1]], {}, [_PACKET], [_PACKET | {"binary": "!"}], _PACKET),
    *({"type": "pps", "op": "abs", "value": 1.0}, {"type": "raw", "op": "add", "value": 1}, {"promiscuous": 7}),
    *({"promiscuous": {"enabled": True}}, {"type": "core", "major": 5, "minor": 1}),
]


def any_stream(choose):
    stream = packets.stream(
        mode={"type": choose.choice(["continuous", "single_burst", "multi_burst"]), "total_pkts": 5},
        statistics=choose.choice([None, (1, "stats"), (2, "latency")]),
    )
    for name in choose.sample(sorted(stream), choose.randint(0, 3)):
        stream[name] = choose.choice(VALUES)
    return stream


def any_params(choose, method, handler):
    params = {"api_h": "APIHAPIH", "port_id": 0, "profile_id": "_", "handler": handler}
    params |= {name: choose.choice(VALUES) for name in choose.sample(FIELDS, choose.randint(0, 8))}
    if method == "add_stream" and choose.random() < 0.8:
        params |= {"stream": any_stream(choose), "stream_id": choose.randint(1, 9)}
    if method == "capture":
        params["command"] = choose.choice(["start", "stop", "fetch", "status", "remove"])
    if method in ("start_traffic", "update_traffic") and choose.random() < 0.7:
        multiplier = {"type": choose.choice(["raw", "pps", "bps"]), "op": "abs", "value": 1.0}
        params |= {"mul": multiplier, "duration": -1, "force": True}
    return params


@pytest.mark.parametrize("seed", range(3))
def test_every_request_is_answered(seed, monkeypatch):
    monkeypatch.setattr("lab.generator.packet_socket.link_up", lambda _: True)
    choose, desk = random.Random(seed), fakes.Desk().acquire(0, 1)
    methods = sorted(commands.table(desk.state))
    succeeded = set()
    for number in range(REQUESTS):
        method = choose.choice(methods)
        owner = desk.state.ports[0].owner
        params = any_params(choose, method, owner.handler if owner else "none")
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        answer = json.loads(desk.dispatcher.answer(json.dumps(request).encode()))
        assert answer["id"] == number
        assert ("result" in answer) != ("error" in answer)
        succeeded |= {method} if "result" in answer else set()
        if number % 50 == 0:
            desk.acquire(0)
    assert len(succeeded) > 20


@pytest.mark.parametrize(
    "body", [b"NaN", b'{"id": Infinity}', b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b"", b"\xab\xe8\x5c\xea"]
)
def test_what_is_no_json_is_said_to_be_none(body):
    answer = json.loads(fakes.Desk().dispatcher.answer(body))
    assert answer["error"] == {"code": -32700, "message": "Bad JSON Format"}


@pytest.mark.parametrize("content", [7, "text", None, True, {}, [7], [[]], [{}, {}], {"id": 1, "method": 3}])
def test_what_is_no_request_is_an_invalid_one(content):
    answers = json.loads(fakes.Desk().dispatcher.answer(json.dumps(content).encode()))
    for answer in answers if isinstance(answers, list) else [answers]:
        assert answer["error"]["code"] == -32600


def test_numbers_that_no_float_holds_are_refused():
    desk = fakes.Desk().acquire(0)
    for text in ("1e999", "-1e999", str(10**400)):
        params = f'{{"api_h": "APIHAPIH", "port_id": 0, "handler": "{desk.handlers[0]}", "duration": {text}}}'
        request = f'{{"jsonrpc": "2.0", "id": 1, "method": "start_traffic", "params": {params}}}'
        assert json.loads(desk.dispatcher.answer(request.encode()))["error"]["code"] == -32602


def test_a_small_message_does_not_fill_the_memory():
    bomb = zlib.compress(bytes(200 << 20), 9)
    answer = json.loads(fakes.Desk().dispatcher.answer(struct.pack(">II", 0xABE85CEA, 200 << 20) + bomb))
    assert answer["error"]["code"] == -32700
