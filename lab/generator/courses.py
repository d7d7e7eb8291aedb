"""When a stream sends: bursts, gaps, and which stream follows it."""

from __future__ import annotations

from dataclasses import dataclass

from lab.generator import arguments
from lab.generator.arguments import Fields
from lab.generator.bounded import LARGEST_32, duration_or_rate, up_to
from lab.generator.jsonrpc import bad_parameters, execute_error

NO_STREAM = -1


@dataclass(frozen=True)
class Course:
    """What a stream does between its start and its end.

    Attributes:
        stream_id: The stream.
        burst_packets: Packets of a burst, None for one that never ends.
        bursts: Number of bursts, 0 for ever.
        burst_gap_ns: From the last packet of a burst to the first of the next one.
        next_id: The stream that begins when this one ends, or `NO_STREAM`.
        loops: How often this one may end; the last time it starts no other. 0 for ever.
        starts: Whether it begins when traffic starts, or when another stream ends.
        silent: It takes its time, but sends nothing (TRex's dummy streams).
    """

    stream_id: int
    burst_packets: int | None = None
    bursts: int = 1
    burst_gap_ns: float = 0.0
    next_id: int = NO_STREAM
    loops: int = 0
    starts: bool = True
    silent: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is one even row of packets that begins with the traffic and starts nothing."""
        return self.starts and not self.silent and self.next_id < 0 and (self.burst_packets is None or self.bursts == 1)

    @property
    def total(self) -> int | None:
        """Packets from its beginning to its end, None for no end."""
        return self.burst_packets * self.bursts if self.burst_packets and self.bursts else None


@dataclass(frozen=True)
class Mode:
    """The `mode` of a stream without its rate.

    Attributes:
        burst_packets: Packets of a burst, None for a continuous stream.
        bursts: Number of bursts, 0 for ever.
        burst_gap_us: Time between bursts.
    """

    burst_packets: int | None
    bursts: int = 1
    burst_gap_us: float = 0.0


def parse_mode(fields: Fields) -> Mode:
    """Reads the `mode` of a stream.

    Raises:
        RpcError: It is unknown, or a burst is empty.
    """
    kind = arguments.text(fields, "type")
    if kind == "continuous":
        return Mode(None)
    if kind == "single_burst":
        return Mode(_burst(fields, kind, "total_pkts"))
    if kind == "multi_burst":
        gap_us = duration_or_rate(fields, "ibg")
        bursts = up_to(LARGEST_32, fields, "count")
        return Mode(_burst(fields, kind, "pkts_per_burst"), bursts, gap_us)
    raise execute_error(f"bad stream type provided: '{kind}'")


def _burst(fields: Fields, kind: str, name: str) -> int:
    packets = up_to(LARGEST_32, fields, name)
    if packets == 0:
        raise bad_parameters(f"{kind}: '{name}' cannot be zero.")
    return packets
