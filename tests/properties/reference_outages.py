"""Outages and tallies of a stream, one packet after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hitless.history import ProbeRecords
from tests.properties.reference_packets import Packet


@dataclass(frozen=True)
class Gap:
    """A run of packets that did not come back; the ends as the measure has them."""

    first: int
    lost: int
    since_ns: int
    until_ns: int
    kind: str


def transits(probes: ProbeRecords, pg_id: int) -> dict[int, int]:
    """Return by packet number how long the first copy of each was on its way."""
    found: dict[int, int] = {}
    for row in range(len(probes.number)):
        if probes.pg_id[row] == pg_id:
            found.setdefault(int(probes.number[row]), int(probes.received_ns[row]) - int(probes.sent_ns[row]))
    return found


def gaps(probes: ProbeRecords, packets: Sequence[Packet]) -> list[Gap]:
    """Return all runs of lost packets of one stream.

    A run began after the packet before it had been sent; it was over when the one after it passed, which was when it
    was sent, and as much later as it took longer than the fastest packet.
    """
    found = []
    way = transits(probes, packets[0].pg_id) if packets else {}
    number = 0
    while number < len(packets):
        end = number
        while end < len(packets) and not packets[end].received:
            end += 1
        if end > number:
            before, after = number > 0, end < len(packets)
            since_ns = packets[number - 1 if before else number].sent_ns
            until_ns = packets[end - 1].sent_ns
            if after:
                until_ns = packets[end].sent_ns + way[end] - min(way.values())
            kind = {(True, True): "over", (True, False): "open", (False, True): "from-start"}.get((before, after))
            found.append(Gap(number, end - number, since_ns, until_ns, kind or "total"))
        number = end + 1
    return found


@dataclass(frozen=True)
class Tally:
    """What became of a session's packets."""

    sent: int
    lost: int
    duplicates: int
    reordered: int


def tallies(probes: ProbeRecords, packets: Sequence[Packet]) -> dict[int, Tally]:
    """Return by session what became of its packets, going through them in the order of reception."""
    pg_id = packets[0].pg_id
    arrival = [int(one) for one, of in zip(probes.number, probes.pg_id, strict=True) if of == pg_id]
    found = {}
    for name in {packet.name for packet in packets}:
        mine = {packet.number for packet in packets if packet.name == name}
        copies = [number for number in arrival if number in mine]
        first_copies = list(dict.fromkeys(copies))
        late = [place for place, number in enumerate(first_copies) if number < max(first_copies[: place + 1])]
        lost = len(mine) - len(first_copies)
        found[name] = Tally(len(mine), lost, len(copies) - len(first_copies), len(late))
    return found
