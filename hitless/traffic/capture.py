"""One packet capture on the TRex server, fetched while it runs."""

from __future__ import annotations

import contextlib
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hitless.traffic.errors import TrafficError
from hitless.traffic.rpc import Rpc

PROBE_FILTER = "udp and ip[4:2] = 0xffff"
"""TRex writes the IP id 0xffff into every latency packet, which is what our probes are."""
CAPTURE_LIMIT_PACKETS = 200_000
"""How many packets may wait on the server. At 5000 pps they fill it in 40 s without a fetch."""
FETCH_PACKETS = 250
"""Per call. A server may give fewer; more would make answers so long that the next sample comes late."""


@dataclass(slots=True)
class Packets:
    """Packets in order of reception, whole, with the generator's uptime."""

    data: list[bytes] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Accounting:
    """What became of the packets that a capture saw; all is well when the three counts are equal.

    Attributes:
        capture_id: the server's number of the capture.
        port: the receiving port.
        matched: packets that the filter let through.
        stored: those of them that were stored, not dropped because the limit was reached.
        fetched: those of them that arrived here.
    """

    capture_id: int
    port: int
    matched: int
    stored: int
    fetched: int

    def as_plain(self) -> dict[str, int]:
        """Return plain data."""
        return asdict(self)


class Capture:
    """A capture of what one port receives, from its start on the server to its removal."""

    def __init__(
        self, rpc: Rpc, port: int, bpf: str = PROBE_FILTER, limit_packets: int = CAPTURE_LIMIT_PACKETS
    ) -> None:
        """Start it.

        Raises:
            TrafficError: the server refuses; it allows ten captures at a time.
        """
        self._rpc = rpc
        self._port = port
        started = rpc.call("capture", command="start", limit=limit_packets, mode="fixed", tx=[], rx=[port], filter=bpf)
        self._id = int(started["capture_id"])
        self._removed = False
        self._fetched = 0
        self._waiting = 0
        self._matched = 0

    def fetch(self, most_calls: int) -> Packets:
        """Return packets that wait on the server, oldest first.

        Args:
            most_calls: stop after so many round trips even if more are waiting.

        Raises:
            TrafficError: the server does not answer.
        """
        packets = Packets()
        for _ in range(most_calls):
            answer = self._rpc.call("capture", command="fetch", capture_id=self._id, pkt_limit=FETCH_PACKETS, snaplen=0)
            batch = answer["pkts"]
            packets.data += [b64decode(packet["binary"]) for packet in batch]
            packets.times_ns += [round(packet["ts"] * 1e9) for packet in batch]
            self._fetched += len(batch)
            if not answer["pending"] or not batch:
                break
        return packets

    def finish(self) -> Packets:
        """Stop the capture, return all that is left in it, remove it.

        Raises:
            TrafficError: the server does not answer.
        """
        self._rpc.call("capture", command="stop", capture_id=self._id)
        status = self._status()
        self._matched, self._waiting = int(status["matched"]), int(status["count"])
        packets = self.fetch(most_calls=self._waiting + 1)
        self._waiting -= len(packets)
        self._rpc.call("capture", command="remove", capture_id=self._id)
        self._removed = True
        return packets

    def abandon(self) -> None:
        """Remove the capture if that is still possible; never raise."""
        if not self._removed:
            self._removed = True
            with contextlib.suppress(TrafficError):
                self._rpc.call("capture", command="remove", capture_id=self._id)

    def accounting(self) -> Accounting:
        """Return the counts; before ``finish`` only those packets are known that were fetched."""
        stored = self._fetched + self._waiting
        return Accounting(self._id, self._port, max(self._matched, stored), stored, self._fetched)

    def _status(self) -> dict[str, Any]:
        for status in self._rpc.call("capture", command="status"):
            if status["id"] == self._id:
                return dict(status)
        raise TrafficError(f"TRex capture {self._id}", "gone from the server before it was fetched completely")


def remove_leftovers(rpc: Rpc, ports: Sequence[int], bpf: str = PROBE_FILTER) -> int:
    """Remove captures that an earlier run left on our ports; return how many. Those of other users stay.

    Raises:
        TrafficError: the server does not answer.
    """
    our_ports = sum(1 << port for port in ports)
    leftovers = [
        status["id"]
        for status in rpc.call("capture", command="status")
        if status["filter"]["bpf"] == bpf and not status["filter"]["rx"] & ~our_ports
    ]
    for capture_id in leftovers:
        rpc.call("capture", command="remove", capture_id=capture_id)
    return len(leftovers)
