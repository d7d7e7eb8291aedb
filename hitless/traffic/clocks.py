"""Comparing the generator's two clocks with the tester's: each round trip bounds an offset.

TRex stamps captured packets with seconds since its start, and probe packets with ticks of its time stamp counter. Every
pair says: the generator's clock showed this at some instant between ``asked_ns`` and ``answered_ns``.
"""

from __future__ import annotations

import json
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import zmq

from hitless.traffic.rpc import Rpc

_ZIPPED = 0xABE85CEA
"""TRex compresses a message as: this magic, the raw length, zlib data."""


class ClockLog:
    """The clock pairs of one recording, ``clock.json``."""

    def __init__(self) -> None:
        self.uptime_pairs: list[tuple[int, float, int]] = []
        self.tsc_pairs: list[tuple[int, int, int]] = []
        self.tsc_hz: int | None = None

    def as_plain(self) -> dict[str, Any]:
        """Return the content of ``clock.json``."""
        return {"uptime_pairs": self.uptime_pairs, "tsc_pairs": self.tsc_pairs, "tsc_hz": self.tsc_hz}


class ClockReader:
    """Reads the generator's clocks: uptime by ``ping``, ticks by asking it to publish its statistics now."""

    def __init__(self, rpc: Rpc, server: str, async_port: int, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._rpc = rpc
        self._clock_ns = clock_ns
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.connect(f"tcp://{server}:{async_port}")

    def close(self) -> None:
        """Leave the generator's publications."""
        self._socket.close()
        self._context.term()

    def read_uptime(self, log: ClockLog) -> None:
        """Add one uptime pair.

        Raises:
            TrafficError: the generator does not answer.
        """
        asked_ns = self._clock_ns()
        uptime_s = float(self._rpc.call("ping")["ts"])
        log.uptime_pairs.append((asked_ns, uptime_s, self._clock_ns()))

    def read_ticks(self, log: ClockLog, patience_ms: int = 100) -> bool:
        """Add one tick pair; return False when the generator published nothing within the time.

        It also publishes by itself, twice a second. One such message may be on its way while we ask, and would be older
        than the question. So it is asked twice, and the second message that comes in is taken.

        Raises:
            TrafficError: the generator does not answer.
        """
        self._discard()
        asked_ns = self._clock_ns()
        self._rpc.batch([("publish_now", {"key": key, "baseline": False}) for key in (1, 2)])
        deadline_ns = self._clock_ns() + patience_ms * 1_000_000
        seen = 0
        while (left_ms := (deadline_ns - self._clock_ns()) // 1_000_000) > 0 and self._socket.poll(left_ms):
            stamp = ticks_of(self._socket.recv())
            received_ns = self._clock_ns()
            seen += stamp is not None
            if stamp is not None and seen == 2:
                log.tsc_pairs.append((asked_ns, stamp[0], received_ns))
                log.tsc_hz = log.tsc_hz or stamp[1]
                return True
        return False

    def _discard(self) -> None:
        while self._socket.poll(0):
            self._socket.recv()


def ticks_of(message: bytes) -> tuple[int, int] | None:
    """Return (ticks, ticks per second) from a published message, None if it carries none."""
    try:
        if len(message) > 8 and struct.unpack_from(">I", message)[0] == _ZIPPED:
            message = zlib.decompress(message[8:])
        content: Any = json.loads(message)
        stamp = content["data"]["ts"]
        return int(stamp["value"]), int(stamp["freq"])
    except (ValueError, KeyError, TypeError, zlib.error):
        return None
