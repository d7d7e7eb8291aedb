"""From captured packets to probes: group, number in the stream, user, session, send time.

The generator writes into the last 16 payload bytes of each probe: magic (u8), flow sequence (u8), hardware id (u16),
sequence (u32), send time in ticks (u64), little endian. The sequence starts anywhere (a real TRex starts at 2^32 - 2)
and wraps; where a stream's number 0 lies is found from the headers, which carry the number's low bits.

The flow sequence is another one each time a stream is started, so that a late probe of an earlier run, which has a
number of this one, cannot stand in for one that was lost. Like TRex's own receiver we leave such probes out.

Captures are large: packets come in pieces, of which a few bytes each are kept, and everything is computed in pieces
that fit into a core's cache.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int16Array, Int32Array, Int64Array, TrafficGroup
from hitless.recording.headers import Headers, big_endian, little_endian, only, udp_packets
from hitless.recording.pcap import PacketBlock
from hitless.sessions import HeaderFields, Layout, of_group

LATENCY_HEADER_BYTES = 16
LATENCY_MAGIC = 0xAB
_SEQUENCE_MODULUS = 1 << 32
_PIECE = 1 << 15
_NOBODY = 0


@dataclass(frozen=True, slots=True)
class DecodedProbes:
    """Probes that could be decoded, in order of reception; one row per probe.

    Attributes:
        rows: which of the candidates they are; of ``decode_probes``: row of the packet in its block.
        sent_ticks: send time on the generator's tick counter.
        unidentified_count: packets that look like probes and are not among the rows.
        earlier_count: further ones that are of another run of their stream.
    """

    rows: Int64Array
    pg_id: Int32Array
    number: Int64Array
    user: Int64Array
    session: Int64Array
    index: Int16Array
    sent_ticks: Int64Array
    unidentified_count: int
    earlier_count: int


def decode_probes(block: PacketBlock, groups: Sequence[TrafficGroup]) -> DecodedProbes:
    """Decode all probes of the probe groups."""
    decoder = ProbeDecoder(groups, len(block))
    candidates = decoder.add(block)
    decoded = decoder.finish()
    return replace(decoded, rows=candidates[decoded.rows])


def candidate_rows(headers: Headers) -> NDArray[np.bool_]:
    """Tell which UDP packets are long enough for an index byte and a latency header."""
    return headers.payload_end - headers.payload_start > LATENCY_HEADER_BYTES


class ProbeDecoder:
    """Decodes packets piece by piece; what only all of them together say is settled at the end.

    A *candidate* is a UDP packet that is long enough for a latency header.
    """

    def __init__(self, groups: Sequence[TrafficGroup], capacity: int) -> None:
        """Make room; memory is used as candidates come.

        Args:
            groups: traffic groups; only those of probes matter.
            capacity: no more candidates than that will come.

        Raises:
            LayoutError: a group's layout is damaged.
        """
        self._groups = [(group, Layout.from_data(group.layout)) for group in groups if group.kind == "probe"]
        self._count = 0
        directions = {group.direction for group, _ in self._groups}
        self._address = {direction: np.empty(capacity, np.uint32) for direction in directions}
        self._port = {direction: np.empty(capacity, np.uint16) for direction in directions}
        self._index = np.empty(capacity, np.uint8)
        self._magic = np.empty(capacity, np.bool_)
        self._run = np.empty(capacity, np.uint32)
        self._sequence = np.empty(capacity, np.uint32)
        self._ticks = np.empty(capacity, np.int64)

    def add(self, block: PacketBlock) -> Int64Array:
        """Take the candidates of some more packets; return their rows in the block."""
        headers = udp_packets(block)
        keep = candidate_rows(headers)
        headers = Headers(*only(keep, headers.rows, headers.ip_start, headers.payload_start, headers.payload_end))
        rows, tail = headers.rows, headers.payload_end - LATENCY_HEADER_BYTES
        here = slice(self._count, self._count + len(rows))
        for direction, address in self._address.items():
            # Up: the user is the source. Down: the user is the destination.
            address_at, port_at = (12, -8) if direction == "up" else (16, -6)
            address[here] = big_endian(block, rows, headers.ip_start + address_at, 4)
            self._port[direction][here] = big_endian(block, rows, headers.payload_start + port_at, 2)
        self._index[here] = big_endian(block, rows, headers.payload_start, 1)
        head = little_endian(block, rows, tail, 4)
        self._magic[here] = head & 0xFF == LATENCY_MAGIC
        self._run[here] = head >> 8  # flow sequence and hardware id
        self._sequence[here] = little_endian(block, rows, tail + 4, 4)
        self._ticks[here] = little_endian(block, rows, tail + 8, 8).view(np.int64)
        self._count += len(rows)
        return rows

    def finish(self) -> DecodedProbes:
        """Return what has been decoded; nothing can be added any more."""
        found = _Found.empty(self._count, self._magic[: self._count].copy())
        for place, (group, layout) in enumerate(self._groups, start=1):
            expected, most_frequent = self._claim(place, group, layout, found, None)
            while expected != most_frequent:
                expected, most_frequent = self._claim(place, group, layout, found, most_frequent)
        return self._collect(found)

    def _pieces(self) -> Iterator[slice]:
        return (slice(start, min(start + _PIECE, self._count)) for start in range(0, self._count, _PIECE))

    def _claim(
        self, place: int, group: TrafficGroup, layout: Layout, found: _Found, expected: int | None
    ) -> tuple[int | None, int | None]:
        """Let a group claim its candidates that are neither damaged nor foreign.

        Sequence minus number is the same for all packets of a stream, and so is the run, so their most frequent values,
        seen through the headers, are the true ones; packets that say otherwise are none of it. Those that differ in the
        run alone are of an earlier one. The first sound packet received fixes
        the high bits: fewer than ``2 ** header_bits`` packets can have been lost before it.

        Args:
            place: number of the group.
            group: who it is.
            layout: of the group.
            found: what is claimed already, and where to put what is found here; an earlier try is undone.
            expected: which sequence, modulo ``2 ** header_bits``, the stream's number 0 has, below the number of the
                run; None takes it to be what most of the first packets say.

        Returns:
            What was expected, and what most of all packets say; if these differ, it has to be tried again.
        """
        starts: Counter[int] = Counter()
        first: tuple[int, int] | None = None
        for piece in self._pieces():
            view = found.part(piece)
            view.owner[view.owner == place] = _NOBODY
            rows, low = self._mine(piece, group, layout, view)
            if len(rows) == 0:
                continue
            sequence = self._sequence[piece][rows].astype(np.int64)
            start = (sequence - low) & ((1 << layout.header_bits) - 1)
            start |= self._run[piece][rows].astype(np.int64) << layout.header_bits
            starts.update(_counted(start))
            expected = _most_frequent(starts) if expected is None else expected
            same = (start ^ expected) & ((1 << layout.header_bits) - 1) == 0
            view.earlier[rows] = same & (start != expected)
            rows, low, sequence = only(start == expected, rows, low, sequence)
            if len(rows) == 0:
                continue
            first = first or (int(low[0]), int(sequence[0]))
            number = first[0] + _signed(sequence - first[1])
            rows, number = only(number >= 0, rows, number)
            view.owner[rows] = place
            view.number[rows] = number
            view.user[rows] = of_group(group.pg_id, layout.user(number))
            view.session[rows] = of_group(group.pg_id, layout.session(number))
        return expected, _most_frequent(starts) if starts else expected

    def _mine(self, piece: slice, group: TrafficGroup, layout: Layout, view: _Found) -> tuple[Int64Array, ...]:
        """Return which rows of a piece can be a group's, and their numbers but for the high bits."""
        address = self._address[group.direction][piece].astype(np.int64)
        owned = layout.owns_address(address) & (view.owner == _NOBODY)
        view.looks[owned] = True
        rows = np.flatnonzero(owned & self._magic[piece])
        port, index = self._port[group.direction][piece][rows], self._index[piece][rows]
        low = layout.low_number(HeaderFields(address[rows], port.astype(np.int64), index.astype(np.int64)))
        return only(low >= 0, rows, low)

    def _collect(self, found: _Found) -> DecodedProbes:
        decoded = found.owner != _NOBODY
        names = np.asarray([0, *(group.pg_id for group, _ in self._groups)], np.int32)
        owner, number, user, session = only(decoded, found.owner, found.number, found.user, found.session)
        index, ticks = only(decoded, self._index[: self._count], self._ticks[: self._count])
        return DecodedProbes(
            rows=np.flatnonzero(decoded),
            pg_id=names[owner],
            number=number,
            user=user,
            session=session,
            index=index.astype(np.int16),
            sent_ticks=ticks,
            unidentified_count=int(np.count_nonzero(found.looks & ~decoded & ~found.earlier)),
            earlier_count=int(np.count_nonzero(found.earlier & ~decoded)),
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """What is found about each candidate.

    Attributes:
        owner: group by its place, counted from 1, or nobody.
        looks: whether it looks like a probe.
        earlier: whether it is of another run of its stream.
    """

    owner: Int16Array
    looks: NDArray[np.bool_]
    earlier: NDArray[np.bool_]
    number: Int64Array
    user: Int64Array
    session: Int64Array

    @classmethod
    def empty(cls, count: int, looks: NDArray[np.bool_]) -> _Found:
        """Return room for so many candidates of which nothing is known but that some look like probes."""
        numbers = (np.zeros(count, np.int64) for _ in range(3))
        return cls(np.full(count, _NOBODY, np.int16), looks, np.zeros(count, np.bool_), *numbers)

    def part(self, piece: slice) -> _Found:
        """Return some of the candidates, without copying."""
        return _Found(*(getattr(self, one.name)[piece] for one in fields(self)))


def _signed(distance: Int64Array) -> Int64Array:
    """Return the shortest way between two sequence numbers, which wrap."""
    distance = distance & (_SEQUENCE_MODULUS - 1)
    return np.where(distance < _SEQUENCE_MODULUS // 2, distance, distance - _SEQUENCE_MODULUS)


def _most_frequent(starts: Counter[int]) -> int:
    most = max(starts.values())
    return min(value for value, count in starts.items() if count == most)


def _counted(values: Int64Array) -> dict[int, int]:
    """Return how often each value is there; nearly always there is only one."""
    if len(values) == 0:
        return {}
    if bool((values == values[0]).all()):
        return {int(values[0]): len(values)}
    different, counts = np.unique(values, return_counts=True)
    return dict(zip(different.tolist(), counts.tolist(), strict=True))
