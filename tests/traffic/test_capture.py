"""One capture on the server, and what is told of it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hitless.traffic.capture import FETCH_PACKETS, PROBE_FILTER, Capture, remove_leftovers
from hitless.traffic.errors import TrafficError
from tests.traffic.fakes import FakeRpc


class CaptureServer:
    """Just the ``capture`` method, with packets that a test puts in."""

    def __init__(self, most_per_fetch: int = 50) -> None:
        self.most_per_fetch = most_per_fetch
        self.waiting: list[dict[str, Any]] = []
        self.matched = 0
        self.there = {7}
        self.statuses: list[dict[str, Any]] | None = None
        self.rpc = FakeRpc(capture=self.capture)

    def put(self, count: int, dropped: int = 0) -> None:
        for _ in range(count):
            packet = self.matched.to_bytes(4, "big")
            self.waiting.append({"binary": base64.b64encode(packet).decode(), "ts": 5 + self.matched * 1e-3})
            self.matched += 1
        self.matched += dropped

    def capture(self, command: str, **params: Any) -> Any:
        if command == "start":
            return {"capture_id": 7, "start_ts": 1.0}
        if command == "status":
            own = {"id": 7, "matched": self.matched, "count": len(self.waiting)}
            return self.statuses if self.statuses is not None else [{"id": 6, "matched": 1, "count": 1}, own]
        if command == "fetch":
            amount = min(self.most_per_fetch, params["pkt_limit"])
            taken, self.waiting = self.waiting[:amount], self.waiting[amount:]
            return {"pkts": taken, "pending": len(self.waiting), "start_ts": 1.0}
        if command == "remove":
            self.there.discard(params["capture_id"])
            return {}
        return {"pkt_count": len(self.waiting)}


@pytest.fixture
def server() -> CaptureServer:
    return CaptureServer()


def commands(server: CaptureServer) -> list[str]:
    return [params["command"] for _, params in server.rpc.calls]


def test_it_asks_for_probes_on_one_receiving_port(server):
    Capture(server.rpc, 1)
    assert server.rpc.calls == [
        (
            "capture",
            {"command": "start", "limit": 200_000, "mode": "fixed", "tx": [], "rx": [1], "filter": PROBE_FILTER},
        )
    ]


def test_packets_come_whole_in_order_with_uptime(server):
    capture = Capture(server.rpc, 1)
    server.put(3)
    packets = capture.fetch(most_calls=1)
    assert packets.data == [b"\0\0\0\0", b"\0\0\0\1", b"\0\0\0\2"]
    assert packets.times_ns == [5_000_000_000, 5_001_000_000, 5_002_000_000]
    assert len(packets) == 3


@pytest.mark.parametrize(("most_calls", "fetched"), [(1, 50), (2, 100), (9, 120)])
def test_fetching_ends_with_the_packets_or_after_so_many_calls(server, most_calls, fetched):
    capture = Capture(server.rpc, 1)
    server.put(120)
    assert len(capture.fetch(most_calls)) == fetched
    assert len(capture.fetch(9)) == 120 - fetched


def test_nothing_there_is_one_call(server):
    capture = Capture(server.rpc, 1)
    assert len(capture.fetch(9)) == 0
    assert commands(server) == ["start", "fetch"]


def test_it_asks_for_more_than_a_server_may_give(server):
    server.most_per_fetch = 10_000
    capture = Capture(server.rpc, 1)
    server.put(FETCH_PACKETS + 1)
    assert len(capture.fetch(1)) == FETCH_PACKETS


def test_finishing_fetches_everything_and_removes(server):
    capture = Capture(server.rpc, 1)
    server.put(30)
    capture.fetch(1)
    server.put(1234)
    assert len(capture.finish()) == 1234
    assert server.there == set()
    assert capture.accounting().as_plain() == {
        "capture_id": 7,
        "port": 1,
        "matched": 1264,
        "stored": 1264,
        "fetched": 1264,
    }
    assert commands(server)[-1] == "remove"
    capture.abandon()
    assert commands(server).count("remove") == 1


def test_packets_that_were_not_stored_are_told(server):
    capture = Capture(server.rpc, 1)
    server.put(100, dropped=17)
    capture.finish()
    accounting = capture.accounting()
    assert (accounting.matched, accounting.stored, accounting.fetched) == (117, 100, 100)


def test_packets_that_the_server_keeps_back_are_told(server):
    """``count`` said 100, only 60 ever came."""
    capture = Capture(server.rpc, 1)
    server.put(60)
    server.statuses = [{"id": 7, "matched": 100, "count": 100}]
    capture.finish()
    accounting = capture.accounting()
    assert (accounting.matched, accounting.stored, accounting.fetched) == (100, 100, 60)


def test_a_capture_that_somebody_else_removed_is_an_error(server):
    capture = Capture(server.rpc, 1)
    server.statuses = []
    with pytest.raises(TrafficError, match="TRex capture 7 - gone from the server"):
        capture.finish()


def test_an_abandoned_capture_is_removed_even_if_the_server_is_gone(server):
    capture = Capture(server.rpc, 1)

    def gone(**_params: Any) -> Any:
        raise TrafficError("TRex server", "does not answer")

    server.rpc.methods["capture"] = gone
    capture.abandon()
    assert capture.accounting().fetched == 0


def status(number: int, bpf: str, rx: int) -> dict[str, Any]:
    return {"id": number, "filter": {"bpf": bpf, "rx": rx, "tx": 0}, "matched": 0, "count": 0}


def test_leftovers_are_what_has_our_filter_on_our_ports(server):
    server.statuses = [status(1, PROBE_FILTER, 0b10), status(2, "icmp", 0b10), status(3, PROBE_FILTER, 0b1000)]
    server.there = {1, 2, 3}
    assert remove_leftovers(server.rpc, [0, 1]) == 1
    assert server.there == {2, 3}
